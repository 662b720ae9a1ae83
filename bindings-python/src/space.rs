//! A space as the blocking API sees it.

use std::sync::{Arc, OnceLock};

use latchwork::{Error, Grant, Query, Within};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::ambient::Ambient;
use crate::bytes::{self, Port};
use crate::clock::Tick;
use crate::fork::PerProcess;
use crate::guard::Guard;
use crate::holding::KeySet;
use crate::lease::{Call, FirstKey, Options};
use crate::open::{self, Opening, Settings};
use crate::owner::Owner;
use crate::place::{self, Place};
use crate::timer::Timer;
use crate::transaction::{ELSEWHERE, Resumptions, refuse_unfinished};
use crate::{convert, error, wait};

/// One handle on a space, for threads that may block. `latchwork.open` makes it.
///
/// It may be used by any number of threads. `with` closes it at the end of the block:
///
///     with latchwork.open() as space:
///         ...
#[pyclass(frozen, subclass, weakref, module = "latchwork")]
pub(crate) struct Space {
    handle: Arc<Handle>,
    /// Where its keys are, if it is a sub-space.
    place: Option<Place>,
}

struct Handle {
    opening: Opening,
    /// Blocked threads wait for futures; the port answers what needs no waiting.
    port: PerProcess<Port>,
    timer: PerProcess<Timer>,
    /// For threads that block in an update or a transaction; made by the first of them.
    resumptions: PerProcess<OnceLock<Arc<Resumptions>>>,
}

impl Handle {
    #[inline]
    fn port(&self, py: Python<'_>) -> PyResult<&Port> {
        self.port.get(|| port(py, &self.opening))
    }
}

impl Tick for Handle {
    fn tick(&self, py: Python<'_>) {
        if let Ok(port) = self.port(py) {
            port.tick();
        }
    }
}

impl Space {
    /// The port of this process, if the handle has been used in it.
    #[inline]
    pub(crate) fn made(&self) -> Option<&Port> {
        self.handle.port.made()
    }

    /// The same, made now if it has to be.
    pub(crate) fn port(&self, py: Python<'_>) -> PyResult<&Port> {
        self.handle.port(py)
    }

    /// Where the owner of the scope is found that runs, if the space was opened so.
    #[inline]
    pub(crate) fn ambient(&self) -> Option<&Ambient> {
        self.handle.opening.ambient()
    }

    /// What the handle was opened with.
    #[inline]
    pub(crate) fn opening(&self) -> &Opening {
        &self.handle.opening
    }

    /// Where its keys are, if it is a sub-space.
    #[inline]
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The same as requests name it.
    #[inline]
    pub(crate) fn within(&self) -> Option<&Within> {
        self.place().map(Place::within)
    }

    /// By what threads are told that block in an update or a transaction.
    pub(crate) fn resumptions(&self, py: Python<'_>) -> PyResult<&Arc<Resumptions>> {
        let space = self.port(py)?.space();
        let made = self.handle.resumptions.get(|| Ok(OnceLock::new()))?;
        Ok(made.get_or_init(|| Resumptions::new(space)))
    }

    /// Sees to it that somebody tells what ends by itself.
    #[inline]
    pub(crate) fn start_timer(&self, py: Python<'_>) -> PyResult<()> {
        if self.handle.opening.clock().is_none() {
            let timer = self.handle.timer.get(|| Ok(Timer::new()))?;
            timer.start(self.port(py)?.space());
        }
        Ok(())
    }

    /// The same for the lock of a call.
    #[inline]
    fn keep_time(&self, py: Python<'_>, call: &Call) -> PyResult<()> {
        if call.ends() { self.start_timer(py) } else { Ok(()) }
    }

