//! What is held and what waits, as `query` answers it.

use std::fmt;
use std::time::Duration;

use crate::sync::Arc;
use crate::{Key, OwnerName};

/// What is held and what waits, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The locks that are held, in key order of their first keys.
    pub held: Vec<Hold>,
    /// The requests that wait. Those that share a key are in the order in which they will be granted.
    pub pending: Vec<Wait>,
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// The keys held exclusively, in key order.
    pub keys: Vec<Key>,
    /// The keys held in shared mode, in key order.
    pub shared: Vec<Key>,
    /// The fencing token.
    pub token: u64,
    /// The owner of the request, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that the request gave itself.
    pub label: Option<Arc<str>>,
    /// How long others have waited for it; `None` while nobody does, or where the space has no clock.
    pub age: Option<Duration>,
    /// Whether the caller has seen the grant. One that stays unclaimed is a future or task that is not polled.
    pub claimed: bool,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The keys asked for exclusively, in key order.
    pub keys: Vec<Key>,
    /// The keys asked for in shared mode, in key order.
    pub shared: Vec<Key>,
    /// The owner of the request, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that the request gave itself.
    pub label: Option<Arc<str>>,
    /// How long it has waited; `None` where the space has no clock.
    pub age: Option<Duration>,
    /// Its place in the longest of its queues: 1 is the next in line.
    pub position: usize,
    /// Who stands in its way, at most sixteen for each key.
    pub blocked_by: Vec<Blocker>,
}

/// A request or a holder that stands in the way of another on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The key on which it stands in the way.
    pub key: Key,
    /// Its owner, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that it gave itself.
    pub label: Option<Arc<str>>,
    /// Its fencing token when it holds the key; `None` when it waits itself and came first.
    pub token: Option<u64>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.label, self.token) {
            (Some(label), Some(_)) => write!(f, "{} held by {label:?}", self.key),
            (None, Some(token)) => write!(f, "{} held with token {token}", self.key),
            (Some(label), None) => write!(f, "{} reserved for {label:?}", self.key),
            (None, None) => write!(f, "{} reserved for an earlier request", self.key),
        }
    }
}
