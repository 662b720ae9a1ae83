//! Cells that are watched, as a stream of their states.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::engine::MemoryCells;
use crate::shared::{Recipient, Stored, Subscription, Watched};
use crate::{Entry, Error, Key};

/// The states of some cells, one after another. Made by [`Space::watch`](crate::Space::watch) and
/// [`Space::watch_prefix`](crate::Space::watch_prefix).
///
/// Each item is the whole watched state at one instant: the entries of the keys in the order asked, absent ones with
/// version 0, or the present entries of a prefix in key order. The first item comes at once, later ones after changes.
/// Intermediate states may be skipped, the last one never is, and no item is older than the one before (clause C13). A
/// cell that expires is told by [`Space::tick`](crate::Space::tick) or [`drive`](crate::Space::drive), at the latest.
///
/// When the handle is closed, the last item is the error [`Closed`](crate::ErrorKind::Closed).
///
/// It begins to watch at the first poll. A reader that is slow costs nothing but the versions of its last item; dropping
/// it ends it.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let space = latchwork::Space::<u32>::with_cells();
/// let mut watch = space.watch("count");
/// assert_eq!(watch.next().await.expect("open")?[0].value, None);
/// space.set("count", 1).await?;
/// space.set("count", 2).await?;
/// assert_eq!(watch.next().await.expect("open")?[0].value, Some(2));
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[must_use = "it watches nothing unless it is polled"]
pub struct Watch<V: Send + Sync + 'static> {
    engine: MemoryCells<V>,
    what: Result<Watched, Option<Error>>,
    subscription: Option<Subscription>,
    /// The keys and versions of the last item.
    last: Option<Vec<(Key, u64)>>,
}

impl<V: Send + Sync + 'static> Watch<V> {
    pub(crate) fn new(engine: &MemoryCells<V>, what: Watched) -> Watch<V> {
        let what = engine.watched(what).map_err(Some);
        Watch { engine: engine.clone(), what, subscription: None, last: None }
    }

    /// The next item, if there is one; else `recipient` is told when it is worth asking again.
    pub(crate) fn next_or_arm(&mut self, recipient: Recipient) -> Result<Option<Vec<Entry<Stored<V>>>>, Error> {
        let what = match &mut self.what {
            Ok(what) => what,
            Err(error) => return Err(error.take().unwrap_or_else(Error::closed)),
        };
        let subscription = self.subscription.get_or_insert_with(|| self.engine.subscribe(what));
        // Asked first, so that nothing is missed in between.
        let changed = subscription.watcher.arm(recipient);
        if self.engine.is_closed() {
            subscription.watcher.disarm();
            return Err(Error::closed());
        }
        if !changed {
            return Ok(None);
        }
        let entries = self.engine.look(what);
        let versions = entries.iter().map(|entry| (&entry.key, entry.version));
        if self.last.as_ref().is_some_and(|last| versions.clone().eq(last.iter().map(|(key, version)| (key, *version))))
        {
            return Ok(None);
        }
        // Nobody waits who has something to read.
        subscription.watcher.disarm();
        self.last = Some(versions.map(|(key, version)| (key.clone(), version)).collect());
        Ok(Some(entries))
    }

    /// Ends it: it watches nothing any more, and has no further items.
    pub fn end(&mut self) {
        let what = std::mem::replace(&mut self.what, Err(None));
        if let (Ok(what), Some(subscription)) = (what, self.subscription.take()) {
            self.engine.unsubscribe(&what, subscription);
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Stream for Watch<V> {
    type Item = Result<Vec<Entry<V>>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(None) = self.what {
            return Poll::Ready(None);
        }
        match self.next_or_arm(Recipient::Task(cx.waker().clone())) {
            Ok(None) => Poll::Pending,
            Ok(Some(entries)) => Poll::Ready(Some(Ok(entries.into_iter().map(Entry::own).collect()))),
            Err(error) => {
                self.end();
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

impl<V: Send + Sync + 'static> Unpin for Watch<V> {}

impl<V: Send + Sync + 'static> Drop for Watch<V> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Watch<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("what", &self.what).finish_non_exhaustive()
    }
}
