//! A call of `update` or `transact` that has to wait, on an event loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use latchwork::{Error, Step};
use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::loop_port::LoopPort;
use super::running::{deferring_wakes, put_off};
use super::space::AioSpace;
use crate::bytes::Value;
use crate::transaction::{AnySpace, Body, Driver, Mailbox, Pause, Settings};

/// A call that has to wait: for what its body awaits, or for others. Its coroutine asks it what for, and says when that is
/// over.
#[pyclass(frozen, module = "latchwork._native")]
pub(crate) struct AioCall {
    driver: Arc<Driver>,
    port: Arc<LoopPort>,
    tag: u64,
    stage: Mutex<Stage>,
}

/// What a call waits for.
enum Stage {
    /// The body of this run, which a task awaits.
    Body(Awaited),
    /// A future, resolved when it is worth looking again.
    Others(Py<PyAny>),
    /// It has ended with this.
    Done(Py<PyAny>),
    /// It has ended without a result.
    Over,
}

/// A body that is awaited.
struct Awaited {
    scope: u64,
    answer: Py<PyAny>,
    task: Option<Py<PyAny>>,
    /// How often others had cancelled the task before.
    cancelling: usize,
    /// What ended the call meanwhile.
    failed: Option<Error>,
    /// Whether the task was cancelled for that.
    interrupted: bool,
}

impl AioCall {
    /// Makes a call. Answers its result, or the call where it has to wait.
    pub(super) fn begin(
        slf: &Bound<'_, AioSpace>,
        body: (Body, &Bound<'_, PyAny>),
        settings: &Settings<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let timeout = settings.timeout()?;
        let port = slf.get().port(py)?;
        let tag = port.next_call();
        let space = AnySpace::Aio(slf.clone().unbind());
        let driver = Driver::begin(py, space, Mailbox::Aio(Arc::clone(&port)), tag, body, settings)?;
        let paused = driver.go_on(py).and_then(|step| driver.proceed(py, step));
        let call = match paused.inspect_err(|_| driver.cancel(py))? {
            Pause::Done(result) => return Ok(result),
            paused => {
                let call = Bound::new(py, AioCall { driver, port, tag, stage: Mutex::new(Stage::Over) })?;
                let settled = AioCall::pause(&call, paused);
                settled
                    .and_then(|()| if timeout.is_some() { call.get().port.arm(py) } else { Ok(()) })
                    .inspect_err(|_| call.get()._cancel(py))?;
                call
            }
        };
        Ok(call.into_any().unbind())
    }

    /// Does what a step says, until something has to be waited for again.
    fn proceed(slf: &Bound<'_, Self>, step: Step<Value>) -> PyResult<()> {
        let paused = slf.get().driver.proceed(slf.py(), step)?;
        AioCall::pause(slf, paused)
    }

    /// Notes what is waited for. Where it can be told meanwhile, it is known to its port from here on; what came before was
    /// not kept, so it looks once more.
    fn pause(slf: &Bound<'_, Self>, mut paused: Pause) -> PyResult<()> {
        let (py, call) = (slf.py(), slf.get());
        loop {
            let stage = match paused {
                Pause::Done(result) => {
                    call.port.forget_call(call.tag);
                    call.enter(Stage::Done(result));
                    return Ok(());
                }
                Pause::Body(scope, answer) => Stage::Body(Awaited::new(py, scope, answer)?),
                Pause::Waiting => Stage::Others(call.port.new_future(py)?.unbind()),
            };
            call.enter(stage);
            call.port.remember_call(call.tag, slf.clone().unbind());
            match call.driver.go_on(py)? {
                Step::Wait => {
                    call.port.settle(py);
                    return Ok(());
                }
                step => {
                    call.drop_body(py);
                    paused = call.driver.proceed(py, step)?;
                }
            }
        }
    }

    /// The port was told that the call can go on.
    pub(super) fn told(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, call) = (slf.py(), slf.get());
        let future = match &*call.stage() {
            Stage::Others(future) => Some(future.clone_ref(py)),
            Stage::Body(awaited) if awaited.failed.is_none() => None,
            _ => return Ok(()),
        };
        if let Some(future) = future {
            // Also where its task was cancelled, and only has not run since: the call is given up then.
            return LoopPort::notify(future.bind(py)).map(drop);
        }
        let Step::Failed(error) = call.driver.go_on(py)? else { return Ok(()) };
        if let Stage::Body(awaited) = &mut *call.stage() {
            awaited.failed = Some(error);
        }
        // Not in the middle of what runs, which may be the body itself.
        call.port.soon(py, slf.getattr(intern!(py, "_interrupt"))?)
    }

    /// The loop is closed: nobody will go on with it.
    pub(super) fn abandon(&self) {
        deferring_wakes(|| self.driver.abandon());
    }

