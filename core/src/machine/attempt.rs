//! One run of a transaction's body: what it has read, and what it is to write (clauses C6 to C9). Writes are kept once for each
//! cell; reads are never forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::savepoints::Savepoint;
use crate::{Expiry, Key, Scan, Stale};

/// Up to so many cells are found by looking through them.
const FEW: usize = 8;

/// One run of a body. `T` is a value, or a cheap handle on one.
pub(crate) struct Attempt<T> {
    pub(crate) touched: SmallVec<[Touched<T>; 4]>,
    /// The shards that were read, in ascending order, and what their clocks showed when all reads were looked at last.
    pub(crate) shards: SmallVec<[(usize, u64); 4]>,
    /// The time of the last read.
    pub(crate) latest: Duration,
    /// When the first of what was read expires.
    pub(crate) earliest: Option<Duration>,
    /// The innermost scope that is open.
    pub(super) scope: Option<u64>,
    pub(super) last_scope: u64,
    /// What most attempts do without.
    pub(super) rare: Option<Box<Rare<T>>>,
}

/// What an attempt has that is more than a few reads and writes.
pub(super) struct Rare<T> {
    /// Where cells are found, once they are more than a few.
    index: HashTable<u32>,
    /// When those that were read expire, where they do.
    expiries: BTreeMap<usize, Duration>,
    ranges: Vec<Ranged>,
    /// How often the index of all keys had changed when all reads were looked at last.
    generation: u64,
    /// Those that are open.
    pub(super) savepoints: Vec<Savepoint>,
    /// What the writes since the first savepoint replaced, oldest first.
    pub(super) replaced: Vec<(u32, Option<Pending<T>>)>,
    /// What is to be called after the commit, by number.
    pub(super) callbacks: Vec<u64>,
    pub(super) mark: Option<Mark>,
    /// The reason, once the innermost scope was aborted.
    pub(super) aborted: Option<String>,
    /// What was read for nothing: to be dropped with the attempt, when nothing is locked.
    unused: Vec<T>,
}

/// A cell that was read, or is to be written, or both.
pub(crate) struct Touched<T> {
    pub(crate) key: Key,
    pub(crate) hash: u64,
    /// The version that was read.
    pub(crate) read: Option<u64>,
    pub(crate) write: Option<Pending<T>>,
}

/// A write that the commit is to make.
#[derive(Clone, Debug)]
pub(crate) enum Pending<T> {
    Set { value: T, expiry: Expiry },
    Delete,
}

/// A scan, and what it found.
pub(crate) struct Ranged {
    pub(crate) scan: Scan,
    pub(crate) found: Vec<(Key, u64)>,
}

/// What ends an attempt, whatever its body does from then on.
#[derive(Debug)]
pub(crate) enum Mark {
    /// What it read has changed, or another call's turn is in the way.
    Doomed(Doom),
    /// It is to wait until something that it read changes.
    Retry,
}

/// Why an attempt cannot commit.
#[derive(Debug, Default)]
pub(crate) struct Doom {
    /// The cells that have changed.
    pub(crate) stale: Vec<Stale>,
    /// Whether a range that was scanned has changed.
    pub(crate) range: bool,
    /// Whether the turn of another call is in the way.
    pub(crate) met_turn: bool,
}

/// Why an operation of a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It comes through a handle whose body is over.
    Ended,
    /// It comes through a handle whose body has a savepoint open.
    Outside,
    /// The attempt is over.
    Doomed,
    /// It was aborted, for this reason.
    Aborted(String),
}

impl<T> Attempt<T> {
    /// The scope of the first attempt.
    pub(crate) const FIRST: u64 = 1;

    /// An attempt that has not begun; nothing can be done with it.
    #[inline(always)]
    pub(crate) fn new() -> Attempt<T> {
        Attempt {
            touched: SmallVec::new(),
            shards: SmallVec::new(),
            latest: Duration::ZERO,
            earliest: None,
            scope: None,
            last_scope: 0,
            rare: None,
        }
    }

