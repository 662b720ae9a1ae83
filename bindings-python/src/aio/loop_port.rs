//! A core port on one asyncio event loop: it resolves the loop's futures and keeps its timer.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use latchwork::{Answer, Error, Grant, Settled, Ticket};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::call::AioCall;
use super::callback::{Callback, Closing, On};
use super::calls::Calls;
use super::readers::Readers;
use super::running::{deferring_wakes, is_deferring, put_off, running_loop, this_thread};
use super::waiters::{Waiter, Waiters};
use crate::bytes::{self, Port};
use crate::error;
use crate::fork::Own;
use crate::lease::Call;

/// What a request that waited came to.
pub(super) type Outcome = Result<Grant, Error>;

/// The port of one handle on one event loop. The loop belongs to the waiter; all state is in the core.
pub(crate) struct LoopPort {
    pub(super) core: Own<Port>,
    event_loop: Py<PyAny>,
    /// Called by the loop when another thread settled something.
    settle: Py<Callback>,
    /// Called by the loop when the next deadline has come.
    expire: Py<Callback>,
    /// Callbacks run in an empty context, so that they keep nobody's context variables alive.
    in_context: Py<PyDict>,
    /// The class of the loop's futures and how it is called, where `create_future` does just that.
    plain_futures: Option<(Py<PyAny>, Py<PyDict>)>,
    waiters: Mutex<Waiters>,
    readers: Readers,
    calls: Calls,
    timer: Mutex<Option<Timer>>,
    /// A manual clock tells time-outs itself: no timer then.
    manual: bool,
}

struct Timer {
    /// In the loop's time.
    when: f64,
    handle: Py<PyAny>,
}

/// What a lock call came to.
pub(super) enum Joined {
    Granted(Grant),
    /// It waits, under this tag; the future is resolved when that ends.
    Waiting(u64, Py<PyAny>),
}

impl LoopPort {
    pub(super) fn new(event_loop: &Bound<'_, PyAny>, space: &bytes::Space, manual: bool) -> PyResult<Arc<LoopPort>> {
        let py = event_loop.py();
        let settle = Callback::new(py, On::Settled)?;
        let expire = Callback::new(py, On::Deadline)?;
        let in_context = PyDict::new(py);
        in_context.set_item("context", py.import("contextvars")?.call_method0("Context")?)?;
        let plain_futures = plain_futures(event_loop)?;
        let port = Arc::new_cyclic(|port: &Weak<LoopPort>| {
            let woken = Weak::clone(port);
            let core = space.port(move || {
                if let Some(port) = woken.upgrade() {
                    // During the interpreter's end no loop runs any more.
                    Python::try_attach(|py| port.wake(py));
                }
            });
            LoopPort {
                core: Own::new(core),
                event_loop: event_loop.clone().unbind(),
                settle: settle.clone_ref(py),
                expire: expire.clone_ref(py),
                in_context: in_context.clone().unbind(),
                plain_futures,
                waiters: Mutex::default(),
                readers: Readers::default(),
                calls: Calls::default(),
                timer: Mutex::default(),
                manual,
            }
        });
        for callback in [settle, expire] {
            callback.get().calls(&port);
        }
        Closing::watch(&port, event_loop, &in_context)?;
        Ok(port)
    }

    /// Whether it is the port of this loop.
    pub(super) fn serves(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        self.event_loop.as_ptr() == event_loop.as_ptr()
    }

    /// Whether the loop is what the calling thread runs now.
    pub(super) fn is_here(&self, py: Python<'_>) -> bool {
        // The loops of asyncio note their thread while they run. To ask for the running loop is slower, before Python
        // 3.12 by a call of the system. Not by way of `__dict__`: once somebody has asked an object for that, the
        // interpreter finds its attributes more slowly everywhere, and a loop looks at its own all the time.
        match self.event_loop.bind(py).getattr_opt(intern!(py, "_thread_id")) {
            Ok(Some(thread)) => thread.extract::<u64>().is_ok_and(|thread| thread == this_thread(py)),
            _ => running_loop(py).is_ok_and(|running| self.serves(&running)),
        }
    }

