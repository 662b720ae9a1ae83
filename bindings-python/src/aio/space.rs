//! A space as the asyncio API sees it: one handle, and one port for each event loop that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::guard::AioGuard;
use super::loop_port::LoopPort;
use super::request::LockRequest;
use crate::clock::{ManualClock, Tick};
use crate::fork::Own;
use crate::lease::{Call, Options};
use crate::open::Opening;
use crate::{convert, error};

/// One handle on a space, for asyncio. `await latchwork.aio.open()` makes it.
#[pyclass(frozen, subclass, module = "latchwork._native", name = "AioSpace")]
pub(crate) struct AioSpace {
    handle: Arc<Handle>,
}

struct Handle {
    opening: Opening,
    life: Mutex<Life>,
}

/// Replaced in a forked child.
struct Life {
    space: Own<latchwork::Space>,
    /// One for each loop, the one used last in front.
    ports: Vec<Arc<LoopPort>>,
}

impl Handle {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn space(&self, py: Python<'_>) -> PyResult<Own<latchwork::Space>> {
        self.revive(py)?;
        Ok(Own::new(latchwork::Space::clone(&self.life().space)))
    }

    fn ports(&self) -> Vec<Arc<LoopPort>> {
        self.life().ports.clone()
    }

    /// In a forked child: opens the space anew. Nothing of the interpreter's runs while `life` is locked.
    fn revive(&self, py: Python<'_>) -> PyResult<()> {
        if !self.life().space.is_stale() {
            return Ok(());
        }
        let born = Life { space: self.opening.open(py)?, ports: Vec::new() };
        let mut life = self.life();
        let dead = if life.space.is_stale() { std::mem::replace(&mut *life, born) } else { born };
        drop(life);
        drop(dead);
        Ok(())
    }

    #[inline]
    fn known_port(&self, event_loop: &Bound<'_, PyAny>) -> Option<Arc<LoopPort>> {
        let mut life = self.life();
        if life.space.is_stale() {
            return None;
        }
        let at = life.ports.iter().position(|port| port.serves(event_loop))?;
        life.ports.swap(0, at);
        Some(Arc::clone(&life.ports[0]))
    }

    #[cold]
    fn new_port(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<LoopPort>> {
        let py = event_loop.py();
        let space = self.space(py)?;
        let port = LoopPort::new(event_loop, &space, self.opening.clock().is_some())?;
        let (closed, open): (Vec<_>, Vec<_>) = self.ports().into_iter().partition(|port| port.is_closed(py));
        let mut life = self.life();
        life.ports.retain(|port| !closed.iter().any(|closed| Arc::ptr_eq(port, closed)));
        life.ports.insert(0, Arc::clone(&port));
        drop(life);
        drop(open);
        for closed in closed {
            closed.abandon_all(py);
        }
        Ok(port)
    }
}

impl Tick for Handle {
    fn tick(&self, py: Python<'_>) {
        if let Ok(space) = self.space(py) {
            space.tick();
            self.settle_here(py);
        }
    }
}

impl Handle {
    /// Resolves at once what is settled for the loops of this thread.
    fn settle_here(&self, py: Python<'_>) {
        for port in self.ports() {
            if port.is_here() {
                port.settle_here(py);
            }
        }
    }
}

impl AioSpace {
    /// The port that this thread used last, if it is at hand: to take a lock that is free it need not be the running
    /// loop's, which takes longer to find.
    #[inline]
    pub(super) fn port_at_hand(&self) -> Option<Arc<LoopPort>> {
        let life = self.handle.life();
        let port = life.ports.first()?;
        (port.is_here() && !life.space.is_stale()).then(|| Arc::clone(port))
    }

    /// The port of the running loop.
    #[inline]
    pub(super) fn port(&self, py: Python<'_>) -> PyResult<Arc<LoopPort>> {
        let event_loop = running_loop(py)?;
        match self.handle.known_port(&event_loop) {
            Some(port) => Ok(port),
            None => self.handle.new_port(&event_loop),
        }
    }
}

#[pymethods]
impl AioSpace {
    #[new]
    #[pyo3(signature = (url = None, *, clock = None))]
    fn new(py: Python<'_>, url: Option<&Bound<'_, PyAny>>, clock: Option<Py<ManualClock>>) -> PyResult<AioSpace> {
        let url = url.map(|url| convert::text("url", url).map(str::to_owned)).transpose()?;
        let opening = Opening::new(url, clock);
        let life = Mutex::new(Life { space: opening.open(py)?, ports: Vec::new() });
        let handle = Arc::new(Handle { opening, life });
        if let Some(clock) = handle.opening.clock() {
            let watched: Weak<Handle> = Arc::downgrade(&handle);
            clock.get().watch(watched);
        }
        Ok(AioSpace { handle })
    }

