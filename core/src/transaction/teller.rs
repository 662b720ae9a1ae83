//! Who is told that a call has something to go on with.

use std::task::{Wake, Waker};

use crate::shared::{Access, Enclosed, Mailbox, Recipient};
use crate::sync::{Arc, AtomicBool, Ordering};

/// Who is told that a call has something to go on with.
#[derive(Clone, Copy)]
pub(crate) enum Teller<'a> {
    /// A port, by a tag.
    Port(&'a Arc<Mailbox>, u64),
    /// A future, by the waker of its [`Bell`].
    Task(&'a Waker),
}

impl Teller<'_> {
    pub(crate) fn recipient(&self) -> Recipient {
        match *self {
            Teller::Port(mailbox, tag) => Recipient::Call { mailbox: mailbox.clone(), tag },
            Teller::Task(waker) => Recipient::Task(waker.clone()),
        }
    }

    /// The waker by which a queue knows it.
    pub(crate) fn waker(&self) -> &Waker {
        match self {
            Teller::Port(..) => Waker::noop(),
            Teller::Task(waker) => waker,
        }
    }

    /// The mailbox that is filled without a wake.
    pub(crate) fn own(&self) -> Option<&Mailbox> {
        match self {
            Teller::Port(mailbox, _) => Some(mailbox),
            Teller::Task(_) => None,
        }
    }
}

/// Stands for a future wherever a call waits to be told: rung, it wakes the task that polled last.
#[derive(Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    task: Enclosed<Option<Waker>>,
}

impl Bell {
    /// Whom to wake from now on.
    pub(crate) fn watch(&self, waker: &Waker) {
        let newest = waker.clone();
        let old = self.task.with(|task| task.replace(newest));
        drop(old);
    }

    /// Whether it was rung since it was asked last.
    pub(crate) fn was_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        self.rung.store(true, Ordering::Release);
        if let Some(task) = self.task.with(|task| task.take()) {
            task.wake();
        }
    }
}
