//! Where time comes from: the caller.

use std::time::Duration;

use crate::sync::{Arc, AtomicU64, Ordering};

/// Where a space takes the time from (clause B2: nothing in this crate reads a clock).
///
/// Any closure that returns a [`Duration`] is a clock. It must count from a fixed start and never go back; one that
/// counts while the machine is suspended is best.
///
/// # Examples
///
/// ```
/// let start = std::time::Instant::now();
/// let space = latchwork::Space::builder().clock(move || start.elapsed()).build();
/// # drop(space);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time since a fixed start.
    fn now(&self) -> Duration;

    /// Tells clocks apart that may show different times: openings of one name must agree on it (clause B6). 0 for the
    /// usual time, which need not be told apart.
    fn identity(&self) -> usize {
        0
    }
}

impl<F: Fn() -> Duration + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Duration {
        self()
    }
}

/// A clock that stands still until it is told to move: for tests.
///
/// Clones show the same time. After moving it, call [`Space::tick`](crate::Space::tick).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use latchwork::{Clock, ManualClock, Space};
///
/// let clock = ManualClock::new();
/// let space = Space::builder().clock(clock.clone()).build();
/// clock.advance(Duration::from_millis(20));
/// space.tick();
/// assert_eq!(clock.now(), Duration::from_millis(20));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows zero.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Moves the clock forward. It stops at about 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // Saturating, so that it never goes back; the closure always answers, so the update always succeeds.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| Some(now.saturating_add(by)));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}
