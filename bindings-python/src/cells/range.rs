//! A range of keys that a caller gave.

use latchwork::{Key, KeyPart, KeyRange};
use pyo3::prelude::*;

use crate::place::Place;
use crate::{convert, error};

/// The keyword arguments that name a range, as they came.
pub(crate) struct Range<'a, 'py> {
    pub(crate) prefix: Option<&'a Bound<'py, PyAny>>,
    pub(crate) start: Option<&'a Bound<'py, PyAny>>,
    pub(crate) end: Option<&'a Bound<'py, PyAny>>,
}

impl Range<'_, '_> {
    /// The keys of the core's space that are meant, by somebody whose keys are in a place of it or not; all of those,
    /// if nothing is named.
    pub(crate) fn keys(&self, py: Python<'_>, place: Option<&Place>) -> PyResult<KeyRange> {
        let key = |what, key: Option<&Bound<'_, PyAny>>| {
            let key = key.map(|key| convert::one_key(what, key)).transpose()?;
            key.map(|key| fitting(py, place, what, key)).transpose()
        };
        let range = match (self.prefix, key("start", self.start)?, key("end", self.end)?) {
            (None, None, None) => KeyRange::all(),
            (None, Some(start), None) => KeyRange::from(start),
            (None, None, Some(end)) => KeyRange::before(end),
            (None, Some(start), Some(end)) => KeyRange::between(start, end),
            (Some(given), None, None) => KeyRange::prefix(prefix(place, given)?),
            (Some(given), _, _) => return Err(error::wrong_value(given.py(), "prefix", "given beside start or end")),
        };
        Ok(match place {
            None => range,
            Some(place) => place.within().range(&range),
        })
    }
}

/// A key that is not too long where it will be.
fn fitting(py: Python<'_>, place: Option<&Place>, what: &str, key: Key) -> PyResult<Key> {
    if let Some(place) = place {
        place.inward(py, what, &key)?;
    }
    Ok(key)
}

/// A prefix that a caller gave, as it came.
pub(crate) fn prefix(place: Option<&Place>, prefix: &Bound<'_, PyAny>) -> PyResult<Key> {
    let key = convert::one_key("prefix", prefix)?;
    if matches!(key.part(), KeyPart::Int(_) | KeyPart::Bool(_)) {
        let why = format!("{} has none: it is a str, bytes or a tuple", convert::type_name(prefix));
        return Err(error::wrong_type(prefix.py(), "prefix", &why));
    }
    fitting(prefix.py(), place, "prefix", key)
}
