//! Several conditions and writes in one step.

use std::fmt;
use std::time::Duration;

use crate::commit::Expected;
use crate::engine::{CellEngine, MemoryCells};
use crate::{Commit, Conflict, Error, Expiry, Guard, IntoKeys, Key};

/// Conditions and writes on several cells that take effect at one instant, or not at all. Made by
/// [`Space::atomic`](crate::Space::atomic).
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let space = latchwork::Space::<u32>::with_cells();
/// space.set("from", 5).await?;
/// let from = space.get("from").await?;
/// let moved = space.atomic().check(&from).set("from", 3).insert("to", 2).commit().await?;
/// assert!(moved.is_ok());
/// let again = space.atomic().check(&from).set("from", 1).insert("to", 4).commit().await?;
/// let conflicts = again.expect_err("both have changed");
/// assert_eq!(conflicts[0].entry.value, Some(3));
/// assert_eq!(conflicts.len(), 2);
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[must_use = "nothing changes before `commit` is awaited"]
pub struct Atomic<'a, V> {
    engine: &'a MemoryCells<V>,
    commit: Commit<V>,
    /// The first thing that was found wrong.
    refused: Option<Error>,
}

impl<'a, V: Send + Sync + 'static> Atomic<'a, V> {
    pub(crate) fn new(engine: &'a MemoryCells<V>) -> Atomic<'a, V> {
        Atomic { engine, commit: Commit::new(), refused: None }
    }

    /// Demands that a cell has the version that an entry shows, or the one given with its key; 0: that it is absent.
    pub fn check(mut self, expected: impl Into<Expected>) -> Atomic<'a, V> {
        let Expected { key, version } = expected.into();
        self.commit.check(key, version);
        self
    }

    /// Sets a cell. Of several writes of one cell the last one counts.
    pub fn set(mut self, key: impl Into<Key>, value: V) -> Atomic<'a, V> {
        self.commit.set(key.into(), None, value, Expiry::Never);
        self
    }

    /// Sets a cell that must be absent.
    pub fn insert(mut self, key: impl Into<Key>, value: V) -> Atomic<'a, V> {
        self.commit.set(key.into(), Some(0), value, Expiry::Never);
        self
    }

    /// Lets the cell that was set or inserted last expire so long after the commit. Without one, the commit is refused
    /// as [`Invalid`](crate::ErrorKind::Invalid).
    pub fn expire_in(mut self, after: Duration) -> Atomic<'a, V> {
        let noted = self.commit.expire_last(after);
        self.refused = self.refused.or(noted.err());
        self
    }

    /// Deletes a cell, if it is there.
    pub fn delete(mut self, key: impl Into<Key>) -> Atomic<'a, V> {
        self.commit.delete(key.into(), None);
        self
    }

    /// Demands that the guard holds every key that it was granted, except those that it released itself (clause C14).
    pub fn guard(self, guard: &Guard) -> Atomic<'a, V> {
        self.demand(guard, None)
    }

    /// Demands that the guard holds these keys.
    pub fn guard_keys(self, guard: &Guard, keys: impl IntoKeys) -> Atomic<'a, V> {
        self.demand(guard, Some(keys.into_keys().into_vec()))
    }

    /// Checks all conditions and makes all changes at one instant. Answers the new version of all cells that were written
    /// (0 when nothing was to be written), or every condition that was not met, in the order of the calls.
    ///
    /// # Cancel safety
    ///
    /// Nothing is written before the first poll. In memory the first poll decides.
    ///
    /// # Errors
    ///
    /// [`Fenced`](crate::ErrorKind::Fenced) when a guard is not held, [`Closed`](crate::ErrorKind::Closed),
    /// [`Invalid`](crate::ErrorKind::Invalid); then nothing has changed.
    pub async fn commit(self) -> Result<Result<u64, Vec<Conflict<V>>>, Error>
    where
        V: Clone,
    {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let outcome = self.engine.commit(self.commit).await?;
        Ok(outcome.map(|done| done.version).map_err(|all| all.into_iter().map(Conflict::own).collect()))
    }

    fn demand(mut self, guard: &Guard, keys: Option<Vec<Key>>) -> Atomic<'a, V> {
        match guard.demand(&self.engine.locks, keys) {
            Ok(demand) => self.commit.guards.push(demand),
            Err(error) => self.refused = self.refused.or(Some(error)),
        }
        self
    }
}

impl<V> fmt::Debug for Atomic<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&Key> = self.commit.steps.iter().map(|step| &step.key).collect();
        f.debug_struct("Atomic").field("keys", &keys).finish_non_exhaustive()
    }
}
