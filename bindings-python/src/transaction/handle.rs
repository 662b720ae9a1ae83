//! What the body of a transaction is given, in the blocking API.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{Lifetime, Operations, passes_through};
use crate::cells::{Entry, Range};
use crate::convert;

/// What the body of `space.transact` reads and writes with.
///
/// Everything that it reads is of one instant, and is still so when it commits: else the body is run again. What it writes is
/// read back by it, and by nobody else before the commit. It may be used by several threads at once, for as long as its body
/// runs.
///
/// An operation raises `Conflict` once something that was read has changed: the body will be run again, whatever it does with
/// the exception. It raises `Invalid` when the body is over, or a savepoint inside it is open, `Closed` when the space is
/// closed.
#[pyclass(frozen, weakref, module = "latchwork")]
pub(crate) struct Transaction(Operations);

impl Transaction {
    pub(super) fn new(operations: Operations) -> Transaction {
        Transaction(operations)
    }
}

#[pymethods]
impl Transaction {
    /// Which run of the body this is, from 1.
    #[getter]
    fn attempt(&self) -> u32 {
        self.0.attempt()
    }

    /// Read a cell. What this transaction has written is read back, with the version that was read.
    ///
    /// Raises `Invalid` if the key cannot be one, and what all operations raise.
    #[pyo3(name = "get")]
    fn get_cell(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        self.0.read(key)
    }

    /// Read several cells, in the order asked.
    ///
    /// Raises what `get` raises.
    #[pyo3(signature = (*keys))]
    fn get_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        self.0.read_many(keys)
    }

    /// Set a cell when the transaction commits. The value is as it is now: changing it later changes nothing.
    ///
    /// The cell expires after `expire_in` seconds, with `None` never. Without it a cell that was read keeps what it had, any
    /// other never expires.
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, and what all operations raise.
    #[pyo3(name = "set", signature = (key, value, *, expire_in = Lifetime::Kept), text_signature = "($self, key, value, *, expire_in=...)")]
    fn set_cell(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, expire_in: Lifetime<'_>) -> PyResult<()> {
        self.0.put(key, value, &expire_in)
    }

    /// Set a cell that is absent, when the transaction commits. Answers `Inserted`, which is true, or `Refused` with the
    /// entry that is there, which is false.
    ///
    /// The cell expires after `expire_in` seconds, without it never. Raises what `set` raises.
    #[pyo3(name = "insert", signature = (key, value, *, expire_in = None))]
    fn insert_cell<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.insert(key, value, expire_in)
    }

    /// Delete a cell when the transaction commits, if it is there.
    ///
    /// Raises what `get` raises.
    #[pyo3(name = "delete")]
    fn delete_cell(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.take(key)
    }

    /// Read the cells of a range, in key order, with what this transaction has written laid over them.
    ///
    /// The range is that of `Space.list`. Another cell that comes into it before the commit is a conflict.
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, and what all operations raise.
    #[pyo3(
        signature = (*, prefix = None, start = None, end = None, limit = None, reverse = None),
        text_signature = "($self, *, prefix=None, start=None, end=None, limit=None, reverse=False)"
    )]
    fn list(
        &self,
        py: Python<'_>,
        prefix: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
        end: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Entry>> {
        self.0.scan(py, &Range { prefix, start, end }, limit, reverse)
    }

    /// Call `fn(tx)` as a part that can be undone, and return what it returns.
    ///
    /// If it raises or aborts, what it wrote goes, and its exception passes through, so that the rest can go on; what it read
    /// stays read. While it runs this handle cannot be used. Nothing is committed before the whole transaction is.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> def book(tx):
    /// ...     tx.set("flight", "booked")
    /// ...     def hotel(tx):
    /// ...         tx.set("hotel", "booked")
    /// ...         tx.abort("full")
    /// ...     try:
    /// ...         tx.transact(hotel)
    /// ...     except latchwork.Aborted as error:
    /// ...         tx.set("hotel", error.reason)
    /// >>> result = space.transact(book)
    /// >>> space.get("flight").value, space.get("hotel").value
    /// ('booked', 'full')
    fn transact<'py>(&self, py: Python<'py>, r#fn: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        convert::function("fn", r#fn)?;
        let inside = Bound::new(py, Transaction(self.0.enter(py)?))?;
        let operations = &inside.get().0;
        let ended = r#fn.call1((&inside,)).and_then(|answer| {
            operations.space().is_awaitable(&answer)?;
            Ok(answer)
        });
        match ended {
            Ok(answer) => operations.leave(py, None).map(|()| answer),
            Err(error) => {
                let left = operations.leave(py, Some(&error));
                if passes_through(py, &error) {
                    return Err(error);
                }
                left.and(Err(error))
            }
        }
    }

    /// End the transaction without a commit: `space.transact` raises `Aborted` with this reason, whatever the body does next.
    /// In a savepoint it ends just that.
    ///
    /// Raises `Aborted`.
    #[pyo3(signature = (reason = None))]
    fn abort(&self, py: Python<'_>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        Err(self.0.abort(&reason.unwrap_or_else(|| py.None().into_bound(py))))
    }

    /// Wait until something that was read changes, and run the body again.
    ///
    /// Raises `Conflict`, and `Invalid` where nothing was read: then there is nothing to wait for.
    fn retry(&self, py: Python<'_>) -> PyResult<()> {
        Err(self.0.retry(py))
    }

    /// Have `fn()` called once, after the commit and before `space.transact` returns: in the order of the calls, not for a
    /// run that is not committed, nor for a savepoint that was undone. An exception of its own is reported as one that
    /// nobody can catch, and changes nothing else.
    fn on_commit(&self, r#fn: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.on_commit(r#fn)
    }

    fn __repr__(&self) -> String {
        format!("<latchwork.Transaction attempt={}>", self.0.attempt())
    }
}
