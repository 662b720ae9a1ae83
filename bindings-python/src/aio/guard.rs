//! A lock of the asyncio API: first the call that can be awaited, then the guard that it becomes.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use latchwork::{Grant, HandedOver};
use pyo3::exceptions::{PyBaseException, PyRuntimeWarning, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyTuple, PyType};

use super::coroutine;
use super::loop_port::{Joined, LoopPort};
use super::owner::AioOwner;
use super::running::deferring_wakes;
use super::space::AioSpace;
use crate::bytes::Port;
use crate::holding::{self, Holding};
use crate::lease::{Call, Lease};
use crate::scope::Scope;
use crate::{convert, error, place};

/// A call of `lock`, and the guard that it becomes: a lock that is held, until it is released.
///
/// A call can be awaited, once. It joins the queues of its keys at its first step: at `await`, at `async with`, or when
/// the task made of it first runs. Until then it holds nothing. Cancelling it at any point gives up what it asked for
/// or was just granted. It is a coroutine to asyncio: `create_task`, `gather`, `wait_for` and `shield` take it as it is.
///
/// Prefer `async with space.lock(...) as guard`, which releases it however the block ends. A guard that was awaited
/// can be used with `with` or `async with`; both release it:
///
///     guard = await space.lock("a")
///     with guard:
///         ...
///
/// which is as this, where the lock is not lost:
///
///     guard = await space.lock("a")
///     try:
///         ...
///     finally:
///         guard.release()
///
/// `release` raises `NotHeld` of a lock that was taken away with all its keys, also in place of an exception of the block; the
/// end of a `with` block never does. That a lock was lost is no error there: a block that needs to know asks `guard.held` at
/// its end, or writes cells with `guard=`.
///
/// `release` is a plain call. A guard may be used and released by any thread and any event loop, and one that is kept is
/// held, for ever if nobody releases it. One that is forgotten, so that it is dropped while it is held, is released by
/// its finaliser, with a `ResourceWarning`; those who were queued for its keys see `abandoned`. When the finaliser runs
/// is up to the interpreter: at once where nothing else refers to the guard, at some later collection where it is part
/// of a cycle.
///
/// A loop that is closed gives up what its tasks wait for, and what was granted to them and they have not seen. One that
/// is only stopped keeps their places, since it may run again: close it.
// One object for both: making and freeing a second one costs a tenth of an uncontended lock.
#[pyclass(frozen, weakref, module = "latchwork.aio", name = "Guard")]
pub(crate) struct AioGuard {
    space: Py<AioSpace>,
    call: Call,
    stage: AtomicU8,
    lease: Lease,
    scope: Scope,
    holding: Holding,
    /// Where it waits, or waited.
    // Apart, since most requests are granted at once: a smaller guard is made sooner.
    place: OnceLock<Box<Place>>,
}

struct Place {
    /// Kept as long as the lock: a port that goes away takes its grants with it.
    port: Arc<LoopPort>,
    /// The tag of its wait; `None` when it was granted at once.
    tag: Option<u64>,
}

/// How far a request is.
mod stage {
    /// Not awaited yet.
    pub(super) const NEW: u8 = 0;
    /// A thread is in the middle of a step.
    pub(super) const STEPPING: u8 = 1;
    pub(super) const WAITING: u8 = 2;
    /// Granted, failed or given up.
    pub(super) const DONE: u8 = 3;
}

/// What a step came to.
enum Step {
    Granted,
    /// The future to wait for.
    Wait(Py<PyAny>),
}

impl AioGuard {
    #[inline]
    pub(super) fn new(space: Py<AioSpace>, call: Call) -> AioGuard {
        let stage = AtomicU8::new(stage::NEW);
        AioGuard {
            space,
            call,
            stage,
            lease: Lease::default(),
            scope: Scope::default(),
            holding: Holding::default(),
            place: OnceLock::new(),
        }
    }

    /// One that was granted without being awaited.
    pub(super) fn at_once(space: Py<AioSpace>, call: Call, grant: Grant) -> AioGuard {
        let stage = AtomicU8::new(stage::DONE);
        AioGuard {
            space,
            call,
            stage,
            lease: Lease::new(grant),
            scope: Scope::default(),
            holding: Holding::default(),
            place: OnceLock::new(),
        }
    }

