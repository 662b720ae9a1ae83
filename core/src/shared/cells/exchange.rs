//! What an `update` does with its cell: a look that sees a queue of turns, and a commit that respects them.

use super::{Aftermath, Cells, Open, Stored, turns};
use crate::commit::Write;
use crate::entry::Told;
use crate::machine::{Doom, hash};
use crate::shared::{Demand, Handle, Mailbox, Shared};
use crate::{Error, Key, Stale};

impl<V: Send + Sync + 'static> Cells<V> {
    /// A cell as it is now, and whether any call waits for its turn or has it.
    #[inline]
    pub(crate) fn peek(&self, shared: &Shared, key: &Key) -> (Told<Stored<V>>, bool) {
        let hash = hash(&shared.seed, key);
        let (seen, now, queue) = {
            let (mut open, now) = self.open_one(shared, hash, None);
            let table = open.of(hash);
            (table.read(hash, key, now), now, turns::has_queue(table, key))
        };
        (Told::new(seen, now), queue || self.space_has_queue())
    }

    /// Writes a cell that still has the version expected, for the call with this number: unless another call's turn is in the
    /// way. Answers its new version.
    ///
    /// # Errors
    ///
    /// `closed`, `fenced`.
    #[inline]
    pub(crate) fn exchange(
        &self,
        shared: &Shared,
        handle: &Handle,
        key: &Key,
        (expected, write): (u64, Write<V>),
        (call, guards): (u64, &[Demand]),
        own: Option<&Mailbox>,
    ) -> Result<Result<u64, Doom>, Error> {
        let hash = hash(&shared.seed, key);
        let timed = write.is_timed();
        if timed {
            self.will_expire(shared)?;
        }
        let now = if timed || !guards.is_empty() { shared.now() } else { None };
        // What is not written is dropped with it once everything is unlocked.
        let mut write = Some(write);
        let mut after = Aftermath::default();
        let outcome = {
            let _held = shared.lock_held(guards, now)?;
            let (mut open, now) = self.open_one(shared, hash, now);
            let next = open.next_version(handle)?;
            let table = open.of(hash);
            let found = table.find(hash, key);
            let version = table.version_of(&found, now);
            let met_turn = self.meets_turn(call, || turns::is_foreign(table, key, call));
            match write.take_if(|_| version == expected && !met_turn) {
                None => {
                    let stale = (version != expected).then(|| Stale { key: key.clone(), expected, version });
                    Err(Doom { stale: stale.into_iter().collect(), range: false, met_turn })
                }
                Some(write) => {
                    self.make(table, &found, write, next, now, &mut after);
                    self.finish(shared, &mut open, &mut after);
                    Ok(next)
                }
            }
        };
        after.carry_out(shared, own);
        Ok(outcome)
    }

    /// Whether these guards are held now.
    ///
    /// # Errors
    ///
    /// `fenced` when one is not.
    pub(crate) fn check_guards(&self, shared: &Shared, guards: &[Demand]) -> Result<(), Error> {
        if guards.is_empty() {
            return Ok(());
        }
        let now = shared.now();
        shared.lock_held(guards, now).map(drop)
    }
}
