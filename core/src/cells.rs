//! What a space does with its cells.

use crate::commit::Step;
use crate::engine::CellEngine;
use crate::shared::{Stored, Watched};
use crate::{
    AtOnce, Atomic, Awaited, Commit, Conflict, Entry, Error, Expected, Expiry, IntoChange, IntoKeys, Key, KeyRange,
    List, LocalTx, Outcome, Space, Transact, Tx, Update, Watch, WriteRequest,
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
    #[inline]
    pub async fn get(&self, key: impl Into<Key>) -> Result<Entry<V>, Error> {
        let key = key.into();
        Ok(self.cells().told_now(&key)?.own(key))
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
        let answer = |outcome: Outcome<Stored<V>>| outcome.map(|done| done.existed).map_err(there);
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
        self.cells().delete_all(&range, &except.into_keys()).await
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

    /// Changes a cell by a function of what is there: a future of what it did. The function is given the entry, and answers
    /// [`Change::Set`](crate::Change::Set), [`Keep`](crate::Change::Keep) or [`Delete`](crate::Change::Delete), or a `Result`
    /// with one; its own error ends the update at once and is passed on.
    ///
    /// The change is made only if the cell is still as the function saw it; else the function runs again. After three
    /// conflicts, or at once when another call has or awaits its turn on the cell, the update takes a turn: then no other
    /// update or transaction changes the cell until it is done. So any number of updates all succeed, and no function runs
    /// more than four times, but for writes that carry no function, such as [`set`](Space::set): they wait for nobody, the
    /// function runs again in its turn for each, and after 16 of them the update fails with
    /// [`Conflict`](crate::ErrorKind::Conflict).
    ///
    /// # Fairness
    ///
    /// Turns are first come, first served.
    ///
    /// # Deadlocks
    ///
    /// Whatever the function asks of the space is a call of its own: an update of the same cell in there can wait for the turn
    /// that the function runs in. With the same [`owner`](Update::owner) it fails with
    /// [`Deadlock`](crate::ErrorKind::Deadlock); else give it a [`timeout`](Update::timeout), whose error names the turn.
    ///
    /// # Errors
    ///
    /// The function's own, also when something else would have ended the update before it answered. Besides those of [`get`](Space::get): [`Conflict`](crate::ErrorKind::Conflict),
    /// [`Timeout`](crate::ErrorKind::Timeout), [`Fenced`](crate::ErrorKind::Fenced) with a guard that is not held, or when the
    /// turn was [revoked](Space::revoke), [`Cancelled`](crate::ErrorKind::Cancelled) with an owner that is closed,
    /// [`Busy`](crate::ErrorKind::Busy) where a limit of waiters is reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use latchwork::Change;
    ///
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// let count = space.update("count", |entry| Change::Set(entry.value.unwrap_or(0) + 1)).await?;
    /// assert_eq!((count.value, count.attempts), (Some(1), 1));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn update<F, A>(&self, key: impl Into<Key>, function: F) -> Update<'_, V, F, A, AtOnce>
    where
        F: FnMut(Entry<V>) -> A,
        A: IntoChange<V>,
    {
        Update::new(self.cells(), key.into(), function, AtOnce)
    }

    /// As [`update`](Space::update), with a function that answers a future.
    ///
    /// # Errors
    ///
    /// As for [`update`](Space::update).
    ///
    /// # Examples
    ///
    /// ```
    /// use latchwork::{Change, Error};
    ///
    /// # async fn refresh(_: Option<String>) -> Result<String, Error> { Ok("fresh".into()) }
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<String>::with_cells();
    /// let token = space.update_async("token", async |entry| Ok::<_, Error>(Change::Set(refresh(entry.value).await?)));
    /// assert_eq!(token.await?.value.as_deref(), Some("fresh"));
    /// # Ok::<_, Error>(()) }).unwrap();
    /// ```
    pub fn update_async<F, R>(&self, key: impl Into<Key>, function: F) -> Update<'_, V, F, R, Awaited>
    where
        F: FnMut(Entry<V>) -> R,
        R: Future,
        R::Output: IntoChange<V>,
    {
        Update::new(self.cells(), key.into(), function, Awaited)
    }

    /// Runs a body that reads and writes cells as if it were alone: a future of what it returned. See [`Tx`]. A body that waits
    /// for nothing can be a plain function: [`transact_sync`](Space::transact_sync).
    ///
    /// Each read fits all earlier ones, and everything that was read is checked again when all writes appear at one instant;
    /// where something has changed, the body runs again. After three conflicts, or at once when it meets the turn of another
    /// call, it takes its turn over all cells that it touched so far, then, if that is not enough or it scans, over the whole
    /// space. So all transactions succeed, and no body runs more than five times, but for writes that carry no function (see
    /// [`update`](Space::update)). One that wrote nothing commits without waiting.
    ///
    /// A body that returns an error commits nothing; the error is passed on.
    ///
    /// The future has room for four values in place: put those of a kilobyte and more in a box.
    ///
    /// # Deadlocks
    ///
    /// What the body asks of the space otherwise than through its [`Tx`] is a call of its own, and can wait for the turn that
    /// the body runs in; see [`update`](Space::update).
    ///
    /// # Errors
    ///
    /// The body's own, also when something else would have ended the call before it returned, [`Aborted`](crate::ErrorKind::Aborted) by [`Tx::abort`], and those of [`update`](Space::update).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<i64>::with_cells();
    /// space.set("ada", 100).await?;
    /// let moved = space
    ///     .transact(async |tx| {
    ///         let (ada, bob) = (tx.get("ada").await?.value.unwrap_or(0), tx.get("bob").await?.value.unwrap_or(0));
    ///         if ada < 30 {
    ///             return Err(tx.abort("not enough"));
    ///         }
    ///         tx.set("ada", ada - 30)?;
    ///         tx.set("bob", bob + 30)?;
    ///         Ok(ada - 30)
    ///     })
    ///     .await?;
    /// assert_eq!(moved.value, 70);
    /// assert_eq!(space.get("bob").await?.value, Some(30));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn transact<F, R, T, E>(&self, body: F) -> Transact<'_, V, F, R, T>
    where
        F: FnMut(Tx<V>) -> R,
        R: Future<Output = Result<T, E>>,
        E: From<Error>,
    {
        Transact::new(self.cells(), body)
    }

    /// As [`transact`](Space::transact), with a body that is a plain function and waits for nothing, which takes some three
    /// quarters of the time. See [`LocalTx`].
    ///
    /// # Errors
    ///
    /// As for [`transact`](Space::transact).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # use latchwork::Error;
    /// let space = latchwork::Space::<i64>::with_cells();
    /// space.set("ada", 100).await?;
    /// let moved = space
    ///     .transact_sync(|tx| {
    ///         let (ada, bob) = (tx.get("ada")?.value.unwrap_or(0), tx.get("bob")?.value.unwrap_or(0));
    ///         tx.set("ada", ada - 30)?;
    ///         tx.set("bob", bob + 30)?;
    ///         Ok::<_, Error>(ada - 30)
    ///     })
    ///     .await?;
    /// assert_eq!((moved.value, space.get("bob").await?.value), (70, Some(30)));
    /// # Ok::<_, Error>(()) }).unwrap();
    /// ```
    pub fn transact_sync<F, T, E>(&self, body: F) -> Transact<'_, V, F, Result<T, E>, T, AtOnce>
    where
        F: FnMut(&mut LocalTx<'_, V>) -> Result<T, E>,
        E: From<Error>,
    {
        Transact::new(self.cells(), body)
    }

    #[inline]
    fn write<A>(&self, step: Step<V>, answer: fn(Outcome<Stored<V>>) -> A) -> WriteRequest<'_, V, A> {
        WriteRequest::new(self.cells(), Commit::of(step), answer)
    }
}

/// The version that a write without conditions gave.
fn version<V>(outcome: Outcome<Stored<V>>) -> u64 {
    outcome.map_or(0, |done| done.version)
}

fn exchanged<V: Clone + 'static>(outcome: Outcome<Stored<V>>) -> Result<u64, Entry<V>> {
    outcome.map(|done| done.version).map_err(there)
}

/// The entry that stood in the way of a write with one condition.
fn there<V: Clone + 'static>(mut conflicts: Vec<Conflict<Stored<V>>>) -> Entry<V> {
    conflicts.pop().expect("a commit fails by a condition").own().entry
}
