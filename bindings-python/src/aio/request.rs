//! A lock call of the asyncio API: an awaitable with the whole coroutine protocol.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use latchwork::{Grant, LockSpec};
use pyo3::exceptions::{PyBaseException, PyRuntimeWarning, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::guard::AioGuard;
use super::loop_port::{Joined, LoopPort, Wait};
use super::ready::Ready;
use super::space::AioSpace;
use crate::error;
use crate::lease::{Asked, Call};

/// A call of `lock` that can be awaited, once.
///
/// It joins the queues of its keys at its first step: at `await`, at `async with`, or when the task made of it first
/// runs. Until then it holds nothing. Cancelling it at any point gives up what it asked for or was just granted.
///
/// It is a coroutine to asyncio: `create_task`, `gather`, `wait_for` and `shield` take it as it is.
#[pyclass(frozen, module = "latchwork.aio")]
pub(crate) struct LockRequest {
    space: Py<AioSpace>,
    /// Whether `async with` began: then the guard is kept for its end.
    entered: AtomicBool,
    state: Mutex<State>,
}

enum State {
    /// Not awaited yet.
    New {
        spec: LockSpec,
        asked: Asked,
        timed: bool,
    },
    Waiting {
        port: Arc<LoopPort>,
        wait: Wait,
        asked: Asked,
    },
    /// Granted, inside `async with`.
    Entered(Py<AioGuard>),
    Done,
}

impl LockRequest {
    #[inline]
    pub(super) fn new(space: Py<AioSpace>, call: Call) -> LockRequest {
        let state = State::New { spec: call.spec, asked: call.asked, timed: call.timeout.is_some() };
        LockRequest { space, entered: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self) -> State {
        mem::replace(&mut *self.state(), State::Done)
    }

    /// One step of the coroutine: the future to wait for, or the guard as `StopIteration`.
    #[inline]
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.take() {
            State::New { spec, asked, timed } => {
                if let Some(port) = self.space.get().port_at_hand()
                    && let Some(grant) = port.try_lock(py, &spec)?
                {
                    return Err(self.granted(py, port, grant, asked)?);
                }
                let port = self.space.get().port(py)?;
                match port.lock(py, &spec, timed)? {
                    Joined::Granted(grant) => Err(self.granted(py, port, grant, asked)?),
                    Joined::Waiting(wait, future) => self.wait(py, port, wait, asked, future),
                }
            }
            State::Waiting { port, wait, asked } => self.resume(py, port, wait, asked),
            done => {
                *self.state() = done;
                Err(error::wrong_value(py, "request", "already awaited, each call of lock is awaited once"))
            }
        }
    }

    #[inline]
    fn granted(&self, py: Python<'_>, port: Arc<LoopPort>, grant: Grant, asked: Asked) -> PyResult<PyErr> {
        let guard = Py::new(py, AioGuard::new(self.space.clone_ref(py), port, grant, asked))?;
        if self.entered.load(Ordering::Relaxed) {
            *self.state() = State::Entered(guard.clone_ref(py));
        }
        Ok(error::returned(guard.into_any()))
    }

    fn wait(
        &self,
        py: Python<'_>,
        port: Arc<LoopPort>,
        wait: Wait,
        asked: Asked,
        future: Py<PyAny>,
    ) -> PyResult<Py<PyAny>> {
        *self.state() = State::Waiting { port, wait, asked };
        // How a coroutine tells its task to wait for a future; `Future.__await__` does just this.
        future.bind(py).setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }

    fn resume(&self, py: Python<'_>, port: Arc<LoopPort>, wait: Wait, asked: Asked) -> PyResult<Py<PyAny>> {
        match port.take_outcome(wait) {
            // Seen now: from here on the lock is this caller's to release.
            Some(Ok(grant)) if port.core.confirm(grant.ticket) => Err(self.granted(py, port, grant, asked)?),
            // Lost again before it was seen; asking once more tells why.
            Some(Ok(_)) => Err(port.lost(py)),
            Some(Err(error)) => Err(error::raise(py, &error)),
            None => match port.future(py, wait) {
                Some(future) => self.wait(py, port, wait, asked, future),
                None => Err(port.lost(py)),
            },
        }
    }

    /// Gives up whatever was asked for or granted and not seen yet.
    fn give_up(&self, py: Python<'_>) {
        match self.take() {
            State::Waiting { port, wait, .. } => port.cancel(py, wait),
            // The block of `async with` ends by `__aexit__`.
            entered @ State::Entered(_) => *self.state() = entered,
            State::New { .. } | State::Done => {}
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

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.step(py)
    }

    /// Go on: the first time it joins, later it looks whether the wait is over.
    fn send(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let _ = value;
        self.step(py)
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

    fn __aenter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf.get().entered.store(true, Ordering::Relaxed);
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
        if let State::Entered(guard) = self.take() {
            guard.get().leave(py);
        }
        Ready::none(py)
    }

    fn __repr__(&self) -> &'static str {
        match *self.state() {
            State::New { .. } => "<latchwork.aio.LockRequest not awaited>",
            State::Waiting { .. } => "<latchwork.aio.LockRequest waiting>",
            State::Entered(_) => "<latchwork.aio.LockRequest entered>",
            State::Done => "<latchwork.aio.LockRequest done>",
        }
    }
}

impl Drop for LockRequest {
    fn drop(&mut self) {
        match self.take() {
            State::Waiting { port, wait, .. } if !port.core.is_stale() => port.abandon(wait),
            State::New { .. } => {
                Python::try_attach(warn_never_awaited);
            }
            _ => {}
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
