//! What is asked for of a range of cells.

use crate::KeyRange;

/// What is asked for of a range of cells: how many, and from which end.
#[derive(Clone, Debug)]
pub struct Scan {
    pub(crate) range: KeyRange,
    pub(crate) limit: usize,
    pub(crate) reverse: bool,
}

impl Scan {
    /// All cells of a range, in key order.
    pub fn new(range: KeyRange) -> Scan {
        Scan { range, limit: usize::MAX, reverse: false }
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Scan {
        self.limit = limit;
        self
    }

    /// From the last key to the first.
    #[must_use]
    pub fn reverse(mut self) -> Scan {
        self.reverse = true;
        self
    }
}