    /// An attempt that has begun, with [`Attempt::FIRST`] for its scope: made in its place.
    #[inline(always)]
    pub(crate) fn begun() -> Attempt<T> {
        Attempt { scope: Some(Self::FIRST), last_scope: Self::FIRST, ..Attempt::new() }
    }

    /// Begins the next attempt. Answers the number of its scope, and what the last one leaves to be dropped.
    pub(crate) fn begin(&mut self) -> (u64, Vec<T>) {
        let mut old = Vec::new();
        self.end(&mut old);
        self.touched.clear();
        self.shards.clear();
        (self.latest, self.earliest) = (Duration::ZERO, None);
        (self.last_scope, self.scope) = (self.last_scope + 1, Some(self.last_scope + 1));
        (self.last_scope, old)
    }

    /// Ends the attempt, in its place: every handle on it is of no use. Adds the values that are to be dropped once
    /// everything is unlocked; of one that only read, the keys stay until the next one begins.
    pub(crate) fn end(&mut self, left: &mut impl Extend<T>) {
        self.scope = None;
        let rare = self.rare.take();
        // Of what was committed the values are gone.
        if rare.is_none() && self.is_read_only() {
            return;
        }
        let (replaced, unused) = rare.map(|rare| (rare.replaced, rare.unused)).unwrap_or_default();
        let written = self.touched.drain(..).filter_map(|touched| touched.write);
        let replaced = replaced.into_iter().filter_map(|(_, before)| before);
        let values = written.chain(replaced).filter_map(Pending::into_value);
        left.extend(unused.into_iter().chain(values));
    }

    /// Ends the attempt, and answers it as it was.
    pub(crate) fn take(&mut self) -> Attempt<T> {
        let last_scope = self.last_scope;
        std::mem::replace(self, Attempt { last_scope, ..Attempt::new() })
    }

    /// Refuses what comes through a handle of no use, or after the end was marked.
    #[inline]
    pub(crate) fn check(&self, scope: u64) -> Result<(), Refused> {
        if self.scope != Some(scope) {
            return Err(self.refused(scope));
        }
        self.rare.as_ref().map_or(Ok(()), |rare| rare.check())
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &Key) -> Option<usize> {
        if self.touched.len() <= FEW {
            return self.touched.iter().position(|touched| touched.hash == hash && touched.key == *key);
        }
        let same = |&at: &u32| self.touched[at as usize].hash == hash && self.touched[at as usize].key == *key;
        self.rare.as_ref()?.index.find(hash, same).map(|&at| at as usize)
    }

    /// Where a cell is among those that were touched, from now on.
    pub(crate) fn place(&mut self, hash: u64, key: &Key) -> usize {
        self.find(hash, key).unwrap_or_else(|| self.add(hash, key, None))
    }

    /// Notes the version and the end of a cell that was read, which is there among those that were touched, if it is.
    #[inline]
    pub(crate) fn note_read(
        &mut self,
        at: Option<usize>,
        (hash, key): (u64, &Key),
        version: u64,
        expires: Option<Duration>,
    ) {
        let at = match at {
            Some(at) => {
                self.touched[at].read = Some(version);
                at
            }
            None => self.add(hash, key, Some(version)),
        };
        if expires.is_some() || self.earliest.is_some() {
            self.note_expiry(at, expires);
        }
    }

    #[cold]
    fn note_expiry(&mut self, at: usize, expires: Option<Duration>) {
        let expiries = &mut self.rare().expiries;
        match expires {
            Some(expires) => expiries.insert(at, expires),
            None => expiries.remove(&at),
        };
        self.earliest = self.earliest.into_iter().chain(expires).min();
    }

    /// When a cell expires, as it was read.
    pub(crate) fn expires(&self, at: usize) -> Option<Duration> {
        self.rare.as_ref()?.expiries.get(&at).copied()
    }

