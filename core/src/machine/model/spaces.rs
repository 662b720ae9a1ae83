//! A space, its shards and its owners, as the searches drive them: through a port, with every outcome compared.
//!
//! Three operations that a caller cannot aim at one request (its time-out, the close and the loss of its handle) enter one
//! floor below, where the port would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::operations::{Answer, Event, KeyNumber, Keys, Name, Operation, Owner};
use super::reference::{Reference, Request, S, Stage, X};
use super::search::{Scope, States, Subject};
use crate::shared::late;
use crate::{
    Blocker, Cancelled, CycleStep, Error, ErrorKind, Grant, Hold, Key, LockSpec, ManualClock, Mode,
    Owner as SpaceOwner, OwnerName, Port, Query, Settled, Space, Ticket, Wait,
};

/// A space and the names that the reference has for its requests.
pub(super) struct Spaces {
    space: Space,
    clock: ManualClock,
    late: bool,
    port: Port,
    owners: Vec<SpaceOwner>,
    tickets: BTreeMap<Name, Ticket>,
    /// The tokens of those whose grants have been told.
    tokens: BTreeMap<Name, u64>,
    /// The largest token that there was for each key and mode (clause L14).
    largest: BTreeMap<(KeyNumber, Mode), u64>,
    /// What the query has shown that was the last operation.
    seen: Option<Query>,
}

/// A row of a query: keys with their modes, the owner, and what else it says.
type Row<T> = (BTreeMap<u64, Mode>, Option<usize>, T);

impl Spaces {
    pub(super) fn new(shards: usize, scope: &Scope) -> Spaces {
        let clock = ManualClock::new();
        let mut builder = Space::builder().shards(shards).seed(1);
        if !scope.holds.is_empty() {
            builder = builder.clock(clock.clone());
        }
        late::hold_back(scope.late);
        if let Some(most) = scope.limits.0 {
            builder = builder.max_waiters(most);
        }
        if let Some(most) = scope.limits.1 {
            builder = builder.max_waiters_per_key(most);
        }
        let space = builder.build();
        Spaces {
            port: space.port(|| {}),
            owners: (0..scope.owners).map(|number| space.owner(number.to_string())).collect(),
            space,
            clock,
            late: scope.late,
            tickets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            largest: BTreeMap::new(),
            seen: None,
        }
    }

    fn spec(&self, owner: Option<Owner>, keys: &Keys) -> LockSpec {
        let of_mode = |wanted: Mode| keys.iter().filter(move |(_, mode)| **mode == wanted).map(|(key, _)| key_of(*key));
        let spec = LockSpec::new(of_mode(X).collect::<Vec<_>>()).shared(of_mode(S).collect::<Vec<_>>());
        match owner {
            Some(owner) => spec.owner(&self.owners[usize::from(owner)]),
            // As callers do that have no options, where they need none.
            None if keys.values().all(|mode| *mode == X) => LockSpec::new(of_mode(X).collect::<Vec<_>>()),
            None => spec,
        }
    }

    fn ask(&mut self, before: &Reference, (owner, keys): (Option<Owner>, &Keys), hold: Option<i8>, answer: &Answer) {
        let name = match answer {
            Answer::Granted(name) | Answer::Waiting(name) => *name,
            _ => usize::MAX,
        };
        let spec = match hold {
            Some(hold) => self.spec(owner, keys).max_hold(UNIT * u32::from(hold.unsigned_abs())),
            None => self.spec(owner, keys),
        };
        match self.port.lock(&spec, name as u64) {
            Ok(crate::Answer::Granted(grant)) => {
                assert_eq!(*answer, Answer::Granted(name));
                self.granted_at_once(name, keys, grant);
            }
            Ok(crate::Answer::Waiting(ticket)) => {
                assert_eq!(*answer, Answer::Waiting(name));
                self.tickets.insert(name, ticket);
            }
            Err(error) => self.check_error(before, (owner, keys), &error, answer),
        }
    }

    fn granted_at_once(&mut self, name: Name, keys: &Keys, grant: Grant) {
        assert!(!grant.abandoned, "nobody was there to go away");
        self.tickets.insert(name, grant.ticket);
        self.check_token(name, keys, grant.token);
        assert!(self.port.watch_lost(grant.ticket, name as u64), "there is something to lose");
    }

