//! Updates and transactions through ports, driven as a binding does it.

use latchwork::{Call, CallSpec, Change, Done, Error, ErrorKind, Expiry, Scan, Step};
use serde_json::Value;

use super::{Place, Ports, Slot};
use crate::host::cells::read;
use crate::host::{Body, CallRequest, Came, Committed, Read, State, Through};
use crate::scenario::Ending;

/// A body that runs, or is to run again.
#[derive(Clone)]
pub(super) struct Calling {
    call: Call<Value>,
    scope: u64,
    /// Of a savepoint: it is one.
    inner: bool,
    /// Of an update: when the cell then expires.
    update: Option<Expiry>,
    /// How the run that was passed on last has ended, and what an update saw.
    ending: Option<Ending>,
    seen: Option<Value>,
}

impl Ports {
    /// Begins an update or a transaction.
    pub(super) fn begin_call(&mut self, place: Place, body: Body, request: CallRequest, name: &str) {
        let tag = self.names.len() as u64;
        self.names.push(name.to_owned());
        let mut spec = CallSpec::new();
        if let Some(attempts) = request.attempts {
            spec = spec.attempts(attempts);
        }
        if let Some(timeout) = request.timeout {
            spec = spec.timeout(timeout);
        }
        if let Some(label) = request.label {
            spec = spec.label(label);
        }
        if let Some(owner) = &request.owner {
            spec = spec.owner(&self.owners[owner].1);
        }
        if let Some((guard, keys)) = request.guard {
            let slot = &self.results[&guard];
            let seen = slot.state.seen().unwrap_or_else(|| panic!("{guard} has no guard"));
            spec = spec.guard(slot.ticket, seen.token, keys);
        }
        let port = &self.at(&place).port;
        let (call, update) = match body {
            Body::Update(key, expiry) => (port.update(&key, &spec, tag), Some(expiry.unwrap_or(Expiry::Keep))),
            Body::Transact => (port.transact(&spec, tag), None),
        };
        let mut slot = Slot::of(place, State::Pending);
        match call {
            Err(error) => slot.state = State::Failed(error),
            Ok(call) => {
                slot.call = Some(Calling { call, scope: 0, inner: false, update, ending: None, seen: None });
            }
        }
        self.results.insert(name.to_owned(), slot);
        if let Some(calling) = self.calling(name) {
            let step = calling.call.go_on();
            self.take_step(name, step);
        }
    }

    /// What a call was waiting for has come, or its time is over.
    pub(super) fn go_on(&mut self, tag: u64) {
        let name = self.names[tag as usize].clone();
        if let Some(calling) = self.calling(&name) {
            let step = calling.call.go_on();
            self.take_step(&name, step);
        }
    }

    /// Ends the body of an update, a transaction or a savepoint. `false` when it is none of these.
    pub(super) fn end_body(&mut self, name: &str, ending: &Ending) -> bool {
        let Some(slot) = self.results.get(name) else { return false };
        let Some(calling) = slot.call.clone() else { return false };
        self.at(&slot.place.clone());
        if !matches!(self.results[name].state, State::Attempt(..)) {
            return true;
        }
        if calling.inner {
            let left = match ending {
                Ending::Throw(_) => calling.call.undo(calling.scope),
                _ => calling.call.keep(calling.scope),
            };
            let state = match (left, ending) {
                (Err(error), _) => State::Failed(error),
                (Ok(()), Ending::Throw(message)) => State::Threw(message.clone()),
                (Ok(()), Ending::Return(value)) => State::Returned(value.clone()),
                (Ok(()), Ending::Keep | Ending::Delete) => panic!("{name} is no update"),
            };
            self.comes_to(name, state);
            return true;
        }
        if let Some(calling) = self.results.get_mut(name).and_then(|slot| slot.call.as_mut()) {
            calling.ending = Some(ending.clone());
        }
        let Calling { call, scope, update, .. } = calling;
        let step = match (ending, update) {
            (Ending::Throw(_), _) => call.threw(scope),
            (Ending::Return(_), None) => call.returned(scope),
            (Ending::Return(value), Some(expiry)) => call.answer(scope, Change::Set(value.clone()), expiry),
            (Ending::Keep, Some(expiry)) => call.answer(scope, Change::Keep, expiry),
            (Ending::Delete, Some(expiry)) => call.answer(scope, Change::Delete, expiry),
            (Ending::Keep | Ending::Delete, None) => panic!("{name} is no update"),
        };
        self.comes_to(name, State::Pending);
        self.take_step(name, step);
        true
    }

