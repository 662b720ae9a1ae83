//! The operations on cells, and what they come to.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::Spelling;
use super::outcome::given;
use super::step::{need, nothing_left, take};

/// One call on the cells of a space.
#[derive(Clone, Debug)]
pub enum CellCall {
    /// `get`.
    Get(Spelling),
    /// `getMany`.
    GetMany(Vec<Spelling>),
    /// `set`, `insert`, `compareExchange` or `delete`.
    Write(CellWrite),
    /// `atomic`.
    Atomic(Vec<AtomicStep>),
    /// `list`.
    List(Within, Option<usize>, bool),
    /// `deleteAll`.
    DeleteAll(Within, Vec<Spelling>),
}

/// A write of one cell.
#[derive(Clone, Debug)]
pub struct CellWrite {
    /// The operation's name in files.
    pub op: &'static str,
    /// Which cell, and what it is expected to be.
    pub cell: CellIs,
    /// The new value; none for `delete`.
    pub value: Option<Value>,
    /// When it expires, where given; inner none: it does not.
    pub expire_in: Option<Option<Duration>>,
    /// The guard that must be held, and the keys that it must hold.
    pub guard: Option<(String, Option<Vec<Spelling>>)>,
}

/// A cell, and perhaps the version that it must have.
#[derive(Clone, Debug)]
pub enum CellIs {
    /// Whatever it is.
    Any(Spelling),
    /// Of this version.
    Version(Spelling, VersionIs),
    /// As in the entry of an earlier `get`.
    Entry(String),
}

/// A version.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionIs {
    /// That of an absent cell.
    Absent,
    /// One that a step named.
    Named(String),
}

/// One call on the way to an atomic commit.
#[derive(Clone, Debug)]
pub enum AtomicStep {
    /// A condition.
    Check(CellIs),
    /// A write, perhaps of a cell that must be absent.
    Set(Spelling, Value, Option<Duration>, bool),
    /// A deletion.
    Delete(Spelling),
    /// A guard that must be held.
    Guard(String, Option<Vec<Spelling>>),
}

/// A range of keys.
#[derive(Clone, Debug)]
pub enum Within {
    /// What begins with a key.
    Prefix(Spelling),
    /// From one key to before another.
    Between(Option<Spelling>, Option<Spelling>),
}

/// What is watched.
#[derive(Clone, Debug)]
pub enum WatchedIs {
    /// Cells.
    Keys(Vec<Spelling>),
    /// All cells whose keys begin with a key.
    Prefix(Spelling),
}

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryIs {
    /// Its key, where given.
    pub key: Option<Spelling>,
    /// Its value; none: it is absent.
    pub value: Option<Value>,
    /// A version that is the same.
    pub version: Option<String>,
    /// Versions that are smaller.
    pub newer_than: Vec<String>,
    /// In how many ms it expires, where given; inner none: it does not.
    pub expires_in: Option<Option<u64>>,
}

/// What was committed.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommittedIs {
    /// A version that is the same.
    pub version: Option<VersionIs>,
    /// Versions that are smaller.
    #[serde(default)]
    pub newer_than: Vec<String>,
}

/// A condition that was not met.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictIs {
    /// The cell.
    pub key: Spelling,
    /// The version that it should have had.
    pub expected: VersionIs,
    /// What it is.
    pub entry: EntryIs,
}

/// A cell that was in the way of an attempt. What is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaleIs {
    /// The cell.
    pub key: Spelling,
    /// The version that was read.
    pub expected: Option<VersionIs>,
    /// The version that there is.
    pub version: Option<VersionIs>,
}

impl StaleIs {
    /// The versions that it names.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        [&self.expected, &self.version].into_iter().flatten().filter_map(VersionIs::name)
    }
}

