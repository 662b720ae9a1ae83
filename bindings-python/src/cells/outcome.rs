//! What became of a write.

use latchwork::Key;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::entry::Entry;
use crate::convert;

/// Whether something was done, as the property `ok` and as truth.
macro_rules! decides {
    ($class:ident, $done:literal, $doc:literal) => {
        #[pymethods]
        impl $class {
            #[doc = $doc]
            #[getter]
            fn ok(&self) -> bool {
                $done
            }

            fn __bool__(&self) -> bool {
                $done
            }
        }
    };
}

pub(crate) use decides;

decides!(Written, true, "True: it was made.");
decides!(Deleted, true, "True: it was made.");
decides!(Refused, false, "False: nothing was written.");
decides!(Conflicted, false, "False: nothing was written.");

/// A write that was made. True.
#[pyclass(frozen, eq, hash, module = "latchwork")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Written {
    /// The one version of all cells that were written; 0 when nothing was to be written.
    #[pyo3(get)]
    pub(crate) version: u64,
}

#[pymethods]
impl Written {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("version",);

    fn __repr__(&self) -> String {
        format!("Written(version={})", self.version)
    }
}

/// A deletion that was made. True, also where there was nothing to delete.
#[pyclass(frozen, eq, hash, module = "latchwork")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Deleted {
    /// Whether the cell was there.
    #[pyo3(get)]
    pub(crate) existed: bool,
}

#[pymethods]
impl Deleted {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("existed",);

    fn __repr__(&self) -> &'static str {
        if self.existed { "Deleted(existed=True)" } else { "Deleted(existed=False)" }
    }
}

/// A write of one cell that was not made, since the cell has another version. False.
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct Refused {
    /// The cell as it is.
    #[pyo3(get)]
    pub(crate) entry: Py<Entry>,
}

#[pymethods]
impl Refused {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("entry",);

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Refused(entry={})", self.entry.bind(py).repr()?))
    }
}

/// A commit that was not made, since some of its conditions were not met. False.
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct Conflicted {
    /// All conditions that were not met, in the order of the calls.
    #[pyo3(get)]
    pub(crate) conflicts: Py<PyTuple>,
}

#[pymethods]
impl Conflicted {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("conflicts",);

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Conflicted(conflicts={})", self.conflicts.bind(py).repr()?))
    }
}

/// A condition that was not met.
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct CellConflict {
    pub(crate) key: Key,
    /// The version that the cell should have had; 0: it should have been absent.
    #[pyo3(get)]
    pub(crate) expected: u64,
    /// The cell as it is.
    #[pyo3(get)]
    pub(crate) entry: Py<Entry>,
}

#[pymethods]
impl CellConflict {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str) = ("key", "expected", "entry");

    /// The key of the cell.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::key_to_py(py, &self.key)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (key, entry) = (self.key(py)?.repr()?, self.entry.bind(py).repr()?);
        Ok(format!("CellConflict(key={key}, expected={}, entry={entry})", self.expected))
    }
}

/// What a write of one cell answers.
#[inline]
pub(super) fn written(py: Python<'_>, done: Result<u64, Entry>) -> PyResult<Bound<'_, PyAny>> {
    Ok(match done {
        Ok(version) => Bound::new(py, Written { version })?.into_any(),
        Err(entry) => Bound::new(py, Refused { entry: Py::new(py, entry)? })?.into_any(),
    })
}

/// What a deletion answers.
pub(super) fn deleted(py: Python<'_>, done: Result<bool, Entry>) -> PyResult<Bound<'_, PyAny>> {
    Ok(match done {
        Ok(existed) => Bound::new(py, Deleted { existed })?.into_any(),
        Err(entry) => Bound::new(py, Refused { entry: Py::new(py, entry)? })?.into_any(),
    })
}
