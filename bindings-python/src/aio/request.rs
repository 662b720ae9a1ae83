//! A lock call of the asyncio API: an awaitable with the whole coroutine protocol.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use latchwork::Grant;
use pyo3::exceptions::{PyBaseException, PyRuntimeWarning, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::guard::AioGuard;
use super::loop_port::{Joined, LoopPort, Wait};
use super::ready::Ready;
use super::space::AioSpace;
use crate::error;
use crate::lease::{Asked, Call, Lease};

/// A call of `lock` that can be awaited, once.
///
/// It joins the queues of its keys at its first step: at `await`, at `async with`, or when the task made of it first
/// runs. Until then it holds nothing. Cancelling it at any point gives up what it asked for or was just granted.
///
/// It is a coroutine to asyncio: `create_task`, `gather`, `wait_for` and `shield` take it as it is.
#[pyclass(frozen, freelist = 64, module = "latchwork.aio")]
pub(crate) struct LockRequest {
    space: Py<AioSpace>,
    call: Call,
    stage: AtomicU8,
    /// Where it waits. Only a stepping or ending request looks, so nobody waits for this mutex.
    wait: Mutex<Option<(Arc<LoopPort>, Wait)>>,
    /// Once it is granted.
    granted: OnceLock<Granted>,
}

struct Granted {
    port: Arc<LoopPort>,
    lease: Lease,
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

impl LockRequest {
    #[inline]
    pub(super) fn new(space: Py<AioSpace>, call: Call) -> LockRequest {
        let stage = AtomicU8::new(stage::NEW);
        LockRequest { space, call, stage, wait: Mutex::new(None), granted: OnceLock::new() }
    }

    /// A request that was granted without being awaited.
    pub(super) fn at_once(space: Py<AioSpace>, call: Call, port: Arc<LoopPort>, grant: Grant) -> LockRequest {
        let request = LockRequest::new(space, call);
        request.stage.store(stage::DONE, Ordering::Relaxed);
        request.take_grant(port, grant);
        request
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.call.asked
    }

    pub(super) fn space(&self, py: Python<'_>) -> Py<AioSpace> {
        self.space.clone_ref(py)
    }

    pub(super) fn token(&self) -> u64 {
        self.granted.get().map_or(0, |granted| granted.lease.token)
    }

    pub(super) fn is_held(&self) -> bool {
        self.granted.get().is_some_and(|Granted { port, lease }| {
            !lease.is_given_back() && !port.core.is_stale() && port.core.held(lease.ticket)
        })
    }

    /// Releases the lock; an error if it is not held.
    pub(super) fn release(&self, py: Python<'_>) -> PyResult<()> {
        let released = self.granted.get().is_some_and(|Granted { port, lease }| {
            lease.give_back();
            !port.core.is_stale() && port.release(py, lease.ticket).is_ok()
        });
        if released { Ok(()) } else { Err(self.asked().not_held(py)) }
    }

    /// Releases the lock if that was not done yet.
    #[inline]
    pub(super) fn leave(&self, py: Python<'_>) {
        if let Some(Granted { port, lease }) = self.granted.get()
            && lease.give_back()
            && !port.core.is_stale()
        {
            // Lost already, by `close`: nothing is left to release, and the block's own outcome stands (L10).
            let _ = port.release(py, lease.ticket);
        }
    }

    pub(super) fn guard_repr(&self, py: Python<'_>) -> PyResult<String> {
        let lease = self.granted.get().map(|granted| &granted.lease);
        lease.map_or_else(
            || Ok(String::from("<latchwork.aio.Guard>")),
            |lease| self.asked().repr(py, "latchwork.aio", lease, self.is_held()),
        )
    }

    /// One step of the coroutine: the future to wait for, or the guard as `StopIteration`.
    #[inline]
    fn step(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (py, request) = (slf.py(), slf.get());
        match request.stage.swap(stage::STEPPING, Ordering::AcqRel) {
            stage::NEW => {
                let joined = request.join(py).inspect_err(|_| request.end())?;
                match joined {
                    (port, Joined::Granted(grant)) => Err(LockRequest::grant(slf, port, grant)?),
                    (port, Joined::Waiting(wait, future)) => request.wait(py, port, wait, future),
                }
            }
            stage::WAITING => LockRequest::resume(slf),
            stage => {
                request.stage.store(stage, Ordering::Release);
                Err(error::wrong_value(py, "request", "already awaited, each call of lock is awaited once"))
            }
        }
    }

    #[inline]
    fn join(&self, py: Python<'_>) -> PyResult<(Arc<LoopPort>, Joined)> {
        let space = self.space.get();
        if let Some(port) = space.port_at_hand()
            && let Some(grant) = port.try_lock(py, &self.call.spec)?
        {
            return Ok((port, Joined::Granted(grant)));
        }
        let port = space.port(py)?;
        let joined = port.lock(py, &self.call.spec, self.call.timeout.is_some())?;
        Ok((port, joined))
    }

    #[inline]
    fn grant(slf: &Bound<'_, Self>, port: Arc<LoopPort>, grant: Grant) -> PyResult<PyErr> {
        slf.get().take_grant(port, grant);
        slf.get().end();
        let guard = Py::new(slf.py(), AioGuard::new(slf.clone().unbind()))?;
        Ok(error::returned(guard.into_any()))
    }

    #[inline]
    fn take_grant(&self, port: Arc<LoopPort>, grant: Grant) {
        // A request is granted once: only its one step to the end comes here.
        let _ = self.granted.set(Granted { port, lease: Lease::new(grant) });
    }

    #[inline]
    fn end(&self) {
        self.stage.store(stage::DONE, Ordering::Release);
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<(Arc<LoopPort>, Wait)>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, py: Python<'_>, port: Arc<LoopPort>, wait: Wait, future: Py<PyAny>) -> PyResult<Py<PyAny>> {
        *self.place() = Some((port, wait));
        self.stage.store(stage::WAITING, Ordering::Release);
        // How a coroutine tells its task to wait for a future; `Future.__await__` does just this.
        future.bind(py).setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }

    fn resume(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (py, request) = (slf.py(), slf.get());
        let place = request.place().take();
        let Some((port, wait)) = place else {
            request.end();
            return Err(error::wrong_value(py, "request", "already given up"));
        };
        match port.take_outcome(wait) {
            // Seen now: from here on the lock is this caller's to release.
            Some(Ok(grant)) if port.core.confirm(grant.ticket) => Err(LockRequest::grant(slf, port, grant)?),
            Some(Err(error)) => {
                request.end();
                Err(error::raise(py, &error))
            }
            // Lost again before it was seen; asking once more tells why.
            Some(Ok(_)) => {
                request.end();
                Err(port.lost(py))
            }
            None => match port.future(py, wait) {
                Some(future) => request.wait(py, port, wait, future),
                None => {
                    request.end();
                    Err(port.lost(py))
                }
            },
        }
    }

    /// Gives up whatever was asked for or granted and not seen yet. The block of `async with` ends by `__aexit__`.
    fn give_up(&self, py: Python<'_>) {
        self.end();
        let place = self.place().take();
        if let Some((port, wait)) = place {
            port.cancel(py, wait);
        }
    }
}

#[pymethods]
impl LockRequest {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        LockRequest::step(slf)
    }

    /// Go on: the first time it joins, later it looks whether the wait is over.
    fn send(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let _ = value;
        LockRequest::step(slf)
    }

    /// Give the request up and raise the exception.
    #[pyo3(signature = (typ, val = None, tb = None, /))]
    fn throw(
        &self,
        py: Python<'_>,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let exception = exception(typ, val, tb)?;
        self.give_up(py);
        Err(exception)
    }

    /// Give the request up.
    fn close(&self, py: Python<'_>) {
        self.give_up(py);
    }

    fn __aenter__(slf: Py<Self>) -> Py<Self> {
        slf
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

    fn __repr__(&self) -> &'static str {
        match self.stage.load(Ordering::Acquire) {
            stage::NEW => "<latchwork.aio.LockRequest not awaited>",
            stage::DONE => "<latchwork.aio.LockRequest done>",
            _ => "<latchwork.aio.LockRequest waiting>",
        }
    }
}

impl Drop for LockRequest {
    fn drop(&mut self) {
        if let Some(Granted { port, lease }) = self.granted.get() {
            // By the space and not by the port: futures are resolved at the loop's next turn, not in a finaliser.
            if !lease.is_given_back() && !port.core.is_stale() && port.core.space().release(lease.ticket).is_ok() {
                Python::try_attach(|py| self.asked().warn_dropped(py, lease));
            }
        } else if *self.stage.get_mut() == stage::NEW {
            Python::try_attach(warn_never_awaited);
        } else if let Some((port, wait)) = self.wait.get_mut().unwrap_or_else(PoisonError::into_inner).take()
            && !port.core.is_stale()
        {
            port.abandon(wait);
        }
    }
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
