//! The ports that event loops of other languages use: one for each actor, as if each ran on a loop of its own.
//!
//! A port is looked at only after a call of its own, or when it was woken; so a wake that is missing shows as a result
//! that stays pending.

mod calls;
mod cells;
mod outcomes;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use latchwork::{
    Answer, Cancelled, Error, ErrorKind, Key, KeyRange, ManualClock, Owner, Query, Scan, Ticket, Watch, Within,
};
use serde_json::Value;

use self::calls::Calling;
use self::outcomes::granted;
use super::cells::read;
use super::{
    AtomicPart, Body, CallRequest, Came, Host, Kind, Read, Request, Space, State, Through, Write, Wrote, open,
};
use crate::poll::Flag;
use crate::scenario::{Ending, FIRST_HANDLE, Handle, Limits};

/// The ports of a space.
pub struct Ports {
    clock: ManualClock,
    handles: BTreeMap<String, Space>,
    /// Where the keys of sub-spaces are: a port knows it of cells, of locks it is told.
    within: BTreeMap<String, Within>,
    ports: BTreeMap<(String, String), Loop>,
    owners: BTreeMap<String, (Place, Owner)>,
    results: BTreeMap<String, Slot>,
    names: Vec<String>,
    /// What callbacks are to append, by number, and what they have appended.
    noted: Vec<Value>,
    callbacks: Vec<Value>,
    /// Each with its port; none once it was ended.
    watches: BTreeMap<String, (Place, Option<Watch<Value>>)>,
}

/// Added to the number of a result: told of its loss.
const LOSS: u64 = 1 << 32;

/// Begins the names of owners that a scope has for itself.
const SCOPE: &str = "scope of ";

struct Loop {
    port: latchwork::Port<Value>,
    woken: Arc<Flag>,
    /// A call of its own may have settled something.
    called: bool,
}

/// Whose port, by handle and actor.
type Place = (String, String);

struct Slot {
    place: Place,
    scope: bool,
    ticket: Option<Ticket>,
    /// The name of the owner.
    owner: Option<String>,
    /// The watch whose next item it is.
    watch: Option<String>,
    /// Given up when its outcome may have been decided already.
    given_up: bool,
    state: State,
    /// Of an update, a transaction or a savepoint.
    call: Option<Calling>,
}

impl Host for Ports {
    const NAME: &'static str = "ports";
    const NAMES_KEYS: bool = false;

    fn open(handles: &[Handle], shards: usize, limits: Limits) -> Ports {
        let within = handles.iter().filter_map(|handle| Some((handle.name.clone(), within(&handle.of.as_ref()?.1)?)));
        let within = within.collect();
        let (clock, handles) = open(handles, shards, limits);
        Ports {
            clock,
            handles,
            within,
            ports: BTreeMap::new(),
            owners: BTreeMap::new(),
            results: BTreeMap::new(),
            names: Vec::new(),
            noted: Vec::new(),
            callbacks: Vec::new(),
            watches: BTreeMap::new(),
        }
    }

    fn start(&mut self, handle: &str, actor: &str, kind: Kind, request: Request, name: &str) {
        let place = (handle.to_owned(), actor.to_owned());
        let tag = self.names.len() as u64;
        self.names.push(name.to_owned());
        let scope = kind == Kind::With;
        let owner = request.owner.clone();
        let mut spec = request.spec(owner.as_ref().map(|owner| &self.owners[owner].1));
        if let Some(within) = self.within.get(handle) {
            spec = spec.within(within);
        }
        let id = owner.as_ref().and_then(|owner| self.owner_id(owner));
        let at = self.at(&place);
        let (ticket, state) = match kind {
            Kind::Try => match at.port.try_lock(&spec) {
                Ok(Some(grant)) => (Some(grant.ticket), granted(grant, scope, id)),
                Ok(None) => (None, State::None),
                Err(error) => (None, State::Failed(error)),
            },
            Kind::Lock | Kind::With => match at.port.lock(&spec, tag) {
                Ok(Answer::Granted(grant)) => (Some(grant.ticket), granted(grant, scope, id)),
                Ok(Answer::Waiting(ticket)) => (Some(ticket), State::Pending),
                Err(error) => (None, State::Failed(error)),
            },
        };
        if let (Some(ticket), Some(_)) = (ticket, state.seen()) {
            at.port.watch_lost(ticket, tag + LOSS);
        }
        let state = match state {
            State::Failed(error) => State::Failed(self.told(handle, error)),
            state => state,
        };
        let slot = Slot { scope, ticket, owner, ..Slot::of(place, state) };
        self.results.insert(name.to_owned(), slot);
    }

