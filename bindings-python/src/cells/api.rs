//! The methods of the blocking API that are about cells.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{Atomic, CellWatch, Cells, Entry, Range, Watched, WriteOptions, Written};
use crate::bytes::Port;
use crate::codec::Codec;
use crate::place::Place;
use crate::space::Space;

impl Cells for Space {
    #[inline]
    fn cell_port(&self, py: Python<'_>) -> PyResult<&Port> {
        self.port(py)
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
        Space::place(self)
    }
}

#[pymethods]
impl Space {
    /// Read a cell as it is now.
    ///
    /// An absent cell reads as version 0. Locking `doc` does not stop a write of cell `doc`; a write with a `guard` does.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> version = space.set("count", 1).version
    /// >>> entry = space.get("count")
    /// >>> entry.value, entry.version == version
    /// (1, True)
    ///
    /// Raises `Invalid` if the key cannot be one, `Closed` if the space is closed.
    #[pyo3(name = "get")]
    fn get_cell(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        self.read(key)
    }

    /// Read several cells at one instant, in the order asked.
    ///
    /// Raises what `get` raises.
    #[pyo3(signature = (*keys))]
    fn get_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        self.read_many(keys)
    }

    /// Set a cell, whatever it is. Answers its new version.
    ///
    /// The value is what the codec of the space takes, as it is now. The cell expires after `expire_in` seconds; without
    /// it never, whatever it did before. With a `guard` of either API of this space it is written only if that holds, at
    /// that very instant, every key that it was granted, except those that it released itself.
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, `Fenced` if the guard is not held any more, `Closed` if
    /// the space is closed. Then nothing was written.
    #[pyo3(name = "set", signature = (key, value, *, expire_in = None, guard = None))]
    fn set_cell(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        expire_in: Option<&Bound<'_, PyAny>>,
        guard: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Written> {
        self.put(key, value, &WriteOptions { expire_in, guard })
    }

    /// Set a cell that is absent. Answers `Written`, which is true, or `Refused` with the entry that is there, which is
    /// false.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> space.insert("ada", "first").ok
    /// True
    /// >>> result = space.insert("ada", "second")
    /// >>> if not result:
    /// ...     result.entry.value
    /// 'first'
    ///
    /// `expire_in` and `guard` are those of `set`. Raises what `set` raises.
    #[pyo3(name = "insert", signature = (key, value, *, expire_in = None, guard = None))]
    fn insert_cell<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.put_absent(key, value, &WriteOptions { expire_in, guard })
    }

    /// Set a cell that still has the version of an entry, or the `version` given with its key; 0: that is absent. Answers
    /// `Written`, which is true, or `Refused` with the entry that is there, which is false.
    ///
    /// Versions are compared, never values.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> seen = space.get("count")
    /// >>> space.compare_exchange(seen, 1).ok
    /// True
    /// >>> result = space.compare_exchange(seen, 2)
    /// >>> if not result:
    /// ...     result = space.compare_exchange("count", 2, version=result.entry.version)
    /// >>> result.ok
    /// True
    ///
    /// `expire_in` and `guard` are those of `set`. Raises what `set` raises.
    #[pyo3(signature = (key, value, *, version = None, expire_in = None, guard = None))]
    fn compare_exchange<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        expire_in: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.put_over(key, version, value, &WriteOptions { expire_in, guard })
    }

    /// Delete a cell: whatever it is, given a key; only if it still has the version, given an entry or a `version`. Answers
    /// `Deleted`, which is true and says whether the cell was there, or `Refused` with the entry that is there, which is
    /// false.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> space.delete("count").existed
    /// False
    ///
    /// `guard` is that of `set`. Raises what `set` raises.
    #[pyo3(name = "delete", signature = (key, *, version = None, guard = None))]
    fn delete_cell<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.take(key, version, guard)
    }

    /// Conditions and writes on several cells in one step: see `Atomic`.
    fn atomic(slf: Py<Self>) -> Atomic {
        Atomic::new(slf)
    }

    /// Read the cells of a range at one instant, in key order: those whose keys begin with `prefix`, or those from `start`
    /// on that come before `end`; without any of these, all.
    ///
    /// A prefix that is a string or bytes matches strings or bytes by their beginning, a tuple matches tuples by whole
    /// parts. `limit` is how many at most, `reverse` begins with the last.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> for number in 1, 2, 3:
    /// ...     written = space.set(("session", "ada", number), number)
    /// >>> [entry.value for entry in space.list(prefix=("session", "ada"), limit=2)]
    /// [1, 2]
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
    #[pyo3(
        name = "list",
        signature = (*, prefix = None, start = None, end = None, limit = None, reverse = None),
        text_signature = "($self, *, prefix=None, start=None, end=None, limit=None, reverse=False)"
    )]
    fn list_cells(
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

    /// Delete all cells of a range in one step, except those of the keys in `except_`. Answers the keys that were deleted,
    /// in key order.
    ///
    /// The range is that of `list`, but one of `prefix`, `start` and `end` must be there: all cells must not be what a
    /// variable means that is None. `start=False`, the least key, means all.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> for number in 1, 2, 3:
    /// ...     written = space.set(("session", "ada", number), number)
    /// >>> space.delete_all(prefix=("session", "ada"), except_=[("session", "ada", 2)])
    /// [('session', 'ada', 1), ('session', 'ada', 3)]
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
    #[pyo3(
        signature = (*, prefix = None, start = None, end = None, except_ = None),
        text_signature = "($self, *, prefix=None, start=None, end=None, except_=())"
    )]
    fn delete_all<'py>(
        &self,
        py: Python<'py>,
        prefix: Option<&Bound<'py, PyAny>>,
        start: Option<&Bound<'py, PyAny>>,
        end: Option<&Bound<'py, PyAny>>,
        except_: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.sweep(py, &Range { prefix, start, end }, except_)
    }

    /// Watch cells: an iterator over their states, which blocks until the next one. Watch these keys, or all that begin
    /// with `prefix`, as in `list`.
    ///
    /// Each item is a list of entries, the whole watched state at one instant: those of the keys in the order asked, absent
    /// ones as version 0, or those present under the prefix, in key order. The first item comes at once, later ones after
    /// changes; states in between may be skipped, the last one never is. See `Watch`.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> for [count] in space.watch("count"):
    /// ...     if count.value == 2:
    /// ...         break
    /// ...     written = space.set("count", (count.value or 0) + 1)
    ///
    /// Raises `Invalid` if an argument cannot be what it must be.
    #[pyo3(signature = (*keys, prefix = None))]
    fn watch(
        slf: &Bound<'_, Self>,
        keys: &Bound<'_, PyTuple>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<CellWatch> {
        CellWatch::new(slf, Watched::given(slf.get().within(), keys, prefix)?)
    }
}
