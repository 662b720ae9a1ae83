//! Times the cases: `latchwork-bench [--quick]`.
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
    Measure,
    List,
    Once { case: String, side: String },
}

fn main() -> Result<()> {
    let (task, settings) = arguments()?;
    match task {
        Task::Measure => measure(settings),
        Task::List => list(settings),
        Task::Once { case, side } => once(&case, &side)?,
    }
    Ok(())
}

fn arguments() -> Result<(Task, Settings)> {
    let (mut task, mut settings) = (Task::Measure, Settings::Full);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => settings = Settings::Quick,
            Long("list") => task = Task::List,
            Long("once") => task = Task::Once { case: parser.value()?.string()?, side: parser.value()?.string()? },
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok((task, settings))
}

fn measure(settings: Settings) {
    for case in CASES {
        let case = case();
        let names: Vec<&str> = case.sides.iter().map(Side::name).collect();
        println!("{}: {}", case.name, names.join(", "));
        case.run(settings);
    }
    println!("threads");
    threads(settings);
    for curve in curves(settings.waiters(), settings.held_keys()) {
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
