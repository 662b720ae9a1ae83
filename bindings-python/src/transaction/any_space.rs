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
    /// `invalid` in the blocking API, which cannot: nothing of a coroutine function has run.
    pub(crate) fn is_awaitable(&self, answer: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self {
            AnySpace::Aio(_) => is_awaitable(answer),
            AnySpace::Blocking(_) if is_coroutine(answer)? => {
                answer.call_method0("close")?;
                Err(error::wrong_type(answer.py(), "fn", "a coroutine function: those are for latchwork.aio"))
            }
            AnySpace::Blocking(_) => Ok(false),
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

/// What a coroutine function answers.
fn is_coroutine(answer: &Bound<'_, PyAny>) -> PyResult<bool> {
    static COROUTINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    answer.is_instance(COROUTINE.import(answer.py(), "types", "CoroutineType")?)
}

fn is_awaitable(answer: &Bound<'_, PyAny>) -> PyResult<bool> {
    // What cells hold is not looked up any further.
    let plain = answer.is_exact_instance_of::<PyDict>()
        || answer.is_exact_instance_of::<PyList>()
        || answer.is_exact_instance_of::<PyString>()
        || answer.is_exact_instance_of::<PyInt>()
        || answer.is_none()
        // A lock that is held is no call of `lock` any more.
        || answer.cast::<AioGuard>().is_ok_and(|guard| guard.get().lease().has_begun());
    Ok(!plain && (is_coroutine(answer)? || answer.get_type().hasattr(intern!(answer.py(), "__await__"))?))
}
