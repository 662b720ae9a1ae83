//! The calls on a grant that are not hot: giving part of it up, watching it, handing it over.

use std::any::Any;

use latchwork::{Error, Grant, HandedOver, Ticket};
use napi::Env;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::convert::{self, KeyValue, RawKey};
use crate::environment::Environment;
use crate::scratch::{Outcome, TOKEN};

/// A grant that was handed over, as `native.ts` describes it.
#[napi(object, object_from_js = false)]
pub(crate) struct RawHanded {
    pub keys: Vec<KeyValue>,
    pub shared: Vec<KeyValue>,
    /// What the giver sent along, serialised.
    pub payload: Option<Uint8Array>,
}

/// What is sent along with a grant.
type Payload = Box<dyn Any + Send + Sync>;

/// Releases some keys of the grant in the scratch. Settles.
#[napi(catch_unwind)]
pub(crate) fn release_keys(env: &Env, keys: Vec<RawKey>) -> napi::Result<()> {
    on_grant(env, |environment, handle, ticket| {
        let keys = RawKey::keys(keys)?;
        environment.with(handle, |port| port.release_keys(ticket, &keys))
    })?;
    Ok(())
}

/// Makes some keys of the grant in the scratch shared ones. Settles.
#[napi(catch_unwind)]
pub(crate) fn downgrade(env: &Env, keys: Vec<RawKey>) -> napi::Result<()> {
    on_grant(env, |environment, handle, ticket| {
        let keys = RawKey::keys(keys)?;
        environment.with(handle, |port| port.downgrade(ticket, Some(&keys)))
    })?;
    Ok(())
}

/// Asks to be told when the grant in the scratch is lost; `Refused` where there is nothing to lose.
#[napi(catch_unwind)]
pub(crate) fn watch_lost(env: &Env, watch: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    let ticket = environment.ticket();
    let watched = environment.with(environment.handle(), |port| port.watch_lost(ticket, watch as u64));
    environment.scratch.answer(if watched { Outcome::Granted } else { Outcome::Refused });
    Ok(())
}

/// Hands the grant in the scratch over to the owner with this id; `Refused` where it was not delivered. Settles.
#[napi(catch_unwind)]
pub(crate) fn hand_over(env: &Env, to: String, payload: Option<Uint8Array>) -> napi::Result<()> {
    let payload = payload.map(|bytes| Box::new(bytes.to_vec()) as Payload);
    let delivered = on_grant(env, |environment, handle, ticket| {
        environment.with(handle, |port| port.hand_over(ticket, &to, payload))
    })?;
    if delivered == Some(false) {
        Environment::of(env)?.scratch.answer(Outcome::Refused);
    }
    Ok(())
}

/// What the grant in the scratch is, where it resolved a request and was handed over; of its keys those in the sub-space
/// under these prefixes.
#[napi(catch_unwind)]
pub(crate) fn take_handed(env: &Env, within: Option<Vec<RawKey>>) -> napi::Result<Option<RawHanded>> {
    let environment = Environment::of(env)?;
    let grant = Grant { ticket: environment.ticket(), token: environment.scratch.whole(TOKEN), abandoned: false };
    let handed = environment.with(environment.handle(), |port| port.take_handed(grant));
    Ok(handed.map(|handed| RawHanded::new(handed, within)))
}

/// The next grant that was handed over to an owner, as from [`take_handed`]; in the scratch too.
#[napi(catch_unwind)]
pub(crate) fn take_handed_over(
    env: &Env,
    handle: f64,
    owner: f64,
    within: Option<Vec<RawKey>>,
) -> napi::Result<Option<RawHanded>> {
    let environment = Environment::of(env)?;
    let Ok(owner) = environment.owners.find(owner) else { return Ok(None) };
    let handed = environment.with(handle as u64, |port| match port.space().is_closed() {
        false => port.take_handed_over(&owner),
        true => None,
    });
    Ok(handed.map(|handed| {
        environment.tell_grant(&handed.grant);
        if handed.grant.abandoned {
            environment.scratch.answer(Outcome::Abandoned);
        }
        RawHanded::new(handed, within)
    }))
}

/// Asks to be told once when something is handed over to an owner, or it is closed.
#[napi(catch_unwind)]
pub(crate) fn watch_handed_over(env: &Env, handle: f64, owner: f64, watch: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    if let Ok(owner) = environment.owners.find(owner) {
        environment.with(handle as u64, |port| {
            if !port.space().is_closed() {
                port.watch_handed_over(&owner, watch as u64);
            }
        });
    }
    Ok(())
}

/// Takes keys away from whoever holds them; answers how many guards were lost. Settles.
#[napi(catch_unwind)]
pub(crate) fn revoke(env: &Env, handle: f64, keys: Vec<RawKey>) -> napi::Result<u32> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let handle = handle as u64;
    let revoked = RawKey::keys(keys).and_then(|keys| environment.with(handle, |port| port.revoke(&keys)));
    let count = environment.answer(revoked).unwrap_or_default();
    environment.report(env.raw(), handle);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Does something with the grant that the scratch names, and reports what that settled.
fn on_grant<T>(env: &Env, call: impl FnOnce(&Environment, u64, Ticket) -> Result<T, Error>) -> napi::Result<Option<T>> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let (handle, ticket) = (environment.handle(), environment.ticket());
    let result = call(&environment, handle, ticket);
    let answer = environment.answer(result);
    environment.report(env.raw(), handle);
    Ok(answer)
}

impl RawHanded {
    fn new(handed: HandedOver, within: Option<Vec<RawKey>>) -> RawHanded {
        let place = convert::place(within).unwrap_or_default();
        let values = |keys| convert::unwrap(place.as_ref(), keys).iter().map(KeyValue::from).collect();
        let payload = handed.payload.and_then(|payload| payload.downcast::<Vec<u8>>().ok());
        RawHanded {
            keys: values(handed.keys),
            shared: values(handed.shared),
            payload: payload.map(|bytes| Uint8Array::new(*bytes)),
        }
    }
}
