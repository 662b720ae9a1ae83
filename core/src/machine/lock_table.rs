//! Requests over several keys of one table: all or nothing.
//!
//! States of a request, and what moves it:
//!
//! ```text
//! join ──► waiting ──(eligible on its last key)──► granted, unclaimed ──(seen by its caller)──► granted, claimed
//!             │                                        │                                            │
//!             └── cancel, time-out, close              └── cancel, release, close                   └── release, close
//! ```
//!
//! Invariants: a request stands in the queue of each of its keys from the step that it joins in until the step that it
//! leaves in; `missing` is the number of its nodes that are not eligible; it is granted exactly when `missing` is 0 (in
//! every table, for one that spans tables). A cancelled or failed request leaves all its queues in one step, and each of
//! them is looked at again (clause L7).
//!
//! **Numbers and tokens** (clause L14). The table has a clock, which every request and every grant moves on by one: a
//! request's number is the clock when it joined, a grant's token the clock when it became eligible. A request over
//! several tables takes its token from the largest of their clocks, and leaving raises the clocks to it. So the next
//! incompatible grant gets a larger one.
//!
//! **Solo.** A request for one key, exclusive, without a label or an owner, that is granted at once has no record here but in its
//! queue, until somebody needs one ([`LockTable::slot`]).

use super::places::Places;
use super::queue::{Node, Queues};
use super::request::{Request, State};
use super::shard_table::Lone;
use super::spanning::SpanningRef;
use super::{
    Arrival, Claimed, Effect, Effects, Entry, Mode, Numbered, Origin, Parts, Placed, Recipient, Released, Standing,
};
use crate::signature::Signature;
use crate::{Key, Ticket};

/// The last token: what JavaScript and Python can still count (clause L14).
const LAST_TOKEN: u64 = (1 << 53) - 1;

/// New requests are refused so long before the last token, so that those already queued still get theirs.
const TOKEN_RESERVE: u64 = 1 << 32;

/// The bit of a ticket's slot that says that it names a queue, by its solo holder.
pub(super) const SOLO: u32 = 1 << 31;

/// The lock queues of one shard.
pub(crate) struct LockTable<R> {
    pub(super) shard: u32,
    pub(super) queues: Queues,
    pub(super) requests: Places<Request<R>>,
    /// The records, by number, of those whose ticket names a queue that they do not stand in any more.
    strayed: Numbered<u32>,
    clock: u64,
}

impl<R: Recipient> LockTable<R> {
    /// An empty table.
    pub(super) fn new(shard: u32) -> LockTable<R> {
        LockTable {
            shard,
            queues: Queues::default(),
            requests: Places::default(),
            strayed: Numbered::default(),
            clock: 0,
        }
    }

    /// Whether the line of tokens is used up, so that nothing new may join.
    pub(crate) fn exhausted(&self) -> bool {
        exhausted(self.clock)
    }

    /// Takes in who held a key alone before there was this table, which is empty. Its number is the clock. `span` is what it
    /// shares with its parts in other tables.
    pub(super) fn admit_lone(&mut self, lone: Lone, span: Option<SpanningRef>) {
        let number = self.clock;
        let queue = self.queues.open_solo(lone.hash, &lone.key, number, lone.origin);
        if let Some(shared) = span {
            let slot = self.found(queue, None);
            if let Some(request) = slot.and_then(|slot| self.requests.get_mut(slot)) {
                request.state = match shared.home().shard() == self.shard {
                    true => State::Granted { token: number, claimed: true },
                    false => State::Away,
                };
                request.more().span = Some(shared);
            }
        }
    }

    /// Takes one key if that needs no waiting (clause L6); claims the grant.
    ///
    /// # Errors
    ///
    /// The queue in which it would have to wait.
    #[inline]
    pub(crate) fn attempt_one(
        &mut self,
        hash: u64,
        key: &Key,
        mode: Mode,
        origin: Origin,
        signature: Option<&Signature>,
    ) -> Result<(Ticket, u64), u32> {
        let found = self.queues.find(hash, key);
        if let Some(queue) = found
            && !self.queues.admits(queue, mode)
        {
            return Err(queue);
        }
        if mode == Mode::Exclusive && signature.is_none() {
            self.clock += 1;
            let queue = self.queues.open_solo(hash, key, self.clock, origin);
            return Ok((self.solo_ticket(queue, self.clock), self.clock));
        }
        let (slot, token) = self.insert_granted(origin, signature);
        let node = self.queues.append(hash, key, mode, found, slot);
        self.requests[slot].nodes.push(node);
        Ok((self.ticket(slot), token))
    }

