//! Through every state that small programs can reach, breadth first, and through long programs at random.
//!
//! Each state is reached by a shortest program, which is carried out again on a fresh subject before every operation
//! that is tried there; what changes nothing is tried on the same one.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::time::Duration;

use super::operations::{Answer, Event, KeyNumber, Keys, Name, Operation, Owner};
use super::reference::{Reference, Stage};
use crate::Mode;

/// The reference before an operation and after it.
pub(super) type States<'a> = (&'a Reference, &'a Reference);

/// What is compared with the reference.
pub(super) trait Subject {
    /// Carries out an operation, which makes the second state of the first. It must come to `answer` for its caller and to
    /// `events` for others.
    fn apply(&mut self, states: States<'_>, operation: &Operation, answer: &Answer, events: &[Event]);

    /// Compares all that can be seen with the reference.
    fn check(&mut self, reference: &Reference);

    /// Whose grants are decided and have not reached their own table, in that order.
    fn under_way(&self) -> Vec<Name> {
        Vec::new()
    }
}

/// What the programs of a search are made of.
pub(super) struct Scope {
    pub(super) name: &'static str,
    /// What requests ask for: keys by number.
    pub(super) shapes: &'static [&'static [(KeyNumber, Mode)]],
    pub(super) keys: KeyNumber,
    pub(super) owners: Owner,
    /// So many requests are left at once.
    pub(super) most: usize,
    /// The search ends with so many states.
    pub(super) states: usize,
    /// Whether an operation is part of the search.
    pub(super) takes: fn(&Operation) -> bool,
    /// The limits of the space.
    pub(super) limits: (Option<usize>, Option<usize>),
    /// How long requests may hold, where that is part of the search.
    pub(super) holds: &'static [i8],
    /// Whether grants that are decided in another table come late.
    pub(super) late: bool,
}

/// How far a search went.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) states: usize,
    pub(super) depth: usize,
    pub(super) compared: usize,
    /// In so many states a grant was under way to its table.
    pub(super) late: usize,
}

impl Scope {
    fn reference(&self) -> Reference {
        Reference::limited(self.limits.0, self.limits.1)
    }

    /// Every operation that somebody could call.
    fn operations(&self, reference: &Reference) -> Vec<Operation> {
        let mut operations = Vec::new();
        let owners = self.distinct_owners(reference);
        if reference.requests.len() < self.most {
            let each = owners.iter().map(|owner| Some(*owner)).chain([None]);
            for (owner, shape) in each.flat_map(|owner| self.shapes.iter().map(move |shape| (owner, shape))) {
                let keys: Keys = shape.iter().copied().collect();
                operations.push(Operation::Join { owner, keys: keys.clone() });
                operations.push(Operation::JoinNow { owner, keys: keys.clone() });
                let limited = self.holds.iter().map(|&hold| Operation::JoinFor { owner, keys: keys.clone(), hold });
                operations.extend(limited);
                operations.push(Operation::Try { owner, keys });
            }
            operations.extend(self.key_sets().map(Operation::Steal));
        }
        operations.extend(self.key_sets().map(Operation::Revoke));
        operations.extend([Operation::Pass, Operation::Tick, Operation::Query, Operation::Deliver]);
        for owner in &owners {
            operations.push(Operation::Take(*owner));
            operations.push(Operation::CloseOwner(*owner));
        }
        for name in reference.requests.iter().map(|request| request.name) {
            use Operation::{Abandon, Adopt, Cancel, Claim, Close, HandOver, Release, TimeOut};
            operations.extend([Claim(name), Release(name), Cancel(name), TimeOut(name), Close(name)]);
            operations.extend([Abandon(name), Operation::Downgrade(name, None)]);
            operations.extend(owners.iter().flat_map(|owner| [HandOver(name, *owner), Adopt(name, *owner)]));
            operations.extend(self.key_sets().map(|keys| Operation::ReleaseKeys(name, keys)));
            operations.extend(self.key_sets().map(|keys| Operation::Downgrade(name, Some(keys))));
        }
        operations.retain(|operation| (self.takes)(operation) && reference.allows(operation));
        operations
    }

    /// The owners that have something or are closed, and one of those that are all the same.
    fn distinct_owners(&self, reference: &Reference) -> Vec<Owner> {
        let has = |owner: &Owner| reference.requests.iter().any(|request| request.owner == Some(*owner));
        let known = |owner: &Owner| has(owner) || reference.closed.contains(owner);
        let fresh = (0..self.owners).find(|owner| !known(owner));
        (0..self.owners).filter(known).chain(fresh).collect()
    }

    /// Each key alone, and the first two.
    fn key_sets(&self) -> impl Iterator<Item = BTreeSet<KeyNumber>> {
        (0..self.keys).map(|key| BTreeSet::from([key])).chain([BTreeSet::from([0, 1])])
    }
}

