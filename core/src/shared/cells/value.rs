//! How a value is kept: a [word] in its cell, anything else behind a reference count, so that a reader takes the word or a
//! handle away and clones outside.

use std::mem::replace;

use super::word;
use crate::machine::Kept;
use crate::sync::Arc;

/// A value as its cell keeps it, and as a reader takes it away.
#[derive(Debug)]
pub(crate) enum Stored<V> {
    /// Of a type whose values are words.
    Word(u64),
    /// Readers may have it too.
    Shared(Arc<V>),
}

/// A value outside its cell: one that a transaction is to write, or what a change leaves, to be dropped once everything is
/// unlocked.
#[derive(Debug)]
pub(crate) enum Loose<V> {
    /// Nobody else has it.
    Own(V),
    /// As a cell keeps it.
    Stored(Stored<V>),
}

impl<V: 'static> Stored<V> {
    #[inline]
    pub(crate) fn new(value: V) -> Stored<V> {
        match word::of(&value) {
            Some(word) => Stored::Word(word),
            None => Stored::Shared(Arc::new(value)),
        }
    }

    /// A reader's own.
    #[inline]
    pub(crate) fn own(&self) -> V
    where
        V: Clone,
    {
        match self {
            Stored::Word(word) => of_word(*word),
            // Cloned, not unwrapped: the cell mostly has it too, and to look costs as much as to take a handle.
            Stored::Shared(handle) => V::clone(handle),
        }
    }

    /// A handle on it.
    pub(crate) fn into_handle(self) -> Arc<V> {
        match self {
            Stored::Word(word) => Arc::new(of_word(word)),
            Stored::Shared(handle) => handle,
        }
    }
}

impl<V: 'static> Loose<V> {
    /// For a reader too.
    pub(crate) fn into_stored(self) -> Stored<V> {
        match self {
            Loose::Own(value) => Stored::new(value),
            Loose::Stored(stored) => stored,
        }
    }
}

impl<V: 'static> Kept for Stored<V> {
    type Value = V;
    type Old = Loose<V>;

    #[inline]
    fn keep(value: V) -> Stored<V> {
        Stored::new(value)
    }

    #[inline]
    fn replace(&mut self, value: V) -> Option<Loose<V>> {
        match self {
            Stored::Word(_) => {
                *self = Stored::new(value);
                None
            }
            Stored::Shared(handle) => Some(match Arc::get_mut(handle) {
                // No reader has it, and none can come to it now: its place is used again.
                Some(place) => Loose::Own(replace(place, value)),
                None => Loose::Stored(Stored::Shared(replace(handle, Arc::new(value)))),
            }),
        }
    }

    #[inline]
    fn let_go(self) -> Option<Loose<V>> {
        match self {
            Stored::Word(_) => None,
            shared => Some(Loose::Stored(shared)),
        }
    }
}

impl<V> Clone for Stored<V> {
    #[inline]
    fn clone(&self) -> Stored<V> {
        match self {
            Stored::Word(word) => Stored::Word(*word),
            Stored::Shared(handle) => Stored::Shared(handle.clone()),
        }
    }
}

#[inline]
fn of_word<V: 'static>(word: u64) -> V {
    word::value(word).expect("it was made of a value of this type")
}
