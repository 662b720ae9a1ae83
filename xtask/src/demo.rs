//! `cargo xtask demo`: the main job on real input in every host, without Latchwork and with it.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::part::Part;
use crate::process::{self, cargo, command};
use crate::setup::browsers::Browser;
use crate::setup::{Setup, Step, python};
use crate::{say, table};

/// Many requests that change one document, and write it whole.
const DOCUMENT: &str = "document";
/// Two actors that lock the same two keys in opposite orders.
const BUYER_SELLER: &str = "buyer-seller";

/// Many that want one name.
const SIGN_UP: &str = "sign-up";
/// Many log-ins to one account.
const LOG_IN: &str = "log-in";
/// A log-out everywhere while others log in.
const LOG_OUT: &str = "log-out";
/// Many requests that need a new token of somebody else.
const TOKEN: &str = "token";

/// Transfers between accounts while others add them up.
const BANK: &str = "bank";

/// One case in one host: what went wrong without the library and with it. `None`: does not apply.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    host: String,
    case: String,
    requests: u64,
    lost: [Option<u64>; 2],
    stuck: [Option<u64>; 2],
    per_second: [Option<f64>; 2],
}

/// Runs the demo of the hosts; whether it shows what it must.
pub(crate) fn run(hosts: &[Part]) -> bool {
    let mut setup = Setup::default();
    let mut outcomes = Vec::new();
    let mut wrong = Vec::new();
    for &host in hosts {
        match demo(&mut setup, host) {
            Ok(found) => outcomes.extend(found),
            Err(error) => {
                say::failure(&format!("{error:#}"));
                wrong.push(format!("{}: {error:#}", host.name()));
            }
        }
    }
    wrong.extend(outcomes.iter().flat_map(Outcome::faults));
    println!("\n{}", layout(&outcomes));
    for fault in &wrong {
        println!("FAILED: {fault}");
    }
    if wrong.is_empty() {
        println!("Nothing lost and nobody stuck with Latchwork, in every host shown.");
    }
    wrong.is_empty()
}

/// Sets up and runs one host's demo.
fn demo(setup: &mut Setup, host: Part) -> Result<Vec<Outcome>> {
    setup.need_all(needs(host))?;
    let mut outcomes = Vec::new();
    for (name, mut command) in commands(host)? {
        say::part(&format!("demo: {name}"));
        let output = process::watch_some(&mut command, |line| !is_outcome(line))?;
        if !output.ok {
            bail!("the demo in {name} ended with an error");
        }
        let found: Vec<Outcome> =
            output.lines.iter().filter_map(|line| Outcome::read(line).transpose()).collect::<Result<_>>()?;
        for case in cases(host) {
            if !found.iter().any(|outcome| outcome.case == *case) {
                bail!("the demo in {name} shows no `{case}` case");
            }
        }
        outcomes.extend(found);
    }
    Ok(outcomes)
}

/// What a host has to show.
fn cases(host: Part) -> &'static [&'static str] {
    match host {
        Part::Node => &[DOCUMENT, BUYER_SELLER, SIGN_UP, LOG_IN, LOG_OUT, TOKEN],
        Part::Python => &[DOCUMENT, BUYER_SELLER, BANK],
        _ => &[DOCUMENT, BUYER_SELLER],
    }
}

fn needs(host: Part) -> &'static [Step] {
    match host {
        Part::Node => &[Step::Addon],
        Part::Python => &[Step::Python],
        Part::Browser => &[Step::Browsers, Step::Web],
        Part::Rust | Part::Lint => &[],
    }
}

fn commands(host: Part) -> Result<Vec<(&'static str, Command)>> {
    Ok(match host {
        Part::Rust => vec![("rust", cargo(&["run", "--release", "-p", "latchwork-demo"]))],
        Part::Node => vec![("node", command("node", &["demo/node/main.js"]))],
        Part::Python => vec![("python", python::tool("python", &["demo/python/main.py"]))],
        Part::Browser => Browser::ALL.into_iter().map(page).collect::<Result<_>>()?,
        Part::Lint => Vec::new(),
    })
}

fn page(browser: Browser) -> Result<(&'static str, Command)> {
    let mut page = command("node", &["demo/page/main.js", "--browser", browser.name()]);
    page.env(browser.variable(), browser.path()?);
    Ok((browser.name(), page))
}

/// Outcomes are lines for us; all others are for whoever watches.
fn is_outcome(line: &str) -> bool {
    line.starts_with('{')
}

