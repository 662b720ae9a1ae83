//! The guard of the asyncio API.

use std::sync::Arc;

use latchwork::Grant;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::loop_port::LoopPort;
use super::ready::Ready;
use super::space::AioSpace;
use crate::error;
use crate::lease::{Asked, Lease};

/// A lock that is held, until it is released.
///
/// Prefer `async with space.lock(...) as guard`, which releases it however the block ends. A guard that was awaited
/// can be used with `with` or `async with`; both release it:
///
///     guard = await space.lock("a")
///     with guard:
///         ...
///
/// which is equal to:
///
///     guard = await space.lock("a")
///     try:
///         ...
///     finally:
///         guard.release()
///
/// `release` is a plain call. A guard may be used and released by any thread and any event loop. One that is dropped
/// while it is held is released by its finaliser, with a `ResourceWarning`.
#[pyclass(frozen, module = "latchwork.aio", name = "Guard")]
pub(crate) struct AioGuard {
    lease: Lease,
    port: Arc<LoopPort>,
    space: Py<AioSpace>,
}

impl AioGuard {
    #[inline]
    pub(super) fn new(space: Py<AioSpace>, port: Arc<LoopPort>, grant: Grant, asked: Asked) -> AioGuard {
        AioGuard { lease: Lease::new(grant, asked), port, space }
    }

    fn is_held(&self) -> bool {
        let stale = self.port.core.is_stale();
        !self.lease.is_given_back() && !stale && self.port.core.held(self.lease.ticket)
    }

    /// Releases it if that was not done yet.
    #[inline]
    pub(super) fn leave(&self, py: Python<'_>) {
        if self.lease.give_back() && !self.port.core.is_stale() {
            // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
            let _ = self.port.release(py, self.lease.ticket);
        }
    }
}

#[pymethods]
impl AioGuard {
    /// The keys held exclusively, in the order asked.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.lease.keys(py)
    }

    /// The keys held in shared mode, in the order asked.
    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.lease.shared(py)
    }

    /// The fencing token: larger than that of every earlier, incompatible grant of any of its keys.
    #[getter]
    fn token(&self) -> u64 {
        self.lease.token
    }

    /// The label that the call gave, or `None`.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.lease.label()
    }

    /// Whether the lock is held now.
    #[getter]
    fn held(&self) -> bool {
        self.is_held()
    }

    /// The space that it is a lock of.
    #[getter]
    fn space(&self, py: Python<'_>) -> Py<AioSpace> {
        self.space.clone_ref(py)
    }

    /// Release the lock; the next in line has it before this returns, and runs at its loop's next turn.
    ///
    /// Raises `NotHeld` if it is not held any more.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.lease.give_back();
        if self.port.core.is_stale() || self.port.release(py, self.lease.ticket).is_err() {
            return Err(error::not_held(py, &self.lease.all_keys(py)?));
        }
        Ok(())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Release the lock if it is still held.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) {
        let _ = (exc_type, exc, traceback);
        self.leave(py);
    }

    fn __aenter__(slf: Bound<'_, Self>) -> Ready {
        Ready::new(slf.into_any().unbind())
    }

    /// Release the lock if it is still held.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Ready>> {
        let _ = (exc_type, exc, traceback);
        self.leave(py);
        Ready::none(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.lease.repr(py, "latchwork.aio", self.is_held())
    }
}

impl Drop for AioGuard {
    fn drop(&mut self) {
        if self.lease.is_given_back() || self.port.core.is_stale() || !self.lease.give_back() {
            return;
        }
        // By the space and not by the port: futures are resolved at the loop's next turn, not inside a finaliser.
        if self.port.core.space().release(self.lease.ticket).is_ok() {
            Python::try_attach(|py| self.lease.warn_dropped(py));
        }
    }
}