    fn end(&mut self, name: &str, ending: Ending) {
        if self.end_body(name, &ending) {
            return;
        }
        // What a binding does when the body ends: a stale release is no error of the body.
        let _ = self.release(name, None);
        let owner = self.results.get_mut(name).filter(|slot| slot.scope).and_then(|slot| slot.owner.take());
        if let Some(owner) = owner.filter(|owner| owner.starts_with(SCOPE)) {
            self.close_owner(&owner);
        }
        if let Some(slot) = self.results.get_mut(name) {
            slot.state = match ending {
                Ending::Return(value) => State::Returned(value),
                Ending::Throw(message) => State::Threw(message),
                Ending::Keep | Ending::Delete => panic!("{name} is no update"),
            };
        }
    }

    fn release(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error> {
        let (place, ticket) = self.guard(name)?;
        let keys = keys.map(|keys| self.wrapped(&place.0, keys));
        let port = &self.at(&place).port;
        let released = match keys {
            Some(keys) => port.release_keys(ticket, &keys),
            None => port.release(ticket),
        };
        let held = port.held(ticket);
        released.map_err(|error| self.told(&place.0, error))?;
        if !held {
            self.let_go(|slot| slot.ticket == Some(ticket));
        }
        Ok(())
    }

    fn downgrade(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error> {
        let (place, ticket) = self.guard(name)?;
        // A sub-space cannot name all that was handed over to it; it makes those shared ones that it can.
        let keys = keys.or_else(|| Some(self.results[name].state.seen()?.keys.as_ref()?.0.clone()));
        let keys = keys.map(|keys| self.wrapped(&place.0, keys));
        let downgraded = self.at(&place).port.downgrade(ticket, keys.as_deref());
        downgraded.map_err(|error| self.told(&place.0, error))
    }

    fn dispose(&mut self, name: &str) {
        // Disposal of what is not held is a no-op.
        let _ = self.release(name, None);
    }

    fn owner(&mut self, handle: &str, actor: &str, label: Option<&str>, name: &str) {
        let place = (handle.to_owned(), actor.to_owned());
        let owner = self.at(&place).port.owner(label);
        self.owners.insert(name.to_owned(), (place, owner));
    }

    fn owner_of(&mut self, guard: &str, name: &str) {
        let Ok((place, ticket)) = self.guard(guard) else { return };
        let at = self.at(&place);
        let owner = at.port.owner(None);
        at.port.adopt(ticket, &owner);
        self.owners.insert(name.to_owned(), (place.clone(), owner.clone()));
        // It ends with the scope, under a name of its own.
        let own = format!("{SCOPE}{guard}");
        self.owners.insert(own.clone(), (place, owner));
        if let Some(slot) = self.results.get_mut(guard) {
            slot.owner = Some(own);
        }
    }

    fn owner_id(&self, name: &str) -> Option<String> {
        self.owners.get(name).map(|(_, owner)| owner.id().to_owned())
    }

    fn close_owner(&mut self, name: &str) -> usize {
        let (place, owner) = self.owners[name].clone();
        self.at(&place).port.close_owner(&owner)
    }

    fn hand_over(&mut self, guard: &str, to: &str, _by_id: bool, payload: Option<Value>) -> Result<bool, Error> {
        let (place, ticket) = self.guard(guard)?;
        let id = self.owner_id(to).unwrap_or_default();
        let payload = payload.map(|payload| Box::new(payload) as Box<_>);
        let delivered = self.at(&place).port.hand_over(ticket, &id, payload);
        let delivered = delivered.map_err(|error| self.told(&place.0, error))?;
        self.let_go(|slot| slot.ticket == Some(ticket));
        if let Some(slot) = self.results.get_mut(guard) {
            // It is the new owner's.
            slot.ticket = Some(Ticket::from_parts(0, 0));
        }
        Ok(delivered)
    }

    fn handed_over(&mut self, owner: &str, name: &str) {
        let place = self.owners[owner].0.clone();
        let tag = self.names.len() as u64;
        self.names.push(name.to_owned());
        let slot = Slot { owner: Some(owner.to_owned()), ..Slot::of(place, State::Pending) };
        self.results.insert(name.to_owned(), slot);
        self.take_over(tag);
    }

    fn revoke(&mut self, handle: &str, keys: Vec<Key>) -> Result<usize, Error> {
        let keys = self.wrapped(handle, keys);
        self.at(&(handle.to_owned(), String::new())).port.revoke(&keys)
    }

    fn cancel(&mut self, name: &str) {
        if self.cancel_call(name) {
            return;
        }
        let Some(slot) = self.results.get(name) else { return };
        let (place, running) = (slot.place.clone(), matches!(slot.state, State::Running(_)));
        let pending = matches!(slot.state, State::Pending);
        let cancelled = match slot.ticket {
            // It waits for a hand-over, if for anything.
            None => pending,
            Some(ticket) => match self.at(&place).port.cancel(ticket) {
                Cancelled::Waiting | Cancelled::GrantGivenOn => true,
                Cancelled::Gone if running => {
                    let _ = self.release(name, None);
                    true
                }
                Cancelled::Gone => false,
            },
        };
        if let Some(slot) = self.results.get_mut(name) {
            slot.given_up = pending;
            if cancelled {
                slot.state = State::Cancelled;
            }
        }
    }

    fn query(&mut self, handle: &str, keys: Option<Vec<Key>>) -> Result<Query, Error> {
        let keys = keys.map(|keys| self.wrapped(handle, keys));
        let query = self.at(&(handle.to_owned(), String::new())).port.query(keys.as_deref())?;
        Ok(match self.within.get(handle) {
            Some(within) => within.query(query),
            None => query,
        })
    }

    fn close(&mut self, handle: &str) {
        self.handles[handle].close();
        self.let_go(|slot| slot.place.0 == handle);
    }

    fn get(&mut self, handle: &str, key: Key) -> Result<Read, Error> {
        self.at(&(handle.to_owned(), String::new())).port.get(&key).map(Read::from)
    }

    fn get_many(&mut self, handle: &str, keys: Vec<Key>) -> Result<Vec<Read>, Error> {
        let entries = self.at(&(handle.to_owned(), String::new())).port.get_many(&keys)?;
        Ok(read(entries))
    }

    fn write(&mut self, handle: &str, write: Write) -> Result<Wrote, Error> {
        self.write_one(handle, write)
    }

    fn atomic(&mut self, handle: &str, parts: Vec<AtomicPart>) -> Result<Wrote, Error> {
        self.write_many(handle, parts)
    }

    fn list(&mut self, handle: &str, range: KeyRange, limit: Option<usize>, reverse: bool) -> Result<Vec<Read>, Error> {
        let scan = Scan::new(range).limit(limit.unwrap_or(usize::MAX));
        let scan = if reverse { scan.reverse() } else { scan };
        let entries = self.at(&(handle.to_owned(), String::new())).port.list(&scan)?;
        Ok(read(entries))
    }

    fn delete_all(&mut self, handle: &str, range: KeyRange, except: Vec<Key>) -> Result<Vec<Key>, Error> {
        self.at(&(handle.to_owned(), String::new())).port.delete_all(&range, &except)
    }

    fn watch(&mut self, handle: &str, actor: &str, keys: Result<Vec<Key>, Key>, name: &str) {
        self.begin_watch((handle.to_owned(), actor.to_owned()), keys, name);
    }

    fn next(&mut self, watch: &str, name: &str) {
        self.begin_next(watch, name);
    }

    fn end_watch(&mut self, watch: &str) {
        if let Some((_, watch)) = self.watches.get_mut(watch) {
            *watch = None;
        }
    }

    fn begin(&mut self, handle: &str, actor: &str, body: Body, request: CallRequest, name: &str) {
        self.begin_call((handle.to_owned(), actor.to_owned()), body, request, name);
    }

    fn savepoint(&mut self, tx: &str, name: &str) {
        self.enter(tx, name);
    }

    fn through(&mut self, tx: &str, what: Through) -> Result<Came, Error> {
        self.call_through(tx, what)
    }

    fn abort(&mut self, tx: &str, reason: &str) -> Result<(), Error> {
        self.mark(tx, |call, scope| call.abort(scope, reason), ErrorKind::Aborted)
    }

    fn retry(&mut self, tx: &str) -> Result<(), Error> {
        self.mark(tx, latchwork::Call::retry, ErrorKind::Conflict)
    }

    fn on_commit(&mut self, tx: &str, value: Value) -> Result<(), Error> {
        self.add_callback(tx, value)
    }

    fn callbacks(&self) -> Vec<Value> {
        self.callbacks.clone()
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.at(&(FIRST_HANDLE.to_owned(), String::new())).port.tick();
    }

    fn settle(&mut self) {
        let mut settled = Vec::new();
        let places: Vec<Place> = self.ports.keys().cloned().collect();
        for place in places {
            let at = &mut self.ports.get_mut(&place).expect("a place of this map");
            if !(at.woken.take() | std::mem::take(&mut at.called)) {
                continue;
            }
            at.port.take_settled(&mut settled);
            assert!(!at.port.has_settled(), "taking leaves nothing");
            for one in settled.drain(..) {
                self.take(one);
            }
        }
    }

    fn state(&mut self, name: &str) -> State {
        self.results.get(name).map_or(State::None, |slot| slot.state.clone())
    }
}

impl Slot {
    /// Of a call without a ticket.
    fn of(place: Place, state: State) -> Slot {
        Slot { place, scope: false, ticket: None, owner: None, watch: None, given_up: false, state, call: None }
    }
}

impl Ports {
    fn at(&mut self, place: &Place) -> &mut Loop {
        let at = self.ports.entry(place.clone()).or_insert_with(|| {
            let woken = Flag::new();
            let wake = woken.waker();
            let port = self.handles[&place.0].port(move || wake.wake_by_ref());
            Loop { port, woken, called: false }
        });
        at.called = true;
        at
    }

    /// Keys of a handle as its space knows them.
    fn wrapped(&self, handle: &str, keys: Vec<Key>) -> Vec<Key> {
        match self.within.get(handle) {
            Some(within) => keys.iter().map(|key| within.wrap(key)).collect(),
            None => keys,
        }
    }

    /// An error of the space as a handle tells it.
    fn told(&self, handle: &str, error: Error) -> Error {
        match self.within.get(handle) {
            Some(within) => within.error(error),
            None => error,
        }
    }

    /// The ticket of a guard, and whose it is.
    fn guard(&self, name: &str) -> Result<(Place, Ticket), Error> {
        match self.results.get(name).map(|slot| (slot.place.clone(), slot.ticket)) {
            Some((place, Some(ticket))) => Ok((place, ticket)),
            _ => Err(Error::invalid("guard", "there is none")),
        }
    }

    fn comes_to(&mut self, name: &str, state: State) {
        if let Some(slot) = self.results.get_mut(name) {
            slot.state = state;
        }
    }

    /// Notes that guards are no longer held, as a binding does when it released or closed.
    fn let_go(&mut self, which: impl Fn(&Slot) -> bool) {
        for slot in self.results.values_mut().filter(|slot| which(slot)) {
            if let State::Granted(seen) | State::Running(seen) = &mut slot.state {
                seen.held = false;
            }
        }
    }
}

/// The place of a sub-space under these keys, one in the other.
fn within(prefixes: &[Key]) -> Option<Within> {
    let (first, inner) = prefixes.split_first()?;
    Some(inner.iter().fold(Within::new(first.clone()), |place, prefix| place.within(prefix.clone())))
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("results", &self.results.len()).finish_non_exhaustive()
    }
}