impl CellCall {
    /// The call of an operation on cells; none where it is another operation.
    pub(super) fn parse(op: &str, args: &mut Map<String, Value>) -> Result<Option<CellCall>, String> {
        Ok(Some(match op {
            "get" => CellCall::Get(need(args, "key")?),
            "getMany" => CellCall::GetMany(need(args, "keys")?),
            "set" => CellCall::Write(CellWrite::parse("set", true, args)?),
            "insert" => CellCall::Write(CellWrite::parse("insert", true, args)?),
            "compareExchange" => CellCall::Write(CellWrite::parse("compareExchange", true, args)?),
            "delete" => CellCall::Write(CellWrite::parse("delete", false, args)?),
            "atomic" => CellCall::Atomic(need(args, "steps")?),
            "list" => {
                CellCall::List(Within::parse(args)?, take(args, "limit")?, take(args, "reverse")?.unwrap_or_default())
            }
            "deleteAll" => CellCall::DeleteAll(Within::parse(args)?, take(args, "except")?.unwrap_or_default()),
            _ => return Ok(None),
        }))
    }

    /// The operation's name in files.
    pub fn op(&self) -> &'static str {
        match self {
            CellCall::Get(_) => "get",
            CellCall::GetMany(_) => "getMany",
            CellCall::Write(write) => write.op,
            CellCall::Atomic(_) => "atomic",
            CellCall::List(..) => "list",
            CellCall::DeleteAll(..) => "deleteAll",
        }
    }

    /// The same through the handle of a body, which has fewer calls.
    pub(super) fn through(self) -> Result<CellCall, String> {
        let refused = match &self {
            CellCall::Write(CellWrite { op: "compareExchange", .. }) => true,
            CellCall::Write(write) => write.guard.is_some() || !matches!(write.cell, CellIs::Any(_)),
            CellCall::Atomic(_) | CellCall::DeleteAll(..) => true,
            CellCall::Get(_) | CellCall::GetMany(_) | CellCall::List(..) => false,
        };
        if refused { Err(format!("{}: not so through the handle of a body", self.op())) } else { Ok(self) }
    }

    /// Whether it can name a version.
    pub(super) fn makes_version(op: &str) -> bool {
        matches!(op, "get" | "set" | "insert" | "compareExchange" | "atomic")
    }

    /// The guards, the versions and the entries that it names.
    pub(super) fn uses(&self) -> Vec<Used<'_>> {
        fn of<'a>(cell: &'a CellIs, used: &mut Vec<Used<'a>>) {
            match cell {
                CellIs::Entry(name) => used.push(Used::Entry(name)),
                CellIs::Version(_, VersionIs::Named(name)) => used.push(Used::Version(name)),
                CellIs::Version(_, VersionIs::Absent) | CellIs::Any(_) => {}
            }
        }
        let mut used = Vec::new();
        match self {
            CellCall::Write(write) => {
                of(&write.cell, &mut used);
                used.extend(write.guard.iter().map(|(guard, _)| Used::Guard(guard)));
            }
            CellCall::Atomic(steps) => {
                for step in steps {
                    match step {
                        AtomicStep::Check(cell) => of(cell, &mut used),
                        AtomicStep::Guard(guard, _) => used.push(Used::Guard(guard)),
                        AtomicStep::Set(..) | AtomicStep::Delete(_) => {}
                    }
                }
            }
            _ => {}
        }
        used
    }
}

/// What a call names that an earlier step made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Used<'a> {
    Guard(&'a str),
    Version(&'a str),
    Entry(&'a str),
}

impl CellWrite {
    fn parse(op: &'static str, sets: bool, args: &mut Map<String, Value>) -> Result<CellWrite, String> {
        let cell = match (take(args, "key")?, take(args, "version")?, take(args, "entry")?) {
            (Some(key), None, None) if op != "compareExchange" => CellIs::Any(key),
            (Some(key), Some(version), None) if matches!(op, "compareExchange" | "delete") => {
                CellIs::Version(key, version)
            }
            (None, None, Some(entry)) if matches!(op, "compareExchange" | "delete") => CellIs::Entry(entry),
            _ => return Err(format!("{op}: not these of key, version and entry")),
        };
        let value = args.remove("value");
        if value.is_some() != sets {
            return Err(format!("{op}: a value is for what sets a cell"));
        }
        let expire_in = if sets { expiry(args)? } else { None };
        let guard = match (take(args, "guard")?, take(args, "guardKeys")?) {
            (Some(guard), keys) => Some((guard, keys)),
            (None, None) => None,
            (None, Some(_)) => return Err("guardKeys are those of a guard".into()),
        };
        Ok(CellWrite { op, cell, value, expire_in, guard })
    }
}

impl Within {
    fn parse(args: &mut Map<String, Value>) -> Result<Within, String> {
        match (take(args, "prefix")?, take(args, "start")?, take(args, "end")?) {
            (Some(prefix), None, None) => Ok(Within::Prefix(prefix)),
            (None, start, end) => Ok(Within::Between(start, end)),
            _ => Err("a prefix has neither start nor end".into()),
        }
    }
}

impl WatchedIs {
    pub(super) fn parse(args: &mut Map<String, Value>) -> Result<WatchedIs, String> {
        match (take(args, "keys")?, take(args, "prefix")?) {
            (Some(keys), None) => Ok(WatchedIs::Keys(keys)),
            (None, Some(prefix)) => Ok(WatchedIs::Prefix(prefix)),
            _ => Err("keys or a prefix are watched".into()),
        }
    }
}

impl EntryIs {
    /// The versions that it names.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.version.iter().chain(&self.newer_than).map(String::as_str)
    }
}

impl ConflictIs {
    /// The versions that it names.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.expected.name().into_iter().chain(self.entry.versions())
    }
}

