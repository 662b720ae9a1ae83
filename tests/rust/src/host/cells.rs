//! Operations on cells as a scenario asks for them.

use std::sync::Arc;
use std::time::Duration;

use latchwork::{Conflict, Entry, Expected, Key};
use serde_json::Value;

/// A write of one cell.
#[derive(Clone, Debug)]
pub enum Write {
    /// `set`.
    Set(Key, Value, Option<Duration>, Demanded),
    /// `insert`.
    Insert(Key, Value, Option<Duration>, Demanded),
    /// `compareExchange`.
    CompareExchange(Cell, Value, Option<Duration>, Demanded),
    /// `delete`, perhaps of an expected version.
    Delete(Result<Cell, Key>, Demanded),
}

/// The guard that a write names, and the keys that it must hold.
pub type Demanded = Option<(String, Option<Vec<Key>>)>;

/// A cell and the version that it is expected to have.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A key and a version.
    Version(Key, u64),
    /// An entry that was read.
    Entry(Read),
}

/// One call on the way to an atomic commit.
#[derive(Clone, Debug)]
pub enum AtomicPart {
    /// A condition.
    Check(Cell),
    /// A write.
    Set(Key, Value, Option<Duration>),
    /// A write of a cell that must be absent.
    Insert(Key, Value, Option<Duration>),
    /// A deletion.
    Delete(Key),
    /// A guard that must be held.
    Guard(String, Option<Vec<Key>>),
}

/// What a write came to.
#[derive(Clone, Debug)]
pub enum Wrote {
    /// It applied; the version is 0 where nothing was to be written.
    Committed(u64),
    /// A deletion applied, and whether the cell was there.
    Existed(bool),
    /// It did not apply: this is there.
    There(Read),
    /// It did not apply: these conditions were not met.
    Conflicts(Vec<NotMet>),
}

impl Cell {
    /// The key and the version.
    pub fn parts(self) -> (Key, u64) {
        match self {
            Cell::Version(key, version) => (key, version),
            Cell::Entry(entry) => (entry.key, entry.version),
        }
    }
}

impl From<Cell> for Expected {
    fn from(cell: Cell) -> Expected {
        match cell {
            Cell::Version(key, version) => Expected::from((key, version)),
            Cell::Entry(entry) => Expected::from((entry.key, entry.version)),
        }
    }
}

/// A cell as it was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its key.
    pub key: Key,
    /// Its value; none: it is absent.
    pub value: Option<Value>,
    /// Its version.
    pub version: u64,
    /// How long until it expires.
    pub expires_in: Option<Duration>,
    /// Written by the body that read it, which gives it no version yet.
    pub own: bool,
}

/// A condition that was not met.
#[derive(Clone, Debug)]
pub struct NotMet {
    /// The cell.
    pub key: Key,
    /// The version that it should have had.
    pub expected: u64,
    /// What it is.
    pub entry: Read,
}

impl From<Entry<Value>> for Read {
    fn from(entry: Entry<Value>) -> Read {
        Read { key: entry.key, value: entry.value, version: entry.version, expires_in: entry.expires_in, own: false }
    }
}

/// What a binding makes of an entry: a value of its own.
impl From<Entry<Arc<Value>>> for Read {
    fn from(entry: Entry<Arc<Value>>) -> Read {
        let value = entry.value.map(|value| (*value).clone());
        Read { key: entry.key, value, version: entry.version, expires_in: entry.expires_in, own: false }
    }
}

impl Read {
    /// Read through the handle of a body.
    pub(crate) fn in_body(self) -> Read {
        Read { own: self.version == 0 && self.value.is_some(), ..self }
    }
}

impl<V> From<Conflict<V>> for NotMet
where
    Read: From<Entry<V>>,
{
    fn from(conflict: Conflict<V>) -> NotMet {
        NotMet { key: conflict.key, expected: conflict.expected, entry: conflict.entry.into() }
    }
}

/// Entries as they were read.
pub(super) fn read<V>(entries: Vec<Entry<V>>) -> Vec<Read>
where
    Read: From<Entry<V>>,
{
    entries.into_iter().map(Read::from).collect()
}
