//! What the body of a transaction has in hand that is a plain function.

use std::fmt;

use super::body::LocalBody;
use super::savepoint::Savepoint;
use super::tx::Callback;
use crate::shared::Checked;
use crate::{Entry, Error, Expiry, IntoKeys, Key, KeyRange, Scan};

/// One run of the body of [`Space::transact_sync`](crate::Space::transact_sync): as [`Tx`](crate::Tx), for a body that is a plain
/// function and waits for nothing.
///
/// It stays where the body runs, so that no operation takes a lock for it. When what it read has changed, operations fail with
/// [`Conflict`](crate::ErrorKind::Conflict), and whatever the body does then, it runs again: pass such errors on with `?`.
pub struct LocalTx<'a, V> {
    body: &'a LocalBody<'a, V>,
    /// Of this attempt, by the numbers that it knows them by.
    callbacks: &'a mut Vec<Option<Callback>>,
    scope: u64,
    attempt: u32,
}

impl<'a, V> LocalTx<'a, V> {
    /// The handle on an attempt that has just begun.
    #[inline]
    pub(super) fn first(
        body: &'a LocalBody<'a, V>,
        callbacks: &'a mut Vec<Option<Callback>>,
        attempt: u32,
    ) -> LocalTx<'a, V> {
        LocalTx { body, callbacks, scope: Checked::<V>::FIRST, attempt }
    }

    /// Which run of the body it is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl<V: Clone + Send + Sync + 'static> LocalTx<'_, V> {
    /// A cell, as [`Tx::get`](crate::Tx::get).
    ///
    /// # Errors
    ///
    /// Those of [`Tx::get`](crate::Tx::get), and so of all operations.
    #[inline]
    pub fn get(&mut self, key: impl Into<Key>) -> Result<Entry<V>, Error> {
        let key = key.into();
        let told = self.body.get(self.scope, &key)?;
        Ok(told.own(key))
    }

    /// Several cells, in the order asked.
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get).
    pub fn get_many(&mut self, keys: impl IntoKeys) -> Result<Vec<Entry<V>>, Error> {
        let entries = self.body.get_many(self.scope, &keys.into_keys())?;
        Ok(entries.into_iter().map(Entry::own).collect())
    }

    /// The cells of a range, as [`Tx::list`](crate::Tx::list).
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get) and [`Space::list`](crate::Space::list).
    pub fn list(&mut self, range: KeyRange) -> Result<Vec<Entry<V>>, Error> {
        self.scan(Scan::new(range))
    }

    /// As [`list`](LocalTx::list), with a limit, or from the last key to the first.
    ///
    /// # Errors
    ///
    /// As for [`list`](LocalTx::list).
    pub fn scan(&mut self, scan: Scan) -> Result<Vec<Entry<V>>, Error> {
        let entries = self.body.list(self.scope, &scan)?;
        Ok(entries.into_iter().map(Entry::own).collect())
    }

    /// Sets a cell with the commit, as [`Tx::set`](crate::Tx::set).
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get).
    #[inline]
    pub fn set(&mut self, key: impl Into<Key>, value: V) -> Result<(), Error> {
        self.body.set(self.scope, &key.into(), value, None)
    }

    /// Sets a cell with the commit, and when it expires.
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get), and [`Invalid`](crate::ErrorKind::Invalid) for [`Expiry::In`] in a space without a clock.
    pub fn set_expiring(&mut self, key: impl Into<Key>, value: V, expiry: Expiry) -> Result<(), Error> {
        self.body.set(self.scope, &key.into(), value, Some(expiry))
    }

    /// Sets a cell that is absent. Answers the entry that is there, which then stays.
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get).
    pub fn insert(&mut self, key: impl Into<Key>, value: V) -> Result<Result<(), Entry<V>>, Error> {
        let there = self.body.insert(self.scope, &key.into(), value, None)?;
        Ok(there.map_or(Ok(()), |entry| Err(entry.own())))
    }

    /// Deletes a cell with the commit, if it is there then.
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get).
    pub fn delete(&mut self, key: impl Into<Key>) -> Result<(), Error> {
        self.body.delete(self.scope, &key.into())
    }

    /// Runs a part of the transaction as a savepoint, as [`Tx::transact`](crate::Tx::transact): what it wrote is undone when it
    /// returns an error, or panics.
    ///
    /// # Errors
    ///
    /// The part's own; [`Aborted`](crate::ErrorKind::Aborted) when it was [aborted](LocalTx::abort);
    /// [`Conflict`](crate::ErrorKind::Conflict) when the attempt is over.
    pub fn transact<T, E: From<Error>>(
        &mut self,
        part: impl FnOnce(&mut LocalTx<'_, V>) -> Result<T, E>,
    ) -> Result<T, E> {
        let savepoint = Savepoint::enter(self.body, self.scope)?;
        let (scope, attempt) = (savepoint.scope, self.attempt);
        let outcome = part(&mut LocalTx { body: self.body, callbacks: self.callbacks, scope, attempt });
        savepoint.leave(outcome.is_ok())?;
        outcome
    }

    /// Marks the transaction, or the savepoint, as aborted, as [`Tx::abort`](crate::Tx::abort). Answers the error to return.
    #[must_use = "return the error that it answers"]
    pub fn abort(&mut self, reason: &str) -> Error {
        self.body.abort(self.scope, reason)
    }

    /// Marks the attempt as one that waits until something that it read changes, and then runs again, as
    /// [`Tx::retry`](crate::Tx::retry). Answers the error to return.
    #[must_use = "return the error that it answers"]
    pub fn retry(&mut self) -> Error {
        self.body.retry(self.scope)
    }

    /// Calls something once, after the commit, as [`Tx::on_commit`](crate::Tx::on_commit).
    ///
    /// # Errors
    ///
    /// As for [`get`](LocalTx::get).
    pub fn on_commit(&mut self, callback: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        self.body.on_commit(self.scope, self.callbacks.len() as u64)?;
        self.callbacks.push(Some(Box::new(callback)));
        Ok(())
    }
}

impl<V> fmt::Debug for LocalTx<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTx").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
