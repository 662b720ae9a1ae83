//! The model checker that was chosen by `--cfg`: its threads, mutexes, atomics and its way to wait for a future.

#[cfg(loom)]
pub use loom::future::block_on;
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicUsize, Ordering};
#[cfg(loom)]
pub use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(loom)]
pub use loom::thread;
#[cfg(not(loom))]
pub use shuttle::future::block_on;
#[cfg(not(loom))]
pub use shuttle::sync::atomic::{AtomicUsize, Ordering};
#[cfg(not(loom))]
pub use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub use shuttle::thread;

use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Locks, whoever panicked before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A waker that a thread can wait for.
#[derive(Default)]
pub struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// One that was not given.
    pub fn new() -> Arc<Signal> {
        Arc::new(Signal { given: Mutex::new(false), changed: Condvar::new() })
    }

    /// The waker that gives it.
    pub fn waker(self: &Arc<Signal>) -> Waker {
        Waker::from(self.clone())
    }

    /// Gives it.
    pub fn give(&self) {
        *lock(&self.given) = true;
        self.changed.notify_one();
    }

    /// Waits until it is given, and takes it back.
    pub fn wait(&self) {
        let mut given = lock(&self.given);
        while !std::mem::take(&mut *given) {
            given = self.changed.wait(given).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Signal>) {
        self.give();
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}
