//! The deadlines of a space, and who waits for the next of them.

use std::task::Waker;
use std::time::Duration;

use crate::Ticket;
use crate::machine::Deadlines;
use crate::sync::Mutex;

#[derive(Default)]
pub(crate) struct Timers {
    deadlines: Mutex<Deadlines>,
    drivers: Mutex<Vec<Waker>>,
}

impl Timers {
    /// Notes a deadline. Answers whether it is the soonest, so that the drivers must be woken.
    pub(super) fn insert(&self, at: Duration, ticket: Ticket) -> bool {
        self.deadlines.lock().insert(at, ticket)
    }

    pub(super) fn remove(&self, at: Duration, ticket: Ticket) {
        self.deadlines.lock().remove(at, ticket);
    }

    pub(super) fn pop_due(&self, now: Duration) -> Option<Ticket> {
        self.deadlines.lock().pop_due(now)
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.deadlines.lock().next()
    }

    /// Wakes a driver when the soonest deadline changes or a handle ends.
    pub(crate) fn watch(&self, waker: &Waker) {
        let waker = waker.clone();
        let mut drivers = self.drivers.lock();
        if drivers.iter().any(|known| known.will_wake(&waker)) {
            drop(drivers);
            return;
        }
        drivers.push(waker);
    }

    pub(crate) fn wake_drivers(&self) {
        let drivers = std::mem::take(&mut *self.drivers.lock());
        drivers.into_iter().for_each(Waker::wake);
    }
}
