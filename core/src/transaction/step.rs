//! What a call says is next.

use crate::sync::Arc;
use crate::{Entry, Error, Expiry};

/// What is to be done next for a [`Call`](crate::Call).
#[derive(Debug)]
pub enum Step<V> {
    /// Run the body now.
    Run(Run<V>),
    /// Nothing, until [`Settled::Resumed`](crate::Settled::Resumed) or the end of the body that runs.
    Wait,
    /// It has committed, or needed no commit.
    Done(Done),
    /// It has ended: what the body threw is its outcome, unchanged.
    Threw,
    /// It has ended without a commit.
    Failed(Error),
}

/// One run of a body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run<V> {
    /// Which run it is, from 1.
    pub attempt: u32,
    /// Names the run: operations of the body, and its end, come with it.
    pub scope: u64,
    /// Of an update: the cell as it is.
    pub entry: Option<Entry<Arc<V>>>,
    /// Whether the call has its turn: others wait for its end.
    pub in_turn: bool,
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The new version of all that was written. Where nothing was: the version that an update saw; 0 of a transaction.
    pub version: u64,
    /// Whether anything was written.
    pub changed: bool,
    /// How often the body ran.
    pub attempts: u32,
    /// What was given to [`Call::on_commit`](crate::Call::on_commit), in that order.
    pub callbacks: Vec<u64>,
}

/// What the function of an update answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// Set the cell to this value. It keeps the time at which it expires, unless the update was given another.
    Set(V),
    /// Leave the cell as it is: nothing is written.
    Keep,
    /// Delete the cell.
    Delete,
}

impl<V> Change<V> {
    pub(crate) fn into_write(self, expiry: Expiry) -> Option<crate::commit::Write<V>> {
        match self {
            Change::Set(value) => Some(crate::commit::Write::Set { value, expiry }),
            Change::Keep => None,
            Change::Delete => Some(crate::commit::Write::Delete),
        }
    }
}
