//! Awaitables that are ready from the start.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error;

/// An awaitable that answers at once, as often as it is asked.
#[pyclass(frozen, module = "latchwork._native")]
pub(super) struct Ready {
    value: Option<Py<PyAny>>,
}

impl Ready {
    /// One that answers `value`.
    pub(super) fn new(value: Py<PyAny>) -> Ready {
        Ready { value: Some(value) }
    }

    /// The shared one that answers `None`.
    #[inline]
    pub(super) fn none(py: Python<'_>) -> PyResult<Py<Ready>> {
        static NONE: PyOnceLock<Py<Ready>> = PyOnceLock::new();
        Ok(NONE.get_or_try_init(py, || Py::new(py, Ready { value: None }))?.clone_ref(py))
    }
}

#[pymethods]
impl Ready {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match &self.value {
            None => Ok(None),
            Some(value) => Err(error::returned(value.clone_ref(py))),
        }
    }
}
