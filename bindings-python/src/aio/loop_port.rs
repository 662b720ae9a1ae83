//! A core port on one asyncio event loop: it resolves the loop's futures and keeps its timer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use latchwork::{Answer, Error, Grant, LockSpec, Port, Settled, Ticket};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error;
use crate::fork::Own;

/// What a request that waited came to.
pub(super) type Outcome = Result<Grant, Error>;

/// The port of one handle on one event loop. The loop belongs to the waiter; all state is in the core.
pub(super) struct LoopPort {
    pub(super) core: Own<Port>,
    event_loop: Py<PyAny>,
    /// Called by the loop when another thread settled something.
    settle: Py<Callback>,
    /// Called by the loop when the next deadline has come.
    expire: Py<Callback>,
    /// Callbacks run in an empty context, so that they keep nobody's context variables alive.
    in_context: Py<PyDict>,
    /// The thread that the loop ran on last.
    thread: AtomicU64,
    next_tag: AtomicU64,
    waiters: Mutex<HashMap<u64, Waiter>>,
    timer: Mutex<Option<Timer>>,
    /// A manual clock tells time-outs itself: no timer then.
    manual: bool,
}

struct Waiter {
    ticket: Ticket,
    future: Py<PyAny>,
    outcome: Option<Outcome>,
}

struct Timer {
    /// In the loop's time.
    when: f64,
    handle: Py<PyAny>,
}

/// A request that waits on a port.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) tag: u64,
    pub(super) ticket: Ticket,
}

/// What a lock call came to.
pub(super) enum Joined {
    Granted(Grant),
    /// It waits; the future is resolved when that ends.
    Waiting(Wait, Py<PyAny>),
}

impl LoopPort {
    pub(super) fn new(
        event_loop: &Bound<'_, PyAny>,
        space: &latchwork::Space,
        manual: bool,
    ) -> PyResult<Arc<LoopPort>> {
        let py = event_loop.py();
        let settle = Py::new(py, Callback { port: OnceLock::new(), on: On::Settled })?;
        let expire = Py::new(py, Callback { port: OnceLock::new(), on: On::Deadline })?;
        let in_context = PyDict::new(py);
        in_context.set_item("context", py.import("contextvars")?.call_method0("Context")?)?;
        let port = Arc::new_cyclic(|port: &Weak<LoopPort>| {
            let woken = Weak::clone(port);
            let core = space.port(move || {
                if let Some(port) = woken.upgrade() {
                    // During the interpreter's end no loop runs any more.
                    Python::try_attach(|py| port.call_soon(py));
                }
            });
            LoopPort {
                core: Own::new(core),
                event_loop: event_loop.clone().unbind(),
                settle: settle.clone_ref(py),
                expire: expire.clone_ref(py),
                in_context: in_context.unbind(),
                thread: AtomicU64::new(this_thread()),
                next_tag: AtomicU64::new(0),
                waiters: Mutex::default(),
                timer: Mutex::default(),
                manual,
            }
        });
        for callback in [settle, expire] {
            // Just made, so not set yet.
            let _ = callback.get().port.set(Arc::downgrade(&port));
        }
        Ok(port)
    }

    /// Whether it is the port of this running loop; if so, the loop's thread is noted.
    #[inline]
    pub(super) fn serves(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        if self.event_loop.as_ptr() != event_loop.as_ptr() {
            return false;
        }
        self.thread.store(this_thread(), Ordering::Relaxed);
        true
    }

