//! Set-up and builds: each step looks at what is there and does only what is missing.

pub(crate) mod addon;
pub(crate) mod browsers;
pub(crate) mod npm;
pub(crate) mod python;
pub(crate) mod stamp;
pub(crate) mod wasm;
pub(crate) mod web;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::say;

/// One step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Wasm,
    Npm,
    Browsers,
    PythonTools,
    Python,
    Addon,
    Web,
}

impl Step {
    pub(crate) const ALL: [Step; 7] =
        [Step::Wasm, Step::Npm, Step::Browsers, Step::PythonTools, Step::Python, Step::Addon, Step::Web];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Wasm => "wasm",
            Step::Npm => "npm",
            Step::Browsers => "browsers",
            Step::PythonTools => "python-tools",
            Step::Python => "python",
            Step::Addon => "addon",
            Step::Web => "web",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Step::Wasm => "the wasm32-unknown-unknown target",
            Step::Npm => "npm packages",
            Step::Browsers => "Chromium and Firefox",
            Step::PythonTools => "Python virtual environment",
            Step::Python => "Python wheel",
            Step::Addon => "Node addon and its TypeScript",
            Step::Web => "browser package and its TypeScript",
        }
    }

    fn needs(self) -> &'static [Step] {
        match self {
            Step::Wasm | Step::Npm | Step::Browsers | Step::PythonTools => &[],
            Step::Python => &[Step::PythonTools],
            Step::Addon => &[Step::Npm],
            Step::Web => &[Step::Npm, Step::Wasm],
        }
    }

    fn run(self) -> Result<()> {
        match self {
            Step::Wasm => wasm::prepare(),
            Step::Npm => npm::prepare(),
            Step::Browsers => browsers::prepare(),
            Step::PythonTools => python::prepare(),
            Step::Python => python::install_wheel(),
            Step::Addon => addon::build(),
            Step::Web => web::build(),
        }
    }
}

/// What was set up in this run: a step is done once, and one that failed stays failed.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    outcomes: BTreeMap<Step, Result<(), String>>,
}

impl Setup {
    /// Does the step, and those that it needs, unless this run has done so already.
    pub(crate) fn need(&mut self, step: Step) -> Result<()> {
        if !self.outcomes.contains_key(&step) {
            let outcome = self.attempt(step).map_err(|error| format!("{error:#}"));
            self.outcomes.insert(step, outcome);
        }
        self.outcomes[&step].clone().map_err(|why| anyhow!(why))
    }

    /// All the steps; the first error is the answer.
    pub(crate) fn need_all(&mut self, steps: &[Step]) -> Result<()> {
        steps.iter().try_for_each(|&step| self.need(step))
    }

    fn attempt(&mut self, step: Step) -> Result<()> {
        self.need_all(step.needs())?;
        say::part(&format!("set-up: {}", step.title()));
        let start = Instant::now();
        let outcome = step.run();
        match &outcome {
            Ok(()) => say::step(&format!("ready in {:.1} s", start.elapsed().as_secs_f64())),
            Err(error) => say::failure(&format!("{error:#}")),
        }
        outcome.map_err(|error| anyhow!("set-up of {} failed: {error:#}", step.title()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_stays_failed_and_fails_what_needs_it() {
        let mut setup = Setup::default();
        setup.outcomes.insert(Step::Npm, Err("no npm".to_owned()));
        let error = setup.need(Step::Addon).unwrap_err();
        assert_eq!(error.to_string(), "no npm");
        assert_eq!(setup.outcomes[&Step::Addon], Err("no npm".to_owned()));
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Step::ALL.iter().map(|step| step.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Step::ALL.len());
    }
}