    pub(super) fn is_closed(&self, py: Python<'_>) -> bool {
        let closed = self.event_loop.bind(py).call_method0(intern!(py, "is_closed"));
        closed.and_then(|closed| closed.is_truthy()).unwrap_or(true)
    }

    /// Joins the queues of all keys, in one step.
    pub(super) fn lock(&self, py: Python<'_>, call: &Call) -> PyResult<Joined> {
        let future = self.new_future(py)?;
        // The waiter is there before another thread's grant looks for it.
        let tag = self.waiters().insert(Waiter { ticket: None, future: future.clone().unbind(), outcome: None });
        // With nothing locked: it can end a hold whose time is over, and what that settles is told in the middle of it.
        let answer = call.lock(py, &self.core, tag);
        if let Ok(Ok(Answer::Waiting(ticket))) = answer {
            self.joined(tag, ticket);
        } else {
            let unused = self.waiters().remove(tag);
            drop(unused);
        }
        if let Answer::Granted(grant) = answer?.map_err(|error| error::raise(py, &error))? {
            return Ok(Joined::Granted(grant));
        }
        if call.timeout().is_some() {
            self.arm(py).inspect_err(|_| self.cancel(py, tag))?;
        }
        Ok(Joined::Waiting(tag, future.unbind()))
    }

    /// Notes the ticket of a waiter. Its loop may have been found closed, which gave it up before.
    fn joined(&self, tag: u64, ticket: Ticket) {
        let known = self.waiters().get_mut(tag).map(|waiter| waiter.ticket = Some(ticket));
        if known.is_none() {
            self.core.cancel(ticket);
        }
    }

    /// What the request came to; `None` while it waits.
    pub(super) fn take_outcome(&self, tag: u64) -> Option<Outcome> {
        let mut waiters = self.waiters();
        let outcome = waiters.get_mut(tag)?.outcome.take()?;
        let waiter = waiters.remove(tag);
        drop(waiters);
        drop(waiter);
        Some(outcome)
    }

    /// The future of a request that waits, to wait on it once more.
    pub(super) fn future(&self, py: Python<'_>, tag: u64) -> Option<Py<PyAny>> {
        Some(self.waiters().get_mut(tag)?.future.clone_ref(py))
    }

    /// Why nobody waits any more: the loop was found closed, which gave all its requests up.
    pub(super) fn gone() -> PyErr {
        PyRuntimeError::new_err("the event loop of the request was closed")
    }

    /// Gives the request up (L7); futures of this loop that it lets through are resolved before this returns.
    pub(super) fn cancel(&self, py: Python<'_>, tag: u64) {
        self.forget(tag);
        self.settle(py);
    }

    /// The same from a finaliser, which must run no code of the host's: the loop is asked to resolve them later.
    pub(super) fn abandon(&self, tag: u64) {
        deferring_wakes(|| self.forget(tag));
        if self.core.has_settled() {
            Python::try_attach(|py| self.call_soon(py));
        }
    }

    fn forget(&self, tag: u64) {
        let waiter = self.waiters().remove(tag);
        // None when its loop was found closed, which gave it up before.
        if let Some(waiter) = waiter {
            self.give_up(&waiter);
        }
    }

    /// Nobody will see what became of this request. A grant that is told only later is cancelled then.
    fn give_up(&self, waiter: &Waiter) {
        // A lock that was handed over to it has a ticket of its own.
        let granted = waiter.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        if let Some(ticket) = granted.map(|grant| grant.ticket).or(waiter.ticket) {
            self.core.cancel(ticket);
        }
    }