/// Says on the way out of a panic which program led there.
struct Program<'a>(&'a [Operation]);

impl Drop for Program<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the program was:");
            self.0.iter().for_each(|operation| println!("    {operation:?}"));
        }
    }
}

/// Carries out a program that was compared before.
fn replay<T: Subject>(scope: &Scope, program: &[Operation], subject: &mut T) -> Reference {
    let mut reference = scope.reference();
    for operation in program {
        reference = carry_out(&reference, operation, subject);
    }
    reference
}

/// Compares the outcome of one more operation, and the state that it leads to.
fn compare<T: Subject>(reference: &Reference, operation: &Operation, subject: &mut T) -> Reference {
    let next = carry_out(reference, operation, subject);
    assert!(!next.is_torn(), "two hold what they cannot both have: {next:?}");
    assert!(!next.is_stuck(), "somebody waits for himself: {next:?}");
    subject.check(&next);
    next
}

fn carry_out<T: Subject>(reference: &Reference, operation: &Operation, subject: &mut T) -> Reference {
    let mut next = reference.clone();
    let (answer, events) = next.apply(operation);
    subject.apply((reference, &next), operation, &answer, &events);
    // Who has ended meanwhile is not told any more.
    next.under_way = subject.under_way().into_iter().filter(|name| next.find(*name).is_some()).collect();
    next
}

/// Goes through the states that programs of `scope` can reach, nearest first.
pub(super) fn explore<T: Subject>(scope: &Scope, new: impl Fn() -> T) -> Extent {
    // The last operation of a shortest program to each state, and the state that it was done in.
    let mut reached: Vec<Option<(u32, Operation)>> = vec![None];
    let mut seen: HashSet<Vec<u8>> = HashSet::from([scope.reference().fingerprint()]);
    let mut extent = Extent { states: 1, depth: 0, compared: 0, late: 0 };
    let mut at = 0;
    while at < reached.len() {
        let mut program = Vec::new();
        let mut step = &reached[at];
        while let Some((earlier, operation)) = step {
            program.push(operation.clone());
            step = &reached[*earlier as usize];
        }
        program.reverse();
        let length = program.len();
        let mut used = new();
        let reference = replay(scope, &program, &mut used);
        let mut subject = Some(used);
        for operation in scope.operations(&reference) {
            let mut current = subject.take().unwrap_or_else(|| {
                let mut fresh = new();
                replay(scope, &program[..length], &mut fresh);
                program.truncate(length);
                fresh
            });
            program.push(operation.clone());
            let told = Program(&program);
            let next = compare(&reference, &operation, &mut current);
            drop(told);
            extent.compared += 1;
            if next == reference {
                subject = Some(current);
                continue;
            }
            program.truncate(length);
            if extent.states < scope.states && seen.insert(next.fingerprint()) {
                extent.states += 1;
                extent.late += usize::from(!next.under_way.is_empty());
                extent.depth = length + 1;
                reached.push(Some((at as u32, operation)));
            }
        }
        at += 1;
    }
    extent
}

/// Carries out long programs, each made from its number, and lets everybody leave at the end.
pub(super) fn wander<T: Subject>(scope: &Scope, programs: std::ops::Range<u64>, length: usize, new: impl Fn() -> T) {
    for number in programs {
        let mut random = Random(number);
        let mut subject = new();
        let mut reference = scope.reference();
        let mut program = Vec::new();
        while program.len() < length || !reference.requests.is_empty() {
            let operations = match program.len() < length {
                true => scope.operations(&reference),
                false => ways_out(&reference),
            };
            let operation = operations[random.below(operations.len())].clone();
            program.push(operation.clone());
            let told = Program(&program);
            reference = compare(&reference, &operation, &mut subject);
            drop(told);
        }
    }
}

/// How the requests that are left can leave by their own wish.
fn ways_out(reference: &Reference) -> Vec<Operation> {
    let way_out = |request: &super::reference::Request| match request.stage {
        Stage::Waiting | Stage::Unseen => Operation::Cancel(request.name),
        Stage::Inbox => Operation::Take(request.owner.unwrap_or_default()),
        Stage::Claimed => Operation::Release(request.name),
    };
    reference.requests.iter().map(way_out).collect()
}

/// Numbers that look like chance and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// Tells how far a search went.
pub(super) fn tell(scope: &Scope, shards: usize, extent: &Extent, time: Duration) {
    let (name, seconds) = (scope.name, time.as_secs_f32());
    let Extent { states, depth, compared, late } = extent;
    let extent = format!("depth={depth} states={states} late={late} operations={compared}");
    show(format_args!("{name}: shards={shards} {extent} seconds={seconds:.1}"));
}

/// Shows a line of a test that passes: only what is printed by a macro is kept back until one fails.
pub(crate) fn show(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
