//! What follows from a change of cells: the index while they are locked, the rest once they are unlocked.

use std::mem::take;

use smallvec::SmallVec;

use super::{Cells, Old, Watcher};
use crate::Key;
use crate::shared::{Mailbox, Shared, outcome};
use crate::sync::{Arc, Ordering};

/// What follows from a change of cells.
pub(super) struct Aftermath<V> {
    /// To be dropped once everything is unlocked.
    pub(super) values: SmallVec<[Old<V>; 1]>,
    /// To be told once everything is unlocked.
    pub(super) watchers: Vec<Arc<Watcher>>,
    /// Keys whose cells were made.
    pub(super) appeared: Vec<Key>,
    /// Keys whose cells went.
    pub(super) gone: Vec<Key>,
    /// Keys whose cells were changed and are still there, where prefixes are watched.
    pub(super) changed: Vec<Key>,
}

impl<V> Default for Aftermath<V> {
    fn default() -> Aftermath<V> {
        let (appeared, gone, changed) = Default::default();
        Aftermath { values: SmallVec::new(), watchers: Vec::new(), appeared, gone, changed }
    }
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Brings the index up to date and finds those who watch prefixes; the shards are still locked, so that nobody sees
    /// one without the other.
    #[inline]
    pub(super) fn settle(&self, after: &mut Aftermath<V>) {
        if !after.appeared.is_empty() || !after.gone.is_empty() {
            let mut index = self.index.lock();
            for key in &after.gone {
                index.remove(key);
            }
            index.extend(after.appeared.iter().cloned());
            self.generation.fetch_add(1, Ordering::Release);
        }
        // Looked at after the index was changed: whoever begins to watch sets it before looking there.
        if self.any_prefix.load(Ordering::Acquire) {
            let prefixes = self.prefixes.lock();
            for key in after.appeared.iter().chain(&after.gone).chain(&after.changed) {
                prefixes.of(key.as_bytes(), &mut after.watchers);
            }
        }
    }
}

impl<V> Aftermath<V> {
    /// Tells those who watch and those who keep time, and drops what was replaced: all of it runs the caller's code. Nothing
    /// is locked.
    #[inline]
    pub(super) fn carry_out(self, shared: &Shared, own: Option<&Mailbox>) {
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
