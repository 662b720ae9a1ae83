//! How an update or a transaction is to be made.

use std::time::Duration;

use crate::shared::Demand;
use crate::signature::Signature;
use crate::sync::Arc;
use crate::{Error, Key, Owner, Ticket};

/// How an update or a transaction is to be made: limits, owner, guards, a label.
///
/// [`Space::update`](crate::Space::update) and [`Space::transact`](crate::Space::transact) make one by themselves; bindings
/// make one from their arguments and pass it to [`Port::update`](crate::Port::update) or
/// [`Port::transact`](crate::Port::transact).
#[derive(Clone, Debug, Default)]
pub struct CallSpec {
    pub(crate) attempts: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) owner: Option<Owner>,
    pub(crate) signature: Signature,
    pub(crate) guards: Vec<Demand>,
}

impl CallSpec {
    /// As often as it takes, as long as it takes.
    pub fn new() -> CallSpec {
        CallSpec::default()
    }

    /// Sets how often the body runs at most: then it fails with [`Conflict`](crate::ErrorKind::Conflict).
    #[must_use]
    pub fn attempts(mut self, limit: u32) -> CallSpec {
        self.attempts = Some(limit);
        self
    }

    /// Sets how long everything may last, waits and bodies together. Zero: it may not wait at all.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> CallSpec {
        self.timeout = Some(timeout);
        self
    }

    /// Makes it a call of `owner`: a wait for a turn that could never end is refused, and it ends with its owner.
    #[must_use]
    pub fn owner(mut self, owner: &Owner) -> CallSpec {
        self.signature.owner = Some(owner.tag().clone());
        self.owner = Some(owner.clone());
        self
    }

    /// Gives its turns a label, which queries and errors show.
    #[must_use]
    pub fn label(mut self, label: impl Into<Arc<str>>) -> CallSpec {
        self.signature.label = Some(label.into());
        self
    }

    /// Demands that a grant holds these keys, or all that it was granted except those that it released itself, as
    /// [`Commit::guard`](crate::Commit::guard) does. A call ends when the guard is lost (clause C14).
    #[must_use]
    pub fn guard(mut self, ticket: Option<Ticket>, token: u64, keys: Option<Vec<Key>>) -> CallSpec {
        self.guards.push(Demand { ticket, token, keys, handed: None, call: None });
        self
    }

    /// Refuses what cannot be, in a space that has a clock or not.
    pub(crate) fn check(&self, has_clock: bool) -> Result<(), Error> {
        if self.attempts == Some(0) {
            return Err(Error::invalid("attempts", "is zero: the body would never run"));
        }
        if self.timeout.is_some_and(|timeout| !timeout.is_zero()) && !has_clock {
            return Err(Error::invalid("timeout", "the space has no clock"));
        }
        self.guards.iter().filter_map(|guard| guard.keys.as_ref()).flatten().try_for_each(Key::check)
    }
}
