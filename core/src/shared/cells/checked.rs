//! What a transaction does with cells: reads that fit together, and a commit that checks them (clause C6).
//!
//! **Reads fit together.** A cell is read with its shard locked. Then the clocks of all shards that were read before are
//! looked at, without their locks: a commit sets the clocks of all its shards before it unlocks any, so whoever has seen
//! something of a commit sees the clocks of the rest. Where no clock has moved, nothing that was read has changed. Where one
//! has, all those shards are locked together, and versions are compared. What was scanned is looked at again in the same way,
//! when keys have come or gone since. The earliest time at which something that was read expires ends the attempt when it
//! has come, also where only somebody else has asked for the time since.

use std::time::Duration;

use smallvec::SmallVec;

use super::open::Numbers;
use super::{Aftermath, Cells, Loose, Open, Several, Stored, scan, turns};
use crate::entry::Told;
use crate::machine::{Attempt, Doom, Mark, Pending, Ranged, exhausted, hash, sort_and_dedup};
use crate::shared::{Demand, Entries, Handle, Shared};
use crate::sync::Ordering;
use crate::{Entry, Error, Key, Scan, Stale};

/// The values of an attempt are those that it is to write: its own, until it reads one back.
pub(crate) type Checked<V> = Attempt<Loose<V>>;

