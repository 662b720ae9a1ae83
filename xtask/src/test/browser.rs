//! The browser package in a page and a worker of each browser.

use std::process::Command;

use anyhow::Result;

use super::report::{Beside, Report};
use super::summary::Runner;
use crate::process;
use crate::setup::browsers::Browser;
use crate::setup::npm;

pub(crate) fn run(report: &mut Report) {
    if npm::has_script("bindings-wasm", "test").unwrap_or(false) {
        let command = npm::script("bindings-wasm", "test");
        report.runner("browser", "bindings-wasm", Runner::Node, Ok(command));
    }
    // Each waits much of its time, so they go on side by side.
    let name = Browser::Chromium.name();
    let chromium = Beside::start("browser", name, Runner::Plain, suites(Browser::Chromium));
    report.runner("browser", Browser::Firefox.name(), Runner::Plain, suites(Browser::Firefox));
    report.end(chromium);
}

fn suites(browser: Browser) -> Result<Command> {
    let test = ["run", "--silent", "test", "-w", "tests/browser", "--", "--browser"];
    let mut command = process::npm(&test);
    command.arg(browser.name()).env(browser.variable(), browser.path()?);
    Ok(command)
}
