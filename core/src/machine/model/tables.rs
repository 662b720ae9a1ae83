//! The tables alone, against clause L2 written down: what joins, leaves and is granted, with grants that another table
//! decided carried out late.
//!
//! The requests are listed in order of arrival; one is granted when no earlier one that is left is incompatible with it
//! on any key. The search is breadth-first over the distinct states of that list; each is reached by replaying its
//! program on fresh tables, and every step after it is compared.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use foldhash::fast::FixedState;

use super::super::{
    Arrival, Claimed, Effect, Effects, Entry, Leave, LockTable, Mode, Origin, Released, Roused, ShardTable, Standing,
    Survey, attempt_vacant, hash, leave, release_lone, spanning,
};
use super::show;
use crate::{Key, Ticket};

/// The recipient of a request is its number in the program; outcomes are collected from the effects.
impl super::super::Recipient for usize {
    fn collects(&self) -> bool {
        false
    }
}

const ORIGIN: Origin = Origin(1);

/// The keys and modes that requests are made of: key `n` as `(n, mode)`.
type Shape = &'static [(usize, Mode)];

const X: Mode = Mode::Exclusive;
const S: Mode = Mode::Shared;

const SHAPES: [Shape; 8] = [
    &[(0, X)],
    &[(0, S)],
    &[(1, X)],
    &[(1, S)],
    &[(0, X), (1, X)],
    &[(0, S), (1, X)],
    &[(0, S), (1, S)],
    &[(0, X), (1, S), (2, X)],
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Join(usize),
    /// The number is the place among the requests that are left.
    Leave(usize),
    Abandon(usize),
    Close(usize),
    Claim(usize),
    Try(usize),
    /// Carries out the oldest grant that was decided in another table.
    Deliver,
}

/// What the model knows of a request that is left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    shape: usize,
    claimed: bool,
    /// Decided in another table and not yet carried out at home.
    undelivered: bool,
    /// A holder of one of its keys went away without a word while it was queued.
    abandoned: bool,
}

/// Those of the tables, in order.
fn chosen<'t>(
    tables: &'t mut [ShardTable<usize>],
    numbers: &[usize],
) -> impl Iterator<Item = &'t mut ShardTable<usize>> {
    tables.iter_mut().enumerate().filter(|(number, _)| numbers.contains(number)).map(|(_, table)| table)
}

/// Clause L2: no earlier incompatible request is left on any of its keys.
fn granted(known: &[Known], at: usize) -> bool {
    let clash = |a: Shape, b: Shape| a.iter().any(|x| b.iter().any(|y| x.0 == y.0 && (x.1 == X || y.1 == X)));
    known[..at].iter().all(|earlier| !clash(SHAPES[earlier.shape], SHAPES[known[at].shape]))
}

fn shares_a_key(known: &[Known], a: usize, b: usize) -> bool {
    let keys = |at: usize| SHAPES[known[at].shape].iter().map(|x| x.0);
    keys(a).any(|key| keys(b).any(|other| other == key))
}

/// The machine under test, with its keys spread over `tables.len()` tables.
struct Machine {
    tables: Vec<ShardTable<usize>>,
    roused: RefCell<Roused>,
    /// The requests that are left, in order of arrival.
    tickets: Vec<(usize, Ticket)>,
    /// The tokens of those who were told of their grant, and whether they were told that it was abandoned.
    told: BTreeMap<usize, (u64, bool)>,
    undelivered: VecDeque<Ticket>,
    made: usize,
    /// The largest token that was ever exclusive, and ever shared, on each key.
    tokens: BTreeMap<(usize, Mode), u64>,
    seen_tokens: BTreeSet<usize>,
}

impl Machine {
    fn new(tables: usize) -> Machine {
        let tables = (0..tables).map(|number| ShardTable::new(number as u32, 0)).collect();
        Machine {
            tables,
            roused: RefCell::default(),
            tickets: Vec::new(),
            told: BTreeMap::new(),
            undelivered: VecDeque::new(),
            made: 0,
            tokens: BTreeMap::new(),
            seen_tokens: BTreeSet::new(),
        }
    }

    fn groups(&self, shape: Shape) -> Vec<(usize, Vec<Entry>)> {
        let mut groups: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
        for &(number, mode) in shape {
            let key = Key::from(number);
            let entry = Entry { hash: hash(&FixedState::with_seed(1), &key), key, mode };
            groups.entry(number % self.tables.len()).or_default().push(entry);
        }
        groups.into_iter().collect()
    }

