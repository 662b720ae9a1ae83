//! The slow, obvious lock table: a list of requests in the order in which they joined, and the rule read off clauses L1
//! to L3. It shares no code with the library.

use std::collections::BTreeMap;
use std::time::Duration;

use latchwork::{Key, Mode, Query};

use crate::host::{Request, State};

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Model {
    requests: Vec<Entry>,
    now: Duration,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    keys: BTreeMap<Key, Mode>,
    deadline: Option<Duration>,
    stands: Stands,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It waits.
    Waiting,
    /// It holds its keys.
    Holding,
    /// A try that would have had to wait.
    Refused,
    /// It passed its deadline.
    TimedOut,
    /// It was given up.
    Cancelled,
    /// It held its keys and let them go.
    Released,
}

/// The keys of a hold or of a wait: exclusive ones, shared ones.
type Sides = (Vec<Key>, Vec<Key>);

impl Model {
    /// A request joins at the end.
    pub fn join(&mut self, name: &str, request: &Request) {
        let deadline = request.timeout.map(|timeout| self.now + timeout);
        self.requests.push(Entry { name: name.to_owned(), keys: modes(request), deadline, stands: Stands::Waiting });
        self.grant();
        let now = self.now;
        let last = self.requests.last_mut().expect("just pushed");
        if last.stands == Stands::Waiting && deadline.is_some_and(|deadline| deadline <= now) {
            last.stands = Stands::TimedOut;
        }
    }

    /// A request joins only if it need not wait.
    pub fn attempt(&mut self, name: &str, request: &Request) {
        self.join(name, request);
        let last = self.requests.last_mut().expect("just joined");
        if last.stands == Stands::Waiting {
            last.stands = Stands::Refused;
        }
    }

    /// A holder lets go. Answers whether it held anything.
    pub fn release(&mut self, name: &str) -> bool {
        self.leave(name, Stands::Holding, Stands::Released)
    }

    /// A request is given up: it waits, or nobody has seen its grant.
    pub fn cancel(&mut self, name: &str) {
        let _ = self.leave(name, Stands::Waiting, Stands::Cancelled)
            || self.leave(name, Stands::Holding, Stands::Cancelled);
    }

    /// Time passes; whoever is due leaves in the order of the deadlines, as if each had been told in time.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
        let now = self.now;
        loop {
            let waiting = self.requests.iter_mut().filter(|entry| entry.stands == Stands::Waiting);
            let soonest = waiting.filter(|entry| entry.deadline.is_some()).min_by_key(|entry| entry.deadline);
            match soonest.filter(|entry| entry.deadline <= Some(now)) {
                Some(due) => due.stands = Stands::TimedOut,
                None => return,
            }
            self.grant();
        }
    }

    /// Where a request stands.
    pub fn stands(&self, name: &str) -> Option<Stands> {
        self.requests.iter().find(|entry| entry.name == name).map(|entry| entry.stands)
    }

    /// Whether a query of everything shows what the model has.
    ///
    /// # Errors
    ///
    /// Both, when they differ.
    pub fn agrees_with(&self, query: &Query) -> Result<(), String> {
        let mut held: Vec<Sides> = query.held.iter().map(|hold| (hold.keys.clone(), hold.shared.clone())).collect();
        let mut pending: Vec<Sides> =
            query.pending.iter().map(|wait| (wait.keys.clone(), wait.shared.clone())).collect();
        held.sort();
        pending.sort();
        if (held, pending) == (self.sides(Stands::Holding), self.sides(Stands::Waiting)) {
            return Ok(());
        }
        Err(format!("the space has {query:?}, the model {self:?}"))
    }

    /// Clause L2, read off: granted when no earlier incompatible request is left on any of its keys.
    fn grant(&mut self) {
        for at in 0..self.requests.len() {
            let (earlier, rest) = self.requests.split_at_mut(at);
            let entry = &mut rest[0];
            if entry.stands != Stands::Waiting {
                continue;
            }
            let blocks = |other: &Entry| {
                matches!(other.stands, Stands::Waiting | Stands::Holding)
                    && other.keys.iter().any(|(key, mode)| match entry.keys.get(key) {
                        Some(own) => *own == Mode::Exclusive || *mode == Mode::Exclusive,
                        None => false,
                    })
            };
            if !earlier.iter().any(blocks) {
                entry.stands = Stands::Holding;
            }
        }
    }

    fn leave(&mut self, name: &str, from: Stands, to: Stands) -> bool {
        let Some(entry) = self.requests.iter_mut().find(|entry| entry.name == name && entry.stands == from) else {
            return false;
        };
        entry.stands = to;
        self.grant();
        true
    }

    fn sides(&self, stands: Stands) -> Vec<Sides> {
        // The empty set stands in no queue.
        let entries = self.requests.iter().filter(|entry| entry.stands == stands && !entry.keys.is_empty());
        let mut sides: Vec<Sides> = entries.map(Entry::sides).collect();
        sides.sort();
        sides
    }
}

impl Stands {
    /// Whether a result can be so. Before its caller looks, it may still seem to wait.
    pub fn shows_as(self, state: &State, looked: bool) -> bool {
        match (state, self) {
            (State::Pending, Stands::Waiting) => true,
            (State::Pending, Stands::Holding | Stands::TimedOut) => !looked,
            (State::Granted(seen), Stands::Holding) => seen.held,
            (State::Granted(seen), Stands::Released) => !seen.held,
            (State::None, Stands::Refused) | (State::Cancelled, Stands::Cancelled | Stands::TimedOut) => true,
            (State::Failed(error), Stands::TimedOut) => error.code() == "timeout",
            _ => false,
        }
    }
}

impl Entry {
    fn sides(&self) -> Sides {
        let side =
            |wanted: Mode| self.keys.iter().filter(move |(_, mode)| **mode == wanted).map(|(key, _)| key.clone());
        (side(Mode::Exclusive).collect(), side(Mode::Shared).collect())
    }
}

fn modes(request: &Request) -> BTreeMap<Key, Mode> {
    let mut keys: BTreeMap<Key, Mode> = request.shared.iter().map(|key| (key.clone(), Mode::Shared)).collect();
    for key in &request.keys {
        let mode = keys.entry(key.clone()).or_insert(request.mode);
        if request.mode == Mode::Exclusive {
            *mode = Mode::Exclusive;
        }
    }
    keys
}
