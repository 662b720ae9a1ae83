//! Shards of cells, and some of them locked, with the time at which they are looked at.

use std::time::Duration;

use smallvec::SmallVec;

use super::{Cells, Stored, Watcher};
use crate::Error;
use crate::machine::{CellTable, exhausted, sort_by};
use crate::shared::{Entries, Handle, Shared};
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering};

pub(super) type Table<V> = CellTable<Stored<V>, Arc<Watcher>>;

/// One shard: a mutex around a table, in a cache line that no other shard touches.
#[repr(align(64))]
pub(super) struct CellShard<V> {
    table: Mutex<Table<V>>,
    /// Twice the clock of the table, set before it is unlocked, so that whoever has read here sees without the lock whether
    /// anything has changed since; and 1 more if any of its cells expires.
    shows: AtomicU64,
    /// The latest time at which any of its cells was looked at, in nanoseconds, set before it is unlocked: whoever has read
    /// something that another wrote because a cell here had expired sees it without the lock.
    looked_at: AtomicU64,
}

/// A shard that is locked.
pub(super) struct Locked<'a, V> {
    pub(super) number: usize,
    pub(super) table: MutexGuard<'a, Table<V>>,
    shard: &'a CellShard<V>,
}

/// Some shards, locked in ascending order.
pub(super) struct Several<'a, V> {
    mask: usize,
    pub(super) shards: SmallVec<[Locked<'a, V>; 2]>,
}

/// Of shards.
pub(super) type Numbers = SmallVec<[usize; 4]>;

/// Shards that are locked: one, as mostly, or several. What holds of them is written once.
pub(super) trait Open<'a, V: Send + Sync + 'static> {
    /// The table of a hash, whose shard is among them.
    fn of(&mut self, hash: u64) -> &mut Table<V>;

    fn each(&mut self, visit: impl FnMut(&mut Locked<'a, V>));

    /// The version of a commit that reads or writes cells of these shards: above every earlier one (clause C1).
    ///
    /// # Errors
    ///
    /// `closed`, when the handle is closed: whoever closes it goes through all shards afterwards, and so waits for what
    /// came before. Or when the line of versions is used up.
    #[inline]
    fn next_version(&mut self, handle: &Handle) -> Result<u64, Error> {
        let mut version = 1;
        self.each(|locked| version = version.max(locked.table.clock() + 1));
        if handle.is_closed() || exhausted(version) { Err(Error::closed()) } else { Ok(version) }
    }

    /// Whether the time matters.
    #[inline]
    fn is_timed(&mut self) -> bool {
        let mut timed = false;
        self.each(|locked| timed |= locked.table.is_timed());
        timed
    }

    /// One time for all of them, not before any that one of them was ever asked with.
    #[inline]
    fn at(&mut self, now: Duration) -> Duration {
        let mut latest = now;
        self.each(|locked| latest = latest.max(locked.table.at(now)));
        self.each(|locked| {
            locked.at(latest);
        });
        latest
    }
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Locks the shard of a hash, as [`open`](Cells::open).
    #[inline]
    pub(super) fn open_one(&self, shared: &Shared, hash: u64, now: Option<Duration>) -> (Locked<'_, V>, Duration) {
        let number = Entries::shard(hash, shared.mask());
        let shard = &self.shards(shared)[number];
        in_time(shared, now, || shard.seems_timed(), || shard.lock(number))
    }

    /// Locks the shards of these hashes. Answers one time for all of them: `now`, if it was read already. Else the clock is
    /// read only where a cell expires; where none does, nobody asks for the time, and any will do.
    pub(super) fn open(
        &self,
        shared: &Shared,
        hashes: impl Iterator<Item = u64>,
        now: Option<Duration>,
    ) -> (Several<'_, V>, Duration) {
        self.open_several(shared, hashes.map(|hash| Entries::shard(hash, shared.mask())).collect(), now)
    }

    /// Locks all shards, as [`open`](Cells::open).
    pub(super) fn open_all(&self, shared: &Shared, now: Option<Duration>) -> (Several<'_, V>, Duration) {
        self.open_several(shared, (0..=shared.mask()).collect(), now)
    }

    /// Locks one shard, for what takes no time.
    pub(super) fn lock_one(&self, shared: &Shared, hash: u64) -> Locked<'_, V> {
        let number = Entries::shard(hash, shared.mask());
        self.shards(shared)[number].lock(number)
    }

    /// Locks the shards with these numbers, in any order and any of them several times, as [`open`](Cells::open).
    #[inline]
    pub(super) fn open_several(
        &self,
        shared: &Shared,
        mut numbers: Numbers,
        now: Option<Duration>,
    ) -> (Several<'_, V>, Duration) {
        if !numbers.is_sorted_by(|one, next| one < next) {
            sort_by(&mut numbers, usize::cmp);
            numbers.dedup();
        }
        let shards = self.shards(shared);
        let seems_timed = || numbers.iter().any(|&number| shards[number].seems_timed());
        let lock = || numbers.iter().map(|&number| shards[number].lock(number)).collect();
        in_time(shared, now, seems_timed, || Several { mask: shared.mask(), shards: lock() })
    }
}

impl<'a, V: Send + Sync + 'static> Several<'a, V> {
    /// None so far.
    #[inline(always)]
    pub(super) fn none(mask: usize) -> Several<'a, V> {
        Several { mask, shards: SmallVec::new() }
    }

    /// Locks shards at a time that was read already, in ascending order. Answers one time for all of them, as
    /// [`open`](Cells::open).
    #[inline(always)]
    pub(super) fn at_time(
        shards: &'a [CellShard<V>],
        numbers: impl Iterator<Item = usize>,
        now: Duration,
    ) -> (Several<'a, V>, Duration) {
        let locked = numbers.map(|number| shards[number].lock(number)).collect();
        let mut open = Several { mask: shards.len() - 1, shards: locked };
        let now = if open.is_timed() { open.at(now) } else { now };
        (open, now)
    }
}

