//! The cells of a space: shards of their own, each a mutex around a table, and one ordered index of all keys.
//!
//! **Order of locks.** Shards of locks, then shards of cells, both in ascending order, then the index or the prefixes
//! that are watched. A commit that names a guard has the guard's shards locked while it writes, so that the guard is held
//! at the very instant of the write (clause C14).
//!
//! A value is kept behind a reference count: what is read under a mutex is a handle, and the caller's code (clone, drop)
//! runs once everything is unlocked.

mod aftermath;
mod apply;
mod read;
mod scan;
mod watcher;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smallvec::SmallVec;

use self::aftermath::Aftermath;
pub(crate) use self::watcher::{Subscription, Watched, Watcher};
use super::{Entries, Mailbox, Shared};
use crate::Key;
use crate::machine::{CellTable, Due, PrefixWatches, hash};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, OnceLock};

/// A space whose cells are all deleted keeps room for so many, spread over its shards.
const KEPT: usize = 256;

/// The cells of a space.
pub(crate) struct Cells<V> {
    /// Made when the first cell is asked for: a space that is used for locks alone has none.
    shards: OnceLock<Box<[CellShard<V>]>>,
    /// The keys of all cells, those too that have expired and are not swept. A leaf.
    index: Mutex<BTreeSet<Key>>,
    /// A leaf.
    prefixes: Mutex<PrefixWatches<Arc<Watcher>>>,
    /// Whether any prefix is watched: a hint for who has nothing else to do with them.
    any_prefix: AtomicBool,
    /// All who watch, for the end of a handle. Locked with nothing else.
    watchers: Mutex<BTreeMap<u64, Arc<Watcher>>>,
    last_watcher: AtomicU64,
    /// Whether a cell was ever given a time to expire: before that nobody needs the time.
    timed: AtomicBool,
}

struct CellShard<V>(Mutex<Content<V>>);

struct Content<V> {
    table: CellTable<Arc<V>, Arc<Watcher>>,
    /// When the first of its cells expires, as the timers know it.
    due: Option<Due>,
}

/// Some shards, locked in ascending order.
struct Open<'a, V> {
    mask: usize,
    shards: SmallVec<[(usize, MutexGuard<'a, Content<V>>); 2]>,
}

/// What [`Shared`] needs of the cells, whatever they hold.
pub(crate) trait Keeper: Any + Send + Sync {
    /// Takes out what has expired in a shard, and tells those who watch it.
    fn sweep(&self, shared: &Shared, shard: u32, now: Duration, own: Option<&Mailbox>);

    /// Wakes everybody who watches: a handle was closed.
    fn wake_all(&self, own: Option<&Mailbox>);

    /// To be taken for what it is.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<V: Send + Sync + 'static> Cells<V> {
    pub(crate) fn new() -> Arc<Cells<V>> {
        Arc::new(Cells {
            shards: OnceLock::new(),
            index: Mutex::default(),
            prefixes: Mutex::new(PrefixWatches::new()),
            any_prefix: AtomicBool::new(false),
            watchers: Mutex::default(),
            last_watcher: AtomicU64::new(0),
            timed: AtomicBool::new(false),
        })
    }

    fn shards(&self, shared: &Shared) -> &[CellShard<V>] {
        self.shards.get_or_init(|| {
            let keeps = KEPT / (shared.mask() + 1);
            let shard = |_| CellShard(Mutex::new(Content { table: CellTable::new(keeps), due: None }));
            (0..=shared.mask()).map(shard).collect()
        })
    }

    /// Locks the shards of these hashes.
    fn open(&self, shared: &Shared, hashes: impl Iterator<Item = u64>) -> Open<'_, V> {
        let (shards, mask) = (self.shards(shared), shared.mask());
        let mut numbers: SmallVec<[usize; 8]> = hashes.map(|hash| Entries::shard(hash, mask)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Open { mask, shards: numbers.into_iter().map(|number| (number, shards[number].0.lock())).collect() }
    }

    /// Locks all shards.
    fn open_all(&self, shared: &Shared) -> Open<'_, V> {
        let shards = self.shards(shared).iter().enumerate();
        Open { mask: shared.mask(), shards: shards.map(|(number, shard)| (number, shard.0.lock())).collect() }
    }

    /// Lets the timers know when the first cell of a shard expires; the shard is locked.
    fn note_expiry(shared: &Shared, number: usize, content: &mut Content<V>) {
        let next = content.table.next_expiry();
        if content.due.map(|(at, _)| at) == next {
            return;
        }
        if let Some(before) = content.due.take() {
            shared.timers.remove(before);
        }
        if let Some(at) = next {
            let due = (at, shared.next_order());
            content.due = Some(due);
            shared.timers.insert_sweep(due, number as u32);
        }
    }
}

