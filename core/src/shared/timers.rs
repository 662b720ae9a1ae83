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
    /// Some grant has an end.
    ends: AtomicBool,
}

impl Timers {
    /// Notes when a request has waited long enough. Call [`wake_if_sooner`](Timers::wake_if_sooner) once everything is
    /// unlocked.
    pub(super) fn insert(&self, due: Due, ticket: Ticket) {
        self.insert_errand(due, Errand::TimeOut(ticket));
    }

    /// Notes when a grant ends; as `insert`.
    pub(super) fn insert_end(&self, due: Due, ticket: Ticket) {
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
        if self.change(|deadlines| deadlines.insert(due, errand)) {
            self.sooner.store(true, Ordering::Release);
        }
    }

    pub(super) fn remove(&self, due: Due) {
        self.change(|deadlines| deadlines.remove(due));
    }

    /// Takes out what is due; but the end of a grant stays until it is [removed](Timers::remove).
    pub(super) fn pop_due(&self, now: Duration) -> Option<(Due, Errand)> {
        self.deadlines.lock().pop_due(now)
    }

    /// A grant whose time is over, and has not been ended.
    pub(super) fn due_end(&self, now: Duration) -> Option<(Due, Ticket)> {
        self.deadlines.lock().due_end(now)
    }

    /// Whether some grant has an end.
    #[inline]
    pub(super) fn has_ends(&self) -> bool {
        self.ends.load(Ordering::Acquire)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Deadlines) -> T) -> T {
        let mut deadlines = self.deadlines.lock();
        let changed = change(&mut deadlines);
        self.ends.store(deadlines.has_ends(), Ordering::Release);
        changed
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
