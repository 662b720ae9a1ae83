//! The asyncio side: spaces, locks that are awaited, and one core port per handle and event loop.

mod callback;
mod guard;
mod loop_port;
mod owner;
mod running;
mod space;
mod waiters;

use pyo3::prelude::*;

pub(crate) use self::guard::AioGuard;
pub(crate) use self::owner::AioOwner;
pub(crate) use self::running::deferring_wakes;
pub(crate) use self::space::AioSpace;

/// A method that is written in Python, since the interpreter runs its own coroutines faster than others.
fn coroutine(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("latchwork.coroutines")?.getattr(name)?.unbind())
}
