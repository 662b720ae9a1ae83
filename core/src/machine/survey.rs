//! What a query sees: who holds, who waits, at what position, for whom (clause L16).
//!
//! Looking changes nothing. A caller that wants one instant has the tables locked together.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::queue::{NIL, Queue};
use super::request::State;
use super::{LockTable, Mode, Numbered, Parts, Recipient, sort_by};
use crate::error::TimedOut;
use crate::signature::{OwnerName, Signature};
use crate::{Blocker, Error, Hold, Key, Query, Ticket, Wait};

/// At most so many blockers are named for one key.
const BLOCKERS: usize = 16;

/// A time-out counts its position up to so far.
const LAST_POSITION: usize = 1_000;

/// A query in the making: look at each table, name the keys, then finish.
#[derive(Default)]
pub(crate) struct Survey {
    rows: Numbered<Row>,
}

#[derive(Default)]
struct Row {
    /// The records of the request.
    parts: Parts,
    keys: Vec<Key>,
    shared: Vec<Key>,
    signature: Signature,
    token: Option<u64>,
    claimed: bool,
    joined: Option<Duration>,
    order: u64,
    /// When the first of those who wait for this hold began to.
    awaited: Option<Duration>,
    position: usize,
    blocked_by: Vec<Blocker>,
}

impl Survey {
    /// Looks at the queue of one key.
    pub(crate) fn look_at<R: Recipient>(&mut self, table: &LockTable<R>, hash: u64, key: &Key) {
        if let Some(queue) = table.queues.find(hash, key) {
            self.look_at_queue(table, queue);
        }
    }

    /// Looks at every queue of a table.
    pub(crate) fn look_at_all<R: Recipient>(&mut self, table: &LockTable<R>) {
        for queue in table.queues.iter() {
            self.look_at_queue(table, queue);
        }
    }

    /// Names the keys of all requests that were seen. The tables are all those of these requests, in ascending order, each
    /// with its number.
    pub(crate) fn name_keys<R: Recipient, T: DerefMut<Target = LockTable<R>>>(&mut self, tables: &mut [(usize, T)]) {
        for row in self.rows.values_mut() {
            for part in &row.parts {
                let found = tables.binary_search_by_key(&(part.shard() as usize), |(number, _)| *number);
                let Ok((_, table)) = found.map(|at| &mut tables[at]) else { continue };
                let Some(slot) = table.slot(*part) else { continue };
                for &node in &table.requests[slot].nodes {
                    match table.mode_of(node) {
                        Mode::Exclusive => row.keys.push(table.key_of(node).clone()),
                        Mode::Shared => row.shared.push(table.key_of(node).clone()),
                    }
                }
            }
            sort_by(&mut row.keys, Key::cmp);
            sort_by(&mut row.shared, Key::cmp);
        }
    }

    /// What was seen. `now` is the time at which the tables were looked at.
    pub(crate) fn finish(self, now: Option<Duration>) -> Query {
        let since = |from: Option<Duration>| Some(now?.saturating_sub(from?));
        let mut query = Query::default();
        let mut waiting = Vec::new();
        for row in self.rows.into_values() {
            let Row { keys, shared, claimed, position, blocked_by, .. } = row;
            let Signature { label, owner } = row.signature;
            let owner = owner.map(|owner| owner.name);
            match row.token {
                Some(token) => {
                    query.held.push(Hold { keys, shared, token, owner, label, age: since(row.awaited), claimed });
                }
                None => {
                    let wait = Wait { keys, shared, owner, label, age: since(row.joined), position, blocked_by };
                    waiting.push((row.order, wait));
                }
            }
        }
        sort_by(&mut query.held, |a, b| (&a.keys, &a.shared, a.token).cmp(&(&b.keys, &b.shared, b.token)));
        sort_by(&mut waiting, |(a, _), (b, _)| a.cmp(b));
        query.pending = waiting.into_iter().map(|(_, wait)| wait).collect();
        query
    }

    fn look_at_queue<R: Recipient>(&mut self, table: &LockTable<R>, at: u32) {
        let queue = table.queues.queue(at);
        if let Some(solo) = queue.solo() {
            let row = self.rows.get_or_insert_with(table.solo_ticket(at, solo.number), Row::default);
            row.keys.push(queue.key.clone());
            row.token = Some(solo.number);
            row.claimed = true;
            return;
        }
        let awaited = match queue.first_waiting {
            NIL => None,
            node => table.requests[table.queues.node(node).request].joined,
        };
        let mut waiting = 0;
        for (_, node) in table.queues.nodes_from(queue.first) {
            let row = self.rows.get_or_insert_with(table.home(node.request), || row(table, node.request));
            if row.token.is_some() {
                row.awaited = [row.awaited, awaited].into_iter().flatten().min();
                continue;
            }
            waiting += 1;
            row.position = row.position.max(waiting);
            if !node.eligible {
                add_blockers(table, queue, node.mode, &mut row.blocked_by);
            }
        }
    }
}

