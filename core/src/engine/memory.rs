//! The in-memory engine: a handle on the shards of this process.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Engine, Hold};
use crate::machine::{Leave, Placed, Released};
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

    /// Joins for good: with a deadline, where there is a time-out and it is not too far for the clock.
    ///
    /// # Errors
    ///
    /// `timeout` at once when it is zero and the request would wait; `invalid` when there is no clock to measure it.
    pub(crate) fn join(&self, incoming: &Incoming<'_>, spec: &LockSpec, recipient: Recipient) -> Result<Placed, Error> {
        if spec.timeout_ref() == Some(Duration::ZERO) {
            return self.shared.join_or_time_out(incoming);
        }
        let now = self.shared.now();
        if spec.timeout_ref().is_some() && now.is_none() {
            return Err(Error::invalid("timeout", "the space has no clock"));
        }
        let deadline = now.zip(spec.timeout_ref()).and_then(|(now, timeout)| now.checked_add(timeout));
        self.shared.join(incoming, recipient, now, deadline)
    }

    /// What is held and what waits, at one instant.
    pub(crate) fn query_now(&self, keys: Option<&[Key]>) -> Result<Query, Error> {
        if self.handle.is_closed() {
            return Err(Error::closed());
        }
        keys.unwrap_or_default().iter().try_for_each(Key::check)?;
        Ok(self.shared.query(keys))
    }

    #[inline]
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

    #[inline]
    fn grant_at_once(&self, spec: &LockSpec) -> Result<Option<MemoryHold>, Error> {
        if let Some(key) = spec.plain_key() {
            let granted = self.shared.attempt_one(&self.handle, 0, key)?;
            return Ok(granted.map(|(ticket, token)| self.hold(ticket, token, false)));
        }
        let entries = self.shared.entries(spec)?;
        let granted = self.shared.attempt(&self.incoming(&entries, spec))?;
        Ok(granted.map(|(ticket, token)| self.hold(ticket, token, self.shared.spans(&entries))))
    }

    fn enqueue<'a>(&'a self, spec: &LockSpec) -> Enqueue<'a> {
        Enqueue { engine: self, state: State::Asked(spec.clone()) }
    }

    fn attempt(&self, spec: &LockSpec) -> impl Future<Output = Result<Option<MemoryHold>, Error>> + Send {
        ready(self.grant_at_once(spec))
    }

    fn query(&self, keys: Option<&[Key]>) -> impl Future<Output = Result<Query, Error>> + Send {
        ready(self.query_now(keys))
    }
}

/// A request on its way: joins at its first poll, then waits in the queues of its keys.
pub(crate) struct Enqueue<'a> {
    engine: &'a Memory,
    state: State,
}

enum State {
    Asked(LockSpec),
    Waiting { ticket: Ticket, spans: bool },
    Done,
}

impl Enqueue<'_> {
    fn join(&mut self, spec: &LockSpec, cx: &Context<'_>) -> Result<Option<MemoryHold>, Error> {
        let (engine, shared) = (self.engine, &self.engine.shared);
        let entries = shared.entries(spec)?;
        let spans = shared.spans(&entries);
        let recipient = Recipient::Task(cx.waker().clone());
        let placed = engine.join(&engine.incoming(&entries, spec), spec, recipient)?;
        if let Some(token) = placed.token {
            return Ok(Some(engine.hold(placed.ticket, token, spans)));
        }
        self.state = State::Waiting { ticket: placed.ticket, spans };
        Ok(None)
    }
}

impl Future for Enqueue<'_> {
    type Output = Result<MemoryHold, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match std::mem::replace(&mut self.state, State::Done) {
            State::Asked(spec) => self.join(&spec, cx).transpose(),
            State::Waiting { ticket, spans } => {
                let polled = self.engine.shared.poll(ticket, cx.waker());
                if polled.is_none() {
                    self.state = State::Waiting { ticket, spans };
                }
                polled.map(|polled| polled.map(|token| self.engine.hold(ticket, token, spans)))
            }
            State::Done => None,
        };
        outcome.map_or(Poll::Pending, Poll::Ready)
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
            Home::Shard(shard) => shard.release(self.ticket, None) == Released::Done,
            Home::Space(shared) => shared.release(self.ticket, None),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("closed", &self.handle.is_closed()).finish_non_exhaustive()
    }
}
