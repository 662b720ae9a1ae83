//! Taking a lock away while its holder runs (clause L15).
//!
//! Losing one key loses the guard; the keys that were not taken stay reserved for it until it is released. When the last
//! one is gone there is nothing left to be released, and the record goes: at once, or when its caller has seen the grant.
//!
//! The caller has locked all tables of the requests concerned; home is the first of them.

use std::ops::DerefMut;
use std::time::Duration;

use super::partial::nodes;
use super::request::{MaxHold, State};
use super::{Due, Effects, LockTable, Mode, Origin, Recipient};
use crate::signature::Signature;
use crate::{Key, Ticket};

/// Takes keys of a grant away: those named, or all. Answers whether it was held until now, and the end of its time, which
/// is to be forgotten; `None`, and nothing changed, when it holds none of them.
pub(crate) fn take_away<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
    keys: Option<&[Key]>,
    effects: &mut Effects<R>,
) -> Option<(bool, Option<Due>)> {
    let home = tables.first_mut()?;
    let slot = home.slot(*parts.first()?)?;
    let token = home.token(slot)?;
    let was_held = !home.requests[slot].is_lost();
    let taken = |key: &Key| keys.is_none_or(|keys| keys.contains(key));
    let mut nodes = nodes(tables, parts);
    let had = nodes.len();
    nodes.retain(|&(at, node)| taken(tables[at].key_of(node)));
    if nodes.is_empty() && keys.is_some() {
        return None;
    }
    let is_bare = nodes.len() == had;
    if is_bare {
        // Perhaps decided by another table and not told here yet: what would tell it finds no parts any more.
        tables[0].grant(slot, token, effects);
    }
    for (at, node) in nodes {
        tables[at].raise(token);
        tables[at].take_node(node, effects);
    }
    let home = &mut tables[0];
    let slot = home.slot(parts[0])?;
    let request = &mut home.requests[slot];
    request.mark_lost();
    let due = request.take_due();
    effects.extend(request.tell_watchers(true));
    if is_bare {
        let away = tables.iter_mut().zip(parts).skip(1);
        away.for_each(|(table, &part)| table.let_part_go(part));
        tables[0].let_bare_go(slot, effects);
    }
    Some((was_held, due))
}

impl<R: Recipient> LockTable<R> {
    /// Forgets a part away from home.
    fn let_part_go(&mut self, part: Ticket) {
        if let Some(slot) = self.slot(part) {
            self.forget(slot);
        }
    }

    /// A lost grant has no key any more, and no part elsewhere. It is forgotten, unless its caller has yet to see it.
    fn let_bare_go(&mut self, slot: u32, effects: &mut Effects<R>) {
        self.requests[slot].gather();
        if let State::Granted { claimed: true, .. } = self.requests[slot].state {
            self.forget_bare(slot, effects);
        }
    }

    /// Forgets a lost grant that has no key any more: its caller has seen it.
    pub(super) fn forget_bare(&mut self, slot: u32, effects: &mut Effects<R>) {
        let ticket = self.ticket(slot);
        effects.extend(self.requests[slot].departed(ticket));
        self.forget(slot);
    }

    /// Takes a key, exclusively, before everybody who stands in its queue. Whoever holds it is to lose it in the same step
    /// ([`take_away`]); all tables of the requests for the key are locked.
    pub(crate) fn steal(
        &mut self,
        hash: u64,
        key: &Key,
        origin: Origin,
        signature: Option<&Signature>,
    ) -> (Ticket, u64) {
        let found = self.queues.find(hash, key);
        if let Some(queue) = found {
            self.found(queue, None);
        }
        let holders = found.map(|queue| self.granted_in(queue)).unwrap_or_default();
        // Of a holder that has keys in other tables too, the token may be ahead of the clock here (clause L14).
        let largest = holders.iter().filter_map(|&holder| self.token(holder)).max();
        self.raise(largest.unwrap_or(0));
        let (slot, token) = self.insert_granted(origin, signature);
        let node = match found {
            None => self.queues.append(hash, key, Mode::Exclusive, None, slot),
            Some(queue) => {
                let LockTable { queues, requests, .. } = self;
                let put_off = |request: u32| requests[request].put_off();
                queues.prepend(queue, slot, |request| holders.contains(&request), put_off)
            }
        };
        self.requests[slot].nodes.push(node);
        (self.ticket(slot), token)
    }

    /// The records of those in a queue that are granted.
    fn granted_in(&self, queue: u32) -> Vec<u32> {
        let front = self.queues.nodes_from(self.queues.queue(queue).first).take_while(|(_, node)| node.eligible);
        front.map(|(_, node)| node.request).filter(|&request| self.token(request).is_some()).collect()
    }