    /// Notes what the clock of a shard that was read shows.
    #[inline]
    pub(crate) fn note_shard(&mut self, number: usize, clock: u64) {
        if self.shards.last().is_none_or(|(last, _)| *last < number) {
            return self.shards.push((number, clock));
        }
        match self.shards.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => self.shards[at].1 = clock,
            Err(at) => self.shards.insert(at, (number, clock)),
        }
    }

    /// Whether a cell was read.
    pub(crate) fn has_read(&self, hash: u64, key: &Key) -> bool {
        self.find(hash, key).is_some_and(|at| self.touched[at].read.is_some())
    }

    /// Notes a scan, which was made when all earlier ones would have found what they did. Of several of one range, from one
    /// end, the one that asked for most says what the others would.
    /// One that asked for nothing has seen nothing.
    pub(crate) fn note_range(&mut self, ranged: Ranged) {
        let scan = &ranged.scan;
        if scan.limit == 0 {
            return;
        }
        let same = |known: &&mut Ranged| known.scan.range == scan.range && known.scan.reverse == scan.reverse;
        let ranges = &mut self.rare().ranges;
        match ranges.iter_mut().find(same) {
            Some(known) if known.scan.limit >= scan.limit => {}
            Some(known) => *known = ranged,
            None => ranges.push(ranged),
        }
    }

    /// Notes a write. Answers what it replaces, to be dropped once everything is unlocked.
    #[inline]
    pub(crate) fn write(&mut self, at: usize, write: Pending<T>) -> Option<Pending<T>> {
        let old = self.touched[at].write.replace(write);
        match &mut self.rare {
            Some(rare) if !rare.savepoints.is_empty() => {
                rare.replaced.push((at as u32, old));
                None
            }
            _ => old,
        }
    }

    /// Whether it has more than a few reads and writes, or anything that it read expires.
    #[inline]
    pub(crate) fn has_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_read_only(&self) -> bool {
        self.touched.iter().all(|touched| touched.write.is_none())
    }

    /// Whether nothing was read.
    pub(crate) fn has_read_nothing(&self) -> bool {
        self.ranges().is_empty() && self.touched.iter().all(|touched| touched.read.is_none())
    }

    /// What it has read, without values: to be compared with what is there at any time from now on.
    pub(crate) fn take_reads(&mut self) -> Attempt<()> {
        let read = self.touched.iter().filter(|touched| touched.read.is_some());
        let touched = read.map(|touched| {
            let Touched { ref key, hash, read, .. } = *touched;
            Touched { key: key.clone(), hash, read, write: None }
        });
        let mut reads = Attempt {
            touched: touched.collect(),
            shards: std::mem::take(&mut self.shards),
            latest: self.latest,
            earliest: self.earliest,
            ..Attempt::new()
        };
        if let Some(rare) = &mut self.rare {
            reads.set_generation(rare.generation);
            reads.rare().ranges = std::mem::take(&mut rare.ranges);
        }
        reads
    }

    /// Its scans, and what they found.
    #[inline]
    pub(crate) fn ranges(&self) -> &[Ranged] {
        self.rare.as_ref().map_or(&[], |rare| &rare.ranges)
    }

    /// How often the index of all keys had changed when all reads were looked at last, if there are scans.
    pub(crate) fn generation(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.generation)
    }

    pub(crate) fn set_generation(&mut self, generation: u64) {
        self.rare().generation = generation;
    }

    /// Keeps what was read for nothing, to be dropped with the attempt.
    pub(crate) fn keep_unused(&mut self, value: Option<T>) {
        if let Some(value) = value {
            self.rare().unused.push(value);
        }
    }

    pub(crate) fn add_callback(&mut self, number: u64) {
        self.rare().callbacks.push(number);
    }

    pub(crate) fn take_callbacks(&mut self) -> Vec<u64> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.callbacks)).unwrap_or_default()
    }

    /// Marks what ends the attempt. The first mark counts.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.rare().mark.get_or_insert(mark);
    }

    pub(crate) fn take_mark(&mut self) -> Option<Mark> {
        self.rare.as_mut()?.mark.take()
    }

    #[cold]
    pub(super) fn rare(&mut self) -> &mut Rare<T> {
        self.rare.get_or_insert_with(|| Box::new(Rare::new()))
    }

    /// Adds a cell that was not found.
    #[inline(always)]
    fn add(&mut self, hash: u64, key: &Key, read: Option<u64>) -> usize {
        let at = self.touched.len();
        // Filled in its place: what is put together elsewhere is read back in other pieces than it was written in.
        self.touched.push(Touched::BLANK);
        let touched = &mut self.touched[at];
        (touched.hash, touched.read) = (hash, read);
        touched.key = key.clone();
        if at >= FEW {
            self.put_into_index(at);
        }
        at
    }

    #[cold]
    fn put_into_index(&mut self, at: usize) {
        let rare = self.rare.get_or_insert_with(|| Box::new(Rare::new()));
        let touched = &self.touched;
        let hashes = |&at: &u32| touched[at as usize].hash;
        // All of them, at the first one that is too many for looking through.
        let from = if at == FEW { 0 } else { at };
        for at in from..=at {
            rare.index.insert_unique(touched[at].hash, at as u32, hashes);
        }
    }
}

