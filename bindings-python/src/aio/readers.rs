//! Whoever reads a watch of cells on a loop, by the number of the watch.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// The futures of those who wait for a next state. Callers drop what they take out when nothing is locked.
#[derive(Default)]
pub(super) struct Readers(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: HashMap<u64, Py<PyAny>>,
    /// Watches that were ended, whose readers are to be told.
    ended: Vec<u64>,
}

impl Readers {
    pub(super) fn insert(&self, watch: u64, future: Py<PyAny>) -> Option<Py<PyAny>> {
        self.state().waiting.insert(watch, future)
    }

    pub(super) fn contains(&self, watch: u64) -> bool {
        self.state().waiting.contains_key(&watch)
    }

    pub(super) fn remove(&self, watch: u64) -> Option<Py<PyAny>> {
        self.state().waiting.remove(&watch)
    }

    /// Takes out this future, where it is still the one.
    pub(super) fn remove_future(&self, watch: u64, future: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
        let mut state = self.state();
        state.waiting.get(&watch)?.is(future).then(|| state.waiting.remove(&watch))?
    }

    pub(super) fn take(&self) -> HashMap<u64, Py<PyAny>> {
        std::mem::take(&mut self.state().waiting)
    }

    pub(super) fn end(&self, watch: u64) {
        self.state().ended.push(watch);
    }

    pub(super) fn take_ended(&self) -> Vec<u64> {
        std::mem::take(&mut self.state().ended)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
