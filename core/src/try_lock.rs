//! A request that never waits.

use std::future::IntoFuture;
use std::pin::Pin;

use crate::engine::{Engine, Memory};
use crate::sync::Arc;
use crate::{Error, Guard, IntoKeys, LockSpec, Mode, Owner};

/// A request that never waits: a builder, then awaited for `Some` guard or `None`.
///
/// Made by [`Space::try_lock`](crate::Space::try_lock).
#[derive(Debug)]
#[must_use = "a lock request does nothing unless it is awaited"]
pub struct TryLock<'a> {
    engine: &'a Memory,
    spec: LockSpec,
}

impl<'a> TryLock<'a> {
    pub(crate) fn new(engine: &'a Memory, spec: LockSpec) -> TryLock<'a> {
        TryLock { engine, spec }
    }

    /// Asks for further `keys` in shared mode.
    pub fn shared(mut self, keys: impl IntoKeys) -> TryLock<'a> {
        self.spec = self.spec.shared(keys);
        self
    }

    /// Sets the mode of the keys that were given to [`Space::try_lock`](crate::Space::try_lock).
    pub fn mode(mut self, mode: Mode) -> TryLock<'a> {
        self.spec = self.spec.mode(mode);
        self
    }

    /// Gives the request a label, which queries and errors show.
    pub fn label(mut self, label: impl Into<Arc<str>>) -> TryLock<'a> {
        self.spec = self.spec.label(label);
        self
    }

    /// Makes what it takes a hold of `owner`. A key that the owner holds itself fails like any other (clause L6).
    pub fn owner(mut self, owner: &Owner) -> TryLock<'a> {
        self.spec = self.spec.owner(owner);
        self
    }
}

impl<'a> IntoFuture for TryLock<'a> {
    type Output = Result<Option<Guard>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let hold = self.engine.attempt(&self.spec).await?;
            Ok(hold.map(|hold| Guard::of(hold, &mut self.spec)))
        })
    }
}
