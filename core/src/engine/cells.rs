//! The in-memory engine of cells: a handle on the shards of this process.

use std::fmt;
use std::future::{Future, Ready, ready};

use super::{CellEngine, Memory};
use crate::shared::{Cells, Demand, Mailbox, Shared, Subscription, Watched};
use crate::sync::Arc;
use crate::{Commit, Entry, Error, Key, KeyRange, Outcome, Scan};

/// One handle on a space in memory, with its cells.
pub(crate) struct MemoryCells<V> {
    pub(crate) locks: Memory,
    cells: Arc<Cells<V>>,
}

impl<V: Send + Sync + 'static> MemoryCells<V> {
    /// A handle on a space; `None` when its cells hold values of another type.
    pub(crate) fn new(locks: Memory) -> Option<MemoryCells<V>> {
        let cells = locks.shared.cells()?;
        Some(MemoryCells { locks, cells })
    }

    pub(crate) fn get_now(&self, key: &Key) -> Result<Entry<Arc<V>>, Error> {
        self.check_open()?;
        key.check()?;
        Ok(self.cells.get(self.shared(), key))
    }

    pub(crate) fn get_many_now(&self, keys: &[Key]) -> Result<Vec<Entry<Arc<V>>>, Error> {
        self.check_open()?;
        keys.iter().try_for_each(Key::check)?;
        Ok(self.cells.get_many(self.shared(), keys))
    }

    pub(crate) fn list_now(&self, scan: &Scan) -> Result<Vec<Entry<Arc<V>>>, Error> {
        self.check_open()?;
        scan.range.check()?;
        Ok(self.cells.list(self.shared(), scan))
    }

    pub(crate) fn commit_now(&self, commit: Commit<V>, own: Option<&Mailbox>) -> Result<Outcome<Arc<V>>, Error> {
        self.check_open()?;
        self.cells.commit(self.shared(), &self.locks.handle, commit, own)
    }

    pub(crate) fn delete_all_now(
        &self,
        range: &KeyRange,
        except: &[Key],
        guards: &[Demand],
        own: Option<&Mailbox>,
    ) -> Result<Vec<Key>, Error> {
        self.check_open()?;
        range.check()?;
        except.iter().try_for_each(Key::check)?;
        self.cells.delete_all(self.shared(), &self.locks.handle, (range, except), guards, own)
    }

    /// The state of what is watched, at one instant.
    pub(crate) fn look(&self, what: &Watched) -> Vec<Entry<Arc<V>>> {
        match what {
            Watched::Keys(keys) => self.cells.get_many(self.shared(), keys),
            Watched::Range(range) => self.cells.list(self.shared(), &Scan::new(range.clone())),
        }
    }

    pub(crate) fn subscribe(&self, what: &Watched) -> Subscription {
        self.cells.subscribe(self.shared(), what)
    }

    pub(crate) fn unsubscribe(&self, what: &Watched, subscription: Subscription) {
        self.cells.unsubscribe(self.shared(), what, subscription);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.locks.handle.is_closed()
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.is_closed() { Err(Error::closed()) } else { Ok(()) }
    }

    fn shared(&self) -> &Shared {
        &self.locks.shared
    }
}

impl<V: Send + Sync + 'static> CellEngine<V> for MemoryCells<V> {
    type Committing = Ready<Result<Outcome<Arc<V>>, Error>>;

    fn read(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Entry<Arc<V>>>, Error>> + Send {
        ready(match keys {
            [key] => self.get_now(key).map(|entry| vec![entry]),
            keys => self.get_many_now(keys),
        })
    }

    fn scan(&self, scan: &Scan) -> impl Future<Output = Result<Vec<Entry<Arc<V>>>, Error>> + Send {
        ready(self.list_now(scan))
    }

    fn commit(&self, commit: Commit<V>) -> Self::Committing {
        ready(self.commit_now(commit, None))
    }

    fn delete_all(
        &self,
        range: &KeyRange,
        except: &[Key],
        guards: &[Demand],
    ) -> impl Future<Output = Result<Vec<Key>, Error>> + Send {
        ready(self.delete_all_now(range, except, guards, None))
    }
}

impl<V> Clone for MemoryCells<V> {
    fn clone(&self) -> MemoryCells<V> {
        MemoryCells { locks: self.locks.clone(), cells: self.cells.clone() }
    }
}

impl<V> fmt::Debug for MemoryCells<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.locks.fmt(f)
    }
}
