//! Writes and watches of cells through ports.

use std::time::Duration;

use latchwork::{Commit, Error, Expiry, Key};
use serde_json::Value;

use super::{Place, Ports, Slot};
use crate::host::cells::read;
use crate::host::{AtomicPart, Demanded, NotMet, State, Write, Wrote};

impl Ports {
    /// Writes one cell.
    pub(super) fn write_one(&mut self, handle: &str, write: Write) -> Result<Wrote, Error> {
        let mut commit = Commit::new();
        let (demanded, deletes, expects) = match write {
            Write::Set(key, value, expire_in, demanded) => {
                commit.set(key, None, value, expiry(expire_in));
                (demanded, false, false)
            }
            Write::Insert(key, value, expire_in, demanded) => {
                commit.set(key, Some(0), value, expiry(expire_in));
                (demanded, false, true)
            }
            Write::CompareExchange(cell, value, expire_in, demanded) => {
                let (key, version) = cell.parts();
                commit.set(key, Some(version), value, expiry(expire_in));
                (demanded, false, true)
            }
            Write::Delete(Err(key), demanded) => {
                commit.delete(key, None);
                (demanded, true, false)
            }
            Write::Delete(Ok(cell), demanded) => {
                let (key, version) = cell.parts();
                commit.delete(key, Some(version));
                (demanded, true, true)
            }
        };
        self.demand(&mut commit, demanded);
        let outcome = self.at(&(handle.to_owned(), String::new())).port.commit(commit)?;
        Ok(match outcome {
            Ok(done) if deletes => Wrote::Existed(done.existed),
            Ok(done) => Wrote::Committed(done.version),
            Err(mut conflicts) => {
                assert!(expects && conflicts.len() == 1, "one condition, at most: {conflicts:?}");
                Wrote::There(conflicts.remove(0).entry.into())
            }
        })
    }

    /// Commits several conditions and writes.
    pub(super) fn write_many(&mut self, handle: &str, parts: Vec<AtomicPart>) -> Result<Wrote, Error> {
        let mut commit = Commit::new();
        for part in parts {
            match part {
                AtomicPart::Check(cell) => {
                    let (key, version) = cell.parts();
                    commit.check(key, version);
                }
                AtomicPart::Set(key, value, after) => commit.set(key, None, value, expiry(after)),
                AtomicPart::Insert(key, value, after) => commit.set(key, Some(0), value, expiry(after)),
                AtomicPart::Delete(key) => commit.delete(key, None),
                AtomicPart::Guard(name, keys) => self.demand(&mut commit, Some((name, keys))),
            }
        }
        let outcome = self.at(&(handle.to_owned(), String::new())).port.commit(commit)?;
        Ok(match outcome {
            Ok(done) => Wrote::Committed(done.version),
            Err(conflicts) => Wrote::Conflicts(conflicts.into_iter().map(NotMet::from).collect()),
        })
    }

    /// Makes a watch of these keys, or of what begins with a key.
    pub(super) fn begin_watch(&mut self, place: Place, keys: Result<Vec<Key>, Key>, name: &str) {
        let space = &self.handles[&place.0];
        let watch = match keys {
            Ok(keys) => space.watch(keys),
            Err(prefix) => space.watch_prefix(prefix),
        };
        self.watches.insert(name.to_owned(), (place, Some(watch)));
    }

    /// Asks a watch for its next item.
    pub(super) fn begin_next(&mut self, watch: &str, name: &str) {
        let place = self.watches[watch].0.clone();
        let tag = self.names.len() as u64;
        self.names.push(name.to_owned());
        let slot = Slot { watch: Some(watch.to_owned()), ..Slot::of(place, State::Pending) };
        self.results.insert(name.to_owned(), slot);
        self.look(tag);
    }

    /// Takes the next item of a watch, or asks to be told.
    pub(super) fn look(&mut self, tag: u64) {
        let name = self.names[tag as usize].clone();
        let Some(slot) = self.results.get(&name).filter(|slot| matches!(slot.state, State::Pending)) else { return };
        let Some((place, watch)) = slot.watch.as_ref().and_then(|watch| self.watches.get_mut(watch)) else { return };
        let place = place.clone();
        let Some(mut taken) = watch.take() else {
            return self.comes_to(&name, State::Ended);
        };
        let item = self.at(&place).port.next_of(&mut taken, tag);
        let watch = self.results[&name].watch.clone().unwrap_or_default();
        if let Some((_, watch)) = self.watches.get_mut(&watch).filter(|_| item.is_ok()) {
            *watch = Some(taken);
        }
        match item {
            Ok(Some(entries)) => self.comes_to(&name, State::Item(read(entries))),
            Ok(None) => {}
            Err(error) => self.comes_to(&name, State::Failed(error)),
        }
    }

    /// Names a guard in a commit, released or not.
    fn demand(&self, commit: &mut Commit<Value>, demanded: Demanded) {
        let Some((name, keys)) = demanded else { return };
        let slot = &self.results[&name];
        let seen = slot.state.seen().unwrap_or_else(|| panic!("{name} has no guard"));
        commit.guard(slot.ticket, seen.token, keys);
    }
}

fn expiry(after: Option<Duration>) -> Expiry {
    after.map_or(Expiry::Never, Expiry::In)
}
