//! Reading cells: one, or several at one instant.

use std::time::Duration;

use super::{Cells, Open, Stored};
use crate::machine::{Seen, hash};
use crate::shared::Shared;
use crate::{Entry, Key};

impl<V: Send + Sync + 'static> Cells<V> {
    /// A cell as it is now, and the time there.
    #[inline]
    pub(crate) fn get(&self, shared: &Shared, key: &Key) -> (Seen<Stored<V>>, Duration) {
        let hash = hash(&shared.seed, key);
        let (mut open, now) = self.open_one(shared, hash, None);
        (open.of(hash).read(hash, key, now), now)
    }

    /// Cells as they are at one instant, in the order asked.
    pub(crate) fn get_many(&self, shared: &Shared, keys: &[Key]) -> Vec<Entry<Stored<V>>> {
        let hashes: Vec<u64> = keys.iter().map(|key| hash(&shared.seed, key)).collect();
        let (mut open, now) = self.open(shared, hashes.iter().copied(), None);
        let keys = keys.iter().zip(hashes);
        keys.map(|(key, hash)| Entry::seen(key.clone(), open.of(hash).read(hash, key, now), now)).collect()
    }
}
