//! A cell as a reader sees it, and as a condition names it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use latchwork::Key;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use super::Cells;
use crate::{convert, error};

/// A cell as it was when it was read.
///
/// The value is the reader's own: changing it never changes the cell. Entries are equal when key and version are.
///
/// >>> import latchwork
/// >>> space = latchwork.open()
/// >>> space.get("title").version
/// 0
/// >>> space.set("title", "Cells").version == space.get("title").version
/// True
#[pyclass(frozen, weakref, module = "latchwork")]
pub(crate) struct Entry {
    key: Key,
    value: Option<Py<PyAny>>,
    version: u64,
    expires_in: Option<Duration>,
}

impl Entry {
    #[inline]
    pub(super) fn new(key: Key, value: Option<Bound<'_, PyAny>>, version: u64, expires_in: Option<Duration>) -> Entry {
        Entry { key, value: value.map(Bound::unbind), version, expires_in }
    }
}

#[pymethods]
impl Entry {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str) =
        ("key", "value", "version", "expires_in");

    /// Its key.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::key_to_py(py, &self.key)
    }

    /// Its value; `None` also when the cell is absent, which the version tells.
    #[getter]
    pub(crate) fn value<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.value.as_ref().map(|value| value.bind(py).clone())
    }

    /// Its version: larger at each change, and never one that it had before. 0 when the cell is absent.
    #[getter]
    fn version(&self) -> u64 {
        self.version
    }

    /// In how many seconds it expired, at the time of the read; `None` if it does not.
    #[getter]
    fn expires_in(&self) -> Option<f64> {
        self.expires_in.map(|time| time.as_secs_f64())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = other.py();
        match other.cast::<Entry>() {
            Ok(other) => {
                let same = self.version == other.get().version && self.key == other.get().key;
                Ok(PyBool::new(py, same).to_owned().into_any().unbind())
            }
            Err(_) => Ok(py.NotImplemented()),
        }
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.key.as_bytes().hash(&mut hasher);
        self.version.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let key = self.key(py)?.repr()?;
        let value = match &self.value {
            None => String::from("None"),
            Some(value) => value.bind(py).repr()?.to_string(),
        };
        let expires = self.expires_in.map(|time| format!(", expires_in={:?}", time.as_secs_f64())).unwrap_or_default();
        Ok(format!("Entry(key={key}, value={value}, version={}{expires})", self.version))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}

/// A cell, and the version that it must have.
pub(crate) struct Expected {
    pub(crate) key: Key,
    pub(crate) version: Option<u64>,
}

impl Expected {
    /// What a caller gave: an entry, or a key and perhaps a version.
    pub(crate) fn given(
        cells: &impl Cells,
        at: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Expected> {
        let py = at.py();
        let Ok(entry) = at.cast::<Entry>() else {
            let version = version.map(self::version).transpose()?;
            return Ok(Expected { key: cells.key(at)?, version });
        };
        if version.is_some() {
            return Err(error::wrong_value(py, "version", "the entry has one already"));
        }
        let Entry { key, version, .. } = entry.get();
        Ok(Expected { key: cells.inward(key.clone()), version: Some(*version) })
    }

    /// The same where there must be a version.
    pub(crate) fn demanded(
        cells: &impl Cells,
        at: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Expected> {
        let expected = Expected::given(cells, at, version)?;
        if expected.version.is_none() {
            return Err(error::wrong_type(at.py(), "version", "missing: give an entry, or a key and a version"));
        }
        Ok(expected)
    }
}

/// A version that a caller gave.
fn version(version: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = version.py();
    if !version.is_instance_of::<PyInt>() || version.is_instance_of::<PyBool>() {
        let why = format!("{} is not an int", convert::type_name(version));
        return Err(error::wrong_type(py, "version", &why));
    }
    version.extract().map_err(|_| error::wrong_value(py, "version", "outside of 0 to 2^64-1"))
}
