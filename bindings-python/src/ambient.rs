//! The owner of the scope that runs, found by the async context: for spaces that were opened so.

use pyo3::intern;
use pyo3::prelude::*;

use crate::owner::AnyOwner;

/// The context variable of a space that names the owner of the scope that runs (clause L11).
pub(crate) struct Ambient(Py<PyAny>);

impl Ambient {
    /// That of the space with this address.
    pub(crate) fn new(py: Python<'_>, url: Option<&str>) -> PyResult<Ambient> {
        let variable = py.import("latchwork.ambient")?.getattr("variable")?;
        Ok(Ambient(variable.call1((url,))?.unbind()))
    }

    /// The owner of the scope that runs, as long as it is open: a task can outlive the scope that it was started in.
    pub(crate) fn owner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.0.bind(py).call_method1(intern!(py, "get"), (py.None(),))?;
        if found.is_none() {
            return Ok(None);
        }
        Ok(AnyOwner::given(&found)?.is_open(py)?.then_some(found))
    }

    /// From here on, in this context, it is this one. Answers how to go back.
    pub(crate) fn enter(&self, py: Python<'_>, owner: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.0.bind(py).call_method1(intern!(py, "set"), (owner,)).map(Bound::unbind)
    }

    /// Goes back. In another context than that of the beginning nothing was changed.
    pub(crate) fn leave(&self, py: Python<'_>, back: &Py<PyAny>) {
        let _ = self.0.bind(py).call_method1(intern!(py, "reset"), (back,));
    }
}
