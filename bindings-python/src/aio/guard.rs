//! The guard of the asyncio API.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::ready::Ready;
use super::request::LockRequest;
use super::space::AioSpace;

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
#[pyclass(frozen, freelist = 64, module = "latchwork.aio", name = "Guard")]
pub(crate) struct AioGuard {
    /// The request that was granted. It keeps the lease, and releases it when it is dropped.
    request: Py<LockRequest>,
}

impl AioGuard {
    #[inline]
    pub(super) fn new(request: Py<LockRequest>) -> AioGuard {
        AioGuard { request }
    }
}

#[pymethods]
impl AioGuard {
    /// The keys held exclusively, in the order asked.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.request.get().asked().exclusive(py)
    }

    /// The keys held in shared mode, in the order asked.
    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.request.get().asked().shared(py)
    }

    /// The fencing token: larger than that of every earlier, incompatible grant of any of its keys.
    #[getter]
    fn token(&self) -> u64 {
        self.request.get().token()
    }

    /// The label that the call gave, or `None`.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.request.get().asked().label()
    }

    /// Whether the lock is held now.
    #[getter]
    fn held(&self) -> bool {
        self.request.get().is_held()
    }

    /// The space that it is a lock of.
    #[getter]
    fn space(&self, py: Python<'_>) -> Py<AioSpace> {
        self.request.get().space(py)
    }

    /// Release the lock; the next in line has it before this returns, and runs at its loop's next turn.
    ///
    /// Raises `NotHeld` if it is not held any more.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.request.get().release(py)
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
        self.request.get().leave(py);
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
        self.request.get().leave(py);
        Ready::none(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.request.get().guard_repr(py)
    }
}
