//! What was found, one JSON object to a line; `bench/README.md` describes them.

use serde_json::{Value, json};

use crate::rounds::Runs;

const HOST: &str = "rust";

/// What `ours` and `theirs` cost in each round, in nanoseconds per operation.
pub fn comparison(case: &str, peer: &str, ours: &[f64], theirs: &[f64]) {
    print(json!({ "kind": "comparison", "host": HOST, "case": case, "peer": peer,
        "ours": tenths(ours), "theirs": tenths(theirs) }));
}

/// As `comparison`, with how often the bodies of both sides ran for each call, and at most.
pub fn comparison_of_runs(case: &str, peer: &str, costs: [&[f64]; 2], runs: [Runs; 2]) {
    let [ours, theirs] = costs.map(tenths);
    let [ours_runs, theirs_runs] =
        runs.map(|runs| json!({ "each": (runs.each() * 100.0).round() / 100.0, "most": runs.most() }));
    print(json!({ "kind": "comparison", "host": HOST, "case": case, "peer": peer, "ours": ours, "theirs": theirs,
        "ours_runs": ours_runs, "theirs_runs": theirs_runs }));
}

/// As `comparison`, but what counts is how much better each side is than a base of its own.
pub fn gain(case: &str, peer: &str, [ours, our_base]: [&[f64]; 2], [theirs, their_base]: [&[f64]; 2]) {
    print(json!({ "kind": "comparison", "host": HOST, "case": case, "peer": peer,
        "ours": tenths(ours), "theirs": tenths(theirs), "ours_base": tenths(our_base), "theirs_base": tenths(their_base) }));
}

/// Bytes of ours and of something else, once.
pub fn size(case: &str, peer: &str, ours: isize, theirs: isize) {
    print(json!({ "kind": "size", "host": HOST, "case": case, "peer": peer, "ours": ours, "theirs": theirs }));
}

/// A point of a curve: what one operation cost in each round where there were `x` waiters, keys or threads.
pub fn point(plot: &str, series: &str, x: u64, costs: &[f64]) {
    print(json!({ "kind": "point", "host": HOST, "plot": plot, "series": series, "x": x, "costs": tenths(costs) }));
}

/// Bytes and allocations on the heap for each of many things; `inline` is what its caller keeps for it besides.
pub fn memory(what: &str, side: &str, bytes: f64, allocations: f64, inline: usize) {
    print(json!({ "kind": "memory", "host": HOST, "what": what, "side": side,
        "bytes": (bytes * 10.0).round() / 10.0, "allocations": (allocations * 1000.0).round() / 1000.0, "inline": inline }));
}

/// What is left of all that a side had taken from the heap.
pub fn left(side: &str, bytes: isize, of: isize) {
    print(json!({ "kind": "left", "host": HOST, "side": side, "bytes": bytes, "of": of }));
}

fn print(value: Value) {
    println!("{value}");
}

fn tenths(costs: &[f64]) -> Vec<f64> {
    costs.iter().map(|cost| (cost * 10.0).round() / 10.0).collect()
}
