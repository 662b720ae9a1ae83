//! The clocks that this host injects, and what else it draws from the system (clause B2).

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use latchwork::{Clock, ManualClock};

/// A clock that never goes back and counts while the machine is suspended where the platform has one (clause B5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostClock;

impl Clock for HostClock {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn now(&self) -> Duration {
        read(rustix::time::ClockId::Boottime)
    }

    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    fn now(&self) -> Duration {
        read(rustix::time::ClockId::Monotonic)
    }

    #[cfg(not(unix))]
    fn now(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
}

#[cfg(unix)]
fn read(clock: rustix::time::ClockId) -> Duration {
    let now = rustix::time::clock_gettime(clock);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// The manual clock of this name, which all threads that know the name share. It ends with the last of them.
pub(crate) fn named(name: String) -> Arc<ManualClock> {
    static NAMED: Mutex<BTreeMap<String, Weak<ManualClock>>> = Mutex::new(BTreeMap::new());
    let mut clocks = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    clocks.retain(|_, clock| clock.strong_count() > 0);
    if let Some(known) = clocks.get(&name).and_then(Weak::upgrade) {
        return known;
    }
    let clock = Arc::default();
    clocks.insert(name, Arc::downgrade(&clock));
    clock
}

/// A random hash seed: keys are user input.
pub(crate) fn seed() -> u64 {
    RandomState::new().hash_one(0)
}

/// A new epoch, larger than every earlier one of the process and, where the wall clock is right, of the machine.
pub(crate) fn epoch() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64);
    let mut last = LAST.load(Ordering::Relaxed);
    loop {
        let next = now.max(last + 1);
        match LAST.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return next,
            Err(newer) => last = newer,
        }
    }
}

/// Milliseconds as JavaScript gives them; what is beyond a `Duration` is for ever.
pub(crate) fn from_milliseconds(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::MAX)
}

/// A duration as JavaScript takes it.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    // Exact for whole milliseconds, which `as_secs_f64() * 1e3` is not.
    duration.as_secs() as f64 * 1e3 + f64::from(duration.subsec_nanos()) / 1e6
}
