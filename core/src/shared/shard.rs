//! One shard: a mutex around what its keys are held by.

use std::ops::{Deref, DerefMut};

use super::{Handle, Mailbox, Recipient, Shared, outcome};
use crate::machine::{
    Claimed, Effects, Joint, Leave, LockTable, Origin, Released, Roused, ShardTable, SpanningRef, Standing, leave,
};
use crate::port::Confirmed;
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering, Weak};
use crate::{Error, Key, Ticket};

/// One mutex and what it guards. Allocated by itself, so that its reference count is beside its mutex.
pub(crate) struct Shard {
    table: Mutex<ShardTable<Recipient>>,
    /// Whether there was a crowd when the table was unlocked last.
    crowded: AtomicBool,
    common: Arc<Common>,
}

/// What the shards of a space have in common; apart, so that a shard with its reference count is two cache lines.
pub(super) struct Common {
    space: Weak<Shared>,
    /// What requests share some of whose parts are lone holders still.
    roused: Mutex<Roused>,
}

impl Common {
    pub(super) fn new(space: Weak<Shared>) -> Arc<Common> {
        Arc::new(Common { space, roused: Mutex::default() })
    }
}

impl Shard {
    pub(super) fn new(number: u32, keeps: u16, common: Arc<Common>) -> Arc<Shard> {
        let table = Mutex::new(ShardTable::new(number, keeps));
        Arc::new(Shard { table, crowded: AtomicBool::new(false), common })
    }

    /// Locked, for what needs no lock table.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, ShardTable<Recipient>> {
        self.table.lock()
    }

    /// Notes that the caller of a request that waited sees its grant. `None` says only that the lock table must be asked.
    #[inline]
    pub(super) fn claim_told(&self, ticket: Ticket) -> Option<Claimed> {
        self.table.lock().claim_told(ticket)
    }

    /// Locked, as a lock table.
    pub(super) fn lock_table(&self) -> Locked<'_> {
        Locked::new(self, self.table.lock())
    }

    /// Whether whoever comes will probably have to wait: a hint, read without the lock.
    #[inline]
    pub(super) fn seems_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Locked, for a request that comes in through a handle: an error when that is closed. Checked under the lock:
    /// whoever closes goes through all shards afterwards, and so finds what joined before.
    #[inline(always)]
    pub(super) fn lock_for(&self, handle: &Handle) -> Result<MutexGuard<'_, ShardTable<Recipient>>, Error> {
        let table = self.table.lock();
        if handle.is_closed() || table.exhausted() {
            return Err(Error::closed());
        }
        Ok(table)
    }

    /// Takes one key, exclusively, if that needs no waiting.
    #[inline(always)]
    pub(super) fn attempt_one(
        &self,
        handle: &Handle,
        hash: u64,
        key: &Key,
        origin: Origin,
    ) -> Result<Option<(Ticket, u64)>, Error> {
        let share = |home, joint| self.share(home, joint);
        Ok(self.lock_for(handle)?.attempt_one(hash, key, origin, &share))
    }

    /// What a lone holder shares with its parts in other shards.
    fn share(&self, home: Ticket, joint: Joint) -> SpanningRef {
        self.common.roused.lock().share(home, joint)
    }

    /// Releases a request that has all its keys in this shard.
    #[inline]
    pub(crate) fn release(&self, ticket: Ticket, own: Option<&Mailbox>) -> Released {
        let mut effects = Effects::new();
        let released = self.release_quietly(ticket, &mut effects);
        if !effects.is_empty() {
            outcome::carry_out(self.weak_space(), effects, own);
        }
        released
    }

    /// As `release`; the usual outcome, the next request of the same port, is the answer, and its grant is claimed.
    #[inline]
    pub(super) fn release_to(&self, ticket: Ticket, own: &Mailbox) -> (Released, Option<Confirmed>) {
        let mut effects = Effects::new();
        let mut table = self.table.lock();
        let released = table.release(ticket, &mut effects);
        let next = outcome::sole_grant(&effects, own);
        if let Some(next) = next {
            let claimed = table.made_crowd_mut();
            claimed.and_then(|crowd| crowd.claim(next.grant.ticket, &mut Effects::new()));
        }
        self.note(&table);
        drop(table);
        if next.is_none() && !effects.is_empty() {
            outcome::carry_out(self.weak_space(), effects, Some(own));
        }
        (released, next)
    }

    #[inline]
    fn release_quietly(&self, ticket: Ticket, effects: &mut Effects<Recipient>) -> Released {
        let mut table = self.table.lock();
        let released = table.release(ticket, effects);
        self.note(&table);
        released
    }

    /// Keeps the hint; the table is locked.
    #[inline]
    fn note(&self, table: &ShardTable<Recipient>) {
        if self.seems_crowded() != table.is_crowded() {
            self.crowded.store(table.is_crowded(), Ordering::Relaxed);
        }
    }

    /// Releases a request that has all its keys in this shard, for a holder that went away without a word.
    pub(crate) fn abandon(&self, ticket: Ticket) {
        let mut effects = Effects::new();
        let left = leave(&mut [self.lock_table()], &[ticket], Leave::Abandon, &mut effects);
        if let (Some(due), Some(space)) = (left.and_then(|left| left.due), self.space()) {
            space.timers().remove(due);
        }
        outcome::carry_out(self.weak_space(), effects, None);
    }

    pub(super) fn weak_space(&self) -> &Weak<Shared> {
        &self.common.space
    }

    /// The space, if it is still there.
    pub(crate) fn space(&self) -> Option<Arc<Shared>> {
        self.common.space.upgrade()
    }

    /// Whether it is a shard of this space.
    pub(crate) fn is_of(&self, space: &Shared) -> bool {
        std::ptr::eq(self.common.space.as_ptr(), space)
    }

    /// Whether a grant still stands.
    pub(crate) fn held(&self, ticket: Ticket) -> bool {
        let table = self.table.lock();
        if let Some(alone) = table.is_lone(ticket) {
            return alone;
        }
        let mut table = Locked::new(self, table);
        if !matches!(table.standing(ticket), Standing::Granted) || table.is_lost(ticket) {
            return false;
        }
        let Some(end) = table.end(ticket) else { return true };
        drop(table);
        // Asked before the time that ends it was told: decided at the asking (clause B5).
        self.space().and_then(|space| space.now()).is_none_or(|now| now < end)
    }
}

/// A shard that is locked, as its lock table.
pub(super) struct Locked<'a> {
    shard: &'a Shard,
    table: MutexGuard<'a, ShardTable<Recipient>>,
}

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn new(shard: &'a Shard, mut table: MutexGuard<'a, ShardTable<Recipient>>) -> Locked<'a> {
        table.crowd(&|home, joint| shard.share(home, joint));
        Locked { shard, table }
    }
}

const MADE: &str = "made when it was locked";

impl Deref for Locked<'_> {
    type Target = LockTable<Recipient>;

    #[inline]
    fn deref(&self) -> &LockTable<Recipient> {
        self.table.made_crowd().expect(MADE)
    }
}

impl DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut LockTable<Recipient> {
        self.table.made_crowd_mut().expect(MADE)
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        self.table.settle();
        self.shard.note(&self.table);
    }
}

// The mutexes of the model checkers are larger.
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_shard_with_its_counts_and_what_an_allocator_notes_is_two_cache_lines() {
        let counts = 2 * size_of::<usize>();
        let noted = size_of::<usize>();
        assert!(size_of::<Shard>() + counts + noted <= 128, "{}", size_of::<Shard>());
    }
}
