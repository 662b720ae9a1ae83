//! Keys taken apart and put together by the core.

use latchwork::{Error, Key, LockSpec};
use napi::Env;
use napi_derive::napi;

use crate::cells::Bytes;
use crate::convert::{self, KeyValue, RawKey};
use crate::environment::Environment;

/// What a request asks for: each key once, in the order asked.
#[napi(object, object_from_js = false)]
pub(crate) struct KeySet {
    pub keys: Vec<KeyValue>,
    pub shared: Vec<KeyValue>,
}

/// The canonical encoding of a key; of one of the sub-space under these prefixes the encoding as a key of its space.
#[napi(catch_unwind)]
pub(crate) fn encode(env: &Env, key: KeyValue, within: Option<Vec<RawKey>>) -> napi::Result<Option<Bytes>> {
    let encoded = || -> Result<Bytes, Error> {
        let mut key = Key::try_from(key.part()?)?;
        if let Some(place) = convert::place(within)? {
            key = place.wrap(&key);
        }
        key.check_or_turn()?;
        Ok(Bytes::from(key.as_bytes()))
    };
    Ok(Environment::of(env)?.answer(encoded()))
}

/// The key that these canonical bytes mean, of the sub-space under these prefixes.
#[napi(catch_unwind)]
pub(crate) fn decode(env: &Env, encoded: &[u8], within: Option<Vec<RawKey>>) -> napi::Result<Option<KeyValue>> {
    let decoded = || -> Result<Option<KeyValue>, Error> {
        let place = convert::place(within)?;
        let keys = convert::unwrap(place.as_ref(), vec![Key::from_bytes(encoded)?]);
        Ok(keys.first().map(KeyValue::from))
    };
    Ok(Environment::of(env)?.answer(decoded()).flatten())
}

/// What a request for these keys asks for, as keys of the sub-space under these prefixes.
#[napi(catch_unwind)]
pub(crate) fn key_set(
    env: &Env,
    exclusive: Vec<RawKey>,
    shared: Vec<RawKey>,
    within: Option<Vec<RawKey>>,
) -> napi::Result<Option<KeySet>> {
    let asked = || -> Result<KeySet, Error> {
        let place = convert::place(within)?;
        let (keys, shared) = LockSpec::new(RawKey::keys(exclusive)?).shared(RawKey::keys(shared)?).key_set();
        let values = |keys| convert::unwrap(place.as_ref(), keys).iter().map(KeyValue::from).collect();
        Ok(KeySet { keys: values(keys), shared: values(shared) })
    };
    Ok(Environment::of(env)?.answer(asked()))
}
