//! What the body of a transaction has in hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::body::{End, Over, SharedBody};
use super::savepoint::Savepoint;
use crate::engine::MemoryCells;
use crate::shared::{Access, Checked, Demand, Enclosed};
use crate::sync::{Arc, OnceLock, StrongArc};
use crate::{Entry, Error, Expiry, IntoKeys, Key, KeyRange, Scan};

/// What is called after a commit.
pub(super) type Callback = Box<dyn FnOnce() + Send>;

/// One run of a transaction's body: reads cells as they fit together, and keeps writes until the commit.
///
/// A cheap handle: clones are the same, and may go to other tasks or threads. It is of no use once its body has ended, or
/// while a [savepoint](Tx::transact) inside it is open: then its operations fail with
/// [`Invalid`](crate::ErrorKind::Invalid). When what it read has changed, they fail with
/// [`Conflict`](crate::ErrorKind::Conflict), and whatever the body does then, it runs again: pass such errors on with `?`.
pub struct Tx<V: Send + Sync + 'static> {
    inside: StrongArc<Inside<V>>,
    scope: u64,
    attempt: u32,
}

/// The attempts of one transaction.
pub(super) struct Inside<V> {
    pub(super) body: SharedBody<V>,
    /// Of this attempt, by the numbers that it knows them by. Made for the first one.
    callbacks: OnceLock<Enclosed<Vec<Option<Callback>>>>,
}

impl<V: Send + Sync + 'static> Inside<V> {
    /// Begins the first attempt.
    pub(super) fn begun(engine: Arc<MemoryCells<V>>) -> Tx<V> {
        let inside = StrongArc::new(Inside { body: SharedBody::begun(engine), callbacks: OnceLock::new() });
        Tx { inside, scope: Checked::<V>::FIRST, attempt: 1 }
    }

    /// Begins the next attempt.
    pub(super) fn begin(this: &StrongArc<Inside<V>>, attempt: u32) -> Tx<V> {
        let scope = this.body.begin();
        Tx { inside: this.clone(), scope, attempt }
    }

    /// The body has ended, and with it the attempt: what that comes to, for the call with this number.
    ///
    /// # Errors
    ///
    /// Those of [`Body::over`].
    #[inline]
    pub(super) fn over(inside: &mut StrongArc<Inside<V>>, end: End, by: (u64, &[Demand])) -> Result<Over<V>, Error> {
        // Mostly the body has kept no handle.
        if let Some(inside) = StrongArc::get_mut(inside) {
            return inside.body.over_alone(end, by);
        }
        inside.body.over(end, by, None)
    }

    /// Whether anything was ever to be called.
    pub(super) fn has_callbacks(&self) -> bool {
        self.callbacks.get().is_some()
    }

    /// Takes all that was to be called, to be dropped once the call is over: that runs the caller's code.
    #[inline]
    pub(super) fn take_all(&self, into: &mut Vec<Option<Callback>>) {
        if let Some(all) = self.callbacks.get() {
            all.with(|all| std::mem::swap(all, into));
        }
    }
}

impl<V: Send + Sync + 'static> Tx<V> {
    /// The attempts that it is one of.
    pub(super) fn inside(&self) -> &StrongArc<Inside<V>> {
        &self.inside
    }
}

