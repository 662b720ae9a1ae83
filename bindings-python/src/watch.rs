//! Being told of something that happens to a guard or an owner, once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use pyo3::prelude::*;

use crate::bytes::{self, Port};
use crate::fork::Own;
use crate::{convert, wait};

/// Whether a lock was taken away while its holder runs; `guard.lost` answers it.
///
/// A lock that is released, handed over or never taken away does not set it.
///
/// >>> import latchwork
/// >>> space = latchwork.open()
/// >>> guard = space.lock("report")
/// >>> guard.lost.wait(timeout=0)
/// False
/// >>> space.revoke("report")
/// 1
/// >>> guard.lost.wait()
/// True
#[pyclass(frozen, weakref, module = "latchwork", name = "Lost")]
pub(crate) struct Watch {
    flag: Arc<Flag>,
    /// Whom it is told through; `None` when there is nothing to tell.
    port: Option<Own<Port>>,
}

/// What happened, and who waits for it.
#[derive(Default)]
struct Flag(Mutex<State>);

#[derive(Default)]
struct State {
    set: bool,
    wakers: Vec<Waker>,
    calls: Vec<Py<PyAny>>,
}

impl Flag {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self) {
        let (wakers, calls) = {
            let mut state = self.state();
            state.set = true;
            (std::mem::take(&mut state.wakers), std::mem::take(&mut state.calls))
        };
        wakers.into_iter().for_each(Waker::wake);
        if !calls.is_empty() {
            Python::try_attach(|py| {
                for call in calls {
                    if let Err(error) = call.call0(py) {
                        error.write_unraisable(py, None);
                    }
                }
            });
        }
    }
}

impl Watch {
    /// Asks `ask` to be told through a port, unless it says that there is nothing to tell; then it is `set` or not.
    pub(crate) fn new(space: &bytes::Space, ask: impl FnOnce(&Port) -> Result<(), bool>) -> Watch {
        let flag = Arc::new(Flag::default());
        let told = Arc::clone(&flag);
        let port = space.port(move || told.set());
        match ask(&port) {
            Ok(()) => Watch { flag, port: Some(Own::new(port)) },
            Err(set) => {
                flag.state().set = set;
                Watch { flag, port: None }
            }
        }
    }

    /// One that nothing happens to.
    pub(crate) fn never(set: bool) -> Watch {
        let flag = Arc::new(Flag::default());
        flag.state().set = set;
        Watch { flag, port: None }
    }

    fn poll(&self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<bool> {
        let mut state = self.flag.state();
        if state.set {
            return Poll::Ready(true);
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            return Poll::Ready(false);
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[pymethods]
impl Watch {
    /// Whether it happened.
    fn is_set(&self) -> bool {
        self.flag.state().set
    }

    /// Block until it happens, for `timeout` seconds at most. Answers whether it did.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let timeout = timeout.map(|timeout| convert::longest("timeout", timeout)).transpose()?.flatten();
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiting = std::future::poll_fn(|cx| self.poll(cx, until));
        let space = self.port.as_ref().map(|port| port.space());
        wait::block_on(py, space, timeout, waiting)
    }

    /// Call this when it happens, from whatever thread; `False` when it happened already.
    fn _tell(&self, call: Py<PyAny>) -> bool {
        let mut state = self.flag.state();
        if !state.set {
            state.calls.push(call);
        }
        !state.set
    }

    fn __repr__(&self) -> &'static str {
        if self.is_set() { "<latchwork.Lost set>" } else { "<latchwork.Lost unset>" }
    }
}
