//! The states of some cells, one after another, for tasks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;

use super::cell_coroutine;
use super::loop_port::LoopPort;
use super::space::AioSpace;
use crate::bytes::Value;
use crate::cells::Watched;
use crate::error;
use crate::fork::PerProcess;

/// The states of some cells, one after another; `space.watch` makes it.
///
/// Each item is a list of entries: the whole watched state at one instant. It is for one reader at a time, in whichever
/// task and event loop. A reader that is slow misses states in between, never the last, and costs no memory. It begins to
/// watch at the first `anext`; cancelling one loses nothing. From a `fork` on the child watches its own space, from the
/// beginning.
///
/// Prefer `async with` where the loop does not end by itself:
///
///     async with space.watch("config") as states:
///         async for [config] in states:
///             ...
///
/// which is equal to:
///
///     states = space.watch("config")
///     try:
///         async for [config] in states:
///             ...
///     finally:
///         await states.aclose()
///
/// One that is forgotten is closed by its finaliser.
///
/// `anext` raises `Closed` when the space is closed, also while it waits, and `Invalid` while another task waits in it.
#[pyclass(frozen, weakref, module = "latchwork.aio", name = "Watch")]
pub(crate) struct AioCellWatch {
    space: Py<AioSpace>,
    what: Watched,
    state: PerProcess<State>,
}

/// What a watch is in one process.
struct State {
    /// What its reader is known by.
    number: u64,
    watch: Mutex<latchwork::Watch<Value>>,
    /// Where its reader waits, or waited.
    port: Mutex<Option<Arc<LoopPort>>>,
    has_ended: AtomicBool,
}

impl State {
    fn new(watch: latchwork::Watch<Value>) -> State {
        static LAST: AtomicU64 = AtomicU64::new(0);
        State {
            number: LAST.fetch_add(1, Ordering::Relaxed),
            watch: Mutex::new(watch),
            port: Mutex::default(),
            has_ended: AtomicBool::new(false),
        }
    }

    fn watch(&self) -> MutexGuard<'_, latchwork::Watch<Value>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn port(&self) -> Option<Arc<LoopPort>> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_port(&self, port: Arc<LoopPort>) {
        let old = self.port.lock().unwrap_or_else(PoisonError::into_inner).replace(port);
        drop(old);
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }
}

impl AioCellWatch {
    pub(super) fn new(space: &Bound<'_, AioSpace>, what: Watched) -> PyResult<AioCellWatch> {
        let watch = what.watch(space.py(), space.get())?;
        Ok(AioCellWatch { space: space.clone().unbind(), what, state: PerProcess::new(State::new(watch)) })
    }

    fn state(&self, py: Python<'_>) -> PyResult<&State> {
        self.state.get(|| Ok(State::new(self.what.watch(py, self.space.get())?)))
    }
}

#[pymethods]
impl AioCellWatch {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[classattr]
    fn __anext__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "next_state")
    }

    #[classattr]
    fn aclose(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "close_watch")
    }

    #[classattr]
    fn __aenter__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "enter_watch")
    }

    #[classattr]
    fn __aexit__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "leave_watch")
    }

    /// The next state if there is one, else the future to wait for before asking again.
    fn _step<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (state, port) = (self.state(py)?, self.space.get().port(py)?);
        if state.port().is_some_and(|port| port.has_reader(py, state.number)) {
            return Err(error::wrong_value(py, "watch", "another task waits for its next state"));
        }
        if state.has_ended() {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        // Known before the watch is asked: a change that comes in between finds its reader.
        let future = port.new_reader(py, state.number)?;
        state.set_port(Arc::clone(&port));
        let next = port.core.next_of(&mut state.watch(), state.number);
        if !matches!(next, Ok(None)) {
            port.forget_reader(state.number);
        }
        match next {
            Ok(None) => Ok(future.into_bound(py)),
            Ok(Some(entries)) => Ok(Watched::entries(py, self.space.get(), entries)?.into_pyobject(py)?),
            // Ended by another thread in the meantime.
            Err(_) if state.has_ended() => Err(PyStopAsyncIteration::new_err(())),
            Err(error) => {
                state.has_ended.store(true, Ordering::SeqCst);
                Err(error::raise(py, &error))
            }
        }
    }

    /// Whoever waited for this future does so no more.
    fn _forget(&self, future: &Bound<'_, PyAny>) {
        if let Some(state) = self.state.made()
            && let Some(port) = state.port()
        {
            port.forget_future(state.number, future);
        }
    }

    /// What `aclose` awaits.
    fn _close(&self, py: Python<'_>) {
        let Some(state) = self.state.made() else { return };
        state.has_ended.store(true, Ordering::SeqCst);
        state.watch().end();
        if let Some(port) = state.port() {
            port.end_reader(py, state.number);
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let closed = if self.state.made().is_some_and(State::has_ended) { " closed" } else { "" };
        Ok(format!("<latchwork.aio.Watch {}{closed}>", self.what.shown(py)?))
    }
}
