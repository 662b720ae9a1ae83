//! A space as the asyncio API sees it: one handle, and one port for each event loop that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use latchwork::Within;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::coroutine;
use super::guard::AioGuard;
use super::loop_port::LoopPort;
use super::owner::AioOwner;
use super::running::running_loop;
use crate::ambient::Ambient;
use crate::bytes::Port;
use crate::clock::Tick;
use crate::fork::PerProcess;
use crate::lease::{Call, FirstKey, Options};
use crate::open::{self, Opening, Settings};
use crate::place::{self, Place};
use crate::timer::Timer;
use crate::{convert, space};

/// One handle on a space, for asyncio. `await latchwork.aio.open()` makes it.
///
/// `async with` closes it at the end of the block:
///
///     async with await latchwork.aio.open() as space:
///         ...
#[pyclass(frozen, subclass, weakref, module = "latchwork.aio", name = "Space")]
pub(crate) struct AioSpace {
    handle: Arc<Handle>,
    /// Where its keys are, if it is a sub-space.
    place: Option<Place>,
}

struct Handle {
    opening: Opening,
    life: PerProcess<Life>,
    timer: PerProcess<Timer>,
}

/// What a handle is in one process.
pub(super) struct Life {
    /// For what needs no waiting, in whichever loop or thread: no loop has to be looked up for it.
    pub(super) home: Port,
    /// For what waits: one for each loop, the one used last in front.
    ports: Mutex<Vec<Arc<LoopPort>>>,
}

impl Life {
    fn new(py: Python<'_>, opening: &Opening) -> PyResult<Life> {
        // Nothing that comes in by it waits, so nobody has to be woken.
        let home = opening.open(py)?.port(|| {});
        Ok(Life { home, ports: Mutex::default() })
    }

    fn ports(&self) -> MutexGuard<'_, Vec<Arc<LoopPort>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_port(&self) -> Option<Arc<LoopPort>> {
        self.ports().first().cloned()
    }

    fn known_port(&self, event_loop: &Bound<'_, PyAny>) -> Option<Arc<LoopPort>> {
        let mut ports = self.ports();
        let at = ports.iter().position(|port| port.serves(event_loop))?;
        ports.swap(0, at);
        Some(Arc::clone(&ports[0]))
    }

    #[cold]
    fn new_port(&self, event_loop: &Bound<'_, PyAny>, manual: bool) -> PyResult<Arc<LoopPort>> {
        let py = event_loop.py();
        let port = LoopPort::new(event_loop, self.home.space(), manual)?;
        // Nothing of the interpreter's runs while the ports are locked.
        let known = self.ports().clone();
        let (closed, open): (Vec<_>, Vec<_>) = known.into_iter().partition(|port| port.is_closed(py));
        let mut ports = self.ports();
        ports.retain(|port| !closed.iter().any(|closed| Arc::ptr_eq(port, closed)));
        ports.insert(0, Arc::clone(&port));
        drop(ports);
        drop(open);
        for closed in closed {
            closed.abandon_all(py);
        }
        Ok(port)
    }
}

impl Handle {
    #[inline]
    fn life(&self, py: Python<'_>) -> PyResult<&Life> {
        self.life.get(|| Life::new(py, &self.opening))
    }
}

impl Tick for Handle {
    fn tick(&self, py: Python<'_>) {
        if let Ok(life) = self.life(py) {
            life.home.tick();
        }
    }
}

impl AioSpace {
    /// The handle in this process.
    #[inline]
    pub(super) fn life(&self, py: Python<'_>) -> PyResult<&Life> {
        self.handle.life(py)
    }

    /// The same, if it has been used in this process.
    #[inline]
    pub(super) fn made(&self) -> Option<&Life> {
        self.handle.life.made()
    }

    /// Where the owner of the scope is found that runs, if the space was opened so.
    #[inline]
    pub(crate) fn ambient(&self) -> Option<&Ambient> {
        self.handle.opening.ambient()
    }

    /// What the handle was opened with.
    #[inline]
    pub(super) fn opening(&self) -> &Opening {
        &self.handle.opening
    }

    /// Where its keys are, if it is a sub-space.
    #[inline]
    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The same as requests name it.
    #[inline]
    pub(super) fn within(&self) -> Option<&Within> {
        self.place().map(Place::within)
    }

    /// Sees to it that somebody tells what ends by itself.
    #[inline]
    pub(super) fn start_timer(&self, py: Python<'_>) -> PyResult<()> {
        if self.handle.opening.clock().is_none() {
            let timer = self.handle.timer.get(|| Ok(Timer::new()))?;
            timer.start(self.life(py)?.home.space());
        }
        Ok(())
    }

    /// The same for the lock of a call.
    #[inline]
    pub(super) fn keep_time(&self, py: Python<'_>, call: &Call) -> PyResult<()> {
        if call.ends() { self.start_timer(py) } else { Ok(()) }
    }

