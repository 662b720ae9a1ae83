//! The owner that whatever runs inside a body belongs to, in spaces that were opened with `ambient_owner`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::AnySpace;
use crate::fork::Own;

/// The owner of the bodies of a call (clause L11): the one that was named, that of the scope outside, or one of its own.
pub(super) struct Surroundings {
    owner: Py<PyAny>,
    /// Set if it is one of its own: it ends with the call.
    made: Option<Own<latchwork::Owner>>,
    /// How to go back, while a body runs.
    back: Mutex<Option<Py<PyAny>>>,
}

impl Surroundings {
    /// Those of a call on this space; `None` unless it was opened so.
    pub(super) fn of(
        py: Python<'_>,
        space: &AnySpace,
        named: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Surroundings>> {
        let Some(ambient) = space.ambient() else { return Ok(None) };
        let found = match named {
            Some(named) => Some(named.clone()),
            None => ambient.owner(py)?,
        };
        let (owner, made) = match found {
            Some(owner) => (owner, None),
            None => {
                let (owner, core) = space.new_owner(py)?;
                (owner, Some(Own::new(core)))
            }
        };
        Ok(Some(Surroundings { owner: owner.unbind(), made, back: Mutex::default() }))
    }

    /// The owner, as the caller of the body would name it.
    pub(super) fn owner<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.owner.bind(py)
    }

    /// A body begins.
    pub(super) fn enter(&self, py: Python<'_>, space: &AnySpace) -> PyResult<()> {
        if let Some(ambient) = space.ambient() {
            let back = ambient.enter(py, self.owner.bind(py))?;
            self.back().replace(back);
        }
        Ok(())
    }

    /// A body has ended.
    pub(super) fn leave(&self, py: Python<'_>, space: &AnySpace) {
        let back = self.back().take();
        if let (Some(ambient), Some(back)) = (space.ambient(), back) {
            ambient.leave(py, &back);
        }
    }

    /// The call has ended.
    pub(super) fn end(&self) {
        if let Some(made) = &self.made
            && !made.is_stale()
        {
            made.close();
        }
    }

    fn back(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
