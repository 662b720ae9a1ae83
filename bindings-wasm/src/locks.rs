//! The calls on locks: numbers in and out by the lanes, keys and options as arguments.

use js_sys::Array;
use latchwork::{Answer, Cancelled, Error, Grant, LockSpec};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ports::{self, Handle};
use crate::scratch::{self, Lane, Outcome};
use crate::settle::{self, Waiter};
use crate::{clock, convert, error};

/// Asks for one or two keys, exclusive, without options.
#[wasm_bindgen]
pub fn lock(key: &JsValue, second: &JsValue) {
    ask(|| Ok((LockSpec::new(convert::one_or_two(key, second)?), Waiter::named(false))));
}

/// Asks for any set of keys.
#[wasm_bindgen(js_name = lockWith)]
pub fn lock_with(exclusive: &Array, shared: &Array, label: &JsValue, timeout: f64, deferred: f64) {
    ask(|| {
        let spec = spec(exclusive, shared, label)?;
        let spec = if timeout.is_nan() || timeout < 0.0 {
            return Err(Error::invalid("timeout", "must be a number of milliseconds, not negative"));
        } else if timeout.is_finite() {
            spec.timeout(clock::duration(timeout))
        } else {
            spec
        };
        Ok((spec, Waiter::named(deferred != 0.0)))
    });
}

/// Takes one or two keys now, or answers `Refused`.
#[wasm_bindgen(js_name = tryLock)]
pub fn try_lock(key: &JsValue, second: &JsValue) {
    take(|| Ok(LockSpec::new(convert::one_or_two(key, second)?)));
}

/// Takes any set of keys now, or answers `Refused`.
#[wasm_bindgen(js_name = tryLockWith)]
pub fn try_lock_with(exclusive: &Array, shared: &Array, label: &JsValue) {
    take(|| spec(exclusive, shared, label));
}

/// Gives the grant back.
#[wasm_bindgen]
pub fn release() {
    act(|port| {
        port.release(scratch::ticket())?;
        Ok(Outcome::Granted)
    });
}

/// Withdraws a request, or a grant that is not confirmed.
#[wasm_bindgen]
pub fn cancel() {
    act(|port| {
        Ok(match port.cancel(scratch::ticket()) {
            Cancelled::Waiting => Outcome::Waiting,
            Cancelled::GrantGivenOn => Outcome::GivenOn,
            Cancelled::Gone => Outcome::Refused,
        })
    });
}

/// Tells that the caller has seen the grant.
#[wasm_bindgen]
pub fn confirm() {
    match settle::confirm(&ports::named(), scratch::ticket()) {
        Ok(true) => scratch::set_outcome(Outcome::Granted),
        Ok(false) => scratch::set_outcome(Outcome::Refused),
        Err(error) => error::fail(error),
    }
}

/// Reports more of what was settled.
#[wasm_bindgen]
pub fn drain() {
    settle::report(&ports::named());
}

/// What is asked for with these keys and this label.
pub(crate) fn spec(exclusive: &Array, shared: &Array, label: &JsValue) -> Result<LockSpec, Error> {
    let spec = LockSpec::new(convert::raw_keys(exclusive)?).shared(convert::raw_keys(shared)?);
    Ok(match convert::text(label, "label")? {
        Some(label) => spec.label(label),
        None => spec,
    })
}

fn ask(request: impl FnOnce() -> Result<(LockSpec, Waiter), Error>) {
    act(|port| {
        let (spec, waiter) = request()?;
        Ok(match port.lock(&spec, waiter.to_tag())? {
            Answer::Granted(grant) => granted(&grant),
            Answer::Waiting(ticket) => {
                scratch::set_ticket(ticket);
                Outcome::Waiting
            }
        })
    });
}

fn take(request: impl FnOnce() -> Result<LockSpec, Error>) {
    act(|port| Ok(port.try_lock(&request()?)?.map_or(Outcome::Refused, |grant| granted(&grant))));
}

fn granted(grant: &Grant) -> Outcome {
    scratch::set_ticket(grant.ticket);
    scratch::set(Lane::Token, grant.token);
    Outcome::Granted
}

/// Does something with the port that the caller named, and reports how it went and what it settled.
fn act(call: impl FnOnce(&Handle) -> Result<Outcome, Error>) {
    let port = ports::named();
    match call(&port) {
        Ok(outcome) => scratch::set_outcome(outcome),
        Err(error) => error::fail(error),
    }
    settle::report(&port);
}
