//! The calls of `update` and `transact` that wait on a loop, or have a body that does, by their tags.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::call::AioCall;

/// Callers drop what they take out when nothing is locked.
#[derive(Default)]
pub(super) struct Calls {
    waiting: Mutex<HashMap<u64, Py<AioCall>>>,
    last: AtomicU64,
}

impl Calls {
    /// What a new call is known by.
    pub(super) fn next_tag(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn insert(&self, tag: u64, call: Py<AioCall>) -> Option<Py<AioCall>> {
        self.waiting().insert(tag, call)
    }

    pub(super) fn get(&self, py: Python<'_>, tag: u64) -> Option<Py<AioCall>> {
        self.waiting().get(&tag).map(|call| call.clone_ref(py))
    }

    pub(super) fn remove(&self, tag: u64) -> Option<Py<AioCall>> {
        self.waiting().remove(&tag)
    }

    pub(super) fn take(&self) -> HashMap<u64, Py<AioCall>> {
        std::mem::take(&mut self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Py<AioCall>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
