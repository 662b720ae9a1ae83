//! One shard: a mutex around what its keys are held by.

use std::ops::{Deref, DerefMut};

use super::{Handle, Mailbox, Recipient, Shared, outcome};
use crate::machine::{Effects, Leave, LockTable, Released, ShardTable, Standing, leave};
use crate::port::Settled;
use crate::sync::{Arc, Mutex, MutexGuard, Weak};
use crate::{Error, Ticket};

/// One mutex and what it guards. Allocated by itself, so that its reference count is beside its mutex.
pub(crate) struct Shard {
    table: Mutex<ShardTable<Recipient>>,
    pub(super) space: Weak<Shared>,
}

impl Shard {
    pub(super) fn new(number: u32, keeps: u16, space: Weak<Shared>) -> Arc<Shard> {
        Arc::new(Shard { table: Mutex::new(ShardTable::new(number, keeps)), space })
    }

    /// Locked, for what needs no lock table.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, ShardTable<Recipient>> {
        self.table.lock()
    }

    /// Locked, as a lock table.
    pub(super) fn lock_table(&self) -> Locked<'_> {
        Locked::new(self.table.lock())
    }

    /// Locked, for a request that comes in through a handle: an error when that is closed. Checked under the lock:
    /// whoever closes goes through all shards afterwards, and so finds what joined before.
    #[inline]
    pub(super) fn lock_for(&self, handle: &Handle) -> Result<MutexGuard<'_, ShardTable<Recipient>>, Error> {
        let table = self.table.lock();
        if handle.is_closed() || table.exhausted() {
            return Err(Error::closed());
        }
        Ok(table)
    }

    /// Releases a request that has all its keys in this shard.
    #[inline]
    pub(crate) fn release(&self, ticket: Ticket, own: Option<&Mailbox>) -> Released {
        let mut effects = Effects::new();
        let released = self.table.lock().release(ticket, &mut effects);
        if !effects.is_empty() {
            outcome::carry_out(&self.space, effects, own);
        }
        released
    }

    /// As `release`; the usual outcome, the next request of the same port, goes straight to `into`.
    #[inline]
    pub(super) fn release_into(&self, ticket: Ticket, own: &Mailbox, into: &mut Vec<Settled>) -> Released {
        let mut effects = Effects::new();
        let released = self.table.lock().release(ticket, &mut effects);
        if !effects.is_empty() {
            outcome::carry_out_into(&self.space, effects, own, into);
        }
        released
    }

    /// Releases a request that has all its keys in this shard, for a holder that went away without a word.
    pub(crate) fn abandon(&self, ticket: Ticket) {
        let mut effects = Effects::new();
        leave(&mut [self.lock_table()], &[ticket], Leave::Abandon, &mut effects);
        outcome::carry_out(&self.space, effects, None);
    }

    /// Whether a grant still stands.
    pub(crate) fn held(&self, ticket: Ticket) -> bool {
        let mut table = self.table.lock();
        let alone = table.is_lone(ticket);
        alone.unwrap_or_else(|| matches!(table.crowd().standing(ticket), Standing::Granted))
    }
}

/// A shard that is locked, as its lock table.
pub(super) struct Locked<'a>(MutexGuard<'a, ShardTable<Recipient>>);

impl<'a> Locked<'a> {
    pub(super) fn new(mut table: MutexGuard<'a, ShardTable<Recipient>>) -> Locked<'a> {
        table.crowd();
        Locked(table)
    }
}

impl Deref for Locked<'_> {
    type Target = LockTable<Recipient>;

    fn deref(&self) -> &LockTable<Recipient> {
        self.0.made_crowd().expect("made when it was locked")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut LockTable<Recipient> {
        self.0.crowd()
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.settle();
    }
}
