//! Python: everything under `tests/python`, against the installed wheel.

use super::report::Report;
use super::summary::Runner;
use crate::setup::python;

pub(crate) fn run(report: &mut Report) {
    let pytest = python::tool("python", &["-m", "pytest", "-rs", "tests/python"]);
    report.runner("python", "tests/python", Runner::Pytest, Ok(pytest));
}
