//! What must differ from one space to the next: hash seeds and epochs. The script brings random bits and the time.

use std::cell::Cell;

/// Random bits below the milliseconds of an epoch: the sum stays below 2^53 until the year 2109.
const EPOCH_RANDOM_BITS: u32 = 11;

/// Some day of that year, in milliseconds.
const LATEST: u64 = (1 << 42) - 1;

thread_local! {
    static LAST_EPOCH: Cell<u64> = const { Cell::new(0) };
}

/// Random bits for one space, and the milliseconds of the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entropy {
    pub(crate) random: [u8; 16],
    pub(crate) wall_clock: f64,
}

impl Entropy {
    /// A random number: keys are users' input, and must not be able to aim at one bucket.
    pub(crate) fn seed(&self) -> u64 {
        self.random_word(0)
    }

    /// An epoch: new in each life of a space, and larger in a later one, as far as the wall clock goes forward.
    pub(crate) fn epoch(&self) -> u64 {
        let random = self.random_word(8) & ((1 << EPOCH_RANDOM_BITS) - 1);
        let now = (self.wall_clock as u64).min(LATEST) << EPOCH_RANDOM_BITS | random;
        let epoch = now.max(LAST_EPOCH.get() + 1);
        LAST_EPOCH.set(epoch);
        epoch
    }

    fn random_word(&self, at: usize) -> u64 {
        self.random.iter().skip(at).take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}