    /// Blocks until the call has its lock.
    pub(crate) fn wait(slf: &Bound<'_, Self>, call: Call) -> PyResult<Guard> {
        let py = slf.py();
        let port = slf.get().port(py)?;
        slf.get().keep_time(py, &call)?;
        // A manual clock tells time-outs itself, when it is moved.
        let timeout = call.timeout().filter(|_| slf.get().handle.opening.clock().is_none());
        let lock = wait::block_on(py, Some(port.space()), timeout, port.space().request(call.spec(py)?))?;
        let mut lock = lock.map_err(|error| error::raise(py, &error))?;
        let guard = Guard::new(slf.clone().unbind(), grant_of(&lock), call);
        let keys = key_set_of(&lock);
        guard.note_handed(py, &mut lock, keys)?;
        lock.into_ticket();
        Ok(guard)
    }

    /// Takes what the call asks for if that needs no waiting.
    pub(crate) fn attempt(slf: &Bound<'_, Self>, call: Call) -> PyResult<Option<Guard>> {
        let py = slf.py();
        slf.get().keep_time(py, &call)?;
        let grant = call.try_lock(py, slf.get().port(py)?)?;
        Ok(grant.map(|grant| Guard::new(slf.clone().unbind(), grant, call)))
    }

    /// Calls `function` with the guard of the call.
    pub(crate) fn run<'py>(
        slf: &Bound<'py, Self>,
        call: Call,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let guard = Bound::new(slf.py(), Space::wait(slf, call)?)?;
        Guard::enter(&guard)?;
        let result =
            function.call1((&guard,)).and_then(|answer| refuse_unfinished(&answer, ELSEWHERE).map(|()| answer));
        guard.get().exit(slf.py());
        result
    }
}

/// A port without a loop: no request of its own waits, so nobody has to be woken.
fn port(py: Python<'_>, opening: &Opening) -> PyResult<Port> {
    Ok(opening.open(py)?.port(|| {}))
}

