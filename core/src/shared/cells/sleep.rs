//! A transaction that waits until something that it read changes (clause C10).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Cells, Checked, Subscription, Watched};
use crate::machine::{Attempt, Doom};
use crate::shared::{Recipient, Shared};

/// A wait for a change. It must be given to [`Cells::end_sleep`].
pub(crate) struct Sleep {
    subscription: Subscription,
    watched: Vec<Watched>,
    read: Attempt<()>,
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Waits for a change of what an attempt has read: watches it first, and then looks whether it is as it was, so that
    /// nothing is missed in between.
    ///
    /// # Errors
    ///
    /// What has changed already.
    pub(crate) fn sleep(
        &self,
        shared: &Shared,
        attempt: &mut Checked<V>,
        recipient: Recipient,
        now: Duration,
    ) -> Result<Sleep, Doom> {
        let read = attempt.touched.iter().filter(|touched| touched.read.is_some());
        let keys: BTreeSet<_> = read.map(|touched| touched.key.clone()).collect();
        let ranges = attempt.ranges().iter().map(|ranged| Watched::Range(ranged.scan.range.clone()));
        let watched: Vec<Watched> = ranges.chain([Watched::Keys(keys.into_iter().collect())]).collect();
        let subscription = self.begin_to_watch();
        let sleep = Sleep { subscription, watched, read: attempt.take_reads() };
        let _changed = sleep.subscription.watcher.arm(recipient);
        for what in &sleep.watched {
            self.watch_also(shared, what, &sleep.subscription);
        }
        match self.compare(shared, &sleep.read, now) {
            Ok(()) => Ok(sleep),
            Err(doom) => {
                self.end_sleep(shared, sleep);
                Err(doom)
            }
        }
    }

    /// Whether anything that was read is not as it was; else the recipient is told of the next change. What is watched is more
    /// than what was read: all cells that begin like those of a range, and what expires without having been there.
    pub(crate) fn has_changed(
        &self,
        shared: &Shared,
        sleep: &Sleep,
        recipient: Recipient,
        now: impl FnOnce() -> Duration,
    ) -> bool {
        // Told of what comes after this look: so nothing is missed.
        sleep.subscription.watcher.arm(recipient) && self.compare(shared, &sleep.read, now()).is_err()
    }

    /// Ends a wait.
    pub(crate) fn end_sleep(&self, shared: &Shared, sleep: Sleep) {
        let Sleep { subscription, watched, .. } = sleep;
        subscription.watcher.disarm();
        for what in &watched {
            self.unwatch(shared, what, &subscription);
        }
        self.end_watching(subscription);
    }
}
