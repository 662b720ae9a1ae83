//! What a call settled, for waiters of any handle of this thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;

use latchwork::Settled;

use crate::error;
use crate::ports::{self, Handle};
use crate::scratch::{self, ENTRY, Lane, Outcome, SETTLED_MAX};

thread_local! {
    /// The other handles for which something was settled since the last report.
    static WOKEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// What was settled and not reported yet, with the handle that it is for.
    static UNREPORTED: RefCell<VecDeque<(u64, Settled)>> = const { RefCell::new(VecDeque::new()) };
}

/// Where a waiter is kept by JavaScript, and how its grant is to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    /// Whether the caller confirms the grant itself.
    pub(crate) deferred: bool,
}

impl Waiter {
    const GENERATION_BITS: u32 = 31;

    /// The waiter that the caller described in its lanes.
    pub(crate) fn named(deferred: bool) -> Waiter {
        let slot = scratch::get(Lane::Slot) as u32;
        let generation = scratch::get(Lane::Generation) as u32 & ((1 << Waiter::GENERATION_BITS) - 1);
        Waiter { slot, generation, deferred }
    }

    /// As the one number that the core gives back.
    pub(crate) fn to_tag(self) -> u64 {
        u64::from(self.deferred) << 63 | u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    fn from_tag(tag: u64) -> Waiter {
        let generation = (tag >> 32) as u32 & ((1 << Waiter::GENERATION_BITS) - 1);
        Waiter { slot: tag as u32, generation, deferred: tag >> 63 == 1 }
    }
}

/// Notes that something was settled for this handle by a call on another one. Called by the core.
pub(crate) fn wake(handle: u64) {
    WOKEN.with_borrow_mut(|woken| woken.push(handle));
}

/// Whether something was settled, by a call that answers one thing only, and is not reported yet.
pub(crate) fn is_left() -> bool {
    !WOKEN.with_borrow(Vec::is_empty) || !UNREPORTED.with_borrow(VecDeque::is_empty)
}

/// Reports what the call on `own` settled there, and what it settled for other handles.
pub(crate) fn report(own: &Handle) {
    take(own);
    for number in WOKEN.with_borrow_mut(mem::take) {
        take(&ports::find(number));
    }
    let mut reported = 0;
    while reported < SETTLED_MAX {
        let Some((handle, settled)) = UNREPORTED.with_borrow_mut(VecDeque::pop_front) else { break };
        scratch::set_entry(reported, entry(handle, settled));
        reported += 1;
    }
    scratch::set(Lane::Settled, reported as u64);
}

fn take(port: &Handle) {
    if port.has_settled() {
        let mut settled = Vec::new();
        port.take_settled(&mut settled);
        UNREPORTED.with_borrow_mut(|all| all.extend(settled.into_iter().map(|each| (port.number, each))));
    }
}

/// The lanes of one settled entry. A grant is confirmed here, unless its caller does that.
fn entry(handle: u64, settled: Settled) -> [u64; ENTRY] {
    let (tag, result) = match settled {
        Settled::Granted { tag, grant } => {
            let seen = Waiter::from_tag(tag).deferred || {
                let confirmed = ports::find(handle).confirm(grant.ticket);
                confirmed.map_err(error::keep).is_ok()
            };
            (tag, seen.then_some(grant))
        }
        Settled::Lost { tag } => return [handle, tag, 0, 0, 0, 0, Outcome::Lost as u64],
        Settled::HandedOver { tag } => return [handle, tag, 0, 0, 0, 0, Outcome::HandedOver as u64],
        Settled::Changed { tag } | Settled::Resumed { tag } => {
            return [handle, tag, 0, 0, 0, 0, Outcome::Changed as u64];
        }
        Settled::Failed { tag, error } => {
            error::keep(error);
            (tag, None)
        }
    };
    let Waiter { slot, generation, .. } = Waiter::from_tag(tag);
    let (place, number, token, outcome) = match result {
        Some(grant) => {
            let (place, number) = grant.ticket.to_parts();
            let outcome = if grant.abandoned { Outcome::Abandoned } else { Outcome::Granted };
            (place, number, grant.token, outcome)
        }
        None => (0, 0, 0, Outcome::Failed),
    };
    [handle, slot.into(), generation.into(), place, number, token, outcome as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_survives_the_way_through_the_core() {
        for slot in [0, 1, u32::MAX] {
            for generation in [0, 1, (1 << Waiter::GENERATION_BITS) - 1] {
                for deferred in [false, true] {
                    let waiter = Waiter { slot, generation, deferred };
                    assert_eq!(Waiter::from_tag(waiter.to_tag()), waiter);
                }
            }
        }
    }
}