    /// Whether the calling thread is the one that the loop runs on.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == this_thread()
    }

    pub(super) fn is_closed(&self, py: Python<'_>) -> bool {
        let closed = self.event_loop.bind(py).call_method0(intern!(py, "is_closed"));
        closed.and_then(|closed| closed.is_truthy()).unwrap_or(true)
    }

    /// Takes all keys if they are free for it.
    #[inline]
    pub(super) fn try_lock(&self, py: Python<'_>, spec: &LockSpec) -> PyResult<Option<Grant>> {
        self.core.try_lock(spec).map_err(|error| error::raise(py, &error))
    }

    /// Joins the queues of all keys, in one step.
    #[inline]
    pub(super) fn lock(&self, py: Python<'_>, spec: &LockSpec, timed: bool) -> PyResult<Joined> {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        match self.core.lock(spec, tag) {
            Ok(Answer::Granted(grant)) => Ok(Joined::Granted(grant)),
            Ok(Answer::Waiting(ticket)) => self.wait(py, Wait { tag, ticket }, timed),
            Err(error) => Err(error::raise(py, &error)),
        }
    }

    fn wait(&self, py: Python<'_>, wait: Wait, timed: bool) -> PyResult<Joined> {
        let future = self.event_loop.bind(py).call_method0(intern!(py, "create_future")).inspect_err(|_| {
            self.core.cancel(wait.ticket);
        })?;
        let waiter = Waiter { ticket: wait.ticket, future: future.clone().unbind(), outcome: None };
        self.waiters().insert(wait.tag, waiter);
        if timed && let Err(error) = self.arm(py) {
            self.cancel(py, wait);
            return Err(error);
        }
        Ok(Joined::Waiting(wait, future.unbind()))
    }

    /// What the request came to; `None` while it waits.
    pub(super) fn take_outcome(&self, wait: Wait) -> Option<Outcome> {
        let mut waiters = self.waiters();
        let outcome = waiters.get_mut(&wait.tag)?.outcome.take()?;
        let waiter = waiters.remove(&wait.tag);
        drop(waiters);
        drop(waiter);
        Some(outcome)
    }

    /// The future of a request that waits, to wait on it once more.
    pub(super) fn future(&self, py: Python<'_>, wait: Wait) -> Option<Py<PyAny>> {
        Some(self.waiters().get(&wait.tag)?.future.clone_ref(py))
    }

    /// Why a grant was lost before its caller saw it: the space was closed.
    pub(super) fn lost(&self, py: Python<'_>) -> PyErr {
        match self.core.query(Some(&[])) {
            Err(error) => error::raise(py, &error),
            Ok(_) => PyRuntimeError::new_err("the grant was lost"),
        }
    }

    /// Gives the request up (L7); futures of this loop that it lets through are resolved before this returns.
    pub(super) fn cancel(&self, py: Python<'_>, wait: Wait) {
        self.forget(wait);
        self.settle_here(py);
    }

    /// The same from a finaliser, which must run no code of the host's: the loop is asked to resolve them later.
    pub(super) fn abandon(&self, wait: Wait) {
        self.forget(wait);
        if self.core.has_settled() {
            Python::try_attach(|py| self.call_soon(py));
        }
    }

    fn forget(&self, wait: Wait) {
        let waiter = self.waiters().remove(&wait.tag);
        self.core.cancel(wait.ticket);
        drop(waiter);
    }

    /// Releases a grant; futures of this loop that it lets through are resolved before this returns.
    #[inline]
    pub(super) fn release(&self, py: Python<'_>, ticket: Ticket) -> Result<(), Error> {
        if !self.is_here() {
            return self.core.space().release(ticket);
        }
        let released = self.core.release(ticket);
        self.settle_here(py);
        released
    }

    /// Resolves what calls of this thread, or others, have settled for this loop.
    #[inline]
    pub(super) fn settle_here(&self, py: Python<'_>) {
        if self.core.has_settled() {
            if self.is_here() {
                self.resolve(py);
            } else {
                self.call_soon(py);
            }
        }
    }

    /// In the order that the core decided. A loop is left with what its own cancels settle: it goes on until nothing is.
    #[cold]
    fn resolve(&self, py: Python<'_>) {
        let mut settled = Vec::new();
        while self.core.has_settled() {
            self.core.take_settled(&mut settled);
            for settled in settled.drain(..) {
                match settled {
                    Settled::Granted { tag, grant } => self.resolve_one(py, tag, Ok(grant)),
                    Settled::Failed { tag, error } => self.resolve_one(py, tag, Err(error)),
                }
            }
        }
    }

    fn resolve_one(&self, py: Python<'_>, tag: u64, outcome: Outcome) {
        let granted = outcome.as_ref().ok().map(|grant| grant.ticket);
        let future = self.waiters().get_mut(&tag).map(|waiter| {
            waiter.outcome = Some(outcome);
            waiter.future.clone_ref(py)
        });
        let reached = match future.map(|future| notify(future.bind(py))) {
            None => false,
            Some(Ok(())) => true,
            Some(Err(_)) if self.is_closed(py) => false,
            Some(Err(error)) => {
                put_off(py, error);
                true
            }
        };
        if !reached {
            // Nobody is there to see it: given up in the meantime, or the loop is closed. The keys go on.
            let waiter = self.waiters().remove(&tag);
            if let Some(ticket) = granted {
                self.core.cancel(ticket);
            }
            drop(waiter);
        }
    }

    /// Asks the loop, from any thread, to resolve what is settled.
    fn call_soon(&self, py: Python<'_>) {
        let ask = || {
            let call_soon = self.event_loop.bind(py).getattr(intern!(py, "call_soon_threadsafe"))?;
            call_soon.call((&self.settle,), Some(self.in_context.bind(py)))
        };
        let Err(error) = ask() else { return };
        if self.is_closed(py) {
            self.abandon_all(py);
        } else {
            // A signal handler raised in the middle. It may have come before the call took effect; asking twice is
            // harmless.
            put_off(py, error);
            if let Err(error) = ask() {
                put_off(py, error);
            }
        }
    }

    /// The loop is closed and will never run its waiters: give their requests up, so that others go on.
    pub(super) fn abandon_all(&self, py: Python<'_>) {
        let waiters = std::mem::take(&mut *self.waiters());
        for waiter in waiters.values() {
            self.core.cancel(waiter.ticket);
        }
        drop(waiters);
        self.resolve(py);
    }

    /// Sets the timer to the next deadline, unless it is set to an earlier one.
    fn arm(&self, py: Python<'_>) -> PyResult<()> {
        let due = if self.manual { None } else { self.core.next_deadline() };
        let Some(due) = due else { return Ok(()) };
        let event_loop = self.event_loop.bind(py);
        let now: f64 = event_loop.call_method0(intern!(py, "time"))?.extract()?;
        let when = now + due.min(LONGEST).as_secs_f64();
        if self.timer().as_ref().is_some_and(|timer| timer.when <= when) {
            return Ok(());
        }
        let handle =
            event_loop.call_method(intern!(py, "call_at"), (when, &self.expire), Some(self.in_context.bind(py)))?;
        let earlier = self.timer().replace(Timer { when, handle: handle.unbind() });
        if let Some(earlier) = earlier {
            earlier.handle.bind(py).call_method0(intern!(py, "cancel"))?;
        }
        Ok(())
    }

    /// Tells what is due, and resolves what that settled.
    pub(super) fn tick(&self, py: Python<'_>) {
        self.core.tick();
        self.settle_here(py);
    }

    fn waiters(&self) -> MutexGuard<'_, HashMap<u64, Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timer(&self) -> MutexGuard<'_, Option<Timer>> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer than this a timer is not set; it is set again when it has run.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Resolves a future that still waits.
