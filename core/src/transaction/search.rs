//! Calls against a slow, obvious model, in all interleavings of up to three of them, whose cells grow and cross, with plain
//! writes in between and a call that is dropped at any point.
//!
//! The model is a list of values. Each read must show, with all reads before it, what is there at that instant; each commit
//! must have read what is there. Nobody runs too often, somebody can always go on, and nothing is left in the end.

#![expect(clippy::disallowed_types, reason = "the search tells how far it went, and notes where it has been")]

use std::collections::{HashSet, VecDeque};

use super::{Call, CallSpec, Change, Run, Step};
use crate::machine::model::show;
use crate::{Expiry, Key, KeyRange, Port, Scan, Settled, Space};

/// How many cells there are.
const CELLS: usize = 3;

/// So many states are looked at for a program at most.
const STATES: usize = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Read(usize),
    Write(usize),
    Scan,
}

/// One call of a program.
#[derive(Clone, Copy)]
enum Actor {
    Update(usize),
    /// What its body does in its first attempts; the last one is that of all later ones.
    Transact(&'static [&'static [Op]]),
}

struct Program {
    name: &'static str,
    actors: &'static [Actor],
    /// The cells to which plain writes go, in this order.
    writes: &'static [usize],
    /// Whether one of the calls is dropped at some point.
    drops: bool,
    /// So often some body runs: else the search would show nothing of the bounds.
    runs: u32,
}

use Op::{Read, Scan as All, Write};

const PROGRAMS: [Program; 6] = [
    Program {
        name: "three updates of one cell",
        actors: &[Actor::Update(0), Actor::Update(0), Actor::Update(0)],
        writes: &[0],
        drops: true,
        runs: 4,
    },
    Program {
        name: "an update and plain writes",
        actors: &[Actor::Update(0), Actor::Update(0)],
        writes: &[0; 6],
        drops: true,
        runs: 5,
    },
    Program {
        name: "cells that grow and cross",
        actors: &[
            Actor::Transact(&[&[Read(0), Write(1)], &[Read(0), Write(1), Read(2), Write(0)]]),
            Actor::Transact(&[&[Read(1), Write(0)], &[Read(1), Write(0)], &[Read(2), Write(1), Write(2)]]),
        ],
        writes: &[0],
        drops: true,
        runs: 3,
    },
    Program {
        name: "up to the turn of the space",
        actors: &[
            Actor::Transact(&[
                &[Read(0), Write(1)],
                &[Read(0), Write(1)],
                &[Read(0), Write(1)],
                &[Read(0), Write(1), Read(2), Write(0)],
            ]),
            Actor::Update(1),
        ],
        writes: &[0, 0, 0, 2, 0],
        drops: true,
        runs: 5,
    },
    Program {
        name: "two transactions and an update",
        actors: &[
            Actor::Transact(&[&[Read(0), Write(1)]]),
            Actor::Transact(&[&[Read(1), Write(0)], &[Read(1), Write(2), Write(0)]]),
            Actor::Update(0),
        ],
        writes: &[],
        drops: false,
        runs: 3,
    },
    Program {
        name: "a scan",
        actors: &[Actor::Transact(&[&[All, Write(1)]]), Actor::Transact(&[&[Read(1), Write(0)]]), Actor::Update(1)],
        writes: &[],
        drops: true,
        runs: 3,
    },
];

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The next step of a call.
    Step(usize),
    Drop(usize),
    Plain,
}

/// Where a call is, as its host sees it.
struct Seat {
    call: Option<Call<u64>>,
    run: Option<Run<u64>>,
    /// The next operation of the body.
    at: usize,
    /// What this attempt has read: cells with values, and all present cells.
    read: Vec<(usize, Option<u64>)>,
    scanned: Option<Vec<(usize, Option<u64>)>>,
    written: Vec<(usize, u64)>,
    doomed: bool,
    /// There is something to ask for.
    rung: bool,
    most: u32,
    /// How many plain writes were made while it had a turn.
    losses: u32,
}

struct World {
    space: Space<u64>,
    port: Port<u64>,
    seats: Vec<Seat>,
    values: [Option<u64>; CELLS],
    last: u64,
    /// How many of the plain writes were made.
    written: usize,
    dropped: bool,
}

fn key(cell: usize) -> Key {
    Key::from(cell)
}