    fn check_error(&self, before: &Reference, asked: (Option<Owner>, &Keys), error: &Error, answer: &Answer) {
        match answer {
            Answer::Deadlock => {
                assert_eq!(error.kind(), ErrorKind::Deadlock);
                let steps: Vec<_> = error.cycle().iter().map(|step| self.step(step)).collect();
                assert!(before.has_cycle(asked.0, asked.1, &steps), "no such cycle: {:?}", error.cycle());
            }
            Answer::Busy(limit) => assert_eq!((error.kind(), error.limit()), (ErrorKind::Busy, Some(*limit))),
            Answer::Cancelled => assert_eq!(error.kind(), ErrorKind::Cancelled),
            Answer::TimedOut => assert_eq!(error.kind(), ErrorKind::Timeout),
            other => panic!("{error}, not {other:?}"),
        }
    }

    fn step(&self, step: &CycleStep) -> (Option<Owner>, KeyNumber) {
        (self.owner_number(step.owner.as_ref()).map(|owner| owner as Owner), number_of(&step.key) as KeyNumber)
    }

    fn owner_number(&self, name: Option<&OwnerName>) -> Option<usize> {
        let name = name?;
        let at = self.owners.iter().position(|owner| *owner.id() == *name.id);
        assert!(at.is_some(), "an owner that nobody made: {name}");
        at
    }

    /// Clause L14, for every grant when it is told.
    fn check_token(&mut self, name: Name, keys: &Keys, token: u64) {
        assert_eq!(self.tokens.insert(name, token), None, "told once");
        for (&key, &mode) in keys {
            let against = if mode == X { &[X, S][..] } else { &[X][..] };
            for &other in against {
                let earlier = self.largest.get(&(key, other)).copied().unwrap_or(0);
                assert!(token > earlier, "token {token} after {earlier} on key {key}");
            }
            let largest = self.largest.entry((key, mode)).or_default();
            *largest = token.max(*largest);
        }
    }

    fn leave(&self, name: Name, why: super::super::Leave) -> bool {
        self.space.engine().shared.leave(self.tickets[&name], why, None).is_some()
    }