/// Locks shards, and reads the clock before if the time matters there: the clock is the caller's code, and never runs
/// while something is locked.
#[inline]
fn in_time<'a, V: Send + Sync + 'static, O: Open<'a, V>>(
    shared: &Shared,
    mut now: Option<Duration>,
    seems_timed: impl FnOnce() -> bool,
    lock: impl Fn() -> O,
) -> (O, Duration) {
    if now.is_none() && seems_timed() {
        now = shared.now();
    }
    loop {
        let mut open = lock();
        if !open.is_timed() {
            return (open, now.unwrap_or_default());
        }
        if let Some(now) = now {
            let at = open.at(now);
            return (open, at);
        }
        // One of their cells began to expire just now.
        drop(open);
        now = Some(shared.now().unwrap_or_default());
    }
}

impl<V: Send + Sync + 'static> CellShard<V> {
    pub(super) fn new() -> CellShard<V> {
        CellShard { table: Mutex::new(CellTable::new()), shows: AtomicU64::new(0), looked_at: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn lock(&self, number: usize) -> Locked<'_, V> {
        Locked { number, table: self.table.lock(), shard: self }
    }

    #[inline]
    fn seems_timed(&self) -> bool {
        self.shows.load(Ordering::Relaxed) & 1 == 1
    }

    /// The clock as of the last change.
    #[inline]
    pub(super) fn clock(&self) -> u64 {
        self.shows.load(Ordering::Acquire) >> 1
    }

    /// Whether none of its cells was looked at when this time had come.
    pub(super) fn is_before(&self, time: Duration) -> bool {
        self.looked_at.load(Ordering::Acquire) < nanoseconds(time)
    }
}

/// As many as there is room for.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<V: Send + Sync + 'static> Locked<'_, V> {
    /// Moves the time of its table on, and answers it, as [`CellTable::at`].
    #[inline]
    pub(super) fn at(&mut self, now: Duration) -> Duration {
        let at = self.table.at(now);
        let looked_at = nanoseconds(at).max(self.shard.looked_at.load(Ordering::Relaxed));
        self.shard.looked_at.store(looked_at, Ordering::Release);
        at
    }

    /// Shows what has changed to those who look without the lock, and lets the timers know when its first cell expires.
    #[inline]
    pub(super) fn show(&mut self, shared: &Shared) {
        let timed = self.table.is_timed();
        let was_timed = self.shard.seems_timed();
        self.shard.shows.store(self.table.clock() << 1 | u64::from(timed), Ordering::Release);
        if timed || was_timed {
            self.change_expiry(shared);
        }
    }

    #[cold]
    fn change_expiry(&mut self, shared: &Shared) {
        let next = self.table.next_expiry();
        if self.table.due().map(|(at, _)| at) == next {
            return;
        }
        if let Some(before) = self.table.due() {
            shared.timers.remove(before);
        }
        let due = next.map(|at| (at, shared.next_order()));
        self.table.set_due(due);
        if let Some(due) = due {
            shared.timers.insert_sweep(due, self.number as u32);
        }
    }
}

impl<'a, V: Send + Sync + 'static> Open<'a, V> for Locked<'a, V> {
    #[inline]
    fn of(&mut self, _hash: u64) -> &mut Table<V> {
        &mut self.table
    }

    #[inline]
    fn each(&mut self, mut visit: impl FnMut(&mut Locked<'a, V>)) {
        visit(self);
    }
}

impl<'a, V: Send + Sync + 'static> Open<'a, V> for Several<'a, V> {
    fn of(&mut self, hash: u64) -> &mut Table<V> {
        let number = Entries::shard(hash, self.mask);
        let at = self.shards.partition_point(|locked| locked.number < number);
        &mut self.shards[at].table
    }

    fn each(&mut self, visit: impl FnMut(&mut Locked<'a, V>)) {
        self.shards.iter_mut().for_each(visit);
    }
}