fn notify(future: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = future.py();
    if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
        future.call_method1(intern!(py, "set_result"), (py.None(),))?;
    }
    Ok(())
}

/// An exception that does not belong to the call in which it came up, such as that of Ctrl-C: the interpreter gets it
/// again, or reports it.
#[cold]
fn put_off(py: Python<'_>, error: PyErr) {
    let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
    let again = || py.import("_thread")?.call_method0("interrupt_main");
    if !interrupted || again().is_err() {
        error.write_unraisable(py, None);
    }
}

/// A number for the calling thread, never used again for another.
#[inline]
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static THREAD: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    THREAD.with(|thread| *thread)
}

/// What a loop calls back. It holds the port weakly: a loop's queue keeps no space alive.
#[pyclass(frozen, module = "latchwork._native")]
struct Callback {
    port: OnceLock<Weak<LoopPort>>,
    on: On,
}

enum On {
    Settled,
    Deadline,
}

#[pymethods]
impl Callback {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let Some(port) = self.port.get().and_then(Weak::upgrade) else {
            return Ok(());
        };
        if port.core.is_stale() {
            return Ok(());
        }
        port.thread.store(this_thread(), Ordering::Relaxed);
        match self.on {
            On::Settled => {
                port.settle_here(py);
                Ok(())
            }
            On::Deadline => {
                let timer = port.timer().take();
                drop(timer);
                port.tick(py);
                port.arm(py)
            }
        }
    }

    fn __repr__(&self) -> &'static str {
        match self.on {
            On::Settled => "<latchwork: settled>",
            On::Deadline => "<latchwork: deadline>",
        }
    }
}
