//! What was run, as one table, a verdict and the closing line.

use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Result;

use super::bad_input::{self, MatrixCount};
use super::scenarios::{self, HostCount, Skip};
use super::summary::{Counts, Runner};
use crate::process::{self, Output};
use crate::{say, table};

/// A runner that goes on while others are run; `Report::end` waits for it.
#[derive(Debug)]
pub(crate) struct Beside {
    host: &'static str,
    what: &'static str,
    runner: Runner,
    start: Instant,
    thread: JoinHandle<(Result<Output>, f64)>,
}

impl Beside {
    pub(crate) fn start(host: &'static str, what: &'static str, runner: Runner, command: Result<Command>) -> Beside {
        say::part(&format!("{host}: {what}, beside what follows"));
        let start = Instant::now();
        if let Ok(command) = &command {
            say::command(&process::describe(command));
        }
        let gather = move || {
            let output = command.and_then(|mut command| process::gather(&mut command));
            (output, start.elapsed().as_secs_f64())
        };
        Beside { host, what, runner, start, thread: thread::spawn(gather) }
    }
}

/// One line of the table.
#[derive(Debug)]
struct Row {
    host: &'static str,
    what: String,
    counts: Counts,
    seconds: f64,
}

/// Everything that a run of the tests found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    failures: Vec<String>,
    skips: Vec<String>,
    scenario_counts: Vec<HostCount>,
    scenario_skips: Vec<Skip>,
    matrix_counts: Vec<MatrixCount>,
}

impl Report {
    /// Runs a test runner, its output shown, and notes what it counted.
    pub(crate) fn runner(&mut self, host: &'static str, what: &str, runner: Runner, command: Result<Command>) {
        self.runner_that_shows(host, what, runner, command, |_| None);
    }

    /// As `runner`; `wrong` looks at the runner's lines and says what they fail to show.
    pub(crate) fn runner_that_shows(
        &mut self,
        host: &'static str,
        what: &str,
        runner: Runner,
        command: Result<Command>,
        wrong: impl FnOnce(&[String]) -> Option<String>,
    ) {
        say::part(&format!("{host}: {what}"));
        let start = Instant::now();
        match command.and_then(|mut command| process::watch(&mut command)) {
            Ok(output) => {
                let seconds = start.elapsed().as_secs_f64();
                self.note(host, what, runner, &output.lines, output.ok, seconds);
                if let Some(why) = wrong(&output.lines) {
                    self.failed(host, what, &why, Instant::now());
                }
            }
            Err(error) => self.failed(host, what, &format!("{error:#}"), start),
        }
    }

    /// Waits for a runner that went on beside others, shows its output and notes what it counted.
    pub(crate) fn end(&mut self, beside: Beside) {
        let Beside { host, what, runner, start, thread } = beside;
        say::part(&format!("{host}: {what}"));
        match thread.join().expect("gathering lines does not panic") {
            (Ok(output), seconds) => {
                for line in &output.lines {
                    println!("{line}");
                }
                self.note(host, what, runner, &output.lines, output.ok, seconds);
            }
            (Err(error), _) => self.failed(host, what, &format!("{error:#}"), start),
        }
    }

    /// Runs a check that either passes or fails, and counts as one.
    pub(crate) fn check(&mut self, host: &'static str, what: &str, check: impl FnOnce() -> Result<()>) {
        say::part(&format!("{host}: {what}"));
        let start = Instant::now();
        match check() {
            Ok(()) => {
                let counts = Counts { passed: 1, ..Counts::default() };
                self.push(host, what, counts, start.elapsed().as_secs_f64());
            }
            Err(error) => self.failed(host, what, &format!("{error:#}"), start),
        }
    }

    /// Notes that something was left out, and why.
    pub(crate) fn skipped(&mut self, host: &'static str, what: &str, why: &str) {
        say::part(&format!("{host}: {what}"));
        say::step(&format!("skipped: {why}"));
        self.skips.push(format!("{host}, {what}: {why}"));
        self.push(host, what, Counts { skipped: 1, ..Counts::default() }, 0.0);
    }

