//! The asyncio side: spaces, locks that are awaited, and one core port per handle and event loop.

mod atomic;
mod callback;
mod cell_watch;
mod cells;
mod guard;
mod loop_port;
mod owner;
mod readers;
mod running;
mod space;
mod waiters;

use pyo3::prelude::*;

pub(crate) use self::atomic::AioAtomic;
pub(crate) use self::cell_watch::AioCellWatch;
pub(crate) use self::guard::AioGuard;
pub(crate) use self::owner::AioOwner;
pub(crate) use self::running::deferring_wakes;
pub(crate) use self::space::AioSpace;

/// A method that is written in Python, since the interpreter runs its own coroutines faster than others.
fn coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.coroutines")?.getattr(name)?.unbind())
}

/// The same of those that are about cells.
fn cell_coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.cell_coroutines")?.getattr(name)?.unbind())
}
