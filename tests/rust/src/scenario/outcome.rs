//! What a file expects.

use std::num::NonZeroU32;

use latchwork::ErrorKind;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Value, json};

use super::{CommittedIs, ConflictIs, EntryIs, Spelling, StaleIs, VersionIs};

/// What a call came to, or is to have come to.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub enum Outcome {
    /// It is not settled.
    Pending,
    /// There is a guard.
    Granted(GuardIs),
    /// `tryLock` answered nothing.
    None,
    /// The body of `withLock` runs, with such a guard.
    Running(GuardIs),
    /// The body of an update or a transaction runs, as such an attempt. Spelled `running`.
    Attempt(AttemptIs),
    /// An update or a transaction has committed.
    Done(DoneIs),
    /// The body's value.
    Returned(Value),
    /// The body's own error.
    Threw(String),
    /// It was given up.
    Cancelled,
    /// A Latchwork error.
    Error(ErrorIs),
    /// The answer of a query.
    Query(Table),
    /// How many were taken away, or ended.
    Count(usize),
    /// Whether a hand-over reached its owner.
    Delivered(bool),
    /// The entry of a cell.
    Entry(EntryIs),
    /// The entries of several cells, in order.
    Entries(Vec<EntryIs>),
    /// A write applied.
    Committed(CommittedIs),
    /// A write of one cell did not apply: this is there.
    Conflict(EntryIs),
    /// A commit did not apply: these conditions were not met.
    Conflicts(Vec<ConflictIs>),
    /// A deletion applied, and whether the cell was there.
    Existed(bool),
    /// The keys that were deleted, in order.
    Deleted(Vec<Spelling>),
    /// A watch has no further item.
    Ended,
    /// No error.
    Ok,
}

impl Outcome {
    /// The names of versions in it.
    pub fn versions(&self) -> Vec<&str> {
        match self {
            Outcome::Entry(entry) | Outcome::Conflict(entry) => entry.versions().collect(),
            Outcome::Attempt(attempt) => attempt.entry.iter().flat_map(EntryIs::versions).collect(),
            Outcome::Done(done) => {
                let version = done.version.iter().filter_map(|version| version.name());
                version.chain(done.newer_than.iter().map(String::as_str)).collect()
            }
            Outcome::Entries(entries) => entries.iter().flat_map(EntryIs::versions).collect(),
            Outcome::Committed(committed) => {
                let version = committed.version.iter().filter_map(|version| version.name());
                version.chain(committed.newer_than.iter().map(String::as_str)).collect()
            }
            Outcome::Conflicts(conflicts) => conflicts.iter().flat_map(ConflictIs::versions).collect(),
            Outcome::Error(error) => error.conflicts.iter().flatten().flat_map(StaleIs::versions).collect(),
            _ => Vec::new(),
        }
    }

    /// The names of owners in it.
    pub fn owners(&self) -> Vec<&str> {
        let mut names: Vec<Option<&String>> = Vec::new();
        fn inner(name: &Option<Option<String>>) -> Option<&String> {
            name.as_ref().and_then(Option::as_ref)
        }
        fn blockers(list: &Option<Vec<BlockerIs>>) -> impl Iterator<Item = Option<&String>> {
            list.iter().flatten().map(|blocker| inner(&blocker.owner))
        }
        match self {
            Outcome::Granted(guard) | Outcome::Running(guard) => names.push(inner(&guard.owner)),
            Outcome::Error(error) => {
                names.extend(blockers(&error.blocked_by));
                names.extend(error.cycle.iter().flatten().map(|step| step.owner.as_ref()));
            }
            Outcome::Query(table) => {
                names.extend(table.held.iter().map(|hold| inner(&hold.owner)));
                for wait in &table.pending {
                    names.push(inner(&wait.owner));
                    names.extend(blockers(&wait.blocked_by));
                }
            }
            _ => {}
        }
        names.into_iter().flatten().map(String::as_str).collect()
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        let value = match Value::deserialize(from)? {
            Value::String(word) if matches!(word.as_str(), "granted" | "running" | "committed") => json!({ word: {} }),
            Value::Object(fields) if fields.get("running").is_some_and(|is| is.get("attempt").is_some()) => {
                json!({ "attempt": fields["running"] })
            }
            Value::Object(fields) if fields.contains_key("attempt") => {
                return Err(D::Error::custom("an attempt is running"));
            }
            Value::Object(fields) if fields.len() != 1 => {
                return Err(D::Error::custom("an outcome has one field"));
            }
            other => other,
        };
        // The grammar; what it cannot say comes after it.
        match Outcome::deserialize(value).map_err(D::Error::custom)? {
            Outcome::Error(error) if !ErrorKind::ALL.iter().any(|kind| kind.code() == error.code) => {
                Err(D::Error::custom(format!("no error has this code: {}", error.code)))
            }
            Outcome::Conflicts(conflicts) if conflicts.is_empty() => {
                Err(D::Error::custom("a commit does not apply because of some condition"))
            }
            outcome => Ok(outcome),
        }
    }
}

