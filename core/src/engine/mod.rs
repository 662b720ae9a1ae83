//! The boundary between the handles and the place where locks live.
//!
//! Handles speak to an engine through this trait alone, and assume of it what a network allows: taking a lock is a
//! future, letting go may fail, a hold can end while its holder runs. The in-memory engine answers with futures that
//! are ready, allocates nothing for them and never fails to release. Engines in a database or behind a hub implement
//! the same trait; what they add (leases, `renew`, `reap`, a stream of hints) is theirs.

mod memory;

use std::future::Future;

pub(crate) use self::memory::Memory;

use crate::{Error, Key, LockSpec, Query, Ticket};

/// What a space needs of the place where its locks live.
pub(crate) trait Engine: Clone + Send + Sync + 'static {
    /// A request that waits for its grant. It joins when first polled (clause L4); dropping it cancels (clause L7).
    type Enqueue<'a>: Future<Output = Result<Self::Hold, Error>> + Send + Unpin
    where
        Self: 'a;

    /// A grant. Dropping it does not release.
    type Hold: Hold;

    /// Takes all keys, where the engine can tell without waiting that they are to be had. `None` says nothing.
    fn grant_at_once(&self, spec: &LockSpec) -> Result<Option<Self::Hold>, Error>;

    /// Asks for all keys of `spec`.
    fn enqueue<'a>(&'a self, spec: &LockSpec) -> Self::Enqueue<'a>;

    /// Takes all keys if that needs no waiting (clause L6).
    fn attempt(&self, spec: &LockSpec) -> impl Future<Output = Result<Option<Self::Hold>, Error>> + Send;

    /// What is held and what waits, at one instant (clause L16).
    fn query(&self, keys: Option<&[Key]>) -> impl Future<Output = Result<Query, Error>> + Send;
}

/// A grant of an engine.
pub(crate) trait Hold: Send + Sync + 'static {
    /// The ticket of the grant.
    fn ticket(&self) -> Ticket;

    /// The fencing token.
    fn token(&self) -> u64;

    /// Whether the grant still stands, as far as the engine can tell.
    fn held(&self) -> bool;

    /// Lets go. In memory it has taken effect when this returns; an engine further away orders it before anything else
    /// that this caller does next (clause L5). Answers whether it was held, as far as the engine can tell.
    fn release(&self) -> bool;
}
