//! The methods of the asyncio API that are about cells.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::atomic::AioAtomic;
use super::cell_coroutine;
use super::cell_watch::AioCellWatch;
use super::space::AioSpace;
use crate::bytes::Port;
use crate::cells::{Cells, Entry, Range, Watched, WriteOptions, Written};
use crate::codec::Codec;
use crate::place::Place;

impl Cells for AioSpace {
    #[inline]
    fn cell_port(&self, py: Python<'_>) -> PyResult<&Port> {
        Ok(&self.life(py)?.home)
    }

    #[inline]
    fn codec(&self) -> &Codec {
        self.opening().codec()
    }

    fn keep_time(&self, py: Python<'_>) -> PyResult<()> {
        self.start_timer(py)
    }

    #[inline]
    fn place(&self) -> Option<&Place> {
        AioSpace::place(self)
    }
}

#[pymethods]
impl AioSpace {
    #[classattr]
    fn get(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "get")
    }

    #[classattr]
    fn get_many(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "get_many")
    }

    #[classattr]
    fn set(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "set_cell")
    }

    #[classattr]
    fn insert(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "insert")
    }

    #[classattr]
    fn compare_exchange(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "compare_exchange")
    }

    #[classattr]
    fn delete(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "delete")
    }

    #[classattr]
    fn list(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "list_cells")
    }

    #[classattr]
    fn delete_all(py: Python<'_>) -> PyResult<Py<PyAny>> {
        cell_coroutine(py, "delete_all")
    }

    /// Conditions and writes on several cells in one step: see `Atomic`.
    fn atomic(slf: Py<Self>) -> AioAtomic {
        AioAtomic::new(slf)
    }

    /// Watch cells: an asynchronous iterator over their states. Watch these keys, or all that begin with `prefix`, as in
    /// `list`.
    ///
    /// Each item is a list of entries, the whole watched state at one instant: those of the keys in the order asked, absent
    /// ones as version 0, or those present under the prefix, in key order. The first item comes at once, later ones after
    /// changes; states in between may be skipped, the last one never is. See `Watch`.
    ///
    /// >>> import asyncio, latchwork.aio
    /// >>> async def main():
    /// ...     space = await latchwork.aio.open()
    /// ...     async for [count] in space.watch("count"):
    /// ...         if count.value == 2:
    /// ...             break
    /// ...         await space.set("count", (count.value or 0) + 1)
    /// >>> asyncio.run(main())
    ///
    /// Raises `Invalid` at the call if an argument cannot be what it must be.
    #[pyo3(signature = (*keys, prefix = None))]
    fn watch(
        slf: &Bound<'_, Self>,
        keys: &Bound<'_, PyTuple>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<AioCellWatch> {
        AioCellWatch::new(slf, Watched::given(slf.get().within(), keys, prefix)?)
    }

    /// What `get` awaits.
    fn _get(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        self.read(key)
    }

    /// What `get_many` awaits.
    fn _get_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        self.read_many(keys)
    }

    /// What `set` awaits.
    #[pyo3(signature = (key, value, expire_in = None, guard = None))]
    fn _set(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        expire_in: Option<&Bound<'_, PyAny>>,
        guard: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Written> {
        self.put(key, value, &WriteOptions { expire_in, guard })
    }

    /// What `insert` awaits.
    #[pyo3(signature = (key, value, expire_in = None, guard = None))]
    fn _insert<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.put_absent(key, value, &WriteOptions { expire_in, guard })
    }

    /// What `compare_exchange` awaits.
    #[pyo3(signature = (key, value, version = None, expire_in = None, guard = None))]
    fn _compare_exchange<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        expire_in: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.put_over(key, version, value, &WriteOptions { expire_in, guard })
    }

    /// What `delete` awaits.
    #[pyo3(signature = (key, version = None, guard = None))]
    fn _delete<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.take(key, version, guard)
    }

    /// What `list` awaits.
    #[pyo3(signature = (prefix = None, start = None, end = None, limit = None, reverse = None))]
    fn _list(
        &self,
        py: Python<'_>,
        prefix: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
        end: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Entry>> {
        self.scan(py, &Range { prefix, start, end }, limit, reverse)
    }

    /// What `delete_all` awaits.
    #[pyo3(signature = (prefix = None, start = None, end = None, except_ = None))]
    fn _delete_all<'py>(
        &self,
        py: Python<'py>,
        prefix: Option<&Bound<'py, PyAny>>,
        start: Option<&Bound<'py, PyAny>>,
        end: Option<&Bound<'py, PyAny>>,
        except_: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.sweep(py, &Range { prefix, start, end }, except_)
    }
}