    /// What `loop.create_future()` answers.
    pub(super) fn new_future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.plain_futures {
            Some((class, arguments)) => class.bind(py).call((), Some(arguments.bind(py))),
            None => self.event_loop.bind(py).call_method0(intern!(py, "create_future")),
        }
    }

    /// Called when someone settled something for this loop: at once where the loop itself runs the caller.
    #[cold]
    fn wake(&self, py: Python<'_>) {
        if !is_deferring() && self.is_here(py) {
            self.resolve(py);
        } else {
            self.call_soon(py);
        }
    }

    /// Resolves what was settled by a call of this port's own, for which there is no wake.
    pub(crate) fn settle(&self, py: Python<'_>) {
        if self.core.has_settled() {
            self.wake(py);
        }
    }

    /// Resolves what was settled, in the order that the core decided. A loop is left with what its own cancels settle: it goes on until nothing is.
    pub(super) fn resolve(&self, py: Python<'_>) {
        for reader in self.readers.take_ended() {
            self.tell_reader(py, reader);
        }
        thread_local!(static ROOM: Cell<Vec<Settled>> = const { Cell::new(Vec::new()) });
        let mut settled = ROOM.take();
        while self.core.has_settled() {
            self.core.take_settled(&mut settled);
            for settled in settled.drain(..) {
                match settled {
                    Settled::Granted { tag, grant } => self.resolve_one(py, tag, Ok(grant)),
                    Settled::Failed { tag, error } => self.resolve_one(py, tag, Err(error)),
                    Settled::Changed { tag } => self.tell_reader(py, tag),
                    Settled::Resumed { tag } => self.tell_call(py, tag),
                    // Nobody watches a grant through this port.
                    Settled::Lost { .. } | Settled::HandedOver { .. } => {}
                }
            }
        }
        if settled.capacity() <= KEPT {
            ROOM.set(settled);
        }
    }

    /// The future of whoever reads a watch: resolved when it is worth looking again.
    pub(super) fn new_reader(&self, py: Python<'_>, watch: u64) -> PyResult<Py<PyAny>> {
        let future = self.new_future(py)?.unbind();
        let old = self.readers.insert(watch, future.clone_ref(py));
        drop(old);
        Ok(future)
    }

    /// Whether somebody of this loop's reads a watch.
    pub(super) fn has_reader(&self, py: Python<'_>, watch: u64) -> bool {
        self.readers.contains(watch) && !self.is_closed(py)
    }

    /// Whoever read a watch does so no more.
    pub(super) fn forget_reader(&self, watch: u64) {
        drop(self.readers.remove(watch));
    }

    /// The same of one reader; the next one of the watch may be there already.
    pub(super) fn forget_future(&self, watch: u64, future: &Bound<'_, PyAny>) {
        drop(self.readers.remove_future(watch, future));
    }

    /// Tells the reader of a watch, from whatever thread, that it has ended.
    pub(super) fn end_reader(&self, py: Python<'_>, watch: u64) {
        if self.readers.contains(watch) {
            self.readers.end(watch);
            self.wake(py);
        }
    }

    fn tell_reader(&self, py: Python<'_>, watch: u64) {
        let Some(future) = self.readers.remove(watch) else { return };
        if let Err(error) = notify(future.bind(py))
            && !self.is_closed(py)
        {
            put_off(py, error);
        }
    }

    /// The core's port.
    pub(crate) fn port(&self) -> &Port {
        &self.core
    }

    /// What a new call of `update` or `transact` is known by.
    pub(super) fn next_call(&self) -> u64 {
        self.calls.next_tag()
    }

    /// From here on the call is told when it can go on. What came before was not kept: look once more.
    pub(super) fn remember_call(&self, tag: u64, call: Py<AioCall>) {
        let old = self.calls.insert(tag, call);
        drop(old);
    }

    /// The call waits for nothing any more.
    pub(super) fn forget_call(&self, tag: u64) {
        drop(self.calls.remove(tag));
    }

    fn tell_call(&self, py: Python<'_>, tag: u64) {
        let Some(call) = self.calls.get(py, tag) else { return };
        if let Err(error) = AioCall::told(call.bind(py)) {
            if self.is_closed(py) {
                call.get().abandon();
            } else {
                put_off(py, error);
            }
        }
    }

    /// Has the loop, in whose thread this is, call a function in its next turn.
    pub(super) fn soon(&self, py: Python<'_>, function: Bound<'_, PyAny>) -> PyResult<()> {
        let call_soon = self.event_loop.bind(py).getattr(intern!(py, "call_soon"))?;
        call_soon.call((function,), Some(self.in_context.bind(py))).map(drop)
    }

    /// Resolves a future, if it still waits. Answers whether anybody will look at it.
    pub(super) fn notify(future: &Bound<'_, PyAny>) -> PyResult<bool> {
        notify(future)
    }

    fn resolve_one(&self, py: Python<'_>, tag: u64, outcome: Outcome) {
        let granted = outcome.as_ref().ok().map(|grant| grant.ticket);
        let future = self.waiters().get_mut(tag).map(|waiter| {
            waiter.outcome = Some(outcome);
            waiter.future.clone_ref(py)
        });
        let reached = match future.map(|future| notify(future.bind(py))) {
            None | Some(Ok(false)) => false,
            Some(Ok(true)) => true,
            Some(Err(_)) if self.is_closed(py) => false,
            Some(Err(error)) => {
                put_off(py, error);
                true
            }
        };
        if !reached {
            // Nobody is there to see it: given up in the meantime, or the loop is closed. The keys go on.
            let waiter = self.waiters().remove(tag);
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
        let waiters = self.waiters().take();
        for waiter in &waiters {
            self.give_up(waiter);
        }
        drop(waiters);
        drop(self.readers.take());
        let calls = self.calls.take();
        for call in calls.values() {
            call.get().abandon();
        }
        drop(calls);
        self.resolve(py);
    }

    /// The timer has run: tells what is due, and sets it again.
    pub(super) fn expire(&self, py: Python<'_>) {
        let timer = self.timer().take();
        drop(timer);
        self.tick(py);
        // Those who wait on have no other timer: a signal handler that raises in the middle must not cost it.
        if let Err(error) = self.arm(py) {
            put_off(py, error);
            if let Err(error) = self.arm(py) {
                put_off(py, error);
            }
        }
    }

    /// Sets the timer to the next deadline, unless it is set to an earlier one.
    pub(super) fn arm(&self, py: Python<'_>) -> PyResult<()> {
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
    fn tick(&self, py: Python<'_>) {
        self.core.tick();
        self.settle(py);
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timer(&self) -> MutexGuard<'_, Option<Timer>> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for so many outcomes is kept.
const KEPT: usize = 1024;

/// Longer than this a timer is not set; it is set again when it has run.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// For a loop that creates futures as asyncio's own do: the class, and its arguments. To call it saves a Python frame.
fn plain_futures(event_loop: &Bound<'_, PyAny>) -> PyResult<Option<(Py<PyAny>, Py<PyDict>)>> {
    let py = event_loop.py();
    let asyncio = py.import("asyncio")?;
    let usual = asyncio.getattr("BaseEventLoop")?.getattr("create_future")?;
    let creates = event_loop.get_type().getattr("create_future");
    if !creates.is_ok_and(|creates| creates.is(&usual)) {
        return Ok(None);
    }
    let arguments = PyDict::new(py);
    arguments.set_item("loop", event_loop)?;
    Ok(Some((asyncio.getattr("Future")?.unbind(), arguments.unbind())))
}

/// Resolves a future, if it still waits. Answers whether anybody will look at it: not where its task was cancelled in the
/// meantime, and only has not run since.
fn notify(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = future.py();
    let Err(error) = future.call_method1(intern!(py, "set_result"), (py.None(),)) else {
        return Ok(true);
    };
    if future.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
        return Ok(false);
    }
    let done = future.call_method0(intern!(py, "done"))?.is_truthy()?;
    if done { Ok(true) } else { Err(error) }
}
