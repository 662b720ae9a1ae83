//! The browser package in a page and a worker of each browser.

use super::report::Report;
use super::summary::Runner;
use crate::process;
use crate::setup::browsers::Browser;
use crate::setup::npm;

pub(crate) fn run(report: &mut Report) {
    if npm::has_script("bindings-wasm", "test").unwrap_or(false) {
        let command = npm::script("bindings-wasm", "test");
        report.runner("browser", "bindings-wasm", Runner::Node, Ok(command));
    }
    for browser in Browser::ALL {
        let command = browser.path().map(|path| {
            let test = ["run", "--silent", "test", "-w", "tests/browser", "--", "--browser"];
            let mut command = process::npm(&test);
            command.arg(browser.name()).env(browser.variable(), path);
            command
        });
        report.runner("browser", browser.name(), Runner::Plain, command);
    }
}