    /// One that was handed over to an owner.
    pub(super) fn handed(space: Py<AioSpace>, call: Call, handed: HandedOver) -> AioGuard {
        let grant = handed.grant;
        let guard = AioGuard::at_once(space, call, grant);
        guard.holding.begin(&guard.call, handed);
        guard
    }

    /// What was granted.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Where it was granted.
    pub(crate) fn port(&self, py: Python<'_>) -> PyResult<&Port> {
        Ok(&self.space.get().life(py)?.home)
    }

    /// One step of the call: the first joins, later ones look whether the wait is over.
    #[inline]
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        let (py, guard) = (slf.py(), slf.get());
        let stepped = match AioGuard::move_on(slf, stage::STEPPING) {
            stage::NEW => guard.join(py),
            stage::WAITING => guard.resume(py),
            _ => {
                return Err(error::wrong_value(py, "request", "already awaited, each call of lock is awaited once"));
            }
        };
        let stage = if matches!(stepped, Ok(Step::Wait(_))) { stage::WAITING } else { stage::DONE };
        guard.stage.store(stage, Ordering::Release);
        stepped
    }

    /// Goes from a stage that waits for its caller to another. Answers where it was; it stays there if it is another
    /// thread's turn, or the end.
    #[inline]
    fn move_on(slf: &Bound<'_, Self>, to: u8) -> u8 {
        let stage = &slf.get().stage;
        // Costs nothing where an interpreter lock makes threads take turns; an atomic exchange would.
        with_critical_section(slf.as_any(), || {
            let at = stage.load(Ordering::Acquire);
            if matches!(at, stage::NEW | stage::WAITING) {
                stage.store(to, Ordering::Release);
            }
            at
        })
    }

    #[inline]
    fn join(&self, py: Python<'_>) -> PyResult<Step> {
        let life = self.space.get().life(py)?;
        self.space.get().keep_time(py, &self.call)?;
        match self.call.try_lock(py, &life.home)? {
            Some(grant) => {
                self.lease.begin(grant);
                Ok(Step::Granted)
            }
            None => self.join_queues(py),
        }
    }

    fn join_queues(&self, py: Python<'_>) -> PyResult<Step> {
        let port = self.space.get().port(py)?;
        let (tag, step) = match port.lock(py, &self.call)? {
            Joined::Granted(grant) => {
                self.lease.begin(grant);
                (None, Step::Granted)
            }
            Joined::Waiting(tag, future) => (Some(tag), Step::Wait(future)),
        };
        // Set once: only the first step comes here.
        let _ = self.place.set(Box::new(Place { port, tag }));
        Ok(step)
    }

    fn resume(&self, py: Python<'_>) -> PyResult<Step> {
        let Some(Place { port, tag: Some(tag) }) = self.place() else {
            return Err(error::wrong_value(py, "request", "already given up"));
        };
        match port.take_outcome(*tag) {
            // Seen now: from here on the lock is this caller's to release.
            Some(Ok(grant)) => {
                let confirmed = port.core.confirm(grant.ticket);
                confirmed.map_err(|error| error::raise(py, &place::told(self.call.within(), error)))?;
                if self.call.owner().is_some()
                    && let Some(handed) = port.core.take_handed(grant)
                {
                    self.holding.begin(&self.call, handed);
                }
                self.lease.begin(grant);
                Ok(Step::Granted)
            }
            Some(Err(error)) => Err(error::raise(py, &place::told(self.call.within(), error))),
            None => port.future(py, *tag).map(Step::Wait).ok_or_else(LoopPort::gone),
        }
    }

    /// Gives up whatever was asked for or granted and not seen yet. What is held is ended by a release.
    fn give_up(slf: &Bound<'_, Self>) {
        if AioGuard::move_on(slf, stage::DONE) == stage::WAITING
            && let Some(Place { port, tag: Some(tag) }) = slf.get().place()
        {
            port.cancel(slf.py(), *tag);
        }
    }

    fn place(&self) -> Option<&Place> {
        self.place.get().map(|place| &**place)
    }

    /// Releases the lock if that was not done yet. Answers whether it was held.
    #[inline]
    fn leave(&self, py: Python<'_>) -> bool {
        let Some(Place { port, .. }) = self.place() else {
            return self.lease.release(&self.call, self.space.get().made().map(|life| &life.home));
        };
        // Who waits next waits most likely on the same loop, and is told there without a wake.
        let released = self.lease.release(&self.call, Some(port.port()));
        if released {
            port.settle(py);
        }
        released
    }

    fn is_held(&self) -> bool {
        let held = self.lease.held().zip(self.space.get().made());
        held.is_some_and(|(ticket, life)| life.home.held(ticket))
    }

    fn enter_again(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_held() { self.enter(py) } else { Err(self.holding.not_held(py, &self.call)) }
    }

    /// The block begins.
    #[inline]
    fn enter(&self, py: Python<'_>) -> PyResult<()> {
        self.scope.begin();
        let Some(ambient) = self.space.get().ambient() else { return Ok(()) };
        match self.owner(py)? {
            None => Ok(()),
            Some(owner) => self.scope.begin_ambient(ambient, &owner),
        }
    }

    /// The block ends.
    #[inline]
    fn exit(&self, py: Python<'_>) {
        if let Some(ambient) = self.space.get().ambient() {
            self.scope.end_ambient(py, ambient);
        }
        // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
        self.leave(py);
        self.scope.end();
    }

    /// A step as an iterator takes it: the future, or the guard in a `StopIteration`.
    fn next(slf: Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        match AioGuard::step(&slf)? {
            Step::Granted => Err(error::returned(slf.into_any().unbind())),
            Step::Wait(future) => {
                // How a coroutine tells its task to wait for a future; `Future.__await__` does just this.
                future.bind(py).setattr(intern!(py, "_asyncio_future_blocking"), true)?;
                Ok(future)
            }
        }
    }
}

