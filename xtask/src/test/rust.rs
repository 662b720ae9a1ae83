//! Rust: the core's tests, also under Miri, the scenario and story runner, the models, the tasks' own tests, the core for
//! Wasm.

use super::report::Report;
use super::summary::Runner;
use super::{miri, models};
use crate::process::{self, cargo};
use crate::setup::wasm;

fn run_tests(report: &mut Report, what: &str, args: &[&str]) {
    report.runner("rust", what, Runner::Cargo, Ok(cargo(&[&["test"], args].concat())));
}

pub(crate) fn run(report: &mut Report) {
    let miri = miri::start(report);
    run_tests(report, "core", &["-p", "latchwork", "--all-targets"]);
    run_tests(report, "core, doc examples", &["-p", "latchwork", "--doc"]);
    run_tests(report, "scenarios and stories", &["-p", "latchwork-tests"]);
    models::run(report);
    run_tests(report, "demo", &["-p", "latchwork-demo"]);
    run_tests(report, "numbers of the page", &["-p", "latchwork-wasm"]);
    run_tests(report, "tasks", &["-p", "xtask", "-p", "xtask-bindgen"]);
    report.check("rust", "core builds for wasm32", || process::run(&mut wasm::cargo(&["build", "-p", "latchwork"])?));
    if let Some(miri) = miri {
        report.end(miri);
    }
}
