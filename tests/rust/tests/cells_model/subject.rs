//! A real space, and how what it answers compares with what the reference says.

use std::collections::BTreeMap;
use std::time::Duration;

use latchwork::{
    Commit, Entry, Expiry, Guard, Key as SpaceKey, KeyRange, ManualClock, Port, Scan, Settled, Space, Watch, key,
};
use latchwork_tests::poll::now;

use super::reference::{Answer, Compared, KEYS, Key, Operation, Reference, Written};

const UNIT: Duration = Duration::from_millis(1);

/// A space, and the versions that the commits of the reference have in it.
pub(crate) struct Subject {
    clock: ManualClock,
    space: Space<u32>,
    port: Port<u32>,
    guard: Option<Guard>,
    watches: [Option<Watch<u32>>; 2],
    versions: BTreeMap<u64, u64>,
    /// The largest version that each cell ever had or was deleted with.
    largest: BTreeMap<Key, u64>,
    /// Watches that were asked, had nothing, and have not been told since.
    waiting: [bool; 2],
}

type Agrees = Result<(), String>;

fn key_of(key: Key) -> SpaceKey {
    match key {
        0 | 1 => key!("s", u64::from(key)),
        _ => key!("t", u64::from(key)),
    }
}

fn prefix() -> KeyRange {
    KeyRange::prefix(key!("s"))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, says: &T) -> Agrees {
    if is == says { Ok(()) } else { Err(format!("{what}: is {is:?}, the reference says {says:?}")) }
}

impl Subject {
    pub(crate) fn new(shards: usize) -> Subject {
        let clock = ManualClock::new();
        let space = Space::builder().cells().shards(shards).clock(clock.clone()).seed(3).build();
        let watches = [space.watch([key_of(2), key_of(0)]), space.watch_prefix(key!("s"))];
        Subject {
            port: space.port(|| {}),
            clock,
            space,
            guard: None,
            watches: watches.map(Some),
            versions: BTreeMap::from([(0, 0)]),
            largest: BTreeMap::new(),
            waiting: [false; 2],
        }
    }

    /// Does the same as the reference did, which was `before`.
    pub(crate) fn apply(&mut self, before: &Reference, operation: &Operation, says: &Answer) -> Agrees {
        self.hear()?;
        match operation {
            Operation::Write(written) => self.write(before, written, says),
            Operation::Remember(_) => Ok(()),
            Operation::Check(read, key) => {
                let mut commit = Commit::new();
                commit.check(key_of(*read), self.version_of(before.compared(*read, Compared::Remembered))?);
                commit.set(key_of(*key), None, 7, Expiry::Never);
                self.commit(commit, &[*key], &[*read], says)
            }
            Operation::Pair => {
                let mut commit = Commit::new();
                commit.set(key_of(0), Some(0), 7, Expiry::Never);
                commit.set(key_of(1), Some(0), 7, Expiry::In(UNIT));
                self.commit(commit, &[0, 1], &[], says)
            }
            Operation::ThereAndGone(key) => {
                let mut commit = Commit::new();
                commit.set(key_of(*key), None, 7, Expiry::Never);
                commit.delete(key_of(*key), None);
                self.commit(commit, &[*key], &[], says)
            }
            Operation::DeleteAll(except) => {
                let except: Vec<SpaceKey> = except.iter().map(|key| key_of(*key)).collect();
                let deleted = self.port.delete_all(&prefix(), &except).map_err(|error| error.to_string())?;
                let Answer::Deleted(keys) = says else { return Err(format!("not {says:?}")) };
                same("deleted", &deleted, &keys.iter().map(|key| key_of(*key)).collect())
            }
            Operation::Advance => {
                self.clock.advance(UNIT);
                Ok(())
            }
            Operation::Tick => {
                self.port.tick();
                Ok(())
            }
            Operation::Next(number) => self.next(*number, says),
            Operation::End(number) => {
                self.watches[*number] = None;
                self.waiting[*number] = false;
                Ok(())
            }
            Operation::Lock => {
                if !self.guard.as_ref().is_some_and(Guard::held) {
                    drop(self.guard.take());
                    self.guard = Some(now(self.space.lock(["g0", "g1"])).map_err(|error| error.to_string())?);
                }
                Ok(())
            }
            Operation::Relock => {
                if let Some(guard) = &mut self.guard {
                    // What is not held any more is released already.
                    let _ = guard.release();
                    drop(now(self.space.lock(["g0", "g1"])).map_err(|error| error.to_string())?);
                }
                Ok(())
            }
            Operation::Release => self.give_up(says, Guard::release),
            Operation::ReleaseKey(key) => self.give_up(says, |guard| guard.release_keys(format!("g{key}"))),
            Operation::Revoke(key) => {
                let count = self.space.revoke(format!("g{key}")).map_err(|error| error.to_string())?;
                same("revoked", &Answer::Count(count), says)
            }
        }
    }

