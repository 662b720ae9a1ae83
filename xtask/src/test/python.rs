//! Python: everything under `tests/python`, against the installed wheel, and the demo's own tests.

use super::report::Report;
use super::summary::Runner;
use crate::setup::python;

pub(crate) fn run(report: &mut Report) {
    for folder in ["tests/python", "demo/python"] {
        let pytest = python::tool("python", &["-m", "pytest", "-rs", folder]);
        report.runner("python", folder, Runner::Pytest, Ok(pytest));
    }
}
