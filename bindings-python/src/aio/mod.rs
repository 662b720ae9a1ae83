//! The asyncio side: spaces, locks that are awaited, and one core port per handle and event loop.

mod atomic;
mod call;
mod callback;
mod calls;
mod cell_watch;
mod cells;
mod guard;
mod loop_port;
mod owner;
mod readers;
mod running;
mod space;
mod transaction;
mod update;
mod waiters;

use pyo3::prelude::*;

pub(crate) use self::atomic::AioAtomic;
pub(crate) use self::call::AioCall;
pub(crate) use self::cell_watch::AioCellWatch;
pub(crate) use self::guard::AioGuard;
pub(crate) use self::loop_port::LoopPort;
pub(crate) use self::owner::AioOwner;
pub(crate) use self::running::{deferring_wakes, put_off};
pub(crate) use self::space::AioSpace;
pub(crate) use self::transaction::AioTransaction;

/// A method that is written in Python, since the interpreter runs its own coroutines faster than others.
fn coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.coroutines")?.getattr(name)?.unbind())
}

/// The same of those that are about cells.
fn cell_coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.cell_coroutines")?.getattr(name)?.unbind())
}

/// The same of those that are about updates and transactions.
fn transaction_coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.transaction_coroutines")?.getattr(name)?.unbind())
}
