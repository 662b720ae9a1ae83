//! Grants that a test keeps back between the table that decided them and their own.
//!
//! In a running space others can do anything in between; here a search decides what.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{Shared, outcome};
use crate::Ticket;
use crate::machine::Effects;

thread_local! {
    /// What is kept back on this thread, oldest first; `None` where nothing is.
    static KEPT: RefCell<Option<VecDeque<Ticket>>> = const { RefCell::new(None) };
}

/// Begins anew to keep grants back on this thread, or ends it.
pub(crate) fn hold_back(late: bool) {
    KEPT.set(late.then(VecDeque::new));
}

/// Keeps a grant back, where this thread does that.
pub(super) fn keeps(ticket: Ticket) -> bool {
    KEPT.with_borrow_mut(|kept| kept.as_mut().map(|kept| kept.push_back(ticket)).is_some())
}

/// What is kept back.
pub(crate) fn kept() -> Vec<Ticket> {
    KEPT.with_borrow(|kept| kept.iter().flatten().copied().collect())
}

/// Delivers the oldest grant whose request still waits to be told.
pub(crate) fn deliver(shared: &Shared) {
    while let Some(ticket) = KEPT.with_borrow_mut(|kept| kept.as_mut()?.pop_front()) {
        let delivered = shared.shard(ticket).lock_table().deliver(ticket);
        if let Some(effect) = delivered {
            let mut effects: Effects<_> = Effects::new();
            effects.push(effect);
            return outcome::carry_out(shared.shards[0].weak_space(), effects, None);
        }
    }
}

impl Shared {
    /// The token of a grant, told or not.
    pub(crate) fn token_of(&self, ticket: Ticket) -> Option<u64> {
        self.shard(ticket).lock_table().token_of(ticket)
    }

    /// How many requests there is something kept of.
    pub(crate) fn kept(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().kept()).sum()
    }
}
