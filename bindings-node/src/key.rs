//! Keys taken apart and put together by the core.

use latchwork::{Error, Key, LockSpec};
use napi::Env;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::convert::{KeyValue, RawKey};
use crate::environment::Environment;

/// What a request asks for: each key once, in the order asked.
#[napi(object, object_from_js = false)]
pub(crate) struct KeySet {
    pub keys: Vec<KeyValue>,
    pub shared: Vec<KeyValue>,
}

/// The canonical encoding of a key.
#[napi(catch_unwind)]
pub(crate) fn encode(env: &Env, key: KeyValue) -> napi::Result<Option<Uint8Array>> {
    let encoded = || -> Result<Uint8Array, Error> {
        let key = Key::try_from(key.part()?)?;
        key.check()?;
        Ok(Uint8Array::new(key.as_bytes().to_vec()))
    };
    Ok(Environment::of(env)?.answer(encoded()))
}

/// The key that these canonical bytes mean.
#[napi(catch_unwind)]
pub(crate) fn decode(env: &Env, encoded: &[u8]) -> napi::Result<Option<KeyValue>> {
    let key = Key::from_bytes(encoded).map(|key| KeyValue::from(&key));
    Ok(Environment::of(env)?.answer(key))
}

/// What a request for these keys asks for.
#[napi(catch_unwind)]
pub(crate) fn key_set(env: &Env, exclusive: Vec<RawKey>, shared: Vec<RawKey>) -> napi::Result<Option<KeySet>> {
    let asked = || -> Result<KeySet, Error> {
        let (keys, shared) = LockSpec::new(RawKey::keys(exclusive)?).shared(RawKey::keys(shared)?).key_set();
        let values = |keys: Vec<Key>| keys.iter().map(KeyValue::from).collect();
        Ok(KeySet { keys: values(keys), shared: values(shared) })
    };
    Ok(Environment::of(env)?.answer(asked()))
}
