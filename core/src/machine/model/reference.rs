//! The lock machine as the clauses put it: slow, obvious, and without a line in common with the machine.
//!
//! There is one list of requests in order of arrival. One that waits is granted when no earlier incompatible request is
//! left on any of its keys (clause L2), which is looked up anew for every request after every operation. Nothing is
//! remembered that could be looked up.

use std::collections::BTreeSet;

use super::super::Mode;
use super::operations::{Answer, Event, KeyNumber, Keys, Name, Operation, Owner};

pub(super) const X: Mode = Mode::Exclusive;
pub(super) const S: Mode = Mode::Shared;

/// A request that is left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) name: Name,
    pub(super) owner: Option<Owner>,
    /// What it asks for or holds: without what it released or lost.
    pub(super) keys: Keys,
    pub(super) stage: Stage,
    /// A holder of one of its keys went away without a word while it was queued (clause L11).
    pub(super) abandoned: bool,
    /// One of its keys was taken away (clause L15).
    pub(super) lost: bool,
    /// How long it may hold its keys.
    hold: Option<i8>,
    /// How long that still is; below zero when it is over and nobody was told.
    rest: Option<i8>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Waiting,
    /// Granted, and its caller has not seen it.
    Unseen,
    /// Handed over to an owner that has not taken it.
    Inbox,
    Claimed,
}

/// All requests of a space, and what its owners are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// In order of arrival.
    pub(super) requests: Vec<Request>,
    pub(super) closed: BTreeSet<Owner>,
    /// Whose grants are decided and have not reached their own table: the machine says so, not the clauses.
    pub(super) under_way: Vec<Name>,
    most_waiters: Option<usize>,
    most_waiters_of_a_key: Option<usize>,
    made: usize,
}

/// Whether two requests could not both hold what they have in common.
pub(super) fn clash(a: &Keys, b: &Keys) -> bool {
    a.iter().any(|(key, mode)| b.get(key).is_some_and(|other| *mode == X || *other == X))
}

fn overlap(a: &Keys, b: &Keys) -> bool {
    a.keys().any(|key| b.contains_key(key))
}

/// Whether whoever holds `b` has what `a` asks for.
fn covered(a: &Keys, b: &Keys) -> bool {
    a.iter().all(|(key, mode)| b.get(key).is_some_and(|held| held == mode || *held == X))
}

impl Request {
    fn new(name: Name, owner: Option<Owner>, keys: Keys) -> Request {
        let stage = Stage::Waiting;
        Request { name, owner, keys, stage, abandoned: false, lost: false, hold: None, rest: None }
    }

    pub(super) fn waits(&self) -> bool {
        self.stage == Stage::Waiting
    }

    /// Whether its time is over, told or not.
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_some_and(|rest| rest <= 0)
    }

    /// Whether it is held, by the time that it is.
    pub(super) fn is_held(&self) -> bool {
        !self.waits() && !self.lost && !self.is_over()
    }

    /// A guard that was taken away and has nothing left.
    pub(super) fn is_husk(&self) -> bool {
        self.lost && self.keys.is_empty()
    }

    /// Answers whether it was not lost yet.
    fn lose(&mut self, keys: &BTreeSet<KeyNumber>) -> bool {
        self.keys.retain(|key, _| !keys.contains(key));
        self.rest = None;
        !std::mem::replace(&mut self.lost, true)
    }
}

impl Reference {
    /// At most so many requests wait, and wait for a key.
    pub(super) fn limited(in_total: Option<usize>, of_a_key: Option<usize>) -> Reference {
        Reference { most_waiters: in_total, most_waiters_of_a_key: of_a_key, ..Reference::default() }
    }

