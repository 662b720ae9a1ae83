//! What this addon keeps for one JavaScript environment: the main thread, or a worker.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::slice;
use std::sync::Arc;

use latchwork::{Answer, Builder, Confirmed, Error, Grant, Key, ManualClock, Registry, Settled, Ticket, Url};
use napi::{Env, sys};

use crate::calls::Calls;
use crate::cells::Watches;
use crate::clock::{self, HostClock};
use crate::line::Line;
use crate::owner::Owners;
use crate::scratch::{
    ENTRY, FIRST, FIRST_JOIN, GENERATION, HANDLE, JOINS, JOINS_MAX, LINE, NUMBER, OUTCOME, Outcome, PLACE, SETTLED,
    SETTLED_MAX, SLOT, Scratch, TOKEN, Values,
};
use crate::timer;
use crate::wake::Waker;

/// A value of a cell, as its codec wrote it.
pub(crate) type Value = Box<[u8]>;

/// A port whose space has cells.
pub(crate) type Port = latchwork::Port<Value>;

/// A space with cells.
pub(crate) type Space = latchwork::Space<Value>;

/// The named spaces of the process, which its worker threads share.
static REGISTRY: Registry = Registry::new();

/// Handles name an index and how often it was used before, so that none ever comes again.
const INDEX_BITS: u32 = 20;

/// Set in a tag when JavaScript confirms the grant itself.
const DEFERRED: u64 = 1 << 63;

/// The state of one environment. Everything happens on its own thread, except in the [`Waker`].
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) scratch: Scratch,
    pub(crate) values: Values,
    waker: Arc<Waker>,
    handles: RefCell<Handles>,
    clocks: RefCell<Vec<Arc<ManualClock>>>,
    pub(crate) owners: Owners,
    pub(crate) watches: Watches,
    pub(crate) calls: Calls,
    /// Errors that JavaScript has not taken yet.
    failures: RefCell<VecDeque<Failed>>,
    /// What was settled and did not fit into the scratch yet.
    unreported: RefCell<VecDeque<Unreported>>,
    /// What a port has settled for the handle of the call, on its way into the scratch; kept for its memory.
    taken: RefCell<Vec<Settled>>,
    /// Requests that wait in spaces that other threads can reach. Above zero they keep the process alive.
    awaited: Cell<u32>,
    /// Those who wait for the key that was last waited for.
    line: RefCell<Option<Line>>,
    /// What a test has asked for.
    armed: Cell<Option<Defect>>,
    /// A space that is closed: it answers for handles that are.
    closed: Port,
}

/// Where a test has this addon panic, as a defect would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// In the next call that is not one of the raw ones.
    InNextCall,
    /// While the environment ends.
    AtEnd,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failed {
    Error(Error),
    /// A panic inside this addon or the core: a defect. What it says.
    Panic(String),
}

/// An outcome that JavaScript has not been told.
#[derive(Debug)]
struct Unreported {
    handle: u64,
    named: bool,
    settled: Settled,
}

#[derive(Debug, Default)]
struct Handles {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot {
    handle: u64,
    open: Option<Open>,
}

/// An open handle.
#[derive(Debug)]
struct Open {
    port: Port,
    /// Whether other threads can reach the space.
    named: bool,
    /// Whether who waits there can be in a [`Line`]: nobody else can tell when it joins, and it cannot be refused.
    lines: bool,
    time: Cell<Time>,
}

/// Who keeps the time of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    /// The only thread that can reach it, or who moves its clock.
    Own,
    /// The timer of the process, once there is something to be due.
    Shared,
    /// The timer of the process.
    Kept,
}

impl Environment {
    pub(crate) fn new(scratch: Scratch, values: Values) -> Environment {
        let space = Space::with_cells();
        space.close();
        Environment {
            scratch,
            values,
            waker: Arc::new(Waker::new()),
            handles: RefCell::default(),
            clocks: RefCell::default(),
            owners: Owners::default(),
            watches: Watches::default(),
            calls: Calls::default(),
            failures: RefCell::default(),
            unreported: RefCell::default(),
            taken: RefCell::default(),
            awaited: Cell::new(0),
            line: RefCell::default(),
            armed: Cell::new(None),
            closed: space.port(|| ()),
        }
    }

