//! The calls of `update` and `transact`. Numbers cross in the scratch, where their lanes are those of `CallLane` in
//! `native_calls.ts`; values cross as bytes, which are copied.

use std::cell::RefCell;
use std::sync::Arc;

use latchwork::{Call, CallSpec, Change, Done, Error, Expiry, Run, Step, Ticket};
use napi::Env;
use napi_derive::napi;

use crate::cells::{Bytes, RawDemand, RawEntry, RawRange, entries, expiry, scan, tell};
use crate::clock::from_milliseconds;
use crate::convert::RawKey;
use crate::environment::{Environment, Failed, Value};
use crate::numbered::Numbered;
use crate::scratch::{DEFERRED, GENERATION, NUMBER, OWNER, Outcome, PLACE, SLOT, TIMEOUT, TOKEN};

/// Out: what is next, a `Step`.
const STEP: usize = SLOT;
/// Out, with the first step: the number of the call.
pub(crate) const CALL: usize = GENERATION;
/// Out: which attempt is to run, or how many have run.
const ATTEMPT: usize = PLACE;
/// Out: names the body that runs.
pub(crate) const SCOPE: usize = NUMBER;
/// Out: that of the cell, or of the commit.
const VERSION: usize = TOKEN;
/// Out: how many callbacks there are to run.
const CALLBACKS: usize = OWNER;
/// Out: 1 where the body that is to run has the turn of its call.
const IN_TURN: usize = TIMEOUT;
/// Out: 1 where the cell was changed.
const CHANGED: usize = DEFERRED;

/// What is next, as `native_calls.ts` numbers it.
#[derive(Clone, Copy)]
enum Next {
    Wait = 0,
    Run = 1,
    Done = 2,
    Threw = 3,
    Failed = 4,
}

/// What a call says besides what it is to do.
#[napi(object, object_to_js = false)]
pub(crate) struct RawSpec {
    /// Infinity for no limit.
    pub attempts: f64,
    /// Milliseconds, Infinity for none.
    pub timeout: f64,
    /// The number of an owner, 0 for none.
    pub owner: f64,
    /// Milliseconds, Infinity for never, NaN where it is not said.
    pub expire_in: f64,
    pub label: Option<String>,
    pub guard: Option<RawDemand>,
}

/// The calls of one environment that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    known: Numbered<Known>,
    /// What the last commit is to call.
    callbacks: RefCell<Vec<u64>>,
}

#[derive(Debug)]
struct Known {
    handle: u64,
    call: Call<Value>,
    /// Of an update: when a cell that it sets expires.
    expiry: Expiry,
    /// What its function was given last; that may have changed its own.
    given: Option<Arc<Value>>,
}

impl Calls {
    /// The environment ends: so do the calls, and what they have goes on to others.
    pub(crate) fn clear(&self) {
        self.known.clear();
    }

    /// For tests: as if there had been so many.
    pub(crate) fn skip_to(&self, last: f64) {
        self.known.skip_to(last);
    }

    fn find(&self, number: f64) -> Option<(u64, Call<Value>, Expiry)> {
        self.known.with(number, |Known { handle, call, expiry, .. }| (*handle, call.clone(), *expiry))
    }
}

/// The call was told that it can go on. A step; settles.
#[napi(catch_unwind, js_name = "goOn")]
pub(crate) fn go_on(env: &Env, call: f64) -> napi::Result<Option<Bytes>> {
    step(env, call, |call, _| call.go_on())
}

/// It answered that the cell is to stay. A step, with the value of the cell; settles.
#[napi(catch_unwind, js_name = "keepCell")]
pub(crate) fn keep(env: &Env, call: f64, scope: f64) -> napi::Result<Option<Bytes>> {
    let given = Environment::of(env)?.calls.known.with(call, |known| known.given.clone()).flatten();
    let next = step(env, call, |call, expiry| call.answer(scope as u64, Change::Keep, expiry))?;
    let is_done = Environment::of(env)?.scratch.whole(STEP) == Next::Done as u64;
    Ok(if is_done { given.map(Bytes) } else { next })
}

/// The body threw. A step; settles.
#[napi(catch_unwind)]
pub(crate) fn threw(env: &Env, call: f64, scope: f64) -> napi::Result<Option<Bytes>> {
    step(env, call, |call, _| call.threw(scope as u64))
}

