//! What a program of a model may do, and what that answers and tells.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Mode;

/// The keys that requests are made of, by number.
pub(super) type KeyNumber = u8;

/// An owner, by its number.
pub(super) type Owner = u8;

/// A request, or a guard that was handed over: by the order in which they were made.
pub(super) type Name = usize;

/// Keys and their modes.
pub(super) type Keys = BTreeMap<KeyNumber, Mode>;

/// What an operation answers to its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Granted(Name),
    Waiting(Name),
    /// A try that fails.
    None,
    Deadlock,
    Busy(usize),
    TimedOut,
    /// The owner is closed.
    Cancelled,
    /// These keys are not held; all of them, if it is the guard that is not.
    NotHeld(BTreeSet<KeyNumber>),
    Invalid,
    Done,
    /// How many guards were taken away, or how many holds and waits ended.
    Count(usize),
    /// The guard has gone to a request of the new owner that waited, or is to be taken under a new name.
    HandedOver(Name),
    /// The new owner is closed; the keys are released.
    Undelivered,
}

/// What an operation came to for somebody who did not ask for it, each in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Granted(Name),
    /// A wait ended because its owner or its handle did.
    Ended(Name),
    Lost(Name),
}

/// Every operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Join {
        owner: Option<Owner>,
        keys: Keys,
    },
    /// A request with a time-out of zero.
    JoinNow {
        owner: Option<Owner>,
        keys: Keys,
    },
    Try {
        owner: Option<Owner>,
        keys: Keys,
    },
    /// A request that holds for so long at most, from its grant on.
    JoinFor {
        owner: Option<Owner>,
        keys: Keys,
        hold: i8,
    },
    /// A grant without an owner gets this one, which has nothing else.
    Adopt(Name, Owner),
    /// Time goes on by one, and nobody is told.
    Pass,
    /// What is due is told.
    Tick,
    /// Somebody looks at what is held and what waits.
    Query,
    /// The next grant that was decided in another table reaches its own.
    Deliver,
    Claim(Name),
    /// Takes the next guard that was handed over.
    Take(Owner),
    Release(Name),
    ReleaseKeys(Name, BTreeSet<KeyNumber>),
    Downgrade(Name, Option<BTreeSet<KeyNumber>>),
    Cancel(Name),
    TimeOut(Name),
    /// Its handle is closed.
    Close(Name),
    /// Its handle goes away without a word.
    Abandon(Name),
    HandOver(Name, Owner),
    CloseOwner(Owner),
    Revoke(BTreeSet<KeyNumber>),
    /// Takes keys exclusively, at once and before everybody who is queued.
    Steal(BTreeSet<KeyNumber>),
}
