//! What a space does with its cells.

use crate::commit::Step;
use crate::engine::CellEngine;
use crate::shared::Watched;
use crate::sync::Arc;
use crate::{
    Atomic, Commit, Conflict, Entry, Error, Expected, Expiry, IntoKeys, Key, KeyRange, List, Outcome, Space, Watch,
    WriteRequest,
};

/// # Cells
///
/// A cell holds a value and its version. Every commit gives all cells that it writes one new version, larger than every
/// earlier one of these cells; an absent cell reads as version 0. Conditions compare versions, never values. When an
/// operation resolves, everybody in the space sees what it did.
///
/// Locks and cells are two tables: locking `doc` does not stop a write of cell `doc`; a write with a
/// [guard](WriteRequest::guard) does.
impl<V: Clone + Send + Sync + 'static> Space<V> {
    /// The cell of a key as it is now.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long: so do
    /// all operations on cells.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// assert_eq!(space.get("count").await?.version, 0);
    /// let version = space.set("count", 1).await?;
    /// let entry = space.get("count").await?;
    /// assert_eq!((entry.value, entry.version), (Some(1), version));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub async fn get(&self, key: impl Into<Key>) -> Result<Entry<V>, Error> {
        Ok(self.cells().get_now(key.into())?.own())
    }

    /// Several cells at one instant, in the order asked.
    ///
    /// # Errors
    ///
    /// As for [`get`](Space::get).
    pub async fn get_many(&self, keys: impl IntoKeys) -> Result<Vec<Entry<V>>, Error> {
        let entries = self.cells().read(&keys.into_keys()).await?;
        Ok(entries.into_iter().map(Entry::own).collect())
    }

    /// Sets a cell, whatever it is: a future of its new version.
    ///
    /// # Errors
    ///
    /// Besides those of [`get`](Space::get): [`Fenced`](crate::ErrorKind::Fenced) with a
    /// [guard](WriteRequest::guard) that is not held.
    pub fn set(&self, key: impl Into<Key>, value: V) -> WriteRequest<'_, V, u64> {
        self.write(Step::set(key.into(), None, value, Expiry::Never), |outcome| version(outcome))
    }

    /// Sets a cell that is absent: a future of its version, or of the entry that is there.
    ///
    /// # Errors
    ///
    /// As for [`set`](Space::set).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<&str>::with_cells();
    /// assert!(space.insert("ada", "first").await?.is_ok());
    /// let taken = space.insert("ada", "second").await?.expect_err("somebody has the name");
    /// assert_eq!(taken.value, Some("first"));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn insert(&self, key: impl Into<Key>, value: V) -> WriteRequest<'_, V, Result<u64, Entry<V>>> {
        self.write(Step::set(key.into(), Some(0), value, Expiry::Never), exchanged)
    }

    /// Sets a cell that still has the version of an entry, or the one given with its key: a future of its new version, or
    /// of the entry that is there.
    ///
    /// # Errors
    ///
    /// As for [`set`](Space::set).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// let seen = space.get("count").await?;
    /// assert!(space.compare_exchange(&seen, 1).await?.is_ok());
    /// let there = space.compare_exchange(&seen, 2).await?.expect_err("it has changed since");
    /// assert!(space.compare_exchange(("count", there.version), 2).await?.is_ok());
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn compare_exchange(
        &self,
        expected: impl Into<Expected>,
        value: V,
    ) -> WriteRequest<'_, V, Result<u64, Entry<V>>> {
        let Expected { key, version } = expected.into();
        self.write(Step::set(key, Some(version), value, Expiry::Never), exchanged)
    }

    /// Deletes a cell, whatever it is: a future of whether it was there.
    ///
    /// # Errors
    ///
    /// As for [`set`](Space::set).
    pub fn delete(&self, key: impl Into<Key>) -> WriteRequest<'_, V, bool> {
        self.write(Step::delete(key.into(), None), |outcome| outcome.is_ok_and(|done| done.existed))
    }

    /// Deletes a cell that still has the version of an entry, or the one given with its key: a future of whether it was
    /// there, or of the entry that is there instead.
    ///
    /// # Errors
    ///
    /// As for [`set`](Space::set).
    pub fn compare_delete(&self, expected: impl Into<Expected>) -> WriteRequest<'_, V, Result<bool, Entry<V>>> {
        let Expected { key, version } = expected.into();
        let answer = |outcome: Outcome<Arc<V>>| outcome.map(|done| done.existed).map_err(there);
        self.write(Step::delete(key, Some(version)), answer)
    }

    /// Conditions and writes on several cells in one step: see [`Atomic`].
    pub fn atomic(&self) -> Atomic<'_, V> {
        Atomic::new(self.cells())
    }

    /// The cells of a range at one instant, in key order.
    ///
    /// # Errors
    ///
    /// As for [`get`](Space::get), and [`Invalid`](crate::ErrorKind::Invalid) for a prefix that is neither a string, nor
    /// bytes, nor a tuple.
    ///
    /// # Examples
    ///
    /// ```
    /// use latchwork::{KeyRange, key};
    ///
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// for session in 1..=3 {
    ///     space.set(key!("session", "ada", session), session).await?;
    /// }
    /// let sessions = space.list(KeyRange::prefix(key!("session", "ada"))).limit(2).await?;
    /// assert_eq!(sessions[1].key, key!("session", "ada", 2));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn list(&self, range: KeyRange) -> List<'_, V> {
        List::new(self.cells(), range)
    }

    /// Deletes all cells of a range in one step. Answers their keys, in key order.
    ///
    /// # Errors
    ///
    /// As for [`list`](Space::list).
    pub async fn delete_all(&self, range: KeyRange) -> Result<Vec<Key>, Error> {
        self.delete_all_except(range, Vec::<Key>::new()).await
    }

    /// Deletes all cells of a range but those of these keys, in one step. Answers the keys that were deleted, in key
    /// order.
    ///
    /// # Errors
    ///
    /// As for [`list`](Space::list).
    pub async fn delete_all_except(&self, range: KeyRange, except: impl IntoKeys) -> Result<Vec<Key>, Error> {
        self.cells().delete_all(&range, &except.into_keys(), &[]).await
    }

    /// Watches cells: a stream of their states, in the order of the keys. See [`Watch`].
    pub fn watch(&self, keys: impl IntoKeys) -> Watch<V> {
        let keys = keys.into_keys().into_vec();
        Watch::new(self.cells(), Watched::Keys(keys))
    }

    /// Watches all cells whose keys begin with `prefix`, as [`KeyRange::prefix`] has it: a stream of those present, in key
    /// order. See [`Watch`].
    pub fn watch_prefix(&self, prefix: impl Into<Key>) -> Watch<V> {
        Watch::new(self.cells(), Watched::Range(KeyRange::prefix(prefix)))
    }

    #[inline]
    fn write<A>(&self, step: Step<V>, answer: fn(Outcome<Arc<V>>) -> A) -> WriteRequest<'_, V, A> {
        WriteRequest::new(self.cells(), Commit::of(step), answer)
    }
}

/// The version that a write without conditions gave.
fn version<V>(outcome: Outcome<Arc<V>>) -> u64 {
    outcome.map_or(0, |done| done.version)
}

fn exchanged<V: Clone>(outcome: Outcome<Arc<V>>) -> Result<u64, Entry<V>> {
    outcome.map(|done| done.version).map_err(there)
}

/// The entry that stood in the way of a write with one condition.
fn there<V: Clone>(mut conflicts: Vec<Conflict<Arc<V>>>) -> Entry<V> {
    conflicts.pop().expect("a commit fails by a condition").own().entry
}
