//! Node: the tests of the TypeScript surface, of the package, and the scenarios and stories.

use std::time::Instant;

use super::report::Report;
use super::summary::Runner;
use crate::process::command;
use crate::setup::npm;

const WORKSPACES: [&str; 4] = ["bindings-js", "bindings-node", "tests/js", "demo"];

pub(crate) fn run(report: &mut Report) {
    // It needs none of the bench's packages, which only the bench installs.
    let rounds = command("node", &["--test", "--test-reporter=spec", "bench/js/rounds.test.js"]);
    report.runner("node", "bench", Runner::Node, Ok(rounds));
    for folder in WORKSPACES {
        match npm::has_script(folder, "test") {
            Ok(true) => report.runner("node", folder, Runner::Node, Ok(npm::script(folder, "test"))),
            Ok(false) if folder != "tests/js" => {}
            Ok(false) => report.failed("node", folder, "no script `test`", Instant::now()),
            Err(error) => report.failed("node", folder, &format!("{error:#}"), Instant::now()),
        }
    }
}
