//! A part of a body that can be undone.

use std::ops::Deref;

use super::body::Body;
use crate::Error;
use crate::engine::MemoryCells;
use crate::machine::Inner;
use crate::shared::{Access, Checked};

/// A savepoint that is open. Dropped, it is undone.
pub(super) struct Savepoint<'a, V, E, A>
where
    V: Send + Sync + 'static,
    E: Deref<Target = MemoryCells<V>>,
    A: Access<Checked<V>>,
{
    body: &'a Body<E, A>,
    pub(super) scope: u64,
}

impl<'a, V, E, A> Savepoint<'a, V, E, A>
where
    V: Send + Sync + 'static,
    E: Deref<Target = MemoryCells<V>>,
    A: Access<Checked<V>>,
{
    /// Opens one in a scope.
    ///
    /// # Errors
    ///
    /// Those of every operation of the body.
    pub(super) fn enter(body: &'a Body<E, A>, scope: u64) -> Result<Self, Error> {
        Ok(Savepoint { body, scope: body.enter(scope)? })
    }

    /// Its body has ended: what it wrote is kept where it has returned, else undone.
    ///
    /// # Errors
    ///
    /// `aborted`, where that was marked, and the end of the attempt.
    pub(super) fn leave(self, returned: bool) -> Result<(), Error> {
        let left = self.body.leave(self.scope, if returned { Inner::Keep } else { Inner::Undo });
        std::mem::forget(self);
        left
    }
}

impl<V, E, A> Drop for Savepoint<'_, V, E, A>
where
    V: Send + Sync + 'static,
    E: Deref<Target = MemoryCells<V>>,
    A: Access<Checked<V>>,
{
    fn drop(&mut self) {
        // Its body was dropped in the middle: nobody asks how it was left.
        drop(self.body.leave(self.scope, Inner::Undo));
    }
}