    /// The tables of a request, as a caller that has them locked sees them.
    fn with<T>(&mut self, numbers: &[usize], f: impl FnOnce(&mut [&mut LockTable<usize>]) -> T) -> T {
        let share = |home, joint| self.roused.borrow_mut().share(home, joint);
        let answer = f(&mut chosen(&mut self.tables, numbers).map(|table| table.crowd(&share)).collect::<Vec<_>>());
        chosen(&mut self.tables, numbers).for_each(ShardTable::settle);
        answer
    }

    /// The table of a request, alone.
    fn with_home<T>(&mut self, ticket: Ticket, f: impl FnOnce(&mut LockTable<usize>) -> T) -> T {
        self.with(&[ticket.shard() as usize], |tables| f(tables[0]))
    }

    /// As a caller does that wants a few keys exclusively: first the short ways, which need no lock table.
    fn attempt_short(&mut self, groups: &[(usize, Vec<Entry>)]) -> Option<(Ticket, u64)> {
        if groups.iter().flat_map(|(_, entries)| entries).any(|entry| entry.mode == S) {
            return None;
        }
        match groups {
            [(number, entries)] => {
                let table = &mut self.tables[*number];
                let share = |home, joint| self.roused.borrow_mut().share(home, joint);
                match &entries[..] {
                    [entry] => table.attempt_one(entry.hash, &entry.key, ORIGIN, &share),
                    _ => {
                        let keys = entries.iter().map(|entry| (entry.hash, &entry.key));
                        let granted = table.crowd(&share).attempt_free(keys, ORIGIN);
                        table.settle();
                        granted
                    }
                }
            }
            _ if groups.iter().all(|(_, entries)| entries.len() == 1) => {
                let numbers: Vec<_> = groups.iter().map(|(number, _)| *number).collect();
                let keys = groups.iter().map(|(_, entries)| (entries[0].hash, &entries[0].key));
                attempt_vacant(&mut chosen(&mut self.tables, &numbers).collect::<Vec<_>>(), keys, ORIGIN)
            }
            _ => None,
        }
    }

    /// The parts of a request that has its keys in several tables and is a lone holder in its first.
    fn lone_parts(&self, ticket: Ticket) -> Option<Vec<usize>> {
        let joint = self.tables[ticket.shard() as usize].lone_joint(ticket)?;
        Some(joint.tables().map(|table| table as usize).collect())
    }

    fn join(&mut self, shape: usize) {
        let name = self.made;
        self.made += 1;
        let groups = self.groups(SHAPES[shape]);
        if let Some((ticket, token)) = self.attempt_short(&groups) {
            self.tickets.push((name, ticket));
            self.told.insert(name, (token, false));
            return;
        }
        let arrival =
            Arrival { origin: ORIGIN, signature: None, joined: None, order: 0, deadline: None, max_hold: None };
        let numbers: Vec<_> = groups.iter().map(|(number, _)| *number).collect();
        let slices: Vec<_> = groups.iter().map(|(_, entries)| &entries[..]).collect();
        let (placed, unused) = self.with(&numbers, |tables| match tables {
            [table] => table.join(slices[0], arrival, name),
            _ => spanning::join(tables, &slices, arrival, name),
        });
        assert_eq!(placed.token.is_some(), unused.is_some());
        self.tickets.push((name, placed.ticket));
        if let Some(token) = placed.token {
            self.told.insert(name, (token, false));
        }
    }

    /// Whether a try would succeed; takes nothing.
    fn tries(&mut self, shape: usize) -> bool {
        let groups = self.groups(SHAPES[shape]);
        let numbers: Vec<_> = groups.iter().map(|(number, _)| *number).collect();
        let slices: Vec<_> = groups.iter().map(|(_, entries)| &entries[..]).collect();
        let admitted = self.with(&numbers, |tables| spanning::admits(tables, &slices));
        if let ([number], [slice]) = (&numbers[..], &slices[..]) {
            let placed = self.with(&[*number], |tables| tables[0].attempt(slice, ORIGIN, None));
            assert_eq!(placed.is_some(), admitted);
            if let Some((ticket, _)) = placed {
                let mut effects = Effects::new();
                let released =
                    self.with_home(ticket, |home| leave(&mut [home], &[ticket], Leave::Release, &mut effects));
                assert!(released.is_some());
                assert!(effects.is_empty(), "a try that succeeds blocks nobody");
            }
        }
        admitted
    }

