//! Who is to be told when a time has come: calls whose time-out covers what is no wait for a lock.

use std::time::Duration;

use super::{Mailbox, Recipient, Shared, outcome};
use crate::machine::{Due, Numbered};
use crate::port::Settled;

/// Those who wait for a time.
#[derive(Default)]
pub(crate) struct Alarms {
    last: u64,
    set: Numbered<Recipient>,
}

/// An alarm that is set. It must be given to [`Shared::end_alarm`].
pub(crate) struct Alarm {
    due: Due,
    number: u64,
}

impl Shared {
    /// Tells somebody when a time has come.
    pub(crate) fn set_alarm(&self, at: Duration, recipient: Recipient) -> Alarm {
        let number = {
            let mut alarms = self.alarms.lock();
            alarms.last += 1;
            let number = alarms.last;
            // A number that is never given twice has none before it.
            let _none = alarms.set.insert(number, recipient);
            number
        };
        let due = (at, self.next_order());
        self.timers.insert_alarm(due, number);
        self.timers.wake_if_sooner();
        Alarm { due, number }
    }

    pub(crate) fn end_alarm(&self, alarm: Alarm) {
        self.timers.remove(alarm.due);
        let old = self.alarms.lock().set.remove(alarm.number);
        drop(old);
    }

    /// The time of an alarm has come.
    pub(super) fn ring(&self, number: u64, own: Option<&Mailbox>) {
        let recipient = self.alarms.lock().set.remove(number);
        outcome::tell_now(recipient, own, |tag| Settled::Resumed { tag });
    }
}