    fn enter(&self, stage: Stage) {
        let old = std::mem::replace(&mut *self.stage(), stage);
        drop(old);
    }

    /// A body that was never awaited, since the call ended before.
    fn drop_body(&self, py: Python<'_>) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Over);
        if let Stage::Body(awaited) = stage {
            let answer = awaited.answer.bind(py);
            if answer.hasattr(intern!(py, "close")).unwrap_or(false)
                && let Err(error) = answer.call_method0(intern!(py, "close"))
            {
                put_off(py, error);
            }
        }
    }

    /// The body has ended. Answers what it is that ended the call before, if so.
    fn ended(slf: &Bound<'_, Self>, ending: PyResult<Bound<'_, PyAny>>) -> PyResult<()> {
        let (py, call) = (slf.py(), slf.get());
        let stage = std::mem::replace(&mut *call.stage(), Stage::Over);
        let Stage::Body(awaited) = stage else { return Ok(()) };
        let Some(error) = awaited.failed else {
            let step = call.driver.ended(py, awaited.scope, ending)?;
            return AioCall::proceed(slf, step);
        };
        let others = awaited.interrupted
            && awaited.task.as_ref().is_some_and(|task| {
                // Taken back, so that nobody else takes it for a cancellation of theirs.
                let left = task.call_method0(py, intern!(py, "uncancel")).and_then(|left| left.extract::<usize>(py));
                left.is_ok_and(|left| left > awaited.cancelling)
            });
        match ending {
            Err(ending) if (others || !awaited.interrupted) && crate::transaction::passes_through(py, &ending) => {
                Err(ending)
            }
            ending => {
                let error = call.driver.failed(py, error);
                // What the body raised besides is shown with it, as Python does where one comes while another is handled.
                if let Err(ending) = ending {
                    error.value(py).setattr(intern!(py, "__context__"), ending.value(py))?;
                }
                Err(error)
            }
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    fn new(py: Python<'_>, scope: u64, answer: Py<PyAny>) -> PyResult<Awaited> {
        static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let task = CURRENT.import(py, "asyncio", "current_task")?.call0()?;
        let task = if task.is_none() { None } else { Some(task) };
        // Python 3.10 does not count.
        let cancelling =
            task.as_ref().and_then(|task| task.call_method0(intern!(py, "cancelling")).ok()?.extract().ok());
        Ok(Awaited {
            scope,
            answer,
            task: task.map(Bound::unbind),
            cancelling: cancelling.unwrap_or(0),
            failed: None,
            interrupted: false,
        })
    }
}

#[pymethods]
impl AioCall {
    /// What to await: the answer of the body. `None` where there is none.
    #[getter]
    fn body(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &*self.stage() {
            Stage::Body(awaited) => Some(awaited.answer.clone_ref(py)),
            _ => None,
        }
    }

    /// What to await where there is no body: the call can go on then.
    #[getter]
    fn future(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &*self.stage() {
            Stage::Others(future) => Some(future.clone_ref(py)),
            _ => None,
        }
    }

    /// The result, once there is nothing to await.
    #[getter]
    fn result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &*self.stage() {
            Stage::Done(result) => Some(result.clone_ref(py)),
            _ => None,
        }
    }

    /// The body has answered.
    fn _returned(slf: &Bound<'_, Self>, answer: Bound<'_, PyAny>) -> PyResult<()> {
        AioCall::ended(slf, Ok(answer))
    }

    /// The body has raised.
    fn _threw(slf: &Bound<'_, Self>, error: Bound<'_, PyBaseException>) -> PyResult<()> {
        AioCall::ended(slf, Err(PyErr::from_value(error.into_any())))
    }

    /// The future is resolved: look whether the call can go on.
    fn _go_on(slf: &Bound<'_, Self>) -> PyResult<()> {
        AioCall::pause(slf, Pause::Waiting)
    }

    /// End the await of the body: its call has ended.
    fn _interrupt(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let task = match &mut *slf.get().stage() {
            Stage::Body(awaited) if awaited.failed.is_some() && !awaited.interrupted => {
                awaited.interrupted = awaited.task.is_some();
                awaited.task.as_ref().map(|task| task.clone_ref(py))
            }
            _ => None,
        };
        match task {
            Some(task) => task.call_method0(py, intern!(py, "cancel")).map(drop),
            None => Ok(()),
        }
    }

    /// Give the call up, however far it is.
    fn _cancel(&self, py: Python<'_>) {
        self.port.forget_call(self.tag);
        self.enter(Stage::Over);
        self.driver.cancel(py);
    }
}

impl Drop for AioCall {
    fn drop(&mut self) {
        self.abandon();
    }
}
