//! Scenario files, as `tests/scenarios/README.md` describes them.

mod folder;
mod outcome;
mod spelling;
mod step;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::folder::{Folders, Index, vectors};
pub use self::outcome::{BlockerIs, ErrorIs, GuardIs, HoldIs, Outcome, Table, TokenIs, WaitIs};
pub use self::spelling::Spelling;
pub use self::step::{Asked, Call, Ending, LockMode, Step, Steps};

/// One scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    format: u32,
    /// The file's name without `.json`.
    pub name: String,
    /// What it shows.
    pub why: String,
    /// The clauses that it shows.
    pub clause: Vec<String>,
    /// What a host must be able to do to run it.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    #[serde(default)]
    setup: Setup,
    /// Who acts.
    pub actors: Vec<String>,
    orders: Option<Orders>,
    /// What happens, in order.
    pub steps: Vec<Steps>,
    /// What the space must hold at the end.
    #[serde(rename = "final")]
    pub last: Final,
    /// In `must-fail/`: where it must fail.
    #[serde(rename = "mustFail")]
    pub must_fail: Option<MustFail>,
}

/// What a host must be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Give up a call that waits.
    Cancel,
    /// Give up a `withLock` while its body runs.
    CancelBody,
    /// Make several calls in one turn.
    Turn,
    /// Open several handles on one space.
    Handles,
    /// Pass a negative time-out.
    SignedTimeout,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    #[serde(default)]
    handles: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Orders {
    All,
}

/// What the space must hold at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Final {
    /// These holds and waits.
    Table(Table),
    /// Nothing: it is closed.
    Closed(Closed),
}

/// The spelling of a closed space.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    closed: bool,
}

/// Where a file must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum MustFail {
    /// At the step of this number.
    Step(usize),
    /// At the final check.
    Final(FinalWord),
}

/// The word `final`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinalWord {
    /// The word itself.
    Final,
}

/// The handle of actors that have none of their own.
pub const FIRST_HANDLE: &str = "first";

impl Scenario {
    /// Reads a file and refuses what the format does not have. `name` is the file's name without `.json`.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn parse(name: &str, text: &str) -> Result<Scenario, String> {
        let scenario: Scenario = serde_json::from_str(text).map_err(|error| error.to_string())?;
        scenario.check(name)?;
        Ok(scenario)
    }

    /// Whether every interleaving is to be run.
    pub fn every_order(&self) -> bool {
        self.orders.is_some()
    }

    /// The handle that an actor calls.
    pub fn handle_of(&self, actor: &str) -> &str {
        self.setup.handles.get(actor).map_or(FIRST_HANDLE, String::as_str)
    }

    /// The handles that the file needs, the first one first.
    pub fn handles(&self) -> Vec<&str> {
        let mut handles = vec![FIRST_HANDLE];
        for handle in self.setup.handles.values() {
            if !handles.contains(&handle.as_str()) {
                handles.push(handle);
            }
        }
        handles
    }

    /// What the grammar alone cannot say.
    fn check(&self, name: &str) -> Result<(), String> {
        if self.format != 1 {
            return Err(format!("unknown format: format={}", self.format));
        }
        if self.name != name {
            return Err(format!("the name is not that of the file: name={:?} file={name:?}", self.name));
        }
        if let Final::Closed(Closed { closed: false }) = self.last {
            return Err("final: closed can only be true".into());
        }
        let mut made = Vec::new();
        for steps in &self.steps {
            let before = made.len();
            for step in steps.all() {
                self.check_step(step, &mut made, before)?;
            }
            let then = steps.then().keys();
            if let Some(unknown) = then.into_iter().find(|name| !made.contains(&name.as_str())) {
                return Err(format!("no step has made this result: result={unknown:?}"));
            }
        }
        Ok(())
    }

    fn check_step<'a>(&self, step: &'a Step, made: &mut Vec<&'a str>, before: usize) -> Result<(), String> {
        if let Some(actor) = &step.actor
            && !self.actors.contains(actor)
        {
            return Err(format!("the actor is not listed: actor={actor:?}"));
        }
        if let Some(used) = step.call.uses()
            && !made[..before].contains(&used)
        {
            return Err(format!("no earlier step has made this result: result={used:?}"));
        }
        if let Some(makes) = step.call.makes() {
            if made.contains(&makes) {
                return Err(format!("a step has made this result already: result={makes:?}"));
            }
            made.push(makes);
        }
        Ok(())
    }
}