    /// The queue in which an exclusive request for a key would have to wait.
    pub(crate) fn line(&self, hash: u64, key: &Key) -> Option<u32> {
        self.queues.find(hash, key)
    }

    /// Joins the queue in which [`attempt_one`](LockTable::attempt_one) says that it has to wait.
    #[inline]
    pub(crate) fn wait_in(&mut self, queue: u32, mode: Mode, arrival: Arrival<'_>, recipient: R) -> Ticket {
        self.found(queue, None);
        self.clock += 1;
        let (number, slot) = (self.clock, self.requests.vacant());
        let node = self.queues.append_to(queue, mode, slot);
        self.requests.insert_with(|| Request::arrived(number, node, arrival));
        self.requests[slot].state = State::Waiting(recipient);
        Ticket::new(self.shard, slot, number)
    }

    /// Takes all keys if that needs no waiting (clause L6); claims the grant.
    pub(crate) fn attempt(
        &mut self,
        entries: &[Entry],
        origin: Origin,
        signature: Option<&Signature>,
    ) -> Option<(Ticket, u64)> {
        if let [entry] = entries {
            return self.attempt_one(entry.hash, &entry.key, entry.mode, origin, signature).ok();
        }
        if !self.admits_all(entries) {
            return None;
        }
        let (slot, token) = self.insert_granted(origin, signature);
        self.stand(entries, slot);
        Some((self.ticket(slot), token))
    }

    /// Takes these keys, exclusively, if nobody stands in a queue for any of them (clause L6); claims the grant. No key
    /// comes twice.
    pub(crate) fn attempt_free<'k>(
        &mut self,
        keys: impl Iterator<Item = (u64, &'k Key)> + Clone,
        origin: Origin,
    ) -> Option<(Ticket, u64)> {
        if keys.clone().any(|(hash, key)| self.queues.find(hash, key).is_some()) {
            return None;
        }
        let (slot, token) = self.insert_granted(origin, None);
        for (hash, key) in keys {
            let node = self.queues.append(hash, key, Mode::Exclusive, None, slot);
            self.requests[slot].nodes.push(node);
        }
        Some((self.ticket(slot), token))
    }

    /// Joins all queues in one step (clause L1). Hands back the recipient, not needed, when it is granted at once; such
    /// a grant is claimed.
    pub(crate) fn join(&mut self, entries: &[Entry], arrival: Arrival<'_>, recipient: R) -> (Placed, Option<R>) {
        if let [Entry { hash, key, mode }] = entries {
            return match self.attempt_one(*hash, key, *mode, arrival.origin, arrival.signature) {
                Ok((ticket, token)) => (Placed { ticket, token: Some(token) }, Some(recipient)),
                Err(queue) => (Placed { ticket: self.wait_in(queue, *mode, arrival, recipient), token: None }, None),
            };
        }
        let slot = self.insert(arrival.origin, arrival.signature, State::Away);
        self.stand(entries, slot);
        let ticket = self.ticket(slot);
        let request = &mut self.requests[slot];
        if request.missing == 0 {
            let token = request.number;
            request.state = State::Granted { token, claimed: true };
            return (Placed { ticket, token: Some(token) }, Some(recipient));
        }
        request.wait(arrival, recipient);
        (Placed { ticket, token: None }, None)
    }

    /// Releases a solo holder, which has no effect on others. Answers whether it was one, and held.
    #[inline]
    pub(crate) fn release_solo(&mut self, ticket: Ticket) -> bool {
        ticket.slot() & SOLO != 0 && self.queues.remove_solo(ticket.slot() & !SOLO, ticket.number)
    }

    /// Releases a request that has all its keys here.
    pub(crate) fn release(&mut self, ticket: Ticket, effects: &mut Effects<R>) -> Released {
        let Some(slot) = self.slot(ticket) else { return Released::NotHeld };
        let request = &self.requests[slot];
        if request.end().is_some() {
            return Released::Ends;
        }
        if request.span().is_some() {
            return Released::Spans;
        }
        let State::Granted { token, .. } = request.state else {
            return Released::NotHeld;
        };
        if let Some(node) = request.plain_node() {
            self.raise(token);
            self.remove_node(node, effects);
            self.forget(slot);
            return Released::Done;
        }
        self.unlink(slot, Some(token), effects);
        let request = &mut self.requests[slot];
        request.tell_of_its_end(ticket, effects);
        let released = match request.is_lost() && request.nodes.is_empty() {
            true => Released::NotHeld,
            false => Released::Done,
        };
        self.forget(slot);
        released
    }

