//! What the calling thread is in the middle of: which loop it runs, whether it may run code of the host's.

use std::cell::Cell;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The running loop; a `RuntimeError` where none runs.
pub(super) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET_RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET_RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0()
}

/// What `threading.get_ident` answers in this thread.
pub(super) fn this_thread(py: Python<'_>) -> u64 {
    thread_local!(static THREAD: Cell<Option<u64>> = const { Cell::new(None) });
    THREAD.get().unwrap_or_else(|| {
        let ask = || py.import("threading")?.call_method0("get_ident")?.extract();
        let thread = ask().unwrap_or(0);
        THREAD.set(Some(thread));
        thread
    })
}

thread_local! {
    /// Whether futures are resolved later and not in the middle of what runs.
    static DEFERRING: Cell<bool> = const { Cell::new(false) };
}

/// Whether that is so.
pub(super) fn is_deferring() -> bool {
    DEFERRING.get()
}

/// Carries out a finaliser's part: it must run no code of the host's, so loops are asked to resolve futures later.
pub(crate) fn deferring_wakes(run: impl FnOnce()) {
    let before = DEFERRING.replace(true);
    run();
    DEFERRING.set(before);
}

/// An exception that does not belong to the call in which it came up, such as that of Ctrl-C: the interpreter gets it
/// again, or reports it.
#[cold]
pub(crate) fn put_off(py: Python<'_>, error: PyErr) {
    let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
    let again = || py.import("_thread")?.call_method0("interrupt_main");
    if !interrupted || again().is_err() {
        error.write_unraisable(py, None);
    }
}
