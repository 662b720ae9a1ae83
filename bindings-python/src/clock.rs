//! The clocks of a space: the host's, and one that tests move by hand.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use pyo3::prelude::*;

use crate::{convert, error};

/// The host's clock: it never goes back, and where the platform can, it counts the time that the machine slept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostClock;

impl latchwork::Clock for HostClock {
    #[cfg(unix)]
    fn now(&self) -> Duration {
        use rustix::time::{ClockId, clock_gettime};

        // Linux's monotonic clock stands still in suspend; elsewhere on Unix it counts it.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: ClockId = ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: ClockId = ClockId::Monotonic;
        clock_gettime(CLOCK).try_into().unwrap_or_default()
    }

    #[cfg(not(unix))]
    fn now(&self) -> Duration {
        use std::sync::LazyLock;
        use std::time::Instant;

        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// Something that must be told when a manual clock moved.
pub(crate) trait Tick: Send + Sync {
    /// Tell what is due, and resolve what that settled for the calling thread.
    fn tick(&self, py: Python<'_>);
}

/// A clock that stands still until a test moves it.
///
/// Give it to `open(clock=...)`. Time-outs of that space are then told by `advance` alone; no timer runs.
#[pyclass(frozen, module = "latchwork.testing")]
pub(crate) struct ManualClock {
    pub(crate) clock: latchwork::ManualClock,
    spaces: Mutex<Vec<Weak<dyn Tick>>>,
}

impl ManualClock {
    /// The clock that a caller gave.
    pub(crate) fn given(clock: &Bound<'_, PyAny>) -> PyResult<Py<ManualClock>> {
        clock.cast::<ManualClock>().map(|clock| clock.clone().unbind()).map_err(|_| {
            let why = format!("{} is not a ManualClock", convert::type_name(clock));
            error::wrong_type(clock.py(), "clock", &why)
        })
    }

    /// Tick this space at every `advance`, as long as it lives.
    pub(crate) fn watch(&self, space: Weak<dyn Tick>) {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.retain(|space| space.strong_count() > 0);
        spaces.push(space);
    }
}

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> ManualClock {
        ManualClock { clock: latchwork::ManualClock::new(), spaces: Mutex::new(Vec::new()) }
    }

    /// Move the clock forward by this many seconds, and tell every space that uses it.
    ///
    /// When it returns, what became due has been told: blocked threads are awake, and futures of the calling
    /// thread's event loop are resolved (their tasks run at the loop's next turn).
    ///
    /// Raises `Invalid` if `seconds` is negative, not finite or not a number.
    fn advance(&self, py: Python<'_>, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        self.clock.advance(convert::seconds("seconds", seconds)?);
        let spaces: Vec<Arc<dyn Tick>> = {
            let spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
            spaces.iter().filter_map(Weak::upgrade).collect()
        };
        for space in spaces {
            space.tick(py);
        }
        Ok(())
    }

    /// Seconds since the clock was made.
    #[getter]
    fn now(&self) -> f64 {
        latchwork::Clock::now(&self.clock).as_secs_f64()
    }

    fn __repr__(&self) -> String {
        format!("<ManualClock now={}>", self.now())
    }
}
