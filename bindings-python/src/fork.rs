//! What a `fork` leaves to the child: nothing.
//!
//! The child has a copy of every lock table, in which the parent's threads hold locks that nobody will release, and in
//! which an inner lock may be taken by a thread that no longer exists. So the child never touches a value of its
//! parent's again, not even to drop it: spaces open anew in it, guards of the parent are not held.

use std::mem;
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use latchwork::Registry;
use pyo3::prelude::*;

static GENERATION: AtomicU32 = AtomicU32::new(0);
static FIRST: Process = Process::new();

/// One life of the process: its named spaces, and the child that it became.
struct Process {
    registry: Registry,
    child: OnceLock<&'static Process>,
}

impl Process {
    const fn new() -> Process {
        Process { registry: Registry::new(), child: OnceLock::new() }
    }
}

/// The named spaces of this process.
pub(crate) fn registry() -> &'static Registry {
    let mut process = &FIRST;
    while let Some(child) = process.child.get() {
        process = child;
    }
    &process.registry
}

/// How many forks lie between the first process and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Begin a new life: called in the child after each `fork`.
#[pyfunction(name = "_after_fork")]
pub(crate) fn after_fork() {
    let child: &'static Process = Box::leak(Box::new(Process::new()));
    let mut process = &FIRST;
    while let Err(taken) = process.child.set(child) {
        debug_assert!(std::ptr::eq(taken, child));
        process = process.child.get().copied().unwrap_or(child);
    }
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A value that each process has its own of: a forked child makes it anew when it first needs it.
pub(crate) struct PerProcess<T> {
    here: Own<T>,
    child: OnceLock<Box<PerProcess<T>>>,
}

impl<T> PerProcess<T> {
    pub(crate) fn new(value: T) -> PerProcess<T> {
        PerProcess { here: Own::new(value), child: OnceLock::new() }
    }

    /// That of this process.
    #[inline]
    pub(crate) fn get(&self, make: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        if self.here.is_stale() { self.last(make) } else { Ok(&self.here) }
    }

    /// That of this process, if it has been made.
    #[inline]
    pub(crate) fn made(&self) -> Option<&T> {
        let mut at = self;
        while at.here.is_stale() {
            at = at.child.get()?;
        }
        Some(&at.here)
    }

    #[cold]
    fn last(&self, make: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        let mut at = self;
        while at.here.is_stale() {
            at = match at.child.get() {
                Some(child) => child,
                None => {
                    // `make` may run code of the interpreter's, so it is not called while another thread waits for it.
                    let born = Box::new(PerProcess::new(make()?));
                    return Ok(&at.child.get_or_init(|| born).here);
                }
            };
        }
        Ok(&at.here)
    }
}

/// A core value that belongs to the process that made it: a forked child forgets it instead of dropping it.
#[derive(Debug)]
pub(crate) struct Own<T> {
    generation: u32,
    /// `None` only while this is dropped.
    value: Option<T>,
}

impl<T> Own<T> {
    pub(crate) fn new(value: T) -> Own<T> {
        Own { generation: generation(), value: Some(value) }
    }

    /// Whether it was made before the last fork.
    #[inline]
    pub(crate) fn is_stale(&self) -> bool {
        self.generation != generation()
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("present until it is dropped")
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if self.is_stale() {
            mem::forget(self.value.take());
        }
    }
}
