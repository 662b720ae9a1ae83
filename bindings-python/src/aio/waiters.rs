//! The requests that wait on a loop, by their tags.

use latchwork::Ticket;
use pyo3::prelude::*;
use slab::Slab;

use super::loop_port::Outcome;

/// A request that waits.
pub(super) struct Waiter {
    /// Once it has joined.
    pub(super) ticket: Option<Ticket>,
    pub(super) future: Py<PyAny>,
    pub(super) outcome: Option<Outcome>,
}

/// Finds them without hashing. A place is used again, a tag is not: it has a stamp besides the place, so that the
/// outcome of a request that was given up reaches nobody else.
#[derive(Default)]
pub(super) struct Waiters {
    places: Slab<(u32, Waiter)>,
    stamp: u32,
}

impl Waiters {
    /// Keeps a waiter. Answers its tag.
    pub(super) fn insert(&mut self, waiter: Waiter) -> u64 {
        let stamp = self.stamp;
        self.stamp = stamp.wrapping_add(1);
        u64::from(stamp) << 32 | self.places.insert((stamp, waiter)) as u64
    }

    pub(super) fn get_mut(&mut self, tag: u64) -> Option<&mut Waiter> {
        let (stamp, waiter) = self.places.get_mut(place(tag))?;
        (*stamp == stamp_of(tag)).then_some(waiter)
    }

    /// Takes one out. The caller drops it when nothing is locked.
    pub(super) fn remove(&mut self, tag: u64) -> Option<Waiter> {
        self.get_mut(tag)?;
        let (_, waiter) = self.places.remove(place(tag));
        if self.places.is_empty() && self.places.capacity() > KEPT {
            self.places.shrink_to_fit();
        }
        Some(waiter)
    }

    /// Takes all out.
    pub(super) fn take(&mut self) -> Vec<Waiter> {
        self.places.drain().map(|(_, waiter)| waiter).collect()
    }
}

/// Nobody waits: room for so many is kept.
const KEPT: usize = 1024;

fn place(tag: u64) -> usize {
    (tag & u64::from(u32::MAX)) as usize
}

fn stamp_of(tag: u64) -> u32 {
    (tag >> 32) as u32
}
