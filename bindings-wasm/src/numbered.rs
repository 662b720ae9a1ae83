//! What JavaScript names by numbers.

use std::collections::VecDeque;

/// Things by numbers from 1 that cross as doubles and are never used again.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    last: u64,
    /// In order of their numbers, because those only rise.
    known: VecDeque<(u64, T)>,
}

impl<T> Numbered<T> {
    pub(crate) const fn new() -> Numbered<T> {
        Numbered { last: 0, known: VecDeque::new() }
    }

    /// The number that the next one has.
    pub(crate) fn next(&self) -> u64 {
        self.last + 1
    }

    /// Keeps it, and answers its number.
    pub(crate) fn add(&mut self, value: T) -> f64 {
        self.last += 1;
        self.known.push_back((self.last, value));
        self.last as f64
    }

    /// What has this number.
    pub(crate) fn get(&mut self, number: f64) -> Option<&mut T> {
        let index = self.index(number)?;
        self.known.get_mut(index).map(|(_, value)| value)
    }

    /// Takes out what has this number. To be dropped with nothing borrowed: it may end in the core.
    pub(crate) fn take(&mut self, number: f64) -> Option<T> {
        let index = self.index(number)?;
        self.known.remove(index).map(|(_, value)| value)
    }

    fn index(&self, number: f64) -> Option<usize> {
        self.known.binary_search_by_key(&(number as u64), |(number, _)| *number).ok()
    }
}
