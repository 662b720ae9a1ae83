//! Taking a lock at once, for the Web Locks face.

use napi::Env;
use napi_derive::napi;

use crate::convert::RawKey;
use crate::environment::Environment;

/// Takes a key away from whoever holds it, before everybody who is queued for it. Settles.
#[napi(catch_unwind)]
pub(crate) fn steal(env: &Env, key: RawKey, label: Option<String>) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let handle = environment.handle();
    let stolen = key.key().and_then(|key| environment.with(handle, |port| port.steal(&key, label.as_deref())));
    if let Some(grant) = environment.answer(stolen) {
        environment.tell_grant(&grant);
    }
    environment.report(env.raw(), handle);
    Ok(())
}
