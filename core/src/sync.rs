//! The one place that names the synchronisation primitives.
//!
//! Usually they are the standard library's, and the mutex parking_lot's. Built with `--cfg loom` or `--cfg shuttle`, the mutexes and the atomics are
//! those of the model checker of that name, which decides at each of them who runs next: see `tests/models`.
//!
//! `Arc`, `Weak` and `OnceLock` stay the standard library's: loom has no `Weak` and no `new_cyclic`. A count that goes up or down is
//! therefore no point at which a model switches; the models keep each space alive, so that what hangs on the last
//! reference is not theirs to find.

pub(crate) use std::sync::{Arc, OnceLock, Weak};

/// An `Arc` that has no `Weak`: to see that one is alone locks nothing, and to let go last one step less.
pub(crate) use triomphe::Arc as StrongArc;

pub(crate) use self::chosen::{AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering};

#[cfg(not(any(loom, shuttle)))]
mod chosen {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

    pub(crate) use super::mutex::{Mutex, MutexGuard};
}

/// A mutex that is not poisoned, since no caller's code runs while it is locked: the library's asks at each lock and at each
/// end of one whether a panic is under way.
#[cfg(not(any(loom, shuttle, miri, target_os = "unknown")))]
mod mutex {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
}

/// The same of the library's, where that has nobody to wait for, or where each access to memory is looked at.
#[cfg(all(not(any(loom, shuttle)), any(miri, target_os = "unknown")))]
mod mutex {
    pub(crate) use std::sync::MutexGuard;

    #[derive(Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Mutex<T> {
            Mutex(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[cfg(any(loom, shuttle))]
mod chosen {
    use std::ops::{Deref, DerefMut};
    use std::sync::{OnceLock, PoisonError};

    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    #[cfg(loom)]
    use loom::sync::{Mutex as Turn, MutexGuard as TurnGuard};
    #[cfg(not(loom))]
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    #[cfg(not(loom))]
    use shuttle::sync::{Mutex as Turn, MutexGuard as TurnGuard};

    /// As the usual one; whose turn it is says the checker. Its own mutex is made at the first lock, since loom's cannot
    /// be made in a constant, and a space has many shards that a model never touches.
    #[derive(Default)]
    pub(crate) struct Mutex<T> {
        content: std::sync::Mutex<T>,
        turn: OnceLock<Turn<()>>,
    }

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Mutex<T> {
            Mutex { content: std::sync::Mutex::new(value), turn: OnceLock::new() }
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            let turn = self.turn.get_or_init(Turn::default).lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits here: whoever has the turn is alone.
            let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
            MutexGuard { content, _turn: turn }
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.content.get_mut().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Lets go of the content before the turn.
    pub(crate) struct MutexGuard<'a, T> {
        content: std::sync::MutexGuard<'a, T>,
        _turn: TurnGuard<'a, ()>,
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.content
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.content
        }
    }
}
