//! How a value is kept: behind a reference count, so that a reader takes a handle away and clones outside.

use std::mem::replace;

use crate::machine::Kept;
use crate::sync::Arc;

/// A value outside its cell: one that a transaction is to write, or what a change leaves, to be dropped once everything is
/// unlocked.
#[derive(Debug)]
pub(crate) enum Loose<V> {
    /// Nobody else has it.
    Own(V),
    /// Readers may have it too.
    Shared(Arc<V>),
}

impl<V> Loose<V> {
    /// A handle on it for a reader.
    pub(crate) fn into_shared(self) -> Arc<V> {
        match self {
            Loose::Own(value) => Arc::new(value),
            Loose::Shared(handle) => handle,
        }
    }
}

impl<V> Kept for Arc<V> {
    type Value = V;
    type Old = Loose<V>;

    #[inline]
    fn keep(value: V) -> Arc<V> {
        Arc::new(value)
    }

    #[inline]
    fn replace(&mut self, value: V) -> Loose<V> {
        match Arc::get_mut(self) {
            // No reader has it, and none can come to it now: its place is used again.
            Some(place) => Loose::Own(replace(place, value)),
            None => Loose::Shared(replace(self, Arc::new(value))),
        }
    }

    #[inline]
    fn let_go(self) -> Loose<V> {
        Loose::Shared(self)
    }
}