/// Gives a call up: nothing commits. Settles.
#[napi(catch_unwind, js_name = "cancelCall")]
pub(crate) fn cancel(env: &Env, call: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let known = environment.calls.known.take(call);
    let handle = known.as_ref().map_or(0, |known| known.handle);
    if let Some(Known { call, .. }) = known {
        call.cancel();
    }
    environment.report(env.raw(), handle);
    Ok(())
}

/// What the last commit is to call, in this order.
#[napi(catch_unwind, js_name = "callbacksOfCommit")]
pub(crate) fn callbacks(env: &Env) -> napi::Result<Vec<f64>> {
    let callbacks = Environment::of(env)?.calls.callbacks.take();
    Ok(callbacks.into_iter().map(|callback| callback as f64).collect())
}

/// Cells at one instant, in the order asked.
#[napi(catch_unwind, js_name = "txGetMany")]
pub(crate) fn get_many(env: &Env, call: f64, scope: f64, keys: Vec<RawKey>) -> napi::Result<Option<Vec<RawEntry>>> {
    let environment = Environment::of(env)?;
    let got = operate(&environment, call, |call| call.get_many(scope as u64, &RawKey::keys(keys)?));
    Ok(got.map(entries))
}

/// The cells of a range at one instant, in key order.
#[napi(catch_unwind, js_name = "txList")]
pub(crate) fn list(
    env: &Env,
    call: f64,
    scope: f64,
    range: RawRange,
    limit: f64,
    reverse: bool,
) -> napi::Result<Option<Vec<RawEntry>>> {
    let environment = Environment::of(env)?;
    let got = operate(&environment, call, |call| call.list(scope as u64, &scan(range, limit, reverse)?));
    Ok(got.map(entries))
}

/// Sets a cell that is absent; else `Refused`, and the cell that is there.
#[napi(catch_unwind, js_name = "txInsert")]
pub(crate) fn insert(
    env: &Env,
    call: f64,
    scope: f64,
    key: RawKey,
    value: &[u8],
    expire_in: f64,
) -> napi::Result<Option<Bytes>> {
    let environment = Environment::of(env)?;
    let inserted =
        operate(&environment, call, |call| call.insert(scope as u64, &key.key()?, Box::from(value), expiry(expire_in)));
    Ok(inserted.flatten().and_then(|there| {
        environment.scratch.answer(Outcome::Refused);
        tell(&environment, there)
    }))
}

/// Deletes a cell at the commit.
#[napi(catch_unwind, js_name = "txDelete")]
pub(crate) fn delete(env: &Env, call: f64, scope: f64, key: RawKey) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    operate(&environment, call, |call| call.delete(scope as u64, &key.key()?));
    Ok(())
}

/// Begins a savepoint; its body is known by the scope in the scratch.
#[napi(catch_unwind, js_name = "txEnter")]
pub(crate) fn enter(env: &Env, call: f64, scope: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    if let Some(inner) = operate(&environment, call, |call| call.enter(scope as u64)) {
        environment.scratch.set_whole(SCOPE, inner);
    }
    Ok(())
}

/// Ends a savepoint.
#[napi(catch_unwind, js_name = "txLeave")]
pub(crate) fn leave(env: &Env, call: f64, scope: f64, keeps: bool) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    operate(&environment, call, |call| if keeps { call.keep(scope as u64) } else { call.undo(scope as u64) });
    Ok(())
}

/// Has a callback run after the commit.
#[napi(catch_unwind, js_name = "txOnCommit")]
pub(crate) fn on_commit(env: &Env, call: f64, scope: f64, callback: u32) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    operate(&environment, call, |call| call.on_commit(scope as u64, callback.into()));
    Ok(())
}

/// Marks the attempt, or the savepoint, as aborted. Fails with what is to be thrown.
#[napi(catch_unwind, js_name = "txAbort")]
pub(crate) fn abort(env: &Env, call: f64, scope: f64, reason: String) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    operate(&environment, call, |call| Err::<(), _>(call.abort(scope as u64, &reason)));
    Ok(())
}

/// Marks the attempt: it is to run again once what it read has changed. Fails with what is to be thrown.
#[napi(catch_unwind, js_name = "txRetry")]
pub(crate) fn retry(env: &Env, call: f64, scope: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    operate(&environment, call, |call| Err::<(), _>(call.retry(scope as u64)));
    Ok(())
}

/// Begins a call, and tells its number and its first step.
pub(crate) fn begin(environment: &Environment, handle: u64, call: Call<Value>, expiry: Expiry) -> Option<Bytes> {
    let step = call.go_on();
    let number = environment.calls.known.add(Known { handle, call, expiry, given: None });
    environment.scratch.set(CALL, number);
    take(environment, number, step)
}