impl World {
    fn new(program: &Program, shards: usize) -> World {
        let space: Space<u64> = Space::builder().cells().shards(shards).build();
        let port = space.port(|| {});
        let seat = |(tag, actor): (usize, &Actor)| {
            let spec = CallSpec::new().label(tag.to_string());
            let call = match actor {
                Actor::Update(cell) => port.update(&key(*cell), &spec, tag as u64),
                Actor::Transact(_) => port.transact(&spec, tag as u64),
            };
            Seat {
                call: Some(call.expect("open")),
                run: None,
                at: 0,
                read: Vec::new(),
                scanned: None,
                written: Vec::new(),
                doomed: false,
                rung: true,
                most: 0,
                losses: 0,
            }
        };
        let seats = program.actors.iter().enumerate().map(seat).collect();
        let dropped = !program.drops;
        World { space, port, seats, values: [None; CELLS], last: 0, written: 0, dropped }
    }

    fn actions(&self, program: &Program) -> Vec<Action> {
        let mut actions = Vec::new();
        for (at, seat) in self.seats.iter().enumerate().filter(|(_, seat)| seat.call.is_some()) {
            if seat.run.is_some() || seat.rung {
                actions.push(Action::Step(at));
            }
            if !self.dropped {
                actions.push(Action::Drop(at));
            }
        }
        if self.written < program.writes.len() {
            actions.push(Action::Plain);
        }
        actions
    }

    fn apply(&mut self, program: &Program, action: Action) {
        match action {
            Action::Plain => {
                let cell = program.writes[self.written];
                self.written += 1;
                self.last += 1;
                self.values[cell] = Some(self.last);
                let held = self.port.query(None).expect("open").held;
                for (tag, seat) in self.seats.iter_mut().enumerate() {
                    let label = tag.to_string();
                    seat.losses += u32::from(held.iter().any(|hold| hold.label.as_deref() == Some(&*label)));
                }
                let mut commit = crate::Commit::new();
                commit.set(key(cell), None, self.last, Expiry::Never);
                self.port.commit(commit).expect("open").expect("no condition");
            }
            Action::Drop(at) => {
                self.dropped = true;
                self.seats[at].call = None;
                self.seats[at].run = None;
            }
            Action::Step(at) => self.step(program, at),
        }
        let mut settled = Vec::new();
        self.port.take_settled(&mut settled);
        for one in settled {
            let Settled::Resumed { tag } = one else { panic!("{one:?}") };
            self.seats[tag as usize].rung = true;
        }
    }

    fn step(&mut self, program: &Program, at: usize) {
        let call = self.seats[at].call.clone().expect("it is not over");
        let Some(run) = self.seats[at].run.clone() else {
            self.seats[at].rung = false;
            let step = call.go_on();
            return self.follow(at, step);
        };
        let script = match program.actors[at] {
            Actor::Update(cell) => {
                self.last += 1;
                self.seats[at].written = vec![(cell, self.last)];
                let step = call.answer(run.scope, Change::Set(self.last), Expiry::Keep);
                return self.follow(at, step);
            }
            Actor::Transact(attempts) => attempts[(run.attempt as usize - 1).min(attempts.len() - 1)],
        };
        let seat = &mut self.seats[at];
        let next = script.get(seat.at).copied();
        seat.at += 1;
        let Some(op) = next.filter(|_| !seat.doomed) else {
            let step = call.returned(run.scope);
            return self.follow(at, step);
        };
        let done = match op {
            Read(cell) => call.get(run.scope, &key(cell)).map(|entry| {
                let own = seat.written.iter().rev().find(|(other, _)| *other == cell).map(|(_, value)| *value);
                let value = entry.value.as_deref().copied();
                match own {
                    Some(own) => assert_eq!(value, Some(own), "own writes are read back"),
                    None => seat.read.push((cell, value)),
                }
            }),
            All => call.list(run.scope, &Scan::new(KeyRange::all())).map(|entries| {
                let value =
                    |cell| entries.iter().find(|entry| entry.key == key(cell)).and_then(|entry| entry.value.as_deref());
                let found = (0..CELLS).map(|cell| (cell, value(cell).copied()));
                seat.scanned = Some(found.collect());
            }),
            Write(cell) => {
                self.last += 1;
                seat.written.push((cell, self.last));
                call.set(run.scope, &key(cell), self.last, None)
            }
        };
        seat.doomed = done.is_err();
        if done.is_ok() && !matches!(op, Write(_)) {
            self.check_reads(at, "a read fits all before it");
        }
    }

    /// All that an attempt has read is there at this instant.
    fn check_reads(&self, at: usize, why: &str) {
        let seat = &self.seats[at];
        for (cell, value) in seat.read.iter().chain(seat.scanned.iter().flatten()) {
            assert_eq!(self.values[*cell], *value, "{why}");
        }
    }

