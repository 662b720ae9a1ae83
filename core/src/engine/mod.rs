//! The boundary between the handles and the place where locks and cells live.
//!
//! Handles speak to an engine through this trait alone, and assume of it what a network allows: taking a lock is a
//! future, letting go may fail, a hold can end while its holder runs. The in-memory engine answers with futures that
//! are ready, allocates nothing for them and never fails to release. Engines in a database or behind a hub implement
//! the same trait; what they add (leases, `renew`, `reap`, a stream of hints) is theirs.

mod calls;
mod cells;
mod memory;

use std::any::Any;
use std::future::Future;
use std::task::Waker;

pub(crate) use self::calls::Queued;
pub(crate) use self::cells::MemoryCells;
pub(crate) use self::memory::Memory;

use crate::machine::{GiveUp, Origin};
use crate::shared::{Handed, Payload, Stored};
use crate::{Commit, Entry, Error, Key, KeyRange, LockSpec, Outcome, Owner, Query, Scan, Ticket, Within};

/// What a space needs of the place where its locks live.
pub(crate) trait Engine: Clone + Send + Sync + 'static {
    /// A request that waits for its grant. Dropping it cancels (clause L7).
    type Wait<'a>: Wait<Self::Granted, Self::Hold>
    where
        Self: 'a;

    /// What tells of a grant, to be held.
    type Granted: Copy;

    /// A grant. Dropping it does not release.
    type Hold: Hold;

    /// Asks for one key, exclusively; as `enqueue`.
    fn enqueue_one(&self, key: &Key, waker: &Waker) -> Result<Enqueued<Self::Granted, Self::Wait<'_>>, Error>;

    /// Takes these keys, exclusively, if they are few and to be had at once. `None` says only that they are to be asked for.
    fn attempt_few(&self, keys: &[Key]) -> Result<Option<Self::Granted>, Error>;

    /// Asks for all keys of `spec`, which no shorter way led to, at the first poll of a request (clause L4): joins their
    /// queues, unless they are to be had at once. `waker` is for the wait.
    fn enqueue(&self, spec: &LockSpec, waker: &Waker) -> Result<Enqueued<Self::Granted, Self::Wait<'_>>, Error>;

    /// Holds what was granted.
    fn hold(&self, granted: Self::Granted) -> Self::Hold;

    /// Takes all keys if that needs no waiting (clause L6).
    fn attempt(&self, spec: &LockSpec) -> impl Future<Output = Result<Option<Self::Hold>, Error>> + Send;

    /// What is held and what waits, at one instant (clause L16).
    fn query(&self, keys: Option<&[Key]>) -> impl Future<Output = Result<Query, Error>> + Send;
}

/// What a space needs of the place where its cells live.
pub(crate) trait CellEngine<V>: Clone + Send + Sync + 'static {
    /// A commit under way. Dropping it may leave it undecided, where the engine is far away.
    type Committing: Future<Output = Result<Outcome<Stored<V>>, Error>> + Send + Unpin;

    /// Cells as they are at one instant, in the order asked.
    fn read(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Entry<Stored<V>>>, Error>> + Send;

    /// The cells of a range at one instant, in key order (clause C11).
    fn scan(&self, scan: &Scan) -> impl Future<Output = Result<Vec<Entry<Stored<V>>>, Error>> + Send;

    /// Checks all conditions and makes all changes at one instant, or none.
    fn commit(&self, commit: Commit<V>) -> Self::Committing;

    /// Deletes all cells of a range but some, in one step. Answers their keys.
    fn delete_all(&self, range: &KeyRange, except: &[Key]) -> impl Future<Output = Result<Vec<Key>, Error>> + Send;
}

/// What became of a request that was asked for.
pub(crate) enum Enqueued<G, W> {
    /// It is granted.
    Granted(G),
    /// It waits.
    Waiting(W),
}

/// A request that waits.
pub(crate) trait Wait<G, H>: Future<Output = Result<H, Error>> + Send + Unpin {
    /// Notes that the caller sees the grant, if it is there and nothing else is to be done. `None` says only that it must be
    /// polled.
    fn see_grant(&mut self) -> Option<G>;
}

/// A grant of an engine.
pub(crate) trait Hold: Send + Sync + 'static {
    /// The ticket of the grant.
    fn ticket(&self) -> Ticket;

    /// The fencing token.
    fn token(&self) -> u64;

    /// Whether a holder of one of the keys went away without a word while the request was queued (clause L11).
    fn abandoned(&self) -> bool;

    /// Whether the grant still stands, as far as the engine can tell.
    fn held(&self) -> bool;

    /// Lets go. In memory it has taken effect when this returns; an engine further away orders it before anything else
    /// that this caller does next (clause L5). Answers whether it was held, as far as the engine can tell.
    fn release(&self) -> bool;

    /// Gives up some keys, or all, or their exclusiveness.
    fn give_up(&self, keys: Option<&[Key]>, what: GiveUp) -> Result<(), Error>;

    /// Whether the grant is of this space.
    fn is_of(&self, space: &Memory) -> bool;

    /// Whether this is an owner of the space that the grant is of.
    fn knows(&self, owner: &Owner) -> bool;

    /// Hands the grant over to the owner with this id.
    fn hand_over(&self, to: &str, payload: Payload) -> Result<bool, Error>;

    /// What came along, where the grant was handed over.
    fn handed(&mut self) -> Option<&mut Handed>;

    /// How often the grant was handed over.
    fn times_handed(&self) -> u32;

    /// What the giver sent along, if the grant was handed over.
    fn payload(&self) -> Option<&(dyn Any + Send + Sync)>;

    /// Asks for a wake when the grant is lost. `false` when it is not held.
    fn watch_lost(&self, waker: Waker) -> bool;

    /// Gives the grant, which has none, an owner of its own, which ends with the handle of this origin. `None` when its space
    /// has ended.
    fn adopt(&self, origin: Origin, within: Option<Within>) -> Option<Owner>;

    /// Lets go as a holder does that went away without a word (clause L11).
    fn abandon(&self);
}
