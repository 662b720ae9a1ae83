//! A line of work that takes locks, as the asyncio API sees it.

use latchwork::Within;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::coroutine;
use super::guard::AioGuard;
use super::space::AioSpace;
use crate::lease::{Call, FirstKey, Options};
use crate::owner::{AnyOwner, Line, repr};
use crate::watch::Watch;

/// One line of work, named explicitly: what it locks is its own, so that a wait for itself is refused instead of lasting
/// for ever. `space.owner` makes it, and `guard.owner` inside a block.
///
/// A request of an owner fails at once with `Deadlock` when it asks for a key that the owner has already, or when those it
/// would wait for wait, directly or through others, for the owner. What the owner holds stays held. Without owners nobody
/// is refused, since nobody can tell whose lock is whose.
///
/// It may be used by any number of threads and event loops, by both APIs of a space, and by every handle on it.
/// `async with` closes it at the end of the block:
///
///     async with space.owner("checkout") as owner:
///         cart = await owner.lock("cart")
///         ...
///
/// which is equal to:
///
///     owner = space.owner("checkout")
///     try:
///         cart = await owner.lock("cart")
///         ...
///     finally:
///         await owner.close()
///
/// One that is merely forgotten ends nothing: what it holds is held by its guards.
#[pyclass(frozen, weakref, module = "latchwork.aio", name = "Owner")]
pub(crate) struct AioOwner {
    space: Py<AioSpace>,
    line: Line,
}

impl AioOwner {
    pub(crate) fn new(space: Py<AioSpace>, core: latchwork::Owner) -> AioOwner {
        AioOwner { space, line: Line::new(core) }
    }

    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<&latchwork::Owner> {
        self.line.core(|| self.space.get().life(py).map(|life| &life.home))
    }

    /// Where its keys are, if it is an owner of a sub-space.
    fn within(&self) -> Option<&Within> {
        self.space.get().within()
    }

    /// An owner as the asyncio API shows it.
    pub(super) fn of_any<'py>(owner: &AnyOwner, py: Python<'py>, space: &Py<AioSpace>) -> PyResult<Bound<'py, PyAny>> {
        match owner {
            AnyOwner::Aio(owner) => Ok(owner.bind(py).as_any().clone()),
            AnyOwner::Blocking(_) => {
                let core = owner.core(py)?.clone();
                Ok(Bound::new(py, AioOwner::new(space.clone_ref(py), core))?.into_any())
            }
        }
    }
}

#[pymethods]
impl AioOwner {
    /// A text that names it: different for each owner, across threads and processes.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<&str> {
        self.core(py).map(latchwork::Owner::id)
    }

    /// What its maker calls it, or `None`.
    #[getter]
    fn label(&self, py: Python<'_>) -> PyResult<Option<&str>> {
        self.core(py).map(latchwork::Owner::label)
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.is_closed())
    }

    /// The space that it takes locks of.
    #[getter]
    fn space(&self, py: Python<'_>) -> Py<AioSpace> {
        self.space.clone_ref(py)
    }

    /// As `Space.lock`, as a request of this owner.
    ///
    /// >>> import asyncio, latchwork, latchwork.aio
    /// >>> async def main():
    /// ...     owner = (await latchwork.aio.open()).owner("checkout")
    /// ...     async with owner.lock("cart"):
    /// ...         try:
    /// ...             await owner.lock("cart", "stock")
    /// ...         except latchwork.Deadlock as error:
    /// ...             print(error.cycle[0].owner.label, "waits for", error.cycle[0].key)
    /// >>> asyncio.run(main())
    /// checkout waits for cart
    ///
    /// Raises what `Space.lock` raises; when awaited, `Deadlock` if it would wait for its own owner, `Cancelled` if the
    /// owner is closed, also while it waits.
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, mode = None, shared = None, timeout = None, label = None, max_hold = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), timeout=None, label=None, max_hold=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<AioGuard> {
        let call = Call::new(
            key,
            keys,
            &Options { mode, shared, timeout, label, owner: Some(slf.as_any()), max_hold, within: slf.get().within() },
        )?;
        Ok(AioGuard::new(slf.get().space.clone_ref(slf.py()), call))
    }

    #[classattr]
    fn try_lock(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "owner_try_lock")
    }

    #[classattr]
    fn with_lock(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "owner_with_lock")
    }

    /// The guards that are handed over to this owner and resolve no request of it, first come, first served: an
    /// asynchronous iterator, which waits for the next one, and ends when the owner is closed.
    #[getter]
    fn handed_over<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("latchwork.handed_over")?.getattr("HandedOver")?.call1((slf,))
    }

    /// The next of them that is there.
    fn _take_handed_over(slf: &Bound<'_, Self>) -> PyResult<Option<AioGuard>> {
        let (py, owner) = (slf.py(), slf.get());
        let handed = owner.space.get().life(py)?.home.take_handed_over(owner.core(py)?);
        let call = Call::of_owner(AnyOwner::Aio(slf.clone().unbind()), owner.within());
        Ok(handed.map(|handed| AioGuard::handed(owner.space.clone_ref(py), call, handed)))
    }

    /// Told when there is one, or the owner is closed.
    fn _watch_handed_over(&self, py: Python<'_>) -> PyResult<Watch> {
        let core = self.core(py)?;
        Ok(Watch::new(self.space.get().life(py)?.home.space(), |port| {
            port.watch_handed_over(core, 0);
            Ok(())
        }))
    }

    #[classattr]
    fn close(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "close_owner")
    }

    #[classattr]
    fn __aenter__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "enter_owner")
    }

    #[classattr]
    fn __aexit__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "leave_owner")
    }

    /// What `close` awaits.
    fn _close(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.core(py)?.close())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr(py, "latchwork.aio", self.core(py)?)
    }
}
