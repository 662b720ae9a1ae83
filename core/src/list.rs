//! A scan, as a future.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use crate::engine::{CellEngine, MemoryCells};
use crate::{Entry, Error, KeyRange, Scan};

/// A scan of the cells of a range: a builder, then awaited for their entries. Made by
/// [`Space::list`](crate::Space::list).
#[must_use = "a scan does nothing unless it is awaited"]
pub struct List<'a, V> {
    engine: &'a MemoryCells<V>,
    scan: Scan,
}

impl<'a, V> List<'a, V> {
    pub(crate) fn new(engine: &'a MemoryCells<V>, range: KeyRange) -> List<'a, V> {
        List { engine, scan: Scan::new(range) }
    }

    /// At most so many cells.
    pub fn limit(mut self, limit: usize) -> List<'a, V> {
        self.scan = self.scan.limit(limit);
        self
    }

    /// From the last key to the first.
    pub fn reverse(mut self) -> List<'a, V> {
        self.scan = self.scan.reverse();
        self
    }
}

impl<'a, V: Clone + Send + Sync + 'static> IntoFuture for List<'a, V> {
    type Output = Result<Vec<Entry<V>>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.engine.scan(&self.scan).await?.into_iter().map(Entry::own).collect()) })
    }
}

impl<V> fmt::Debug for List<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("List").field(&self.scan).finish()
    }
}
