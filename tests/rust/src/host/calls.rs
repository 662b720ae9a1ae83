//! Updates and transactions as a scenario asks for them.

use std::time::Duration;

use latchwork::{Expiry, Key, KeyRange};
use serde_json::Value;

use super::{Demanded, Read};

/// What a call that runs a body asks for.
#[derive(Clone, Debug, Default)]
pub struct CallRequest {
    /// The guard that must be held, and the keys that it must hold.
    pub guard: Demanded,
    /// The name of its owner.
    pub owner: Option<String>,
    /// The label.
    pub label: Option<String>,
    /// How often the body may run.
    pub attempts: Option<u32>,
    /// The time-out.
    pub timeout: Option<Duration>,
}

/// Which body a call runs.
#[derive(Clone, Debug)]
pub enum Body {
    /// The function of an update of this cell, and when it then expires.
    Update(Key, Option<Expiry>),
    /// That of a transaction.
    Transact,
}

/// A call through the handle of a body.
#[derive(Clone, Debug)]
pub enum Through {
    /// `get`.
    Get(Key),
    /// `getMany`.
    GetMany(Vec<Key>),
    /// `list`.
    List(KeyRange, Option<usize>, bool),
    /// `set`.
    Set(Key, Value, Option<Expiry>),
    /// `insert`.
    Insert(Key, Value, Option<Expiry>),
    /// `delete`.
    Delete(Key),
}

/// What a call through the handle of a body came to.
#[derive(Clone, Debug)]
pub enum Came {
    /// An entry.
    Read(Read),
    /// Several.
    Listed(Vec<Read>),
    /// It was not inserted: this is there.
    There(Read),
    /// It is done.
    Done,
}
