//! The calls of `update` and `transact`: keys and values by the wire, what is next by the lanes, which are those of `CallLane`
//! in `bindings-js/src/native_calls.ts`.

use std::cell::RefCell;
use std::sync::Arc;

use latchwork::{Call, CallSpec, Change, Done, Entry, Error, Expiry, Key, Run, Step};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cells::{self, entries, expiry};
use crate::numbered::Numbered;
use crate::ports::{self, Handle, Value};
use crate::scratch::{self, Lane, Outcome};
use crate::wire::{self, Reader};
use crate::{clock, convert, error, owners, settle};

/// What is next. The script reads these numbers.
const WAIT: u64 = 0;
const RUN: u64 = 1;
const DONE: u64 = 2;
const THREW: u64 = 3;
const FAILED: u64 = 4;

/// How a run ended. The script writes these numbers.
const RETURNED: u32 = 1;
const THROWN: u32 = 2;
const KEEPS: u32 = 3;
const DELETES: u32 = 4;
const SETS: u32 = 5;

/// A call that has not ended.
#[derive(Clone)]
struct Known {
    handle: u64,
    call: Call<Value>,
    /// Of an update: when a cell that it sets expires.
    expiry: Expiry,
    /// What its function was given last; that may have changed its own.
    given: Option<Arc<Value>>,
}