#[pymethods]
impl AioGuard {
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

    /// The owner of the request. In an `async with` or `with` block, and in the function of `with_lock`, one is made for the
    /// block when it is first asked for, if the request has none, and closed at the end of the block:
    /// `guard.owner.lock(...)` takes further locks as the same line of work. Outside of a block `None`, if the request has
    /// none.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(owner) = self.call.owner() {
            return AioOwner::of_any(owner, py, &self.space).map(Some);
        }
        self.scope.owner(py, self.space.get().made().map(|life| &life.home), self.lease.held(), |core| {
            Ok(Py::new(py, AioOwner::new(self.space.clone_ref(py), core))?.into_any())
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
    /// space. As an event of asyncio: `is_set()`, and `wait()`, which is awaited.
    #[getter]
    fn lost<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let watch = holding::watch(&self.lease, self.space.get().made().map(|life| &life.home));
        py.import("latchwork.handed_over")?.getattr("Lost")?.call1((watch,))
    }

    #[classattr]
    fn hand_over(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "hand_over")
    }

    /// What `hand_over` awaits.
    #[pyo3(signature = (owner, payload = None))]
    fn _hand_over<'py>(
        &self,
        owner: &Bound<'py, PyAny>,
        payload: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let port = self.space.get().made().map(|life| &life.home);
        self.holding.hand_over(&self.call, &self.lease, port, owner, payload)
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

    /// Release the lock, or these of its keys; the next in line has them before this returns, and runs at its loop's next turn.
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
            return if self.leave(py) { Ok(()) } else { Err(self.holding.not_held(py, &self.call)) };
        }
        let keys = convert::key_arguments(self.call.within(), keys.len(), keys.iter())?;
        self.holding.release(py, &self.call, &self.lease, self.space.get().made().map(|life| &life.home), &keys)
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
        self.holding.downgrade(py, &self.call, &self.lease, self.space.get().made().map(|life| &life.home), keys)
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if !slf.get().lease.has_begun() && slf.get().stage.load(Ordering::Acquire) != stage::DONE {
            return Err(error::wrong_type(
                slf.py(),
                "request",
                "is not awaited yet: use async with, or await it first",
            ));
        }
        slf.get().enter_again(slf.py())?;
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

    #[classattr]
    fn __aenter__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "enter")
    }

    /// Release the lock if it is still held.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let _ = (exc_type, exc, traceback);
        self.exit(py);
        nothing(py)
    }

    /// A step of `async with`: the future to wait for, or `None` when the lock is held.
    fn _step(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        if slf.get().lease.has_begun() {
            return slf.get().enter_again(slf.py()).map(|()| None);
        }
        match AioGuard::step(slf)? {
            Step::Granted => slf.get().enter(slf.py()).map(|()| None),
            Step::Wait(future) => Ok(Some(future)),
        }
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        AioGuard::next(slf)
    }

    /// Go on with the call: the first time it joins, later it looks whether the wait is over.
    fn send(slf: Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let _ = value;
        AioGuard::next(slf)
    }

    /// Give the call up and raise the exception.
    #[pyo3(signature = (typ, val = None, tb = None, /))]
    fn throw(
        slf: &Bound<'_, Self>,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let exception = exception(typ, val, tb)?;
        AioGuard::give_up(slf);
        Err(exception)
    }

    /// Give the call up if it waits. A lock that is held stays so until it is released.
    fn close(slf: &Bound<'_, Self>) {
        AioGuard::give_up(slf);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if self.lease.has_begun() {
            return self.call.repr(py, "latchwork.aio", &self.lease, &self.holding, self.is_held());
        }
        let stage = match self.stage.load(Ordering::Acquire) {
            stage::NEW => "not awaited",
            stage::DONE => "given up",
            _ => "waiting",
        };
        Ok(format!("<latchwork.aio.LockRequest {stage} {}>", self.call.wanted(py, &self.holding)?))
    }
}

