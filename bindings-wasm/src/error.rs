//! Errors of the core, kept until JavaScript takes them.

use std::cell::RefCell;
use std::collections::VecDeque;

use latchwork::{Blocker, CycleStep, Error, ErrorKind, OwnerName, Stale};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::scratch::{self, Outcome};
use crate::wire::{self, Writer};
use crate::{clock, convert};

thread_local! {
    static KEPT: RefCell<VecDeque<Error>> = const { RefCell::new(VecDeque::new()) };
}

/// In: the prefixes of a sub-space. Takes the oldest error that was not taken yet, as that tells it.
#[wasm_bindgen]
pub fn failure() -> usize {
    let error = KEPT.with_borrow_mut(VecDeque::pop_front);
    let error = error.unwrap_or_else(|| Error::invalid("failure", "no call has failed"));
    let error = match wire::read(convert::place) {
        Ok(Some(place)) => place.error(error),
        _ => error,
    };
    wire::write(|out| describe(out, &error))
}

/// The stable code of every kind, for the test that walks them.
#[wasm_bindgen(js_name = errorCodes)]
pub fn error_codes() -> usize {
    wire::write(|out| out.list(ErrorKind::ALL, |out, kind| out.text(kind.code())))
}

/// Ends a call with this error.
pub(crate) fn fail(error: Error) {
    keep(error);
    scratch::set_outcome(Outcome::Failed);
}

/// Keeps an error for [`failure`].
pub(crate) fn keep(error: Error) {
    KEPT.with_borrow_mut(|kept| kept.push_back(error));
}

/// What a call answers: where the value that `write` makes begins, or 0 and an error to take.
pub(crate) fn answer<T>(result: Result<T, Error>, write: impl FnOnce(&mut Writer, T)) -> usize {
    match result {
        Ok(value) => {
            scratch::set_outcome(Outcome::Granted);
            wire::write(|out| write(out, value))
        }
        Err(error) => {
            fail(error);
            0
        }
    }
}

/// Those who stand in the way of a request.
pub(crate) fn blockers(out: &mut Writer, blockers: &[Blocker]) {
    out.list(blockers, |out, blocker| {
        out.object(4);
        convert::key(out.field("key"), &blocker.key);
        owner(out.field("owner"), blocker.owner.as_ref());
        out.field("label").text_or_undefined(blocker.label.as_deref());
        out.field("token").number_or_undefined(blocker.token.map(|token| token as f64));
    });
}

/// The name of an owner, or undefined.
pub(crate) fn owner(out: &mut Writer, name: Option<&OwnerName>) {
    match name {
        Some(name) => {
            out.object(2);
            out.field("id").text(&name.id);
            out.field("label").text_or_undefined(name.label.as_deref());
        }
        None => out.undefined(),
    }
}

fn stale(out: &mut Writer, stale: &Stale) {
    out.object(3);
    convert::key(out.field("key"), &stale.key);
    out.field("expected").number(stale.expected as f64);
    out.field("version").number(stale.version as f64);
}

fn step(out: &mut Writer, step: &CycleStep) {
    out.object(3);
    owner(out.field("owner"), step.owner.as_ref());
    out.field("label").text_or_undefined(step.label.as_deref());
    convert::key(out.field("key"), &step.key);
}

/// The error as an object with its fields; those that its kind does not have are left out.
fn describe(out: &mut Writer, error: &Error) {
    out.object(14);
    out.field("code").text(error.code());
    out.field("message").text(&error.to_string());
    out.field("label").text_or_undefined(error.label());
    out.field("waited").number_or_undefined(error.waited().map(clock::milliseconds));
    out.field("position").number_or_undefined(error.position().map(|position| position as f64));
    out.field("limit").number_or_undefined(error.limit().map(|limit| limit as f64));
    out.field("what").text_or_undefined(error.what());
    out.field("why").text_or_undefined(error.why());
    out.field("token").number_or_undefined(error.token().map(|token| token as f64));
    out.field("attempts").number_or_undefined(error.attempts().map(f64::from));
    let conflicts = out.field("conflicts");
    match error.attempts() {
        Some(_) => conflicts.list(error.conflicts(), stale),
        None => conflicts.undefined(),
    }
    let timed_out = error.kind() == ErrorKind::Timeout;
    let keys = out.field("keys");
    match timed_out || error.kind() == ErrorKind::NotHeld {
        true => convert::keys(keys, error.keys()),
        false => keys.undefined(),
    }
    let cycle = out.field("cycle");
    match error.kind() == ErrorKind::Deadlock {
        true => cycle.list(error.cycle(), step),
        false => cycle.undefined(),
    }
    let blocked_by = out.field("blockedBy");
    match timed_out {
        true => blockers(blocked_by, error.blocked_by()),
        false => blocked_by.undefined(),
    }
}
