//! The space of either API that a call is made on.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyType};

use super::Operations;
use super::handle::Transaction;
use crate::aio::{AioGuard, AioOwner, AioSpace, AioTransaction};
use crate::ambient::Ambient;
use crate::bytes::Port;
use crate::cells::Cells;
use crate::codec::Codec;
use crate::error;
use crate::owner::Owner;
use crate::place::Place;
use crate::space::Space;

/// The space of a call: its cells, its handles and its owners are those of its API.
pub(crate) enum AnySpace {
    Blocking(Py<Space>),
    Aio(Py<AioSpace>),
}

impl AnySpace {
    /// The handle that a body is given.
    pub(super) fn handle<'py>(&self, py: Python<'py>, operations: Operations) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            AnySpace::Blocking(_) => Bound::new(py, Transaction::new(operations))?.into_any(),
            AnySpace::Aio(_) => Bound::new(py, AioTransaction::new(operations))?.into_any(),
        })
    }

    /// Whether what a body answered is to be awaited.
    ///
    /// # Errors
    ///
    /// `invalid` of what has not run: that of a generator function; in the blocking API, which cannot await, that of a
    /// coroutine function too.
    pub(crate) fn is_awaitable(&self, answer: &Bound<'_, PyAny>) -> PyResult<bool> {
        match (self, kind(answer)?) {
            (_, Kind::Value) => Ok(false),
            (AnySpace::Aio(_), Kind::Awaitable) => Ok(true),
            (_, kind) => Err(refused(answer, kind, ELSEWHERE)),
        }
    }

    /// A new owner, as a body sees it, and the core's.
    pub(super) fn new_owner<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, latchwork::Owner)> {
        let core = self.cell_port(py)?.owner(None);
        let owner = match self {
            AnySpace::Blocking(space) => Bound::new(py, Owner::new(space.clone_ref(py), core.clone()))?.into_any(),
            AnySpace::Aio(space) => Bound::new(py, AioOwner::new(space.clone_ref(py), core.clone()))?.into_any(),
        };
        Ok((owner, core))
    }

    /// Where the owner of the scope is found that runs, if the space was opened so.
    pub(super) fn ambient(&self) -> Option<&Ambient> {
        match self {
            AnySpace::Blocking(space) => space.get().ambient(),
            AnySpace::Aio(space) => space.get().ambient(),
        }
    }
}

impl Cells for AnySpace {
    fn cell_port(&self, py: Python<'_>) -> PyResult<&Port> {
        match self {
            AnySpace::Blocking(space) => space.get().cell_port(py),
            AnySpace::Aio(space) => space.get().cell_port(py),
        }
    }

    fn codec(&self) -> &Codec {
        match self {
            AnySpace::Blocking(space) => space.get().codec(),
            AnySpace::Aio(space) => space.get().codec(),
        }
    }

    fn keep_time(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            AnySpace::Blocking(space) => space.get().keep_time(py),
            AnySpace::Aio(space) => space.get().keep_time(py),
        }
    }

    fn place(&self) -> Option<&Place> {
        match self {
            AnySpace::Blocking(space) => space.get().place(),
            AnySpace::Aio(space) => space.get().place(),
        }
    }
}

/// What a function has answered.
enum Kind {
    Value,
    /// What is to be awaited: of a coroutine function, nothing has run.
    Awaitable,
    /// That of a generator function, of which nothing has run either.
    Generator,
}

/// Why the blocking API refuses a coroutine function.
pub(crate) const ELSEWHERE: &str = "a coroutine function: those are for latchwork.aio";

/// Refuses what a function has answered that is called where nobody can await: what it was to do is still to be done.
///
/// # Errors
///
/// `invalid`; of a coroutine function with this reason.
pub(crate) fn refuse_unfinished(answer: &Bound<'_, PyAny>, no_coroutine: &str) -> PyResult<()> {
    match kind(answer)? {
        Kind::Value => Ok(()),
        kind => Err(refused(answer, kind, no_coroutine)),
    }
}

fn refused(answer: &Bound<'_, PyAny>, kind: Kind, no_coroutine: &str) -> PyErr {
    // One that has not begun says nothing when it is closed; what is no coroutine may have nothing to close.
    if let Ok(close) = answer.getattr(intern!(answer.py(), "close")) {
        drop(close.call0());
    }
    let why = match kind {
        Kind::Generator => "a generator function: nothing of it has run",
        Kind::Awaitable | Kind::Value => no_coroutine,
    };
    error::wrong_type(answer.py(), "fn", why)
}

fn kind(answer: &Bound<'_, PyAny>) -> PyResult<Kind> {
    // What cells hold is not looked up any further.
    let plain = answer.is_exact_instance_of::<PyDict>()
        || answer.is_exact_instance_of::<PyList>()
        || answer.is_exact_instance_of::<PyString>()
        || answer.is_exact_instance_of::<PyInt>()
        || answer.is_none()
        // A lock that is held is no call of `lock` any more.
        || answer.cast::<AioGuard>().is_ok_and(|guard| guard.get().lease().has_begun());
    let py = answer.py();
    Ok(match plain {
        true => Kind::Value,
        false if answer.get_type().hasattr(intern!(py, "__await__"))? => Kind::Awaitable,
        false if is_generator(answer)? => Kind::Generator,
        false => Kind::Value,
    })
}

fn is_generator(answer: &Bound<'_, PyAny>) -> PyResult<bool> {
    static PLAIN: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static ASYNC: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = answer.py();
    Ok(answer.is_instance(PLAIN.import(py, "types", "GeneratorType")?)?
        || answer.is_instance(ASYNC.import(py, "types", "AsyncGeneratorType")?)?)
}
