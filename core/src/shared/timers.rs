//! The deadlines of a space, and who waits for the next of them.

use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use super::outcome;
use crate::Ticket;
use crate::machine::{Deadlines, Due, Errand};
use crate::sync::{AtomicBool, Mutex, Ordering};

#[derive(Default)]
pub(crate) struct Timers {
    deadlines: Mutex<Deadlines>,
    drivers: Mutex<Slab<Option<Waker>>>,
    /// The soonest deadline has changed, and the drivers have not been told.
    sooner: AtomicBool,
}

impl Timers {
    /// Notes a deadline. Call [`wake_if_sooner`](Timers::wake_if_sooner) once everything is unlocked.
    pub(super) fn insert(&self, due: Due, ticket: Ticket) {
        self.insert_errand(due, Errand::End(ticket));
    }

    /// Notes when the first cell of a shard expires; as `insert`.
    pub(super) fn insert_sweep(&self, due: Due, shard: u32) {
        self.insert_errand(due, Errand::Sweep(shard));
    }

    /// Notes when an alarm is due; as `insert`.
    pub(super) fn insert_alarm(&self, due: Due, number: u64) {
        self.insert_errand(due, Errand::Alarm(number));
    }

    fn insert_errand(&self, due: Due, errand: Errand) {
        if self.deadlines.lock().insert(due, errand) {
            self.sooner.store(true, Ordering::Release);
        }
    }

    pub(super) fn remove(&self, due: Due) {
        self.deadlines.lock().remove(due);
    }

    pub(super) fn pop_due(&self, now: Duration) -> Option<Errand> {
        self.deadlines.lock().pop_due(now)
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.deadlines.lock().next()
    }

    /// A place for a driver's waker.
    pub(crate) fn driver(&self) -> usize {
        self.drivers.lock().insert(None)
    }

    /// Wakes a driver when the soonest deadline changes or the space ends.
    pub(crate) fn watch(&self, driver: usize, waker: &Waker) {
        let waker = waker.clone();
        let old = self.drivers.lock()[driver].replace(waker);
        drop(old);
    }

    /// Gives a driver's place back.
    pub(crate) fn forget(&self, driver: usize) {
        let old = self.drivers.lock().remove(driver);
        drop(old);
    }

    /// Tells the drivers, if the soonest deadline has changed.
    pub(crate) fn wake_if_sooner(&self) {
        if self.is_sooner() && self.sooner.swap(false, Ordering::AcqRel) {
            self.wake_drivers();
        }
    }

    /// Whether there is something to tell the drivers. Whoever noted a sooner deadline sees it, and tells them.
    #[inline]
    pub(super) fn is_sooner(&self) -> bool {
        self.sooner.load(Ordering::Acquire)
    }

    pub(super) fn wake_drivers(&self) {
        let wakers: Vec<Waker> = self.drivers.lock().iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        outcome::in_turn(wakers.into_iter().map(|waker| move || waker.wake()));
    }
}
