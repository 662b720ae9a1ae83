//! What a watch looks at.

use latchwork::{Key, Within};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::{AsBytes, Cells, Entry, range};
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
        within: Option<&Within>,
        keys: &Bound<'_, PyTuple>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Watched> {
        match prefix {
            None => convert::key_arguments(within, keys.len(), keys.iter()).map(Watched::Keys),
            Some(prefix) if keys.is_empty() => Ok(Watched::Prefix(range::prefix(within, prefix)?)),
            Some(prefix) => Err(error::wrong_value(prefix.py(), "prefix", "given beside keys")),
        }
    }

    /// A watch of the core's on them, which has not begun. Its entries have the caller's keys.
    pub(crate) fn watch(&self, py: Python<'_>, cells: &impl Cells) -> PyResult<latchwork::Watch<Value>> {
        let whole = cells.cell_port(py)?.space();
        Ok(match cells.place() {
            None => self.on(whole),
            Some(place) => self.on(&place.space(whole)),
        })
    }

    /// What such a watch answered.
    pub(crate) fn entries(
        py: Python<'_>,
        cells: &impl Cells,
        entries: Vec<latchwork::Entry<impl AsBytes>>,
    ) -> PyResult<Vec<Entry>> {
        entries.into_iter().map(|entry| cells.own_entry(py, entry)).collect()
    }

    fn on(&self, space: &bytes::Space) -> latchwork::Watch<Value> {
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