    /// The environment that a function of this addon runs in.
    pub(crate) fn of(env: &Env) -> napi::Result<Rc<Environment>> {
        match env.get_instance_data::<Rc<Environment>>()? {
            Some(environment) => {
                environment.fall(Defect::InNextCall);
                environment.join_line();
                Ok(Rc::clone(environment))
            }
            None => Err(napi::Error::from_reason("the addon was not loaded in this environment")),
        }
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Opens a space and answers the new handle.
    pub(crate) fn open(
        &self,
        url: Option<&str>,
        clock: Option<ManualClock>,
        settings: Builder<Value>,
        limited: bool,
    ) -> Result<u64, Error> {
        let url = Url::parse(url)?;
        let builder = settings.seed(clock::seed()).epoch(clock::epoch());
        let by_hand = clock.is_some();
        let builder = match clock {
            Some(clock) => builder.clock(clock),
            None => builder.clock(HostClock),
        };
        let (space, named) = match url {
            Url::Private => (builder.shards(1).build(), false),
            Url::Memory(name) => (REGISTRY.open(name, builder)?, true),
            other => return Err(Error::invalid("url", format!("has no engine in Node: url={other:?}"))),
        };
        let mut handles = self.handles.borrow_mut();
        let index = handles.free.pop().unwrap_or_else(|| {
            let index = handles.slots.len();
            handles.slots.push(Slot { handle: index as u64, open: None });
            index
        });
        let slot = &mut handles.slots[index];
        slot.handle += 1 << INDEX_BITS;
        let handle = slot.handle;
        let waker = Arc::clone(&self.waker);
        let port = space.port(move || waker.wake(handle));
        let time = if named && !by_hand { Time::Shared } else { Time::Own };
        slot.open = Some(Open { port, named, lines: !named && !limited, time: Cell::new(time) });
        Ok(handle)
    }

    /// Closes a handle: its waits fail, its grants are released. What that settles is reported before the handle is gone.
    pub(crate) fn close(&self, env: sys::napi_env, handle: u64) {
        self.with(handle, |port| port.space().close());
        self.report(env, handle);
        let mut handles = self.handles.borrow_mut();
        let index = index(handle);
        if let Some(slot) = handles.slots.get_mut(index).filter(|slot| slot.handle == handle) {
            let open = slot.open.take();
            if open.is_some() {
                handles.free.push(index);
            }
            drop(handles);
            drop(open);
        }
    }

    /// The environment ends: everything it holds goes on to other threads.
    ///
    /// Nobody is left who could be told of a panic, and none may leave: it would end the process.
    pub(crate) fn end(&self) {
        self.waker.close();
        let handles = std::mem::take(&mut *self.handles.borrow_mut());
        for open in handles.slots.iter().filter_map(|slot| slot.open.as_ref()) {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                open.port.abandon();
                open.port.space().close();
                self.fall(Defect::AtEnd);
            }));
            // What a panic says is printed where it happens.
            drop(ended);
        }
        self.watches.clear();
        self.calls.clear();
        self.owners.clear();
    }

    /// For tests: panics later, as a defect would.
    pub(crate) fn arm(&self, defect: Defect) {
        self.armed.set(Some(defect));
    }

    fn fall(&self, here: Defect) {
        if self.armed.get() == Some(here) {
            self.armed.set(None);
            panic!("asked for by a test");
        }
    }

    /// Calls `f` with the port of a handle; with one that answers `closed` where the handle is not open.
    #[inline]
    pub(crate) fn with<T>(&self, handle: u64, f: impl FnOnce(&Port) -> T) -> T {
        let handles = self.handles.borrow();
        match handles.slots.get(index(handle)) {
            Some(Slot { handle: same, open: Some(open) }) if *same == handle => f(&open.port),
            _ => f(&self.closed),
        }
    }

    /// Whether other threads can reach the space of a handle.
    pub(crate) fn is_named(&self, handle: u64) -> bool {
        self.is_open_and(handle, |open| open.named)
    }

    fn is_open_and(&self, handle: u64, how: impl FnOnce(&Open) -> bool) -> bool {
        match self.handles.borrow().slots.get(index(handle)) {
            Some(Slot { handle: same, open: Some(open) }) => *same == handle && how(open),
            _ => false,
        }
    }

    /// Something can become due in the space of a handle, and other threads may wait for it. Answers whether the timer of
    /// the process tells it; else it is for the caller to tell.
    pub(crate) fn keep_time(&self, handle: u64) -> bool {
        let handles = self.handles.borrow();
        let Some(Slot { handle: same, open: Some(open) }) = handles.slots.get(index(handle)) else { return false };
        if *same == handle && open.time.get() == Time::Shared && timer::keep_time(open.port.space()) {
            open.time.set(Time::Kept);
        }
        *same == handle && open.time.get() == Time::Kept
    }

    /// The handle in the scratch.
    #[inline]
    pub(crate) fn handle(&self) -> u64 {
        self.scratch.whole(HANDLE)
    }

    /// The ticket in the scratch.
    #[inline]
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket::from_parts(self.scratch.whole(PLACE), self.scratch.whole(NUMBER))
    }

    /// The tag of a request: where JavaScript keeps its waiter.
    #[inline]
    pub(crate) fn tag(&self, deferred: bool) -> u64 {
        let tag = self.scratch.whole(GENERATION) << 32 | self.scratch.whole(SLOT);
        if deferred { tag | DEFERRED } else { tag }
    }

    /// Tells JavaScript a ticket.
    #[inline]
    pub(crate) fn tell_ticket(&self, ticket: Ticket) {
        let (place, number) = ticket.to_parts();
        self.scratch.set_whole(PLACE, place);
        self.scratch.set_whole(NUMBER, number);
    }

    /// Tells JavaScript a grant.
    #[inline]
    pub(crate) fn tell_grant(&self, grant: &Grant) {
        self.tell_ticket(grant.ticket);
        self.scratch.set_whole(TOKEN, grant.token);
        self.scratch.answer(Outcome::Granted);
    }

    /// A request waits from now on.
    pub(crate) fn waits(&self, env: sys::napi_env, handle: u64) {
        if self.is_named(handle) {
            self.awaited.set(self.awaited.get() + 1);
            if self.awaited.get() == 1 {
                // SAFETY: callers pass the environment that this value belongs to, on its thread.
                unsafe { self.waker.hold_process(env) };
            }
        }
    }

    /// The request that has just been made waits for this key.
    #[inline]
    pub(crate) fn wait_in_line(&self, handle: u64, key: &Key) {
        if !self.is_open_and(handle, |open| open.lines) {
            return;
        }
        let mut line = self.line.borrow_mut();
        if line.as_ref().is_none_or(|line| line.handle != handle || line.key != *key) {
            *line = Some(Line::new(handle, key.clone()));
        }
        if let Some(line) = line.as_mut() {
            line.join(self.tag(false));
        }
        self.scratch.set_whole(LINE, handle);
    }

    /// Makes the requests that JavaScript has written down.
    #[inline]
    pub(crate) fn join_line(&self) {
        if self.scratch.lane(JOINS) != 0.0 {
            self.join_line_now();
        }
    }

    fn join_line_now(&self) {
        let count = (self.scratch.whole(JOINS) as usize).min(JOINS_MAX);
        self.scratch.set(JOINS, 0.0);
        let mut line = self.line.borrow_mut();
        let Some(line) = line.as_mut() else { return };
        let tags = (0..count).map(|at| {
            let at = FIRST_JOIN + 2 * at;
            self.scratch.whole(at + 1) << 32 | self.scratch.whole(at)
        });
        if self.with(line.handle, |port| port.wait_each(&line.key, tags.clone())) {
            tags.for_each(|tag| line.join(tag));
            return;
        }
        // Then each for itself. What has not to wait is told as if it had waited.
        for tag in tags {
            let settled = match self.with(line.handle, |port| port.lock_keys(slice::from_ref(&line.key), tag)) {
                Ok(Answer::Waiting(_)) => {
                    line.join(tag);
                    continue;
                }
                Ok(Answer::Granted(grant)) => Settled::Granted { tag, grant },
                Err(error) => Settled::Failed { tag, error },
            };
            let told = Unreported { handle: line.handle, named: false, settled };
            self.unreported.borrow_mut().push_back(told);
            self.waker.wake(line.handle);
        }
    }

    /// A request of this handle has come to an end.
    #[inline]
    fn leave_line(&self, handle: u64, tag: u64) {
        if let Some(line) = self.line.borrow_mut().as_mut()
            && line.leave(handle, tag)
        {
            self.scratch.set(LINE, 0.0);
        }
    }

    /// A request waits no longer.
    pub(crate) fn waited(&self, env: sys::napi_env, named: bool) {
        if named {
            self.awaited.set(self.awaited.get() - 1);
            if self.awaited.get() == 0 {
                // SAFETY: as in `waits`.
                unsafe { self.waker.let_process_go(env) };
            }
        }
    }

    /// Keeps an error for JavaScript to take.
    #[cold]
    pub(crate) fn fail(&self, failed: Failed) {
        self.failures.borrow_mut().push_back(failed);
        self.scratch.answer(Outcome::Failed);
    }

    /// What a fallible call answers: `None` and an error to take where it failed.
    pub(crate) fn answer<T>(&self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.scratch.answer(Outcome::Granted);
                Some(value)
            }
            Err(error) => {
                self.fail(Failed::Error(error));
                None
            }
        }
    }

    /// Takes the oldest error.
    pub(crate) fn take_failure(&self) -> Option<Failed> {
        self.failures.borrow_mut().pop_front()
    }

    /// Whether a grant still stands.
    pub(crate) fn held(&self, handle: u64, ticket: Ticket) -> bool {
        self.with(handle, |port| port.held(ticket))
    }

    /// Confirms a grant for a caller that sees it now.
    pub(crate) fn confirm(&self, handle: u64, ticket: Ticket) -> Result<(), Error> {
        self.with(handle, |port| port.confirm(ticket))
    }

    /// A manual clock of this environment, by its number from 1.
    pub(crate) fn manual_clock(&self, number: f64) -> Option<ManualClock> {
        let clocks = self.clocks.borrow();
        clocks.get((number as usize).wrapping_sub(1)).map(|clock| (**clock).clone())
    }

    /// Makes a manual clock, or finds the one of this name, and answers its number here.
    pub(crate) fn add_manual_clock(&self, name: Option<String>) -> f64 {
        let mut clocks = self.clocks.borrow_mut();
        clocks.push(name.map_or_else(Arc::default, clock::named));
        clocks.len() as f64
    }

    /// Releases a grant. Answers whether what that settles is reported already; else it is kept for the next report.
    #[inline]
    pub(crate) fn release(&self, env: sys::napi_env, handle: u64, ticket: Ticket) -> Result<bool, Error> {
        let mut taken = self.taken.borrow_mut();
        let next = self.with(handle, |port| port.release_into(ticket, &mut taken))?;
        let Some(Confirmed { tag, grant }) = next else { return Ok(false) };
        if !(taken.is_empty() && self.is_quiet()) {
            taken.push(Settled::Granted { tag, grant });
            return Ok(false);
        }
        self.waited(env, self.is_named(handle));
        let outcome = self.write_grant(FIRST, &grant);
        self.write_request(FIRST, handle, tag, outcome);
        self.scratch.set(SETTLED, 1.0);
        Ok(true)
    }

    /// Reports what was settled during the call, for the handle called and for those that were woken meanwhile.
    #[inline]
    pub(crate) fn report(&self, env: sys::napi_env, handle: u64) {
        if self.with(handle, Port::has_settled) {
            self.report_settled(env, handle);
        } else {
            self.report_taken(env, handle);
        }
    }

    /// As [`report`](Environment::report), where the call has taken everything out of the port.
    #[inline]
    pub(crate) fn report_taken(&self, env: sys::napi_env, handle: u64) {
        if self.taken.borrow().is_empty() && self.is_quiet() {
            self.scratch.set(SETTLED, 0.0);
        } else {
            self.report_settled(env, handle);
        }
    }

    /// Whether nothing is to be reported that came before, or came for other handles.
    #[inline]
    fn is_quiet(&self) -> bool {
        !self.waker.noticed() && self.unreported.borrow().is_empty()
    }

    fn report_settled(&self, env: sys::napi_env, handle: u64) {
        let mut count = 0;
        let mut tell = |handle, named, settled| {
            if matches!(settled, Settled::Granted { .. } | Settled::Failed { .. }) {
                self.waited(env, named);
            }
            self.write_entry(FIRST + count * ENTRY, handle, settled);
            count += 1;
            count < SETTLED_MAX
        };
        // First what did not fit before, then what this call settled, then what it settled for other handles.
        let mut room = true;
        while room {
            let Some(Unreported { handle, named, settled }) = self.unreported.borrow_mut().pop_front() else { break };
            room = tell(handle, named, settled);
        }
        let woken = if self.waker.noticed() { self.waker.take_noted() } else { Vec::new() };
        for handle in std::iter::once(handle).chain(woken) {
            let mut taken = self.taken.take();
            self.with(handle, |port| {
                if port.has_settled() {
                    port.take_settled(&mut taken);
                }
            });
            let named = self.is_named(handle);
            for settled in taken.drain(..) {
                if room {
                    room = tell(handle, named, settled);
                } else {
                    self.unreported.borrow_mut().push_back(Unreported { handle, named, settled });
                }
            }
            self.taken.replace(taken);
        }
        self.scratch.set(SETTLED, count as f64);
    }

    fn write_entry(&self, at: usize, handle: u64, settled: Settled) {
        let kept = self.scratch.lane(OUTCOME);
        let (tag, outcome) = match settled {
            Settled::Lost { tag } => return self.write_watch(at, handle, tag, Outcome::Lost),
            Settled::HandedOver { tag } => return self.write_watch(at, handle, tag, Outcome::HandedOver),
            Settled::Changed { tag } | Settled::Resumed { tag } => {
                return self.write_watch(at, handle, tag, Outcome::Changed);
            }
            Settled::Granted { tag, grant } => {
                let seen = tag & DEFERRED != 0 || self.answer(self.confirm(handle, grant.ticket)).is_some();
                (tag, if seen { self.write_grant(at, &grant) } else { Outcome::Failed })
            }
            Settled::Failed { tag, error } => {
                self.fail(Failed::Error(error));
                (tag, Outcome::Failed)
            }
        };
        self.scratch.set(OUTCOME, kept);
        self.write_request(at, handle, tag, outcome);
    }

    /// Which watch is told, and of what. Its number takes the whole lane.
    fn write_watch(&self, at: usize, handle: u64, number: u64, outcome: Outcome) {
        self.scratch.set_whole(at, handle);
        self.scratch.set_whole(at + 1, number);
        self.scratch.set(at + 6, f64::from(outcome as u8));
    }

    /// Whose outcome it is, and which.
    fn write_request(&self, at: usize, handle: u64, tag: u64, outcome: Outcome) {
        self.leave_line(handle, tag);
        self.scratch.set_whole(at, handle);
        self.scratch.set_whole(at + 1, tag & u64::from(u32::MAX));
        self.scratch.set_whole(at + 2, (tag & !DEFERRED) >> 32);
        self.scratch.set(at + 6, f64::from(outcome as u8));
    }

    /// What was granted. Answers the outcome.
    fn write_grant(&self, at: usize, grant: &Grant) -> Outcome {
        let (place, number) = grant.ticket.to_parts();
        self.scratch.set_whole(at + 3, place);
        self.scratch.set_whole(at + 4, number);
        self.scratch.set_whole(at + 5, grant.token);
        if grant.abandoned { Outcome::Abandoned } else { Outcome::Granted }
    }
}

fn index(handle: u64) -> usize {
    (handle & ((1 << INDEX_BITS) - 1)) as usize
}
