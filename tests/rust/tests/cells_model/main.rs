//! The cells of a space against a slow, obvious reference that shares no code with them: all programs of some length of
//! small alphabets, and long random ones, on 1, 2 and 64 shards.
//!
//! | file | what it is |
//! |---|---|
//! | `reference` | what the clauses say, with one list of cells, and with at most one fault: the controls |
//! | `subject` | a real space, driven through a port; every answer is compared |
//! | `search` | breadth first over the states of the reference, each reached on a new space |

mod reference;
mod search;
mod subject;

use latchwork_tests::stage::Numbers;
use reference::{Compared, Fault, Operation, Reference, Written};
use search::{search, walk};

const SHARDS: [usize; 3] = [1, 2, 64];

/// Two cells, and what can stand in the way of a write.
fn versions() -> Vec<Operation> {
    let mut all = Vec::new();
    for key in [0, 1] {
        all.extend([
            Operation::Write(Written::set(key)),
            Operation::Write(Written::insert(key)),
            Operation::Remember(key),
            Operation::Write(Written::set(key).when(Compared::Remembered)),
            Operation::Write(Written::delete(key)),
        ]);
    }
    all.extend([
        Operation::Write(Written::set(0).when(Compared::Now)),
        Operation::Write(Written::delete(0).when(Compared::Remembered)),
        Operation::Check(0, 1),
        Operation::Pair,
        Operation::ThereAndGone(0),
        Operation::DeleteAll(None),
    ]);
    all
}

/// Cells that expire, scans of them, and those who watch.
fn time() -> Vec<Operation> {
    let mut all = vec![Operation::Advance, Operation::Tick, Operation::Next(0), Operation::Next(1), Operation::End(1)];
    for key in [0, 2] {
        all.extend([
            Operation::Write(Written::set(key).expires(1)),
            Operation::Write(Written::set(key).expires(2)),
            Operation::Write(Written::set(key)),
        ]);
    }
    all.extend([
        Operation::Write(Written::insert(0).expires(0)),
        Operation::Write(Written::delete(2)),
        Operation::Remember(0),
        Operation::Write(Written::set(0).when(Compared::Remembered)),
        Operation::DeleteAll(Some(0)),
    ]);
    all
}

/// A guard in every state in which a commit can find it.
fn guards() -> Vec<Operation> {
    let mut all = vec![Operation::Lock, Operation::Release, Operation::ReleaseKey(0), Operation::Next(0)];
    all.extend([Operation::ReleaseKey(1), Operation::Revoke(0), Operation::Revoke(1), Operation::Relock]);
    for guard in [None, Some(0), Some(1)] {
        all.push(Operation::Write(Written::set(0).guarded(guard)));
    }
    all.extend([
        Operation::Write(Written::delete(0).guarded(None)),
        Operation::Write(Written::insert(1).guarded(Some(1))),
        Operation::Write(Written::set(0)),
    ]);
    all
}

fn everything() -> Vec<Operation> {
    let mut all = versions();
    for operation in time().into_iter().chain(guards()) {
        if !all.contains(&operation) {
            all.push(operation);
        }
    }
    all
}

#[test]
fn all_short_programs_agree() {
    for (name, alphabet, steps) in
        [("versions", versions(), 7), ("time", time(), 5), ("guards", guards(), 7), ("everything", everything(), 3)]
    {
        for shards in SHARDS {
            let count = search(&alphabet, steps, shards, None).unwrap_or_else(|why| panic!("{name}: {why}"));
            println!("cells search={name} shards={shards} steps={steps} states={} programs={}", count.0, count.1);
            assert!(count.1 > 1000, "{name}: only {count:?}");
        }
    }
}

#[test]
fn long_random_programs_agree() {
    let alphabet = everything();
    for shards in SHARDS {
        for seed in 0..300 {
            let mut numbers = Numbers::new(seed);
            let program: Vec<Operation> = (0..200).map(|_| alphabet[numbers.below(alphabet.len())].clone()).collect();
            walk(&program, shards, None).unwrap_or_else(|why| panic!("seed={seed} shards={shards}: {why}"));
        }
    }
}

/// The controls: a reference that is wrong in one point disagrees with a space.
#[test]
fn every_fault_of_a_reference_is_found() {
    for (fault, alphabet) in [
        (Fault::EqualValueIsNoChange, versions()),
        (Fault::ForgetsVersionsOfTheDeleted, versions()),
        (Fault::WritesDespiteConflicts, versions()),
        (Fault::ExpiresLate, time()),
        (Fault::SetKeepsExpiry, time()),
        (Fault::TellsNobodyOfExpiry, time()),
        (Fault::TellsNobodyOfDeletions, time()),
        (Fault::LosesOneKeyOnly, guards()),
        (Fault::NeverFences, guards()),
    ] {
        let found = search(&alphabet, 5, 2, Some(fault));
        let why = found.expect_err("a reference that is wrong disagrees");
        println!("control cells fault={fault:?} found: {why}");
    }
    assert_eq!(Reference::new(None).steps(), 0);
}