impl<V: Clone + Send + Sync + 'static> Tx<V> {
    /// Which run of the body it is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A cell, as it fits all that was read before; own writes are read back, with the version that the cell had when it was
    /// read, or 0.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) when what was read before has changed, and
    /// [`Invalid`](crate::ErrorKind::Invalid) when the handle is of no use: so do all operations. Besides,
    /// [`Aborted`](crate::ErrorKind::Aborted) after [`abort`](Tx::abort), [`Invalid`](crate::ErrorKind::Invalid) for a key
    /// that is too long.
    #[inline]
    pub fn get<K: Into<Key>>(&self, key: K) -> impl Future<Output = Result<Entry<V>, Error>> + use<'_, V, K> {
        Reading { tx: self, key: Some(key) }
    }

    /// Several cells, in the order asked.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get).
    pub async fn get_many(&self, keys: impl IntoKeys) -> Result<Vec<Entry<V>>, Error> {
        let entries = self.inside.body.get_many(self.scope, &keys.into_keys())?;
        Ok(entries.into_iter().map(Entry::own).collect())
    }

    /// The cells of a range, in key order, with own writes laid over them. The commit fails, and the body runs again, if one
    /// has come or gone since.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get) and [`Space::list`](crate::Space::list).
    pub async fn list(&self, range: KeyRange) -> Result<Vec<Entry<V>>, Error> {
        self.scan(Scan::new(range)).await
    }

    /// As [`list`](Tx::list), with a limit, or from the last key to the first.
    ///
    /// # Errors
    ///
    /// As for [`list`](Tx::list).
    pub async fn scan(&self, scan: Scan) -> Result<Vec<Entry<V>>, Error> {
        let entries = self.inside.body.list(self.scope, &scan)?;
        Ok(entries.into_iter().map(Entry::own).collect())
    }

    /// Sets a cell with the commit. It keeps when it expires as this body has last set it, or as it was read; another does
    /// not expire.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get).
    pub fn set(&self, key: impl Into<Key>, value: V) -> Result<(), Error> {
        self.inside.body.set(self.scope, &key.into(), value, None)
    }

    /// Sets a cell with the commit, and when it expires.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get), and [`Invalid`](crate::ErrorKind::Invalid) for [`Expiry::In`] in a space without a clock.
    pub fn set_expiring(&self, key: impl Into<Key>, value: V, expiry: Expiry) -> Result<(), Error> {
        self.inside.body.set(self.scope, &key.into(), value, Some(expiry))
    }

    /// Sets a cell that is absent. Answers the entry that is there, which then stays.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get).
    pub async fn insert(&self, key: impl Into<Key>, value: V) -> Result<Result<(), Entry<V>>, Error> {
        let there = self.inside.body.insert(self.scope, &key.into(), value, None)?;
        Ok(there.map_or(Ok(()), |entry| Err(entry.own())))
    }

    /// Deletes a cell with the commit, if it is there then.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get).
    pub fn delete(&self, key: impl Into<Key>) -> Result<(), Error> {
        self.inside.body.delete(self.scope, &key.into())
    }

    /// Runs a part of the transaction as a savepoint: when its body returns an error, what it wrote is undone, and the
    /// transaction goes on if the error is not passed on. What it read stays read, and everything commits together at the
    /// end.
    ///
    /// While it is open, operations of this handle fail with [`Invalid`](crate::ErrorKind::Invalid).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future undoes what its body wrote.
    ///
    /// # Errors
    ///
    /// The body's own; [`Aborted`](crate::ErrorKind::Aborted) when it was [aborted](Tx::abort);
    /// [`Conflict`](crate::ErrorKind::Conflict) when the attempt is over.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # use latchwork::Error;
    /// let space = latchwork::Space::<u32>::with_cells();
    /// space
    ///     .transact(async |tx| {
    ///         tx.set("order", 1)?;
    ///         let gift = tx.transact(async |inner| {
    ///             inner.set("gift", 1)?;
    ///             Err::<(), _>(inner.abort("out of stock"))
    ///         });
    ///         assert_eq!(gift.await.unwrap_err().reason(), Some("out of stock"));
    ///         Ok::<_, Error>(())
    ///     })
    ///     .await?;
    /// assert_eq!(space.get("order").await?.value, Some(1));
    /// assert_eq!(space.get("gift").await?.value, None);
    /// # Ok::<_, Error>(()) }).unwrap();
    /// ```
    pub async fn transact<T, E: From<Error>>(&self, body: impl AsyncFnOnce(Tx<V>) -> Result<T, E>) -> Result<T, E> {
        let savepoint = Savepoint::enter(&self.inside.body, self.scope)?;
        let outcome = body(Tx { inside: self.inside.clone(), scope: savepoint.scope, attempt: self.attempt }).await;
        savepoint.leave(outcome.is_ok())?;
        outcome
    }

    /// Marks the transaction, or the savepoint, as aborted: whatever its body does from now on, it fails with
    /// [`Aborted`](crate::ErrorKind::Aborted) and this reason. Answers the error to return.
    #[must_use = "return the error that it answers"]
    pub fn abort(&self, reason: &str) -> Error {
        self.inside.body.abort(self.scope, reason)
    }

    /// Marks the attempt as one that waits: whatever its body does from now on, it waits until something that it read changes,
    /// and then runs again, as do all others that wait for the same. Answers the error to return.
    ///
    /// It is [`Invalid`](crate::ErrorKind::Invalid) when nothing was read; then nothing is marked.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// let taken = space.transact(async |tx| match tx.get("inbox").await?.value {
    ///     None => Err(tx.retry()),
    ///     Some(message) => tx.delete("inbox").map(|()| message),
    /// });
    /// let put = async { space.set("inbox", 7).await };
    /// let (taken, _) = futures::try_join!(taken, put)?;
    /// assert_eq!((taken.value, taken.attempts), (7, 2));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    #[must_use = "return the error that it answers"]
    pub fn retry(&self) -> Error {
        self.inside.body.retry(self.scope)
    }

    /// Calls something once, after the commit and before the transaction answers, in order of registration. Never for an
    /// attempt that ran again, nor for a savepoint that was undone. A panic in one does not keep the others from being
    /// called, and changes nothing that was committed.
    ///
    /// # Errors
    ///
    /// As for [`get`](Tx::get).
    pub fn on_commit(&self, callback: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        // Kept by nobody once the body is over: it may own a handle like this one.
        self.inside.body.check(self.scope)?;
        let mut callback: Option<Callback> = Some(Box::new(callback));
        let number = self.inside.callbacks.get_or_init(Enclosed::default).with(|callbacks| {
            callbacks.push(callback.take());
            callbacks.len() as u64 - 1
        });
        self.inside.body.on_commit(self.scope, number)
    }
}

/// A cell to be read. Unlike an `async` block it becomes a part of whoever awaits it, so that what it answers stays where it
/// was made.
struct Reading<'a, V: Send + Sync + 'static, K> {
    tx: &'a Tx<V>,
    /// Until it is read.
    key: Option<K>,
}

impl<V: Clone + Send + Sync + 'static, K: Into<Key>> Future for Reading<'_, V, K> {
    type Output = Result<Entry<V>, Error>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(key) = self.key.take() else { return Poll::Pending };
        let key = key.into();
        let told = self.tx.inside.body.get(self.tx.scope, &key);
        Poll::Ready(told.map(|told| told.own(key)))
    }
}

// Nothing in it is pinned.
impl<V: Send + Sync + 'static, K> Unpin for Reading<'_, V, K> {}

impl<V: Send + Sync + 'static> Clone for Tx<V> {
    fn clone(&self) -> Tx<V> {
        Tx { inside: self.inside.clone(), scope: self.scope, attempt: self.attempt }
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Tx<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