#[pymethods]
impl Space {
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
    ) -> PyResult<Space> {
        let settings = Settings { clock, ambient_owner, max_waiters, max_waiters_per_key, meta, codec };
        let opening = Opening::new(py, url, &settings)?;
        let port = PerProcess::new(port(py, &opening)?);
        let resumptions = PerProcess::new(OnceLock::new());
        let handle = Arc::new(Handle { opening, port, timer: PerProcess::new(Timer::new()), resumptions });
        handle.opening.watch_clock(&handle);
        Ok(Space { handle, place: None })
    }

    /// A sub-space: a cheap handle on the locks and cells of the keys under `key`, which it names without it.
    ///
    /// Whatever it is asked, it neither sees nor reaches anything else: no other key, lock, cell or request, not in a query,
    /// a scan, a watch or an error. Its key `k` is the key of this space that has the parts of `key` (or `key` as one part)
    /// and then `k` as the last part. It has the epoch, the meta and the codec of its space, and ends with it.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> tenant = space.within(("tenant", 7))
    /// >>> written = tenant.set("seats", 5)
    /// >>> space.get(("tenant", 7, "seats")).value
    /// 5
    /// >>> [entry.key for entry in tenant.list()]
    /// ['seats']
    ///
    /// Raises `Invalid` if the key cannot be one.
    #[pyo3(name = "within")]
    fn sub_space(&self, key: &Bound<'_, PyAny>) -> PyResult<Space> {
        let place = Place::given(self.place(), key)?;
        Ok(Space { handle: Arc::clone(&self.handle), place: Some(place) })
    }

    /// New in each life of the space, in which tokens begin anew: an outside store keeps the two together, and refuses
    /// a pair `(epoch, token)` that is smaller than one that it has seen.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.port(py)?.space().epoch())
    }

    /// What whoever opened the space first said about it with `open(meta=...)`, the very object; `None` if nothing.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(open::meta(py, self.port(py)?.space()))
    }

    /// Take all keys in one step, and block until that is done.
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
    /// later finds it gone, told or not. A signal handler that raises, as that of Ctrl-C does, ends the wait of the main
    /// thread and gives the request up.
    ///
    /// Prefer the `with` statement, which releases the lock however the block ends:
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> with space.lock("from", "to", timeout=5) as guard:
    /// ...     guard.held
    /// True
    ///
    /// which is as this, but that `release` raises `NotHeld` where the lock was taken away meanwhile:
    ///
    /// >>> guard = space.lock("from", "to", timeout=5)
    /// >>> try:
    /// ...     guard.held
    /// ... finally:
    /// ...     guard.release()
    /// True
    ///
    /// Raises `LockTimeout` when `timeout` passes first, `Invalid` if an argument cannot be what it must be (before
    /// anything is queued), `Closed` if the space is closed, also while it waits. With an owner, also `Deadlock` if it
    /// would wait for its own owner, and `Cancelled` if the owner is closed, also while it waits. `Busy` if it would
    /// have to wait and too many do.
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
    ) -> PyResult<Guard> {
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
        Space::wait(slf, Call::new(key, keys, &options)?)
    }

    /// Take all keys if that is possible now; `None` if not. It never waits, joins or overtakes.
    ///
    /// A guard is true: `if guard := space.try_lock("a"):` reads as it should.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> guard = space.try_lock("a")
    /// >>> space.try_lock("a", "b") is None
    /// True
    /// >>> guard.release()
    ///
    /// Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, mode = None, shared = None, label = None, owner = None, max_hold = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), label=None, owner=None, max_hold=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn try_lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Guard>> {
        let ambient = slf.get().handle.opening.ambient_owner(slf.py(), owner)?;
        let options = Options {
            mode,
            shared,
            timeout: None,
            label,
            owner: owner.or(ambient.as_ref()),
            max_hold,
            within: slf.get().within(),
        };
        Space::attempt(slf, Call::new(key, keys, &options)?)
    }

    /// Call `fn(guard)` while all keys are held, and return what it returns.
    ///
    /// The keys are released however `fn` ends; its exception passes through unchanged. It is equal to:
    ///
    ///     with space.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label, owner=owner) as guard:
    ///         return fn(guard)
    ///
    /// >>> import latchwork
    /// >>> latchwork.open().with_lock("a", "b", fn=lambda guard: len(guard.keys))
    /// 2
    ///
    /// Raises what `lock` raises.
    #[pyo3(
        signature = (
            key = FirstKey::Absent, /, *keys, r#fn, mode = None, shared = None, timeout = None, label = None, owner = None,
            max_hold = None
        ),
        text_signature = "($self, *keys, fn, mode='exclusive', shared=(), timeout=None, label=None, owner=None, max_hold=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn with_lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        r#fn: &Bound<'py, PyAny>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        convert::function("fn", r#fn)?;
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
        Space::run(slf, Call::new(key, keys, &options)?, r#fn)
    }

    /// A line of work that takes locks under this name, so that a wait for itself is refused: see `Owner`.
    ///
    /// A plain call, which takes nothing. `label` is shown by `query` and in errors.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> with space.owner("checkout") as owner:
    /// ...     guard = owner.lock("cart")
    /// ...     guard.owner is owner
    /// True
    ///
    /// Raises `Invalid` if the label is not a `str`.
    #[pyo3(signature = (label = None))]
    fn owner(slf: &Bound<'_, Self>, label: Option<&Bound<'_, PyAny>>) -> PyResult<Owner> {
        let label = label.map(|label| convert::text("label", label)).transpose()?;
        let core = slf.get().port(slf.py())?.owner(label);
        Ok(Owner::new(slf.clone().unbind(), core))
    }

    /// One key as a lock of `threading`, for code that expects one: see `Mutex`.
    ///
    /// A plain call, which takes nothing. A tuple is one key.
    ///
    /// Raises `Invalid` if the key cannot be one.
    fn mutex<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("latchwork.mutex")?.getattr("Mutex")?.call1((slf, key))
    }

    /// Take these keys away from whoever holds them, while they run. Answers how many guards lost their lock.
    ///
    /// Losing one key loses the guard: it is not held any more, its `lost` is set, and a store that knows its token
    /// refuses it. Its other keys stay reserved until it is released. Those who wait keep their places; the next in
    /// line have the keys before this returns.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> guard = space.lock("a", "b")
    /// >>> space.revoke("a"), guard.held
    /// (1, False)
    ///
    /// Raises `Invalid` if a key cannot be one, `Closed` if the space is closed.
    #[pyo3(signature = (*keys))]
    fn revoke(&self, py: Python<'_>, keys: &Bound<'_, PyTuple>) -> PyResult<usize> {
        revoke(self.port(py)?, self.within(), keys)
    }

    /// What is held and what waits, at one instant, for these keys or for all.
    ///
    /// `query()` without keys stops every operation of the space for that instant; with keys, those of the keys'
    /// part only. It disturbs nothing else.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> with space.lock("a", label="nightly job"):
    /// ...     [hold.label for hold in space.query("a").held]
    /// ['nightly job']
    ///
    /// Raises `Invalid` if a key cannot be one, `Closed` if the space is closed.
    #[pyo3(signature = (*keys))]
    fn query<'py>(&self, py: Python<'py>, keys: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        query(self.port(py)?, self.within(), keys)
    }

    /// What `query` answers for one key, at once and from anywhere.
    fn _look<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        look(self.port(py)?, self.within(), key)
    }

    /// Close this handle: its waits fail with `Closed`, its locks are released. A second call does nothing.
    ///
    /// Other handles on a named space are not touched; the space ends with its last handle. A call of `update` or `transact`
    /// whose function runs raises `Closed` when the function uses the space next, or returns.
    ///
    /// Raises `Invalid` on a sub-space, as entering one does: it ends with its space.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        place::demand_whole(py, self.place())?;
        self.port(py)?.space().close();
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        place::demand_whole(slf.py(), slf.get().place())?;
        Ok(slf)
    }

    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc, traceback);
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr(py, "latchwork", &self.handle.opening, self.place(), self.port(py)?.space())
    }
}