    /// Notes that something could not be set up or run.
    pub(crate) fn failed(&mut self, host: &'static str, what: &str, why: &str, start: Instant) {
        say::failure(why);
        let counts = Counts { failed: 1, ..Counts::default() };
        self.push(host, what, counts, start.elapsed().as_secs_f64());
        self.failures.push(format!("{host}, {what}: {why}"));
    }

    /// Compares the scenario counts of the hosts that ran; it is one more check.
    pub(crate) fn compare_scenarios(&mut self, hosts: &[&str]) {
        let start = Instant::now();
        let wrong = match scenarios::expected(&process::root().join("tests/scenarios")) {
            Ok(expected) => scenarios::compare(expected, hosts, &self.scenario_counts, &self.scenario_skips),
            Err(error) => vec![format!("{error:#}")],
        };
        let failed = wrong.len() as u64;
        // A scenario that a host cannot run counts as skipped, so that the closing line tells it.
        let skipped = self.scenario_counts.iter().map(|count| count.skipped).sum();
        let counts = Counts { passed: u64::from(failed == 0), failed, skipped };
        self.push("all", "scenario counts", counts, start.elapsed().as_secs_f64());
        self.failures.extend(wrong.into_iter().map(|why| format!("scenario counts: {why}")));
    }

    /// Looks whether every host that ran tried bad input; it is one more check.
    pub(crate) fn compare_bad_input(&mut self, hosts: &[&str]) {
        let wrong = bad_input::compare(hosts, &self.matrix_counts);
        let failed = wrong.len() as u64;
        self.push("all", "bad-input counts", Counts { passed: u64::from(failed == 0), failed, skipped: 0 }, 0.0);
        self.failures.extend(wrong.into_iter().map(|why| format!("bad-input counts: {why}")));
    }

    /// Shows the table, what was skipped and what failed, and the closing line last of all.
    pub(crate) fn print(&self) -> bool {
        println!("\n{}", self.table());
        for count in &self.scenario_counts {
            println!("scenarios: {} ran {}, skipped {}", count.host, count.run, count.skipped);
        }
        for MatrixCount { host, operations, cases } in &self.matrix_counts {
            println!("bad input: {host} ran {cases} cases of {operations} operations");
        }
        for skip in &self.scenario_skips {
            println!("skipped: {} on {}: requires {}", skip.scenario, skip.host, skip.requires);
        }
        for skip in &self.skips {
            println!("skipped: {skip}");
        }
        for failure in &self.failures {
            println!("FAILED: {failure}");
        }
        println!("{}", self.total());
        self.passed()
    }

    /// Whether everything ran and nothing failed.
    pub(crate) fn passed(&self) -> bool {
        self.failures.is_empty() && self.total().failed == 0 && self.total().passed > 0
    }

    fn note(&mut self, host: &'static str, what: &str, runner: Runner, lines: &[String], ok: bool, seconds: f64) {
        self.scenario_counts.extend(lines.iter().filter_map(|line| HostCount::read(line)));
        self.scenario_skips.extend(lines.iter().filter_map(|line| Skip::read(line)));
        self.matrix_counts.extend(lines.iter().filter_map(|line| MatrixCount::read(line)));
        let reasons = runner.reasons(lines);
        let read = runner.counts(lines);
        let mut counts = read.unwrap_or_default();
        let why = if read.is_none() {
            Some("the runner gave no closing line".to_owned())
        } else if counts.failed > 0 {
            Some(format!("{} failed", counts.failed))
        } else if !ok {
            Some("the runner ended with an error".to_owned())
        } else if counts.passed == 0 {
            Some("no test ran".to_owned())
        } else if (reasons.len() as u64) < counts.skipped {
            Some(format!("{} skipped, {} with a reason", counts.skipped, reasons.len()))
        } else {
            None
        };
        if let Some(why) = why {
            counts.failed = counts.failed.max(1);
            say::failure(&format!("{host}, {what}: {why}"));
            self.failures.push(format!("{host}, {what}: {why}"));
        }
        self.skips.extend(reasons.into_iter().map(|reason| format!("{host}, {what}: {reason}")));
        self.push(host, what, counts, seconds);
    }

