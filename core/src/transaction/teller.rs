//! Who is told that a call has something to go on with.

use std::task::Waker;

use crate::shared::{Mailbox, Recipient};
use crate::sync::Arc;

/// Who is told that a call has something to go on with.
#[derive(Clone, Copy)]
pub(crate) enum Teller<'a> {
    /// A port, by a tag.
    Port(&'a Arc<Mailbox>, u64),
}

impl Teller<'_> {
    pub(crate) fn recipient(&self) -> Recipient {
        match *self {
            Teller::Port(mailbox, tag) => Recipient::Call { mailbox: mailbox.clone(), tag },
        }
    }

    /// The waker by which a queue knows it.
    pub(crate) fn waker(&self) -> &Waker {
        match self {
            Teller::Port(..) => Waker::noop(),
        }
    }

    /// The mailbox that is filled without a wake.
    pub(crate) fn own(&self) -> Option<&Mailbox> {
        match self {
            Teller::Port(mailbox, _) => Some(mailbox),
        }
    }
}