    fn leave(&mut self, at: usize, why: Option<Leave>) {
        let (name, ticket) = self.tickets.remove(at);
        let held = self.holds(ticket);
        let why = why.unwrap_or(if held { Leave::Release } else { Leave::Cancel });
        let told = self.told.contains_key(&name);
        let mut effects = Effects::new();
        if why == Leave::Release && self.release_short(ticket, &mut effects) {
            assert!(!self.release_short(ticket, &mut Effects::new()), "what has left leaves no second time");
            self.told.remove(&name);
            return self.carry_out(effects);
        }
        let parts = self.with_home(ticket, |home| home.parts(ticket));
        let numbers: Vec<_> = parts.iter().map(|part| part.shard() as usize).collect();
        let left = self.with(&numbers, |tables| leave(tables, &parts, why, &mut effects)).expect("it stands");
        assert_eq!(left.granted, held);
        let again = self.with(&numbers, |tables| leave(tables, &parts, Leave::Release, &mut Effects::new()));
        assert!(again.is_none(), "what has left leaves no second time");
        self.told.remove(&name);
        // Whoever was not told of a grant is told of the end, unless it ended by its own wish.
        let ends = effects.iter().filter(|effect| matches!(effect, Effect::Failed { .. })).count();
        assert_eq!(ends, usize::from(!told && matches!(why, Leave::Close | Leave::Abandon)));
        self.carry_out(effects);
    }

    fn holds(&mut self, ticket: Ticket) -> bool {
        let lone = self.tables[ticket.shard() as usize].is_lone(ticket);
        lone.unwrap_or_else(|| self.with_home(ticket, |home| matches!(home.standing(ticket), Standing::Granted)))
    }

    /// As a caller releases: first the short ways.
    fn release_short(&mut self, ticket: Ticket, effects: &mut Effects<usize>) -> bool {
        match self.tables[ticket.shard() as usize].release(ticket, effects) {
            Released::Done => true,
            Released::NotHeld | Released::Ends => false,
            Released::Spans => {
                let Some(numbers) = self.lone_parts(ticket) else { return false };
                let mut tables: Vec<_> = chosen(&mut self.tables, &numbers).map(Some).collect();
                release_lone(&mut tables, ticket.number)
            }
        }
    }

    fn carry_out(&mut self, effects: Effects<usize>) {
        for effect in effects.into_all() {
            match effect {
                Effect::Granted { recipient, token, abandoned, .. } => {
                    assert_eq!(self.told.insert(recipient, (token, abandoned)), None, "told once");
                }
                Effect::GrantedElsewhere(ticket) => self.undelivered.push_back(ticket),
                Effect::Failed { error, .. } => assert_eq!(error.kind(), crate::ErrorKind::Closed),
                Effect::Withdrawn(_)
                | Effect::Departed { .. }
                | Effect::Lost(_)
                | Effect::Unwatched(_)
                | Effect::Undue(_) => {}
            }
        }
    }

    fn claim(&mut self, at: usize) -> bool {
        let (name, ticket) = self.tickets[at];
        let mut effects = Effects::new();
        let claimed = self.with_home(ticket, |home| home.claim(ticket, &mut effects));
        let Some(Claimed { token, abandoned }) = claimed else { return false };
        if !effects.is_empty() {
            assert_eq!(self.told.insert(name, (token, abandoned)), None, "told once");
        }
        assert_eq!(self.told.get(&name), Some(&(token, abandoned)));
        true
    }

    fn deliver(&mut self) {
        if let Some(ticket) = self.undelivered.pop_front() {
            let effect = self.with_home(ticket, |home| home.deliver(ticket));
            self.carry_out(effect.into_iter().collect());
        }
    }

    /// Clause L14, for every grant when it is first seen.
    fn check_token(&mut self, name: usize, shape: Shape, token: u64) {
        if !self.seen_tokens.insert(name) {
            return;
        }
        for &(key, mode) in shape {
            let against = if mode == X { &[X, S][..] } else { &[X][..] };
            for &other in against {
                let earlier = self.tokens.get(&(key, other)).copied().unwrap_or(0);
                assert!(token > earlier, "token {token} after {earlier} on key {key}");
            }
            let largest = self.tokens.entry((key, mode)).or_default();
            *largest = token.max(*largest);
        }
    }

