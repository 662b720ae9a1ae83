//! A request whose keys live in several tables: the one counter that crosses them.
//!
//! Such a request has a part in each table. Its parts join, and leave, with all those tables locked; in between, each
//! part becomes eligible under its own table's lock, and the last one grants. So whoever has all the tables locked
//! knows whether it is granted, and no grant can race a cancel.

use std::ops::DerefMut;

use super::request::State;
use super::{Arrival, Entry, LockTable, Parts, Placed, Recipient};
use crate::Ticket;
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Ordering};

/// What each part keeps of a [`Spanning`].
pub(crate) type SpanningRef = Arc<Spanning>;

/// What the parts of one request share.
pub(crate) struct Spanning {
    /// All its parts, in the order of their tables. The first one is home: it keeps the recipient.
    parts: Parts,
    /// Parts that are not yet eligible.
    missing: AtomicU32,
    /// The largest clock that a part noted on becoming eligible.
    noted: AtomicU64,
    /// The fencing token, 0 until it is granted.
    token: AtomicU64,
    claimed: AtomicBool,
    abandoned: AtomicBool,
    lost: AtomicBool,
}

impl Spanning {
    fn new(parts: Parts) -> SpanningRef {
        let missing = AtomicU32::new(parts.len() as u32);
        Spanning::build(parts, missing, 0)
    }

    /// A request that was granted at once.
    pub(super) fn granted(parts: Parts, token: u64) -> SpanningRef {
        Spanning::build(parts, AtomicU32::new(0), token)
    }

    fn build(parts: Parts, missing: AtomicU32, token: u64) -> SpanningRef {
        let claimed = AtomicBool::new(token > 0);
        let abandoned = AtomicBool::new(false);
        let lost = AtomicBool::new(false);
        let noted = AtomicU64::new(0);
        Arc::new(Spanning { parts, missing, noted, token: AtomicU64::new(token), claimed, abandoned, lost })
    }

    /// The part that keeps the recipient.
    pub(crate) fn home(&self) -> Ticket {
        self.parts[0]
    }

    pub(crate) fn parts(&self) -> &[Ticket] {
        &self.parts
    }

    /// A part became eligible in a table whose clock shows `clock`. Answers the token when it was the last one.
    pub(super) fn part_eligible(&self, clock: u64) -> Option<u64> {
        self.noted.fetch_max(clock, Ordering::AcqRel);
        if self.missing.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let token = self.noted.load(Ordering::Acquire) + 1;
        self.token.store(token, Ordering::Release);
        Some(token)
    }

    /// A part is not eligible any more; all its tables are locked, and it is not granted.
    pub(super) fn part_put_off(&self) {
        self.missing.fetch_add(1, Ordering::AcqRel);
    }

    /// The fencing token, once it is granted.
    pub(super) fn token(&self) -> Option<u64> {
        match self.token.load(Ordering::Acquire) {
            0 => None,
            token => Some(token),
        }
    }

    pub(super) fn claim(&self) {
        self.claimed.store(true, Ordering::Release);
    }

    /// Who has it now has not seen it.
    pub(super) fn unclaim(&self) {
        self.claimed.store(false, Ordering::Release);
    }

    pub(super) fn mark_abandoned(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(super) fn mark_lost(&self) {
        self.lost.store(true, Ordering::Release);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    pub(super) fn claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }
}

/// Joins several tables, all locked, in one step. `groups` are the keys for each table. Hands back the recipient, not
/// needed, when it is granted at once; such a grant is claimed.
pub(crate) fn join<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    groups: &[&[Entry]],
    arrival: Arrival<'_>,
    recipient: R,
) -> (Placed, Option<R>) {
    let parts: Parts = tables.iter().map(|table| table.next_ticket()).collect();
    let home = parts[0];
    let shared = Spanning::new(parts);
    let mut token = None;
    for (table, group) in tables.iter_mut().zip(groups) {
        let slot = table.insert(arrival.origin, arrival.signature, State::Away);
        if table.stand(group, slot) {
            token = shared.part_eligible(table.clock());
        }
        let request = &mut table.requests[slot];
        request.joined = arrival.joined;
        request.order = arrival.order;
        request.more().span = Some(shared.clone());
    }
    let request = &mut tables[0].requests[home.slot()];
    let placed = Placed { ticket: home, token };
    match token {
        Some(token) => {
            request.state = State::Granted { token, claimed: true };
            shared.claim();
            (placed, Some(recipient))
        }
        None => {
            request.wait(arrival, recipient);
            (placed, None)
        }
    }
}

/// Whether a request over several tables, all locked, would be granted at once.
pub(crate) fn admits<R: Recipient, T: DerefMut<Target = LockTable<R>>>(tables: &[T], groups: &[&[Entry]]) -> bool {
    tables.iter().zip(groups).all(|(table, group)| table.admits_all(group))
}
