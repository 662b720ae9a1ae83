//! The guard of the blocking API.

use latchwork::{Grant, Port, Ticket};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::aio::deferring_wakes;
use crate::lease::{Call, Lease};
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
/// A guard may be used and released by any thread, and one that is kept is held, for ever if nobody releases it. One
/// that is forgotten, so that it is dropped while it is held, is released by its finaliser, with a `ResourceWarning`;
/// those who were queued for its keys see `abandoned`. When the finaliser runs is up to the interpreter: at once where
/// nothing else refers to the guard, at some later collection where it is part of a cycle.
#[pyclass(frozen, weakref, module = "latchwork")]
pub(crate) struct Guard {
    lease: Lease,
    call: Call,
    space: Py<Space>,
}

impl Guard {
    pub(crate) fn new(space: Py<Space>, grant: Grant, call: Call) -> Guard {
        Guard { lease: Lease::new(grant), call, space }
    }

    fn is_held(&self) -> bool {
        self.find(self.lease.held()).is_some_and(|(port, ticket)| port.held(ticket))
    }

    /// Releases the lock if that was not done yet. Answers whether it was held.
    pub(crate) fn leave(&self) -> bool {
        self.find(self.lease.give_back()).is_some_and(|(port, ticket)| port.release(ticket).is_ok())
    }

    fn find(&self, ticket: Option<Ticket>) -> Option<(&Port, Ticket)> {
        self.space.get().made().zip(ticket)
    }
}

#[pymethods]
impl Guard {
    /// The keys held exclusively, in the order asked.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.call.exclusive(py)
    }

    /// The keys held in shared mode, in the order asked.
    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.call.shared(py)
    }

    /// The fencing token: larger than that of every earlier, incompatible grant of any of its keys, in this life of the
    /// space. A store that must refuse a late writer is given it together with `space.epoch`.
    #[getter]
    fn token(&self) -> u64 {
        self.lease.token()
    }

    /// The label that the call gave, or `None`.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.call.label()
    }

    /// Whether a holder of one of its keys went away without a release while this request was queued: what the lock
    /// protects may be half done.
    #[getter]
    fn abandoned(&self) -> bool {
        self.lease.abandoned()
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
        if self.leave() { Ok(()) } else { Err(self.call.not_held(py)) }
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let guard = slf.get();
        if guard.is_held() { Ok(slf) } else { Err(guard.call.not_held(slf.py())) }
    }

    /// Release the lock if it is still held.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(&self, exc_type: &Bound<'_, PyAny>, exc: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let _ = (exc_type, exc, traceback);
        // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
        self.leave();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.call.repr(py, "latchwork", &self.lease, self.is_held())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((port, ticket)) = self.find(self.lease.give_back())
            && port.held(ticket)
        {
            deferring_wakes(|| port.space().abandon(ticket));
            Python::try_attach(|py| self.call.warn_dropped(py, &self.lease));
        }
    }
}