    /// Notices a loop that has not been seen yet, and takes what waits on loops that have been closed out of the
    /// queues.
    fn clear_up(&self, py: Python<'_>) -> PyResult<()> {
        self.port(py).map(drop)
    }

    /// The port of the running loop.
    pub(super) fn port(&self, py: Python<'_>) -> PyResult<Arc<LoopPort>> {
        let life = self.life(py)?;
        if let Some(port) = life.last_port()
            && port.is_here(py)
        {
            return Ok(port);
        }
        let event_loop = running_loop(py)?;
        match life.known_port(&event_loop) {
            Some(port) => Ok(port),
            None => life.new_port(&event_loop, self.handle.opening.clock().is_some()),
        }
    }
}

#[pymethods]
impl AioSpace {
    #[new]
    #[pyo3(
        signature = (
            url = None,
            *,
            clock = None,
            ambient_owner = None,
            max_waiters = None,
            max_waiters_per_key = None,
            meta = None,
            codec = None
        ),
        text_signature = "(url=None, *, clock=None, ambient_owner=False, max_waiters=None, max_waiters_per_key=None, meta=None, codec='cbor')"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python function")]
    fn new(
        py: Python<'_>,
        url: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
        ambient_owner: Option<&Bound<'_, PyAny>>,
        max_waiters: Option<&Bound<'_, PyAny>>,
        max_waiters_per_key: Option<&Bound<'_, PyAny>>,
        meta: Option<&Bound<'_, PyAny>>,
        codec: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<AioSpace> {
        let settings = Settings { clock, ambient_owner, max_waiters, max_waiters_per_key, meta, codec };
        let opening = Opening::new(py, url, &settings)?;
        let life = PerProcess::new(Life::new(py, &opening)?);
        let handle = Arc::new(Handle { opening, life, timer: PerProcess::new(Timer::new()) });
        handle.opening.watch_clock(&handle);
        Ok(AioSpace { handle, place: None })
    }

    /// A sub-space: a cheap handle on the locks and cells of the keys under `key`, which it names without it.
    ///
    /// A plain call, which needs no event loop. Whatever the sub-space is asked, it neither sees nor reaches anything else:
    /// no other key, lock, cell or request, not in a query, a scan, a watch or an error. Its key `k` is the key of this space
    /// that has the parts of `key` (or `key` as one part) and then `k` as the last part. It has the epoch, the meta and the
    /// codec of its space, and ends with it.
    ///
    /// >>> import asyncio, latchwork.aio
    /// >>> async def main():
    /// ...     space = await latchwork.aio.open()
    /// ...     tenant = space.within(("tenant", 7))
    /// ...     await tenant.set("seats", 5)
    /// ...     return (await space.get(("tenant", 7, "seats"))).value, [entry.key for entry in await tenant.list()]
    /// >>> asyncio.run(main())
    /// (5, ['seats'])
    ///
    /// Raises `Invalid` if the key cannot be one.
    #[pyo3(name = "within")]
    fn sub_space(&self, key: &Bound<'_, PyAny>) -> PyResult<AioSpace> {
        let place = Place::given(self.place(), key)?;
        Ok(AioSpace { handle: Arc::clone(&self.handle), place: Some(place) })
    }

    /// New in each life of the space, in which tokens begin anew: an outside store keeps the two together, and refuses
    /// a pair `(epoch, token)` that is smaller than one that it has seen.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.life(py)?.home.space().epoch())
    }