impl Outcome {
    /// An outcome, if the line is a JSON object; an error if that object is not one.
    fn read(line: &str) -> Result<Option<Outcome>> {
        if !is_outcome(line) {
            return Ok(None);
        }
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("the demo printed what is not JSON: {line}"))?;
        let read = || {
            Some(Outcome {
                host: value["host"].as_str()?.to_owned(),
                case: value["case"].as_str()?.to_owned(),
                requests: value["requests"].as_u64()?,
                lost: [count(&value["lost_without"])?, count(&value["lost_with"])?],
                stuck: [count(&value["stuck_without"])?, count(&value["stuck_with"])?],
                per_second: [rate(&value["rps_without"])?, rate(&value["rps_with"])?],
            })
        };
        read().map(Some).with_context(|| format!("the demo printed an incomplete outcome: {line}"))
    }

    /// What this outcome should not be.
    fn faults(&self) -> Vec<String> {
        let [lost_without, lost_with] = self.lost;
        let [stuck_without, stuck_with] = self.stuck;
        let mut faults = Vec::new();
        let mut fault = |what: &str| faults.push(format!("{}, {}: {what}", self.host, self.case));
        if lost_with.is_some_and(|lost| lost > 0) {
            fault("something was lost with Latchwork");
        }
        if stuck_with.is_some_and(|stuck| stuck > 0) {
            fault("actors were stuck with Latchwork");
        }
        match self.case.as_str() {
            DOCUMENT | SIGN_UP | LOG_IN | LOG_OUT | TOKEN | BANK => {
                if lost_with.is_none() {
                    fault("it does not say how many were lost with Latchwork");
                }
                if lost_without.unwrap_or(0) == 0 {
                    fault("nothing was lost without Latchwork, so it shows nothing");
                }
            }
            BUYER_SELLER => {
                if stuck_with.is_none() {
                    fault("it does not say how many were stuck with Latchwork");
                }
                if stuck_without.unwrap_or(0) == 0 {
                    fault("nobody was stuck without Latchwork, so it shows nothing");
                }
            }
            _ => fault("an unknown case"),
        }
        faults
    }

    fn cells(&self) -> Vec<String> {
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let rate = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |n| format!("{n:.0}"));
        vec![
            self.host.clone(),
            self.case.clone(),
            self.requests.to_string(),
            number(self.lost[0]),
            number(self.lost[1]),
            number(self.stuck[0]),
            number(self.stuck[1]),
            rate(self.per_second[0]),
            rate(self.per_second[1]),
        ]
    }
}

fn layout(outcomes: &[Outcome]) -> String {
    let heading = [
        "host",
        "case",
        "requests",
        "lost without",
        "lost with",
        "stuck without",
        "stuck with",
        "requests/s without",
        "requests/s with",
    ];
    let rows: Vec<Vec<String>> = outcomes.iter().map(Outcome::cells).collect();
    table::layout(&heading, &rows, 2)
}

/// A whole number or null; anything else, or nothing, is an error.
fn count(value: &Value) -> Option<Option<u64>> {
    field(value, Value::as_u64)
}

fn rate(value: &Value) -> Option<Option<f64>> {
    field(value, |value| value.as_f64().filter(|rate| rate.is_finite() && *rate >= 0.0))
}

fn field<T>(value: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"host":"node","case":"document","requests":50,"lost_without":47,"lost_with":0,"stuck_without":0,"stuck_with":0,"rps_without":900.4,"rps_with":850}"#;

    fn outcome(case: &str, lost: [u64; 2], stuck: [u64; 2]) -> Outcome {
        Outcome {
            host: "node".to_owned(),
            case: case.to_owned(),
            requests: 50,
            lost: lost.map(Some),
            stuck: stuck.map(Some),
            per_second: [Some(900.4), None],
        }
    }

    #[test]
    fn a_line_of_json_is_read_and_others_are_passed_over() {
        let read = Outcome::read(LINE).unwrap().unwrap();
        assert_eq!(read.lost, [Some(47), Some(0)]);
        assert_eq!(read.per_second, [Some(900.4), Some(850.0)]);
        assert_eq!(Outcome::read("listening").unwrap(), None);
    }

    #[test]
    fn a_broken_line_is_an_error() {
        assert!(Outcome::read("{not json").is_err());
        assert!(Outcome::read(&LINE.replace("\"lost_with\":0", "\"lost_with\":-1")).is_err());
        assert!(Outcome::read(&LINE.replace("\"host\":\"node\",", "")).is_err());
        assert!(Outcome::read(&LINE.replace("47", "\"many\"")).is_err());
    }

    #[test]
    fn a_number_that_does_not_apply_may_be_null() {
        let line = LINE.replace("\"stuck_with\":0", "\"stuck_with\":null");
        let read = Outcome::read(&line).unwrap().unwrap();
        assert_eq!(read.stuck, [Some(0), None]);
        assert!(read.faults().is_empty());
    }

    #[test]
    fn the_verdict_wants_the_fault_without_and_none_with() {
        assert!(outcome(DOCUMENT, [47, 0], [0, 0]).faults().is_empty());
        assert!(outcome(BUYER_SELLER, [0, 0], [2, 0]).faults().is_empty());
        for case in [SIGN_UP, LOG_IN, LOG_OUT, TOKEN, BANK] {
            assert!(outcome(case, [5, 0], [0, 0]).faults().is_empty());
        }
        for bad in [
            outcome(DOCUMENT, [47, 1], [0, 0]),
            outcome(DOCUMENT, [0, 0], [0, 0]),
            outcome(DOCUMENT, [47, 0], [0, 1]),
            outcome(BUYER_SELLER, [0, 0], [0, 0]),
            outcome(SIGN_UP, [0, 0], [0, 0]),
            outcome(LOG_IN, [5, 1], [0, 0]),
            outcome(LOG_OUT, [0, 0], [0, 0]),
            outcome(BANK, [0, 0], [0, 0]),
            outcome(BANK, [5, 1], [0, 0]),
            outcome(BUYER_SELLER, [0, 0], [2, 1]),
            outcome(BUYER_SELLER, [0, 1], [2, 0]),
            outcome("another", [1, 0], [1, 0]),
        ] {
            assert_eq!(bad.faults().len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn the_table_has_a_row_for_each_outcome() {
        let text = layout(&[outcome(DOCUMENT, [47, 0], [0, 0]), outcome(BUYER_SELLER, [0, 0], [2, 0])]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("host  case          requests  lost without  lost with"));
        assert!(lines[2].starts_with("node  document            50            47          0"));
        assert!(lines[2].ends_with("900                -"));
    }
}
