//! Changing cells: all of a commit in one step, or nothing.

use std::time::Duration;

use super::open::Table;
use super::{Aftermath, Cells, Open, Stored, keeps};
use crate::commit::{Step, Write};
use crate::machine::{Found, Presence, Written, hash};
use crate::shared::{Handle, Mailbox, ONE_SHARD, Shared};
use crate::sync::Ordering;
use crate::{Commit, Committed, Conflict, Entry, Error, Key, Outcome};

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
    ) -> Result<Outcome<Stored<V>>, Error> {
        // Dropped with what is left in them once everything is unlocked.
        let Commit { mut steps, guards } = commit;
        guards.iter().filter_map(|guard| guard.keys.as_ref()).flatten().try_for_each(Key::check)?;
        let timed = self.look_up(shared, &mut steps)?;
        let now = if timed || !guards.is_empty() { shared.now() } else { None };
        let mut after = Aftermath::default();
        let outcome = {
            let _held = shared.lock_held(&guards, now)?;
            match &mut steps[..] {
                [step] => {
                    let open = self.open_one(shared, step.hash, now);
                    self.commit_in(shared, handle, open, std::slice::from_mut(step), &mut after)
                }
                _ if ONE_SHARD => self.commit_in(shared, handle, self.open_one(shared, 0, now), &mut steps, &mut after),
                steps => {
                    let open = self.open(shared, steps.iter().map(|step| step.hash), now);
                    self.commit_in(shared, handle, open, steps, &mut after)
                }
            }?
        };
        after.carry_out(shared, own);
        Ok(outcome)
    }

    #[inline]
    fn commit_in<'a>(
        &self,
        shared: &Shared,
        handle: &Handle,
        (mut open, now): (impl Open<'a, V>, Duration),
        steps: &mut [Step<V>],
        after: &mut Aftermath<V>,
    ) -> Result<Outcome<Stored<V>>, Error> {
        let version = open.next_version(handle)?;
        let conflicts = conflicts(&mut open, steps, now);
        if !conflicts.is_empty() {
            return Ok(Err(conflicts));
        }
        Ok(Ok(self.apply(shared, &mut open, steps, version, now, after)))
    }

    #[inline]
    pub(super) fn apply<'a>(
        &self,
        shared: &Shared,
        open: &mut impl Open<'a, V>,
        steps: &mut [Step<V>],
        version: u64,
        now: Duration,
        after: &mut Aftermath<V>,
    ) -> Committed {
        let mut committed = Committed { version: 0, existed: false };
        for Step { key, hash, write, .. } in steps {
            let Some(write) = write.take() else { continue };
            committed.version = version;
            let table = open.of(*hash);
            let found = table.find(*hash, key);
            committed.existed |= self.make(table, &found, write, version, now, after);
        }
        self.finish(shared, open, after);
        committed
    }

    /// Makes one write. Answers whether it deleted a cell that was there.
    #[inline]
    pub(super) fn make(
        &self,
        table: &mut Table<V>,
        found: &Found<'_>,
        write: Write<V>,
        version: u64,
        now: Duration,
        after: &mut Aftermath<V>,
    ) -> bool {
        let mut deleted = false;
        let written = match write {
            Write::Set { value, expiry } => table.set(found, value, expiry, (version, now), after),
            Write::Delete => {
                let written = table.delete((found.hash, found.key), (version, now), after);
                deleted = written.existed;
                written
            }
        };
        self.note(table, found.key, written, after);
        deleted
    }

    /// Notes what a write leaves to do.
    #[inline]
    pub(super) fn note(&self, table: &Table<V>, key: &Key, written: Written, after: &mut Aftermath<V>) {
        after.note_watchers(table, key);
        match written.presence {
            Presence::Appeared => after.news().moved.push((key.clone(), true)),
            Presence::Gone => after.news().moved.push((key.clone(), false)),
            Presence::Same if self.any_prefix.load(Ordering::Acquire) => after.news().changed.push(key.clone()),
            Presence::Same => {}
        }
    }

    /// Does what is to be done before the shards are unlocked.
    #[inline]
    pub(super) fn finish<'a>(&self, shared: &Shared, open: &mut impl Open<'a, V>, after: &mut Aftermath<V>) {
        let any_gone = after.any_gone();
        open.each(|locked| {
            if any_gone {
                locked.table.give_back(keeps(shared));
            }
            locked.show(shared);
        });
        self.settle(after);
    }

    /// Checks the steps and finds where their cells are. Answers whether any of them asks for the time.
    ///
    /// # Errors
    ///
    /// `invalid` for a key that is too long or an expiry that nobody could tell.
    #[inline]
    pub(super) fn look_up(&self, shared: &Shared, steps: &mut [Step<V>]) -> Result<bool, Error> {
        let mut timed = false;
        for step in steps {
            step.key.check()?;
            step.hash = hash(&shared.seed, &step.key);
            timed |= step.write.as_ref().is_some_and(Write::is_timed);
        }
        if timed {
            self.will_expire(shared)?;
        }
        Ok(timed)
    }

    /// Cells are to expire: the time matters from now on.
    ///
    /// # Errors
    ///
    /// `invalid` in a space without a clock.
    pub(crate) fn will_expire(&self, shared: &Shared) -> Result<(), Error> {
        if shared.clock().is_none() {
            return Err(Error::invalid("expire_in", "the space has no clock"));
        }
        self.expires.store(true, Ordering::Release);
        Ok(())
    }
}

/// The conditions that are not met, with the cells as they are.
#[inline]
fn conflicts<'a, V: Send + Sync + 'static>(
    open: &mut impl Open<'a, V>,
    steps: &[Step<V>],
    now: Duration,
) -> Vec<Conflict<Stored<V>>> {
    let mut conflicts = Vec::new();
    for Step { key, hash, expected, .. } in steps {
        let Some(expected) = *expected else { continue };
        let table = open.of(*hash);
        if table.version(*hash, key, now) != expected {
            let entry = Entry::seen(key.clone(), table.read(*hash, key, now), now);
            conflicts.push(Conflict { key: key.clone(), expected, entry });
        }
    }
    conflicts
}
