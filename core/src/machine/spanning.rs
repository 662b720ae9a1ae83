//! A request whose keys live in several tables: the one counter that crosses them.
//!
//! Such a request has a part in each table. Its parts join, and leave, with all those tables locked; in between, each
//! part becomes eligible under its own table's lock, and the last one grants. So whoever has all the tables locked
//! knows whether it is granted, and no grant can race a cancel.

use std::ops::DerefMut;

use smallvec::SmallVec;

use super::request::State;
use super::{Arrival, Entry, LockTable, Mode, Origin, Parts, Placed, Recipient, ShardTable};
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::{Key, Ticket};

/// What each part keeps of a [`Spanning`].
pub(crate) type SpanningRef = Arc<Spanning>;

/// The keys of a request, each with its mode.
pub(crate) type KeySet = SmallVec<[(Key, Mode); 4]>;

/// What the parts of one request share.
pub(crate) struct Spanning {
    /// All its parts, in the order of their tables. The first one is home: it keeps the recipient.
    parts: Parts,
    /// All its keys.
    keys: KeySet,
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
    fn new(parts: Parts, keys: KeySet) -> SpanningRef {
        let missing = AtomicU32::new(parts.len() as u32);
        Spanning::build(parts, keys, missing, 0)
    }

    /// A request that is granted at once.
    fn granted(parts: Parts, keys: KeySet, token: u64) -> SpanningRef {
        Spanning::build(parts, keys, AtomicU32::new(0), token)
    }

    fn build(parts: Parts, keys: KeySet, missing: AtomicU32, token: u64) -> SpanningRef {
        let claimed = AtomicBool::new(token > 0);
        let abandoned = AtomicBool::new(false);
        let lost = AtomicBool::new(false);
        let noted = AtomicU64::new(0);
        Arc::new(Spanning { parts, keys, missing, noted, token: AtomicU64::new(token), claimed, abandoned, lost })
    }

    /// The part that keeps the recipient.
    pub(crate) fn home(&self) -> Ticket {
        self.parts[0]
    }

    pub(crate) fn parts(&self) -> &[Ticket] {
        &self.parts
    }

    pub(crate) fn keys(&self) -> &[(Key, Mode)] {
        &self.keys
    }

    /// The same request, granted, with what `change` makes of its keys. It takes the place of this one in all parts at
    /// once, while all tables are locked.
    pub(super) fn with_keys(&self, change: impl FnMut(&(Key, Mode)) -> Option<(Key, Mode)>) -> SpanningRef {
        let keys = self.keys.iter().filter_map(change).collect();
        let token = self.token().unwrap_or(0);
        let changed = Spanning::build(self.parts.clone(), keys, AtomicU32::new(0), token);
        changed.claimed.store(self.claimed(), Ordering::Release);
        changed.abandoned.store(self.is_abandoned(), Ordering::Release);
        changed.lost.store(self.is_lost(), Ordering::Release);
        changed
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
    let keys = groups.iter().copied().flatten().map(|entry| (entry.key.clone(), entry.mode)).collect();
    let parts: Parts = tables.iter().map(|table| table.next_ticket()).collect();
    let home = parts[0];
    let shared = Spanning::new(parts, keys);
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

/// Takes one key in each of several tables, all locked, if they are vacant; claims the grant. The keys are in the order of
/// their tables.
pub(crate) fn attempt_vacant<'k, R: Recipient, T: DerefMut<Target = ShardTable<R>>>(
    tables: &mut [T],
    keys: impl Iterator<Item = (u64, &'k Key)> + Clone,
    origin: Origin,
) -> Option<(Ticket, u64)> {
    if !tables.iter().all(|table| table.is_vacant()) {
        return None;
    }
    let token = 1 + tables.iter().map(|table| table.clock()).max()?;
    let parts: Parts = tables.iter().map(|table| table.lone_ticket(token)).collect();
    let home = parts[0];
    let set = keys.clone().map(|(_, key)| (key.clone(), Mode::Exclusive)).collect();
    let shared = Spanning::granted(parts, set, token);
    let mut shared = Some(shared);
    let last = tables.len() - 1;
    for (at, (table, (hash, key))) in tables.iter_mut().zip(keys).enumerate() {
        // The last one gets ours: a count less to go up and down.
        let shared = if at == last { shared.take() } else { shared.clone() };
        table.take_in(hash, key, origin, token, shared);
    }
    Some((home, token))
}

/// Releases a request whose parts are all lone holders of their tables, which are all locked. `None`, and nothing changed,
/// when they are not. What it answers, what they share, is to be dropped once everything is unlocked.
pub(crate) fn release_lone<R: Recipient, T: DerefMut<Target = ShardTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
) -> Option<SpanningRef> {
    let lone = tables.iter().zip(parts).all(|(table, &part)| table.is_lone(part) == Some(true));
    match lone {
        true => tables.iter_mut().filter_map(|table| table.take_out()).last(),
        false => None,
    }
}

/// Whether a request over several tables, all locked, would be granted at once.
pub(crate) fn admits<R: Recipient, T: DerefMut<Target = LockTable<R>>>(tables: &[T], groups: &[&[Entry]]) -> bool {
    tables.iter().zip(groups).all(|(table, group)| table.admits_all(group))
}