impl<V> Open<'_, V> {
    /// The shard of a hash, which is among those that are locked.
    fn of(&mut self, hash: u64) -> &mut Content<V> {
        let number = Entries::shard(hash, self.mask);
        let at = match self.shards.len() {
            1 => 0,
            _ => self.shards.partition_point(|(other, _)| *other < number),
        };
        &mut self.shards[at].1
    }

    fn contents(&mut self) -> impl Iterator<Item = &mut Content<V>> {
        self.shards.iter_mut().map(|(_, content)| &mut **content)
    }

    /// One time for all of them, not before any that one of them was ever asked with. `now` is none in a space without
    /// a clock, and where no cell had a time to expire when the clock would have had to be read: then the time is one
    /// that was read before.
    fn at(&mut self, now: Option<Duration>) -> Duration
    where
        V: Send + Sync + 'static,
    {
        let now = now.unwrap_or_default();
        let latest = self.contents().map(|content| content.table.at(now)).max().unwrap_or(now);
        self.contents().for_each(|content| {
            content.table.at(latest);
        });
        latest
    }

    /// The largest version that any of them ever gave.
    fn clock(&mut self) -> u64
    where
        V: Send + Sync + 'static,
    {
        self.contents().map(|content| content.table.clock()).max().unwrap_or(0)
    }
}

impl<V: Send + Sync + 'static> Keeper for Cells<V> {
    fn sweep(&self, shared: &Shared, shard: u32, now: Duration, own: Option<&Mailbox>) {
        let Some(shards) = self.shards.get() else { return };
        let mut after = Aftermath::default();
        {
            let mut content = shards[shard as usize].0.lock();
            // The timers have forgotten it already, unless a commit came in between and noted a later one.
            content.due = content.due.take().filter(|(at, _)| *at > now);
            let now = content.table.at(now);
            while let Some((key, value)) = content.table.pop_expired(|key| hash(&shared.seed, key), now) {
                content.table.watches.of(&key, &mut after.watchers);
                after.values.push(value);
                after.gone.push(key);
            }
            Cells::note_expiry(shared, shard as usize, &mut content);
            self.settle(&mut after);
        }
        after.carry_out(shared, own);
    }

    fn wake_all(&self, own: Option<&Mailbox>) {
        let all: Vec<Arc<Watcher>> = self.watchers.lock().values().cloned().collect();
        Watcher::tell_all(all, own);
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Errand;
    use crate::sync::Ordering;
    use crate::{Builder, Commit, Expiry, ManualClock, Space};

    const MS: Duration = Duration::from_millis(1);

    /// Whatever comes between the timers and the sweep, a shard has one errand at most.
    #[test]
    fn a_write_before_the_sweep_leaves_no_second_errand() {
        let clock = ManualClock::new();
        let settings: Builder<u32> = Space::builder().cells();
        let space = settings.shards(1).clock(clock.clone()).build();
        let port = space.port(|| {});
        let set = |key: &str, expiry| {
            let mut commit = Commit::new();
            commit.set(Key::from(key), None, 1, expiry);
            port.commit(commit).expect("open").expect("no condition");
        };
        let shared = &space.engine().shared;
        let cells = shared.cells::<u32>().expect("of this type");
        assert!(!cells.timed.load(Ordering::Acquire));
        set("a", Expiry::In(MS));
        set("b", Expiry::In(5 * MS));
        clock.advance(MS);
        assert_eq!(shared.timers.pop_due(MS), Some(Errand::Sweep(0)));
        // Another thread, just now.
        set("a", Expiry::In(9 * MS));
        cells.sweep(shared, 0, MS, None);
        assert_eq!(shared.timers.next(), Some(5 * MS));
        set("a", Expiry::Never);
        set("b", Expiry::Never);
        assert_eq!(shared.timers.next(), None);
    }
}
