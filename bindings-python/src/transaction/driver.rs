//! One call of `update` or `transact`: it runs the bodies that the core asks for, and passes their endings back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use latchwork::{Call, Done, Error, ErrorKind, Expiry, Key, Run, Step};
use pyo3::exceptions::{PyException, PyGeneratorExit, PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::answer::Answer;
use super::callbacks::{self, Callbacks};
use super::settings::Asked;
use super::surroundings::Surroundings;
use super::{AnySpace, Committed, Lifetime, Mailbox, Operations, Settings, Updated};
use crate::bytes::Value;
use crate::cells::{Bond, Cells};
use crate::fork::Own;
use crate::{convert, error, place};

/// What a call runs.
pub(crate) enum Body {
    /// The function of an update of one cell, and when that expires.
    Update { key: Key, expiry: Expiry },
    /// The body of a transaction.
    Transact,
}

impl Body {
    /// That of an update, checked.
    pub(crate) fn update(
        cells: &impl Cells,
        key: &Bound<'_, PyAny>,
        function: &Bound<'_, PyAny>,
        expire_in: &Lifetime<'_>,
    ) -> PyResult<Body> {
        let key = cells.key(key)?;
        convert::function("fn", function)?;
        let expiry = expire_in.expiry(function.py(), cells)?.unwrap_or(Expiry::Keep);
        Ok(Body::Update { key, expiry })
    }
}

/// Where a call stands.
pub(crate) enum Pause {
    /// It is committed; this is its result.
    Done(Py<PyAny>),
    /// Its body answered what has to be awaited, as this run.
    Body(u64, Py<PyAny>),
    /// It waits until its mailbox says that it can go on.
    Waiting,
}

/// A call, from its beginning to its end.
pub(crate) struct Driver {
    space: AnySpace,
    mailbox: Mailbox,
    call: Own<Call<Value>>,
    body: Body,
    surroundings: Option<Surroundings>,
    /// Whether it has a time-out.
    timed: bool,
    /// The guard that the call names stays as long as the call.
    _bond: Option<Bond>,
    state: Mutex<State>,
}

/// What the present run of the body has left here.
#[derive(Default)]
struct State {
    /// What is run, as long as the call lasts: handles that are kept longer do not keep it.
    function: Option<Py<PyAny>>,
    /// What the cell of an update held when the run began.
    present: Option<Arc<Value>>,
    /// What the body answered, as long as nobody knows whether it counts.
    answer: Option<Answer>,
    /// What the body raised, likewise.
    thrown: Option<PyErr>,
    /// What `abort` raised.
    aborted: Option<PyErr>,
    callbacks: Callbacks,
}

impl Driver {
    /// Begins a call. Nothing has run yet: the step says what is to be done first.
    pub(crate) fn begin(
        py: Python<'_>,
        space: AnySpace,
        mailbox: Mailbox,
        tag: u64,
        (body, function): (Body, &Bound<'_, PyAny>),
        settings: &Settings<'_, '_>,
    ) -> PyResult<Arc<Driver>> {
        let surroundings = Surroundings::of(py, &space, settings.owner)?;
        let owner = surroundings.as_ref().map(|surroundings| surroundings.owner(py));
        let Asked { spec, bond, timed } = settings.asked(py, &space, owner)?;
        let call = match &body {
            Body::Update { key, .. } => mailbox.port().update(key, &spec, tag),
            Body::Transact => mailbox.port().transact(&spec, tag),
        };
        let call = Own::new(call.map_err(|error| refused(py, &space, error))?);
        let state = Mutex::new(State { function: Some(function.clone().unbind()), ..State::default() });
        Ok(Arc::new(Driver { space, mailbox, call, body, surroundings, timed, _bond: bond, state }))
    }

    /// The space that it is made on.
    pub(crate) fn space(&self) -> &AnySpace {
        &self.space
    }

    /// The core's call; not in a forked child, whose space knows nothing of it.
    pub(super) fn call(&self, py: Python<'_>) -> PyResult<&Call<Value>> {
        if self.call.is_stale() {
            return Err(error::wrong_value(py, "tx", "it belongs to the parent of this process"));
        }
        Ok(&self.call)
    }

    /// Looks whether it can go on.
    pub(crate) fn go_on(&self, py: Python<'_>) -> PyResult<Step<Value>> {
        Ok(self.call(py)?.go_on())
    }

    /// Does what a step says, and the next, until something has to be waited for.
    pub(crate) fn proceed(self: &Arc<Self>, py: Python<'_>, mut step: Step<Value>) -> PyResult<Pause> {
        loop {
            // Whom it lets go on is told before anything of the caller's runs, which may last, or wait for them.
            self.mailbox.settle(py);
            if self.timed && matches!(step, Step::Wait | Step::Run(Run { in_turn: true, .. })) {
                // Others wait for its turn, or behind it for one; it ends in time also while its thread is blocked.
                self.space.keep_time(py)?;
            }
            step = match step {
                Step::Run(run) => {
                    let scope = run.scope;
                    match self.run(py, run) {
                        Ok(answer) if self.space.is_awaitable(&answer)? => {
                            return Ok(Pause::Body(scope, answer.unbind()));
                        }
                        ended => self.ended(py, scope, ended)?,
                    }
                }
                Step::Wait => return Ok(Pause::Waiting),
                Step::Done(done) => return self.done(py, &done).map(Pause::Done),
                Step::Threw => return Err(self.threw(py)),
                Step::Failed(error) => return Err(self.failed(py, error)),
            };
        }
    }

    /// Tells the core how a run of the body ended. Answers what is to be done next.
    pub(crate) fn ended(
        &self,
        py: Python<'_>,
        scope: u64,
        ending: PyResult<Bound<'_, PyAny>>,
    ) -> PyResult<Step<Value>> {
        self.leave(py);
        let call = self.call(py)?;
        let ending = ending.and_then(|answer| match &self.body {
            Body::Transact => Ok((Answer::Set(answer.unbind()), None)),
            Body::Update { expiry, .. } => {
                let (answer, change) = Answer::given(&self.space, answer)?;
                Ok((answer, Some((change, *expiry))))
            }
        });
        match ending {
            Ok((answer, change)) => {
                let old = self.state().answer.replace(answer);
                drop(old);
                Ok(match change {
                    Some((change, expiry)) => call.answer(scope, change, expiry),
                    None => call.returned(scope),
                })
            }
            Err(error) if passes_through(py, &error) => Err(error),
            Err(error) => {
                let old = self.state().thrown.replace(error);
                drop(old);
                Ok(call.threw(scope))
            }
        }
    }

    /// Gives the call up, if it has not ended: nothing commits, no turn is left.
    pub(crate) fn cancel(&self, py: Python<'_>) {
        self.leave(py);
        if !self.call.is_stale() {
            self.call.cancel();
            self.mailbox.settle(py);
        }
        self.end();
    }

    /// The same from a finaliser, which must run no code of the host's.
    pub(crate) fn abandon(&self) {
        if !self.call.is_stale() {
            self.call.cancel();
        }
        if let Some(surroundings) = &self.surroundings {
            surroundings.end();
        }
    }

    /// The exception of an error of the core's.
    pub(crate) fn refused(&self, py: Python<'_>, error: Error) -> PyErr {
        refused(py, &self.space, error)
    }

    /// What ended the call while its body ran.
    pub(crate) fn failed(&self, py: Python<'_>, error: Error) -> PyErr {
        self.mailbox.settle(py);
        let aborted = if error.kind() == ErrorKind::Aborted { self.state().aborted.take() } else { None };
        self.end();
        aborted.unwrap_or_else(|| self.refused(py, error))
    }

    /// Keeps what `abort` raises: the very object is what the call ends with. The first one counts.
    pub(super) fn keep_aborted(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let mut state = self.state();
        match &state.aborted {
            Some(first) => first.clone_ref(py),
            None => {
                state.aborted = Some(error.clone_ref(py));
                error
            }
        }
    }

    /// That of the savepoint that was left.
    pub(super) fn take_aborted(&self) -> Option<PyErr> {
        self.state().aborted.take()
    }

    /// Keeps a function until the transaction is committed. Answers its number.
    pub(super) fn keep_callback(&self, function: Py<PyAny>) -> u64 {
        self.state().callbacks.add(function)
    }

    fn run<'py>(self: &Arc<Self>, py: Python<'py>, run: Run<Value>) -> PyResult<Bound<'py, PyAny>> {
        let Run { attempt, scope, entry, .. } = run;
        let present = entry.as_ref().and_then(|entry| entry.value.clone());
        let (function, old) = {
            let mut state = self.state();
            let (answer, thrown, aborted) = (state.answer.take(), state.thrown.take(), state.aborted.take());
            let present = std::mem::replace(&mut state.present, present);
            let function = state.function.as_ref().map(|function| function.bind(py).clone());
            (function, (present, answer, thrown, aborted, state.callbacks.clear()))
        };
        drop(old);
        let Some(function) = function else { return Err(error::wrong_value(py, "fn", "its call has ended")) };
        if let Some(surroundings) = &self.surroundings {
            surroundings.enter(py, &self.space)?;
        }
        match entry {
            Some(entry) => {
                let entry = Bound::new(py, self.space.entry(py, entry)?)?;
                function.call1((entry.get().value(py), entry))
            }
            None => {
                let operations = Operations::new(Arc::clone(self), scope, attempt);
                function.call1((self.space.handle(py, operations)?,))
            }
        }
    }

    fn done(&self, py: Python<'_>, done: &Done) -> PyResult<Py<PyAny>> {
        let (answer, present, functions) = {
            let mut state = self.state();
            (state.answer.take(), state.present.take(), state.callbacks.clear())
        };
        self.end();
        // Before anything that could fail: the commit is made (clause C9).
        callbacks::call(py, &functions, &done.callbacks);
        drop(functions);
        let value = match (answer, present) {
            (Some(Answer::Set(value)), _) => value,
            // The function may have changed what it was given; the cell has not changed.
            (Some(Answer::Keep), Some(present)) => self.space.codec().decode(py, &present)?.unbind(),
            _ => py.None(),
        };
        let Done { version, changed, attempts, .. } = *done;
        match &self.body {
            Body::Update { .. } => Ok(Py::new(py, Updated { value, version, attempts, changed })?.into_any()),
            Body::Transact => Ok(Py::new(py, Committed { value, version, attempts })?.into_any()),
        }
    }

    fn threw(&self, py: Python<'_>) -> PyErr {
        let thrown = self.state().thrown.take();
        self.end();
        thrown.unwrap_or_else(|| error::wrong_value(py, "fn", "it ended twice"))
    }

    fn leave(&self, py: Python<'_>) {
        if let Some(surroundings) = &self.surroundings {
            surroundings.leave(py, &self.space);
        }
    }

    /// Forgets what belongs to the run that was the last one.
    fn end(&self) {
        let old = std::mem::take(&mut *self.state());
        drop(old);
        if let Some(surroundings) = &self.surroundings {
            surroundings.end();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an exception ends the call at once, whatever became of the attempt: that of Ctrl-C, of an exit, of a task that is
/// cancelled.
pub(crate) fn passes_through(py: Python<'_>, error: &PyErr) -> bool {
    static CANCELLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    !error.is_instance_of::<PyException>(py)
        && (error.is_instance_of::<PyKeyboardInterrupt>(py)
            || error.is_instance_of::<PySystemExit>(py)
            || error.is_instance_of::<PyGeneratorExit>(py)
            || CANCELLED.import(py, "asyncio", "CancelledError").is_ok_and(|class| error.is_instance(py, class)))
}

fn refused(py: Python<'_>, space: &AnySpace, error: Error) -> PyErr {
    let error = place::told(space.within(), error);
    error::raise(py, &error)
}
