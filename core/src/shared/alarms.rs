//! Who is to be told when a time has come, or when the handle is closed before: calls that something can end while they wait for
//! no lock.

use std::time::Duration;

use super::{Handle, Mailbox, Recipient, Shared, outcome};
use crate::Error;
use crate::machine::{Due, Numbered, Origin};
use crate::port::Settled;

/// Those who are to be told.
#[derive(Default)]
pub(crate) struct Alarms {
    last: u64,
    set: Numbered<(Origin, Recipient)>,
}

/// An alarm that is set. It must be given to [`Shared::end_alarm`].
pub(crate) struct Alarm {
    due: Option<Due>,
    number: u64,
}

impl Shared {
    /// Tells somebody when a time has come, if one is given, and when the handle is closed that its call came through.
    ///
    /// # Errors
    ///
    /// `closed` when it is: looked at under the lock, so that whoever closes finds what was set before.
    pub(crate) fn set_alarm(
        &self,
        handle: &Handle,
        origin: Origin,
        at: Option<Duration>,
        recipient: Recipient,
    ) -> Result<Alarm, Error> {
        let number = {
            let mut alarms = self.alarms.lock();
            if handle.is_closed() {
                drop(alarms);
                drop(recipient);
                return Err(Error::closed());
            }
            alarms.last += 1;
            let number = alarms.last;
            // A number that is never given twice has none before it.
            let _none = alarms.set.insert(number, (origin, recipient));
            number
        };
        let due = at.map(|at| (at, self.next_order()));
        if let Some(due) = due {
            self.timers.insert_alarm(due, number);
            self.timers.wake_if_sooner();
        }
        Ok(Alarm { due, number })
    }

    pub(crate) fn end_alarm(&self, alarm: Alarm) {
        if let Some(due) = alarm.due {
            self.timers.remove(due);
        }
        let old = self.alarms.lock().set.remove(alarm.number);
        drop(old);
    }

    /// The time of an alarm has come.
    pub(super) fn ring(&self, number: u64, own: Option<&Mailbox>) {
        let set = self.alarms.lock().set.remove(number);
        outcome::tell_now(set.map(|(_, recipient)| recipient), own, |tag| Settled::Resumed { tag });
    }

    /// Rings the alarms of these origins, whose handle is closed, before their time.
    pub(super) fn ring_all(&self, origins: &[Origin]) {
        let rung = self.alarms.lock().set.take_if(|(origin, _)| origins.contains(origin));
        let tell = |(_, recipient)| move || outcome::tell_now(Some(recipient), None, |tag| Settled::Resumed { tag });
        outcome::in_turn(rung.into_iter().map(tell));
    }
}
