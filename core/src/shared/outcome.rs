//! What follows from a step, done once everything is unlocked.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use smallvec::SmallVec;

use super::{Mailbox, Recipient, Shared};
use crate::Ticket;
use crate::machine::{Effect, Effects};
use crate::port::{Confirmed, Grant, Settled};
use crate::sync::{Arc, Weak};

/// Tells everyone concerned, in the order that the machine decided. What is for `own` is put in without a wake.
#[inline]
pub(super) fn carry_out(space: &Weak<Shared>, mut effects: Effects<Recipient>, own: Option<&Mailbox>) {
    match sole_task(&mut effects) {
        Some(waker) => {
            // Nothing is left in there.
            std::mem::forget(effects);
            waker.wake();
        }
        None => carry_out_all(space, effects, own),
    }
}

/// The usual case: one is next in line, a task. Takes out its waker.
#[inline]
fn sole_task(effects: &mut Effects<Recipient>) -> Option<Waker> {
    let Some(Effect::Granted { recipient, timed: false, .. }) = effects.sole_mut() else { return None };
    let Recipient::Task(_) = recipient else { return None };
    match std::mem::replace(recipient, Recipient::Nobody) {
        Recipient::Task(waker) => Some(waker),
        _ => None,
    }
}

fn carry_out_all(space: &Weak<Shared>, effects: Effects<Recipient>, own: Option<&Mailbox>) {
    let mut calls: SmallVec<[Call; 4]> = SmallVec::new();
    let mut withdrawn: SmallVec<[Recipient; 1]> = SmallVec::new();
    for effect in effects.into_all() {
        match effect {
            Effect::Withdrawn(recipient) | Effect::Unwatched(recipient) => withdrawn.push(recipient),
            effect => {
                calls.extend(turn_of(space, &effect));
                calls.extend(settle(space, effect, own));
            }
        }
    }
    in_turn(calls.into_iter().map(|call| move || call.make()));
    // Last, since dropping runs the caller's code too.
    drop(withdrawn);
}

/// What a step has come to, if that is a grant of the port `own` that its caller need not confirm, and nothing waits there
/// to be told before it.
#[inline]
pub(super) fn sole_grant(effects: &Effects<Recipient>, own: &Mailbox) -> Option<Confirmed> {
    match effects.sole() {
        Some(&Effect::Granted {
            ticket,
            recipient: Recipient::Port { ref mailbox, tag, confirms: false },
            token,
            abandoned,
            timed: false,
        }) if std::ptr::eq(own, &**mailbox) && !own.is_filled() => {
            Some(Confirmed { tag, grant: Grant { ticket, token, abandoned } })
        }
        _ => None,
    }
}

/// Runs code of callers. One that panics does not keep the others from theirs.
pub(crate) fn in_turn(calls: impl Iterator<Item = impl FnOnce()>) {
    let mut panic = None;
    for call in calls {
        panic = panic.or(catch_unwind(AssertUnwindSafe(call)).err());
    }
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

/// Writes one outcome down where its recipient finds it. Answers whom to call for it.
fn settle(space: &Weak<Shared>, effect: Effect<Recipient>, own: Option<&Mailbox>) -> Option<Call> {
    match effect {
        Effect::GrantedElsewhere(ticket) => {
            #[cfg(test)]
            if super::late::keeps(ticket) {
                return None;
            }
            // A waiting future borrows the space, and a port holds it: without a space nobody waits.
            let shared = space.upgrade()?;
            let delivered = shared.shard(ticket).lock_table().deliver(ticket)?;
            settle(space, delivered, own)
        }
        Effect::Granted { ticket, recipient, token, abandoned, timed } => {
            if let Some(shared) = timed.then(|| space.upgrade()).flatten() {
                shared.granted(ticket);
            }
            tell(recipient, own, |tag| Settled::Granted { tag, grant: Grant { ticket, token, abandoned } })
        }
        Effect::Withdrawn(_) | Effect::Unwatched(_) => None,
        Effect::Lost(recipient) => tell(recipient, own, |tag| Settled::Lost { tag }),
        Effect::Undue(due) => {
            space.upgrade()?.timers.remove(due);
            None
        }
        Effect::Departed { owner, ticket } => {
            space.upgrade()?.owners.lock().remove(owner, ticket);
            None
        }
        Effect::Failed { recipient, error } => tell(recipient, own, |tag| Settled::Failed { tag, error }),
    }
}

/// The turn that ends with what a call has lost.
fn turn_of(space: &Weak<Shared>, effect: &Effect<Recipient>) -> Option<Call> {
    match *effect {
        Effect::Lost(Recipient::InTurn { turn, .. }) => Some(Call::Turn(space.upgrade()?, turn)),
        _ => None,
    }
}

/// Tells one recipient on the spot.
pub(super) fn tell_now(recipient: Option<Recipient>, own: Option<&Mailbox>, settled: impl FnOnce(u64) -> Settled) {
    if let Some(call) = recipient.and_then(|recipient| tell(recipient, own, settled)) {
        call.make();
    }
}

fn tell(recipient: Recipient, own: Option<&Mailbox>, settled: impl FnOnce(u64) -> Settled) -> Option<Call> {
    match recipient {
        Recipient::Task(waker) => Some(Call::Task(waker)),
        Recipient::Port { mailbox, tag, .. } => {
            let own = own.is_some_and(|own| std::ptr::eq(own, &*mailbox));
            mailbox.put(settled(tag), own).then_some(Call::Port(mailbox))
        }
        Recipient::Call { mailbox, tag } => {
            let own = own.is_some_and(|own| std::ptr::eq(own, &*mailbox));
            mailbox.put(Settled::Resumed { tag }, own).then_some(Call::Port(mailbox))
        }
        Recipient::Counted { recipient, place } => {
            drop(place);
            tell(*recipient, own, settled)
        }
        Recipient::InTurn { recipient, .. } => tell(*recipient, own, settled),
        Recipient::Nobody => None,
    }
}

/// Who is to be called.
enum Call {
    Task(Waker),
    Port(Arc<Mailbox>),
    /// Nobody: a turn is ended.
    Turn(Arc<Shared>, Ticket),
}

impl Call {
    fn make(self) {
        match self {
            Call::Task(waker) => waker.wake(),
            Call::Port(mailbox) => mailbox.wake(),
            Call::Turn(shared, turn) => shared.end_turn(turn),
        }
    }
}