    /// What was told to others, and of the end of whom the operation was.
    fn check_events(
        &mut self,
        (before, after): States<'_>,
        expected: &[Event],
        ended: Option<(Name, ErrorKind)>,
        handed: Option<Name>,
    ) {
        let mut told = Vec::new();
        let mut ends = Vec::new();
        let mut settled = Vec::new();
        self.port.take_settled(&mut settled);
        for one in settled {
            match one {
                Settled::Granted { tag, grant } => {
                    let name = tag as Name;
                    told.push(Event::Granted(name));
                    match handed.filter(|_| self.tickets.get(&name) != Some(&grant.ticket)) {
                        Some(given) => self.moved(given, name, grant),
                        None => {
                            let keys = before.find(name).map(|at| before.requests[at].keys.clone());
                            self.check_token(name, &keys.unwrap_or_default(), grant.token);
                        }
                    }
                    let held = after.find(name).is_some_and(|at| after.requests[at].is_held());
                    assert_eq!(self.port.watch_lost(grant.ticket, tag), held, "whether there is something to lose");
                }
                Settled::Failed { tag, error } if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed) => {
                    told.push(Event::Ended(tag as Name));
                }
                Settled::HandedOver { .. } | Settled::Changed { .. } | Settled::Resumed { .. } => {}
                Settled::Lost { tag } => told.push(Event::Lost(tag as Name)),
                Settled::Failed { tag, error } => ends.push((tag as Name, error.kind())),
            }
        }
        // Those that share no key are told in any order.
        told.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(told, expected, "what others are told");
        assert_eq!(ends, Vec::from_iter(ended), "who is told of an end");
    }

    fn claim(&mut self, before: &Reference, name: Name) {
        let claimed = self.space.engine().shared.claim(self.tickets[&name]).expect("a grant that stands");
        let request = before.find(name).map(|at| &before.requests[at]);
        if before.under_way.contains(&name) {
            // Its caller has looked before it was told, and is not told any more.
            let (keys, lost) = request.map(|request| (request.keys.clone(), request.lost)).unwrap_or_default();
            self.check_token(name, &keys, claimed.token);
            assert_eq!(self.port.watch_lost(claimed.ticket, name as u64), !lost);
        }
        assert_eq!(Some(&claimed.token), self.tokens.get(&name), "the token that was told");
        assert_eq!(Some(claimed.abandoned), request.map(|request| request.abandoned), "clause L11");
    }

    fn release(&mut self, name: Name, held: bool) {
        let ticket = self.tickets[&name];
        assert_eq!(self.port.release(ticket).is_ok(), held);
        assert_eq!(self.port.release(ticket).map_err(|error| error.kind()), Err(ErrorKind::NotHeld));
        assert_eq!(self.port.cancel(ticket), Cancelled::Gone);
    }

    fn hand_over(&mut self, name: Name, to: Owner, answer: &Answer) {
        let owner = self.owners[usize::from(to)].id().to_owned();
        let payload = Box::new(self.tickets[&name]);
        let answered = self.port.hand_over(self.tickets[&name], &owner, Some(payload));
        match (answered, answer) {
            (Ok(true), Answer::HandedOver(taken)) => {
                // Else it is the outcome of a request, which is told.
                if !self.tickets.contains_key(taken) {
                    self.tickets.insert(*taken, self.tickets[&name]);
                    self.tokens.insert(*taken, self.tokens[&name]);
                }
            }
            (Ok(false), Answer::Undelivered) => {}
            (Err(error), Answer::Deadlock) => {
                assert_eq!(error.kind(), ErrorKind::Deadlock);
                assert!(!error.cycle().is_empty());
            }
            (Err(error), Answer::NotHeld(_)) => assert_eq!(error.kind(), ErrorKind::NotHeld),
            (Err(error), Answer::Invalid) => assert_eq!(error.kind(), ErrorKind::Invalid),
            (answered, _) => panic!("{answered:?}, not {answer:?}"),
        }
    }

    /// A request is resolved by a grant that somebody had.
    fn moved(&mut self, given: Name, name: Name, grant: Grant) {
        assert_eq!((Some(&grant.ticket), Some(&grant.token)), (self.tickets.get(&given), self.tokens.get(&given)));
        assert!(!grant.abandoned);
        self.tickets.insert(name, grant.ticket);
        self.tokens.insert(name, grant.token);
    }

    fn take(&mut self, before: &Reference, owner: Owner, answer: &Answer) {
        let Answer::Granted(name) = answer else { panic!("there is one: {answer:?}") };
        let taken = self.port.take_handed_over(&self.owners[usize::from(owner)]).expect("there is one");
        assert_eq!((taken.grant.ticket, taken.grant.token), (self.tickets[name], self.tokens[name]));
        assert_eq!(taken.payload.and_then(|payload| payload.downcast().ok()), Some(Box::new(taken.grant.ticket)));
        let request = before.find(*name).map(|at| &before.requests[at]).expect("it is there");
        assert_eq!(self.port.watch_lost(taken.grant.ticket, *name as u64), request.is_held());
    }

    fn check_holds(&mut self, reference: &Reference) {
        // Who asks ends what is over: to look without that is for tests.
        let query = self.seen.take().unwrap_or_else(|| self.space.engine().shared.look(None));
        let of_hold = |hold: &Hold| -> Row<(bool, u64)> {
            (keys_of(&hold.keys, &hold.shared), self.owner_number(hold.owner.as_ref()), (hold.claimed, hold.token))
        };
        let of_request = |request: &Request| -> Row<(bool, u64)> {
            let claimed = request.stage == Stage::Claimed;
            (wide(&request.keys), request.owner.map(usize::from), (claimed, self.token(request.name)))
        };
        let held = reference.requests.iter().filter(|request| !request.waits());
        // The empty set stands in no queue.
        let held = held.filter(|request| !request.keys.is_empty());
        assert_eq!(sorted(query.held.iter().map(of_hold)), sorted(held.map(of_request)), "who holds");

        let of_wait = |wait: &Wait| -> Row<(usize, Vec<_>)> {
            let blockers = sorted(wait.blocked_by.iter().map(|blocker| self.blocker(blocker)));
            (keys_of(&wait.keys, &wait.shared), self.owner_number(wait.owner.as_ref()), (wait.position, blockers))
        };
        let of_waiting = |at: usize| -> Row<(usize, Vec<_>)> {
            let request = &reference.requests[at];
            let blockers = reference.fronts(at).into_iter();
            let blockers = blockers.map(|(key, other)| {
                let other = &reference.requests[other];
                let token = (!other.waits()).then(|| self.token(other.name));
                (u64::from(key), other.owner.map(usize::from), token)
            });
            (wide(&request.keys), request.owner.map(usize::from), (reference.place(at), sorted(blockers)))
        };
        let waiting = (0..reference.requests.len()).filter(|&at| reference.requests[at].waits());
        assert_eq!(sorted(query.pending.iter().map(of_wait)), sorted(waiting.map(of_waiting)), "who waits");
    }

    /// The token of a grant, told or not.
    fn token(&self, name: Name) -> u64 {
        let of_ticket = |ticket: Ticket| self.space.engine().shared.token_of(ticket);
        let told = self.tokens.get(&name).copied();
        told.or_else(|| of_ticket(self.tickets[&name])).expect("it is granted")
    }

    /// What is told at once of what follows: what is under way to its table is told there, when it arrives. Who ends before
    /// that is told that it has nothing.
    fn as_told(&self, (before, after): States<'_>, operation: &Operation, events: &[Event]) -> Vec<Event> {
        let kept = late::kept();
        let is_kept = |name: &Name| self.tickets.get(name).is_some_and(|ticket| kept.contains(ticket));
        let untold = |event: &Event| match event {
            Event::Granted(name) => is_kept(name),
            Event::Lost(name) | Event::Ended(name) => before.under_way.contains(name),
        };
        // Where nothing is left of it, there is nothing to wait for.
        let is_husk = |name: &&Name| after.find(**name).is_some_and(|at| after.requests[at].is_husk());
        let mut told: Vec<Event> = events.iter().copied().filter(|event| !untold(event)).collect();
        let owner = |name: Name| before.find(name).and_then(|at| before.requests[at].owner);
        let ends = |name: &Name| match operation {
            Operation::Abandon(ended) | Operation::Close(ended) => ended == name,
            Operation::CloseOwner(closed) => owner(*name) == Some(*closed),
            _ => false,
        };
        told.extend(before.under_way.iter().copied().filter(ends).map(Event::Ended));
        told.extend(before.under_way.iter().filter(is_husk).copied().map(Event::Granted));
        if *operation == Operation::Deliver {
            told.extend(before.under_way.first().map(|name| Event::Granted(*name)));
        }
        told
    }

    fn blocker(&self, blocker: &Blocker) -> (u64, Option<usize>, Option<u64>) {
        (number_of(&blocker.key), self.owner_number(blocker.owner.as_ref()), blocker.token)
    }
}

