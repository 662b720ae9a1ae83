//! Changing cells: all of a commit in one step, or nothing.

use std::time::Duration;

use smallvec::SmallVec;

use super::{Aftermath, Cells, Open};
use crate::commit::{Step, Write};
use crate::machine::{Presence, Written, exhausted, hash};
use crate::shared::{Handle, Mailbox, Shared};
use crate::sync::{Arc, Ordering};
use crate::{Commit, Committed, Conflict, Error, Expiry, Key, Outcome};

impl<V: Send + Sync + 'static> Cells<V> {
    /// Checks all conditions and makes all changes at one instant, or none.
    ///
    /// # Errors
    ///
    /// `closed`, `fenced`, and `invalid` for a key that is too long or an expiry that nobody could tell.
    pub(crate) fn commit(
        &self,
        shared: &Shared,
        handle: &Handle,
        commit: Commit<V>,
        own: Option<&Mailbox>,
    ) -> Result<Outcome<Arc<V>>, Error> {
        let Commit { steps, guards } = commit;
        guards.iter().filter_map(|guard| guard.keys.as_ref()).flatten().try_for_each(Key::check)?;
        self.check(shared, &steps)?;
        let now = if guards.is_empty() { self.now(shared) } else { shared.now() };
        let hashes: SmallVec<[u64; 4]> = steps.iter().map(|step| hash(&shared.seed, &step.key)).collect();
        let mut after = Aftermath::default();
        let outcome = {
            let _held = shared.lock_held(&guards, now)?;
            let mut open = self.open(shared, hashes.iter().copied());
            let version = open.clock() + 1;
            // Checked under the locks, as for requests.
            if handle.is_closed() || exhausted(version) {
                return Err(Error::closed());
            }
            let now = open.at(now);
            let conflicts = open.conflicts(&steps, &hashes, now);
            if conflicts.is_empty() {
                Ok(self.apply(shared, &mut open, steps.into_iter().zip(hashes), version, now, &mut after))
            } else {
                Err(conflicts)
            }
        };
        after.carry_out(shared, own);
        Ok(outcome)
    }

    fn apply(
        &self,
        shared: &Shared,
        open: &mut Open<'_, V>,
        steps: impl Iterator<Item = (Step<V>, u64)>,
        version: u64,
        now: Duration,
        after: &mut Aftermath<V>,
    ) -> Committed {
        let mut committed = Committed { version: 0, existed: false };
        for (Step { key, write, .. }, hash) in steps {
            let Some(write) = write else { continue };
            committed.version = version;
            let table = &mut open.of(hash).table;
            let written = match write {
                Write::Set { value, expiry } => {
                    let expires = match expiry {
                        Expiry::Never => None,
                        Expiry::Keep => table.expires(hash, &key, now),
                        Expiry::In(after) => now.checked_add(after),
                    };
                    table.set((hash, &key), value, expires, version, now)
                }
                Write::Delete => {
                    let written = table.delete(hash, &key, version, now);
                    committed.existed |= written.existed;
                    written
                }
            };
            if !table.watches.is_empty() {
                table.watches.of(&key, &mut after.watchers);
            }
            self.note(key, written, after);
        }
        self.finish(shared, open, after);
        committed
    }

    /// Notes what a write leaves to do.
    pub(super) fn note(&self, key: Key, written: Written<Arc<V>>, after: &mut Aftermath<V>) {
        after.values.extend(written.old);
        match written.presence {
            // A key that one commit writes several times may have come and gone.
            Presence::Appeared => {
                after.gone.retain(|gone| *gone != key);
                after.appeared.push(key);
            }
            Presence::Gone => {
                after.appeared.retain(|appeared| *appeared != key);
                after.gone.push(key);
            }
            Presence::Same if self.any_prefix.load(Ordering::Acquire) => after.changed.push(key),
            Presence::Same => {}
        }
    }

    /// Does what is to be done before the shards are unlocked.
    pub(super) fn finish(&self, shared: &Shared, open: &mut Open<'_, V>, after: &mut Aftermath<V>) {
        if self.timed.load(Ordering::Acquire) {
            for (number, content) in &mut open.shards {
                Cells::note_expiry(shared, *number, content);
            }
        }
        self.settle(after);
    }

    fn check(&self, shared: &Shared, steps: &[Step<V>]) -> Result<(), Error> {
        for Step { key, write, .. } in steps {
            key.check()?;
            if let Some(Write::Set { expiry: Expiry::In(_), .. }) = write {
                if shared.clock().is_none() {
                    return Err(Error::invalid("expire_in", "the space has no clock"));
                }
                self.timed.store(true, Ordering::Release);
            }
        }
        Ok(())
    }
}

impl<V: Send + Sync + 'static> Open<'_, V> {
    /// The conditions that are not met, with the cells as they are.
    fn conflicts(&mut self, steps: &[Step<V>], hashes: &[u64], now: Duration) -> Vec<Conflict<Arc<V>>> {
        let mut conflicts = Vec::new();
        for (step, &hash) in steps.iter().zip(hashes) {
            let Some(expected) = step.expected else { continue };
            if self.of(hash).table.version(hash, &step.key, now) != expected {
                let entry = self.entry(&step.key, hash, now);
                conflicts.push(Conflict { key: step.key.clone(), expected, entry });
            }
        }
        conflicts
    }
}
