//! Turns of calls, noted where commits look for them (clause C5).
//!
//! A call that queues for a turn is counted beside each of its cells; when the turn is granted, and before the body reads,
//! the call's number is entered there. The turn of the whole space is a word that every commit of a call looks at while it
//! has its shards locked: it is set first, and then each shard is locked once, so that no commit that missed it is still
//! under way.

use super::Cells;
use super::open::Table;
use crate::Key;
use crate::machine::{Turns, hash};
use crate::shared::Shared;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering};

/// The turn of a whole space.
#[derive(Default)]
pub(super) struct SpaceTurn {
    /// How many calls wait for it or have it.
    calls: AtomicU32,
    /// Whose is in force; 0 for nobody's.
    holder: AtomicU64,
    /// The last number given to a call that takes a turn.
    last: AtomicU64,
    /// The token of the turn that came into force last.
    token: Mutex<u64>,
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// A number for a call that takes turns.
    pub(crate) fn number_call(&self) -> u64 {
        self.space_turn.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A call queues for the turn of these cells.
    pub(crate) fn queue_for_turn(&self, shared: &Shared, keys: &[Key]) {
        for key in keys {
            self.with_turns(shared, key, |turns| turns.queue(key));
        }
    }

    /// The turn of these cells, granted with this token, is in force.
    pub(crate) fn enter_turn(&self, shared: &Shared, keys: &[Key], (call, token): (u64, u64)) {
        for key in keys {
            self.with_turns(shared, key, |turns| turns.enter(key, call, token));
        }
    }

    /// A call that queued for the turn of these cells has left.
    pub(crate) fn leave_turn(&self, shared: &Shared, keys: &[Key], call: u64) {
        for key in keys {
            self.with_turns(shared, key, |turns| turns.leave(key, call));
        }
    }

    /// A call queues for the turn of the space.
    pub(crate) fn queue_for_space(&self) {
        self.space_turn.calls.fetch_add(1, Ordering::AcqRel);
    }

    /// The turn of the space is in force, and no commit that began before is still under way. Not one that was taken away, where
    /// a later one came into force meanwhile.
    pub(crate) fn enter_space(&self, shared: &Shared, (call, token): (u64, u64)) {
        {
            let mut last = self.space_turn.token.lock();
            if token <= *last {
                return;
            }
            *last = token;
            self.space_turn.holder.store(call, Ordering::Release);
        }
        for (number, shard) in self.shards(shared).iter().enumerate() {
            drop(shard.lock(number));
        }
    }

    /// A call that queued for the turn of the space has left.
    pub(crate) fn leave_space(&self, call: u64) {
        let own = |holder: u64| (holder == call).then_some(0);
        // Another's, where this one's was taken away.
        let _other = self.space_turn.holder.fetch_update(Ordering::AcqRel, Ordering::Acquire, own);
        self.space_turn.calls.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether any call waits for the turn of the space, or has it.
    pub(super) fn space_has_queue(&self) -> bool {
        self.space_turn.calls.load(Ordering::Acquire) > 0
    }

    /// Whether a turn of the space is in force, anybody's.
    #[inline]
    pub(super) fn has_space_turn(&self) -> bool {
        self.space_turn.holder.load(Ordering::Acquire) != 0
    }

    /// Whether a turn is in force, and not this call's: that of the space, or one of the cells that a commit is to write. Asked
    /// with its shards locked. In its own turn of the space no turn of a cell is in force: what is still noted there was taken
    /// away.
    #[inline]
    pub(super) fn meets_turn(&self, call: u64, of_cells: impl FnOnce() -> bool) -> bool {
        match self.space_turn.holder.load(Ordering::Acquire) {
            0 => of_cells(),
            holder => holder != call,
        }
    }

    fn with_turns(&self, shared: &Shared, key: &Key, change: impl FnOnce(&mut Turns)) {
        let hash = hash(&shared.seed, key);
        self.lock_one(shared, hash).table.change_turns(change);
    }
}

/// Whether the turn of a cell is in force, and not this call's.
#[inline]
pub(super) fn is_foreign<V: Send + Sync + 'static>(table: &Table<V>, key: &Key, call: u64) -> bool {
    table.turns().is_some_and(|turns| turns.is_foreign(key, call))
}

/// Whether any call waits for the turn of a cell, or has it.
#[inline]
pub(super) fn has_queue<V: Send + Sync + 'static>(table: &Table<V>, key: &Key) -> bool {
    table.turns().is_some_and(|turns| turns.has_queue(key))
}
