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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_as_its_word_and_leaves_nothing() {
        let mut cell = Stored::new(-1_i32);
        let reader = cell.clone();
        assert!(matches!(cell, Stored::Word(_)) && cell.replace(7).is_none());
        assert_eq!((reader.own(), cell.own(), *cell.clone().into_handle()), (-1, 7, 7));
        assert!(cell.let_go().is_none());
    }

    #[test]
    fn what_a_reader_has_stays_his_and_else_its_place_is_used_again() {
        let mut cell = Stored::new("old".to_owned());
        let reader = cell.clone();
        assert!(matches!(cell.replace("new".to_owned()), Some(Loose::Stored(_))));
        assert_eq!((reader.own(), cell.own()), ("old".to_owned(), "new".to_owned()));
        let place = |cell: &Stored<String>| match cell {
            Stored::Shared(handle) => Arc::as_ptr(handle),
            Stored::Word(_) => std::ptr::null(),
        };
        let before = place(&cell);
        assert!(matches!(cell.replace("newer".to_owned()), Some(Loose::Own(old)) if old == "new"));
        assert_eq!(place(&cell), before);
        assert!(matches!(cell.let_go(), Some(Loose::Stored(_))));
    }
}
