//! Scenario files, as `tests/scenarios/README.md` describes them.

mod cells;
mod folder;
mod made;
mod outcome;
mod spelling;
mod step;

use std::collections::BTreeMap;

use latchwork::Key;
use serde::Deserialize;

use self::made::Made;

pub use self::cells::{
    AtomicStep, CellCall, CellIs, CellWrite, CommittedIs, ConflictIs, EntryIs, StaleIs, VersionIs, WatchedIs, Within,
};
pub use self::folder::{Folders, Index, vectors};
pub use self::outcome::{
    AttemptIs, BlockerIs, CycleStepIs, DoneIs, ErrorIs, GuardIs, HoldIs, Outcome, Table, TokenIs, WaitIs,
};
pub use self::spelling::Spelling;
pub use self::step::{Asked, By, Call, CallAsked, Ending, HandOver, LockMode, OwnerOf, Step, Steps};

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
    /// Keep cells.
    Cells,
    /// Update and transact.
    Transactions,
    /// End an update or a transaction while its body runs.
    Interrupt,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    #[serde(default)]
    handles: BTreeMap<String, String>,
    #[serde(default)]
    within: BTreeMap<String, Vec<Spelling>>,
    #[serde(default)]
    limits: Limits,
}

/// What an actor calls.
#[derive(Clone, Debug)]
pub struct Handle {
    /// What it is called here.
    pub name: String,
    /// Of a sub-space: the handle that it is in, and the keys under which it lies, one in the other.
    pub of: Option<(String, Vec<Key>)>,
}

impl Handle {
    /// That of actors that have none of their own.
    pub fn first() -> Handle {
        Handle { name: FIRST_HANDLE.to_owned(), of: None }
    }
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
    /// These holds, waits and cells.
    Table(Last),
    /// Nothing: it is closed.
    Closed(Closed),
}

/// What is left at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    held: Vec<HoldIs>,
    pending: Vec<WaitIs>,
    /// All cells in key order, where given.
    pub cells: Option<Vec<EntryIs>>,
    /// What callbacks appended, in order, where given.
    pub callbacks: Option<Vec<serde_json::Value>>,
}

impl Last {
    /// What is held and what waits.
    pub fn table(&self) -> Table {
        Table { held: self.held.clone(), pending: self.pending.clone() }
    }
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

    /// What an actor calls, by its name in [`handles`](Scenario::handles).
    pub fn handle_of(&self, actor: &str) -> String {
        let handle = self.setup.handles.get(actor).map_or(FIRST_HANDLE, String::as_str);
        if self.setup.within.contains_key(actor) { format!("{handle} within {actor}") } else { handle.to_owned() }
    }

    /// The handles that the file needs, the first one first, then the sub-spaces of actors.
    pub fn handles(&self) -> Vec<Handle> {
        let mut handles = vec![Handle::first()];
        for name in self.setup.handles.values() {
            if !handles.iter().any(|handle| handle.name == *name) {
                handles.push(Handle { name: name.clone(), of: None });
            }
        }
        for (actor, prefixes) in &self.setup.within {
            let of = self.setup.handles.get(actor).map_or(FIRST_HANDLE, String::as_str).to_owned();
            let prefixes = prefixes.iter().filter_map(|prefix| prefix.key().ok()).collect();
            handles.push(Handle { name: self.handle_of(actor), of: Some((of, prefixes)) });
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
        if let Some(actor) =
            self.setup.handles.keys().chain(self.setup.within.keys()).find(|&it| !self.actors.contains(it))
        {
            return Err(format!("setup: the actor is not listed: actor={actor:?}"));
        }
        for prefixes in self.setup.within.values() {
            if prefixes.is_empty() {
                return Err("setup: a sub-space lies under a key".into());
            }
            prefixes.iter().try_for_each(|prefix| prefix.key().map(drop)).map_err(|error| format!("setup: {error}"))?;
        }
        if self.every_order() && !self.setup.within.is_empty() {
            return Err("setup: the model of all orders knows no sub-spaces".into());
        }
        let mut made = Made::default();
        for steps in &self.steps {
            let before = made.clone();
            for step in steps.all() {
                if let Some(actor) = step.actor.as_ref().filter(|actor| !self.actors.contains(actor)) {
                    return Err(format!("the actor is not listed: actor={actor:?}"));
                }
                made.check_step(step, &before)?;
            }
            made.check_then(steps.then())?;
        }
        match &self.last {
            Final::Table(last) => {
                made.check_outcome(&Outcome::Query(last.table()))?;
                made.check_outcome(&Outcome::Entries(last.cells.clone().unwrap_or_default()))
            }
            Final::Closed(_) => Ok(()),
        }
    }
}
