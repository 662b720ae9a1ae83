//! A request whose keys live in several tables: the one counter that crosses them.
//!
//! Such a request has a part in each table. Its parts join, and leave, with all those tables locked; in between, each
//! part becomes eligible under its own table's lock, and the last one grants. So whoever has all the tables locked
//! knows whether it is granted, and no grant can race a cancel.

use std::ops::DerefMut;

use super::lock_table::{Arrival, Entry, Placed, Span, State};
use super::{LockTable, Mode, Recipient};
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::{Key, Ticket};

/// What each part keeps of a [`Spanning`].
pub(crate) type SpanningRef = Arc<Spanning>;

/// What the parts of one request share.
pub(crate) struct Spanning {
    /// The part that keeps the recipient: the one in the first table.
    pub(crate) home: Ticket,
    /// All its keys, in key order.
    pub(crate) keys: Box<[(Key, Mode)]>,
    /// Parts that are not yet eligible.
    missing: AtomicU32,
    /// The largest clock that a part noted on becoming eligible.
    noted: AtomicU64,
    /// The fencing token, 0 until it is granted.
    token: AtomicU64,
    claimed: AtomicBool,
    abandoned: AtomicBool,
}

impl Spanning {
    pub(crate) fn new(home: Ticket, keys: Box<[(Key, Mode)]>, parts: u32) -> SpanningRef {
        Arc::new(Spanning {
            home,
            keys,
            missing: AtomicU32::new(parts),
            noted: AtomicU64::new(0),
            token: AtomicU64::new(0),
            claimed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        })
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

    pub(super) fn mark_abandoned(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
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
    arrival: Arrival<R>,
) -> (Placed, Option<R>) {
    let mut keys: Vec<_> = groups.iter().copied().flatten().map(|entry| (entry.key.clone(), entry.mode)).collect();
    keys.sort_unstable();
    let home = tables[0].next_ticket();
    let shared = Spanning::new(home, keys.into(), tables.len() as u32);
    let mut token = None;
    let mut parts = Vec::with_capacity(tables.len());
    for (table, group) in tables.iter_mut().zip(groups) {
        let slot = table.insert(arrival.origin, arrival.label.as_ref(), State::Away);
        if table.stand(group, slot) {
            token = shared.part_eligible(table.clock());
        }
        let request = &mut table.requests[slot as usize];
        request.joined = arrival.joined;
        request.order = arrival.order;
        request.more().span = Some(Span { shared: shared.clone(), parts: Box::default() });
        parts.push(table.ticket(slot));
    }
    let request = &mut tables[0].requests[home.slot as usize];
    if let Some(span) = &mut request.more().span {
        span.parts = parts.into();
    }
    let placed = Placed { ticket: home, token };
    match token {
        Some(token) => {
            request.state = State::Granted { token, claimed: true };
            shared.claim();
            (placed, Some(arrival.recipient))
        }
        None => {
            request.wait(arrival);
            (placed, None)
        }
    }
}

/// Whether a request over several tables, all locked, would be granted at once.
pub(crate) fn admits<R: Recipient, T: DerefMut<Target = LockTable<R>>>(tables: &[T], groups: &[&[Entry]]) -> bool {
    tables.iter().zip(groups).all(|(table, group)| table.admits_all(group))
}
