//! The calls on a space that are not hot.

use std::time::Duration;

use latchwork::{Clock, Error, Key, Space};
use napi::Env;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::clock::{from_milliseconds, milliseconds};
use crate::convert::{self, RawKey};
use crate::environment::Environment;
use crate::query::RawQuery;

/// Opens a space and answers its handle; 0 where that failed.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "what JavaScript passes in one call")]
pub(crate) fn open(
    env: &Env,
    url: Option<String>,
    clock: f64,
    max_waiters: f64,
    max_waiters_per_key: f64,
    meta: Option<Uint8Array>,
    codec: String,
    ambient_owner: bool,
) -> napi::Result<f64> {
    let environment = Environment::of(env)?;
    let ambient = if ambient_owner { "on" } else { "off" };
    let mut settings = Space::builder().cells().codec(&codec).host_option("ambient_owner", ambient);
    if max_waiters.is_finite() {
        settings = settings.max_waiters(max_waiters as usize);
    }
    if max_waiters_per_key.is_finite() {
        settings = settings.max_waiters_per_key(max_waiters_per_key as usize);
    }
    if let Some(meta) = meta {
        settings = settings.meta(meta.to_vec());
    }
    let limited = max_waiters.is_finite() || max_waiters_per_key.is_finite();
    let opened = environment.open(url.as_deref(), environment.manual_clock(clock), settings, limited);
    Ok(environment.answer(opened).unwrap_or_default() as f64)
}

/// What its maker said about the space, serialised.
#[napi(catch_unwind)]
pub(crate) fn meta(env: &Env, handle: f64) -> napi::Result<Option<Uint8Array>> {
    let meta = Environment::of(env)?.with(handle as u64, |port| port.space().meta());
    Ok(meta.and_then(|meta| meta.downcast_ref::<Vec<u8>>().map(|bytes| Uint8Array::new(bytes.clone()))))
}

/// The epoch of the space.
#[napi(catch_unwind)]
pub(crate) fn epoch(env: &Env, handle: f64) -> napi::Result<f64> {
    Ok(Environment::of(env)?.with(handle as u64, |port| port.space().epoch()) as f64)
}

/// Closes the handle. Settles.
#[napi(catch_unwind)]
pub(crate) fn close(env: &Env, handle: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    environment.close(env.raw(), handle as u64);
    Ok(())
}

/// Tells what is due. Settles.
#[napi(catch_unwind)]
pub(crate) fn tick(env: &Env, handle: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    environment.with(handle as u64, |port| port.tick());
    environment.report(env.raw(), handle as u64);
    Ok(())
}

/// Milliseconds until something is due that the caller is to tell. What is settled and not reported is due at once.
#[napi(catch_unwind)]
pub(crate) fn next_deadline(env: &Env, handle: f64) -> napi::Result<f64> {
    let environment = Environment::of(env)?;
    if environment.keep_time(handle as u64) {
        return Ok(f64::INFINITY);
    }
    let due = environment.with(handle as u64, |port| match port.has_settled() {
        true => Some(Duration::ZERO),
        false => port.next_deadline(),
    });
    Ok(due.map_or(f64::INFINITY, milliseconds))
}

/// What is held and what waits; of it what is in the sub-space under these prefixes.
#[napi(catch_unwind)]
pub(crate) fn query(
    env: &Env,
    handle: f64,
    keys: Option<Vec<RawKey>>,
    within: Option<Vec<RawKey>>,
) -> napi::Result<Option<RawQuery>> {
    let environment = Environment::of(env)?;
    let asked = || -> Result<RawQuery, Error> {
        let keys: Option<Vec<Key>> = keys.map(RawKey::keys).transpose()?;
        let query = environment.with(handle as u64, |port| port.query(keys.as_deref()))?;
        Ok(RawQuery::from(&match convert::place(within)? {
            Some(place) => place.query(query),
            None => query,
        }))
    };
    Ok(environment.answer(asked()))
}

/// Makes a manual clock, or finds the one of this name, and answers its number.
#[napi(catch_unwind)]
pub(crate) fn manual_clock(env: &Env, name: Option<String>) -> napi::Result<f64> {
    Ok(Environment::of(env)?.add_manual_clock(name))
}

/// What a manual clock shows.
#[napi(catch_unwind)]
pub(crate) fn now(env: &Env, clock: f64) -> napi::Result<f64> {
    let clock = Environment::of(env)?.manual_clock(clock);
    Ok(clock.map_or(0.0, |clock| milliseconds(clock.now())))
}

/// Moves a manual clock on.
#[napi(catch_unwind)]
pub(crate) fn advance(env: &Env, clock: f64, milliseconds: f64) -> napi::Result<()> {
    if let Some(clock) = Environment::of(env)?.manual_clock(clock) {
        clock.advance(from_milliseconds(milliseconds));
    }
    Ok(())
}