thread_local! {
    static CALLS: RefCell<Numbered<Known>> = const { RefCell::new(Numbered::new()) };
    /// What the last commit is to call.
    static CALLBACKS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// In: a list of one key for an update, of none for a transaction; a label; a guard, or nothing. Begins it: `Changed` with this
/// tag is told when it can go on. A step: the value of the cell, where there is one.
#[wasm_bindgen(js_name = beginCall)]
pub fn begin_call(handle: f64, tag: f64, attempts: f64, timeout: f64, owner: f64, expire_in: f64) -> usize {
    let port = ports::find(handle as u64);
    let spec = limited(&port, attempts, timeout, owner);
    let begun = spec.and_then(|spec| {
        let (keys, spec) = wire::read(|input| asked(input, spec))?;
        match keys.first() {
            Some(key) => port.update(key, &spec, tag as u64),
            None => port.transact(&spec, tag as u64),
        }
    });
    let address = match begun {
        Ok(call) => {
            let step = call.go_on();
            let expiry = expiry(expire_in).unwrap_or(Expiry::Keep);
            let known = Known { handle: port.number, call, expiry, given: None };
            let number = CALLS.with_borrow_mut(|calls| calls.add(known));
            scratch::set_double(Lane::Generation, number);
            take(number, step)
        }
        Err(error) => fail(error),
    };
    settle::report(&port);
    address
}

/// In: a value, where one is set. Tells how a run of a call ended, or that it can go on. A step.
#[wasm_bindgen(js_name = stepOfCall)]
pub fn step_of_call(number: f64, scope: f64, how: u32) -> usize {
    let Some(Known { handle, call, expiry, given }) = find(number) else {
        say(WAIT);
        scratch::set(Lane::Settled, 0);
        return 0;
    };
    let scope = scope as u64;
    let step = match how {
        RETURNED => call.returned(scope),
        THROWN => call.threw(scope),
        KEEPS => call.answer(scope, Change::Keep, expiry),
        DELETES => call.answer(scope, Change::Delete, expiry),
        SETS => match wire::read(|input| Ok(Value::from(wire::bytes(input)?))) {
            Ok(value) => call.answer(scope, Change::Set(value), expiry),
            Err(error) => Step::Failed(error),
        },
        _ => call.go_on(),
    };
    let kept = given.filter(|_| how == KEEPS && matches!(step, Step::Done(_)));
    let address = take(number, step);
    drop(call);
    settle::report(&ports::find(handle));
    match kept {
        Some(value) => wire::write(|out| out.bytes(&value)),
        None => address,
    }
}

/// Gives a call up: nothing commits.
#[wasm_bindgen(js_name = cancelCall)]
pub fn cancel_call(number: f64) {
    let Some(Known { handle, call, .. }) = forget(number) else { return scratch::set(Lane::Settled, 0) };
    call.cancel();
    settle::report(&ports::find(handle));
}

/// What the last commit is to call, in this order.
#[wasm_bindgen(js_name = callbacksOfCommit)]
pub fn callbacks_of_commit() -> usize {
    wire::write(|out| out.list(&CALLBACKS.take(), |out, callback| out.number(*callback as f64)))
}

/// In: a list of keys. These cells at one instant as the transaction sees them, in the order asked.
#[wasm_bindgen(js_name = txGetMany)]
pub fn tx_get_many(number: f64, scope: f64) -> usize {
    let got = operate(number, |call| call.get_many(scope as u64, &wire::read(convert::raw_keys)?));
    error::answer(got, entries)
}

/// In: the keys of a range. Its cells at one instant, in key order. `limit`: infinity for none.
#[wasm_bindgen(js_name = txList)]
pub fn tx_list(number: f64, scope: f64, kind: u32, limit: f64, reverse: bool) -> usize {
    let got = operate(number, |call| {
        let scan = wire::read(|input| cells::scan(input, kind, limit, reverse))?;
        call.list(scope as u64, &scan)
    });
    error::answer(got, entries)
}

/// In: a list of one key, and a value. Sets a cell at the commit.
#[wasm_bindgen(js_name = txSet)]
pub fn tx_set(number: f64, scope: f64, expire_in: f64) {
    tell(operate(number, |call| {
        let (key, value) = wire::read(written)?;
        call.set(scope as u64, &key, value, expiry(expire_in))
    }));
}

/// In: as for `txSet`. Sets a cell that is absent; else `Refused`, and answers the cell that is there.
#[wasm_bindgen(js_name = txInsert)]
pub fn tx_insert(number: f64, scope: f64, expire_in: f64) -> usize {
    let inserted = operate(number, |call| {
        let (key, value) = wire::read(written)?;
        call.insert(scope as u64, &key, value, expiry(expire_in))
    });
    match inserted {
        Ok(Some(there)) => {
            scratch::set_outcome(Outcome::Refused);
            wire::write(|out| entries(out, vec![there]))
        }
        Ok(None) => {
            scratch::set_outcome(Outcome::Granted);
            0
        }
        Err(error) => {
            error::fail(error);
            0
        }
    }
}

/// In: a list of one key. Deletes a cell at the commit.
#[wasm_bindgen(js_name = txDelete)]
pub fn tx_delete(number: f64, scope: f64) {
    tell(operate(number, |call| call.delete(scope as u64, &wire::read(one_key)?)));
}

/// Begins a savepoint, whose body is known by the scope in its lane.
#[wasm_bindgen(js_name = txEnter)]
pub fn tx_enter(number: f64, scope: f64) {
    tell(operate(number, |call| {
        let inner = call.enter(scope as u64)?;
        scratch::set(Lane::Number, inner);
        Ok(())
    }));
}

/// Ends a savepoint.
#[wasm_bindgen(js_name = txLeave)]
pub fn tx_leave(number: f64, scope: f64, keeps: bool) {
    let scope = scope as u64;
    tell(operate(number, |call| if keeps { call.keep(scope) } else { call.undo(scope) }));
}

/// Has a callback run after the commit.
#[wasm_bindgen(js_name = txOnCommit)]
pub fn tx_on_commit(number: f64, scope: f64, callback: u32) {
    tell(operate(number, |call| call.on_commit(scope as u64, callback.into())));
}

/// In: a text. Marks the attempt, or the savepoint, as aborted. Fails with what is to be thrown.
#[wasm_bindgen(js_name = txAbort)]
pub fn tx_abort(number: f64, scope: f64) {
    tell(operate(number, |call| {
        let reason = wire::read(|input| Ok(convert::text(input)?.unwrap_or_default().to_owned()))?;
        Err(call.abort(scope as u64, &reason))
    }));
}

/// Marks the attempt: it is to run again once what it read has changed. Fails with what is to be thrown.
#[wasm_bindgen(js_name = txRetry)]
pub fn tx_retry(number: f64, scope: f64) {
    tell(operate(number, |call| Err(call.retry(scope as u64))));
}

/// What a call says by numbers. `attempts`, `timeout`: infinity for none. `owner`: 0 for none.
fn limited(port: &Handle, attempts: f64, timeout: f64, owner: f64) -> Result<CallSpec, Error> {
    let mut spec = CallSpec::new();
    if attempts.is_finite() {
        spec = spec.attempts(attempts as u32);
    }
    if timeout.is_finite() {
        spec = spec.timeout(clock::duration(timeout));
    }
    // What answers for a handle that is closed is another space.
    if owner != 0.0 && !port.space().is_closed() {
        spec = spec.owner(&owners::find(owner)?);
    }
    Ok(spec)
}

/// What it says besides: the cell of an update, a label, a guard.
fn asked(input: &mut Reader<'_>, mut spec: CallSpec) -> Result<(Vec<Key>, CallSpec), Error> {
    let keys = convert::raw_keys(input)?;
    if let Some(label) = convert::text(input)? {
        spec = spec.label(label);
    }
    for (ticket, token, keys) in cells::demands(input)? {
        spec = spec.guard(ticket, token, keys);
    }
    Ok((keys, spec))
}

fn written(input: &mut Reader<'_>) -> Result<(Key, Value), Error> {
    Ok((one_key(input)?, Box::from(wire::bytes(input)?)))
}

fn one_key(input: &mut Reader<'_>) -> Result<Key, Error> {
    convert::raw_keys(input)?.pop().ok_or_else(wire::malformed)
}

/// Tells a step; forgets the call where it was the last.
fn take(number: f64, step: Step<Value>) -> usize {
    let address = match step {
        Step::Wait => {
            say(WAIT);
            return 0;
        }
        Step::Run(run) => return run_of(number, run),
        Step::Done(done) => {
            tell_done(done);
            0
        }
        Step::Threw => {
            say(THREW);
            0
        }
        Step::Failed(error) => fail(error),
    };
    drop(forget(number));
    address
}

fn run_of(number: f64, Run { attempt, scope, entry, in_turn, .. }: Run<Value>) -> usize {
    say(RUN);
    scratch::set(Lane::Place, attempt.into());
    scratch::set(Lane::Number, scope);
    scratch::set(Lane::Timeout, in_turn.into());
    let Some(Entry { value, version, expires_in, .. }) = entry else { return 0 };
    scratch::set(Lane::Token, version);
    scratch::set_double(Lane::MaxHold, expires_in.map_or(f64::INFINITY, clock::milliseconds));
    let address = value.as_ref().map_or(0, |value| wire::write(|out| out.bytes(value)));
    CALLS.with_borrow_mut(|calls| {
        if let Some(known) = calls.get(number) {
            known.given = value;
        }
    });
    address
}

fn tell_done(Done { version, changed, attempts, callbacks, .. }: Done) {
    say(DONE);
    scratch::set(Lane::Place, attempts.into());
    scratch::set(Lane::Token, version);
    scratch::set(Lane::Deferred, changed.into());
    scratch::set(Lane::Owner, callbacks.len() as u64);
    CALLBACKS.set(callbacks);
}

fn say(step: u64) {
    scratch::set_outcome(Outcome::Granted);
    scratch::set(Lane::Slot, step);
}

fn fail(error: Error) -> usize {
    error::fail(error);
    scratch::set(Lane::Slot, FAILED);
    0
}

/// Does something with a call that has not ended.
fn operate<T>(number: f64, operation: impl FnOnce(&Call<Value>) -> Result<T, Error>) -> Result<T, Error> {
    match find(number) {
        Some(known) => operation(&known.call),
        None => Err(Error::invalid("tx", "its call is over")),
    }
}

fn tell(done: Result<(), Error>) {
    match done {
        Ok(()) => scratch::set_outcome(Outcome::Granted),
        Err(error) => error::fail(error),
    }
}

fn find(number: f64) -> Option<Known> {
    CALLS.with_borrow_mut(|calls| calls.get(number).cloned())
}

fn forget(number: f64) -> Option<Known> {
    CALLS.with_borrow_mut(|calls| calls.take(number))
}