/// An attempt that runs.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptIs {
    /// Its number, from 1.
    pub attempt: NonZeroU32,
    /// What the function of an update is given, where compared.
    pub entry: Option<EntryIs>,
}

/// What an update or a transaction came to. What is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoneIs {
    /// What the body returned, or what the update wrote or found.
    #[serde(default, deserialize_with = "given")]
    pub value: Option<Value>,
    /// How often the body ran.
    pub attempts: Option<u32>,
    /// Whether the update wrote.
    pub changed: Option<bool>,
    /// A version that is the same.
    pub version: Option<VersionIs>,
    /// Versions that are smaller.
    #[serde(default)]
    pub newer_than: Vec<String>,
}

/// A guard. What is absent is not compared.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardIs {
    /// Its exclusive keys.
    pub keys: Option<Vec<Spelling>>,
    /// Its shared keys.
    pub shared: Option<Vec<Spelling>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// How its token compares.
    pub token: Option<TokenIs>,
    /// Whether it is held now.
    pub held: Option<bool>,
    /// Whether it was taken away.
    pub lost: Option<bool>,
    /// The name of its owner; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub owner: Option<Option<String>>,
    /// What came along when it was handed over; null: nothing.
    #[serde(default, deserialize_with = "given")]
    pub payload: Option<Value>,
    /// Whether a holder went away without a word while it was queued.
    pub abandoned: Option<bool>,
}

/// How a token compares with earlier ones.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenIs {
    /// The results whose tokens are smaller.
    pub greater_than: Vec<String>,
}

/// An error.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorIs {
    /// Its code.
    pub code: String,
    /// Its keys.
    pub keys: Option<Vec<Spelling>>,
    /// The time waited, in ms.
    pub waited: Option<u64>,
    /// The place in the queue.
    pub position: Option<usize>,
    /// Who stood in the way.
    pub blocked_by: Option<Vec<BlockerIs>>,
    /// The argument that was refused.
    pub what: Option<String>,
    /// The limit that is reached.
    pub limit: Option<usize>,
    /// How often the body ran.
    pub attempts: Option<u32>,
    /// What was in the way.
    pub conflicts: Option<Vec<StaleIs>>,
    /// The reason of an abort.
    pub reason: Option<String>,
    /// The circle.
    pub cycle: Option<Vec<CycleStepIs>>,
}

/// One of the waits that form a circle.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleStepIs {
    /// The owner of the request that waits; none: it has none.
    #[serde(deserialize_with = "nullable")]
    pub owner: Option<String>,
    /// The key that it waits for.
    pub key: Spelling,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
}

/// What a query answers.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What is held.
    pub held: Vec<HoldIs>,
    /// What waits.
    pub pending: Vec<WaitIs>,
}

/// A hold. Absent keys are none; what else is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldIs {
    /// Its exclusive keys.
    #[serde(default)]
    pub keys: Vec<Spelling>,
    /// Its shared keys.
    #[serde(default)]
    pub shared: Vec<Spelling>,
    /// The result that has its token.
    pub token: Option<String>,
    /// The name of its owner; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub owner: Option<Option<String>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// Its age in ms; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub age: Option<Option<u64>>,
    /// Whether its caller has seen it.
    pub claimed: Option<bool>,
}

/// A wait. Absent keys are none; what else is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitIs {
    /// The keys that it asks for exclusively.
    #[serde(default)]
    pub keys: Vec<Spelling>,
    /// The keys that it asks for in shared mode.
    #[serde(default)]
    pub shared: Vec<Spelling>,
    /// The name of its owner; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub owner: Option<Option<String>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// Its age in ms; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub age: Option<Option<u64>>,
    /// Its place in its longest queue.
    pub position: Option<usize>,
    /// Who stands in its way.
    pub blocked_by: Option<Vec<BlockerIs>>,
}

/// Who stands in the way on one key.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockerIs {
    /// The key.
    pub key: Spelling,
    /// The result that holds the key; inner none: it is only reserved.
    #[serde(default, deserialize_with = "given")]
    pub token: Option<Option<String>>,
    /// The name of its owner; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub owner: Option<Option<String>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
}

/// A field that is there and may be `null`.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// Tells `null` from a field that is not there.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
