//! Whoever watches cells, and how they are told that something has changed.
//!
//! A watcher keeps no state of the cells: it is told that there is something to look at, once, and whoever it tells reads
//! what is there then. So a slow reader costs nothing, misses intermediate states only, and never the last.

use std::collections::BTreeMap;

use super::Cells;
use crate::machine::hash;
use crate::port::Settled;
use crate::shared::{Mailbox, Recipient, Shared, outcome};
use crate::sync::{Arc, Mutex, Ordering};
use crate::{Key, KeyRange};

/// Somebody who watches.
pub(crate) struct Watcher(Mutex<Waits>);

struct Waits {
    /// Something has changed since it was last looked at.
    changed: bool,
    /// Whom to tell of the next change.
    recipient: Option<Recipient>,
}

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) enum Watched {
    Keys(Vec<Key>),
    Range(KeyRange),
}

/// A watcher that is noted with what it watches. It must be given to [`Cells::unsubscribe`].
pub(crate) struct Subscription {
    number: u64,
    pub(crate) watcher: Arc<Watcher>,
}

impl Watcher {
    /// Asks to be told of the next change. Answers whether there was one already since the last look.
    pub(crate) fn arm(&self, recipient: Recipient) -> bool {
        let (old, changed) = {
            let mut waits = self.0.lock();
            (waits.recipient.replace(recipient), std::mem::take(&mut waits.changed))
        };
        drop(old);
        changed
    }

    /// Notes that there is something to look at. Answers whether there was before.
    fn note_change(&self) -> bool {
        std::mem::replace(&mut self.0.lock().changed, true)
    }

    /// Tells nobody of the next change, until somebody asks again.
    pub(crate) fn disarm(&self) {
        let old = self.0.lock().recipient.take();
        drop(old);
    }

    /// Tells all of them. Nothing is locked.
    pub(super) fn tell_all(watchers: BTreeMap<u64, Arc<Watcher>>, own: Option<&Mailbox>) {
        outcome::in_turn(watchers.into_values().map(|watcher| {
            move || {
                let recipient = {
                    let mut waits = watcher.0.lock();
                    waits.changed = true;
                    waits.recipient.take()
                };
                outcome::tell_now(recipient, own, |tag| Settled::Changed { tag });
            }
        }));
    }
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Begins to watch. Whoever looks afterwards misses nothing.
    pub(crate) fn subscribe(&self, shared: &Shared, what: &Watched) -> Subscription {
        let subscription = self.begin_to_watch();
        let _changed = subscription.watcher.note_change();
        self.watch_also(shared, what, &subscription);
        subscription
    }

    /// Ends it.
    pub(crate) fn unsubscribe(&self, shared: &Shared, what: &Watched, subscription: Subscription) {
        self.unwatch(shared, what, &subscription);
        self.end_watching(subscription);
    }

    /// A watcher of nothing yet, which is told when its handle is closed.
    pub(super) fn begin_to_watch(&self) -> Subscription {
        let watcher = Arc::new(Watcher(Mutex::new(Waits { changed: false, recipient: None })));
        let number = self.last_watcher.fetch_add(1, Ordering::Relaxed) + 1;
        self.watchers.lock().insert(number, watcher.clone());
        Subscription { number, watcher }
    }

    /// Ends a watcher of nothing any more.
    pub(super) fn end_watching(&self, subscription: Subscription) {
        let listed = self.watchers.lock().remove(&subscription.number);
        drop((listed, subscription));
    }

    pub(super) fn watch_also(&self, shared: &Shared, what: &Watched, subscription: &Subscription) {
        let Subscription { number, watcher } = subscription;
        match what {
            Watched::Keys(keys) => {
                for key in keys {
                    let hash = hash(&shared.seed, key);
                    self.lock_one(shared, hash).table.watch(key.clone(), *number, watcher.clone());
                }
            }
            Watched::Range(range) => {
                let mut prefixes = self.prefixes.lock();
                prefixes.add(range.leading().unwrap_or_default(), *number, watcher.clone());
                // Set before the cells are looked at: see `settle`.
                self.any_prefix.store(true, Ordering::Release);
            }
        }
    }

    pub(super) fn unwatch(&self, shared: &Shared, what: &Watched, subscription: &Subscription) {
        let number = subscription.number;
        // What is taken out are handles on the watcher, which the subscription keeps.
        match what {
            Watched::Keys(keys) => {
                for key in keys {
                    let hash = hash(&shared.seed, key);
                    self.lock_one(shared, hash).table.unwatch(key, number);
                }
            }
            Watched::Range(range) => {
                let mut prefixes = self.prefixes.lock();
                prefixes.remove(range.leading().unwrap_or_default(), number);
                self.any_prefix.store(!prefixes.is_empty(), Ordering::Release);
            }
        }
    }
}
