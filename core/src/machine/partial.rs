//! A holder that gives up some of its keys, or the exclusiveness of some (clause L9).
//!
//! The caller has locked all tables of the request; home is the first of them.

use std::ops::DerefMut;

use smallvec::SmallVec;

use super::leave::{Leave, leave};
use super::{Due, Effects, LockTable, Mode, Recipient, sort_by};
use crate::{Key, Ticket};

/// The keys of a request, each with its mode.
pub(crate) type KeySet = SmallVec<[(Key, Mode); 4]>;

/// What a holder gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUp {
    /// The keys.
    Keys,
    /// That nobody else holds them.
    Exclusiveness,
}

/// Gives up some keys of a request, or all, or their exclusiveness. Answers the deadline to be forgotten, if the request left.
///
/// # Errors
///
/// The keys that are not held; then nothing has changed.
pub(crate) fn give_up<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
    keys: Option<&[Key]>,
    what: GiveUp,
    effects: &mut Effects<R>,
) -> Result<Option<Due>, Vec<Key>> {
    let mut missing: Vec<Key> = keys.unwrap_or_default().to_vec();
    let Some(token) = granted_token(tables, parts) else { return Err(missing) };
    let named = |key: &Key| keys.is_none_or(|keys| keys.contains(key));
    let nodes = nodes(tables, parts);
    let given: Vec<_> = nodes.iter().copied().filter(|&(at, node)| named(tables[at].key_of(node))).collect();
    missing.retain(|key| given.iter().all(|&(at, node)| tables[at].key_of(node) != key));
    if !missing.is_empty() {
        return Err(missing);
    }
    if what == GiveUp::Keys && given.len() == nodes.len() {
        return Ok(leave(tables, parts, Leave::Release, effects).and_then(|left| left.due));
    }
    for (at, node) in given {
        tables[at].raise(token);
        tables[at].give_up_node(node, what, effects);
    }
    Ok(None)
}

/// Whether a request is granted, not lost, and holds all these keys.
pub(crate) fn holds<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
    keys: &[Key],
) -> bool {
    if granted_token(tables, parts).is_none() {
        return false;
    }
    let nodes = nodes(tables, parts);
    keys.iter().all(|key| nodes.iter().any(|&(at, node)| tables[at].key_of(node) == key))
}

/// The token of a request that is granted and not lost.
fn granted_token<R: Recipient, T: DerefMut<Target = LockTable<R>>>(tables: &mut [T], parts: &[Ticket]) -> Option<u64> {
    let home = tables.first_mut()?;
    let slot = home.slot(*parts.first()?)?;
    home.token(slot).filter(|_| !home.requests[slot].is_lost())
}

/// The nodes of a request, each with the place of its table.
pub(super) fn nodes<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
) -> Vec<(usize, u32)> {
    let mut nodes = Vec::new();
    for (at, (table, part)) in tables.iter_mut().zip(parts).enumerate() {
        if let Some(slot) = table.slot(*part) {
            nodes.extend(table.requests[slot].nodes.iter().map(|&node| (at, node)));
        }
    }
    nodes
}

/// The keys of a request, each with its mode, in key order.
pub(crate) fn keys_of<R: Recipient, T: DerefMut<Target = LockTable<R>>>(tables: &mut [T], parts: &[Ticket]) -> KeySet {
    let nodes = nodes(tables, parts).into_iter();
    let mut keys: KeySet =
        nodes.map(|(at, node)| (tables[at].key_of(node).clone(), tables[at].mode_of(node))).collect();
    sort_by(&mut keys, |(a, _), (b, _)| a.cmp(b));
    keys
}

impl<R: Recipient> LockTable<R> {
    pub(super) fn key_of(&self, node: u32) -> &Key {
        &self.queues.queue(self.queues.node(node).queue).key
    }

    pub(super) fn mode_of(&self, node: u32) -> Mode {
        self.queues.node(node).mode
    }

    fn give_up_node(&mut self, node: u32, what: GiveUp, effects: &mut Effects<R>) {
        match what {
            GiveUp::Keys => self.take_node(node, effects),
            GiveUp::Exclusiveness if self.queues.node(node).mode == Mode::Exclusive => self.share_node(node, effects),
            GiveUp::Exclusiveness => {}
        }
    }
}
