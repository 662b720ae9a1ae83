//! Scenario files, as `tests/scenarios/README.md` describes them.

mod folder;
mod outcome;
mod spelling;
mod step;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::folder::{Folders, Index, vectors};
pub use self::outcome::{BlockerIs, CycleStepIs, ErrorIs, GuardIs, HoldIs, Outcome, Table, TokenIs, WaitIs};
pub use self::spelling::Spelling;
pub use self::step::{Asked, By, Call, Ending, HandOver, LockMode, OwnerOf, Step, Steps};

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
    #[serde(default)]
    limits: Limits,
}

/// How many requests may wait in the space of a file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// At all.
    pub max_waiters: Option<usize>,
    /// Behind others for one key.
    pub max_waiters_per_key: Option<usize>,
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

    /// The limits of the space.
    pub fn limits(&self) -> Limits {
        self.setup.limits
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
        let (mut made, mut owners) = (Vec::new(), Vec::new());
        for steps in &self.steps {
            let before = made.len();
            for step in steps.all() {
                self.check_step(step, &mut made, before, &mut owners)?;
            }
            let then = steps.then();
            if let Some(unknown) = then.keys().find(|name| !made.contains(&name.as_str())) {
                return Err(format!("no step has made this result: result={unknown:?}"));
            }
            then.values().try_for_each(|outcome| known_owners(outcome, &owners))?;
        }
        match &self.last {
            Final::Table(table) => known_owners(&Outcome::Query(table.clone()), &owners),
            Final::Closed(_) => Ok(()),
        }
    }

    fn check_step<'a>(
        &self,
        step: &'a Step,
        made: &mut Vec<&'a str>,
        before: usize,
        owners: &mut Vec<&'a str>,
    ) -> Result<(), String> {
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
        if let Some(owner) = step.call.owner().filter(|owner| !owners.contains(owner)) {
            return Err(format!("no earlier step has made this owner: owner={owner:?}"));
        }
        known_owners(&step.expect, owners)?;
        let owner = step.call.makes_owner();
        if let Some(name) = step.call.makes().or(owner) {
            if made.contains(&name) || owners.contains(&name) {
                return Err(format!("a step has made this already: name={name:?}"));
            }
            match owner {
                Some(_) => owners.push(name),
                None => made.push(name),
            }
        }
        Ok(())
    }
}

/// Refuses an outcome that names an owner that no step has made.
fn known_owners(outcome: &Outcome, owners: &[&str]) -> Result<(), String> {
    match outcome.owners().into_iter().find(|name| !owners.contains(name)) {
        Some(unknown) => Err(format!("no step has made this owner: owner={unknown:?}")),
        None => Ok(()),
    }
}
