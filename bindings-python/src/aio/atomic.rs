//! Several conditions and writes in one step, for asyncio.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::cell_coroutine;
use super::space::AioSpace;
use crate::cells::Steps;

/// Conditions and writes on several cells that take effect at one instant, or not at all; `space.atomic` makes it.
///
/// Each method answers the object itself, so that calls are chained; nothing is done before `commit` is awaited, which is
/// called once. Values are those of the call: changing one later changes nothing. Of several writes of one cell the last
/// one counts.
///
/// >>> import asyncio, latchwork.aio
/// >>> async def main():
/// ...     space = await latchwork.aio.open()
/// ...     await space.set("from", 5)
/// ...     payer = await space.get("from")
/// ...     await space.atomic().check(payer).set("from", payer.value - 2).insert("to", 2).commit()
/// ...     result = await space.atomic().check(payer).set("from", 1).insert("to", 4).commit()
/// ...     return result.ok, [(conflict.key, conflict.entry.value) for conflict in result.conflicts]
/// >>> asyncio.run(main())
/// (False, [('from', 3), ('to', 2)])
#[pyclass(frozen, module = "latchwork.aio", name = "Atomic")]
pub(crate) struct AioAtomic {
    space: Py<AioSpace>,
    steps: Steps,
}

impl AioAtomic {
    pub(super) fn new(space: Py<AioSpace>) -> AioAtomic {
        AioAtomic { space, steps: Steps::default() }
    }
}

#[pymethods]
impl AioAtomic {
    /// Demand that a cell has the version that an entry shows, or the one given with its key; 0: that it is absent.
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, as all of these methods do.
    #[pyo3(signature = (key, version = None))]
    fn check<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let AioAtomic { space, steps } = slf.get();
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
        let AioAtomic { space, steps } = slf.get();
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
        let AioAtomic { space, steps } = slf.get();
        steps.set(space.get(), key, Some(0), value, expire_in)?;
        Ok(slf)
    }

    /// Delete a cell, if it is there.
    fn delete<'py>(slf: Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let AioAtomic { space, steps } = slf.get();
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
        let AioAtomic { space, steps } = slf.get();
        steps.guard(space.get(), guard, keys)?;
        Ok(slf)
    }

    #[classattr]
    fn commit(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "commit")
    }

    /// What `commit` awaits.
    fn _commit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.steps.commit(py, self.space.get())
    }
}
