//! Reading cells: one, or several at one instant.

use std::time::Duration;

use super::{Cells, Open};
use crate::machine::{Seen, hash};
use crate::shared::Shared;
use crate::sync::{Arc, Ordering};
use crate::{Entry, Key};

impl<V: Send + Sync + 'static> Cells<V> {
    /// A cell as it is now.
    pub(crate) fn get(&self, shared: &Shared, key: &Key) -> Entry<Arc<V>> {
        let now = self.now(shared);
        let hash = hash(&shared.seed, key);
        let (seen, now) = {
            let mut open = self.open(shared, std::iter::once(hash));
            let now = open.at(now);
            (open.of(hash).table.read(hash, key, now), now)
        };
        entry(key.clone(), seen, now)
    }

    /// Cells as they are at one instant, in the order asked.
    pub(crate) fn get_many(&self, shared: &Shared, keys: &[Key]) -> Vec<Entry<Arc<V>>> {
        let now = self.now(shared);
        let hashes: Vec<u64> = keys.iter().map(|key| hash(&shared.seed, key)).collect();
        let mut open = self.open(shared, hashes.iter().copied());
        let now = open.at(now);
        keys.iter().zip(hashes).map(|(key, hash)| open.entry(key, hash, now)).collect()
    }

    /// The time, where it matters. Runs the caller's code: never while a shard is locked.
    pub(super) fn now(&self, shared: &Shared) -> Option<Duration> {
        self.timed.load(Ordering::Acquire).then(|| shared.now()).flatten()
    }
}

impl<V: Send + Sync + 'static> Open<'_, V> {
    /// A cell of one of the shards.
    pub(super) fn entry(&mut self, key: &Key, hash: u64, now: Duration) -> Entry<Arc<V>> {
        let seen = self.of(hash).table.read(hash, key, now);
        entry(key.clone(), seen, now)
    }
}

fn entry<T>(key: Key, seen: Seen<T>, now: Duration) -> Entry<T> {
    let Seen { value, version, expires } = seen;
    Entry { key, value, version, expires_in: expires.map(|at| at.saturating_sub(now)) }
}
