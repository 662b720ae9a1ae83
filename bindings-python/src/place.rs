//! Where the keys of a sub-space are among those of its space.

use latchwork::{Error, Key, Query, Within};
use pyo3::prelude::*;

use crate::bytes;
use crate::holding::KeySet;
use crate::{convert, error};

/// The place of a sub-space: what its callers name goes in by it, and comes out by it.
pub(crate) struct Place {
    within: Within,
    /// The keys that it was asked for with, the outermost first.
    prefixes: Vec<Key>,
}

impl Place {
    /// The place under the key that a caller gave, in another place if there is one.
    pub(crate) fn given(outer: Option<&Place>, key: &Bound<'_, PyAny>) -> PyResult<Place> {
        let prefix = convert::one_key(None, "key", key)?;
        let mut prefixes = outer.map_or_else(Vec::new, |outer| outer.prefixes.clone());
        let within = match outer {
            None => Within::new(prefix.clone()),
            Some(outer) => outer.within.within(prefix.clone()),
        };
        prefixes.push(prefix);
        Ok(Place { within, prefixes })
    }

    /// As the core's requests name it.
    pub(crate) fn within(&self) -> &Within {
        &self.within
    }

    /// The same sub-space of the core's.
    pub(crate) fn space(&self, whole: &bytes::Space) -> bytes::Space {
        self.prefixes.iter().fold(whole.clone(), |space, prefix| space.within(prefix.clone()))
    }

    /// How it shows itself.
    pub(crate) fn shown(&self, py: Python<'_>) -> PyResult<String> {
        let prefixes =
            self.prefixes.iter().map(|prefix| Ok(format!(" within={}", convert::key_to_py(py, prefix)?.repr()?)));
        prefixes.collect()
    }
}

/// The keys of the space that keys of a sub-space are, or of the space itself.
pub(crate) fn wrapped(within: Option<&Within>, keys: Vec<Key>) -> Vec<Key> {
    match within {
        None => keys,
        Some(within) => keys.iter().map(|key| within.wrap(key)).collect(),
    }
}

/// Of keys of the space those that are of the sub-space, as such.
pub(crate) fn unwrapped(within: Option<&Within>, (keys, shared): KeySet) -> KeySet {
    let Some(within) = within else { return (keys, shared) };
    let inside = |keys: Vec<Key>| keys.iter().filter_map(|key| within.unwrap(key)).collect();
    (inside(keys), inside(shared))
}

/// An error of the space as a sub-space tells it, or as it is.
pub(crate) fn told(within: Option<&Within>, error: Error) -> Error {
    match within {
        None => error,
        Some(within) => within.error(error),
    }
}

/// What a query of the space says about a sub-space, or about all.
pub(crate) fn seen(within: Option<&Within>, query: Query) -> Query {
    match within {
        None => query,
        Some(within) => within.query(query),
    }
}

/// Refuses what only the whole space can do: its end is not a sub-space's to bring about.
pub(crate) fn demand_whole(py: Python<'_>, place: Option<&Place>) -> PyResult<()> {
    match place {
        None => Ok(()),
        Some(_) => Err(error::wrong_value(py, "space", "a sub-space ends with its space")),
    }
}