/// What is next for a call, as a call from JavaScript of its own.
fn step(env: &Env, number: f64, next: impl FnOnce(&Call<Value>, Expiry) -> Step<Value>) -> napi::Result<Option<Bytes>> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let (handle, value) = step_of(&environment, number, next);
    environment.report(env.raw(), handle);
    Ok(value)
}

/// What is next for a call; nothing for one that has ended. Answers its space as well, which is to report.
pub(crate) fn step_of(
    environment: &Environment,
    number: f64,
    next: impl FnOnce(&Call<Value>, Expiry) -> Step<Value>,
) -> (u64, Option<Bytes>) {
    let Some((handle, call, expiry)) = environment.calls.find(number) else {
        say(environment, Next::Wait);
        return (environment.handle(), None);
    };
    // An ended call gives up what it has before that is reported: nobody knows it any more then.
    (handle, take(environment, number, next(&call, expiry)))
}

/// Tells a step; forgets the call where it was the last.
fn take(environment: &Environment, number: f64, step: Step<Value>) -> Option<Bytes> {
    let value = match step {
        Step::Wait => {
            say(environment, Next::Wait);
            return None;
        }
        Step::Run(run) => return run_of(environment, number, run),
        Step::Done(done) => {
            tell_done(environment, done);
            None
        }
        Step::Threw => {
            say(environment, Next::Threw);
            None
        }
        Step::Failed(error) => {
            fail(environment, Failed::Error(error));
            None
        }
    };
    let ended = environment.calls.known.take(number);
    drop(ended);
    value
}

fn run_of(environment: &Environment, number: f64, run: Run<Value>) -> Option<Bytes> {
    say(environment, Next::Run);
    environment.scratch.set(ATTEMPT, run.attempt.into());
    environment.scratch.set_whole(SCOPE, run.scope);
    environment.scratch.set(IN_TURN, f64::from(u8::from(run.in_turn)));
    let entry = run.entry?;
    environment.calls.known.with(number, |known| known.given.clone_from(&entry.value));
    tell(environment, entry)
}

fn tell_done(environment: &Environment, done: Done) {
    say(environment, Next::Done);
    let Environment { scratch, calls, .. } = environment;
    scratch.set(ATTEMPT, done.attempts.into());
    scratch.set_whole(VERSION, done.version);
    scratch.set(CHANGED, f64::from(u8::from(done.changed)));
    scratch.set_whole(CALLBACKS, done.callbacks.len() as u64);
    calls.callbacks.replace(done.callbacks);
}

fn say(environment: &Environment, next: Next) {
    environment.scratch.answer(Outcome::Granted);
    environment.scratch.set(STEP, f64::from(next as u8));
}

/// The call has ended with this.
pub(crate) fn fail(environment: &Environment, failed: Failed) {
    environment.fail(failed);
    environment.scratch.set(STEP, f64::from(Next::Failed as u8));
}

/// Does something with a call that has not ended. What is done calls nobody else of this environment.
pub(crate) fn operate<T>(
    environment: &Environment,
    number: f64,
    operation: impl FnOnce(&Call<Value>) -> Result<T, Error>,
) -> Option<T> {
    let done = environment.calls.known.with(number, |known| operation(&known.call));
    environment.answer(done.unwrap_or_else(|| Err(Error::invalid("tx", "its call is over"))))
}

/// What a call says besides, checked.
pub(crate) fn spec_of(environment: &Environment, handle: u64, raw: Option<RawSpec>) -> Result<CallSpec, Error> {
    let mut spec = CallSpec::new();
    let Some(RawSpec { attempts, timeout, owner, label, guard, .. }) = raw else { return Ok(spec) };
    if attempts.is_finite() {
        spec = spec.attempts(attempts as u32);
    }
    if timeout.is_finite() {
        spec = spec.timeout(from_milliseconds(timeout));
        // Now, since this thread may be blocked when it is over.
        environment.keep_time(handle);
    }
    if let Some(label) = label {
        spec = spec.label(label);
    }
    // What answers for a handle that is closed is another space.
    if owner != 0.0 && !environment.with(handle, |port| port.space().is_closed()) {
        spec = spec.owner(&environment.owners.find(owner)?);
    }
    if let Some(RawDemand { place, number, token, released, keys }) = guard {
        let ticket = (!released).then(|| Ticket::from_parts(place as u64, number as u64));
        spec = spec.guard(ticket, token as u64, keys.map(RawKey::keys).transpose()?);
    }
    Ok(spec)
}
