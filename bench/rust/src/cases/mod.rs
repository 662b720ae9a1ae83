//! The cases, each in a file of its own with all its sides.

mod cells;
mod contended;
mod fresh_key;
mod held_keys;
mod several_keys;
mod threads;
mod transactions;
mod waiters;

use crate::finding;
use crate::key_names::key_names;
use crate::rounds::{Side, interleave};
use crate::settings::Settings;

pub use threads::threads;

/// A job and the sides that do it. The first side is ours.
#[derive(Debug)]
pub struct Case {
    /// The name in tables and plots.
    pub name: &'static str,
    /// How often the job is done in a round.
    pub operations: u64,
    /// Ours, then the peers.
    pub sides: Vec<Side>,
}

/// A job whose cost should not depend on how many others there are.
#[derive(Debug)]
pub struct Curve {
    /// What is counted along the axis: "waiters" or "keys".
    pub plot: &'static str,
    /// The job.
    pub name: &'static str,
    /// How often the job is done in a round, at least.
    pub operations: u64,
    /// Whose it is, if not ours: a peer's curve is drawn, and has no bar.
    pub peer: Option<&'static str>,
    /// A side for each number.
    pub sides: Vec<(u64, Side)>,
}

/// The cases that compare us with peers.
pub const CASES: [fn() -> Case; 15] = [
    fresh_key::fresh_key,
    fresh_key::key_seen_before,
    several_keys::three_integers,
    several_keys::three_strings,
    contended::one_key,
    cells::get,
    cells::set,
    cells::compare_exchange,
    cells::watched,
    transactions::update,
    transactions::transact_sync,
    transactions::transact,
    transactions::one_contender,
    transactions::ten_contenders,
    transactions::a_hundred_contenders,
];

/// The curves, over these numbers of waiters, of held keys, and of cells.
pub fn curves(waiters: &[u64], held_keys: &[u64]) -> Vec<Curve> {
    [waiters::curves(waiters), held_keys::curves(held_keys), cells::scans(&[10, 10_000])]
        .into_iter()
        .flatten()
        .collect()
}

impl Case {
    /// Compares the first side with each of the others.
    pub fn run(mut self, settings: Settings) {
        let costs = interleave(&mut self.sides, self.operations, settings.rounds());
        for (peer, theirs) in self.sides.iter().zip(&costs).skip(1) {
            match (self.sides[0].runs(), peer.runs()) {
                (Some(ours), Some(runs)) => {
                    finding::comparison_of_runs(self.name, peer.name(), [&costs[0], theirs], [ours, runs]);
                }
                _ => finding::comparison(self.name, peer.name(), &costs[0], theirs),
            }
        }
    }
}

impl Curve {
    /// Tells each point, and compares the last one with the first.
    pub fn run(self, settings: Settings) {
        let (numbers, mut sides): (Vec<u64>, Vec<Side>) = self.sides.into_iter().unzip();
        let costs = interleave(&mut sides, self.operations, settings.slow_rounds());
        let series = match self.peer {
            None => self.name.to_owned(),
            Some(peer) => format!("{}, {peer}", self.name),
        };
        for (number, costs) in numbers.iter().zip(&costs) {
            finding::point(self.plot, &series, *number, costs);
        }
        if let (None, [first, .., last]) = (self.peer, &costs[..]) {
            let grouped = |number: &u64| grouped(*number);
            let [least, most] =
                [numbers.iter().min(), numbers.iter().max()].map(|n| n.map(grouped).unwrap_or_default());
            let case = format!("{}, {most} {}", self.name, self.plot);
            finding::comparison(&case, &format!("itself, {least}"), last, first);
        }
    }
}

/// A number as people write it: 1,000,000.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([10, 1_000, 100_000, 1_000_000].map(grouped), ["10", "1,000", "100,000", "1,000,000"]);
    }

    #[test]
    fn every_side_does_its_job() {
        for case in CASES {
            let mut case = case();
            assert!(case.sides.len() > 1, "{}", case.name);
            for side in &mut case.sides {
                assert!(side.cost(1_000) > 0.0, "{}: {}", case.name, side.name());
            }
        }
    }

    #[test]
    fn every_curve_has_its_points() {
        for curve in curves(&[1, 50], &[1, 50]) {
            assert_eq!(curve.sides.len(), 2, "{}", curve.name);
            for (number, mut side) in curve.sides {
                assert!(side.cost(100) > 0.0, "{}: {number}", curve.name);
            }
        }
    }
}
