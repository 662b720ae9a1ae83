//! A range of keys that a caller gave.

use latchwork::{Key, KeyPart, KeyRange, Within};
use pyo3::prelude::*;

use crate::{convert, error};

/// The keyword arguments that name a range, as they came.
pub(crate) struct Range<'a, 'py> {
    pub(crate) prefix: Option<&'a Bound<'py, PyAny>>,
    pub(crate) start: Option<&'a Bound<'py, PyAny>>,
    pub(crate) end: Option<&'a Bound<'py, PyAny>>,
}

impl Range<'_, '_> {
    /// Whether nothing is named.
    pub(crate) fn is_all(&self) -> bool {
        self.prefix.is_none() && self.start.is_none() && self.end.is_none()
    }

    /// The keys of the core's space that are meant, by somebody whose keys are in a place of it or not; all of those,
    /// if nothing is named.
    pub(crate) fn keys(&self, within: Option<&Within>) -> PyResult<KeyRange> {
        let key = |what, key: Option<&Bound<'_, PyAny>>| key.map(|key| convert::one_key(within, what, key)).transpose();
        let range = match (self.prefix, key("start", self.start)?, key("end", self.end)?) {
            (None, None, None) => KeyRange::all(),
            (None, Some(start), None) => KeyRange::from(start),
            (None, None, Some(end)) => KeyRange::before(end),
            (None, Some(start), Some(end)) => KeyRange::between(start, end),
            (Some(given), None, None) => KeyRange::prefix(prefix(within, given)?),
            (Some(given), _, _) => return Err(error::wrong_value(given.py(), "prefix", "given beside start or end")),
        };
        Ok(match within {
            None => range,
            Some(within) => within.range(&range),
        })
    }
}

/// A prefix that a caller gave, as it came.
pub(crate) fn prefix(within: Option<&Within>, prefix: &Bound<'_, PyAny>) -> PyResult<Key> {
    let key = convert::one_key(within, "prefix", prefix)?;
    if matches!(key.part(), KeyPart::Int(_) | KeyPart::Bool(_)) {
        let why = format!("{} has none: it is a str, bytes or a tuple", convert::type_name(prefix));
        return Err(error::wrong_type(prefix.py(), "prefix", &why));
    }
    Ok(key)
}
