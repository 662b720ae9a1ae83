//! Times the cases: `latchwork-bench [--quick] [WORD ...]`; with words, those alone that have one of them in their names.
//!
//! `--list [--quick]` names what callgrind can run, one to a line: case, side, and how many operations `--once CASE SIDE` does.

use anyhow::{Context, Result};
use latchwork_bench::cases::{CASES, Case, Curve, curves, threads};
use latchwork_bench::rounds::Side;
use latchwork_bench::section::warm_up;
use latchwork_bench::settings::Settings;
use lexopt::prelude::*;

/// The numbers of waiters and of held keys for which instructions are counted.
const COUNTED: [u64; 2] = [10, 100_000];

enum Task {
    Measure { words: Vec<String> },
    List,
    Once { case: String, side: String },
}

fn main() -> Result<()> {
    let (task, settings) = arguments()?;
    match task {
        Task::Measure { words } => measure(settings, &words),
        Task::List => list(settings),
        Task::Once { case, side } => once(&case, &side)?,
    }
    Ok(())
}

fn arguments() -> Result<(Task, Settings)> {
    let (mut task, mut settings, mut words) = (None, Settings::Full, Vec::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => settings = Settings::Quick,
            Long("list") => task = Some(Task::List),
            Long("once") => {
                task = Some(Task::Once { case: parser.value()?.string()?, side: parser.value()?.string()? });
            }
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok((task.unwrap_or(Task::Measure { words }), settings))
}

fn measure(settings: Settings, words: &[String]) {
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    for case in CASES {
        let case = case();
        if !wanted(case.name) {
            continue;
        }
        let names: Vec<&str> = case.sides.iter().map(Side::name).collect();
        println!("{}: {}", case.name, names.join(", "));
        case.run(settings);
    }
    if wanted("threads") {
        println!("threads");
        threads(settings);
    }
    for curve in curves(settings.waiters(), settings.held_keys()) {
        if !wanted(curve.name) {
            continue;
        }
        println!("{}, by the number of {}: {}", curve.name, curve.plot, curve.peer.unwrap_or("Latchwork"));
        curve.run(settings);
    }
}

/// Case, side and number of operations, with tabs between. A quick list has the comparisons with peers only.
fn list(settings: Settings) {
    let points = match settings {
        Settings::Full => points(),
        Settings::Quick => Vec::new(),
    };
    for (case, side, operations) in comparisons().chain(points) {
        println!("{case}\t{}\t{operations}", side.name());
    }
}

fn once(wanted: &str, name: &str) -> Result<()> {
    let is_wanted = |(case, side, _): &Counted| case == wanted && side.name() == name;
    let (_, mut side, operations) = comparisons().chain(points()).find(is_wanted).context("no such side of a case")?;
    warm_up(|| side.cost(operations));
    side.cost(operations);
    Ok(())
}

/// A case, one of its sides, and how often that is to do its job.
type Counted = (String, Side, u64);

fn comparisons() -> impl Iterator<Item = Counted> {
    CASES.into_iter().flat_map(|case| {
        let Case { name, operations, sides } = case();
        sides.into_iter().map(move |side| (name.to_owned(), side, operations))
    })
}

/// The ends of our own curves.
fn points() -> Vec<Counted> {
    let ours = curves(&COUNTED, &COUNTED).into_iter().filter(|curve| curve.peer.is_none());
    ours.flat_map(|Curve { name, plot, operations, sides, .. }| {
        sides.into_iter().map(move |(number, side)| (format!("{name}, {number} {plot}"), side, operations.max(number)))
    })
    .collect()
}
