//! The in-memory engine of cells: a handle on the shards of this process.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, Ready, ready};

use super::{CellEngine, Memory};
use crate::entry::Told;
use crate::shared::{Cells, Mailbox, Shared, Stored, Subscription, Watched};
use crate::sync::Arc;
use crate::{Commit, Entry, Error, Key, KeyRange, Outcome, Scan, Within};

/// One handle on a space in memory, with its cells.
pub(crate) struct MemoryCells<V> {
    pub(crate) locks: Memory,
    pub(super) cells: Arc<Cells<V>>,
    /// Where its keys are, if it is a sub-space: here, and nowhere below, they become keys of the space.
    within: Option<Within>,
}

impl<V: Send + Sync + 'static> MemoryCells<V> {
    /// A handle on a space; `None` when its cells hold values of another type.
    pub(crate) fn new(locks: Memory) -> Option<MemoryCells<V>> {
        let cells = locks.shared.cells()?;
        Some(MemoryCells { locks, cells, within: None })
    }

    /// The sub-space under a prefix.
    pub(crate) fn within(&self, prefix: Key) -> MemoryCells<V> {
        let place = match &self.within {
            None => Within::new(prefix),
            Some(place) => place.within(prefix),
        };
        MemoryCells { within: Some(place), ..self.clone() }
    }

    /// With the keys of another handle on the same space.
    pub(crate) fn placed_as(&self, other: &MemoryCells<V>) -> MemoryCells<V> {
        MemoryCells { within: other.within.clone(), ..self.clone() }
    }

    pub(crate) fn within_ref(&self) -> Option<&Within> {
        self.within.as_ref()
    }

    pub(crate) fn get_now(&self, key: Key) -> Result<Entry<Stored<V>>, Error> {
        Ok(self.told_now(&key)?.of(key))
    }

    #[inline(never)]
    pub(crate) fn told_now(&self, key: &Key) -> Result<Told<Stored<V>>, Error> {
        self.check_open()?;
        let wrapped = self.within.as_ref().map(|place| place.wrap(key));
        let place = wrapped.as_ref().unwrap_or(key);
        place.check()?;
        let (seen, now) = self.cells.get(self.shared(), place);
        Ok(Told::new(seen, now))
    }

    pub(crate) fn get_many_now(&self, keys: &[Key]) -> Result<Vec<Entry<Stored<V>>>, Error> {
        self.check_open()?;
        let keys = self.wrap_all(keys)?;
        Ok(self.entries(self.cells.get_many(self.shared(), &keys)))
    }

    pub(crate) fn list_now(&self, scan: &Scan) -> Result<Vec<Entry<Stored<V>>>, Error> {
        self.check_open()?;
        let range = self.range(&scan.range)?;
        Ok(self.entries(self.cells.list(self.shared(), &Scan { range: range.into_owned(), ..*scan })))
    }

    pub(crate) fn commit_now(&self, mut commit: Commit<V>, own: Option<&Mailbox>) -> Result<Outcome<Stored<V>>, Error> {
        self.check_open()?;
        if let Some(place) = &self.within {
            commit.wrap(place);
        }
        let outcome = self.cells.commit(self.shared(), &self.locks.handle, commit, own)?;
        Ok(match &self.within {
            None => outcome,
            Some(place) => outcome.map_err(|all| all.into_iter().map(|conflict| place.conflict(conflict)).collect()),
        })
    }

    pub(crate) fn delete_all_now(
        &self,
        range: &KeyRange,
        except: &[Key],
        own: Option<&Mailbox>,
    ) -> Result<Vec<Key>, Error> {
        self.check_open()?;
        let (range, except) = (self.range(range)?, self.wrap_all(except)?);
        let deleted = self.cells.delete_all(self.shared(), &self.locks.handle, (&range, &except), own)?;
        Ok(match &self.within {
            None => deleted,
            Some(place) => deleted.iter().filter_map(|key| place.unwrap(key)).collect(),
        })
    }

    /// What is watched, as the space knows it.
    pub(crate) fn watched(&self, what: Watched) -> Result<Watched, Error> {
        Ok(match what {
            Watched::Keys(keys) => Watched::Keys(self.wrap_all(&keys)?.into_owned()),
            Watched::Range(range) => Watched::Range(self.range(&range)?.into_owned()),
        })
    }

    /// The state of what is [watched](MemoryCells::watched), at one instant.
    pub(crate) fn look(&self, what: &Watched) -> Vec<Entry<Stored<V>>> {
        self.entries(match what {
            Watched::Keys(keys) => self.cells.get_many(self.shared(), keys),
            Watched::Range(range) => self.cells.list(self.shared(), &Scan::new(range.clone())),
        })
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

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.is_closed() { Err(Error::closed()) } else { Ok(()) }
    }

    fn wrap_all<'k>(&self, keys: &'k [Key]) -> Result<Cow<'k, [Key]>, Error> {
        let keys: Cow<'k, [Key]> = match &self.within {
            None => keys.into(),
            Some(place) => keys.iter().map(|key| place.wrap(key)).collect(),
        };
        keys.iter().try_for_each(Key::check)?;
        Ok(keys)
    }

    pub(super) fn range<'k>(&self, range: &'k KeyRange) -> Result<Cow<'k, KeyRange>, Error> {
        let range = match &self.within {
            None => Cow::Borrowed(range),
            Some(place) => Cow::Owned(place.range(range)),
        };
        range.check()?;
        Ok(range)
    }

    fn entries<T>(&self, entries: Vec<Entry<T>>) -> Vec<Entry<T>> {
        match &self.within {
            None => entries,
            Some(place) => entries.into_iter().map(|entry| place.entry(entry)).collect(),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.locks.shared
    }
}

impl<V: Send + Sync + 'static> CellEngine<V> for MemoryCells<V> {
    type Committing = Ready<Result<Outcome<Stored<V>>, Error>>;

    fn read(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Entry<Stored<V>>>, Error>> + Send {
        ready(match keys {
            [key] => self.get_now(key.clone()).map(|entry| vec![entry]),
            keys => self.get_many_now(keys),
        })
    }

    fn scan(&self, scan: &Scan) -> impl Future<Output = Result<Vec<Entry<Stored<V>>>, Error>> + Send {
        ready(self.list_now(scan))
    }

    fn commit(&self, commit: Commit<V>) -> Self::Committing {
        ready(self.commit_now(commit, None))
    }

    fn delete_all(&self, range: &KeyRange, except: &[Key]) -> impl Future<Output = Result<Vec<Key>, Error>> + Send {
        ready(self.delete_all_now(range, except, None))
    }
}

impl<V> Clone for MemoryCells<V> {
    fn clone(&self) -> MemoryCells<V> {
        MemoryCells { locks: self.locks.clone(), cells: self.cells.clone(), within: self.within.clone() }
    }
}

impl<V> fmt::Debug for MemoryCells<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.locks.fmt(f)
    }
}