/// The shards of an attempt, locked, with what its scans find now.
struct Footing<'a, V> {
    open: Several<'a, V>,
    now: Duration,
    found: Vec<Vec<(Key, u64)>>,
    /// Of the index, before it was looked at.
    generation: u64,
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// The time for a read of an attempt. Runs the caller's code: never while something is locked.
    pub(crate) fn time(&self, shared: &Shared) -> Duration {
        match self.expires.load(Ordering::Acquire) {
            true => shared.now().unwrap_or_default(),
            false => Duration::ZERO,
        }
    }

    /// Reads a cell for an attempt, which has it there among those that it touched, if it has.
    ///
    /// # Errors
    ///
    /// `conflict`, when what it read before has changed: then it is doomed.
    #[inline]
    pub(crate) fn read_checked(
        &self,
        shared: &Shared,
        attempt: &mut Checked<V>,
        (hash, key): (u64, &Key),
        at: Option<usize>,
        now: Duration,
    ) -> Result<Told<Stored<V>>, Error> {
        let number = Entries::shard(hash, shared.mask());
        let (mut open, now) = self.open_one(shared, hash, Some(now.max(attempt.latest)));
        let table = open.of(hash);
        let (seen, clock) = (table.read(hash, key, now), table.clock());
        drop(open);
        let same = at.and_then(|at| attempt.touched[at].read);
        if same.is_some_and(|read| read != seen.version) || !self.stands(shared, attempt, now) {
            attempt.keep_unused(seen.value.map(Loose::Stored));
            return self.read_moved(shared, attempt, (hash, key), now);
        }
        attempt.note_shard(number, clock);
        attempt.latest = now;
        attempt.note_read(at, (hash, key), seen.version, seen.expires);
        Ok(Told::new(seen, now))
    }

    /// Reads a cell where something may have changed meanwhile.
    #[cold]
    fn read_moved(
        &self,
        shared: &Shared,
        attempt: &mut Checked<V>,
        key: (u64, &Key),
        now: Duration,
    ) -> Result<Told<Stored<V>>, Error> {
        match self.read_again(shared, attempt, &[key], now) {
            Ok(mut all) => Ok(all.remove(0)),
            Err(doom) => {
                attempt.mark(Mark::Doomed(doom));
                Err(Error::doomed())
            }
        }
    }

    /// Reads cells for an attempt, at one instant with all that it read before.
    ///
    /// # Errors
    ///
    /// What has changed of what it read before.
    pub(crate) fn read_again(
        &self,
        shared: &Shared,
        attempt: &mut Checked<V>,
        keys: &[(u64, &Key)],
        now: Duration,
    ) -> Result<Vec<Told<Stored<V>>>, Doom> {
        let numbers = keys.iter().map(|(hash, _)| Entries::shard(*hash, shared.mask())).collect();
        let mut footing = self.stand(shared, attempt, numbers, &[], now);
        footing.compare(shared, attempt)?;
        let mut all = Vec::with_capacity(keys.len());
        for &(hash, key) in keys {
            let seen = footing.open.of(hash).read(hash, key, footing.now);
            attempt.note_read(attempt.find(hash, key), (hash, key), seen.version, seen.expires);
            all.push(Told::new(seen, footing.now));
        }
        footing.keep(attempt);
        Ok(all)
    }

    /// Scans for an attempt, at one instant with all that it read before: only where something may have changed since is that
    /// looked at again, so that a body with many scans pays for each of them once.
    ///
    /// # Errors
    ///
    /// What has changed of what it read before.
    pub(crate) fn list_checked(
        &self,
        shared: &Shared,
        attempt: &mut Checked<V>,
        scan: &Scan,
        now: Duration,
    ) -> Result<Vec<Entry<Stored<V>>>, Doom> {
        let mut footing = self.stand_on_scans(shared, &[], &[scan], Some(now.max(attempt.latest)));
        if !self.stands(shared, attempt, footing.now) {
            drop(footing);
            footing = self.stand(shared, attempt, Numbers::new(), &[scan], now);
            footing.compare(shared, attempt)?;
        }
        let found = footing.found.pop().unwrap_or_default();
        let mut entries = Vec::with_capacity(found.len());
        for (key, _) in &found {
            let hash = hash(&shared.seed, key);
            let seen = footing.open.of(hash).read(hash, key, footing.now);
            attempt.note_read(attempt.find(hash, key), (hash, key), seen.version, seen.expires);
            entries.push(Entry::seen(key.clone(), seen, footing.now));
        }
        attempt.note_range(Ranged { scan: scan.clone(), found });
        footing.keep(attempt);
        Ok(entries)
    }

    /// Whether all that an attempt has read is as it was, as far as can be told without locks.
    fn stands(&self, shared: &Shared, attempt: &Checked<V>, now: Duration) -> bool {
        let shards = self.shards(shared);
        // Nor has anybody seen it expired meanwhile: what that one wrote for it may be what was read now.
        let fresh = |earliest| now < earliest && attempt.shards.iter().all(|&(at, _)| shards[at].is_before(earliest));
        attempt.earliest.is_none_or(fresh)
            && attempt.shards.iter().all(|&(number, clock)| shards[number].clock() == clock)
            && (attempt.ranges().is_empty() || self.generation.load(Ordering::Acquire) == attempt.generation())
    }

    /// The time for a commit. Runs the caller's code: never while something is locked.
    pub(crate) fn commit_time(&self, shared: &Shared, guards: &[Demand]) -> Duration {
        match guards {
            [] => self.time(shared),
            _ => shared.now().unwrap_or_default(),
        }
    }

    /// Commits an attempt for the call with this number: if all that it read is as it was, and no other call's turn is in the
    /// way of what it writes. Then its writes are taken out of it. Answers their version.
    ///
    /// # Errors
    ///
    /// `closed`, `fenced`; inside, what has changed.
    pub(crate) fn commit_checked(
        &self,
        shared: &Shared,
        handle: &Handle,
        attempt: &mut Checked<V>,
        (call, guards, now): (u64, &[Demand], Duration),
        after: &mut Aftermath<V>,
    ) -> Result<Result<u64, Doom>, Error> {
        let _held = shared.lock_held(guards, Some(now))?;
        let mut open = Several::none(shared.mask());
        if let Some(version) = self.lock_unchanged(shared, handle, attempt, &mut open) {
            let now = now.max(attempt.latest);
            self.write_all(shared, &mut open, attempt, (version, now), after);
            return Ok(Ok(version));
        }
        drop(open);
        // The shards of what it read are among those that it stands on.
        let unread = attempt.touched.iter().filter(|touched| touched.read.is_none());
        let numbers = unread.map(|touched| Entries::shard(touched.hash, shared.mask())).collect();
        let mut footing = self.stand(shared, attempt, numbers, &[], now);
        let version = footing.open.next_version(handle)?;
        let met_turn = self.meets_turn(call, || {
            let mut any = false;
            footing.open.each(|locked| any |= locked.table.turns().is_some());
            let mut written = attempt.touched.iter().filter(|touched| touched.write.is_some());
            any && written.any(|touched| turns::is_foreign(footing.open.of(touched.hash), &touched.key, call))
        });
        // Where no clock has moved there is nothing to compare.
        let stands = attempt.ranges().is_empty() && self.stands(shared, attempt, footing.now);
        if !stands && let Err(doom) = footing.compare(shared, attempt) {
            return Ok(Err(Doom { met_turn, ..doom }));
        }
        if met_turn {
            return Ok(Err(Doom { met_turn, ..Doom::default() }));
        }
        self.write_all(shared, &mut footing.open, attempt, (version, footing.now), after);
        Ok(Ok(version))
    }

    /// Locks the shards of an attempt for its commit, the usual one: it has read all that it writes, nothing that it read has
    /// changed, and nobody expires, watches or has a turn there. Answers the version of the commit. `None` where any of that
    /// is otherwise, or there is to be no commit at all; the general way says what it comes to.
    #[inline]
    fn lock_unchanged<'a>(
        &'a self,
        shared: &Shared,
        handle: &Handle,
        attempt: &Checked<V>,
        open: &mut Several<'a, V>,
    ) -> Option<u64> {
        if attempt.has_rare() || attempt.touched.iter().any(|touched| touched.read.is_none()) {
            return None;
        }
        let shards = self.shards(shared);
        let mut version = 1;
        for &(number, clock) in &attempt.shards {
            let locked = shards[number].lock(number);
            let as_it_was = locked.table.clock() == clock && !locked.table.has_rare();
            open.shards.push(locked);
            if !as_it_was {
                return None;
            }
            version = version.max(clock + 1);
        }
        let may = !self.has_space_turn() && !handle.is_closed() && !exhausted(version);
        may.then_some(version)
    }

    /// Makes the writes of an attempt, whose shards are locked.
    #[inline]
    fn write_all(
        &self,
        shared: &Shared,
        open: &mut Several<'_, V>,
        attempt: &mut Checked<V>,
        at: (u64, Duration),
        after: &mut Aftermath<V>,
    ) {
        for touched in &mut attempt.touched {
            let Some(write) = touched.write.take() else { continue };
            let table = open.of(touched.hash);
            let found = table.find(touched.hash, &touched.key);
            let written = match write {
                Pending::Set { value: Loose::Own(value), expiry } => table.set(&found, value, expiry, at, after),
                Pending::Set { value: Loose::Stored(stored), expiry } => table.put(&found, stored, expiry, at, after),
                Pending::Delete => table.delete((found.hash, found.key), at, after),
            };
            self.note(table, found.key, written, after);
        }
        self.finish(shared, open, after);
    }

    /// Whether all that an attempt has read is as it was.
    ///
    /// # Errors
    ///
    /// What has changed.
    pub(crate) fn compare<T>(&self, shared: &Shared, attempt: &Attempt<T>, now: Duration) -> Result<(), Doom> {
        let mut footing = self.stand(shared, attempt, Numbers::new(), &[], now);
        footing.compare(shared, attempt)
    }

    /// Locks the shards of what an attempt has read, further ones, and those of what its scans, and further ones, find now.
    #[inline]
    fn stand<T>(
        &self,
        shared: &Shared,
        attempt: &Attempt<T>,
        mut numbers: Numbers,
        scans: &[&Scan],
        now: Duration,
    ) -> Footing<'_, V> {
        let now = now.max(attempt.latest);
        if numbers.is_empty() && scans.is_empty() && attempt.ranges().is_empty() {
            // The usual one: what it read, in order already.
            let numbers = attempt.shards.iter().map(|(number, _)| *number);
            let (open, now) = Several::at_time(self.shards(shared), numbers, now);
            return Footing { open, now, found: Vec::new(), generation: 0 };
        }
        numbers.extend(attempt.shards.iter().map(|(number, _)| *number));
        let asked = Some(now);
        if attempt.ranges().is_empty() && scans.is_empty() {
            let (open, now) = self.open_several(shared, numbers, asked);
            return Footing { open, now, found: Vec::new(), generation: 0 };
        }
        let scans = attempt.ranges().iter().map(|ranged| &ranged.scan).chain(scans.iter().copied());
        self.stand_on_scans(shared, &numbers, &scans.collect::<Vec<_>>(), asked)
    }

    fn stand_on_scans(
        &self,
        shared: &Shared,
        numbers: &[usize],
        scans: &[&Scan],
        asked: Option<Duration>,
    ) -> Footing<'_, V> {
        let mut rooms: SmallVec<[usize; 2]> = scans.iter().map(|scan| scan.limit).collect();
        let mut tries = 0;
        loop {
            let last = tries == scan::TRIES;
            if last {
                rooms.iter_mut().for_each(|room| *room = usize::MAX);
            }
            let collect = |rooms: &[usize]| -> Vec<Vec<Key>> {
                scans.iter().zip(rooms).map(|(&scan, &limit)| self.collect(&Scan { limit, ..scan.clone() })).collect()
            };
            let generation = self.generation.load(Ordering::Acquire);
            let mut collected = collect(&rooms);
            let found = collected.iter().flatten().map(|key| Entries::shard(hash(&shared.seed, key), shared.mask()));
            let all = numbers.iter().copied().chain(found).collect();
            let (mut open, now) = match last {
                false => self.open_several(shared, all, asked),
                true => self.open_all(shared, asked),
            };
            let again = collect(&rooms);
            if last {
                collected = again;
            } else if again != collected {
                tries += 1;
                continue;
            }
            let mut short = false;
            let mut found = Vec::with_capacity(scans.len());
            for ((keys, scan), room) in collected.iter().zip(scans).zip(&mut rooms) {
                let mut present = present(shared, &mut open, keys, now);
                present.truncate(scan.limit);
                // Of those that have expired none counts: look further.
                if present.len() < scan.limit && keys.len() >= *room && !last {
                    *room = room.saturating_mul(2).max(16);
                    short = true;
                }
                found.push(present);
            }
            if !short {
                return Footing { open, now, found, generation };
            }
        }
    }
}

