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

use super::{Due, Turns, Watches};
use crate::{Expiry, Key};

/// The cells of a shard. `T` is what is kept for a value; `W` is whoever watches.
///
/// It fills a cache line with the mutex around it: what few shards need is elsewhere.
pub(crate) struct CellTable<T, W> {
    /// The largest version that was ever given here.
    clock: u64,
    cells: HashTable<Slot<T>>,
    rare: Option<Box<Rare<W>>>,
}

/// What is kept for a value: the value itself, or a handle that readers share.
pub(crate) trait Kept: Clone {
    type Value;
    /// What a change leaves of a value, to be dropped.
    type Old;

    fn keep(value: Self::Value) -> Self;

    /// Puts another value in its place.
    fn replace(&mut self, value: Self::Value) -> Option<Self::Old>;

    fn let_go(self) -> Option<Self::Old>;
}

/// A cell that was looked for: where it is kept, as long as nothing in the table changes.
pub(crate) struct Found<'k> {
    pub(crate) hash: u64,
    pub(crate) key: &'k Key,
    place: Option<usize>,
}

struct Slot<T> {
    hash: u64,
    key: Key,
    value: T,
    version: u64,
    expires: Option<Duration>,
}

/// What a shard keeps only while one of its cells expires, somebody watches one, or a call takes the turn of one.
struct Rare<W> {
    /// The latest time that was asked with: time never goes back (clause B5).
    latest: Duration,
    expiries: BTreeSet<(Duration, Key)>,
    /// When the first of them expires, as the timers know it.
    due: Option<Due>,
    watches: Watches<Key, W>,
    turns: Turns,
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

/// What a write did.
#[derive(Debug)]
pub(crate) struct Written {
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

impl<T: Kept, W: Clone> CellTable<T, W> {
    pub(crate) fn new() -> CellTable<T, W> {
        CellTable { clock: 0, cells: HashTable::new(), rare: None }
    }

    /// The largest version that was ever given here.
    #[inline]
    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    /// Whether there is nothing and nobody in here.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.rare.is_none()
    }

    /// Whether any of its cells expires. Only then does it matter which time the table is asked with.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.expiries.is_empty())
    }

    /// Whether any of its cells expires, or is watched, or has a turn.
    #[inline]
    pub(crate) fn has_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// Moves the time on, and answers it: what is given, or a later one that was given before.
    #[inline]
    pub(crate) fn at(&mut self, now: Duration) -> Duration {
        let Some(rare) = &mut self.rare else { return now };
        rare.latest = rare.latest.max(now);
        rare.latest
    }

    /// The cell of a key at a time that [`at`](CellTable::at) answered.
    #[inline]
    pub(crate) fn read(&self, hash: u64, key: &Key, now: Duration) -> Seen<T> {
        match self.present(hash, key, now) {
            Some(cell) => Seen { value: Some(cell.value.clone()), version: cell.version, expires: cell.expires },
            None => Seen { value: None, version: 0, expires: None },
        }
    }

    /// The version of a cell, 0 when it is absent.
    #[inline]
    pub(crate) fn version(&self, hash: u64, key: &Key, now: Duration) -> u64 {
        self.present(hash, key, now).map_or(0, |cell| cell.version)
    }