    /// Carries out an operation. The order of what follows from it is that of arrival.
    pub(super) fn apply(&mut self, operation: &Operation) -> (Answer, Vec<Event>) {
        let before = self.clone();
        let answer = match operation {
            Operation::Join { owner, keys } => self.join(*owner, keys),
            Operation::JoinNow { owner, keys } => self.join_now(*owner, keys),
            Operation::Try { owner, keys } => self.attempt(*owner, keys),
            Operation::JoinFor { owner, keys, hold } => self.join_for(*owner, keys, *hold),
            Operation::Adopt(name, owner) => self.adopt(*name, *owner),
            Operation::Pass => self.pass(),
            Operation::Tick | Operation::Query => self.end_overdue(),
            Operation::Deliver => Answer::Done,
            Operation::Claim(name) => self.claim(*name),
            Operation::Take(owner) => self.take(*owner),
            Operation::Release(name) => self.release(*name),
            Operation::ReleaseKeys(name, keys) => self.release_keys(*name, keys),
            Operation::Downgrade(name, keys) => self.downgrade(*name, keys.as_ref()),
            Operation::Cancel(name) | Operation::Close(name) | Operation::TimeOut(name) => self.remove(*name),
            Operation::Abandon(name) => self.abandon(*name),
            Operation::HandOver(name, to) => self.hand_over(*name, *to),
            Operation::CloseOwner(owner) => self.close_owner(*owner),
            Operation::Revoke(keys) => self.revoke(keys),
            Operation::Steal(keys) => self.steal(keys),
        };
        self.grant();
        let events = self.events_since(&before, operation);
        // Whose caller has seen it, and that there is nothing left of it, need not come back (clause L17).
        self.requests.retain(|request| !(request.is_husk() && request.stage == Stage::Claimed));
        (answer, events)
    }

    /// Whether an operation could be called here at all: by somebody who has the guard, the future or the owner.
    pub(super) fn allows(&self, operation: &Operation) -> bool {
        let stage = |name: &Name| self.find(*name).map(|at| self.requests[at].stage);
        match operation {
            Operation::Claim(name) => stage(name) == Some(Stage::Unseen),
            Operation::TimeOut(name) => stage(name) == Some(Stage::Waiting),
            Operation::Cancel(name) => matches!(stage(name), Some(Stage::Waiting | Stage::Unseen)),
            Operation::Close(name) => stage(name).is_some(),
            Operation::Abandon(name) => {
                matches!(stage(name), Some(Stage::Unseen | Stage::Inbox | Stage::Claimed))
            }
            Operation::Release(name)
            | Operation::ReleaseKeys(name, _)
            | Operation::Downgrade(name, _)
            | Operation::HandOver(name, _) => stage(name) == Some(Stage::Claimed),
            Operation::Adopt(name, owner) => {
                let of_nobody = |name: &Name| self.find(*name).is_some_and(|at| self.requests[at].owner.is_none());
                let is_new = self.requests.iter().all(|other| other.owner != Some(*owner));
                stage(name) == Some(Stage::Claimed) && of_nobody(name) && is_new && !self.closed.contains(owner)
            }
            Operation::Pass => self.requests.iter().any(|request| request.rest.is_some_and(|rest| rest > 0)),
            Operation::Tick => self.requests.iter().any(Request::is_over),
            Operation::Deliver => !self.under_way.is_empty(),
            Operation::Take(owner) => self.inbox(*owner).is_some(),
            _ => true,
        }
    }

    pub(super) fn find(&self, name: Name) -> Option<usize> {
        self.requests.iter().position(|request| request.name == name)
    }

    /// Whether nobody earlier stands in the way of a request (clause L2).
    pub(super) fn eligible(&self, at: usize) -> bool {
        self.requests[..at].iter().all(|earlier| !clash(&earlier.keys, &self.requests[at].keys))
    }

