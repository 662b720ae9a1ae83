//! The models of the core's shell under loom and shuttle: what they print must show that each of them ran, and that each
//! control found its fault.

use std::process::Command;

use super::report::Report;
use super::summary::Runner;
use crate::process::{self, cargo};

/// The model checkers, by the name of their `--cfg` and of their tests.
pub(crate) const CHECKERS: [&str; 2] = ["loom", "shuttle"];

pub(crate) fn run(report: &mut Report) {
    for checker in CHECKERS {
        let command = cargo_for(checker, &["test", "-p", "latchwork-models", "--test", checker]);
        report.runner_that_shows("rust", &format!("models, {checker}"), Runner::Cargo, Ok(command), |lines| {
            Shown::read(checker, lines).wrong()
        });
    }
}

/// A cargo command under a checker, in a target folder of its own: its flags would throw away the ordinary build.
pub(crate) fn cargo_for(checker: &str, args: &[&str]) -> Command {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = cargo(args);
    command
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("{flags} --cfg {checker}").trim_start())
        .env("CARGO_TARGET_DIR", process::target().join(checker));
    command
}

/// What the models and their controls said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    models: u64,
    controls: u64,
    /// What ran without showing anything.
    empty: Vec<String>,
}

impl Shown {
    /// Reads `model checker=loom name=… schedules=12 …` and `control checker=loom name=… found`, wherever in a line they
    /// begin: tests that run at once may share one.
    fn read(checker: &str, lines: &[String]) -> Shown {
        let mut shown = Shown::default();
        for line in lines {
            if let Some((_, rest)) = line.split_once(&format!("model checker={checker} name=")) {
                let mut words = rest.split(' ');
                let name = words.next().unwrap_or_default();
                let schedules = words.find_map(|word| word.strip_prefix("schedules=")?.parse::<u64>().ok());
                shown.models += 1;
                if schedules.is_none_or(|schedules| schedules < 2) {
                    shown.empty.push(format!("the model {name} did not run on two schedules"));
                }
            } else if let Some((_, rest)) = line.split_once(&format!("control checker={checker} name=")) {
                shown.controls += 1;
                if !rest.ends_with(" found") {
                    shown.empty.push(format!("the control {rest}"));
                }
            }
        }
        shown
    }

    fn wrong(&self) -> Option<String> {
        match self {
            Shown { models: 0, .. } => Some("no model ran".to_owned()),
            Shown { controls: 0, .. } => Some("no control ran".to_owned()),
            Shown { empty, .. } => empty.first().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Option<String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Shown::read("loom", &lines).wrong()
    }

    #[test]
    fn models_and_controls_that_ran_are_right() {
        let text = "model checker=loom name=a/shards=1 schedules=12 preemptions=3\n\
                    test a ... control checker=loom name=b found";
        assert_eq!(wrong(text), None);
    }

    #[test]
    fn what_shows_nothing_is_wrong() {
        let model = "model checker=loom name=a schedules=2 preemptions=3\n";
        let control = "control checker=loom name=b found\n";
        for (text, why) in [
            (String::new(), "no model ran"),
            (control.to_owned(), "no model ran"),
            (model.replace("loom", "shuttle"), "no model ran"),
            (model.to_owned(), "no control ran"),
            (format!("{control}{}", model.replace("=2", "=1")), "the model a did not run on two schedules"),
            (format!("{control}{}", model.replace("schedules=2 ", "")), "the model a did not run on two schedules"),
            (format!("{model}{}", control.replace("found", "missed")), "the control b missed"),
        ] {
            assert_eq!(wrong(&text).as_deref(), Some(why), "{text}");
        }
    }

    #[test]
    fn a_checker_has_its_own_flags_and_folder() {
        let command = cargo_for("loom", &["test"]);
        let value = |name: &str| {
            let found = command.get_envs().find(|(own, _)| *own == name);
            found.and_then(|(_, value)| value).map(|value| value.to_string_lossy().into_owned())
        };
        assert!(value("RUSTFLAGS").is_some_and(|flags| flags.ends_with("--cfg loom")));
        assert!(value("CARGO_TARGET_DIR").is_some_and(|folder| folder.ends_with("loom")));
    }
}
