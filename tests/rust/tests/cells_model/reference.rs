//! What the clauses say about cells, in the plainest way.

use std::collections::{BTreeMap, BTreeSet};

/// A cell by its number: 0 and 1 begin alike, 2 does not.
pub(crate) type Key = u8;

pub(crate) const KEYS: [Key; 3] = [0, 1, 2];

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A write of one cell.
    Write(Written),
    /// Notes the version of a cell.
    Remember(Key),
    /// Sets the second cell if the first one still has the version noted of it.
    Check(Key, Key),
    /// Inserts cells 0 and 1 in one step.
    Pair,
    /// Sets and deletes a cell in one step.
    ThereAndGone(Key),
    /// Deletes cells 0 and 1, perhaps but for one.
    DeleteAll(Option<Key>),
    /// The clock moves by one, and nobody ticks.
    Advance,
    Tick,
    /// Asks a watch for its next item.
    Next(usize),
    /// Ends a watch.
    End(usize),
    /// Locks the two keys of the guard, if nobody holds it.
    Lock,
    /// Somebody else takes the keys, if they are free, and gives them back.
    Relock,
    Release,
    ReleaseKey(u8),
    Revoke(u8),
}

/// A write of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) key: Key,
    pub(crate) deletes: bool,
    pub(crate) compared: Option<Compared>,
    pub(crate) expires: Option<u32>,
    /// Names the guard, and perhaps one of its keys.
    pub(crate) guarded: Option<Option<u8>>,
}

/// What a condition compares a cell with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    Absent,
    /// The version noted of the cell; absent, if none was.
    Remembered,
    /// The version that it has.
    Now,
}

impl Written {
    pub(crate) fn set(key: Key) -> Written {
        Written { key, deletes: false, compared: None, expires: None, guarded: None }
    }

    pub(crate) fn insert(key: Key) -> Written {
        Written::set(key).when(Compared::Absent)
    }

    pub(crate) fn delete(key: Key) -> Written {
        Written { deletes: true, ..Written::set(key) }
    }

    pub(crate) fn when(self, compared: Compared) -> Written {
        Written { compared: Some(compared), ..self }
    }

    pub(crate) fn expires(self, after: u32) -> Written {
        Written { expires: Some(after), ..self }
    }

    pub(crate) fn guarded(self, key: Option<u8>) -> Written {
        Written { guarded: Some(key), ..self }
    }
}

/// What a reference does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    EqualValueIsNoChange,
    ForgetsVersionsOfTheDeleted,
    WritesDespiteConflicts,
    ExpiresLate,
    SetKeepsExpiry,
    TellsNobodyOfExpiry,
    TellsNobodyOfDeletions,
    LosesOneKeyOnly,
    NeverFences,
}

/// What an operation answers. Versions are the numbers of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Nothing,
    Committed(u64),
    Existed(bool),
    /// The keys whose conditions were not met.
    Conflicts(Vec<Key>),
    Deleted(Vec<Key>),
    Fenced,
    NotHeld,
    Count(usize),
    Item(Vec<(Key, u64)>),
    Pending,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    version: u64,
    expires: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Guard {
    None,
    /// Holds these of its keys; the others it has released itself.
    Held(BTreeSet<u8>),
    /// One was taken away: these stay reserved until they are released.
    Lost(BTreeSet<u8>),
    Released,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Watch {
    ended: bool,
    /// Somebody has to be told: something watched was written or swept since the last look.
    told: bool,
    last: Option<Vec<(Key, u64)>>,
}

/// The state that the clauses speak of.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    fault: Option<Fault>,
    steps: usize,
    now: u32,
    commits: u64,
    cells: BTreeMap<Key, Cell>,
    remembered: BTreeMap<Key, u64>,
    guard: Guard,
    /// A fault has left the guard something that it lost.
    robbed: bool,
    /// Watch 0: cells 2 and 0, in this order. Watch 1: what begins like 0 and 1.
    watches: [Watch; 2],
}