    /// New in each life of the space; an outside store keeps it together with a token.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.handle.space(py)?.epoch())
    }

    /// Ask for all keys in one step. Await the request for a guard, or enter it with `async with`.
    ///
    /// The request joins its queues at its first step, not at the call: one that nobody awaits holds nothing (and is
    /// warned of, like a coroutine). Each request is awaited once. Cancelling its task at any point, also in the very
    /// turn in which it is granted, gives up what it asked for or was given.
    ///
    /// A tuple is one key; several keys are several arguments: `lock("a", ("user", 7))`. The keys are taken in `mode`,
    /// those of `shared` (a list of further keys) in shared mode. Shared locks are held together, an exclusive one
    /// alone. A key asked for in both modes is exclusive; without keys the lock is granted at once.
    ///
    /// Requests are served first come, first served on each key, and none overtakes another that it conflicts with. So
    /// a key that is free can be reserved for an earlier request that still waits for another key. A request holds
    /// nothing while it waits: single requests never deadlock. Locks inside locks can; ask for all keys at once.
    ///
    /// `timeout` is in seconds, for all keys together; 0 takes them if they are free. `label` is shown by `query` and
    /// by the errors of others.
    ///
    /// Prefer `async with`, which releases the lock however the block ends:
    ///
    /// >>> import asyncio, latchwork.aio
    /// >>> async def main():
    /// ...     space = await latchwork.aio.open()
    /// ...     async with space.lock("from", "to", timeout=5) as guard:
    /// ...         return guard.held
    /// >>> asyncio.run(main())
    /// True
    ///
    /// which is equal to:
    ///
    /// >>> async def main():
    /// ...     space = await latchwork.aio.open()
    /// ...     guard = await space.lock("from", "to", timeout=5)
    /// ...     try:
    /// ...         return guard.held
    /// ...     finally:
    /// ...         guard.release()
    /// >>> asyncio.run(main())
    /// True
    ///
    /// Raises `Invalid` at the call if an argument cannot be what it must be; when awaited, `LockTimeout` when
    /// `timeout` passes first, `Closed` if the space is closed, also while it waits.
    #[inline]
    #[pyo3(
        signature = (*keys, mode = None, shared = None, timeout = None, label = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), timeout=None, label=None)"
    )]
    fn lock<'py>(
        slf: &Bound<'py, Self>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<LockRequest> {
        let call = Call::new(keys, &Options { mode, shared, timeout, label })?;
        Ok(LockRequest::new(slf.clone().unbind(), call))
    }

    /// What `try_lock` awaits: the guard, or `None`.
    #[pyo3(signature = (keys, mode = None, shared = None, label = None))]
    fn _try_lock<'py>(
        slf: &Bound<'py, Self>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<AioGuard>> {
        let py = slf.py();
        let call = Call::new(keys, &Options { mode, shared, timeout: None, label })?;
        let port = slf.get().port(py)?;
        let grant = port.core.try_lock(&call.spec).map_err(|error| error::raise(py, &error))?;
        let Some(grant) = grant else { return Ok(None) };
        let request = LockRequest::at_once(slf.clone().unbind(), call, port, grant);
        Ok(Some(AioGuard::new(Py::new(py, request)?)))
    }

    /// What `query` awaits.
    fn _query<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let keys: Vec<_> = keys.iter().map(|key| convert::key(&key)).collect::<PyResult<_>>()?;
        let port = self.port(py)?;
        let query = port.core.query(if keys.is_empty() { None } else { Some(&keys) });
        convert::query_to_py(py, &query.map_err(|error| error::raise(py, &error))?)
    }

    /// What `close` awaits.
    fn _close(&self, py: Python<'_>) -> PyResult<()> {
        self.handle.space(py)?.close();
        self.handle.settle_here(py);
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        crate::space::repr(py, "latchwork.aio", &self.handle.opening, &*self.handle.space(py)?)
    }
}

/// The running loop; a `RuntimeError` where none runs.
#[inline]
fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET_RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET_RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0()
}
