//! Sees that two are never inside a key at once.

use crate::checker::{AtomicUsize, Ordering};

/// Counts those who were inside, as plain data would: two at once, or one who does not see what the one before it
/// wrote, lose a count.
#[derive(Debug, Default)]
pub struct Witness(AtomicUsize);

impl Witness {
    /// Nobody was inside.
    pub fn new() -> Witness {
        Witness::default()
    }

    /// Goes in and out again. Relaxed: that the last value is seen is the lock's doing alone.
    pub fn enter(&self) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + 1, Ordering::Relaxed);
    }

    /// How many were inside.
    pub fn entered(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