impl<T> Touched<T> {
    /// Of no cell: to be filled in.
    const BLANK: Touched<T> = Touched { key: Key::BLANK, hash: 0, read: None, write: None };
}

impl<T> Pending<T> {
    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Pending::Set { value, .. } => Some(value),
            Pending::Delete => None,
        }
    }
}

impl<T> Rare<T> {
    fn new() -> Rare<T> {
        Rare {
            index: HashTable::new(),
            expiries: BTreeMap::new(),
            ranges: Vec::new(),
            generation: 0,
            savepoints: Vec::new(),
            replaced: Vec::new(),
            callbacks: Vec::new(),
            mark: None,
            aborted: None,
            unused: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), Refused> {
        match (&self.mark, &self.aborted) {
            (Some(_), _) => Err(Refused::Doomed),
            (None, Some(reason)) => Err(Refused::Aborted(reason.clone())),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn set(value: u32) -> Pending<u32> {
        Pending::Set { value, expiry: Expiry::Never }
    }

    pub(in crate::machine) fn write(attempt: &mut Attempt<u32>, key: u64, value: u32) {
        let at = attempt.place(key, &Key::from(key));
        attempt.write(at, set(value));
    }

    #[test]
    fn what_ends_leaves_its_values_and_nothing_else() {
        let mut attempt = Attempt::new();
        let (body, _) = attempt.begin();
        write(&mut attempt, 1, 1);
        attempt.enter();
        write(&mut attempt, 1, 2);
        attempt.keep_unused(Some(3));
        attempt.mark(Mark::Retry);
        let mut values = Vec::new();
        attempt.end(&mut values);
        values.sort_unstable();
        assert_eq!(values, [1, 2, 3]);
        assert_eq!(attempt.check(body), Err(Refused::Ended));
        let (next, left) = attempt.begin();
        assert!(next > body && left.is_empty() && attempt.touched.is_empty());
        assert_eq!(attempt.check(next), Ok(()));
    }

    #[test]
    fn many_cells_are_found() {
        let mut attempt = Attempt::new();
        attempt.begin();
        const MANY: u64 = if cfg!(miri) { 3 * FEW as u64 } else { 100 };
        for key in 0..MANY {
            let at = attempt.place(key % 5, &Key::from(key));
            attempt.write(at, set(key as u32));
        }
        for key in 0..MANY {
            assert_eq!(attempt.find(key % 5, &Key::from(key)), Some(key as usize));
        }
        assert_eq!(attempt.find(0, &Key::from(MANY)), None);
    }
}
