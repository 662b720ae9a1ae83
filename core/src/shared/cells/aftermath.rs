//! What follows from a change of cells: the index while they are locked, the rest once they are unlocked.

use std::collections::BTreeMap;
use std::mem::take;

use smallvec::SmallVec;

use super::{Cells, Old, Watcher};
use crate::Key;
use crate::shared::{Mailbox, Shared, outcome};
use crate::sync::{Arc, Ordering};

/// What follows from a change of cells.
pub(crate) struct Aftermath<V> {
    /// To be dropped once everything is unlocked.
    pub(super) values: SmallVec<[Old<V>; 2]>,
    /// To be told once everything is unlocked, each once: by their numbers.
    pub(super) watchers: BTreeMap<u64, Arc<Watcher>>,
    /// Keys whose cells were made, and (`false`) whose cells went, in the order in which that was.
    pub(super) moved: Vec<(Key, bool)>,
    /// Keys whose cells were changed and are still there, where prefixes are watched.
    pub(super) changed: Vec<Key>,
}

impl<V> Default for Aftermath<V> {
    fn default() -> Aftermath<V> {
        Aftermath { values: SmallVec::new(), watchers: BTreeMap::new(), moved: Vec::new(), changed: Vec::new() }
    }
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Brings the index up to date and finds those who watch prefixes; the shards are still locked, so that nobody sees
    /// one without the other.
    #[inline]
    pub(super) fn settle(&self, after: &mut Aftermath<V>) {
        if !after.moved.is_empty() {
            let mut index = self.index.lock();
            for (key, is_there) in &after.moved {
                match is_there {
                    true => index.insert(key.clone()),
                    false => index.remove(key),
                };
            }
            self.generation.fetch_add(1, Ordering::Release);
        }
        // Looked at after the index was changed: whoever begins to watch sets it before looking there.
        if self.any_prefix.load(Ordering::Acquire) {
            let prefixes = self.prefixes.lock();
            let keys = after.moved.iter().map(|(key, _)| key).chain(&after.changed);
            prefixes.of_all(keys.map(Key::as_bytes), &mut after.watchers);
        }
    }
}

impl<V> Aftermath<V> {
    /// Tells those who watch and those who keep time, and drops what was replaced: all of it runs the caller's code. Nothing
    /// is locked.
    #[inline]
    pub(crate) fn carry_out(self, shared: &Shared, own: Option<&Mailbox>) {
        if self.watchers.is_empty() && !shared.timers.is_sooner() {
            return;
        }
        let Aftermath { mut values, mut watchers, .. } = self;
        let mut tell = || Watcher::tell_all(take(&mut watchers), own);
        let mut let_go = || drop(take(&mut values));
        let calls: [&mut dyn FnMut(); 3] = [&mut tell, &mut || shared.timers.wake_if_sooner(), &mut let_go];
        outcome::in_turn(calls.into_iter().map(|call| move || call()));
    }
}
