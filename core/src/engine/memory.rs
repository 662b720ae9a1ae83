//! The in-memory engine: a handle on the shards of this process.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Engine, Hold};
use crate::machine::Leave;
use crate::shared::{Entries, Handle, Incoming, Recipient, Shard, Shared};
use crate::sync::Arc;
use crate::{Error, Key, LockSpec, Query, Ticket};

/// One handle on a space in memory.
#[derive(Clone)]
pub(crate) struct Memory {
    /// Before `shared`: dropped first, it still finds the space.
    pub(crate) handle: Arc<Handle>,
    pub(crate) shared: Arc<Shared>,
}

impl Memory {
    /// A request that comes in through this handle.
    pub(crate) fn incoming<'a>(&'a self, entries: &'a Entries, spec: &'a LockSpec) -> Incoming<'a> {
        Incoming { handle: &self.handle, port: 0, entries, label: spec.label_ref() }
    }

    /// The deadline of a request that begins to wait at `now`. A time-out beyond the end of time is none.
    pub(crate) fn deadline(&self, spec: &LockSpec, now: Option<Duration>) -> Option<Duration> {
        now?.checked_add(spec.timeout_ref()?)
    }

    /// What is held and what waits, at one instant.
    pub(crate) fn query_now(&self, keys: Option<&[Key]>) -> Result<Query, Error> {
        if self.handle.is_closed() {
            return Err(Error::closed());
        }
        keys.unwrap_or_default().iter().try_for_each(Key::check)?;
        Ok(self.shared.query(keys))
    }

    fn hold(&self, ticket: Ticket, token: u64, spans: bool) -> MemoryHold {
        let home = match spans {
            true => Home::Space(self.shared.clone()),
            false => Home::Shard(self.shared.shard(ticket).clone()),
        };
        MemoryHold { home, ticket, token }
    }
}

impl Engine for Memory {
    type Enqueue<'a> = Enqueue<'a>;
    type Hold = MemoryHold;

    fn enqueue(&self, spec: LockSpec) -> Enqueue<'_> {
        Enqueue { engine: self, spec, state: State::Asked }
    }

    fn attempt(&self, spec: &LockSpec) -> impl Future<Output = Result<Option<MemoryHold>, Error>> + Send {
        let attempt = || {
            let entries = self.shared.entries(spec)?;
            let granted = self.shared.attempt(&self.incoming(&entries, spec))?;
            Ok(granted.map(|(ticket, token)| self.hold(ticket, token, self.shared.spans(&entries))))
        };
        ready(attempt())
    }

    fn query(&self, keys: Option<&[Key]>) -> impl Future<Output = Result<Query, Error>> + Send {
        ready(self.query_now(keys))
    }
}

/// A request on its way: asks once, then waits in the queues of its keys.
pub(crate) struct Enqueue<'a> {
    engine: &'a Memory,
    spec: LockSpec,
    state: State,
}

enum State {
    Asked,
    Waiting { ticket: Ticket, spans: bool },
    Done,
}

impl Enqueue<'_> {
    /// First without a clock and a waker, which the uncontended path has no use for; then for good.
    fn ask(&mut self, cx: &Context<'_>) -> Result<Option<MemoryHold>, Error> {
        let Enqueue { engine, spec, state } = self;
        let shared = &engine.shared;
        let entries = shared.entries(spec)?;
        let spans = shared.spans(&entries);
        let incoming = engine.incoming(&entries, spec);
        if spec.timeout_ref() == Some(Duration::ZERO) {
            let (ticket, token) = shared.attempt_or_time_out(&incoming)?;
            return Ok(Some(engine.hold(ticket, token, spans)));
        }
        if spec.timeout_ref().is_some() && !shared.has_clock() {
            return Err(Error::invalid("timeout", "the space has no clock"));
        }
        if let Some((ticket, token)) = shared.attempt(&incoming)? {
            return Ok(Some(engine.hold(ticket, token, spans)));
        }
        let now = shared.now();
        let deadline = engine.deadline(spec, now);
        let placed = shared.join(&incoming, Recipient::Task(cx.waker().clone()), now, deadline)?;
        if let Some(token) = placed.token {
            return Ok(Some(engine.hold(placed.ticket, token, spans)));
        }
        *state = State::Waiting { ticket: placed.ticket, spans };
        Ok(None)
    }
}

impl Future for Enqueue<'_> {
    type Output = Result<(MemoryHold, LockSpec), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match self.state {
            State::Asked => self.ask(cx).transpose(),
            State::Waiting { ticket, spans } => {
                let polled = self.engine.shared.poll(ticket, cx.waker());
                polled.map(|polled| polled.map(|token| self.engine.hold(ticket, token, spans)))
            }
            State::Done => return Poll::Pending,
        };
        let Some(outcome) = outcome else { return Poll::Pending };
        self.state = State::Done;
        Poll::Ready(outcome.map(|hold| (hold, std::mem::take(&mut self.spec))))
    }
}

impl Drop for Enqueue<'_> {
    fn drop(&mut self) {
        if let State::Waiting { ticket, .. } = self.state {
            self.engine.shared.leave(ticket, Leave::Cancel, None);
        }
    }
}

/// A grant in memory.
pub(crate) struct MemoryHold {
    home: Home,
    ticket: Ticket,
    token: u64,
}

/// What a grant needs to let go: its shard alone, where that has all its keys.
enum Home {
    Shard(Arc<Shard>),
    Space(Arc<Shared>),
}

impl Hold for MemoryHold {
    fn ticket(&self) -> Ticket {
        self.ticket
    }

    fn token(&self) -> u64 {
        self.token
    }

    fn held(&self) -> bool {
        match &self.home {
            Home::Shard(shard) => shard.held(self.ticket),
            Home::Space(shared) => shared.held(self.ticket),
        }
    }

    fn release(&self) -> bool {
        match &self.home {
            Home::Shard(shard) => shard.release(self.ticket),
            Home::Space(shared) => shared.leave(self.ticket, Leave::Release, None).is_some(),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("closed", &self.handle.is_closed()).finish_non_exhaustive()
    }
}
