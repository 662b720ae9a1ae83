//! The guard of the blocking API.

use std::sync::Arc;

use latchwork::{Grant, Port};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::fork::Own;
use crate::lease::{Asked, Lease};
use crate::space::Space;

/// A lock that is held, until it is released.
///
/// Prefer the `with` statement, which releases it however the block ends:
///
///     with space.lock("a") as guard:
///         ...
///
/// which is equal to:
///
///     guard = space.lock("a")
///     try:
///         ...
///     finally:
///         guard.release()
///
/// A guard may be used and released by any thread. One that is dropped while it is held is released by its
/// finaliser, with a `ResourceWarning`.
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct Guard {
    lease: Lease,
    asked: Asked,
    port: Own<Arc<Port>>,
    space: Py<Space>,
}

impl Guard {
    pub(crate) fn new(space: Py<Space>, port: Own<Arc<Port>>, grant: Grant, asked: Asked) -> Guard {
        Guard { lease: Lease::new(grant), asked, port, space }
    }

    fn is_held(&self) -> bool {
        !self.lease.is_given_back() && !self.port.is_stale() && self.port.held(self.lease.ticket)
    }
}

#[pymethods]
impl Guard {
    /// The keys held exclusively, in the order asked.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.asked.exclusive(py)
    }

    /// The keys held in shared mode, in the order asked.
    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.asked.shared(py)
    }

    /// The fencing token: larger than that of every earlier, incompatible grant of any of its keys.
    #[getter]
    fn token(&self) -> u64 {
        self.lease.token
    }

    /// The label that the call gave, or `None`.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.asked.label()
    }

    /// Whether the lock is held now.
    #[getter]
    fn held(&self) -> bool {
        self.is_held()
    }

    /// The space that it is a lock of.
    #[getter]
    fn space(&self, py: Python<'_>) -> Py<Space> {
        self.space.clone_ref(py)
    }

    /// Release the lock; the next in line has it before this returns.
    ///
    /// Raises `NotHeld` if it is not held any more.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.lease.give_back();
        if self.port.is_stale() || self.port.release(self.lease.ticket).is_err() {
            return Err(self.asked.not_held(py));
        }
        Ok(())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Release the lock if it is still held.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(&self, exc_type: &Bound<'_, PyAny>, exc: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let _ = (exc_type, exc, traceback);
        if self.lease.give_back() && !self.port.is_stale() {
            // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
            let _ = self.port.release(self.lease.ticket);
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.asked.repr(py, "latchwork", &self.lease, self.is_held())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.lease.give_back() && !self.port.is_stale() && self.port.release(self.lease.ticket).is_ok() {
            Python::try_attach(|py| self.asked.warn_dropped(py, &self.lease));
        }
    }
}
