//! The ports that event loops of other languages use: one for each actor, as if each ran on a loop of its own.
//!
//! A port is looked at only after a call of its own, or when it was woken; so a wake that is missing shows as a result
//! that stays pending.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use latchwork::{Answer, Cancelled, Error, Grant, Key, ManualClock, Port, Query, Settled, Space, Ticket};

use super::{Host, Kind, Request, Seen, State};
use crate::poll::Flag;
use crate::scenario::{Ending, FIRST_HANDLE};

/// The ports of a space.
pub struct Ports {
    clock: ManualClock,
    handles: BTreeMap<String, Space>,
    ports: BTreeMap<(String, String), Loop>,
    results: BTreeMap<String, Slot>,
    names: Vec<String>,
}

struct Loop {
    port: Port,
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
    state: State,
}

impl Host for Ports {
    const NAME: &'static str = "ports";
    const NAMES_KEYS: bool = false;

    fn open(handles: &[&str], shards: usize) -> Ports {
        let clock = ManualClock::new();
        let space = Space::builder().shards(shards).clock(clock.clone()).seed(7).build();
        let handle = |(i, name): (usize, &&str)| {
            let handle = if i == 0 { space.clone() } else { space.attach() };
            ((*name).to_owned(), handle)
        };
        let handles = handles.iter().enumerate().map(handle).collect();
        Ports { clock, handles, ports: BTreeMap::new(), results: BTreeMap::new(), names: Vec::new() }
    }

    fn start(&mut self, handle: &str, actor: &str, kind: Kind, request: Request, name: &str) {
        let place = (handle.to_owned(), actor.to_owned());
        let tag = self.names.len() as u64;
        self.names.push(name.to_owned());
        let scope = kind == Kind::With;
        let at = self.at(&place);
        let (ticket, state) = match kind {
            Kind::Try => match at.port.try_lock(&request.spec()) {
                Ok(Some(grant)) => (Some(grant.ticket), granted(grant, scope)),
                Ok(None) => (None, State::None),
                Err(error) => (None, State::Failed(error)),
            },
            Kind::Lock | Kind::With => match at.port.lock(&request.spec(), tag) {
                Ok(Answer::Granted(grant)) => (Some(grant.ticket), granted(grant, scope)),
                Ok(Answer::Waiting(ticket)) => (Some(ticket), State::Pending),
                Err(error) => (None, State::Failed(error)),
            },
        };
        self.results.insert(name.to_owned(), Slot { place, scope, ticket, state });
    }

    fn end(&mut self, name: &str, ending: Ending) {
        // What a binding does when the body ends: a stale release is no error of the body.
        let _ = self.release(name);
        if let Some(slot) = self.results.get_mut(name) {
            slot.state = match ending {
                Ending::Return(value) => State::Returned(value),
                Ending::Throw(message) => State::Threw(message),
            };
        }
    }

    fn release(&mut self, name: &str) -> Result<(), Error> {
        let Some((place, Some(ticket))) = self.results.get(name).map(|slot| (slot.place.clone(), slot.ticket)) else {
            return Err(Error::invalid("guard", "there is none"));
        };
        self.at(&place).port.release(ticket)?;
        self.lost(|slot| slot.ticket == Some(ticket));
        Ok(())
    }

    fn dispose(&mut self, name: &str) {
        // Disposal of what is not held is a no-op.
        let _ = self.release(name);
    }

    fn cancel(&mut self, name: &str) {
        let Some(slot) = self.results.get(name) else { return };
        let (place, running) = (slot.place.clone(), matches!(slot.state, State::Running(_)));
        let Some(ticket) = slot.ticket else { return };
        let cancelled = match self.at(&place).port.cancel(ticket) {
            Cancelled::Waiting | Cancelled::GrantGivenOn => true,
            Cancelled::Gone if running => {
                let _ = self.release(name);
                true
            }
            Cancelled::Gone => false,
        };
        if let (true, Some(slot)) = (cancelled, self.results.get_mut(name)) {
            slot.state = State::Cancelled;
        }
    }

    fn query(&mut self, handle: &str, keys: Option<Vec<Key>>) -> Result<Query, Error> {
        self.at(&(handle.to_owned(), String::new())).port.query(keys.as_deref())
    }

    fn close(&mut self, handle: &str) {
        self.handles[handle].close();
        self.lost(|slot| slot.place.0 == handle);
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

    /// Notes that guards are no longer held, as a binding does when it released or closed.
    fn lost(&mut self, which: impl Fn(&Slot) -> bool) {
        for slot in self.results.values_mut().filter(|slot| which(slot)) {
            if let State::Granted(seen) | State::Running(seen) = &mut slot.state {
                seen.held = false;
            }
        }
    }

    fn take(&mut self, settled: Settled) {
        let (tag, outcome) = match settled {
            Settled::Granted { tag, grant } => (tag, Ok(grant)),
            Settled::Failed { tag, error } => (tag, Err(error)),
            // Nobody watches a grant here.
            Settled::Lost { .. } | Settled::HandedOver { .. } => return,
        };
        let name = self.names[tag as usize].clone();
        let slot = &self.results[&name];
        let (place, scope) = (slot.place.clone(), slot.scope);
        if let (State::Cancelled, Ok(grant)) = (&slot.state, &outcome) {
            // Granted and given up in one turn: the grant has gone on.
            assert!(!self.ports[&place].port.confirm(grant.ticket), "{name} was given up");
            return;
        }
        assert!(
            matches!(slot.state, State::Pending),
            "{name} is settled once, and with a grant at most after a cancel"
        );
        let state = match outcome {
            Ok(grant) if self.ports[&place].port.confirm(grant.ticket) => granted(grant, scope),
            Ok(_) => State::Failed(Error::invalid("grant", "it was gone when it was seen")),
            Err(error) => State::Failed(error),
        };
        if let Some(slot) = self.results.get_mut(&name) {
            slot.state = state;
        }
    }
}

fn granted(grant: Grant, scope: bool) -> State {
    let seen = Seen { keys: None, label: None, token: grant.token, held: true };
    if scope { State::Running(seen) } else { State::Granted(seen) }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("results", &self.results.len()).finish_non_exhaustive()
    }
}
