//! How much is measured.

/// A full run, or a quick one that is only good for a first look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Enough rounds for a verdict.
    Full,
    /// A few rounds.
    Quick,
}

impl Settings {
    /// The rounds of a case that takes milliseconds.
    pub fn rounds(self) -> usize {
        match self {
            Settings::Full => 61,
            Settings::Quick => 9,
        }
    }

    /// The rounds of a case that takes most of a second.
    pub fn slow_rounds(self) -> usize {
        match self {
            Settings::Full => 21,
            Settings::Quick => 3,
        }
    }

    /// How many waiters one key has.
    pub fn waiters(self) -> &'static [u64] {
        match self {
            Settings::Full => &[10, 100, 1_000, 10_000, 100_000],
            Settings::Quick => &[10, 100_000],
        }
    }

    /// How many keys are held.
    pub fn held_keys(self) -> &'static [u64] {
        match self {
            Settings::Full => &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
            Settings::Quick => &[10, 1_000_000],
        }
    }
}
