//! A range of keys that a caller gave.

use latchwork::{Key, KeyPart, KeyRange};
use pyo3::prelude::*;

use crate::{convert, error};

/// The keyword arguments that name a range, as they came.
pub(crate) struct Range<'a, 'py> {
    pub(crate) prefix: Option<&'a Bound<'py, PyAny>>,
    pub(crate) start: Option<&'a Bound<'py, PyAny>>,
    pub(crate) end: Option<&'a Bound<'py, PyAny>>,
}

impl Range<'_, '_> {
    /// The keys that are meant; all, if nothing is named.
    pub(crate) fn keys(&self) -> PyResult<KeyRange> {
        let key = |what, key: Option<&Bound<'_, PyAny>>| key.map(|key| convert::one_key(what, key)).transpose();
        match (self.prefix, key("start", self.start)?, key("end", self.end)?) {
            (None, None, None) => Ok(KeyRange::all()),
            (None, Some(start), None) => Ok(KeyRange::from(start)),
            (None, None, Some(end)) => Ok(KeyRange::before(end)),
            (None, Some(start), Some(end)) => Ok(KeyRange::between(start, end)),
            (Some(given), None, None) => Ok(KeyRange::prefix(prefix(given)?)),
            (Some(given), _, _) => Err(error::wrong_value(given.py(), "prefix", "given beside start or end")),
        }
    }
}

/// A prefix that a caller gave.
pub(crate) fn prefix(prefix: &Bound<'_, PyAny>) -> PyResult<Key> {
    let key = convert::one_key("prefix", prefix)?;
    if matches!(key.part(), KeyPart::Int(_) | KeyPart::Bool(_)) {
        let why = format!("{} has none: it is a str, bytes or a tuple", convert::type_name(prefix));
        return Err(error::wrong_type(prefix.py(), "prefix", &why));
    }
    Ok(key)
}
