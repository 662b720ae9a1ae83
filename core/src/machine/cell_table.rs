//! The cells of one shard: values with their versions, and when they expire.
//!
//! A cell is *present* when it is kept here and its time is not over; else it is absent and reads as version 0 (clause
//! C12: decided at the asking, before any sweep). What is kept of a cell goes when it is deleted or swept; what stays is
//! the clock of the table, above the version of every cell that was ever here, so that a cell that is created again
//! never gets an old version back (clause C1).
//!
//! The table moves values and never looks at them: what a change replaces is handed out, to be dropped once everything
//! is unlocked.

use std::collections::BTreeSet;
use std::time::Duration;

use hashbrown::HashTable;

use super::Watches;
use crate::Key;

/// The cells of a shard. `T` is a value, or a cheap handle on one; `W` is whoever watches.
pub(crate) struct CellTable<T, W> {
    /// The largest version that was ever given here.
    clock: u64,
    /// The latest time that was ever asked with: time never goes back (clause B5).
    latest: Duration,
    cells: HashTable<Slot<T>>,
    /// When no cell is left, room for so many is kept.
    keeps: usize,
    expiries: BTreeSet<(Duration, Key)>,
    pub(crate) watches: Watches<Key, W>,
}

struct Slot<T> {
    hash: u64,
    key: Key,
    value: T,
    version: u64,
    expires: Option<Duration>,
}

/// What a reader sees of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen<T> {
    /// `None` when it is absent.
    pub(crate) value: Option<T>,
    /// 0 when it is absent.
    pub(crate) version: u64,
    pub(crate) expires: Option<Duration>,
}

/// What a write leaves for others to do.
#[derive(Debug)]
pub(crate) struct Written<T> {
    /// The value that was replaced or deleted, to be dropped once everything is unlocked.
    pub(crate) old: Option<T>,
    /// Whether the cell was present.
    pub(crate) existed: bool,
    pub(crate) presence: Presence,
}

/// Whether a key is kept in the table, before and after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// As before.
    Same,
    /// It is now and was not.
    Appeared,
    /// It was and is not any more.
    Gone,
}

/// More room than this is given back when three quarters of it are empty.
const FEW: usize = 16;

impl<T: Clone, W: Clone> CellTable<T, W> {
    pub(crate) fn new(keeps: usize) -> CellTable<T, W> {
        CellTable {
            clock: 0,
            latest: Duration::ZERO,
            cells: HashTable::new(),
            keeps,
            expiries: BTreeSet::new(),
            watches: Watches::new(),
        }
    }

    /// The largest version that was ever given here.
    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    /// Whether there is nothing and nobody in here.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.expiries.is_empty() && self.watches.is_empty()
    }

    /// Moves the time on, and answers it: what is given, or a later one that was given before.
    pub(crate) fn at(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The cell of a key at a time that [`at`](CellTable::at) answered.
    pub(crate) fn read(&self, hash: u64, key: &Key, now: Duration) -> Seen<T> {
        match self.present(hash, key, now) {
            Some(cell) => Seen { value: Some(cell.value.clone()), version: cell.version, expires: cell.expires },
            None => Seen { value: None, version: 0, expires: None },
        }
    }

    /// The version of a cell, 0 when it is absent.
    pub(crate) fn version(&self, hash: u64, key: &Key, now: Duration) -> u64 {
        self.present(hash, key, now).map_or(0, |cell| cell.version)
    }

    /// When a cell expires, if it is present and does.
    pub(crate) fn expires(&self, hash: u64, key: &Key, now: Duration) -> Option<Duration> {
        self.present(hash, key, now)?.expires
    }

    /// Whether anything is kept of a key.
    #[cfg(test)]
    pub(crate) fn keeps(&self, hash: u64, key: &Key) -> bool {
        self.cells.find(hash, |cell| cell.hash == hash && cell.key == *key).is_some()
    }

    /// Gives a cell this value and version, and a time to expire. The version is larger than the clock.
    pub(crate) fn set(
        &mut self,
        (hash, key): (u64, &Key),
        value: T,
        expires: Option<Duration>,
        version: u64,
        now: Duration,
    ) -> Written<T> {
        self.clock = version;
        if let Some(cell) = self.cells.find_mut(hash, |cell| cell.hash == hash && cell.key == *key) {
            let existed = !is_over(cell.expires, now);
            let old = std::mem::replace(&mut cell.value, value);
            cell.version = version;
            let before = std::mem::replace(&mut cell.expires, expires);
            self.move_expiry(key, before, expires);
            return Written { old: Some(old), existed, presence: Presence::Same };
        }
        let cell = Slot { hash, key: key.clone(), value, version, expires };
        self.cells.insert_unique(hash, cell, |cell| cell.hash);
        self.move_expiry(key, None, expires);
        Written { old: None, existed: false, presence: Presence::Appeared }
    }

    /// Deletes a cell, if there is one, in a change of this version, which is larger than the clock.
    pub(crate) fn delete(&mut self, hash: u64, key: &Key, version: u64, now: Duration) -> Written<T> {
        self.clock = version;
        match self.take(hash, key) {
            Some(cell) => {
                let existed = !is_over(cell.expires, now);
                Written { old: Some(cell.value), existed, presence: Presence::Gone }
            }
            None => Written { old: None, existed: false, presence: Presence::Same },
        }
    }

    /// When the first cell expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Takes out the cell whose time has been over for longest, if there is one.
    pub(crate) fn pop_expired(&mut self, hash: impl Fn(&Key) -> u64, now: Duration) -> Option<(Key, T)> {
        let (at, key) = self.expiries.first()?;
        if *at > now {
            return None;
        }
        let key = key.clone();
        let cell = self.take(hash(&key), &key)?;
        Some((cell.key, cell.value))
    }

    fn present(&self, hash: u64, key: &Key, now: Duration) -> Option<&Slot<T>> {
        let cell = self.cells.find(hash, |cell| cell.hash == hash && cell.key == *key)?;
        (!is_over(cell.expires, now)).then_some(cell)
    }

    fn take(&mut self, hash: u64, key: &Key) -> Option<Slot<T>> {
        let found = self.cells.find_entry(hash, |cell| cell.hash == hash && cell.key == *key).ok()?;
        let (cell, _) = found.remove();
        self.move_expiry(key, cell.expires, None);
        let (len, room) = (self.cells.len(), self.cells.capacity());
        if len == 0 && room > self.keeps {
            self.cells = HashTable::new();
        } else if room > FEW && len < room / 4 {
            self.cells.shrink_to(len * 2, |cell| cell.hash);
        }
        Some(cell)
    }

    fn move_expiry(&mut self, key: &Key, before: Option<Duration>, after: Option<Duration>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.expiries.remove(&(before, key.clone()));
        }
        if let Some(after) = after {
            self.expiries.insert((after, key.clone()));
        }
        if self.expiries.is_empty() {
            // An empty one keeps a node.
            self.expiries = BTreeSet::new();
        }
    }
}

