//! What a watch looks at.

use latchwork::Key;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::{Cells, range};
use crate::bytes::{self, Value};
use crate::{convert, error};

/// The cells that a caller watches.
pub(crate) enum Watched {
    Keys(Vec<Key>),
    Prefix(Key),
}

impl Watched {
    /// What a caller gave: keys, or a prefix.
    pub(crate) fn given(
        cells: &impl Cells,
        keys: &Bound<'_, PyTuple>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Watched> {
        match prefix {
            None => cells.keys(keys).map(Watched::Keys),
            Some(prefix) if keys.is_empty() => Ok(Watched::Prefix(range::prefix(prefix)?)),
            Some(prefix) => Err(error::wrong_value(prefix.py(), "prefix", "given beside keys")),
        }
    }

    /// A watch of the core's on them, which has not begun.
    pub(crate) fn watch(&self, space: &bytes::Space) -> latchwork::Watch<Value> {
        match self {
            Watched::Keys(keys) => space.watch(keys.clone()),
            Watched::Prefix(prefix) => space.watch_prefix(prefix.clone()),
        }
    }

    /// How they show themselves.
    pub(crate) fn shown(&self, py: Python<'_>) -> PyResult<String> {
        let shown = match self {
            Watched::Keys(keys) => convert::keys_to_py(py, keys)?.repr()?,
            Watched::Prefix(prefix) => {
                PyString::new(py, &format!("prefix={}", convert::key_to_py(py, prefix)?.repr()?))
            }
        };
        Ok(shown.to_string())
    }
}
