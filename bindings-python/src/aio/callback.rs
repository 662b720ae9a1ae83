//! What a loop holds of a port: weakly, so that a loop's queue keeps no space alive.

use std::sync::{Arc, OnceLock, Weak};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::loop_port::LoopPort;
use super::running::deferring_wakes;

/// What a loop calls back.
#[pyclass(frozen, module = "latchwork._native")]
pub(super) struct Callback {
    port: OnceLock<Weak<LoopPort>>,
    on: On,
}

/// What it is called for.
pub(super) enum On {
    /// Another thread settled something.
    Settled,
    /// The next deadline has come.
    Deadline,
}

impl Callback {
    pub(super) fn new(py: Python<'_>, on: On) -> PyResult<Py<Callback>> {
        Py::new(py, Callback { port: OnceLock::new(), on })
    }

    /// Says once which port it is for: the two know each other.
    pub(super) fn calls(&self, port: &Arc<LoopPort>) {
        let _ = self.port.set(Arc::downgrade(port));
    }
}

#[pymethods]
impl Callback {
    fn __call__(&self, py: Python<'_>) {
        let port = self.port.get().and_then(Weak::upgrade);
        let Some(port) = port.filter(|port| !port.core.is_stale()) else { return };
        match self.on {
            On::Settled => port.resolve(py),
            On::Deadline => port.expire(py),
        }
    }

    fn __repr__(&self) -> &'static str {
        match self.on {
            On::Settled => "<latchwork: settled>",
            On::Deadline => "<latchwork: deadline>",
        }
    }
}

/// Tells that a loop was closed: an open loop keeps it among its timers, a closed one lets go of them all.
///
/// Nothing else of asyncio's says so, and a grant that such a loop got just before would stay held for ever.
#[pyclass(frozen, module = "latchwork._native")]
pub(super) struct Closing {
    port: Weak<LoopPort>,
}

/// In seconds; no loop lives so long. Endless would be a number that not every loop takes.
const NEVER: f64 = 10.0 * 366.0 * 24.0 * 60.0 * 60.0;

impl Closing {
    /// Gives the port's loop one to keep.
    pub(super) fn watch(
        port: &Arc<LoopPort>,
        event_loop: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let closing = Bound::new(event_loop.py(), Closing { port: Arc::downgrade(port) })?;
        event_loop.call_method("call_later", (NEVER, closing), Some(options)).map(drop)
    }
}

#[pymethods]
impl Closing {
    #[expect(clippy::unused_self, reason = "a loop calls it")]
    fn __call__(&self) {}

    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __repr__(&self) -> &'static str {
        "<latchwork: closing>"
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(port) = self.port.upgrade().filter(|port| !port.core.is_stale()) else { return };
        Python::try_attach(|py| {
            if port.is_closed(py) {
                deferring_wakes(|| port.abandon_all(py));
            }
        });
    }
}