/// The grant of a guard of the core.
pub(crate) fn grant_of(lock: &latchwork::Guard) -> Grant {
    Grant { token: lock.token(), abandoned: lock.abandoned(), ticket: lock.ticket() }
}

/// The exclusive and the shared keys of a guard of the core.
pub(crate) fn key_set_of(lock: &latchwork::Guard) -> KeySet {
    (lock.keys().to_vec(), lock.shared().to_vec())
}

/// What `revoke` of either API does.
pub(crate) fn revoke(port: &Port, within: Option<&Within>, keys: &Bound<'_, PyTuple>) -> PyResult<usize> {
    let asked = place::wrapped(within, convert::keys_or_turns(within, keys)?);
    port.revoke(&asked).map_err(|error| error::raise(keys.py(), &error))
}

/// What `query` of either API answers, for these keys, or for all if there are none.
pub(crate) fn query<'py>(
    port: &Port,
    within: Option<&Within>,
    keys: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let asked = place::wrapped(within, convert::keys_or_turns(within, keys)?);
    answer(keys.py(), within, port.query(if asked.is_empty() { None } else { Some(&asked) }))
}

/// The same for one key.
pub(crate) fn look<'py>(port: &Port, within: Option<&Within>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let asked = place::wrapped(within, convert::key_arguments(within, 1, std::iter::once(key.clone()))?);
    answer(key.py(), within, port.query(Some(&asked)))
}

fn answer<'py>(py: Python<'py>, within: Option<&Within>, query: Result<Query, Error>) -> PyResult<Bound<'py, PyAny>> {
    let query = query.map_err(|error| error::raise(py, &error))?;
    convert::query_to_py(py, &place::seen(within, query))
}

/// How a space shows itself: where it is, its epoch, whether it is closed.
pub(crate) fn repr(
    py: Python<'_>,
    module: &str,
    opening: &Opening,
    place: Option<&Place>,
    space: &bytes::Space,
) -> PyResult<String> {
    let url = opening.url().map_or_else(
        || Ok(String::new()),
        |url| pyo3::types::PyString::new(py, url).repr().map(|url| format!(" {url}")),
    )?;
    let within = place.map(|place| place.shown(py)).transpose()?.unwrap_or_default();
    let closed = if space.is_closed() { " closed" } else { "" };
    Ok(format!("<{module}.Space{url}{within} epoch={}{closed}>", space.epoch()))
}
