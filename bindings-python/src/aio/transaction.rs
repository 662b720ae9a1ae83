//! What the body of a transaction is given, in the asyncio API.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::transaction_coroutine;
use crate::cells::{Entry, Range};
use crate::transaction::{Lifetime, Operations, passes_through};

/// What the body of `space.transact` reads and writes with.
///
/// Everything that it reads is of one instant, and is still so when it commits: else the body is run again. What it writes is
/// read back by it, and by nobody else before the commit. It may be used by several tasks at once, for as long as its body
/// runs.
///
/// An operation raises `Conflict` once something that was read has changed: the body will be run again, whatever it does with
/// the exception. It raises `Invalid` when the body is over, or a savepoint inside it is open, `Closed` when the space is
/// closed.
#[pyclass(frozen, weakref, module = "latchwork.aio", name = "Transaction")]
pub(crate) struct AioTransaction(Operations);

impl AioTransaction {
    pub(crate) fn new(operations: Operations) -> AioTransaction {
        AioTransaction(operations)
    }
}

#[pymethods]
impl AioTransaction {
    /// Which run of the body this is, from 1.
    #[getter]
    fn attempt(&self) -> u32 {
        self.0.attempt()
    }

    #[classattr]
    fn get(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "get")
    }

    #[classattr]
    fn get_many(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "get_many")
    }

    #[classattr]
    fn set(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "set_cell")
    }

    #[classattr]
    fn insert(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "insert")
    }

    #[classattr]
    fn delete(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "delete")
    }

    #[classattr]
    fn list(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "list_cells")
    }

    #[classattr]
    fn transact(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "savepoint")
    }

    /// End the transaction without a commit: `space.transact` raises `Aborted` with this reason, whatever the body does next.
    /// In a savepoint it ends just that. A plain call.
    ///
    /// Raises `Aborted`.
    #[pyo3(signature = (reason = None))]
    fn abort(&self, py: Python<'_>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        Err(self.0.abort(&reason.unwrap_or_else(|| py.None().into_bound(py))))
    }

    /// Wait until something that was read changes, and run the body again. A plain call.
    ///
    /// Raises `Conflict`, and `Invalid` where nothing was read: then there is nothing to wait for.
    fn retry(&self, py: Python<'_>) -> PyResult<()> {
        Err(self.0.retry(py))
    }

    /// Have `fn()` called once, after the commit and before `space.transact` answers: in the order of the calls, not for a
    /// run that is not committed, nor for a savepoint that was undone. It is a plain function, not a coroutine function. An
    /// exception of its own is reported as one that nobody can catch, and changes nothing else. A plain call.
    fn on_commit(&self, r#fn: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.on_commit(r#fn)
    }

    /// What `get` awaits.
    fn _get(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        self.0.read(key)
    }

    /// What `get_many` awaits.
    fn _get_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        self.0.read_many(keys)
    }

    /// What `set` awaits.
    fn _set(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, expire_in: Lifetime<'_>) -> PyResult<()> {
        self.0.put(key, value, &expire_in)
    }

    /// What `insert` awaits.
    #[pyo3(signature = (key, value, expire_in = None))]
    fn _insert<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.insert(key, value, expire_in)
    }

    /// What `delete` awaits.
    fn _delete(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.take(key)
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
        self.0.scan(py, &Range { prefix, start, end }, limit, reverse)
    }

    /// Whether what the body of a savepoint answered is to be awaited.
    fn _is_awaitable(&self, answer: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.0.space().is_awaitable(answer)
    }

    /// Open a savepoint. Answers the handle inside.
    fn _enter(&self, py: Python<'_>) -> PyResult<AioTransaction> {
        self.0.enter(py).map(AioTransaction)
    }

    /// Leave this savepoint, with what its body raised, if it did. Raises what is to be raised instead.
    #[pyo3(signature = (raised = None))]
    fn _leave(&self, py: Python<'_>, raised: Option<Bound<'_, PyBaseException>>) -> PyResult<()> {
        let raised = raised.map(|raised| PyErr::from_value(raised.into_any()));
        let left = self.0.leave(py, raised.as_ref());
        if raised.is_some_and(|raised| passes_through(py, &raised)) { Ok(()) } else { left }
    }

    fn __repr__(&self) -> String {
        format!("<latchwork.aio.Transaction attempt={}>", self.0.attempt())
    }
}