    /// Where a cell is kept, if it is, for what is done next.
    #[inline]
    pub(crate) fn find<'k>(&self, hash: u64, key: &'k Key) -> Found<'k> {
        Found { hash, key, place: self.cells.find_bucket_index(hash, |cell| cell.is(hash, key)) }
    }

    /// The version of a cell that was found, 0 when it is absent.
    #[inline]
    pub(crate) fn version_of(&self, found: &Found<'_>, now: Duration) -> u64 {
        let cell = found.place.and_then(|place| self.cells.get_bucket(place));
        cell.filter(|cell| !is_over(cell.expires, now)).map_or(0, |cell| cell.version)
    }

    /// When a cell expires, if it is present and does.
    #[cfg(test)]
    pub(crate) fn expires(&self, hash: u64, key: &Key, now: Duration) -> Option<Duration> {
        self.present(hash, key, now)?.expires
    }

    /// Whether anything is kept of a key.
    #[cfg(test)]
    pub(crate) fn keeps(&self, hash: u64, key: &Key) -> bool {
        self.cells.find(hash, |cell| cell.is(hash, key)).is_some()
    }

    /// Gives a cell this value and version, and a time to expire, or lets it keep the one that it has while it is present.
    /// The version is larger than the clock. What is left of the value before it goes to `left`.
    #[inline]
    pub(crate) fn set(
        &mut self,
        found: &Found<'_>,
        value: T::Value,
        expiry: Expiry,
        (version, now): (u64, Duration),
        left: &mut impl Extend<T::Old>,
    ) -> Written {
        self.write(found, (value, T::keep, T::replace), expiry, (version, now), left)
    }

    /// The same, with a value that somebody else may have too.
    #[inline]
    pub(crate) fn put(
        &mut self,
        found: &Found<'_>,
        kept: T,
        expiry: Expiry,
        (version, now): (u64, Duration),
        left: &mut impl Extend<T::Old>,
    ) -> Written {
        let replace = |place: &mut T, kept| std::mem::replace(place, kept).let_go();
        self.write(found, (kept, |kept| kept, replace), expiry, (version, now), left)
    }

    #[inline]
    fn write<X>(
        &mut self,
        found: &Found<'_>,
        (value, keep, replace): (X, impl FnOnce(X) -> T, impl FnOnce(&mut T, X) -> Option<T::Old>),
        expiry: Expiry,
        (version, now): (u64, Duration),
        left: &mut impl Extend<T::Old>,
    ) -> Written {
        self.clock = version;
        let Found { hash, key, place } = *found;
        let Some(cell) = place.and_then(|place| self.cells.get_bucket_mut(place)) else {
            let expires = expires(None, expiry, now);
            let cell = Slot { hash, key: key.clone(), value: keep(value), version, expires };
            self.cells.insert_unique(hash, cell, |cell| cell.hash);
            self.move_expiry(key, None, expires, now);
            return Written { existed: false, presence: Presence::Appeared };
        };
        let existed = !is_over(cell.expires, now);
        if let Some(old) = replace(&mut cell.value, value) {
            left.extend([old]);
        }
        cell.version = version;
        let before = cell.expires;
        let expires = expires(before.filter(|_| existed), expiry, now);
        cell.expires = expires;
        self.move_expiry(key, before, expires, now);
        Written { existed, presence: Presence::Same }
    }

    /// Deletes a cell, if there is one, in a change of this version, which is larger than the clock. What is left of its value
    /// goes to `left`.
    pub(crate) fn delete(
        &mut self,
        (hash, key): (u64, &Key),
        (version, now): (u64, Duration),
        left: &mut impl Extend<T::Old>,
    ) -> Written {
        self.clock = version;
        match self.take(hash, key) {
            Some(cell) => {
                let existed = !is_over(cell.expires, now);
                left.extend(cell.value.let_go());
                Written { existed, presence: Presence::Gone }
            }
            None => Written { existed: false, presence: Presence::Same },
        }
    }

    /// Gives back room that deleted cells left, but for so many cells where there is none.
    pub(crate) fn give_back(&mut self, keeps: usize) {
        let (len, room) = (self.cells.len(), self.cells.capacity());
        if len == 0 && room > keeps {
            self.cells = HashTable::new();
        } else if room > FEW.max(keeps) && len < room / 4 {
            self.cells.shrink_to(len * 2, |cell| cell.hash);
        }
    }

    /// When the first cell expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.rare.as_ref()?.expiries.first().map(|(at, _)| *at)
    }

    /// When the first cell expires, as the timers know it.
    pub(crate) fn due(&self) -> Option<Due> {
        self.rare.as_ref()?.due
    }

    /// Notes what the timers know.
    pub(crate) fn set_due(&mut self, due: Option<Due>) {
        self.change_rare(|rare| rare.due = due);
    }

    /// Takes out the cell whose time has been over for longest, if there is one.
    pub(crate) fn pop_expired(&mut self, hash: impl Fn(&Key) -> u64, now: Duration) -> Option<(Key, Option<T::Old>)> {
        let (at, key) = self.rare.as_ref()?.expiries.first()?;
        if *at > now {
            return None;
        }
        let key = key.clone();
        let cell = self.take(hash(&key), &key)?;
        Some((cell.key, cell.value.let_go()))
    }

    /// Notes that the watcher with this number watches a key.
    pub(crate) fn watch(&mut self, key: Key, number: u64, watcher: W) {
        self.change_rare(|rare| rare.watches.add(key, number, watcher));
    }

    /// Takes a watcher out. Answers it, to be dropped once everything is unlocked.
    pub(crate) fn unwatch(&mut self, key: &Key, number: u64) -> Option<W> {
        self.change_rare(|rare| rare.watches.remove(key, number))
    }

    /// Who watches its cells, if anybody does.
    #[inline]
    pub(crate) fn watches(&self) -> Option<&Watches<Key, W>> {
        self.rare.as_ref().map(|rare| &rare.watches).filter(|watches| !watches.is_empty())
    }

    /// The turns of its cells, if there are any.
    #[inline]
    pub(crate) fn turns(&self) -> Option<&Turns> {
        self.rare.as_ref().map(|rare| &rare.turns)
    }

    /// Changes the turns of its cells.
    pub(crate) fn change_turns(&mut self, change: impl FnOnce(&mut Turns)) {
        self.change_rare(|rare| change(&mut rare.turns));
    }

    #[inline]
    fn present(&self, hash: u64, key: &Key, now: Duration) -> Option<&Slot<T>> {
        let cell = self.cells.find(hash, |cell| cell.is(hash, key))?;
        (!is_over(cell.expires, now)).then_some(cell)
    }

    fn take(&mut self, hash: u64, key: &Key) -> Option<Slot<T>> {
        let found = self.cells.find_entry(hash, |cell| cell.is(hash, key)).ok()?;
        let (cell, _) = found.remove();
        self.move_expiry(key, cell.expires, None, Duration::ZERO);
        Some(cell)
    }

    #[inline]
    fn move_expiry(&mut self, key: &Key, before: Option<Duration>, after: Option<Duration>, now: Duration) {
        if before != after {
            self.change_expiry(key, before, after, now);
        }
    }

    #[cold]
    fn change_expiry(&mut self, key: &Key, before: Option<Duration>, after: Option<Duration>, now: Duration) {
        self.change_rare(|rare| {
            rare.latest = rare.latest.max(now);
            if let Some(before) = before {
                rare.expiries.remove(&(before, key.clone()));
            }
            if let Some(after) = after {
                rare.expiries.insert((after, key.clone()));
            }
        });
    }

    /// Changes what is rare, which is there only while there is something in it.
    fn change_rare<A>(&mut self, change: impl FnOnce(&mut Rare<W>) -> A) -> A {
        let rare = self.rare.get_or_insert_with(|| Box::new(Rare::new()));
        let answer = change(rare);
        if rare.is_empty() {
            self.rare = None;
        } else if rare.expiries.is_empty() {
            // An empty one keeps a node.
            rare.expiries = BTreeSet::new();
        }
        answer
    }
}