    /// Compares everything that can be seen.
    pub(crate) fn compare(&mut self, reference: &Reference) -> Agrees {
        let mut present = Vec::new();
        for (key, version, left) in reference.present() {
            present.push((key_of(key), self.version_of(version)?, left.map(|left| UNIT * left)));
        }
        let show = |entries: Vec<Entry<_>>| -> Vec<_> {
            entries.into_iter().map(|entry| (entry.key, entry.version, entry.expires_in)).collect()
        };
        let list = |scan: Scan| self.port.list(&scan).map(show).map_err(|error| error.to_string());
        same("list", &list(Scan::new(KeyRange::all()))?, &present)?;
        let within: Vec<_> = present.iter().filter(|(key, ..)| prefix().contains(key)).cloned().collect();
        same("list of a prefix", &list(Scan::new(prefix()))?, &within)?;
        same("first", &list(Scan::new(prefix()).limit(1))?, &within[..within.len().min(1)].to_vec())?;
        let last: Vec<_> = present.iter().rev().take(1).cloned().collect();
        same("last", &list(Scan::new(KeyRange::all()).reverse().limit(1))?, &last)?;
        for key in KEYS {
            let entry = self.port.get(&key_of(key)).map_err(|error| error.to_string())?;
            same("version", &entry.version, &self.version_of(reference.version(key))?)?;
            same("value", &entry.value.is_some(), &(entry.version > 0))?;
        }
        let many = self.port.get_many(&KEYS.map(key_of)).map_err(|error| error.to_string())?;
        let versions: Result<Vec<u64>, String> =
            KEYS.iter().map(|key| self.version_of(reference.version(*key))).collect();
        same("several", &many.iter().map(|entry| entry.version).collect(), &versions?)?;
        self.compare_watches(reference)
    }

    /// Whoever waits has been told if, and only if, there is something to look at.
    fn compare_watches(&mut self, reference: &Reference) -> Agrees {
        self.hear()?;
        for number in [0, 1] {
            if self.waiting[number] && reference.told(number) {
                return Err(format!("watch {number} was not told"));
            }
        }
        Ok(())
    }

    /// Takes what the port was told.
    fn hear(&mut self) -> Agrees {
        let mut settled = Vec::new();
        self.port.take_settled(&mut settled);
        for one in settled {
            match one {
                Settled::Changed { tag } if self.waiting[tag as usize] => self.waiting[tag as usize] = false,
                other => return Err(format!("told of {other:?} without being asked")),
            }
        }
        Ok(())
    }

    fn write(&mut self, before: &Reference, written: &Written, says: &Answer) -> Agrees {
        let Written { key, deletes, compared, expires, guarded } = written;
        let mut commit = Commit::new();
        let expected = compared.map(|compared| self.version_of(before.compared(*key, compared))).transpose()?;
        let expiry = expires.map_or(Expiry::Never, |after| Expiry::In(UNIT * after));
        if *deletes {
            commit.delete(key_of(*key), expected);
        } else {
            commit.set(key_of(*key), expected, 7, expiry);
        }
        if let Some(named) = guarded {
            let named = named.map(|key| vec![SpaceKey::from(format!("g{key}"))]);
            let (ticket, token) = self.guard.as_ref().map_or((None, 0), |guard| (Some(guard.ticket()), guard.token()));
            commit.guard(ticket, token, named);
        }
        self.commit(commit, &[*key], &[], says)
    }

    fn commit(&mut self, commit: Commit<u32>, writes: &[Key], reads: &[Key], says: &Answer) -> Agrees {
        let read: Vec<u64> = reads
            .iter()
            .map(|key| self.port.get(&key_of(*key)).map(|entry| entry.version).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?;
        match (self.port.commit(commit), says) {
            (Ok(Ok(done)), Answer::Committed(_) | Answer::Existed(_)) => {
                // Clause C1.
                for earlier in writes.iter().filter_map(|key| self.largest.get(key)).chain(&read) {
                    if done.version <= *earlier {
                        return Err(format!("version {} after {earlier}", done.version));
                    }
                }
                self.largest.extend(writes.iter().map(|key| (*key, done.version)));
                match says {
                    Answer::Existed(existed) => same("existed", &done.existed, existed),
                    Answer::Committed(number) => {
                        self.versions.insert(*number, done.version);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            (Ok(Err(conflicts)), Answer::Conflicts(keys)) => {
                let told: Vec<SpaceKey> = conflicts.iter().map(|conflict| conflict.key.clone()).collect();
                same("conflicts", &told, &keys.iter().map(|key| key_of(*key)).collect())
            }
            (Err(error), Answer::Fenced) => same("code", &error.code(), &"fenced"),
            (is, says) => Err(format!("came to {is:?}, the reference says {says:?}")),
        }
    }

    fn next(&mut self, number: usize, says: &Answer) -> Agrees {
        let Some(watch) = &mut self.watches[number] else { return same("an ended watch", &Answer::NotHeld, says) };
        match (self.port.next_of(watch, number as u64), says) {
            (Ok(None), Answer::Pending) => {
                self.waiting[number] = true;
                Ok(())
            }
            (Ok(Some(entries)), Answer::Item(state)) => {
                // Whoever has an item to look at waits for nothing.
                self.waiting[number] = false;
                let says: Result<Vec<_>, String> =
                    state.iter().map(|(key, version)| Ok((key_of(*key), self.version_of(*version)?))).collect();
                let is = entries.into_iter().map(|entry| (entry.key, entry.version)).collect();
                same("item", &is, &says?)
            }
            (is, says) => Err(format!("the watch has {is:?}, the reference says {says:?}")),
        }
    }

    fn give_up(&mut self, says: &Answer, step: impl FnOnce(&mut Guard) -> Result<(), latchwork::Error>) -> Agrees {
        let given = self.guard.as_mut().is_some_and(|guard| step(guard).is_ok());
        same("released", &given, &(*says == Answer::Nothing))
    }

    /// The version of a commit of the reference.
    fn version_of(&self, number: u64) -> Result<u64, String> {
        self.versions.get(&number).copied().ok_or_else(|| format!("commit {number} of the reference did not happen"))
    }
}
