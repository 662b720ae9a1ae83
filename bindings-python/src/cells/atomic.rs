//! Several conditions and writes in one step.

use std::sync::{Mutex, MutexGuard, PoisonError};

use latchwork::{Commit, Committed, Conflict};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::outcome::{CellConflict, Conflicted, Written};
use super::{Bond, Cells, Expected};
use crate::bytes::Value;
use crate::error;
use crate::space::Space;

/// Conditions and writes on several cells that take effect at one instant, or not at all; `space.atomic` makes it.
///
/// Each method answers the object itself, so that calls are chained; nothing is done before `commit`, which is called
/// once. Values are those of the call: changing one later changes nothing. Of several writes of one cell the last one
/// counts.
///
/// >>> import latchwork
/// >>> space = latchwork.open()
/// >>> space.set("from", 5).ok
/// True
/// >>> payer = space.get("from")
/// >>> space.atomic().check(payer).set("from", payer.value - 2).insert("to", 2).commit().ok
/// True
/// >>> result = space.atomic().check(payer).set("from", 1).insert("to", 4).commit()
/// >>> result.ok, [(conflict.key, conflict.entry.value) for conflict in result.conflicts]
/// (False, [('from', 3), ('to', 2)])
#[pyclass(frozen, module = "latchwork")]
pub(crate) struct Atomic {
    space: Py<Space>,
    steps: Steps,
}

impl Atomic {
    pub(super) fn new(space: Py<Space>) -> Atomic {
        Atomic { space, steps: Steps::default() }
    }
}

#[pymethods]
impl Atomic {
    /// Demand that a cell has the version that an entry shows, or the one given with its key; 0: that it is absent.
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, as all of these methods do.
    #[pyo3(signature = (key, version = None))]
    fn check<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let Atomic { space, steps } = slf.get();
        steps.check(space.get(), key, version)?;
        Ok(slf)
    }

    /// Set a cell. It expires after `expire_in` seconds; `None`: never.
    #[pyo3(signature = (key, value, *, expire_in = None))]
    fn set<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let Atomic { space, steps } = slf.get();
        steps.set(space.get(), key, None, value, expire_in)?;
        Ok(slf)
    }

    /// Set a cell that must be absent.
    #[pyo3(signature = (key, value, *, expire_in = None))]
    fn insert<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let Atomic { space, steps } = slf.get();
        steps.set(space.get(), key, Some(0), value, expire_in)?;
        Ok(slf)
    }

    /// Delete a cell, if it is there.
    fn delete<'py>(slf: Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let Atomic { space, steps } = slf.get();
        steps.delete(space.get(), key)?;
        Ok(slf)
    }

    /// Demand that a guard holds these keys, or without keys all that it was granted, except those that it released
    /// itself.
    #[pyo3(signature = (guard, *keys))]
    fn guard<'py>(
        slf: Bound<'py, Self>,
        guard: &Bound<'py, PyAny>,
        keys: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, Self>> {
        let Atomic { space, steps } = slf.get();
        steps.guard(space.get(), guard, keys)?;
        Ok(slf)
    }

    /// Check all conditions and make all changes at one instant. Answers `Written`, which is true, or `Conflicted` with
    /// every condition that was not met, which is false.
    ///
    /// Raises `Fenced` if a guard is not held any more, `Closed` if the space is closed, `Invalid` if it was called
    /// before; then nothing was written.
    fn commit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.steps.commit(py, self.space.get())
    }
}

/// The steps of a commit of either API, as long as it was not made.
#[derive(Default)]
pub(crate) struct Steps(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    commit: Commit<Value>,
    bonds: Vec<Bond>,
    is_committed: bool,
}

impl Steps {
    pub(crate) fn check(
        &self,
        cells: &impl Cells,
        key: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let Expected { key, version } = Expected::demanded(cells, key, version)?;
        self.add(|commit| commit.check(key, version.unwrap_or_default()));
        Ok(())
    }

    pub(crate) fn set(
        &self,
        cells: &impl Cells,
        key: &Bound<'_, PyAny>,
        expected: Option<u64>,
        value: &Bound<'_, PyAny>,
        expire_in: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let key = cells.key(key)?;
        let expiry = cells.expiry(value.py(), expire_in)?;
        let value = cells.codec().encode(value)?;
        self.add(|commit| commit.set(key, expected, value, expiry));
        Ok(())
    }

    pub(crate) fn delete(&self, cells: &impl Cells, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let key = cells.key(key)?;
        self.add(|commit| commit.delete(key, None));
        Ok(())
    }

    pub(crate) fn guard(
        &self,
        cells: &impl Cells,
        guard: &Bound<'_, PyAny>,
        keys: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        let keys = if keys.is_empty() { None } else { Some(cells.keys(keys)?) };
        let bond = Bond::given(cells.cell_port(guard.py())?, guard, keys)?;
        self.gathered().bonds.push(bond);
        Ok(())
    }

    pub(crate) fn commit<'py>(&self, py: Python<'py>, cells: &impl Cells) -> PyResult<Bound<'py, PyAny>> {
        let Gathered { mut commit, bonds, is_committed } =
            std::mem::replace(&mut *self.gathered(), Gathered { is_committed: true, ..Gathered::default() });
        if is_committed {
            return Err(error::wrong_value(py, "commit", "called before, each commit is made once"));
        }
        bonds.iter().for_each(|bond| bond.demand(&mut commit));
        match cells.change(py, commit)? {
            Ok(Committed { version, .. }) => Ok(Bound::new(py, Written { version })?.into_any()),
            Err(conflicts) => {
                let conflicts: Vec<CellConflict> = conflicts
                    .into_iter()
                    .map(|Conflict { key, expected, entry, .. }| {
                        let entry = Py::new(py, cells.entry(py, entry)?)?;
                        Ok(CellConflict { key: cells.outward(key), expected, entry })
                    })
                    .collect::<PyResult<_>>()?;
                let conflicts = PyTuple::new(py, conflicts)?.unbind();
                Ok(Bound::new(py, Conflicted { conflicts })?.into_any())
            }
        }
    }

    fn add(&self, step: impl FnOnce(&mut Commit<Value>)) {
        step(&mut self.gathered().commit);
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
