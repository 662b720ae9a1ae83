//! Scans: the cells of a range of keys at one instant (clause C11).
//!
//! A scan collects the keys of the range from the index, locks their shards, and collects again. If the keys are the
//! same, nothing appeared or went meanwhile, and nothing can now: a cell comes and goes with its shard locked and the
//! index changed. If they differ it begins anew, and after three times it locks all shards.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use super::{Aftermath, Cells, Open, Several, Stored};
use crate::machine::hash;
use crate::shared::{Handle, Mailbox, Shared};
use crate::{Entry, Error, Key, KeyRange, Scan};

/// So often a scan tries to do with the shards of its keys.
pub(super) const TRIES: usize = 3;

/// The first keys of a range, and their hashes.
struct Found {
    keys: Vec<Key>,
    hashes: Vec<u64>,
}

/// The shards of what was found, locked, and the time there.
type Opened<'a, V> = (Several<'a, V>, Duration, Found);

impl<V: Send + Sync + 'static> Cells<V> {
    /// The cells of a range at one instant, in key order.
    pub(crate) fn list(&self, shared: &Shared, scan: &Scan) -> Vec<Entry<Stored<V>>> {
        self.list_and_count(shared, scan).0
    }

    /// The same, and how many keys it had to look at. Those of cells that have expired do not count for the limit: it
    /// looks further, at twice as many keys each time, until there are enough.
    fn list_and_count(&self, shared: &Shared, scan: &Scan) -> (Vec<Entry<Stored<V>>>, usize) {
        let mut wider = scan.clone();
        loop {
            let (mut open, now, found) = self.open_range(shared, &wider, None);
            let entries =
                found.iter().map(|(key, hash)| Entry::seen(key.clone(), open.of(hash).read(hash, key, now), now));
            let mut entries: Vec<Entry<Stored<V>>> = entries.filter(|entry| entry.version > 0).collect();
            drop(open);
            entries.truncate(scan.limit);
            let looked_at = found.keys.len();
            if looked_at < wider.limit || entries.len() >= scan.limit {
                return (entries, looked_at);
            }
            wider.limit = wider.limit.saturating_mul(2);
        }
    }

    /// Deletes all cells of a range but some, in one step. Answers their keys, in key order.
    ///
    /// # Errors
    ///
    /// `closed`.
    pub(crate) fn delete_all(
        &self,
        shared: &Shared,
        handle: &Handle,
        (range, except): (&KeyRange, &[Key]),
        own: Option<&Mailbox>,
    ) -> Result<Vec<Key>, Error> {
        let scan = Scan::new(range.clone());
        let except: BTreeSet<&Key> = except.iter().collect();
        let mut after = Aftermath::default();
        let mut deleted = Vec::new();
        {
            let (mut open, now, found) = self.open_range(shared, &scan, None);
            let version = open.next_version(handle)?;
            for (key, hash) in found.iter().filter(|(key, _)| !except.contains(key)) {
                let table = open.of(hash);
                let written = table.delete((hash, key), (version, now), &mut after);
                if written.existed {
                    deleted.push(key.clone());
                }
                self.note(table, key, written, &mut after);
            }
            self.finish(shared, &mut open, &mut after);
        }
        after.carry_out(shared, own);
        Ok(deleted)
    }

    /// Locks the shards of all keys of a range.
    fn open_range(&self, shared: &Shared, scan: &Scan, now: Option<Duration>) -> Opened<'_, V> {
        let tried = (0..TRIES).find_map(|_| self.open_found(shared, scan, now));
        tried.unwrap_or_else(|| self.open_all_found(shared, scan, now))
    }

    /// Locks the shards of the first keys of a range; `None` when others came or went meanwhile.
    fn open_found(&self, shared: &Shared, scan: &Scan, now: Option<Duration>) -> Option<Opened<'_, V>> {
        let found = Found::new(shared, self.collect(scan));
        let (open, now) = self.open(shared, found.hashes.iter().copied(), now);
        (self.collect(scan) == found.keys).then_some((open, now, found))
    }

    /// Locks all shards, so that none comes or goes.
    fn open_all_found(&self, shared: &Shared, scan: &Scan, now: Option<Duration>) -> Opened<'_, V> {
        let (open, now) = self.open_all(shared, now);
        (open, now, Found::new(shared, self.collect(scan)))
    }

    /// The first keys of a range, as many as the scan has for its limit.
    pub(super) fn collect(&self, scan: &Scan) -> Vec<Key> {
        let Some((start, end)) = scan.range.bounds() else { return Vec::new() };
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let index = self.index.lock();
        let range = index.range::<[u8], _>((Bound::Included(start), end));
        let inside = |key: &&Key| scan.range.covers(key);
        match scan.reverse {
            false => range.filter(inside).take(scan.limit).cloned().collect(),
            true => range.rev().filter(inside).take(scan.limit).cloned().collect(),
        }
    }
}

impl Found {
    fn new(shared: &Shared, keys: Vec<Key>) -> Found {
        let hashes = keys.iter().map(|key| hash(&shared.seed, key)).collect();
        Found { keys, hashes }
    }

    fn iter(&self) -> impl Iterator<Item = (&Key, u64)> {
        self.keys.iter().zip(self.hashes.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{Builder, Commit, Expiry, Key, KeyRange, ManualClock, Scan, Space};

    const MANY: u64 = if cfg!(miri) { 60 } else { 2_000 };

    /// Behind cells that have expired a scan goes on as far as its limit asks, and no further.
    #[test]
    fn a_scan_behind_expired_cells_looks_at_few_others() {
        let clock = ManualClock::new();
        let settings: Builder<u64> = Space::builder().cells();
        let space = settings.shards(8).clock(clock.clone()).build();
        let port = space.port(|| {});
        let set = |number: u64, expiry| {
            let mut commit = Commit::new();
            commit.set(Key::from(number), None, number, expiry);
            port.commit(commit).expect("open").expect("no condition");
        };
        (0..10).for_each(|number| set(number, Expiry::In(Duration::from_millis(1))));
        (10..MANY).for_each(|number| set(number, Expiry::Never));
        clock.advance(Duration::from_millis(1));
        let shared = &space.engine().shared;
        let cells = shared.cells::<u64>().expect("of this type");
        let listed = |scan: &Scan| {
            let (entries, looked_at) = cells.list_and_count(shared, scan);
            (
                entries.into_iter().filter_map(|entry| entry.value).map(|value| value.own()).collect::<Vec<_>>(),
                looked_at,
            )
        };
        let all = Scan::new(KeyRange::all());
        let (first, looked_at) = listed(&all.clone().limit(2));
        assert_eq!(first, [10, 11]);
        assert!(looked_at <= 2 * 12, "{looked_at}");
        let (last, looked_at) = listed(&all.clone().limit(2).reverse());
        assert_eq!((&last[..], looked_at), (&[MANY - 1, MANY - 2][..], 2));
        assert_eq!(listed(&all).0.len() as u64, MANY - 10);
        assert_eq!(listed(&all.limit(0)).0, []);
    }
}