impl<R: Recipient> LockTable<R> {
    /// Appends the tables in which a request for a key has a part.
    pub(crate) fn spanned(&self, hash: u64, key: &Key, into: &mut Vec<usize>) {
        let Some(queue) = self.queues.find(hash, key) else { return };
        for (_, node) in self.queues.nodes_from(self.queues.queue(queue).first) {
            if let Some(span) = self.requests[node.request].span() {
                into.extend(span.parts().iter().map(|part| part.shard() as usize));
            }
        }
    }
}

/// The error of a request that has waited until its deadline; it still stands in its queues.
pub(super) fn time_out<R: Recipient, T: Deref<Target = LockTable<R>>>(
    tables: &[T],
    parts: &[Ticket],
    now: Option<Duration>,
) -> Error {
    let request = &tables[0].requests[parts[0].slot()];
    let mut keys = Vec::new();
    let waited = now.zip(request.joined).map(|(now, joined)| now.saturating_sub(joined));
    let mut blocked_by = Vec::new();
    let mut position = 1;
    for (table, part) in tables.iter().zip(parts) {
        for &own in &table.requests[part.slot()].nodes {
            let node = table.queues.node(own);
            let queue = table.queues.queue(node.queue);
            keys.push(queue.key.clone());
            if !node.eligible {
                add_blockers(table, queue, node.mode, &mut blocked_by);
            }
            position = position.max(1 + waiting_ahead(table, queue, own));
        }
    }
    sort_by(&mut keys, Key::cmp);
    let label = request.signature().and_then(|signature| signature.label.clone());
    Error::timeout(TimedOut { keys, label, waited, position, blocked_by })
}

/// How many requests wait before a node in its queue. Of the front, which holds or is reserved, only a first few are
/// looked at: they are the only ones there if they wait at all, unless many shared requests wait for other keys.
fn waiting_ahead<R: Recipient>(table: &LockTable<R>, queue: &Queue, own: u32) -> usize {
    let ahead = |from: u32| table.queues.nodes_from(from).take_while(move |&(at, _)| at != own);
    let front = ahead(queue.first).take_while(|&(at, _)| at != queue.first_waiting).take(BLOCKERS);
    let reserved = front.filter(|(_, node)| table.token(node.request).is_none()).count();
    let behind = match table.queues.node(own).eligible {
        true => 0,
        false => ahead(queue.first_waiting).take(LAST_POSITION - 1).count(),
    };
    (reserved + behind).min(LAST_POSITION - 1)
}

/// Who stands in the way of a request for a key that is not eligible: those at the front of the queue, or, when it could
/// share with them, the exclusive request that waits in between.
fn add_blockers<R: Recipient>(table: &LockTable<R>, queue: &Queue, mode: Mode, into: &mut Vec<Blocker>) {
    let shares = mode == Mode::Shared && queue.mode == Mode::Shared;
    let (first, count) = if shares { (queue.first_waiting, 1) } else { (queue.first, BLOCKERS) };
    let front = table.queues.nodes_from(first).take_while(|&(at, _)| shares || at != queue.first_waiting).take(count);
    into.extend(front.map(|(_, node)| {
        let request = &table.requests[node.request];
        let owner: Option<OwnerName> = request.owner().map(|owner| owner.name.clone());
        let label = request.signature().and_then(|signature| signature.label.clone());
        Blocker { key: queue.key.clone(), owner, label, token: table.token(node.request) }
    }));
}

fn row<R: Recipient>(table: &LockTable<R>, slot: u32) -> Row {
    let request = &table.requests[slot];
    Row {
        parts: match request.span() {
            Some(span) => Parts::from_slice(span.parts()),
            None => Parts::from_slice(&[table.ticket(slot)]),
        },
        signature: request.signature().cloned().unwrap_or_default(),
        token: table.token(slot),
        claimed: match (request.span(), &request.state) {
            (Some(span), _) => span.claimed(),
            (None, State::Granted { claimed, .. }) => *claimed,
            (None, _) => false,
        },
        joined: request.joined,
        order: request.order,
        ..Row::default()
    }
}