impl<T> Slot<T> {
    #[inline]
    fn is(&self, hash: u64, key: &Key) -> bool {
        self.hash == hash && self.key == *key
    }
}

impl<W: Clone> Rare<W> {
    fn new() -> Rare<W> {
        Rare {
            latest: Duration::ZERO,
            expiries: BTreeSet::new(),
            due: None,
            watches: Watches::new(),
            turns: Turns::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.expiries.is_empty() && self.due.is_none() && self.watches.is_empty() && self.turns.is_empty()
    }
}

/// When a cell that is written expires; `before`: when it did so far.
#[inline]
fn expires(before: Option<Duration>, expiry: Expiry, now: Duration) -> Option<Duration> {
    match expiry {
        Expiry::Never => None,
        Expiry::Keep => before,
        Expiry::In(after) => now.checked_add(after),
    }
}

/// Whether a cell's time is over.
#[inline]
fn is_over(expires: Option<Duration>, now: Duration) -> bool {
    expires.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn set(
        cells: &mut CellTable<u32, ()>,
        (hash, key): (u64, &Key),
        value: u32,
        expiry: Expiry,
        version: u64,
        now: Duration,
    ) -> (Written, Vec<u32>) {
        let (found, mut left) = (cells.find(hash, key), Vec::new());
        (cells.set(&found, value, expiry, (version, now), &mut left), left)
    }

    fn delete(cells: &mut CellTable<u32, ()>, key: (u64, &Key), version: u64, now: Duration) -> (Written, Vec<u32>) {
        let mut left = Vec::new();
        (cells.delete(key, (version, now), &mut left), left)
    }

    impl Kept for u32 {
        type Value = u32;
        type Old = u32;

        fn keep(value: u32) -> u32 {
            value
        }

        fn replace(&mut self, value: u32) -> Option<u32> {
            Some(std::mem::replace(self, value))
        }

        fn let_go(self) -> Option<u32> {
            Some(self)
        }
    }

    fn table() -> CellTable<u32, ()> {
        CellTable::new()
    }

    #[test]
    fn a_cell_created_again_never_gets_an_old_version_back() {
        let (mut cells, key) = (table(), Key::from("a"));
        assert_eq!(set(&mut cells, (1, &key), 1, Expiry::Never, 7, MS).0.presence, Presence::Appeared);
        let (deleted, left) = delete(&mut cells, (1, &key), 8, MS);
        assert_eq!((left, deleted.existed, deleted.presence), (vec![1], true, Presence::Gone));
        assert_eq!((cells.version(1, &key, MS), cells.clock()), (0, 8));
        assert!(!delete(&mut cells, (1, &key), 9, MS).0.existed);
        assert!(cells.is_empty());
    }

    #[test]
    fn a_cell_whose_time_is_over_is_absent_before_any_sweep() {
        let (mut cells, key) = (table(), Key::from("a"));
        set(&mut cells, (1, &key), 1, Expiry::In(4 * MS), 1, MS);
        assert_eq!((cells.version(1, &key, 4 * MS), cells.expires(1, &key, 4 * MS)), (1, Some(5 * MS)));
        assert_eq!(cells.read(1, &key, 5 * MS), Seen { value: None, version: 0, expires: None });
        assert!(cells.keeps(1, &key));
        let (kept, _) = set(&mut cells, (1, &key), 1, Expiry::Keep, 2, 2 * MS);
        assert!(kept.existed && cells.expires(1, &key, 2 * MS) == Some(5 * MS));
        let (again, left) = set(&mut cells, (1, &key), 2, Expiry::Keep, 3, 5 * MS);
        assert_eq!((again.existed, again.presence, left), (false, Presence::Same, vec![1]));
        assert_eq!(cells.next_expiry(), None);
    }

    #[test]
    fn a_sweep_takes_what_is_due_and_nothing_else() {
        let mut cells = table();
        for (hash, at) in [(3, 3), (1, 1), (2, 2)] {
            set(&mut cells, (hash, &Key::from(hash)), 0, Expiry::In(at * MS - MS / 2), hash, MS / 2);
        }
        let hash = |key: &Key| [1, 2, 3].into_iter().find(|hash| *key == Key::from(*hash)).expect("one of them");
        let swept: Vec<Key> = std::iter::from_fn(|| cells.pop_expired(hash, 2 * MS)).map(|(key, _)| key).collect();
        assert_eq!(swept, [Key::from(1), Key::from(2)]);
        assert_eq!(cells.next_expiry(), Some(3 * MS));
    }

    #[test]
    fn time_never_goes_back_where_it_matters() {
        let (mut cells, key) = (table(), Key::from("a"));
        assert!(!cells.is_timed());
        set(&mut cells, (1, &key), 1, Expiry::In(7 * MS), 1, 2 * MS);
        assert!(cells.is_timed());
        assert_eq!(cells.at(MS), 2 * MS);
        assert_eq!(cells.at(5 * MS), 5 * MS);
        assert_eq!(cells.at(3 * MS), 5 * MS);
        delete(&mut cells, (1, &key), 2, 5 * MS);
        assert!(!cells.is_timed() && cells.is_empty());
    }

    #[test]
    fn what_is_rare_goes_when_nothing_is_left_in_it() {
        let (mut cells, key) = (table(), Key::from("a"));
        cells.watch(key.clone(), 1, ());
        assert_eq!(cells.unwatch(&key, 2), None);
        assert!(cells.rare.is_some());
        assert_eq!(cells.unwatch(&key, 1), Some(()));
        assert!(cells.rare.is_none());
        cells.set_due(Some((MS, 1)));
        assert_eq!(cells.due(), Some((MS, 1)));
        cells.set_due(None);
        assert!(cells.rare.is_none());
    }

    #[test]
    fn room_is_given_back() {
        const MANY: u64 = if cfg!(miri) { 200 } else { 10_000 };
        let mut cells = table();
        for number in 0..MANY {
            set(&mut cells, (number, &Key::from(number)), 0, Expiry::Never, number + 1, MS);
        }
        for number in 0..MANY {
            delete(&mut cells, (number, &Key::from(number)), MANY + 1 + number, MS);
            cells.give_back(0);
            assert!(cells.cells.capacity() <= FEW.max(8 * cells.cells.len()));
        }
        assert_eq!(cells.cells.capacity(), 0);
    }
}
