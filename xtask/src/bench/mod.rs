//! `cargo xtask bench`: every lock row beside its peers, in interleaved rounds, with its bar.

mod bars;
mod callgrind;
mod finding;
mod output;
mod row;
mod statistics;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use callgrind::Instructions;
use finding::Finding;
use row::Verdict;

use crate::part::Part;
use crate::process::{self, cargo, command, run as run_command, target};
use crate::say;
use crate::setup::browsers::Browser;
use crate::setup::{Setup, Step, npm, python};

/// The npm project of the peers, and of the plotting library.
const FOLDER: &str = "bench";
const REQUIREMENTS: &str = "bench/python/requirements.txt";

/// What was found in all hosts.
#[derive(Debug, Default)]
struct Found {
    findings: Vec<Finding>,
    instructions: Option<Vec<Instructions>>,
}

/// Measures in the hosts; whether everything could be measured. A missed bar is told, and no failure.
pub(crate) fn run(hosts: &[Part], quick: bool) -> bool {
    let start = Instant::now();
    let bars = match bars::read() {
        Ok(bars) => bars,
        Err(error) => {
            say::failure(&format!("{error:#}"));
            return false;
        }
    };
    let mut setup = Setup::default();
    let mut found = Found::default();
    let mut failures = Vec::new();
    for &host in hosts {
        if let Err(error) = measure(&mut setup, host, quick, &mut found) {
            say::failure(&format!("{error:#}"));
            failures.push(format!("{}: {error:#}", host.name()));
        }
    }
    let names: Vec<&str> = hosts.iter().flat_map(|&host| row_hosts(host)).copied().collect();
    let rows = row::rows(&bars, &names, &found.findings);
    output::print(&rows, &found);
    if let Err(error) = output::write(&rows, &found, quick) {
        failures.push(format!("the report: {error:#}"));
    }
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    if quick {
        println!("A quick run: good for a first look, not for a verdict.");
    }
    println!("{} in {:.0} s", output::sum(&rows), start.elapsed().as_secs_f64());
    failures.is_empty() && rows.iter().all(|row| row.verdict() != Verdict::NotMeasured)
}

/// Sets up and measures one host.
fn measure(setup: &mut Setup, host: Part, quick: bool, found: &mut Found) -> Result<()> {
    setup.need_all(needs(host))?;
    prepare(host)?;
    for (name, mut command) in commands(host, quick)? {
        say::part(&format!("bench: {name}"));
        let output = process::watch_some(&mut command, |line| !finding::is_finding(line))?;
        for line in &output.lines {
            found.findings.extend(Finding::read(line)?);
        }
        if !output.ok {
            bail!("the bench in {name} ended with an error");
        }
    }
    if host == Part::Rust {
        found.instructions = callgrind::count(&rust_program("latchwork-bench"), quick)?;
    }
    Ok(())
}

/// The plots need npm's packages in every case.
fn needs(host: Part) -> &'static [Step] {
    match host {
        Part::Rust | Part::Lint => &[Step::Npm],
        Part::Node => &[Step::Addon],
        Part::Python => &[Step::Npm, Step::Python],
        Part::Browser => &[Step::Browsers, Step::Web],
    }
}

/// The peers, which nothing else needs.
fn prepare(host: Part) -> Result<()> {
    say::part(&format!("set-up: the peers in {}", host.name()));
    npm::install(FOLDER)?;
    match host {
        Part::Rust => run_command(&mut cargo(&["build", "--release", "-p", "latchwork-bench"])),
        Part::Python => python::install(REQUIREMENTS),
        Part::Node | Part::Browser | Part::Lint => Ok(()),
    }
}

/// The hosts that a part's rows name.
fn row_hosts(part: Part) -> &'static [&'static str] {
    match part {
        Part::Rust => &["rust"],
        Part::Node => &["node"],
        Part::Python => &["python"],
        Part::Browser => &["wasm", "chromium", "firefox"],
        Part::Lint => &[],
    }
}

fn commands(host: Part, quick: bool) -> Result<Vec<(&'static str, Command)>> {
    let mut commands = match host {
        Part::Rust => vec![
            ("rust", command(rust_program("latchwork-bench"), &[])),
            ("rust, memory", command(rust_program("latchwork-bench-memory"), &[])),
        ],
        Part::Node => vec![("node", command("node", &["bench/node/main.js"]))],
        Part::Python => vec![("python", python::tool("python", &["bench/python/bench.py"]))],
        Part::Browser => {
            let mut all = vec![("wasm", command("node", &["bench/browser/sizes.js"]))];
            for browser in Browser::ALL {
                let mut page = command("node", &["bench/browser/main.js", "--browser", browser.name()]);
                page.env(browser.variable(), browser.path()?);
                all.push((browser.name(), page));
            }
            all
        }
        Part::Lint => Vec::new(),
    };
    let takes_quick = |name: &str| !["rust, memory", "wasm"].contains(&name);
    for (_, command) in commands.iter_mut().filter(|(name, _)| quick && takes_quick(name)) {
        command.arg("--quick");
    }
    Ok(commands)
}

fn rust_program(name: &str) -> std::path::PathBuf {
    target().join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
