//! The keyword arguments of `update` and `transact`.

use std::time::Duration;

use latchwork::{CallSpec, Expiry, Key};
use pyo3::prelude::*;

use super::answer;
use crate::cells::{Bond, Cells};
use crate::owner::AnyOwner;
use crate::{convert, error, place};

/// The keyword arguments that both have, as they came.
pub(crate) struct Settings<'a, 'py> {
    pub(crate) guard: Option<&'a Bound<'py, PyAny>>,
    pub(crate) guard_keys: Option<&'a Bound<'py, PyAny>>,
    pub(crate) owner: Option<&'a Bound<'py, PyAny>>,
    pub(crate) attempts: Option<&'a Bound<'py, PyAny>>,
    pub(crate) timeout: Option<&'a Bound<'py, PyAny>>,
    pub(crate) label: Option<&'a Bound<'py, PyAny>>,
}

/// The same, checked.
pub(super) struct Asked {
    pub(super) spec: CallSpec,
    /// Kept as long as the call: a guard that is dropped gives up its lock.
    pub(super) bond: Option<Bond>,
    /// Whether there is a time-out.
    pub(super) timed: bool,
}

impl Settings<'_, '_> {
    /// What is asked. `ambient` is the owner where none is named.
    pub(super) fn asked(
        &self,
        py: Python<'_>,
        cells: &impl Cells,
        ambient: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Asked> {
        let mut spec = CallSpec::new();
        if let Some(attempts) = self.attempts {
            let attempts = convert::limit("attempts", attempts)?;
            spec = spec.attempts(u32::try_from(attempts).unwrap_or(u32::MAX));
        }
        let timeout = self.timeout()?;
        if let Some(timeout) = timeout {
            spec = spec.timeout(timeout);
        }
        if let Some(label) = self.label {
            spec = spec.label(convert::text("label", label)?);
        }
        if let Some(owner) = self.owner.or(ambient) {
            spec = spec.owner(AnyOwner::given(owner)?.core(py)?);
        }
        let keys = self.guard_keys.map(|keys| guard_keys(cells, keys)).transpose()?;
        let bond = match (self.guard, keys) {
            (Some(guard), keys) => Some(Bond::given(cells.cell_port(py)?, guard, keys)?),
            (None, None) => None,
            (None, Some(_)) => return Err(error::wrong_value(py, "guard_keys", "given without a guard")),
        };
        if let Some(bond) = &bond {
            spec = bond.bind(spec);
        }
        Ok(Asked { spec, bond, timed: timeout.is_some() })
    }

    /// How long the call may take.
    pub(crate) fn timeout(&self) -> PyResult<Option<Duration>> {
        Ok(self.timeout.map(|timeout| convert::longest("timeout", timeout)).transpose()?.flatten())
    }
}

fn guard_keys(cells: &impl Cells, keys: &Bound<'_, PyAny>) -> PyResult<Vec<Key>> {
    let keys = convert::key_list(cells.within(), "guard_keys", keys)?;
    Ok(place::wrapped(cells.within(), keys))
}

/// The argument `expire_in` where leaving it out is not the same as `None`: a cell keeps what it had.
pub(crate) enum Lifetime<'py> {
    Kept,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Lifetime<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Lifetime<'py>> {
        Ok(if answer::is_keep(&given)? { Lifetime::Kept } else { Lifetime::Given(given.to_owned()) })
    }
}

impl Lifetime<'_> {
    /// When the cell expires: `None` where it keeps what it had.
    pub(crate) fn expiry(&self, py: Python<'_>, cells: &impl Cells) -> PyResult<Option<Expiry>> {
        match self {
            Lifetime::Kept => Ok(None),
            Lifetime::Given(given) if given.is_none() => Ok(Some(Expiry::Never)),
            Lifetime::Given(given) => cells.expiry(py, Some(given)).map(Some),
        }
    }
}
