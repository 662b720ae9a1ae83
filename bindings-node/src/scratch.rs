//! What JavaScript and this crate share: lanes of doubles, which `native.ts` names, and room for one value.

use std::ptr::NonNull;

pub(crate) const HANDLE: usize = 0;
pub(crate) const SLOT: usize = 1;
pub(crate) const GENERATION: usize = 2;
pub(crate) const PLACE: usize = 3;
pub(crate) const NUMBER: usize = 4;
pub(crate) const OUTCOME: usize = 5;
pub(crate) const TOKEN: usize = 6;
pub(crate) const SETTLED: usize = 7;
pub(crate) const OWNER: usize = 8;
pub(crate) const MAX_HOLD: usize = 9;
pub(crate) const TIMEOUT: usize = 10;
pub(crate) const DEFERRED: usize = 11;
/// Where the first settled entry begins.
pub(crate) const FIRST: usize = 12;
/// Lanes per settled entry: handle, slot, generation, place, number, token, outcome.
pub(crate) const ENTRY: usize = 7;
/// Settled entries that one call can report.
pub(crate) const SETTLED_MAX: usize = 64;
/// How long the value is that crosses in [`Values`], or one of the two below.
pub(crate) const VALUE: usize = FIRST + SETTLED_MAX * ENTRY;
/// Out: the space in which requests for one key are sure to wait, and can be written down; 0 where there is none.
pub(crate) const LINE: usize = VALUE + 1;
/// In: how many are written down.
pub(crate) const JOINS: usize = LINE + 1;
/// In: where the first of them is, by its slot and its generation.
pub(crate) const FIRST_JOIN: usize = JOINS + 1;
/// How many can be written down.
pub(crate) const JOINS_MAX: usize = 64;
/// All lanes.
pub(crate) const LANES: usize = FIRST_JOIN + 2 * JOINS_MAX;

/// Of [`VALUE`]: there is none.
pub(crate) const NO_VALUE: f64 = -1.0;
/// Of [`VALUE`]: it is long, and crosses as an array of its own.
pub(crate) const LONG_VALUE: f64 = -2.0;
/// The longest value that crosses in [`Values`], in bytes.
pub(crate) const VALUE_MAX: usize = 1024;

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Granted = 0,
    Waiting = 1,
    Refused = 2,
    GivenOn = 3,
    Failed = 4,
    Abandoned = 5,
    Lost = 6,
    HandedOver = 7,
    Changed = 8,
}

/// The lanes, in memory that JavaScript owns and keeps for as long as the environment lives.
#[derive(Debug)]
pub(crate) struct Scratch(NonNull<f64>);

impl Scratch {
    /// # Safety
    ///
    /// `lanes` points to [`LANES`] doubles that stay where they are, and that only this thread uses, for as long as
    /// the value lives.
    pub(crate) unsafe fn new(lanes: NonNull<f64>) -> Scratch {
        Scratch(lanes)
    }

    pub(crate) fn lane(&self, lane: usize) -> f64 {
        assert!(lane < LANES);
        // SAFETY: in bounds, as just checked; `new` was promised that the memory is there and not shared.
        unsafe { self.0.add(lane).read() }
    }

    pub(crate) fn set(&self, lane: usize, value: f64) {
        assert!(lane < LANES);
        // SAFETY: as in `lane`.
        unsafe { self.0.add(lane).write(value) }
    }

    /// A lane that holds a whole number.
    pub(crate) fn whole(&self, lane: usize) -> u64 {
        self.lane(lane) as i64 as u64
    }

    /// Writes a whole number below 2^53.
    pub(crate) fn set_whole(&self, lane: usize, value: u64) {
        // By way of a signed one: a single instruction instead of a dozen.
        self.set(lane, value as i64 as f64);
    }

    pub(crate) fn answer(&self, outcome: Outcome) {
        self.set(OUTCOME, f64::from(outcome as u8));
    }
}

/// The bytes of one short value, in memory as that of the lanes.
#[derive(Debug)]
pub(crate) struct Values(NonNull<u8>);

impl Values {
    /// # Safety
    ///
    /// As for [`Scratch::new`], of [`VALUE_MAX`] bytes.
    pub(crate) unsafe fn new(bytes: NonNull<u8>) -> Values {
        Values(bytes)
    }

    /// Writes a value, unless it is too long.
    #[inline]
    pub(crate) fn write(&self, value: &[u8]) -> bool {
        if value.len() > VALUE_MAX {
            return false;
        }
        // SAFETY: there is room, as just checked, in memory that `new` was promised; no value of this crate lies there.
        unsafe { self.0.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len()) };
        true
    }

    /// A copy of the first bytes.
    #[inline]
    pub(crate) fn read(&self, length: usize) -> Box<[u8]> {
        assert!(length <= VALUE_MAX);
        // SAFETY: in bounds, as just checked; JavaScript does not run while the slice lives.
        Box::from(unsafe { std::slice::from_raw_parts(self.0.as_ptr(), length) })
    }
}