    fn follow(&mut self, at: usize, step: Step<u64>) {
        match step {
            Step::Run(run) => {
                let seat = &mut self.seats[at];
                (seat.at, seat.doomed, seat.scanned) = (0, false, None);
                (seat.read, seat.written) = (Vec::new(), Vec::new());
                seat.most = run.attempt;
                if let Some(entry) = &run.entry {
                    let Ok(cell) = (0..CELLS).find(|cell| key(*cell) == entry.key).ok_or(()) else {
                        panic!("{entry:?}")
                    };
                    seat.read.push((cell, entry.value.as_deref().copied()));
                }
                let bound = if run.entry.is_some() { 4 } else { 5 };
                assert!(run.attempt <= bound + seat.losses, "run {} of {at}", run.attempt);
                seat.run = Some(run);
                self.check_reads(at, "an update is given what is there");
            }
            Step::Wait => self.seats[at].run = None,
            Step::Done(done) => {
                assert!(!self.seats[at].doomed, "what is stale does not commit");
                self.check_reads(at, "a commit has read what is there");
                assert_eq!(done.changed, !self.seats[at].written.is_empty());
                for (cell, value) in std::mem::take(&mut self.seats[at].written) {
                    self.values[cell] = Some(value);
                    let there = self.port.get(&key(cell)).expect("open");
                    assert_eq!(there.version, done.version, "one version for all that it wrote");
                }
                for (cell, value) in self.values.iter().enumerate() {
                    assert_eq!(self.port.get(&key(cell)).expect("open").value.as_deref(), value.as_ref());
                }
                self.seats[at].run = None;
                self.seats[at].call = None;
            }
            Step::Threw | Step::Failed(_) => panic!("every caller succeeds: {step:?}"),
        }
    }

    /// What of the state matters for what can come: not which values there are, but who has read what is there.
    fn sketch(&self) -> String {
        let query = self.port.query(None).expect("open");
        let held: Vec<_> = query.held.iter().map(|hold| (&hold.label, &hold.keys, hold.claimed)).collect();
        let pending: Vec<_> = query.pending.iter().map(|wait| (&wait.label, &wait.keys)).collect();
        let seats = self.seats.iter().map(|seat| {
            let fresh = seat.read.iter().chain(seat.scanned.iter().flatten());
            let fresh: Vec<_> = fresh.map(|(cell, value)| (*cell, self.values[*cell] == *value)).collect();
            let course = seat.call.as_ref().map(Call::sketch);
            format!(
                "{course:?} {} {fresh:?} {} {} {} {}",
                seat.at,
                seat.doomed,
                seat.rung,
                seat.run.is_some(),
                seat.losses
            )
        });
        let seats: Vec<String> = seats.collect();
        let there: Vec<bool> = self.values.iter().map(Option::is_some).collect();
        format!("{held:?} {pending:?} {seats:?} {there:?} {} {}", self.written, self.dropped)
    }

    /// Nothing is left when all calls are over.
    fn check_end(&self) {
        let query = self.port.query(None).expect("open");
        assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
        for cell in 0..CELLS {
            let (_, queue) = self.space.cells().peek(&key(cell)).expect("open");
            assert!(!queue, "a queue is left beside cell {cell}");
        }
    }
}

/// Through all states of a program. Answers how many, and the most runs that any body had.
fn search(program: &Program, shards: usize) -> (usize, u32) {
    let mut seen = HashSet::new();
    let mut paths: VecDeque<Vec<Action>> = VecDeque::from([Vec::new()]);
    let (mut ends, mut most) = (0, 0);
    while let Some(path) = paths.pop_front() {
        let mut world = World::new(program, shards);
        path.iter().for_each(|action| world.apply(program, *action));
        if !seen.insert(world.sketch()) {
            continue;
        }
        most = world.seats.iter().map(|seat| seat.most).fold(most, u32::max);
        if world.seats.iter().all(|seat| seat.call.is_none()) {
            ends += 1;
            world.check_end();
            continue;
        }
        let actions = world.actions(program);
        let goes_on = |action: &Action| matches!(action, Action::Step(_));
        assert!(actions.iter().any(goes_on), "{}: nobody can go on after {path:?}", program.name);
        assert!(seen.len() < STATES, "{}: more than {STATES} states", program.name);
        paths.extend(actions.into_iter().map(|action| [&path[..], &[action]].concat()));
    }
    assert!(ends > 0);
    (seen.len(), most)
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each program; the other tests run the same code")]
fn all_interleavings_agree() {
    for program in &PROGRAMS {
        for shards in [1, 4] {
            let (states, most) = search(program, shards);
            show(format_args!("search program={:?} shards={shards} states={states} runs={most}", program.name));
            assert!(most >= program.runs, "{}: {most} runs at most", program.name);
        }
    }
}