    fn check(&mut self, known: &[Known]) {
        assert_eq!(self.tickets.len(), known.len());
        for at in 0..known.len() {
            let (name, ticket) = self.tickets[at];
            let holds = self.holds(ticket);
            assert_eq!(holds, granted(known, at), "request {at} of {known:?}");
            let told = self.told.get(&name).copied();
            assert_eq!(told.is_some(), holds && !known[at].undelivered, "request {at} of {known:?}");
            if let Some((token, abandoned)) = told {
                assert_eq!(abandoned, known[at].abandoned, "clause L11: request {at} of {known:?}");
                self.check_token(name, SHAPES[known[at].shape], token);
            }
        }
        self.check_query(known);
        if known.is_empty() {
            assert!(self.tables.iter().all(ShardTable::is_vacant), "clause L17");
            assert!(self.roused.borrow().is_empty(), "all parts have what they share");
        }
    }

    /// The query against the model: who holds, who waits, in which place.
    fn check_query(&mut self, known: &[Known]) {
        let mut survey = Survey::default();
        let everywhere: Vec<_> = (0..self.tables.len()).collect();
        self.with(&everywhere, |tables| {
            tables.iter().for_each(|table| survey.look_at_all(table));
            survey.name_keys(&mut tables.iter_mut().map(|table| &mut **table).enumerate().collect::<Vec<_>>());
        });
        let query = survey.finish(None);
        let holds = (0..known.len()).filter(|&at| granted(known, at)).count();
        assert_eq!((query.held.len(), query.pending.len()), (holds, known.len() - holds));
        let keys = |mode: Mode, request: &Known| {
            let keys = SHAPES[request.shape].iter().filter(|key| key.1 == mode);
            keys.map(|&(key, _)| Key::from(key)).collect::<Vec<_>>()
        };
        let mut asked: Vec<_> = known.iter().map(|request| [X, S].map(|mode| keys(mode, request))).collect();
        let held = query.held.iter().map(|hold| [hold.keys.clone(), hold.shared.clone()]);
        let mut named: Vec<_> =
            held.chain(query.pending.iter().map(|wait| [wait.keys.clone(), wait.shared.clone()])).collect();
        asked.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, asked, "{known:?}");
        let mut positions: Vec<_> =
            (0..known.len()).filter(|&at| !granted(known, at)).map(|at| place(known, at)).collect();
        let mut told: Vec<_> = query.pending.iter().map(|wait| wait.position).collect();
        positions.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, positions, "{known:?}");
        for wait in &query.pending {
            assert!(!wait.blocked_by.is_empty(), "a request that waits waits for somebody: {known:?}");
        }
        let claimed = query.held.iter().filter(|hold| hold.claimed).count();
        assert_eq!(claimed, known.iter().filter(|request| request.claimed).count());
    }
}

/// The largest number of requests that wait for one of its keys up to it, itself included.
fn place(known: &[Known], at: usize) -> usize {
    let waits_for = |other: usize, key| !granted(known, other) && SHAPES[known[other].shape].iter().any(|x| x.0 == key);
    let keys = SHAPES[known[at].shape].iter().map(|x| x.0);
    keys.map(|key| (0..=at).filter(|&other| waits_for(other, key)).count()).max().unwrap_or(0)
}

