//! What is to be called once a transaction is committed.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::intern;
use pyo3::prelude::*;

use super::refuse_unfinished;
use crate::aio::put_off;

/// The functions of one attempt, by the numbers that the core knows them by.
#[derive(Default)]
pub(super) struct Callbacks {
    functions: Vec<(u64, Py<PyAny>)>,
    last: u64,
}

impl Callbacks {
    /// Keeps a function. Answers its number.
    pub(super) fn add(&mut self, function: Py<PyAny>) -> u64 {
        self.last += 1;
        self.functions.push((self.last, function));
        self.last
    }

    /// Forgets all. The caller drops what it answers when nothing is locked.
    #[must_use]
    pub(super) fn clear(&mut self) -> Vec<(u64, Py<PyAny>)> {
        std::mem::take(&mut self.functions)
    }
}

/// Why such a function is no coroutine function.
pub(super) const NOBODY_AWAITS: &str = "a coroutine function: nobody would await it";

/// Calls those of these numbers, in this order. An error in one is reported, and changes nothing else (clause C9).
pub(super) fn call(py: Python<'_>, functions: &[(u64, Py<PyAny>)], numbers: &[u64]) {
    for number in numbers {
        let Some((_, function)) = functions.iter().find(|(known, _)| known == number) else { continue };
        let called = function.call0(py).and_then(|answer| match is_future(answer.bind(py))? {
            // It goes on by itself.
            true => Ok(()),
            false => refuse_unfinished(answer.bind(py), NOBODY_AWAITS),
        });
        if let Err(error) = called {
            if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                put_off(py, error);
            } else {
                error.write_unraisable(py, Some(function.bind(py)));
            }
        }
    }
}

/// A task of asyncio, or another future there, which nobody need await.
fn is_future(answer: &Bound<'_, PyAny>) -> PyResult<bool> {
    answer.get_type().hasattr(intern!(answer.py(), "_asyncio_future_blocking"))
}
