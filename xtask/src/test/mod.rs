//! `cargo xtask test`: sets up, runs every host's tests, and adds up what they say.

mod bad_input;
mod browser;
pub(crate) mod lint;
mod miri;
mod models;
mod node;
mod python;
mod report;
mod rust;
mod scenarios;
mod summary;

use std::time::Instant;

use report::Report;

use crate::part::Part;
use crate::setup::{Setup, Step};

/// Runs the parts; whether all of them passed.
pub(crate) fn run(parts: &[Part]) -> bool {
    let mut setup = Setup::default();
    let mut report = Report::default();
    let mut hosts = Vec::new();
    for &part in parts {
        let start = Instant::now();
        hosts.extend_from_slice(scenario_hosts(part));
        match setup.need_all(needs(part)) {
            Ok(()) => run_part(part, &mut report),
            Err(error) => report.failed(part.name(), "set-up", &format!("{error:#}"), start),
        }
    }
    if !hosts.is_empty() {
        report.compare_scenarios(&hosts);
        report.compare_bad_input(&hosts);
    }
    report.print()
}

fn run_part(part: Part, report: &mut Report) {
    match part {
        Part::Rust => rust::run(report),
        Part::Node => node::run(report),
        Part::Python => python::run(report),
        Part::Browser => browser::run(report),
        Part::Lint => lint::run(report),
    }
}

fn needs(part: Part) -> &'static [Step] {
    match part {
        Part::Rust => &[Step::Wasm],
        Part::Node => &[Step::Addon],
        Part::Python => &[Step::Python],
        Part::Browser => &[Step::Browsers, Step::Web],
        Part::Lint => &[Step::Wasm, Step::Python, Step::Addon, Step::Web],
    }
}

/// The hosts whose scenario counts a part must bring.
fn scenario_hosts(part: Part) -> &'static [&'static str] {
    match part {
        Part::Rust => &["rust"],
        Part::Node => &["node"],
        Part::Python => &["python"],
        Part::Browser => &["chromium", "firefox"],
        Part::Lint => &[],
    }
}