    /// Where a request stands.
    pub(crate) fn standing(&mut self, ticket: Ticket) -> Standing<'_, R> {
        let Some(slot) = self.slot(ticket) else {
            return Standing::Gone;
        };
        if self.token(slot).is_some() {
            return Standing::Granted;
        }
        match &mut self.requests[slot].state {
            State::Waiting(recipient) => Standing::Waiting(recipient),
            State::Ended(_) => Standing::Ended,
            State::Became(grant) => Standing::Became(*grant),
            State::Granted { .. } | State::Away => Standing::Gone,
        }
    }

    /// Notes that the caller has seen its grant. `None` when it is not granted. A grant among the effects is carried out by
    /// this: only its times and its recipient are left to dispose of. What has no key any more leaves with it.
    #[inline]
    pub(crate) fn claim(&mut self, ticket: Ticket, effects: &mut Effects<R>) -> Option<Claimed> {
        let slot = self.slot(ticket)?;
        if let Some(claimed) = self.requests[slot].claim_told() {
            return Some(claimed);
        }
        self.claim_untold(slot, effects)
    }

    /// As `claim`, where the record knows all about its grant and nothing else is to be done: the usual case.
    #[inline]
    pub(super) fn claim_told(&mut self, ticket: Ticket) -> Option<Claimed> {
        let request = self.requests.get_mut(ticket.slot()).filter(|request| request.number == ticket.number)?;
        request.claim_told()
    }

    /// The rest of `claim`.
    fn claim_untold(&mut self, slot: u32, effects: &mut Effects<R>) -> Option<Claimed> {
        let token = self.token(slot)?;
        self.grant(slot, token, effects);
        let request = &mut self.requests[slot];
        if let State::Granted { claimed, .. } = &mut request.state {
            *claimed = true;
        }
        if let Some(span) = request.span() {
            span.claim();
        }
        let abandoned = request.is_abandoned();
        if request.is_bare() {
            // Lost before anybody saw it: nothing is left to be released.
            self.forget_bare(slot, effects);
        }
        Some(Claimed { token, abandoned })
    }

    /// Hands out the error that a request ended with, and forgets the request.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<crate::Error> {
        let slot = self.slot(ticket)?;
        let request = &mut self.requests[slot];
        if !matches!(request.state, State::Ended(_)) {
            return None;
        }
        let ended = std::mem::replace(&mut request.state, State::Away);
        self.forget(slot);
        match ended {
            State::Ended(error) => Some(error),
            _ => None,
        }
    }

    /// Forgets a request that became another one's grant, which it names.
    pub(crate) fn collect_grant(&mut self, ticket: Ticket) -> Option<Ticket> {
        let slot = self.slot(ticket)?;
        let State::Became(grant) = self.requests[slot].state else { return None };
        self.forget(slot);
        Some(grant)
    }

    /// Carries out [`Effect::GrantedElsewhere`] at home. `None` when the request has left or claimed it meanwhile.
    pub(crate) fn deliver(&mut self, ticket: Ticket) -> Option<Effect<R>> {
        let mut effects = Effects::new();
        let slot = self.slot(ticket)?;
        let token = self.token(slot)?;
        self.grant(slot, token, &mut effects);
        effects.take_sole()
    }

    /// The fencing token of a request, if it stands here and is granted.
    pub(crate) fn token_of(&mut self, ticket: Ticket) -> Option<u64> {
        let slot = self.slot(ticket)?;
        self.token(slot)
    }

    /// The order in which a request began to wait.
    pub(crate) fn order(&mut self, ticket: Ticket) -> u64 {
        self.slot(ticket).map_or(0, |slot| self.requests[slot].order)
    }

    /// All parts of a request, in the order of their tables. Empty when it is gone.
    pub(crate) fn parts(&mut self, ticket: Ticket) -> Parts {
        match self.slot(ticket).map(|slot| self.requests[slot].span()) {
            None => Parts::new(),
            Some(None) => Parts::from_slice(&[ticket]),
            Some(Some(span)) => Parts::from_slice(span.parts()),
        }
    }

    /// The fencing token of a request, if it is granted.
    #[inline]
    pub(super) fn token(&self, slot: u32) -> Option<u64> {
        let request = &self.requests[slot];
        match (&request.state, request.span()) {
            (State::Granted { token, .. }, _) => Some(*token),
            (_, Some(span)) => span.token(),
            _ => None,
        }
    }

    /// The place of a request's record, if the ticket still names it. A solo holder is given one.
    #[inline]
    pub(super) fn slot(&mut self, ticket: Ticket) -> Option<u32> {
        if ticket.shard() != self.shard {
            return None;
        }
        let slot = match ticket.slot() & SOLO {
            0 => ticket.slot(),
            _ => self.slot_of_solo(ticket)?,
        };
        let request = self.requests.get(slot)?;
        (request.number == ticket.number).then_some(slot)
    }

    /// The place that is named by the queue of who was its solo holder.
    fn slot_of_solo(&mut self, ticket: Ticket) -> Option<u32> {
        let queue = ticket.slot() & !SOLO;
        self.found(queue, Some(ticket.number));
        self.queues.founded(queue, ticket.number).or_else(|| self.strayed.get(ticket.number).copied())
    }

    pub(super) fn ticket(&self, slot: u32) -> Ticket {
        Ticket::new(self.shard, slot, self.requests[slot].number)
    }

    /// The ticket of a request of which this is a part.
    pub(super) fn home(&self, slot: u32) -> Ticket {
        match self.requests[slot].span() {
            Some(span) => span.home(),
            None => self.ticket(slot),
        }
    }

    /// The ticket of a solo holder: its slot names the queue.
    pub(super) fn solo_ticket(&self, queue: u32, number: u64) -> Ticket {
        Ticket::new(self.shard, queue | SOLO, number)
    }

    pub(super) fn clock(&self) -> u64 {
        self.clock
    }

    pub(super) fn raise(&mut self, clock: u64) {
        self.clock = self.clock.max(clock);
    }

    /// The ticket that the next request will get.
    pub(super) fn next_ticket(&self) -> Ticket {
        Ticket::new(self.shard, self.requests.vacant(), self.clock + 1)
    }

    /// Gives the solo holder of a queue, if it has one, a record and a node.
    pub(super) fn found(&mut self, queue: u32, number: Option<u64>) -> Option<u32> {
        let solo = self.queues.solo(queue)?;
        if number.is_some_and(|number| number != solo.number) {
            return None;
        }
        let state = State::Granted { token: solo.number, claimed: true };
        let mut record = Request::new(solo.number, solo.origin, state);
        let slot = self.requests.vacant();
        record.nodes.push(self.queues.found(queue, slot));
        self.requests.insert(record);
        Some(slot)
    }

    pub(super) fn admits_all(&self, entries: &[Entry]) -> bool {
        entries.iter().all(|entry| {
            let found = self.queues.find(entry.hash, &entry.key);
            found.is_none_or(|queue| self.queues.admits(queue, entry.mode))
        })
    }

    /// A record for a new request. Its number is the clock.
    pub(super) fn insert(&mut self, origin: Origin, signature: Option<&Signature>, state: State<R>) -> u32 {
        self.clock += 1;
        let mut request = Request::new(self.clock, origin, state);
        request.sign(signature);
        self.requests.insert(request)
    }

    /// A record for a request that is granted at once: its number is its token.
    pub(super) fn insert_granted(&mut self, origin: Origin, signature: Option<&Signature>) -> (u32, u64) {
        let token = self.clock + 1;
        (self.insert(origin, signature, State::Granted { token, claimed: true }), token)
    }

    /// Whether a request for one of these keys would stand behind so many that stand behind others themselves.
    pub(crate) fn is_full(&self, entries: &[Entry], limit: usize) -> bool {
        entries.iter().any(|entry| {
            let found = self.queues.find(entry.hash, &entry.key);
            found.is_some_and(|queue| {
                !self.queues.admits(queue, entry.mode) && self.queues.queue(queue).waiting as usize >= limit
            })
        })
    }

    /// Puts a request into the queues of its keys. Answers whether it is eligible on all of them.
    pub(super) fn stand(&mut self, entries: &[Entry], slot: u32) -> bool {
        self.requests[slot].nodes.reserve(entries.len());
        for Entry { hash, key, mode } in entries {
            let found = self.queues.find(*hash, key);
            if let Some(queue) = found {
                self.found(queue, None);
            }
            let node = self.queues.append(*hash, key, *mode, found, slot);
            let request = &mut self.requests[slot];
            request.nodes.push(node);
            request.missing += u32::from(!self.queues.node(node).eligible);
        }
        self.requests[slot].missing == 0
    }

    /// Takes a request out of its queues, and raises the clock to the token that it held.
    #[inline]
    pub(super) fn unlink(&mut self, slot: u32, token: Option<u64>, effects: &mut Effects<R>) {
        self.raise(token.unwrap_or(0));
        for at in 0..self.requests[slot].nodes.len() {
            self.remove_node(self.requests[slot].nodes[at], effects);
        }
    }

    /// Takes a node out of its queue.
    #[inline]
    pub(super) fn remove_node(&mut self, node: u32, effects: &mut Effects<R>) {
        let LockTable { shard, queues, requests, clock, .. } = self;
        queues.remove(node, |admitted| admit(*shard, requests, clock, admitted, effects));
    }

    /// Makes the node of an exclusive holder a shared one.
    pub(super) fn share_node(&mut self, node: u32, effects: &mut Effects<R>) {
        let LockTable { shard, queues, requests, clock, .. } = self;
        queues.share(node, |admitted| admit(*shard, requests, clock, admitted, effects));
    }

    /// Tells every request that is queued for what a holder has that it went away without a word.
    pub(super) fn mark_abandoned(&mut self, slot: u32) {
        for at in 0..self.requests[slot].nodes.len() {
            let queue = self.queues.node(self.requests[slot].nodes[at]).queue;
            // Each request that joins, and each grant, moves the clock: who was told by another holder at this time need
            // not be told again.
            if !self.queues.mark(queue, self.clock) {
                continue;
            }
            let first = self.queues.queue(queue).first;
            let queued: Vec<u32> = self.queues.nodes_from(first).map(|(_, node)| node.request).collect();
            for other in queued {
                if self.token(other).is_none() {
                    self.requests[other].mark_abandoned();
                }
            }
        }
    }

    /// Drops the record of a request; it stands in no queue any more.
    #[inline]
    pub(super) fn forget(&mut self, slot: u32) {
        if !self.strayed.is_empty() {
            self.strayed.remove(self.requests[slot].number);
        }
        self.requests.discard(slot);
    }

    /// Takes a node out of its queue whose request stays.
    pub(super) fn take_node(&mut self, node: u32, effects: &mut Effects<R>) {
        let &Node { request: slot, queue, .. } = self.queues.node(node);
        let request = &mut self.requests[slot];
        request.nodes.retain(|other| *other != node);
        if self.queues.founded(queue, request.number).is_some() {
            self.strayed.insert(request.number, slot);
        }
        self.remove_node(node, effects);
    }

    /// How many requests and keys there is room for.
    pub(super) fn room(&self) -> usize {
        self.queues.room().max(self.requests.room())
    }

    /// Makes a waiting request a granted one, unless it is one already.
    #[inline]
    pub(super) fn grant(&mut self, slot: u32, token: u64, effects: &mut Effects<R>) {
        grant(self.shard, slot, &mut self.requests[slot], token, effects);
    }

    /// How many requests whose home is here there is something kept of.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let records = self.requests.iter().filter(|(_, request)| !matches!(request.state, State::Away));
        let solo = self.queues.iter().filter(|&queue| self.queues.queue(queue).solo().is_some());
        records.count() + solo.count()
    }

    /// Whether nobody holds, nobody waits, and nobody has an outcome to collect.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.requests.is_empty()
    }
}