/// What the clock moves on by.
const UNIT: Duration = Duration::from_millis(1);

impl Subject for Spaces {
    fn apply(&mut self, states: States<'_>, operation: &Operation, answer: &Answer, events: &[Event]) {
        use super::super::Leave;
        let (before, _) = states;
        self.seen = None;
        let mut thief: Option<(Name, Grant, Keys)> = None;
        let mut ended = None;
        let mut handed = None;
        let waits = |name: &Name| before.find(*name).is_some_and(|at| before.requests[at].waits());
        match operation {
            Operation::Join { owner, keys } => self.ask(before, (*owner, keys), None, answer),
            Operation::JoinFor { owner, keys, hold } => self.ask(before, (*owner, keys), Some(*hold), answer),
            Operation::Adopt(name, owner) => {
                self.port.adopt(self.tickets[name], &self.owners[usize::from(*owner)]);
            }
            Operation::Pass => self.clock.advance(UNIT),
            Operation::Tick => self.port.tick(),
            Operation::Query => self.seen = Some(self.port.query(None).expect("it is open")),
            Operation::Deliver => late::deliver(&self.space.engine().shared),
            Operation::JoinNow { owner, keys } => {
                let spec = self.spec(*owner, keys).timeout(Duration::ZERO);
                match (self.port.lock(&spec, u64::MAX), answer) {
                    (Ok(crate::Answer::Granted(grant)), Answer::Granted(name)) => {
                        self.granted_at_once(*name, keys, grant);
                    }
                    (Err(error), _) => self.check_error(before, (*owner, keys), &error, answer),
                    (Ok(other), _) => panic!("{other:?}, not {answer:?}"),
                }
            }
            Operation::Try { owner, keys } => match (self.port.try_lock(&self.spec(*owner, keys)), answer) {
                (Ok(Some(grant)), Answer::Granted(name)) => self.granted_at_once(*name, keys, grant),
                (Ok(None), Answer::None) => {}
                (Err(error), _) => self.check_error(before, (*owner, keys), &error, answer),
                (Ok(other), _) => panic!("{other:?}, not {answer:?}"),
            },
            Operation::Claim(name) => self.claim(before, *name),
            Operation::Release(name) => self.release(*name, *answer == Answer::Done),
            Operation::Cancel(name) => {
                let expected = if waits(name) { Cancelled::Waiting } else { Cancelled::GrantGivenOn };
                assert_eq!(self.port.cancel(self.tickets[name]), expected);
                assert_eq!(self.port.cancel(self.tickets[name]), Cancelled::Gone);
            }
            Operation::TimeOut(name) => {
                assert!(self.leave(*name, Leave::TimeOut(None)));
                ended = Some((*name, ErrorKind::Timeout));
            }
            Operation::Close(name) => {
                assert!(self.leave(*name, Leave::Close));
            }
            Operation::Abandon(name) => assert!(self.leave(*name, Leave::Abandon)),
            Operation::CloseOwner(owner) => {
                let count = self.port.close_owner(&self.owners[usize::from(*owner)]);
                assert_eq!(Answer::Count(count), *answer);
            }
            Operation::ReleaseKeys(name, keys) => {
                let answered = self.port.release_keys(self.tickets[name], &list(keys));
                check_given_up(answered, answer);
            }
            Operation::Downgrade(name, keys) => {
                let keys = keys.as_ref().map(list);
                let answered = self.port.downgrade(self.tickets[name], keys.as_deref());
                check_given_up(answered, answer);
            }
            Operation::Revoke(keys) => {
                let count = self.port.revoke(&list(keys)).expect("it is open");
                assert_eq!(Answer::Count(count), *answer);
            }
            Operation::HandOver(name, to) => {
                self.hand_over(*name, *to, answer);
                handed = Some(*name);
            }
            Operation::Take(owner) => self.take(before, *owner, answer),
            Operation::Steal(keys) => {
                let Answer::Granted(name) = answer else { panic!("a thief has it at once: {answer:?}") };
                let grant = self.port.steal(&list(keys)[0], None).expect("it is open");
                // Later than what came to its end before it.
                thief = Some((*name, grant, keys.iter().map(|key| (*key, X)).collect()));
            }
        }
        let told = self.as_told(states, operation, events);
        self.check_events(states, &told, ended, handed);
        if let Some((name, grant, keys)) = thief {
            self.granted_at_once(name, &keys, grant);
        }
        if let (Some(given), Answer::HandedOver(_)) = (handed, answer) {
            // The ticket is the new owner's.
            self.tickets.remove(&given);
        }
    }