impl Drop for AioGuard {
    fn drop(&mut self) {
        if self.lease.has_begun() {
            let Some((ticket, life)) = self.lease.give_back().zip(self.space.get().made()) else { return };
            // One that was lost has keys too: those that were not taken.
            let held = life.home.held(ticket);
            deferring_wakes(|| {
                life.home.space().abandon(ticket);
                self.scope.end();
            });
            if held {
                Python::try_attach(|py| self.call.warn_dropped(py, &self.lease));
            }
        } else if *self.stage.get_mut() == stage::NEW {
            Python::try_attach(warn_never_awaited);
        } else if *self.stage.get_mut() == stage::WAITING
            && let Some(Place { port, tag: Some(tag) }) = self.place()
            && !port.core.is_stale()
        {
            port.abandon(*tag);
        }
    }
}

/// What answers `None` to whoever awaits it.
#[inline]
fn nothing(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static NOTHING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let nothing = NOTHING.get_or_try_init(py, || coroutine(py, "NOTHING"));
    nothing.map(|nothing| nothing.clone_ref(py))
}

/// As Python warns of a coroutine: whoever forgets the `await` believes that the lock is held.
fn warn_never_awaited(py: Python<'_>) {
    let pending = PyErr::take(py);
    let category = py.get_type::<PyRuntimeWarning>();
    if let Err(error) = PyErr::warn(py, &category, c"a call of lock was never awaited, it holds nothing", 1) {
        error.write_unraisable(py, None);
    }
    if let Some(pending) = pending {
        pending.restore(py);
    }
}

/// The exception that `throw(type, value, traceback)` means, in all its spellings.
fn exception(typ: &Bound<'_, PyAny>, val: Option<&Bound<'_, PyAny>>, tb: Option<&Bound<'_, PyAny>>) -> PyResult<PyErr> {
    let value = if typ.is_instance_of::<PyBaseException>() {
        typ.clone()
    } else if typ.cast::<PyType>().is_ok_and(|class| class.is_subclass_of::<PyBaseException>().unwrap_or(false)) {
        match val.filter(|val| !val.is_none()) {
            None => typ.call0()?,
            Some(val) if val.is_instance(typ)? => val.clone(),
            Some(val) if val.is_instance_of::<PyTuple>() => typ.call1(val.cast::<PyTuple>()?.clone())?,
            Some(val) => typ.call1((val,))?,
        }
    } else {
        return Err(PyTypeError::new_err("exceptions must be classes or instances deriving from BaseException"));
    };
    if let Some(tb) = tb.filter(|tb| !tb.is_none()) {
        value.setattr("__traceback__", tb)?;
    }
    Ok(PyErr::from_value(value))
}