/// Whether the line of tokens is used up where the clock shows this.
pub(crate) fn exhausted(clock: u64) -> bool {
    clock > LAST_TOKEN - TOKEN_RESERVE
}

/// A node of a request became eligible: the last one grants.
fn admit<R>(shard: u32, requests: &mut Places<Request<R>>, clock: &mut u64, slot: u32, effects: &mut Effects<R>) {
    let request = &mut requests[slot];
    request.missing -= 1;
    if request.missing > 0 {
        return;
    }
    let token = match request.span() {
        None => *clock + 1,
        Some(span) => match span.part_eligible(*clock) {
            None => return,
            Some(_) if matches!(request.state, State::Away) => {
                effects.push(Effect::GrantedElsewhere(span.home()));
                return;
            }
            Some(token) => token,
        },
    };
    *clock = token.max(*clock);
    grant(shard, slot, request, token, effects);
}

#[inline]
fn grant<R>(shard: u32, slot: u32, request: &mut Request<R>, token: u64, effects: &mut Effects<R>) {
    if !matches!(request.state, State::Waiting(_)) {
        return;
    }
    let ticket = Ticket::new(shard, slot, request.number);
    let (timed, abandoned) = (request.is_timed(), request.is_abandoned());
    if let State::Waiting(recipient) = std::mem::replace(&mut request.state, State::Granted { token, claimed: false }) {
        effects.push_with(|| Effect::Granted { ticket, recipient, token, abandoned, timed });
    }
}