    fn under_way(&self) -> Vec<Name> {
        if !self.late {
            return Vec::new();
        }
        let named = |ticket: &Ticket| self.tickets.iter().find(|(_, other)| *other == ticket).map(|(name, _)| *name);
        late::kept().iter().filter_map(named).filter(|name| !self.tokens.contains_key(name)).collect()
    }

    fn check(&mut self, reference: &Reference) {
        let left: BTreeSet<Name> = reference.requests.iter().map(|request| request.name).collect();
        for (name, ticket) in &self.tickets {
            let held = reference.requests.iter().any(|request| request.name == *name && request.is_held());
            assert_eq!(self.port.held(*ticket), held, "whether {name} is held");
            if !left.contains(name) {
                let released = self.port.release(*ticket).map_err(|error| error.kind());
                assert_eq!(released, Err(ErrorKind::NotHeld), "whether {name} is there to be released");
            }
        }
        assert_eq!(self.space.engine().shared.kept(), reference.requests.len(), "clause L17");
        self.check_holds(reference);
        // What is stale was looked at once.
        self.tickets.retain(|name, _| left.contains(name));
        self.tokens.retain(|name, _| left.contains(name));
    }
}

fn check_given_up(answered: Result<(), Error>, answer: &Answer) {
    let answered = match answered {
        Ok(()) => Answer::Done,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotHeld);
            Answer::NotHeld(error.keys().iter().map(|key| number_of(key) as KeyNumber).collect())
        }
    };
    assert_eq!(answered, *answer);
}

fn list(keys: &BTreeSet<KeyNumber>) -> Vec<Key> {
    keys.iter().map(|key| key_of(*key)).collect()
}

fn key_of(key: KeyNumber) -> Key {
    Key::from(u64::from(key))
}

fn number_of(key: &Key) -> u64 {
    (0..u64::from(KeyNumber::MAX)).find(|number| Key::from(*number) == *key).expect("a key of the search")
}

fn keys_of(exclusive: &[Key], shared: &[Key]) -> BTreeMap<u64, Mode> {
    let exclusive = exclusive.iter().map(|key| (number_of(key), X));
    exclusive.chain(shared.iter().map(|key| (number_of(key), S))).collect()
}

fn wide(keys: &Keys) -> BTreeMap<u64, Mode> {
    keys.iter().map(|(key, mode)| (u64::from(*key), *mode)).collect()
}

fn sorted<T: Ord>(rows: impl Iterator<Item = T>) -> Vec<T> {
    let mut rows: Vec<T> = rows.collect();
    rows.sort_unstable();
    rows
}