    /// Gives a call up. `false` when the result is of something else.
    pub(super) fn cancel_call(&mut self, name: &str) -> bool {
        let Some(slot) = self.results.get(name) else { return false };
        let Some(calling) = slot.call.clone() else { return false };
        self.at(&slot.place.clone());
        if self.results[name].state.moves() {
            if calling.inner {
                // A savepoint is given up by its body, which throws.
                let _ = calling.call.undo(calling.scope);
            } else {
                calling.call.cancel();
            }
            self.comes_to(name, State::Cancelled);
        }
        true
    }

    /// Opens a savepoint.
    pub(super) fn enter(&mut self, tx: &str, name: &str) {
        self.names.push(name.to_owned());
        let place = self.results[tx].place.clone();
        let outer = self.calling(tx).unwrap_or_else(|| panic!("{tx} has no body"));
        let mut slot = Slot::of(place, State::Pending);
        match outer.call.enter(outer.scope) {
            Err(error) => slot.state = State::Failed(error),
            Ok(scope) => {
                slot.state = match &self.results[tx].state {
                    State::Attempt(attempt, _) => State::Attempt(*attempt, None),
                    state => state.clone(),
                };
                slot.call = Some(Calling { scope, inner: true, ..outer });
            }
        }
        self.results.insert(name.to_owned(), slot);
    }

    /// Makes a call through the handle of a body.
    pub(super) fn call_through(&mut self, tx: &str, what: Through) -> Result<Came, Error> {
        let Some(Calling { call, scope, .. }) = self.calling(tx) else { panic!("{tx} has no body") };
        Ok(match what {
            Through::Get(key) => Came::Read(call.get(scope, &key)?.into()),
            Through::GetMany(keys) => Came::Listed(read(call.get_many(scope, &keys)?)),
            Through::List(range, limit, reverse) => {
                let scan = Scan::new(range).limit(limit.unwrap_or(usize::MAX));
                let scan = if reverse { scan.reverse() } else { scan };
                Came::Listed(read(call.list(scope, &scan)?))
            }
            Through::Set(key, value, expiry) => {
                call.set(scope, &key, value, expiry)?;
                Came::Done
            }
            Through::Insert(key, value, expiry) => match call.insert(scope, &key, value, expiry)? {
                Some(entry) => Came::There(entry.into()),
                None => Came::Done,
            },
            Through::Delete(key) => {
                call.delete(scope, &key)?;
                Came::Done
            }
        })
    }

    /// Marks a body: what is thrown then is of this kind.
    pub(super) fn mark(
        &mut self,
        tx: &str,
        mark: impl FnOnce(&Call<Value>, u64) -> Error,
        kind: ErrorKind,
    ) -> Result<(), Error> {
        let Some(Calling { call, scope, .. }) = self.calling(tx) else { panic!("{tx} has no body") };
        match mark(&call, scope) {
            error if error.kind() == kind => Ok(()),
            error => Err(error),
        }
    }

    /// Has a value appended after the commit.
    pub(super) fn add_callback(&mut self, tx: &str, value: Value) -> Result<(), Error> {
        let Some(Calling { call, scope, .. }) = self.calling(tx) else { panic!("{tx} has no body") };
        let number = self.noted.len() as u64;
        self.noted.push(value);
        call.on_commit(scope, number)
    }

    fn calling(&self, name: &str) -> Option<Calling> {
        self.results.get(name)?.call.clone()
    }

    /// What a call says is next.
    fn take_step(&mut self, name: &str, step: Step<Value>) {
        let state = match step {
            Step::Wait => return,
            Step::Run(run) => {
                let entry: Option<Read> = run.entry.map(Read::from);
                if let Some(calling) = self.results.get_mut(name).and_then(|slot| slot.call.as_mut()) {
                    calling.scope = run.scope;
                    calling.seen = entry.as_ref().and_then(|entry| entry.value.clone());
                }
                State::Attempt(run.attempt, entry)
            }
            Step::Done(done) => self.done(name, done),
            Step::Threw => match self.calling(name).and_then(|calling| calling.ending) {
                Some(Ending::Throw(message)) => State::Threw(message),
                other => panic!("{name} threw nothing: {other:?}"),
            },
            Step::Failed(error) => State::Failed(error),
        };
        self.comes_to(name, state);
    }

    fn done(&mut self, name: &str, done: Done) -> State {
        for number in done.callbacks {
            self.callbacks.push(self.noted[number as usize].clone());
        }
        let calling = self.calling(name).unwrap_or_else(|| panic!("{name} has no call"));
        let value = match calling.ending {
            Some(Ending::Return(value)) => Some(value),
            Some(Ending::Keep) => calling.seen,
            _ => None,
        };
        let changed = calling.update.map(|_| done.changed);
        State::Done(Committed { value, version: done.version, attempts: done.attempts, changed })
    }
}