/// Whether a cell's time is over.
fn is_over(expires: Option<Duration>, now: Duration) -> bool {
    expires.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn table() -> CellTable<u32, ()> {
        CellTable::new(0)
    }

    #[test]
    fn a_cell_created_again_never_gets_an_old_version_back() {
        let (mut cells, key) = (table(), Key::from("a"));
        assert_eq!(cells.set((1, &key), 1, None, 7, MS).presence, Presence::Appeared);
        let deleted = cells.delete(1, &key, 8, MS);
        assert_eq!((deleted.old, deleted.existed, deleted.presence), (Some(1), true, Presence::Gone));
        assert_eq!((cells.version(1, &key, MS), cells.clock()), (0, 8));
        assert!(!cells.delete(1, &key, 9, MS).existed);
        assert!(cells.is_empty());
    }

    #[test]
    fn a_cell_whose_time_is_over_is_absent_before_any_sweep() {
        let (mut cells, key) = (table(), Key::from("a"));
        cells.set((1, &key), 1, Some(5 * MS), 1, MS);
        assert_eq!((cells.version(1, &key, 4 * MS), cells.expires(1, &key, 4 * MS)), (1, Some(5 * MS)));
        assert_eq!(cells.read(1, &key, 5 * MS), Seen { value: None, version: 0, expires: None });
        assert!(cells.keeps(1, &key));
        let again = cells.set((1, &key), 2, None, 2, 5 * MS);
        assert_eq!((again.existed, again.presence, again.old), (false, Presence::Same, Some(1)));
        assert_eq!(cells.next_expiry(), None);
    }

    #[test]
    fn a_sweep_takes_what_is_due_and_nothing_else() {
        let mut cells = table();
        for (hash, at) in [(3, 3), (1, 1), (2, 2)] {
            cells.set((hash, &Key::from(hash)), 0, Some(at * MS), hash, MS / 2);
        }
        let hash = |key: &Key| [1, 2, 3].into_iter().find(|hash| *key == Key::from(*hash)).expect("one of them");
        let swept: Vec<Key> = std::iter::from_fn(|| cells.pop_expired(hash, 2 * MS)).map(|(key, _)| key).collect();
        assert_eq!(swept, [Key::from(1), Key::from(2)]);
        assert_eq!(cells.next_expiry(), Some(3 * MS));
    }

    #[test]
    fn time_never_goes_back() {
        let mut cells = table();
        assert_eq!(cells.at(5 * MS), 5 * MS);
        assert_eq!(cells.at(3 * MS), 5 * MS);
    }

    #[test]
    fn room_is_given_back() {
        let mut cells = table();
        for number in 0..10_000_u64 {
            cells.set((number, &Key::from(number)), 0, None, number + 1, MS);
        }
        for number in 0..10_000_u64 {
            cells.delete(number, &Key::from(number), 10_001 + number, MS);
        }
        assert_eq!(cells.cells.capacity(), 0);
    }
}
