//! The guard of the blocking API.

use latchwork::{Grant, Port, Ticket};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::aio::deferring_wakes;
use crate::lease::{Call, Lease};
use crate::owner::Owner;
use crate::scope::Scope;
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
    scope: Scope,
}

impl Guard {
    pub(crate) fn new(space: Py<Space>, grant: Grant, call: Call) -> Guard {
        Guard { lease: Lease::new(grant), call, space, scope: Scope::default() }
    }

    fn is_held(&self) -> bool {
        self.find(self.lease.held()).is_some_and(|(port, ticket)| port.held(ticket))
    }

    /// Releases the lock if that was not done yet. Answers whether it was held.
    pub(crate) fn leave(&self) -> bool {
        self.find(self.lease.give_back()).is_some_and(|(port, ticket)| port.release(ticket).is_ok())
    }

    /// The block begins.
    pub(crate) fn enter(slf: &Bound<'_, Self>) -> PyResult<()> {
        let guard = slf.get();
        guard.scope.begin();
        match guard.space.get().ambient() {
            None => Ok(()),
            Some(ambient) => match guard.owner(slf.py())? {
                None => Ok(()),
                Some(owner) => guard.scope.begin_ambient(ambient, &owner),
            },
        }
    }

    /// The block ends.
    pub(crate) fn exit(&self, py: Python<'_>) {
        if let Some(ambient) = self.space.get().ambient() {
            self.scope.end_ambient(py, ambient);
        }
        // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
        self.leave();
        self.scope.end();
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

    /// The owner of the request. In a `with` block, and in the function of `with_lock`, one is made for the block when it is
    /// first asked for, if the request has none, and closed at the end of the block: `guard.owner.lock(...)` takes further
    /// locks as the same line of work. Outside of a block `None`, if the request has none.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(owner) = self.call.owner() {
            return owner.blocking(py, &self.space).map(Some);
        }
        self.scope.owner(py, self.space.get().made(), self.lease.held(), |core| {
            Ok(Py::new(py, Owner::new(self.space.clone_ref(py), core))?.into_any())
        })
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
        if !guard.is_held() {
            return Err(guard.call.not_held(slf.py()));
        }
        Guard::enter(&slf)?;
        Ok(slf)
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
        self.exit(py);
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
            deferring_wakes(|| {
                port.space().abandon(ticket);
                self.scope.end();
            });
            Python::try_attach(|py| self.call.warn_dropped(py, &self.lease));
        }
    }
}