    /// The state without names, and with the owners in the order in which they appear: two programs that lead to the
    /// same one have the same future.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        let mut owners = Vec::new();
        let mut number = |owner: Owner| {
            let known = owners.iter().position(|other| *other == owner);
            known.unwrap_or_else(|| {
                owners.push(owner);
                owners.len() - 1
            }) as u8
        };
        let mut inbox: Vec<Name> = self.in_inboxes().map(|request| request.name).collect();
        inbox.sort_unstable();
        let mut print = Vec::new();
        for request in &self.requests {
            let place = inbox.iter().position(|name| *name == request.name).map_or(0, |at| at + 1);
            let marks = u8::from(request.abandoned) * 8 + u8::from(request.lost) * 4 + request.stage as u8;
            let late = self.under_way.iter().position(|name| *name == request.name).map_or(0, |at| at + 1);
            print.extend([marks, place as u8, request.owner.map_or(u8::MAX, &mut number), request.keys.len() as u8]);
            print.extend([late as u8, request.hold.unwrap_or(i8::MAX) as u8, request.rest.unwrap_or(i8::MAX) as u8]);
            print.extend(request.keys.iter().map(|(key, mode)| key * 2 + *mode as u8));
        }
        print.push(u8::MAX);
        let mut closed: Vec<u8> = self.closed.iter().map(|owner| number(*owner)).collect();
        closed.sort_unstable();
        print.extend(closed);
        print
    }

    fn in_inboxes(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.stage == Stage::Inbox)
    }

    /// The next guard that an owner can take.
    fn inbox(&self, owner: Owner) -> Option<Name> {
        self.in_inboxes().filter(|request| request.owner == Some(owner)).map(|request| request.name).min()
    }

    fn name(&mut self) -> Name {
        self.made += 1;
        self.made - 1
    }

    /// The state in which a request waits that perhaps would have been refused.
    pub(super) fn with_waiting(&self, owner: Option<Owner>, keys: &Keys) -> Reference {
        let mut with = self.clone();
        with.requests.push(Request::new(self.made, owner, keys.clone()));
        with
    }

    fn join(&mut self, owner: Option<Owner>, keys: &Keys) -> Answer {
        match self.arrive(owner, keys) {
            Ok(name) => Answer::Granted(name),
            Err(Some(Answer::Cancelled)) => Answer::Cancelled,
            Err(refused) => match (self.limit(keys), refused) {
                (Some(limit), _) => Answer::Busy(limit),
                (None, Some(refused)) => refused,
                (None, None) => {
                    let name = self.name();
                    self.requests.push(Request::new(name, owner, keys.clone()));
                    Answer::Waiting(name)
                }
            },
        }
    }

    fn join_for(&mut self, owner: Option<Owner>, keys: &Keys, hold: i8) -> Answer {
        let answer = self.join(owner, keys);
        if let (Answer::Granted(_) | Answer::Waiting(_), Some(request)) = (&answer, self.requests.last_mut()) {
            request.hold = Some(hold);
            request.rest = (!request.waits()).then_some(hold);
        }
        answer
    }

    fn adopt(&mut self, name: Name, owner: Owner) -> Answer {
        let Some(at) = self.find(name) else { return Answer::None };
        self.requests[at].owner = Some(owner);
        Answer::Done
    }

    fn pass(&mut self) -> Answer {
        for request in &mut self.requests {
            request.rest = request.rest.map(|rest| rest - 1);
        }
        Answer::Done
    }

    /// What is over is over for whoever asks, told or not (clause B5): who waited for it is next.
    fn end_overdue(&mut self) -> Answer {
        for request in self.requests.iter_mut().filter(|request| request.is_over()) {
            let keys = request.keys.keys().copied().collect();
            request.lose(&keys);
        }
        self.grant();
        Answer::Done
    }

    fn join_now(&mut self, owner: Option<Owner>, keys: &Keys) -> Answer {
        match self.arrive(owner, keys) {
            Ok(name) => Answer::Granted(name),
            Err(refused) => refused.unwrap_or(Answer::TimedOut),
        }
    }

    fn attempt(&mut self, owner: Option<Owner>, keys: &Keys) -> Answer {
        match self.arrive(owner, keys) {
            Ok(name) => Answer::Granted(name),
            Err(Some(Answer::Cancelled)) => Answer::Cancelled,
            Err(_) => Answer::None,
        }
    }

    /// A request that is granted at once; else why it must not even wait, if there is a reason.
    fn arrive(&mut self, owner: Option<Owner>, keys: &Keys) -> Result<Name, Option<Answer>> {
        if owner.is_some_and(|owner| self.closed.contains(&owner)) {
            return Err(Some(Answer::Cancelled));
        }
        if let Some(name) = self.arrive_at_free_keys(owner, keys) {
            return Ok(name);
        }
        // Only who would have to wait asks for the time.
        self.end_overdue();
        if let Some(name) = self.arrive_at_free_keys(owner, keys) {
            return Ok(name);
        }
        self.requests.push(Request::new(self.made, owner, keys.clone()));
        let deadlock = self.closes_a_cycle(self.requests.len() - 1);
        self.requests.pop();
        Err(deadlock.then_some(Answer::Deadlock))
    }

    fn arrive_at_free_keys(&mut self, owner: Option<Owner>, keys: &Keys) -> Option<Name> {
        self.requests.push(Request::new(self.made, owner, keys.clone()));
        let last = self.requests.len() - 1;
        if !self.eligible(last) {
            self.requests.pop();
            return None;
        }
        self.requests[last].stage = Stage::Claimed;
        Some(self.name())
    }

    /// The limit that one more waiting request would pass: how many stand behind others for a key where it would have to,
    /// or how many wait at all.
    fn limit(&self, keys: &Keys) -> Option<usize> {
        let in_the_way = |line: &[Request], key: &KeyNumber, mode: Mode| {
            line.iter().any(|earlier| earlier.keys.get(key).is_some_and(|other| *other == X || mode == X))
        };
        let behind_others = |key: &KeyNumber| {
            let stands_behind = |at: &usize| {
                let mode = self.requests[*at].keys.get(key);
                mode.is_some_and(|mode| in_the_way(&self.requests[..*at], key, *mode))
            };
            (0..self.requests.len()).filter(stands_behind).count()
        };
        let full = |most: &usize| {
            keys.iter().any(|(key, mode)| in_the_way(&self.requests, key, *mode) && behind_others(key) >= *most)
        };
        let waiting = self.requests.iter().filter(|request| request.waits()).count();
        self.most_waiters_of_a_key.filter(full).or(self.most_waiters.filter(|most| waiting >= *most))
    }

    fn claim(&mut self, name: Name) -> Answer {
        let Some(at) = self.find(name) else { return Answer::None };
        self.requests[at].stage = Stage::Claimed;
        Answer::Granted(name)
    }

    fn take(&mut self, owner: Owner) -> Answer {
        match self.inbox(owner) {
            Some(name) => self.claim(name),
            None => Answer::None,
        }
    }

    /// Takes a request out, whatever it is.
    fn remove(&mut self, name: Name) -> Answer {
        let Some(at) = self.find(name) else { return Answer::None };
        self.requests.remove(at);
        Answer::Done
    }

    fn release(&mut self, name: Name) -> Answer {
        // Nobody needs the time for one that lasts.
        if self.find(name).is_some_and(|at| self.requests[at].rest.is_some()) {
            self.end_overdue();
        }
        match self.find(name).map(|at| &self.requests[at]) {
            Some(request) if !request.is_husk() => self.remove(name),
            // Once it is seen it goes by itself.
            Some(request) if request.stage != Stage::Claimed => {
                self.remove(name);
                Answer::NotHeld(BTreeSet::new())
            }
            _ => Answer::NotHeld(BTreeSet::new()),
        }
    }

    fn release_keys(&mut self, name: Name, keys: &BTreeSet<KeyNumber>) -> Answer {
        self.end_overdue();
        let Some(request) = self.requests.iter_mut().find(|request| request.name == name && !request.lost) else {
            return Answer::NotHeld(keys.clone());
        };
        let missing: BTreeSet<_> = keys.iter().copied().filter(|key| !request.keys.contains_key(key)).collect();
        if !missing.is_empty() {
            return Answer::NotHeld(missing);
        }
        request.keys.retain(|key, _| !keys.contains(key));
        if request.keys.is_empty() && !keys.is_empty() {
            return self.remove(name);
        }
        Answer::Done
    }

    fn downgrade(&mut self, name: Name, keys: Option<&BTreeSet<KeyNumber>>) -> Answer {
        self.end_overdue();
        let Some(request) = self.requests.iter_mut().find(|request| request.name == name && !request.lost) else {
            return Answer::NotHeld(keys.cloned().unwrap_or_default());
        };
        let all = request.keys.keys().copied().collect();
        let keys = keys.unwrap_or(&all);
        let missing: BTreeSet<_> = keys.difference(&all).copied().collect();
        if !missing.is_empty() {
            return Answer::NotHeld(missing);
        }
        request.keys.extend(keys.iter().map(|key| (*key, S)));
        Answer::Done
    }

    fn abandon(&mut self, name: Name) -> Answer {
        let Some(at) = self.find(name) else { return Answer::None };
        let gone = self.requests.remove(at);
        for other in self.requests.iter_mut().filter(|other| other.waits()) {
            other.abandoned |= overlap(&gone.keys, &other.keys);
        }
        Answer::Done
    }

    fn hand_over(&mut self, name: Name, to: Owner) -> Answer {
        self.end_overdue();
        let is_held = |at: &usize| !self.requests[*at].lost;
        let Some(at) = self.find(name).filter(is_held) else {
            return Answer::NotHeld(BTreeSet::new());
        };
        if self.requests[at].owner == Some(to) {
            return Answer::Invalid;
        }
        if self.closed.contains(&to) {
            self.requests.remove(at);
            return Answer::Undelivered;
        }
        let held = self.requests[at].keys.clone();
        let waiting: Vec<usize> = self.waiting_of(to).collect();
        let resolved = waiting.iter().copied().find(|other| covered(&self.requests[*other].keys, &held));
        let others = waiting.iter().copied().filter(|other| Some(*other) != resolved);
        for other in others {
            if overlap(&self.requests[other].keys, &held) || self.reaches(self.blockers(other), |goal| goal == at) {
                return Answer::Deadlock;
            }
        }
        let (name, stage) = match resolved {
            Some(other) => (self.requests[other].name, Stage::Unseen),
            None => (self.name(), Stage::Inbox),
        };
        self.requests[at] = Request { name, owner: Some(to), stage, ..self.requests[at].clone() };
        if let Some(other) = resolved {
            self.requests.remove(other);
        }
        Answer::HandedOver(name)
    }

    fn close_owner(&mut self, owner: Owner) -> Answer {
        self.closed.insert(owner);
        let (own, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.requests).into_iter().partition(|request| request.owner == Some(owner));
        self.requests = others;
        Answer::Count(own.iter().filter(|request| !request.is_husk()).count())
    }

    fn revoke(&mut self, keys: &BTreeSet<KeyNumber>) -> Answer {
        self.end_overdue();
        let concerned = |request: &Request| request.keys.keys().any(|key| keys.contains(key));
        let held = self.requests.iter_mut().filter(|request| !request.waits());
        Answer::Count(held.filter(|request| concerned(request)).map(|request| usize::from(request.lose(keys))).sum())
    }

    fn steal(&mut self, keys: &BTreeSet<KeyNumber>) -> Answer {
        self.revoke(keys);
        let name = self.name();
        let mut thief = Request::new(name, None, keys.iter().map(|key| (*key, X)).collect());
        thief.stage = Stage::Claimed;
        self.requests.insert(0, thief);
        Answer::Granted(name)
    }

    /// Grants whoever can be granted.
    fn grant(&mut self) {
        for at in 0..self.requests.len() {
            if self.requests[at].waits() && self.eligible(at) {
                self.requests[at].stage = Stage::Unseen;
                self.requests[at].rest = self.requests[at].hold;
            }
        }
    }

    /// What has changed for somebody who is not the caller.
    fn events_since(&self, before: &Reference, operation: &Operation) -> Vec<Event> {
        let mut events = Vec::new();
        let ended = |request: &Request| match operation {
            Operation::CloseOwner(owner) => request.owner == Some(*owner),
            Operation::Close(name) => request.name == *name,
            _ => false,
        };
        for earlier in &before.requests {
            let now = self.find(earlier.name).map(|at| &self.requests[at]);
            match now {
                Some(now) if earlier.waits() && !now.waits() => events.push(Event::Granted(earlier.name)),
                // Nobody watches what nobody has taken.
                _ if earlier.stage == Stage::Inbox => {}
                Some(now) if now.lost && !earlier.lost => events.push(Event::Lost(earlier.name)),
                None if ended(earlier) && !earlier.waits() && !earlier.lost => events.push(Event::Lost(earlier.name)),
                None if ended(earlier) && earlier.waits() => events.push(Event::Ended(earlier.name)),
                _ => {}
            }
        }
        events
    }
}
