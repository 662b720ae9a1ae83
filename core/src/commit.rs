//! A change of cells, as an engine takes it.

use std::time::Duration;

use smallvec::SmallVec;

use crate::shared::{Demand, Stored};
use crate::sync::Arc;
use crate::{Entry, Error, Key, Ticket, Within};

/// A change of cells: conditions and writes that take effect at one instant, or not at all.
///
/// [`Space::atomic`](crate::Space::atomic) and the other operations on cells make one by themselves; bindings make one
/// from their arguments and pass it to [`Port::commit`](crate::Port::commit).
#[derive(Debug)]
pub struct Commit<V> {
    pub(crate) steps: SmallVec<[Step<V>; 1]>,
    pub(crate) guards: Vec<Demand>,
}

/// One condition, one write, or both on one cell.
#[derive(Debug)]
pub(crate) struct Step<V> {
    pub(crate) key: Key,
    /// Of the key as the space knows it, once it is looked up.
    pub(crate) hash: u64,
    /// The version that it must have.
    pub(crate) expected: Option<u64>,
    pub(crate) write: Option<Write<V>>,
}

#[derive(Debug)]
pub(crate) enum Write<V> {
    Set { value: V, expiry: Expiry },
    Delete,
}

/// When a cell that is set expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// When it did before.
    Keep,
    /// So long from the commit on.
    In(Duration),
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The one version of all cells that were written; 0 when nothing was to be written.
    pub version: u64,
    /// Whether any of the cells to be deleted was there.
    pub existed: bool,
}

/// A condition that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict<V> {
    /// The cell.
    pub key: Key,
    /// The version that it should have had; 0: it should have been absent.
    pub expected: u64,
    /// The cell as it is.
    pub entry: Entry<V>,
}

/// What became of a commit: what it did, or all conditions that were not met.
pub type Outcome<V> = Result<Committed, Vec<Conflict<V>>>;

/// A cell and the version that it is expected to have: an [`Entry`], or a key with a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub(crate) key: Key,
    pub(crate) version: u64,
}

impl<V> From<&Entry<V>> for Expected {
    fn from(entry: &Entry<V>) -> Expected {
        Expected { key: entry.key.clone(), version: entry.version }
    }
}

impl<K: Into<Key>> From<(K, u64)> for Expected {
    fn from((key, version): (K, u64)) -> Expected {
        Expected { key: key.into(), version }
    }
}

impl<V> Commit<V> {
    /// Changes nothing yet.
    pub fn new() -> Commit<V> {
        Commit { steps: SmallVec::new(), guards: Vec::new() }
    }

    /// Demands that a cell has this version; 0: that it is absent.
    pub fn check(&mut self, key: Key, version: u64) {
        self.steps.push(Step { key, hash: 0, expected: Some(version), write: None });
    }

    /// Sets a cell; with `expected`, demands that it has this version.
    pub fn set(&mut self, key: Key, expected: Option<u64>, value: V, expiry: Expiry) {
        self.steps.push(Step::set(key, expected, value, expiry));
    }

    /// Deletes a cell; with `expected`, demands that it has this version.
    pub fn delete(&mut self, key: Key, expected: Option<u64>) {
        self.steps.push(Step::delete(key, expected));
    }

    /// Of one step.
    #[inline]
    pub(crate) fn of(step: Step<V>) -> Commit<V> {
        Commit { steps: SmallVec::from_buf([step]), guards: Vec::new() }
    }

    /// Makes its keys those of a sub-space.
    pub(crate) fn wrap(&mut self, place: &Within) {
        self.steps.iter_mut().for_each(|step| step.key = place.wrap(&step.key));
        let named = self.guards.iter_mut().filter_map(|guard| guard.keys.as_mut()).flatten();
        named.for_each(|key| *key = place.wrap(key));
    }

    /// Lets the cell that was set last expire so long after the commit.
    ///
    /// # Errors
    ///
    /// `invalid` when none was set.
    pub(crate) fn expire_last(&mut self, after: Duration) -> Result<(), Error> {
        let mut writes = self.steps.iter_mut().rev().filter_map(|step| step.write.as_mut());
        let last = writes.find_map(|write| match write {
            Write::Set { expiry, .. } => Some(expiry),
            Write::Delete => None,
        });
        *last.ok_or_else(|| Error::invalid("expire_in", "no cell was set before it"))? = Expiry::In(after);
        Ok(())
    }

    /// Demands that a grant holds these keys, or all that it was granted except those that it released itself. `None`
    /// for a guard that was released or handed over: then the commit is refused.
    pub fn guard(&mut self, ticket: Option<Ticket>, token: u64, keys: Option<Vec<Key>>) {
        self.guards.push(Demand { ticket, token, keys, handed: None, call: None });
    }
}

impl<V> Step<V> {
    #[inline]
    pub(crate) fn set(key: Key, expected: Option<u64>, value: V, expiry: Expiry) -> Step<V> {
        Step { key, hash: 0, expected, write: Some(Write::Set { value, expiry }) }
    }

    #[inline]
    pub(crate) fn delete(key: Key, expected: Option<u64>) -> Step<V> {
        Step { key, hash: 0, expected, write: Some(Write::Delete) }
    }
}

impl<V> Write<V> {
    /// Whether it asks for the time.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        matches!(self, Write::Set { expiry: Expiry::In(_), .. })
    }
}

impl<V> Default for Commit<V> {
    fn default() -> Commit<V> {
        Commit::new()
    }
}

impl<V: 'static> Conflict<Stored<V>> {
    /// With a value of its own.
    pub(crate) fn own(self) -> Conflict<V>
    where
        V: Clone,
    {
        let Conflict { key, expected, entry } = self;
        Conflict { key, expected, entry: entry.own() }
    }

    /// With a handle on its value.
    pub(crate) fn shared(self) -> Conflict<Arc<V>> {
        let Conflict { key, expected, entry } = self;
        Conflict { key, expected, entry: entry.shared() }
    }
}