/// Applies a step to the model and to the machine, and compares. `None` when the step is not possible here.
fn apply(known: &[Known], machine: &mut Machine, step: Step, most: usize, deferred: bool) -> Option<Vec<Known>> {
    let mut next = known.to_vec();
    match step {
        Step::Join(_) if known.len() == most => return None,
        Step::Join(shape) => {
            machine.join(shape);
            next.push(Known { shape, claimed: false, undelivered: false, abandoned: false });
            let last = next.len() - 1;
            next[last].claimed = granted(&next, last);
        }
        Step::Try(shape) => {
            let mut with = known.to_vec();
            with.push(Known { shape, claimed: false, undelivered: false, abandoned: false });
            assert_eq!(machine.tries(shape), granted(&with, known.len()), "clause L6: {known:?}");
        }
        Step::Leave(at) if at >= known.len() => return None,
        Step::Leave(at) => {
            machine.leave(at, None);
            next.remove(at);
        }
        Step::Close(at) if at >= known.len() => return None,
        Step::Close(at) => {
            machine.leave(at, Some(Leave::Close));
            next.remove(at);
        }
        Step::Abandon(at) if at >= known.len() || !granted(known, at) => return None,
        Step::Abandon(at) => {
            machine.leave(at, Some(Leave::Abandon));
            for other in (0..known.len()).filter(|&other| !granted(known, other)) {
                next[other].abandoned |= shares_a_key(known, at, other);
            }
            next.remove(at);
        }
        Step::Claim(at) if at >= known.len() || known[at].claimed || !granted(known, at) => {
            return None;
        }
        Step::Claim(at) => {
            assert!(machine.claim(at));
            next[at].claimed = true;
            next[at].undelivered = false;
        }
        Step::Deliver if machine.undelivered.is_empty() => return None,
        Step::Deliver => machine.deliver(),
    }
    if !deferred {
        while !machine.undelivered.is_empty() {
            machine.deliver();
        }
    }
    // Which grants still wait for their delivery is read off the machine: that every one is delivered in the end, and
    // once, is what `told` and the last check establish.
    for (request, (name, ticket)) in next.iter_mut().zip(&machine.tickets) {
        request.undelivered = machine.undelivered.contains(ticket) && !machine.told.contains_key(name);
    }
    machine.check(&next);
    Some(next)
}

/// A search has shrunk if it finds fewer.
const ENOUGH_STATES: usize = 4_001;

fn explore(tables: usize, most: usize, deferred: bool) -> (usize, usize) {
    let joins = (0..SHAPES.len()).flat_map(|shape| [Step::Join(shape), Step::Try(shape)]);
    let moves = (0..most).flat_map(|at| [Step::Leave(at), Step::Close(at), Step::Abandon(at), Step::Claim(at)]);
    let steps: Vec<_> = joins.chain(moves).chain([Step::Deliver]).collect();
    let mut seen = BTreeSet::from([Vec::new()]);
    let mut open: VecDeque<(Vec<Known>, Vec<Step>)> = VecDeque::from([(Vec::new(), Vec::new())]);
    let mut compared = 0;
    while let Some((known, program)) = open.pop_front() {
        for &step in &steps {
            let mut machine = Machine::new(tables);
            let mut replayed = Vec::new();
            for &earlier in &program {
                replayed = apply(&replayed, &mut machine, earlier, most, deferred).expect("it was possible before");
            }
            assert_eq!(replayed, known);
            let Some(next) = apply(&known, &mut machine, step, most, deferred) else {
                continue;
            };
            compared += 1;
            if seen.insert(next.clone()) {
                let mut program = program.clone();
                program.push(step);
                open.push_back((next, program));
            }
        }
    }
    (seen.len(), compared)
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes; the other tests run the same code")]
fn every_state_of_one_table_is_that_of_the_model() {
    let (states, steps) = explore(1, 4, false);
    show(format_args!("one table, up to 4 requests: states={states} steps={steps}"));
    assert!(states >= ENOUGH_STATES, "the search has shrunk: states={states}");
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes; the other tests run the same code")]
fn every_state_of_two_tables_is_that_of_the_model() {
    let (states, steps) = explore(2, 3, true);
    show(format_args!("two tables, up to 3 requests, late delivery: states={states} steps={steps}"));
    assert!(states >= ENOUGH_STATES, "the search has shrunk: states={states}");
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes; the other tests run the same code")]
fn every_state_of_three_tables_is_that_of_the_model() {
    let (states, steps) = explore(3, 3, true);
    show(format_args!("three tables, up to 3 requests, late delivery: states={states} steps={steps}"));
    assert!(states >= ENOUGH_STATES, "the search has shrunk: states={states}");
}

/// The model must be able to see a fault: a machine that forgets to look at a queue again after a cancel is caught.
#[test]
fn the_comparison_sees_a_lost_grant() {
    let mut machine = Machine::new(1);
    machine.join(0);
    machine.join(0);
    let (_, holder) = machine.tickets.remove(0);
    let mut effects = Effects::new();
    let left = machine.with_home(holder, |home| leave(&mut [home], &[holder], Leave::Release, &mut effects));
    assert!(left.is_some() && effects.sole().is_some());
    // The effect is dropped on the floor, as a shell that forgets to wake would.
    let known = [Known { shape: 0, claimed: false, undelivered: false, abandoned: false }];
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| machine.check(&known)));
    assert!(caught.is_err());
}
