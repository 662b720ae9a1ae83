//! The cells of a space: shards of their own, each a mutex around a table, and one ordered index of all keys.
//!
//! The order of locks is in `shared/mod.rs`. A commit that names a guard has the guard's shards locked while it writes, so that the guard is held
//! at the very instant of the write (clause C14).
//!
//! A value that is no number is kept behind a reference count: what is read under a mutex is a handle, and the caller's code
//! (clone, drop) runs once everything is unlocked.

mod aftermath;
mod apply;
mod checked;
mod exchange;
mod open;
mod read;
mod scan;
mod sleep;
mod turns;
mod value;
mod watcher;
mod word;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) use self::aftermath::Aftermath;
pub(crate) use self::checked::Checked;
use self::open::{CellShard, Open, Several};
pub(crate) use self::sleep::Sleep;
use self::turns::SpaceTurn;
pub(crate) use self::value::{Loose, Stored};
pub(crate) use self::watcher::{Subscription, Watched, Watcher};
use super::{Mailbox, Shared};
use crate::Key;
use crate::machine::{PrefixWatches, hash};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock};

/// A space whose cells are all deleted keeps room for so many, spread over its shards.
const KEPT: usize = 256;

/// The cells of a space.
pub(crate) struct Cells<V> {
    /// Made when the first cell is asked for: a space that is used for locks alone has none.
    shards: OnceLock<Box<[CellShard<V>]>>,
    /// The keys of all cells, those too that have expired and are not swept.
    index: Mutex<BTreeSet<Key>>,
    prefixes: Mutex<PrefixWatches<Arc<Watcher>>>,
    /// Whether any prefix is watched: a hint for who has nothing else to do with them.
    any_prefix: AtomicBool,
    /// All who watch, for the end of a handle; locked too while the shards are made.
    watchers: Mutex<BTreeMap<u64, Arc<Watcher>>>,
    last_watcher: AtomicU64,
    /// How often a key came into the index or left it; changed with the index.
    generation: AtomicU64,
    /// Whether a cell was ever to expire: before that no attempt needs the time.
    expires: AtomicBool,
    space_turn: SpaceTurn,
}

/// What [`Shared`] needs of the cells, whatever they hold.
pub(crate) trait Keeper: Any + Send + Sync {
    /// Takes out what has expired in a shard, and tells those who watch it.
    fn sweep(&self, shared: &Shared, shard: u32, now: Duration, own: Option<&Mailbox>);

    /// A handle was closed: waits for what came in through it and is under way, and wakes everybody who watches.
    fn end(&self, own: Option<&Mailbox>);

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
            generation: AtomicU64::new(0),
            expires: AtomicBool::new(false),
            space_turn: SpaceTurn::default(),
        })
    }

    #[inline]
    fn shards(&self, shared: &Shared) -> &[CellShard<V>] {
        match self.shards.get() {
            Some(shards) => shards,
            None => self.make_shards(shared),
        }
    }

    /// Makes them under a lock that [`end`](Keeper::end) takes too: who comes second knows of the first.
    #[cold]
    fn make_shards(&self, shared: &Shared) -> &[CellShard<V>] {
        let _watchers = self.watchers.lock();
        self.shards.get_or_init(|| (0..=shared.mask()).map(|_| CellShard::new()).collect())
    }
}

impl<V: Send + Sync + 'static> Keeper for Cells<V> {
    fn sweep(&self, shared: &Shared, shard: u32, now: Duration, own: Option<&Mailbox>) {
        let Some(shards) = self.shards.get() else { return };
        let mut after = Aftermath::default();
        {
            let mut locked = shards[shard as usize].lock(shard as usize);
            let at = locked.at(now);
            let table = &mut *locked.table;
            // The timers have forgotten it already, unless a commit came in between and noted a later one.
            table.set_due(table.due().filter(|(at, _)| *at > now));
            while let Some((key, value)) = table.pop_expired(|key| hash(&shared.seed, key), at) {
                after.note_watchers(table, &key);
                after.values.extend(value);
                after.news().moved.push((key, false));
            }
            table.give_back(keeps(shared));
            locked.show(shared);
            self.settle(&mut after);
        }
        after.carry_out(shared, own);
    }

    fn end(&self, own: Option<&Mailbox>) {
        let all = self.watchers.lock().clone();
        for (number, shard) in self.shards.get().into_iter().flatten().enumerate() {
            drop(shard.lock(number));
        }
        Watcher::tell_all(all, own);
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// So many cells each shard keeps room for when it has none.
fn keeps(shared: &Shared) -> usize {
    KEPT / (shared.mask() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Errand;
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
        set("a", Expiry::In(MS));
        set("b", Expiry::In(5 * MS));
        clock.advance(MS);
        assert_eq!(shared.timers.pop_due(MS).map(|(_, errand)| errand), Some(Errand::Sweep(0)));
        // Another thread, just now.
        set("a", Expiry::In(9 * MS));
        cells.sweep(shared, 0, MS, None);
        assert_eq!(shared.timers.next(), Some(5 * MS));
        set("a", Expiry::Never);
        set("b", Expiry::Never);
        assert_eq!(shared.timers.next(), None);
    }
}
