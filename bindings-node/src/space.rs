//! The calls on a space that are not hot.

use latchwork::{Clock, Error, Key};
use napi::Env;
use napi_derive::napi;

use crate::clock::{from_milliseconds, milliseconds};
use crate::convert::RawKey;
use crate::environment::Environment;
use crate::query::RawQuery;

/// Opens a space and answers its handle; 0 where that failed.
#[napi(catch_unwind)]
pub(crate) fn open(env: &Env, url: Option<String>, clock: f64) -> napi::Result<f64> {
    let environment = Environment::of(env)?;
    let opened = environment.open(url.as_deref(), environment.manual_clock(clock));
    Ok(environment.answer(opened).unwrap_or_default() as f64)
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

/// Milliseconds until something is due.
#[napi(catch_unwind)]
pub(crate) fn next_deadline(env: &Env, handle: f64) -> napi::Result<f64> {
    let due = Environment::of(env)?.with(handle as u64, |port| port.next_deadline());
    Ok(due.map_or(f64::INFINITY, milliseconds))
}

/// What is held and what waits.
#[napi(catch_unwind)]
pub(crate) fn query(env: &Env, handle: f64, keys: Option<Vec<RawKey>>) -> napi::Result<Option<RawQuery>> {
    let environment = Environment::of(env)?;
    let asked = || -> Result<RawQuery, Error> {
        let keys: Option<Vec<Key>> = keys.map(RawKey::keys).transpose()?;
        environment.with(handle as u64, |port| port.query(keys.as_deref())).map(|query| RawQuery::from(&query))
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