    /// The grants that have a key here, each by its ticket.
    pub(crate) fn holders(&self, hash: u64, key: &Key, into: &mut Vec<Ticket>) {
        let Some(queue) = self.queues.find(hash, key) else { return };
        let queue = self.queues.queue(queue);
        if let Some(solo) = queue.solo() {
            into.extend(self.queues.find(hash, key).map(|at| self.solo_ticket(at, solo.number)));
        }
        // A thief may stand before those that it put off, and these before other holders.
        for (_, node) in self.queues.nodes_from(queue.first) {
            if self.token(node.request).is_some() {
                into.push(self.home(node.request));
            }
        }
    }

    /// Whom to tell when a grant is lost. Answers whether it is held, so that there is something to lose; what it replaces
    /// is to be dropped once everything is unlocked.
    pub(crate) fn watch(&mut self, ticket: Ticket, watcher: R) -> Result<Option<R>, R> {
        let Some(slot) = self.slot(ticket) else { return Err(watcher) };
        if self.token(slot).is_none() || self.requests[slot].is_lost() {
            return Err(watcher);
        }
        Ok(self.requests[slot].more().watcher.replace(watcher))
    }

    /// Whom else to tell when a grant is lost: a call that names it. As [`watch`](LockTable::watch), with a number by which it
    /// is known.
    pub(crate) fn watch_for_call(&mut self, ticket: Ticket, call: u64, watcher: R) -> Result<(), R> {
        let Some(slot) = self.slot(ticket) else { return Err(watcher) };
        if self.token(slot).is_none() || self.requests[slot].is_lost() {
            return Err(watcher);
        }
        self.requests[slot].more().calls.get_or_insert_default().insert(call, watcher);
        Ok(())
    }

    /// Tells a call in another way, if it is still to be told of a loss. Answers what is to be dropped once everything is
    /// unlocked.
    pub(crate) fn watch_otherwise(&mut self, ticket: Ticket, call: u64, watcher: R) -> R {
        let calls = self.slot(ticket).and_then(|slot| self.requests[slot].more().calls.as_mut());
        match calls.and_then(|calls| calls.get_mut(call)) {
            Some(old) => std::mem::replace(old, watcher),
            None => watcher,
        }
    }

    /// Whether a call is still to be told of a loss.
    pub(crate) fn is_watched_by(&mut self, ticket: Ticket, call: u64) -> bool {
        let Some(slot) = self.slot(ticket) else { return false };
        self.requests[slot].more().calls.as_ref().is_some_and(|calls| calls.get(call).is_some())
    }

    /// Tells a call no more. Answers it, to be dropped once everything is unlocked.
    pub(crate) fn unwatch_call(&mut self, ticket: Ticket, call: u64) -> Option<R> {
        let slot = self.slot(ticket)?;
        let calls = &mut self.requests[slot].more().calls;
        let call = calls.as_mut()?.remove(call);
        calls.take_if(|calls| calls.is_empty());
        call
    }

    /// A grant has been handed over. Answers how often it was, and the calls that name it, which are not to be told of its
    /// loss any more, but at once.
    pub(crate) fn note_handed(&mut self, ticket: Ticket) -> (u32, Vec<R>) {
        let Some(slot) = self.slot(ticket) else { return (0, Vec::new()) };
        let more = self.requests[slot].more();
        more.handed = more.handed.saturating_add(1);
        let calls = more.calls.take().into_iter().flat_map(|calls| calls.into_values());
        (more.handed, calls.collect())
    }

    /// How often a grant was handed over.
    pub(crate) fn times_handed(&mut self, ticket: Ticket) -> u32 {
        self.slot(ticket).map_or(0, |slot| self.requests[slot].handed())
    }

    /// Sets when a grant ends by itself. Answers whether it is held.
    pub(crate) fn set_end(&mut self, ticket: Ticket, end: Due) -> bool {
        let Some(slot) = self.slot(ticket) else { return false };
        let held = self.token(slot).is_some() && !self.requests[slot].is_lost();
        if held {
            let more = self.requests[slot].more();
            (more.due, more.ends) = (Some(end), true);
        }
        held
    }

    /// Takes out when a request that is granted would have given up waiting, and how long it may hold its keys.
    pub(crate) fn begin(&mut self, ticket: Ticket) -> (Option<Due>, Option<MaxHold>) {
        let Some(slot) = self.slot(ticket) else { return (None, None) };
        let more = self.requests[slot].more();
        match more.ends {
            true => (None, None),
            false => (more.due.take(), more.max_hold),
        }
    }

    /// When a grant ends by itself, if it is held and does.
    pub(crate) fn end(&mut self, ticket: Ticket) -> Option<Duration> {
        let slot = self.slot(ticket)?;
        self.requests[slot].end()
    }

    /// Whether a grant was lost.
    pub(crate) fn is_lost(&mut self, ticket: Ticket) -> bool {
        self.slot(ticket).is_some_and(|slot| self.requests[slot].is_lost())
    }
}
