//! A transaction that waits until something that it read changes (clause C10).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Cells, Checked, Subscription, Watched};
use crate::machine::Doom;
use crate::shared::{Recipient, Shared};

/// A wait for a change. It must be given to [`Cells::end_sleep`].
pub(crate) struct Sleep {
    subscription: Subscription,
    watched: Vec<Watched>,
}

impl Sleep {
    /// Whether something has changed since it was asked last; else whom to tell of it.
    pub(crate) fn is_over(&self, recipient: Recipient) -> bool {
        self.subscription.watcher.arm(recipient)
    }
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
        let ranges = attempt.ranges.iter().map(|ranged| Watched::Range(ranged.scan.range.clone()));
        let watched: Vec<Watched> = ranges.chain([Watched::Keys(keys.into_iter().collect())]).collect();
        let subscription = self.begin_to_watch();
        let sleep = Sleep { subscription, watched };
        let _changed = sleep.is_over(recipient);
        for what in &sleep.watched {
            self.watch_also(shared, what, &sleep.subscription);
        }
        match self.compare(shared, attempt, now) {
            Ok(()) => Ok(sleep),
            Err(doom) => {
                self.end_sleep(shared, sleep);
                Err(doom)
            }
        }
    }

    /// Ends a wait.
    pub(crate) fn end_sleep(&self, shared: &Shared, sleep: Sleep) {
        let Sleep { subscription, watched } = sleep;
        subscription.watcher.disarm();
        for what in &watched {
            self.unwatch(shared, what, &subscription);
        }
        self.end_watching(subscription);
    }
}
