//! What became of an update, of a transaction, and of an insert inside one.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::cells::decides;

/// What became of an update.
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct Updated {
    /// What the cell holds: the function's answer; `None` where it was deleted, or kept absent.
    #[pyo3(get)]
    pub(crate) value: Py<PyAny>,
    /// The version of the change; that of the entry where nothing was changed.
    #[pyo3(get)]
    pub(crate) version: u64,
    /// How often the function ran.
    #[pyo3(get)]
    pub(crate) attempts: u32,
    /// Whether the cell was written or deleted.
    #[pyo3(get)]
    pub(crate) changed: bool,
}

#[pymethods]
impl Updated {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str) =
        ("value", "version", "attempts", "changed");

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.value.bind(py).repr()?;
        let changed = if self.changed { "True" } else { "False" };
        Ok(format!("Updated(value={value}, version={}, attempts={}, changed={changed})", self.version, self.attempts))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}

/// A transaction that was committed.
#[pyclass(frozen, generic, module = "latchwork")]
pub(crate) struct Committed {
    /// What the body returned.
    #[pyo3(get)]
    pub(crate) value: Py<PyAny>,
    /// The one version of all cells that were written; 0 when none was.
    #[pyo3(get)]
    pub(crate) version: u64,
    /// How often the body ran.
    #[pyo3(get)]
    pub(crate) attempts: u32,
}

#[pymethods]
impl Committed {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str) = ("value", "version", "attempts");

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.value.bind(py).repr()?;
        Ok(format!("Committed(value={value}, version={}, attempts={})", self.version, self.attempts))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}

/// An insert that a transaction makes when it commits. True.
#[pyclass(frozen, eq, hash, module = "latchwork")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Inserted;

decides!(Inserted, true, "True: the cell was absent.");

#[pymethods]
impl Inserted {
    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __repr__(&self) -> &'static str {
        "Inserted()"
    }
}