impl<V: Send + Sync + 'static> Footing<'_, V> {
    /// Notes what an attempt stands on now.
    fn keep(self, attempt: &mut Checked<V>) {
        attempt.latest = self.now;
        if !attempt.ranges().is_empty() {
            attempt.set_generation(self.generation);
        }
        self.open.shards.iter().for_each(|locked| attempt.note_shard(locked.number, locked.table.clock()));
    }

    /// Compares what an attempt has read with what is there.
    fn compare<T>(&mut self, shared: &Shared, attempt: &Attempt<T>) -> Result<(), Doom> {
        let mut stale = Vec::new();
        for touched in &attempt.touched {
            let Some(expected) = touched.read else { continue };
            let version = self.open.of(touched.hash).version(touched.hash, &touched.key, self.now);
            if version != expected {
                stale.push(Stale { key: touched.key.clone(), expected, version });
            }
        }
        let mut range = false;
        let mut come: Vec<&(Key, u64)> = Vec::new();
        for (ranged, found) in attempt.ranges().iter().zip(&self.found) {
            if ranged.found != *found {
                range = true;
                // What a scan found was read, and so compared above: what has come was not.
                come.extend(found.iter().filter(|(key, _)| !attempt.has_read(hash(&shared.seed, key), key)));
            }
        }
        if !range && stale.is_empty() {
            return Ok(());
        }
        sort_and_dedup(&mut come);
        stale.extend(come.into_iter().map(|(key, version)| Stale { key: key.clone(), expected: 0, version: *version }));
        Err(Doom { stale, range, met_turn: false })
    }
}

/// Those cells that are present, with their versions.
fn present<V: Send + Sync + 'static>(
    shared: &Shared,
    open: &mut Several<'_, V>,
    keys: &[Key],
    now: Duration,
) -> Vec<(Key, u64)> {
    let version = |key: &Key| {
        let hash = hash(&shared.seed, key);
        Some((key.clone(), open.of(hash).version(hash, key, now))).filter(|(_, version)| *version > 0)
    };
    keys.iter().filter_map(version).collect()
}