impl Reference {
    pub(crate) fn new(fault: Option<Fault>) -> Reference {
        Reference {
            fault,
            steps: 0,
            now: 0,
            commits: 0,
            cells: BTreeMap::new(),
            remembered: BTreeMap::new(),
            guard: Guard::None,
            robbed: false,
            watches: Default::default(),
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// The present cells: version, and when each expires.
    pub(crate) fn present(&self) -> Vec<(Key, u64, Option<u32>)> {
        let present = self.cells.iter().filter(|(_, cell)| !self.is_over(cell));
        present.map(|(key, cell)| (*key, cell.version, cell.expires.map(|at| at.saturating_sub(self.now)))).collect()
    }

    /// The version that a condition asks for.
    pub(crate) fn compared(&self, key: Key, compared: Compared) -> u64 {
        match compared {
            Compared::Absent => 0,
            Compared::Remembered => self.remembered.get(&key).copied().unwrap_or(0),
            Compared::Now => self.version(key),
        }
    }

    /// Whether the watch has something to look at, as whoever waits for it must have been told.
    pub(crate) fn told(&self, watch: usize) -> bool {
        self.watches[watch].told
    }

    pub(crate) fn version(&self, key: Key) -> u64 {
        self.cells.get(&key).filter(|cell| !self.is_over(cell)).map_or(0, |cell| cell.version)
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> Answer {
        self.steps += 1;
        match operation {
            Operation::Write(written) => self.write(written),
            Operation::Remember(key) => {
                self.remembered.insert(*key, self.version(*key));
                Answer::Nothing
            }
            Operation::Check(read, key) => {
                let expected = self.compared(*read, Compared::Remembered);
                self.commit(&[(*read, expected)], &[(*key, Some(None))])
            }
            Operation::Pair => self.commit(&[(0, 0), (1, 0)], &[(0, Some(None)), (1, Some(Some(1)))]),
            Operation::ThereAndGone(key) => self.commit(&[], &[(*key, Some(None)), (*key, None)]),
            Operation::DeleteAll(except) => {
                let deleted: Vec<Key> = [0, 1].into_iter().filter(|key| Some(*key) != *except).collect();
                let there = deleted.iter().copied().filter(|key| self.version(*key) > 0).collect();
                let kept: Vec<_> = deleted.into_iter().filter(|key| self.cells.contains_key(key)).collect();
                self.commit(&[], &kept.into_iter().map(|key| (key, None)).collect::<Vec<_>>());
                Answer::Deleted(there)
            }
            Operation::Advance => {
                self.now += 1;
                Answer::Nothing
            }
            Operation::Tick => {
                let over: Vec<Key> =
                    self.cells.iter().filter(|(_, cell)| self.is_over(cell)).map(|(key, _)| *key).collect();
                for key in over {
                    self.cells.remove(&key);
                    if self.fault != Some(Fault::TellsNobodyOfExpiry) {
                        self.tell(key);
                    }
                }
                Answer::Nothing
            }
            Operation::Next(number) => self.next(*number),
            Operation::End(number) => {
                self.watches[*number] = Watch { ended: true, ..Watch::default() };
                Answer::Nothing
            }
            Operation::Lock => {
                if matches!(self.guard, Guard::None | Guard::Released | Guard::Lost(_)) {
                    self.guard = Guard::Held(BTreeSet::from([0, 1]));
                }
                Answer::Nothing
            }
            // The guard that is held before it is released on both keys, whatever it held.
            Operation::Relock => {
                self.guard = match self.guard {
                    Guard::None => Guard::None,
                    _ => Guard::Released,
                };
                Answer::Nothing
            }
            Operation::Release => match std::mem::replace(&mut self.guard, Guard::Released) {
                Guard::Held(_) => Answer::Nothing,
                Guard::Lost(keys) if !keys.is_empty() => Answer::Nothing,
                other => {
                    self.guard = other;
                    Answer::NotHeld
                }
            },
            Operation::ReleaseKey(key) => match &mut self.guard {
                Guard::Held(keys) if keys.contains(key) => {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.guard = Guard::Released;
                    }
                    Answer::Nothing
                }
                _ => Answer::NotHeld,
            },
            Operation::Revoke(key) => match &mut self.guard {
                Guard::Held(keys) if keys.contains(key) => {
                    if self.fault == Some(Fault::LosesOneKeyOnly) && keys.len() > 1 {
                        keys.remove(key);
                        self.robbed = true;
                    } else {
                        keys.remove(key);
                        self.guard = Guard::Lost(std::mem::take(keys));
                    }
                    Answer::Count(1)
                }
                Guard::Lost(keys) if keys.contains(key) => {
                    keys.remove(key);
                    Answer::Count(0)
                }
                _ => Answer::Count(0),
            },
        }
    }

    /// What a state is, without the numbers that only count.
    pub(crate) fn state(&self) -> String {
        let mut versions: BTreeSet<u64> = self.cells.values().map(|cell| cell.version).collect();
        versions.extend(self.remembered.values());
        versions.extend(self.watches.iter().flat_map(|watch| watch.last.iter().flatten()).map(|(_, version)| *version));
        let rank = |version: u64| if version == 0 { 0 } else { versions.range(..=version).count() };
        let cells: Vec<_> = self
            .cells
            .iter()
            .map(|(key, cell)| (key, rank(cell.version), cell.expires.map(|at| at.saturating_sub(self.now))))
            .collect();
        let remembered: Vec<_> = self.remembered.iter().map(|(key, version)| (key, rank(*version))).collect();
        let watches: Vec<_> = self
            .watches
            .iter()
            .map(|watch| {
                let last = watch.last.as_ref();
                let last: Option<Vec<_>> =
                    last.map(|last| last.iter().map(|(key, version)| (*key, rank(*version))).collect());
                (watch.ended, watch.told, last)
            })
            .collect();
        format!("{cells:?} {remembered:?} {:?} {} {watches:?}", self.guard, self.robbed)
    }

    fn write(&mut self, written: &Written) -> Answer {
        let Written { key, deletes, compared, expires, guarded } = written;
        if let Some(named) = guarded
            && self.fault != Some(Fault::NeverFences)
        {
            let holds = match (&self.guard, named) {
                (Guard::Held(keys), Some(key)) => keys.contains(key),
                (Guard::Held(_), None) => true,
                _ => false,
            };
            if !holds {
                return Answer::Fenced;
            }
        }
        let conditions: Vec<_> = compared.iter().map(|compared| (*key, self.compared(*key, *compared))).collect();
        let existed = self.version(*key) > 0;
        let value = (!deletes).then_some(*expires);
        match self.commit(&conditions, &[(*key, value)]) {
            Answer::Committed(_) if *deletes => Answer::Existed(existed),
            answer => answer,
        }
    }

    /// Conditions, then writes: with a time to expire, or deletions.
    fn commit(&mut self, conditions: &[(Key, u64)], writes: &[(Key, Option<Option<u32>>)]) -> Answer {
        let not_met = conditions.iter().filter(|(key, version)| self.version(*key) != *version);
        let not_met: Vec<Key> = not_met.map(|(key, _)| *key).collect();
        if !not_met.is_empty() && self.fault != Some(Fault::WritesDespiteConflicts) {
            return Answer::Conflicts(not_met);
        }
        self.commits += 1;
        for (key, write) in writes {
            match write {
                Some(expires) => {
                    let before = self.cells.get(key).filter(|cell| !self.is_over(cell)).cloned();
                    let expires = match (&before, expires) {
                        (Some(before), None) if self.fault == Some(Fault::SetKeepsExpiry) => before.expires,
                        (_, expires) => expires.map(|after| self.now + after),
                    };
                    let version = match &before {
                        Some(before) if self.fault == Some(Fault::EqualValueIsNoChange) => before.version,
                        None if self.fault == Some(Fault::ForgetsVersionsOfTheDeleted)
                            && self.remembered.get(key).is_some_and(|version| *version > 0) =>
                        {
                            self.remembered[key]
                        }
                        _ => self.commits,
                    };
                    self.cells.insert(*key, Cell { version, expires });
                    self.tell(*key);
                }
                None => {
                    self.cells.remove(key);
                    if self.fault != Some(Fault::TellsNobodyOfDeletions) {
                        self.tell(*key);
                    }
                }
            }
        }
        if !not_met.is_empty() {
            return Answer::Conflicts(not_met);
        }
        Answer::Committed(self.commits)
    }

    fn next(&mut self, number: usize) -> Answer {
        if self.watches[number].ended {
            return Answer::NotHeld;
        }
        let state: Vec<(Key, u64)> = match number {
            0 => vec![(2, self.version(2)), (0, self.version(0))],
            _ => [0, 1].into_iter().map(|key| (key, self.version(key))).filter(|(_, version)| *version > 0).collect(),
        };
        let watch = &mut self.watches[number];
        let looks = std::mem::take(&mut watch.told) || watch.last.is_none();
        if !looks || watch.last.as_ref() == Some(&state) {
            return Answer::Pending;
        }
        watch.last = Some(state.clone());
        Answer::Item(state)
    }

    fn tell(&mut self, key: Key) {
        let [first, second] = &mut self.watches;
        for (watch, watches) in [(first, key != 1), (second, key != 2)] {
            if watches && watch.last.is_some() {
                watch.told = true;
            }
        }
    }

    fn is_over(&self, cell: &Cell) -> bool {
        let late = u32::from(self.fault == Some(Fault::ExpiresLate));
        cell.expires.is_some_and(|at| at + late <= self.now)
    }
}