    /// What whoever opened the space first said about it with `open(meta=...)`, the very object; `None` if nothing.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(open::meta(py, self.life(py)?.home.space()))
    }

    /// Ask for all keys in one step. Await the request for a guard, or enter it with `async with`.
    ///
    /// The request joins its queues at its first step, not at the call: one that nobody awaits holds nothing (and is
    /// warned of, like a coroutine). Each request is awaited once. Cancelling its task at any point, also in the very
    /// turn in which it is granted, gives up what it asked for or was given.
    ///
    /// A tuple is one key; several keys are several arguments: `lock("a", ("user", 7))`. The keys are taken in `mode`,
    /// those of `shared` in shared mode. `shared` is a list, or whatever else is iterated, but not a tuple: that is one
    /// key here too, so one such key is `shared=[("user", 7)]`. Shared locks are held together, an exclusive one alone.
    /// A key asked for in both modes is exclusive; without keys the lock is granted at once.
    ///
    /// Requests are served first come, first served on each key, and none overtakes another that it conflicts with. So
    /// a key that is free can be reserved for an earlier request that still waits for another key. A request holds
    /// nothing while it waits: single requests never deadlock. Locks inside locks can; ask for all keys at once.
    ///
    /// `timeout` is in seconds, for all keys together; 0 takes them if they are free. `label` is shown by `query`
    /// and in time-outs, its own and those of others. `owner` is the line of work whose lock it is: see `Owner`. After
    /// `max_hold` seconds, counted from the grant, the lock is taken away from its holder, as `revoke` does; whoever asks
    /// later finds it gone, also while the loop is too busy to tell it.
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
    /// which is as this, but that `release` raises `NotHeld` where the lock was taken away meanwhile:
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
    /// `timeout` passes first, `Closed` if the space is closed, also while it waits. With an owner, also `Deadlock` if
    /// it would wait for its own owner, and `Cancelled` if the owner is closed, also while it waits. `Busy` if it would
    /// have to wait and too many do.
    #[inline]
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, mode = None, shared = None, timeout = None, label = None, owner = None, max_hold = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), timeout=None, label=None, owner=None, max_hold=None)"
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
        owner: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, AioGuard>> {
        let ambient = slf.get().handle.opening.ambient_owner(slf.py(), owner)?;
        let options = Options {
            mode,
            shared,
            timeout,
            label,
            owner: owner.or(ambient.as_ref()),
            max_hold,
            within: slf.get().within(),
        };
        let call = Call::new(key, keys, &options)?;
        // Made here: to be handed back by value it would be copied twice.
        Bound::new(slf.py(), AioGuard::new(slf.clone().unbind(), call))
    }

    /// A line of work that takes locks under this name, so that a wait for itself is refused: see `Owner`.
    ///
    /// A plain call, which takes nothing and needs no event loop. `label` is shown by `query` and in errors.
    ///
    /// Raises `Invalid` if the label is not a `str`.
    #[pyo3(signature = (label = None))]
    fn owner(slf: &Bound<'_, Self>, label: Option<&Bound<'_, PyAny>>) -> PyResult<AioOwner> {
        let label = label.map(|label| convert::text("label", label)).transpose()?;
        let core = slf.get().life(slf.py())?.home.owner(label);
        Ok(AioOwner::new(slf.clone().unbind(), core))
    }

    /// One key as a lock of asyncio, for code that expects one: see `Mutex`.
    ///
    /// A plain call, which takes nothing and needs no event loop. A tuple is one key.
    ///
    /// Raises `Invalid` if the key cannot be one.
    fn mutex<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("latchwork.aio_mutex")?.getattr("Mutex")?.call1((slf, key))
    }

    #[classattr]
    fn try_lock(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "try_lock")
    }

    #[classattr]
    fn with_lock(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "with_lock")
    }

    #[classattr]
    fn revoke(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "revoke")
    }

    #[classattr]
    fn query(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "query")
    }

    #[classattr]
    fn close(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "close")
    }

    #[classattr]
    fn __aenter__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "enter_space")
    }

    #[classattr]
    fn __aexit__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        coroutine(py, "leave_space")
    }

    /// What `try_lock` awaits: the guard, or `None`.
    #[pyo3(signature = (keys, mode = None, shared = None, label = None, owner = None, max_hold = None))]
    fn _try_lock<'py>(
        slf: &Bound<'py, Self>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<AioGuard>> {
        let py = slf.py();
        slf.get().clear_up(py)?;
        let ambient = slf.get().handle.opening.ambient_owner(py, owner)?;
        let options = Options {
            mode,
            shared,
            timeout: None,
            label,
            owner: owner.or(ambient.as_ref()),
            max_hold,
            within: slf.get().within(),
        };
        let call = Call::of_tuple(keys, &options)?;
        slf.get().keep_time(py, &call)?;
        let grant = call.try_lock(py, &slf.get().life(py)?.home)?;
        Ok(grant.map(|grant| AioGuard::at_once(slf.clone().unbind(), call, grant)))
    }

    /// What `query` awaits.
    fn _query<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.clear_up(py)?;
        space::query(&self.life(py)?.home, self.within(), keys)
    }

    /// What `query` answers for one key, at once and from anywhere.
    fn _look<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        space::look(&self.life(py)?.home, self.within(), key)
    }

    /// What `revoke` awaits.
    fn _revoke(&self, py: Python<'_>, keys: &Bound<'_, PyTuple>) -> PyResult<usize> {
        space::revoke(&self.life(py)?.home, self.within(), keys)
    }

    /// What `close` awaits.
    fn _close(&self, py: Python<'_>) -> PyResult<()> {
        self._check_whole(py)?;
        self.life(py)?.home.space().close();
        Ok(())
    }

    /// What `async with` refuses, as `close` does: a sub-space ends with its space.
    fn _check_whole(&self, py: Python<'_>) -> PyResult<()> {
        place::demand_whole(py, self.place())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        space::repr(py, "latchwork.aio", &self.handle.opening, self.place(), self.life(py)?.home.space())
    }
}
