//! The calls on locks: numbers in and out by the lanes, keys and options by the wire.

use std::time::Duration;

use latchwork::{Answer, Cancelled, Error, Grant, LockSpec};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ports::{self, Handle};
use crate::scratch::{self, Lane, Outcome};
use crate::settle::{self, Waiter};
use crate::wire::{self, Reader};
use crate::{clock, convert, error, owners};

/// In: exclusive keys; unless it is `plain`, shared keys and the label too, and what else it says is in the lanes. Asks for these
/// keys.
#[wasm_bindgen]
pub fn lock(plain: bool) {
    ask(|port| {
        let mut spec = wire::read(|input| spec(input, plain))?;
        let mut deferred = false;
        if !plain {
            spec = limited(port, spec)?;
            if let Some(timeout) = time(Lane::Timeout, "timeout")? {
                spec = spec.timeout(timeout);
            }
            deferred = scratch::get(Lane::Deferred) != 0;
        }
        let waiter = Waiter::named(deferred);
        Ok(match port.lock(&spec, waiter.to_tag())? {
            Answer::Granted(grant) => granted(&grant),
            Answer::Waiting(ticket) => {
                scratch::set_ticket(ticket);
                Outcome::Waiting
            }
        })
    });
}

/// In: as for [`lock`]. Takes the keys now, or answers `Refused`.
#[wasm_bindgen(js_name = tryLock)]
pub fn try_lock(plain: bool) {
    ask(|port| {
        let spec = wire::read(|input| spec(input, plain))?;
        let spec = if plain { spec } else { limited(port, spec)? };
        Ok(port.try_lock(&spec)?.map_or(Outcome::Refused, |grant| granted(&grant)))
    });
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
    match ports::named().confirm(scratch::ticket()) {
        Ok(()) => scratch::set_outcome(Outcome::Granted),
        Err(error) => error::fail(error),
    }
}

/// Asks whether the grant still stands.
#[wasm_bindgen]
pub fn held() {
    let held = ports::named().held(scratch::ticket());
    scratch::set_outcome(if held { Outcome::Granted } else { Outcome::Refused });
}

/// Reports more of what was settled.
#[wasm_bindgen]
pub fn drain() {
    settle::report(&ports::named());
}

/// What is asked for.
fn spec(input: &mut Reader<'_>, plain: bool) -> Result<LockSpec, Error> {
    if plain {
        return Ok(LockSpec::new(convert::raw_keys(input)?));
    }
    let spec = key_sets(input)?;
    Ok(match convert::text(input)? {
        Some(label) => spec.label(label),
        None => spec,
    })
}

/// The exclusive keys, and the shared ones.
pub(crate) fn key_sets(input: &mut Reader<'_>) -> Result<LockSpec, Error> {
    Ok(LockSpec::new(convert::raw_keys(input)?).shared(convert::raw_keys(input)?))
}

fn limited(port: &Handle, mut spec: LockSpec) -> Result<LockSpec, Error> {
    let owner = scratch::double(Lane::Owner);
    // What answers for a handle that is closed is another space.
    if owner != 0.0 && !port.space().is_closed() {
        spec = spec.owner(&owners::find(owner)?);
    }
    if let Some(max_hold) = time(Lane::MaxHold, "maxHold")? {
        spec = spec.max_hold(max_hold);
    }
    Ok(spec)
}

/// The milliseconds in a lane, none for infinity.
fn time(lane: Lane, what: &str) -> Result<Option<Duration>, Error> {
    let milliseconds = scratch::double(lane);
    if milliseconds.is_nan() || milliseconds < 0.0 {
        return Err(Error::invalid(what, "must be a number of milliseconds, not negative"));
    }
    Ok(milliseconds.is_finite().then(|| clock::duration(milliseconds)))
}

pub(crate) fn granted(grant: &Grant) -> Outcome {
    scratch::set_ticket(grant.ticket);
    scratch::set(Lane::Token, grant.token);
    Outcome::Granted
}

/// As [`act`], where nobody looks at what was settled if the answer comes at once. Who asks can end a hold whose time is over;
/// what that settles is reported by the next call that reports, at the latest that of the timer, since the end was due.
fn ask(call: impl FnOnce(&Handle) -> Result<Outcome, Error>) {
    let port = ports::named();
    match call(&port) {
        Ok(outcome @ (Outcome::Granted | Outcome::Refused)) => return scratch::set_outcome(outcome),
        Ok(outcome) => scratch::set_outcome(outcome),
        Err(error) => error::fail(error),
    }
    settle::report(&port);
}

/// Does something with the port that the caller named, and reports how it went and what it settled.
pub(crate) fn act(call: impl FnOnce(&Handle) -> Result<Outcome, Error>) {
    let port = ports::named();
    match call(&port) {
        Ok(outcome) => scratch::set_outcome(outcome),
        Err(error) => error::fail(error),
    }
    settle::report(&port);
}
