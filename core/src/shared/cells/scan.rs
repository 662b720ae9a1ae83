//! Scans: the cells of a range of keys at one instant (clause C11).
//!
//! A scan collects the keys of the range from the index, locks their shards, and collects again. If the keys are the
//! same, nothing appeared or went meanwhile, and nothing can now: a cell comes and goes with its shard locked and the
//! index changed. If they differ it begins anew, and after three times it locks all shards.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use smallvec::SmallVec;

use super::{Aftermath, Cells, Open};
use crate::machine::{exhausted, hash};
use crate::shared::{Demand, Handle, Mailbox, Shared};
use crate::sync::Arc;
use crate::{Entry, Error, Key, KeyRange, Scan};

/// So often a scan tries to do with the shards of its keys.
const TRIES: usize = 3;

impl<V: Send + Sync + 'static> Cells<V> {
    /// The cells of a range at one instant, in key order.
    pub(crate) fn list(&self, shared: &Shared, scan: &Scan) -> Vec<Entry<Arc<V>>> {
        let now = self.now(shared);
        let mut room = scan.limit;
        for _ in 0..TRIES {
            let (keys, hashes) = self.collect(shared, scan, room);
            let mut open = self.open(shared, hashes.iter().copied());
            if self.collect(shared, scan, room).0 != keys {
                continue;
            }
            let now = open.at(now);
            let mut entries = open.present(&keys, &hashes, now);
            entries.truncate(scan.limit);
            // Of those that have expired none counts: look further.
            if keys.len() < room || entries.len() >= scan.limit {
                return entries;
            }
            room = room.saturating_add(keys.len()).saturating_add(keys.len() - entries.len());
        }
        let mut open = self.open_all(shared);
        let now = open.at(now);
        let (keys, hashes) = self.collect(shared, scan, usize::MAX);
        let mut entries = open.present(&keys, &hashes, now);
        entries.truncate(scan.limit);
        entries
    }

    /// Deletes all cells of a range but some, in one step. Answers their keys, in key order.
    ///
    /// # Errors
    ///
    /// `closed`, `fenced`.
    pub(crate) fn delete_all(
        &self,
        shared: &Shared,
        handle: &Handle,
        (range, except): (&KeyRange, &[Key]),
        guards: &[Demand],
        own: Option<&Mailbox>,
    ) -> Result<Vec<Key>, Error> {
        let now = if guards.is_empty() { self.now(shared) } else { shared.now() };
        let scan = Scan::new(range.clone());
        let except: BTreeSet<&Key> = except.iter().collect();
        let mut after = Aftermath::default();
        let mut deleted = Vec::new();
        {
            let _held = shared.lock_held(guards, now)?;
            let (mut open, keys, hashes) = self.open_range(shared, &scan);
            let version = open.clock() + 1;
            if handle.is_closed() || exhausted(version) {
                return Err(Error::closed());
            }
            let now = open.at(now);
            for (key, hash) in keys.into_iter().zip(hashes).filter(|(key, _)| !except.contains(key)) {
                let table = &mut open.of(hash).table;
                let written = table.delete(hash, &key, version, now);
                table.watches.of(&key, &mut after.watchers);
                if written.existed {
                    deleted.push(key.clone());
                }
                self.note(key, written, &mut after);
            }
            self.finish(shared, &mut open, &mut after);
        }
        after.carry_out(shared, own);
        Ok(deleted)
    }

    /// Locks the shards of all keys of a range.
    fn open_range(&self, shared: &Shared, scan: &Scan) -> (Open<'_, V>, Vec<Key>, SmallVec<[u64; 8]>) {
        for _ in 0..TRIES {
            let (keys, hashes) = self.collect(shared, scan, usize::MAX);
            let open = self.open(shared, hashes.iter().copied());
            if self.collect(shared, scan, usize::MAX).0 == keys {
                return (open, keys, hashes);
            }
        }
        let open = self.open_all(shared);
        let (keys, hashes) = self.collect(shared, scan, usize::MAX);
        (open, keys, hashes)
    }

    /// The first keys of a range, as many as there is room for, and their hashes.
    fn collect(&self, shared: &Shared, scan: &Scan, room: usize) -> (Vec<Key>, SmallVec<[u64; 8]>) {
        let Some((start, end)) = scan.range.bounds() else { return Default::default() };
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let keys: Vec<Key> = {
            let index = self.index.lock();
            let range = index.range::<[u8], _>((Bound::Included(start), end));
            let inside = |key: &&Key| scan.range.covers(key);
            match scan.reverse {
                false => range.filter(inside).take(room).cloned().collect(),
                true => range.rev().filter(inside).take(room).cloned().collect(),
            }
        };
        let hashes = keys.iter().map(|key| hash(&shared.seed, key)).collect();
        (keys, hashes)
    }
}

impl<V: Send + Sync + 'static> Open<'_, V> {
    /// Those cells that are present.
    fn present(&mut self, keys: &[Key], hashes: &[u64], now: Duration) -> Vec<Entry<Arc<V>>> {
        let entries = keys.iter().zip(hashes).map(|(key, &hash)| self.entry(key, hash, now));
        entries.filter(|entry| entry.version > 0).collect()
    }
}
