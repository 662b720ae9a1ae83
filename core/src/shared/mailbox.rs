//! Who is told of an outcome: a task, or the mailbox of a port.

use std::task::Waker;

use super::limits::Place;
use crate::Ticket;
use crate::machine;
use crate::port::Settled;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

/// Who is told that a request is settled.
pub(crate) enum Recipient {
    /// A future: woken, it asks for the outcome.
    Task(Waker),
    /// A port: the outcome is put into its mailbox. `confirms`: its caller is to say when the grant is seen, also where it
    /// is told at once.
    Port { mailbox: Arc<Mailbox>, tag: u64, confirms: bool },
    /// One of these, in a space that counts those who wait.
    Counted { recipient: Box<Recipient>, place: Place },
    /// A call of a port: told in its mailbox that there is something to ask for, and asked for then, as a task does.
    Call { mailbox: Arc<Mailbox>, tag: u64 },
    /// One of these two, a call that is told of the loss of a guard and has a turn: that ends with it, whenever its body
    /// listens.
    InTurn { recipient: Box<Recipient>, turn: Ticket },
    /// Nobody: the request is granted or refused on the spot.
    Nobody,
}

impl machine::Recipient for Recipient {
    fn collects(&self) -> bool {
        match self {
            Recipient::Task(_) | Recipient::Call { .. } => true,
            Recipient::Counted { recipient, .. } | Recipient::InTurn { recipient, .. } => {
                machine::Recipient::collects(&**recipient)
            }
            Recipient::Port { .. } | Recipient::Nobody => false,
        }
    }
}

impl Recipient {
    /// The task's waker.
    pub(super) fn task(&self) -> Option<&Waker> {
        match self {
            Recipient::Task(waker) => Some(waker),
            Recipient::Counted { recipient, .. } | Recipient::InTurn { recipient, .. } => recipient.task(),
            Recipient::Port { .. } | Recipient::Call { .. } | Recipient::Nobody => None,
        }
    }

    /// Puts another waker in the place of the task's. Answers the old one, to be dropped once everything is unlocked.
    pub(super) fn replace_task(&mut self, newest: Waker) -> Waker {
        match self {
            Recipient::Task(waker) => std::mem::replace(waker, newest),
            Recipient::Counted { recipient, .. } | Recipient::InTurn { recipient, .. } => {
                recipient.replace_task(newest)
            }
            Recipient::Port { .. } | Recipient::Call { .. } | Recipient::Nobody => newest,
        }
    }
}

/// What was settled for one port and not yet taken.
pub(crate) struct Mailbox {
    wake: Box<dyn Fn() + Send + Sync>,
    filled: AtomicBool,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    settled: Vec<Settled>,
    /// The port has been woken and has not yet come.
    woken: bool,
    /// The port is gone, and nobody comes any more.
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(wake: Box<dyn Fn() + Send + Sync>) -> Arc<Mailbox> {
        Arc::new(Mailbox { wake, filled: AtomicBool::new(false), content: Mutex::default() })
    }

    /// Puts an outcome in. Answers whether the port must be woken: never for what it settled itself.
    pub(super) fn put(&self, settled: Settled, own: bool) -> bool {
        let mut content = self.content.lock();
        if content.closed {
            return false;
        }
        content.settled.push(settled);
        self.filled.store(true, Ordering::Release);
        !own && !std::mem::replace(&mut content.woken, true)
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Takes everything out, in the order in which it was decided.
    pub(crate) fn take(&self, into: &mut Vec<Settled>) {
        let mut content = self.content.lock();
        content.woken = false;
        self.filled.store(false, Ordering::Release);
        into.append(&mut content.settled);
    }

    /// Takes nothing in any more, and asks for no wake: the port goes away.
    pub(crate) fn close(&self) {
        let left = {
            let mut content = self.content.lock();
            content.closed = true;
            std::mem::take(&mut content.settled)
        };
        drop(left);
    }

    pub(super) fn wake(&self) {
        (self.wake)();
    }
}