    fn push(&mut self, host: &'static str, what: &str, counts: Counts, seconds: f64) {
        self.rows.push(Row { host, what: what.to_owned(), counts, seconds });
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for row in &self.rows {
            total += row.counts;
        }
        total
    }

    fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|Row { host, what, counts, seconds }| {
                vec![
                    (*host).to_owned(),
                    what.clone(),
                    counts.passed.to_string(),
                    counts.failed.to_string(),
                    counts.skipped.to_string(),
                    format!("{seconds:.1}"),
                ]
            })
            .collect();
        table::layout(&["host", "what", "passed", "failed", "skipped", "seconds"], &rows, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(lines: &[&str], ok: bool) -> Report {
        let mut report = Report::default();
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        report.note("node", "tests", Runner::Plain, &lines, ok, 0.5);
        report
    }

    #[test]
    fn a_clean_run_passes() {
        let report = noted(&["2 passed, 0 failed, 0 skipped"], true);
        assert!(report.passed());
        assert_eq!(report.total().to_string(), "2 passed, 0 failed, 0 skipped");
        assert!(report.table().contains("node  tests       2       0        0      0.5"));
    }

    #[test]
    fn every_way_to_hide_a_fault_fails() {
        for (lines, ok) in [
            (vec!["2 passed, 1 failed, 0 skipped"], true),
            (vec!["2 passed, 0 failed, 0 skipped"], false),
            (vec!["0 passed, 0 failed, 0 skipped"], true),
            (vec!["2 passed, 0 failed, 1 skipped"], true),
            (vec!["all is well"], true),
        ] {
            let report = noted(&lines, ok);
            assert!(!report.passed(), "{lines:?}");
            assert_eq!(report.total().failed, 1, "{lines:?}");
        }
    }

    #[test]
    fn a_skip_with_a_reason_passes_and_is_kept() {
        let report = noted(&["skipped: fork: not here", "2 passed, 0 failed, 1 skipped"], true);
        assert!(report.passed());
        assert_eq!(report.skips, ["node, tests: fork: not here"]);
    }

    #[test]
    fn what_is_left_out_is_named_and_counted() {
        let mut report = noted(&["2 passed, 0 failed, 0 skipped"], true);
        report.skipped("rust", "Miri", "not there");
        assert!(report.passed());
        assert_eq!(report.skips, ["rust, Miri: not there"]);
        assert_eq!(report.total().to_string(), "2 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn nothing_at_all_is_no_success() {
        assert!(!Report::default().passed());
    }

    #[test]
    fn a_check_counts_as_one() {
        let mut report = Report::default();
        report.check("lint", "fine", || Ok(()));
        report.check("lint", "not fine", || anyhow::bail!("bad"));
        assert_eq!(report.total().to_string(), "1 passed, 1 failed, 0 skipped");
        assert_eq!(report.failures, ["lint, not fine: bad"]);
    }

    #[test]
    fn a_runner_beside_others_is_noted_at_its_end() {
        let print = |text: &str| Ok(process::command("node", &["-p", &format!("'{text}'")]));
        let mut report = Report::default();
        for (text, passed) in [("2 passed, 0 failed, 0 skipped", true), ("1 passed, 1 failed, 0 skipped", false)] {
            report.end(Beside::start("node", "tests", Runner::Plain, print(text)));
            assert_eq!(report.passed(), passed);
        }
        assert_eq!(report.total().to_string(), "3 passed, 1 failed, 0 skipped");
        report.end(Beside::start("node", "tests", Runner::Plain, Err(anyhow::anyhow!("not there"))));
        assert_eq!(report.failures, ["node, tests: 1 failed", "node, tests: not there"]);
    }

    #[test]
    fn scenario_counts_are_picked_up() {
        let report = noted(&["scenarios host=node run=3 skipped=0", "1 passed, 0 failed, 0 skipped"], true);
        assert_eq!(report.scenario_counts.len(), 1);
    }
}
