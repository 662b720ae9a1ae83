//! Keeps the scenario files honest: the index, the schema, and what the files cover.

use std::collections::BTreeSet;

use latchwork_tests::scenario::{Call, Folders, Outcome, Scenario, Steps};
use serde_json::Value;

/// Clauses that a file can show. C15 is about the caller's own objects, which JSON has not. L4 and L18 depend on the host's own futures and contexts, which the
/// format hides; each host has its own tests of them.
const CLAUSES: [&str; 30] = [
    "L1", "L2", "L3", "L5", "L6", "L7", "L8", "L9", "L10", "L11", "L12", "L13", "L14", "L15", "L16", "L17", "C1", "C2",
    "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14",
];

const CODES: [&str; 10] =
    ["timeout", "cancelled", "deadlock", "fenced", "not_held", "conflict", "aborted", "busy", "closed", "invalid"];

/// How operations on cells can be refused.
const CODES_OF_CELLS: [&str; 3] = ["fenced", "closed", "invalid"];

const OPERATIONS_ON_CELLS: [&str; 12] = [
    "get",
    "getMany",
    "set",
    "insert",
    "compareExchange",
    "delete",
    "atomic",
    "list",
    "deleteAll",
    "watch",
    "next",
    "endWatch",
];

const OPERATIONS_IN_TRANSACTIONS: [&str; 5] = ["update", "transact", "abort", "retry", "onCommit"];

const OPERATIONS_ON_LOCKS: [&str; 16] = [
    "lock",
    "tryLock",
    "withLock",
    "end",
    "release",
    "downgrade",
    "drop",
    "cancel",
    "owner",
    "closeOwner",
    "handOver",
    "handedOver",
    "revoke",
    "query",
    "close",
    "advance",
];

fn passing() -> Vec<Scenario> {
    let files = Folders::here().passing().expect("the folders can be read");
    files.into_iter().map(|(name, text)| Scenario::parse(&name, &text).expect(&name)).collect()
}

/// Run with `LATCHWORK_WRITE_INDEX=1` to write the index anew.
#[test]
fn the_index_is_that_of_the_folders() {
    let folders = Folders::here();
    let there = folders.list().expect("the folders can be read");
    if std::env::var_os("LATCHWORK_WRITE_INDEX").is_some() {
        folders.write_index(&there).expect("the index can be written");
    }
    let index = folders.index().expect("the index can be read");
    assert_eq!(index, there, "run with LATCHWORK_WRITE_INDEX=1 to write it anew");
}

/// The schema and the parser refuse the same files, but for what the schema cannot say.
#[test]
fn the_schema_agrees_with_the_parser() {
    const BEYOND_THE_SCHEMA: [&str; 24] = [
        "cycle-of-unknown-owner",
        "entry-is-a-version",
        "expected-version-not-made",
        "guard-is-an-owner",
        "name-is-not-the-file",
        "owner-in-then",
        "owner-is-a-guard",
        "owner-not-made",
        "result-made-twice",
        "turn-uses-own-result",
        "tx-is-a-guard",
        "tx-not-made",
        "unknown-actor",
        "unknown-result",
        "unknown-result-in-then",
        "version-in-then",
        "version-is-a-guard",
        "version-made-twice",
        "version-not-made",
        "version-of-its-own-turn",
        "watch-is-a-result",
        "watch-not-made",
        "within-and-orders",
        "within-of-unknown-actor",
    ];
    let folders = Folders::here();
    let schema: Value = serde_json::from_str(&folders.read("", "schema.json").expect("the schema")).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for folder in ["locks", "owners", "cells", "watch", "transactions", "must-fail", "must-reject"] {
        for (name, text) in folders.texts(folder).expect("the folder can be read") {
            let value: Value = serde_json::from_str(&text).expect(&name);
            let refused = folder == "must-reject" && !BEYOND_THE_SCHEMA.contains(&name.as_str());
            let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
            assert_eq!(!errors.is_empty(), refused, "{folder}/{name}: {errors:?}");
        }
    }
}

#[test]
fn clauses_codes_and_operations_all_appear() {
    let all = passing();
    let clauses: BTreeSet<&str> = all.iter().flat_map(|scenario| &scenario.clause).map(String::as_str).collect();
    let steps = || all.iter().flat_map(|scenario| &scenario.steps);
    let operations: BTreeSet<&str> = steps().flat_map(Steps::all).map(|step| step.call.op()).collect();
    let then = steps().flat_map(|steps| steps.then().values());
    let expected = steps().flat_map(Steps::all).map(|step| &step.expect).chain(then);
    let codes: BTreeSet<&str> = expected.filter_map(code).collect();
    let on_cells = steps().flat_map(Steps::all).filter(|step| step.call.on_cells() && !step.call.in_transactions());
    let codes_of_cells: BTreeSet<&str> = on_cells.filter_map(|step| code(&step.expect)).collect();
    for clause in CLAUSES {
        assert!(clauses.contains(clause), "no file shows {clause}");
    }
    assert_eq!(codes, BTreeSet::from(CODES), "error codes");
    assert_eq!(codes_of_cells, BTreeSet::from(CODES_OF_CELLS), "error codes of cells");
    let all = OPERATIONS_ON_LOCKS.into_iter().chain(OPERATIONS_ON_CELLS).chain(OPERATIONS_IN_TRANSACTIONS);
    assert_eq!(operations, all.collect(), "operations");
}

fn code(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Error(error) => Some(error.code.as_str()),
        _ => None,
    }
}

/// A file that cancels, or makes several calls in one turn, says so; a host without that would otherwise fail it.
#[test]
fn files_require_what_they_use() {
    use latchwork_tests::scenario::Requirement;
    for scenario in passing() {
        let cancels = scenario.steps.iter().flat_map(Steps::all).any(|step| matches!(step.call, Call::Cancel(_)));
        let turns = scenario.steps.iter().any(|steps| matches!(steps, Steps::Turn(..)));
        let handles = scenario.handles().iter().filter(|handle| handle.of.is_none()).count() > 1;
        let calls = || scenario.steps.iter().flat_map(Steps::all).map(|step| &step.call);
        let transactions = calls().any(Call::in_transactions);
        let cells = scenario.steps.iter().flat_map(Steps::all).any(|step| step.call.on_cells());
        for (uses, requirement) in [
            (cancels, Requirement::Cancel),
            (turns, Requirement::Turn),
            (handles, Requirement::Handles),
            (cells, Requirement::Cells),
            (transactions, Requirement::Transactions),
        ] {
            assert_eq!(uses, scenario.requires.contains(&requirement), "{}: {requirement:?}", scenario.name);
        }
    }
}
