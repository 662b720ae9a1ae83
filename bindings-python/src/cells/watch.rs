//! The states of some cells, one after another, for a thread that may block.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use latchwork::{Entry, Error};
use pyo3::prelude::*;

use super::Watched;
use crate::bytes::Value;
use crate::fork::PerProcess;
use crate::space::Space;
use crate::{error, wait};

/// The states of some cells, one after another; `space.watch` makes it.
///
/// Each item is a list of entries: the whole watched state at one instant. It is for one reader at a time, in whichever
/// thread. A reader that is slow misses states in between, never the last, and costs no memory. It begins to watch at the
/// first `next`; from a `fork` on the child watches its own space, from the beginning.
///
/// Prefer the `with` statement where the loop does not end by itself:
///
///     with space.watch("config") as states:
///         for [config] in states:
///             ...
///
/// which is equal to:
///
///     states = space.watch("config")
///     try:
///         for [config] in states:
///             ...
///     finally:
///         states.close()
///
/// One that is forgotten is closed by its finaliser.
///
/// `next` raises `Closed` when the space is closed, also while it waits, and `Invalid` while another thread waits in it.
#[pyclass(frozen, weakref, module = "latchwork", name = "Watch")]
pub(crate) struct CellWatch {
    space: Py<Space>,
    what: Watched,
    state: PerProcess<State>,
}

/// What a watch is in one process.
struct State {
    watch: Mutex<latchwork::Watch<Value>>,
    /// Whoever waits for the next state.
    reader: Mutex<Option<Waker>>,
    is_read: AtomicBool,
    has_ended: AtomicBool,
}

type Item = Option<Result<Vec<Entry<Value>>, Error>>;

impl State {
    fn new(watch: latchwork::Watch<Value>) -> State {
        State {
            watch: Mutex::new(watch),
            reader: Mutex::default(),
            is_read: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Item> {
        *self.reader() = Some(cx.waker().clone());
        // Asked after the waker is known: whoever ends it in between wakes it.
        if self.has_ended.load(Ordering::SeqCst) {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut *self.watch()).poll_next(cx);
        if let Poll::Ready(Some(Err(_))) = polled {
            self.has_ended.store(true, Ordering::SeqCst);
        }
        polled
    }

    fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.watch().end();
        let reader = self.reader().take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn watch(&self) -> MutexGuard<'_, latchwork::Watch<Value>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Option<Waker>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader's turn; it ends with it.
struct Turn<'a>(&'a State);

impl<'a> Turn<'a> {
    fn take(state: &'a State) -> Option<Turn<'a>> {
        (!state.is_read.swap(true, Ordering::AcqRel)).then(|| Turn(state))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.reader().take();
        self.0.is_read.store(false, Ordering::Release);
    }
}

impl CellWatch {
    pub(super) fn new(space: &Bound<'_, Space>, what: Watched) -> PyResult<CellWatch> {
        let watch = what.watch(space.py(), space.get())?;
        Ok(CellWatch { space: space.clone().unbind(), what, state: PerProcess::new(State::new(watch)) })
    }

    fn state(&self, py: Python<'_>) -> PyResult<&State> {
        self.state.get(|| Ok(State::new(self.what.watch(py, self.space.get())?)))
    }
}

#[pymethods]
impl CellWatch {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The next state. It blocks until there is one.
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Vec<super::Entry>>> {
        let state = self.state(py)?;
        let Some(_turn) = Turn::take(state) else {
            return Err(error::wrong_value(py, "watch", "another thread waits for its next state"));
        };
        match wait::block_on(py, None, None, poll_fn(|cx| state.poll(cx)))? {
            None => Ok(None),
            Some(Ok(entries)) => Watched::entries(py, self.space.get(), entries).map(Some),
            Some(Err(error)) => Err(error::raise(py, &error)),
        }
    }

    /// End it: whoever waits for the next state, and whoever asks for one later, is at the end. A second call does
    /// nothing.
    fn close(&self) {
        if let Some(state) = self.state.made() {
            state.end();
        }
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Close it.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(&self, exc_type: &Bound<'_, PyAny>, exc: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let _ = (exc_type, exc, traceback);
        self.close();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let closed = self.state.made().is_some_and(|state| state.has_ended.load(Ordering::SeqCst));
        let closed = if closed { " closed" } else { "" };
        Ok(format!("<latchwork.Watch {}{closed}>", self.what.shown(py)?))
    }
}
