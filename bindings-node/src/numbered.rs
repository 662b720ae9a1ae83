//! What JavaScript names by numbers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What one environment keeps, by numbers from 1 that cross as doubles and are never used again.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    last: Cell<u64>,
    known: RefCell<BTreeMap<u64, T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { last: Cell::new(0), known: RefCell::default() }
    }
}

impl<T> Numbered<T> {
    /// Keeps it under a new number.
    pub(crate) fn add(&self, value: T) -> f64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.known.borrow_mut().insert(number, value);
        number as f64
    }

    /// Looks at what has this number.
    pub(crate) fn with<R>(&self, number: f64, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.known.borrow_mut().get_mut(&(number as u64)).map(look)
    }

    /// Takes out what has this number. To be dropped with nothing borrowed: it may end in the core.
    pub(crate) fn take(&self, number: f64) -> Option<T> {
        self.known.borrow_mut().remove(&(number as u64))
    }

    /// Puts back what was taken out.
    pub(crate) fn put_back(&self, number: f64, value: T) {
        self.known.borrow_mut().insert(number as u64, value);
    }

    /// For tests: as if so many had been given a number.
    pub(crate) fn skip_to(&self, last: f64) {
        self.last.set(last as u64);
    }

    /// The environment ends.
    pub(crate) fn clear(&self) {
        drop(self.known.take());
    }
}
