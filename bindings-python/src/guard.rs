//! The guard of the blocking API.

use latchwork::{Grant, Ticket};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::aio::deferring_wakes;
use crate::bytes::Port;
use crate::convert;
use crate::holding::{self, Holding, KeySet, Payload};
use crate::lease::{Call, Lease};
use crate::owner::Owner;
use crate::scope::Scope;
use crate::space::Space;
use crate::watch::Watch;

/// A lock that is held, until it is released.
///
/// Prefer the `with` statement, which releases it however the block ends:
///
///     with space.lock("a") as guard:
///         ...
///
/// which is as this, where the lock is not lost:
///
///     guard = space.lock("a")
///     try:
///         ...
///     finally:
///         guard.release()
///
/// `release` raises `NotHeld` of a lock that was taken away with all its keys, also in place of an exception of the block; the
/// end of a `with` block never does. That a lock was lost is no error there: a block that needs to know asks `guard.held` at
/// its end, or writes cells with `guard=`.
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
    holding: Holding,
}

impl Guard {
    pub(crate) fn new(space: Py<Space>, grant: Grant, call: Call) -> Guard {
        Guard { lease: Lease::new(grant), call, space, scope: Scope::default(), holding: Holding::default() }
    }

    /// What was granted.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Where it was granted.
    pub(crate) fn port(&self, py: Python<'_>) -> PyResult<&Port> {
        self.space.get().port(py)
    }

    fn is_held(&self) -> bool {
        self.find(self.lease.held()).is_some_and(|(port, ticket)| port.held(ticket))
    }

    /// Releases the lock if that was not done yet. Answers whether it was held.
    pub(crate) fn leave(&self) -> bool {
        self.lease.release(&self.call, self.space.get().made())
    }

    /// Notes what a lock is that was handed over: it has its own keys, whatever was asked for.
    pub(crate) fn note_handed(&self, py: Python<'_>, lock: &mut latchwork::Guard, keys: KeySet) -> PyResult<()> {
        if self.call.owner().is_none() {
            return Ok(());
        }
        let payload = lock.take_payload().and_then(|payload| payload.downcast::<Payload>().ok());
        if payload.is_some() || keys != self.call.key_set(py)? {
            self.holding.start(keys, payload.map(|payload| payload.0));
        }
        Ok(())
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
    /// The keys held exclusively, in the order asked, without those that were released.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        convert::keys_to_py(py, &self.holding.key_set(py, &self.call)?.0)
    }

    /// The keys held in shared mode, in the order asked, without those that were released; those of `downgrade` come last.
    #[getter]
    fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        convert::keys_to_py(py, &self.holding.key_set(py, &self.call)?.1)
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
    /// protects may be half done. Not so of a lock that was taken away, by `revoke` or at the end of `max_hold`: its holder still
    /// runs, and learns it by `lost`.
    #[getter]
    fn abandoned(&self) -> bool {
        self.lease.abandoned()
    }

    /// What the giver sent along, if the lock was handed over; else `None`.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.holding.payload(py)
    }

    /// Whether the lock was taken away while its holder runs: by `revoke`, by the end of `max_hold`, with its owner or its
    /// space. As an event of `threading`: `is_set()`, and `wait(timeout=None)`, which blocks.
    #[getter]
    fn lost(&self) -> Watch {
        holding::watch(&self.lease, self.space.get().made())
    }

    /// Hand the lock over to another owner, with its token and all its keys; `owner` is it, or its id.
    ///
    /// Those who wait keep their places, and the end of the giver no longer matters. This guard is not held any more. If
    /// the new owner waits for some of the keys, in the same or weaker modes, that request is resolved with this lock; else
    /// it comes up in `owner.handed_over`. `payload` is any object, which the new guard has.
    ///
    /// The answer is true if it was delivered. To a closed owner it is not, and the keys are released.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> job = space.owner("encode")
    /// >>> space.lock("encoder").hand_over(job, "film.mov").delivered
    /// True
    /// >>> guard = next(job.handed_over)
    /// >>> guard.keys, guard.payload
    /// (('encoder',), 'film.mov')
    /// >>> guard.release()
    ///
    /// Raises `NotHeld` if the lock is not held any more, `Invalid` to its own owner or to an id that no owner of the space ever
    /// had, `Deadlock` if the new owner would wait for itself. Then nothing has moved.
    #[pyo3(signature = (owner, payload = None))]
    fn hand_over<'py>(
        &self,
        owner: &Bound<'py, PyAny>,
        payload: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.holding.hand_over(&self.call, &self.lease, self.space.get().made(), owner, payload)
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

    /// Release the lock, or these of its keys; the next in line has them before this returns.
    ///
    /// Without keys it is all that it still has. With keys the rest stays held; when they were the last ones, the lock is
    /// released. Of a lock that was lost in part, this gives back what was not taken away, which stays reserved until then.
    /// A lock that was handed over into a sub-space may have keys that cannot be named there: they stay held until this
    /// without keys, or the end of the block.
    ///
    /// Raises `NotHeld` if nothing is left to be released, or one of the keys that are named is not held; then nothing has
    /// changed.
    #[pyo3(signature = (*keys))]
    fn release(&self, py: Python<'_>, keys: &Bound<'_, PyTuple>) -> PyResult<()> {
        if keys.is_empty() {
            return if self.leave() { Ok(()) } else { Err(self.holding.not_held(py, &self.call)) };
        }
        let keys = convert::key_arguments(self.call.within(), keys.len(), keys.iter())?;
        self.holding.release(py, &self.call, &self.lease, self.space.get().made(), &keys)
    }

    /// Make the lock a shared one, or these of its keys, and admit the shared requests next in line.
    ///
    /// There is no way back: two that wanted it would wait for each other. Nothing for a key that is shared already.
    ///
    /// Raises `NotHeld` if the lock is not held any more, or one of the keys is not; then nothing has changed.
    #[pyo3(signature = (*keys))]
    fn downgrade(&self, py: Python<'_>, keys: &Bound<'_, PyTuple>) -> PyResult<()> {
        let keys = convert::key_arguments(self.call.within(), keys.len(), keys.iter())?;
        let keys = if keys.is_empty() { None } else { Some(&*keys) };
        self.holding.downgrade(py, &self.call, &self.lease, self.space.get().made(), keys)
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let guard = slf.get();
        if !guard.is_held() {
            return Err(guard.holding.not_held(slf.py(), &guard.call));
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
        self.call.repr(py, "latchwork", &self.lease, &self.holding, self.is_held())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((port, ticket)) = self.find(self.lease.give_back()) {
            // One that was lost has keys too: those that were not taken.
            let held = port.held(ticket);
            deferring_wakes(|| {
                port.space().abandon(ticket);
                self.scope.end();
            });
            if held {
                Python::try_attach(|py| self.call.warn_dropped(py, &self.lease));
            }
        }
    }
}
