//! What follows from a step, done once everything is unlocked.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use smallvec::SmallVec;

use super::{Mailbox, Recipient, Shared};
use crate::machine::{Effect, Effects};
use crate::port::{Grant, Settled};
use crate::sync::{Arc, Weak};

/// Tells everyone concerned, in the order that the machine decided. What is for `own` is put in without a wake.
pub(super) fn carry_out(space: &Weak<Shared>, effects: Effects<Recipient>, own: Option<&Mailbox>) {
    let mut calls = Calls::new();
    for effect in effects {
        match effect {
            Effect::GrantedElsewhere(ticket) => {
                // A waiting future borrows the space, and a port holds it: without a space nobody waits.
                let Some(shared) = space.upgrade() else {
                    continue;
                };
                let delivered = shared.shard(ticket).table.lock().deliver(ticket);
                calls.extend(delivered.and_then(|effect| note(space, effect, own)));
            }
            effect => calls.extend(note(space, effect, own)),
        }
    }
    make(calls);
}

/// Who is to be called, in order.
type Calls = SmallVec<[Call; 2]>;

enum Call {
    Task(Waker),
    Port(Arc<Mailbox>),
}

/// Writes one outcome down where its recipient finds it. Answers whom to call for it.
fn note(space: &Weak<Shared>, effect: Effect<Recipient>, own: Option<&Mailbox>) -> Option<Call> {
    let (recipient, outcome) = match effect {
        Effect::Granted { ticket, recipient, token, deadline } => {
            if let (Some(at), Some(shared)) = (deadline, deadline.and_then(|_| space.upgrade())) {
                shared.timers.remove(at, ticket);
            }
            (recipient, Ok(Grant { ticket, token }))
        }
        Effect::Failed { recipient, error } => (recipient, Err(error)),
        Effect::GrantedElsewhere(_) => return None,
    };
    match recipient {
        Recipient::Task(waker) => Some(Call::Task(waker)),
        Recipient::Port { mailbox, tag } => {
            let settled = match outcome {
                Ok(grant) => Settled::Granted { tag, grant },
                Err(error) => Settled::Failed { tag, error },
            };
            let own = own.is_some_and(|own| std::ptr::eq(own, &*mailbox));
            mailbox.put(settled, own).then_some(Call::Port(mailbox))
        }
        Recipient::Nobody => None,
    }
}

/// Calls everyone. One that panics does not keep the others from their call.
fn make(calls: Calls) {
    let mut panic = None;
    for call in calls {
        let made = catch_unwind(AssertUnwindSafe(|| match call {
            Call::Task(waker) => waker.wake(),
            Call::Port(mailbox) => mailbox.wake(),
        }));
        panic = panic.or(made.err());
    }
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}