impl VersionIs {
    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            VersionIs::Absent => None,
            VersionIs::Named(name) => Some(name),
        }
    }
}

fn expire_in(args: &mut Map<String, Value>) -> Result<Option<Duration>, String> {
    let ms: Option<f64> = take(args, "expireIn")?;
    ms.map(milliseconds).transpose()
}

/// The expiry that is asked for, where given; inner none: never.
pub(super) fn expiry(args: &mut Map<String, Value>) -> Result<Option<Option<Duration>>, String> {
    match args.get("expireIn") {
        Some(Value::Null) => {
            args.remove("expireIn");
            Ok(Some(None))
        }
        _ => Ok(expire_in(args)?.map(Some)),
    }
}

fn milliseconds(ms: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(ms / 1000.0).map_err(|error| format!("expireIn: {error}"))
}

impl<'de> Deserialize<'de> for AtomicStep {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<AtomicStep, D::Error> {
        fn parse(mut fields: Map<String, Value>) -> Result<AtomicStep, String> {
            let args = &mut fields;
            let step = if let Some(key) = take(args, "check")? {
                AtomicStep::Check(CellIs::Version(key, need(args, "version")?))
            } else if let Some(entry) = take(args, "entry")? {
                AtomicStep::Check(CellIs::Entry(entry))
            } else if let Some(key) = take(args, "set")? {
                AtomicStep::Set(key, args.remove("value").ok_or("set: no value")?, expire_in(args)?, false)
            } else if let Some(key) = take(args, "insert")? {
                AtomicStep::Set(key, args.remove("value").ok_or("insert: no value")?, expire_in(args)?, true)
            } else if let Some(key) = take(args, "delete")? {
                AtomicStep::Delete(key)
            } else {
                AtomicStep::Guard(need(args, "guard")?, take(args, "keys")?)
            };
            nothing_left(&fields)?;
            Ok(step)
        }
        parse(Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for VersionIs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<VersionIs, D::Error> {
        match Value::deserialize(from)? {
            Value::String(name) => Ok(VersionIs::Named(name)),
            zero if zero == 0 => Ok(VersionIs::Absent),
            other => Err(D::Error::custom(format!("a version is a name or 0: {other}"))),
        }
    }
}

impl<'de> Deserialize<'de> for EntryIs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EntryIs, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Spelled {
            key: Option<Spelling>,
            #[serde(default, deserialize_with = "given")]
            value: Option<Value>,
            absent: Option<bool>,
            version: Option<String>,
            #[serde(default)]
            newer_than: Vec<String>,
            #[serde(default, deserialize_with = "given")]
            expires_in: Option<Option<u64>>,
        }
        let Spelled { key, value, absent, version, newer_than, expires_in } = Spelled::deserialize(from)?;
        if absent == Some(false) || value.is_some() == absent.is_some() {
            return Err(D::Error::custom("an entry has a value or is absent"));
        }
        Ok(EntryIs { key, value, version, newer_than, expires_in })
    }
}
