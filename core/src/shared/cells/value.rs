//! How a value is kept: behind a reference count, so that a reader takes a handle away and clones outside.

use std::mem::replace;

use crate::machine::Kept;
use crate::sync::Arc;

/// What a change leaves of a value: to be dropped once everything is unlocked.
#[expect(dead_code, reason = "what is in it is only ever dropped")]
pub(crate) enum Old<V> {
    Value(V),
    Shared(Arc<V>),
}

impl<V> Kept for Arc<V> {
    type Value = V;
    type Old = Old<V>;

    #[inline]
    fn keep(value: V) -> Arc<V> {
        Arc::new(value)
    }

    #[inline]
    fn replace(&mut self, value: V) -> Old<V> {
        match Arc::get_mut(self) {
            // No reader has it, and none can come to it now: its place is used again.
            Some(place) => Old::Value(replace(place, value)),
            None => Old::Shared(replace(self, Arc::new(value))),
        }
    }

    #[inline]
    fn let_go(self) -> Old<V> {
        Old::Shared(self)
    }
}
