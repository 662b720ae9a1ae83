//! The in-memory engine: a handle on the shards of this process.

use std::any::Any;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Engine, Enqueued, Hold, Wait};
use crate::machine::{GiveUp, Leave, MaxHold, Origin, Placed, Released};
use crate::shared::{Entries, Granted, Handed, Handle, Incoming, Mailbox, Payload, Recipient, Shard, Shared, at_once};
use crate::sync::Arc;
use crate::{Error, Grant, Key, LockSpec, Owner, Query, Ticket, Within};

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
        Incoming {
            handle: &self.handle,
            origin: self.handle.origin(),
            entries,
            signature: spec.signature(),
            max_hold: spec.max_hold_ref().map(MaxHold::For),
        }
    }

    /// Refuses a time-out that nobody could measure, also where the request would not have to wait.
    #[inline]
    pub(crate) fn check(&self, spec: &LockSpec) -> Result<(), Error> {
        match spec.timeout_ref() {
            Some(timeout) if !timeout.is_zero() && self.shared.clock().is_none() => {
                Err(Error::invalid("timeout", "the space has no clock"))
            }
            _ => self.check_hold(spec),
        }
    }

    /// Refuses an end of the hold that nobody could tell.
    #[inline]
    pub(crate) fn check_hold(&self, spec: &LockSpec) -> Result<(), Error> {
        match spec.max_hold_ref() {
            Some(_) if self.shared.clock().is_none() => Err(Error::invalid("max_hold", "the space has no clock")),
            _ => Ok(()),
        }
    }

    /// Takes these keys away from everybody who holds them.
    pub(crate) fn revoke_now(&self, keys: &[Key], own: Option<&Mailbox>) -> Result<usize, Error> {
        if self.handle.is_closed() {
            return Err(Error::closed());
        }
        keys.iter().try_for_each(Key::check_or_turn)?;
        Ok(self.shared.revoke(keys, own))
    }

    /// Joins for good: with a deadline, where there is a time-out and it is not too far for the clock.
    ///
    /// # Errors
    ///
    /// `timeout` at once when it is zero and the request would wait.
    pub(crate) fn join(&self, incoming: &Incoming<'_>, spec: &LockSpec, recipient: Recipient) -> Result<Placed, Error> {
        if spec.timeout_ref() == Some(Duration::ZERO) {
            return self.shared.join_or_time_out(incoming);
        }
        let now = self.shared.now();
        let deadline = now.zip(spec.timeout_ref()).and_then(|(now, timeout)| now.checked_add(timeout));
        self.shared.join(incoming, recipient, now, deadline)
    }

    /// Takes a key away from whoever holds it, before everybody who is queued for it.
    pub(crate) fn steal_now(&self, key: &Key) -> Result<MemoryHold, Error> {
        let grant = self.shared.steal(&self.handle, self.handle.origin(), key, None, None)?;
        Ok(self.hold(Granted { grant, spans: false, once: true }))
    }

    /// What is held and what waits, at one instant.
    pub(crate) fn query_now(&self, keys: Option<&[Key]>) -> Result<Query, Error> {
        if self.handle.is_closed() {
            return Err(Error::closed());
        }
        keys.unwrap_or_default().iter().try_for_each(Key::check_or_turn)?;
        Ok(self.shared.query(keys))
    }

    #[inline]
    fn attempt_now(&self, spec: &LockSpec) -> Result<Option<Granted>, Error> {
        match spec.plain_keys() {
            Some([key]) => {
                let granted = self.shared.attempt_one(&self.handle, self.handle.origin(), key)?;
                return Ok(granted.map(|grant| Granted { grant, spans: false, once: true }));
            }
            Some(keys) => {
                if let Some(granted) = self.shared.attempt_few(&self.handle, self.handle.origin(), keys)? {
                    return Ok(Some(granted));
                }
            }
            None => {}
        }
        self.attempt_all(spec)
    }

    /// Takes all keys if that needs no waiting, whatever they are.
    fn attempt_all(&self, spec: &LockSpec) -> Result<Option<Granted>, Error> {
        let entries = self.shared.entries(spec)?;
        let granted = self.shared.attempt(&self.incoming(&entries, spec))?;
        Ok(granted.map(|grant| Granted { grant, spans: self.shared.spans(&entries), once: false }))
    }

    fn enqueue_for_good(&self, spec: &LockSpec, waker: &Waker) -> Result<Enqueued<Granted, MemoryWait<'_>>, Error> {
        let entries = self.shared.entries(spec)?;
        let spans = self.shared.spans(&entries);
        let placed = self.join(&self.incoming(&entries, spec), spec, Recipient::Task(waker.clone()))?;
        let enqueued = self.enqueued(placed, spans, false);
        self.shared.timers().wake_if_sooner();
        Ok(enqueued)
    }

    #[inline(always)]
    fn enqueued(&self, placed: Placed, spans: bool, once: bool) -> Enqueued<Granted, MemoryWait<'_>> {
        match placed.token {
            Some(token) => Enqueued::Granted(Granted { grant: at_once((placed.ticket, token)), spans, once }),
            None => Enqueued::Waiting(MemoryWait { engine: self, ticket: placed.ticket, spans, once, done: false }),
        }
    }

    /// The next grant that was handed over to an owner.
    pub(crate) fn take_handed_over(&self, owner: u64) -> Option<MemoryHold> {
        let (grant, handed) = self.shared.take_handed_over(owner)?;
        Some(self.handed_over(grant, Some(handed)))
    }

    fn handed_over(&self, grant: Grant, handed: Option<Handed>) -> MemoryHold {
        MemoryHold { home: Home::Space(self.shared.clone()), grant, handed: handed.map(Box::new) }
    }
}

impl Engine for Memory {
    type Wait<'a> = MemoryWait<'a>;
    type Granted = Granted;
    type Hold = MemoryHold;

    #[inline(always)]
    fn enqueue_one(&self, key: &Key, waker: &Waker) -> Result<Enqueued<Granted, MemoryWait<'_>>, Error> {
        let recipient = || Recipient::Task(waker.clone());
        let placed = self.shared.join_one(&self.handle, self.handle.origin(), key, recipient)?;
        Ok(self.enqueued(placed, false, true))
    }

    #[inline(always)]
    fn attempt_few(&self, keys: &[Key]) -> Result<Option<Granted>, Error> {
        self.shared.attempt_few(&self.handle, self.handle.origin(), keys)
    }

    fn enqueue(&self, spec: &LockSpec, waker: &Waker) -> Result<Enqueued<Granted, MemoryWait<'_>>, Error> {
        self.check(spec)?;
        // First without a clock, a waker or a queue, which the uncontended path has no use for.
        match self.attempt_all(spec)? {
            Some(granted) => Ok(Enqueued::Granted(granted)),
            None => self.enqueue_for_good(spec, waker),
        }
    }

    #[inline(always)]
    fn hold(&self, Granted { grant, spans, .. }: Granted) -> MemoryHold {
        let home = match spans {
            true => Home::Space(self.shared.clone()),
            false => Home::Shard(self.shared.shard(grant.ticket).clone()),
        };
        MemoryHold { home, grant, handed: None }
    }

    fn attempt(&self, spec: &LockSpec) -> impl Future<Output = Result<Option<MemoryHold>, Error>> + Send {
        ready(self.attempt_now(spec).map(|granted| granted.map(|granted| self.hold(granted))))
    }

    fn query(&self, keys: Option<&[Key]>) -> impl Future<Output = Result<Query, Error>> + Send {
        ready(self.query_now(keys))
    }
}

/// A request that waits in the queues of its keys.
pub(crate) struct MemoryWait<'a> {
    engine: &'a Memory,
    ticket: Ticket,
    spans: bool,
    once: bool,
    done: bool,
}

impl Future for MemoryWait<'_> {
    type Output = Result<MemoryHold, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.done {
            return Poll::Pending;
        }
        let Memory { shared, handle } = self.engine;
        let Some(outcome) = shared.poll(handle, self.ticket, cx.waker()) else { return Poll::Pending };
        self.done = true;
        Poll::Ready(outcome.map(|grant| match grant.ticket == self.ticket {
            true => self.engine.hold(Granted { grant, spans: self.spans, once: self.once }),
            false => self.engine.handed_over(grant, self.engine.shared.take_handed(grant.ticket)),
        }))
    }
}

impl Wait<Granted, MemoryHold> for MemoryWait<'_> {
    #[inline(always)]
    fn see_grant(&mut self) -> Option<Granted> {
        if self.done {
            return None;
        }
        let grant = self.engine.shared.claim_told(self.ticket)?;
        self.done = true;
        Some(Granted { grant, spans: self.spans, once: self.once })
    }
}

impl Drop for MemoryWait<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.engine.shared.give_up_wait(self.ticket);
        }
    }
}

/// A grant in memory.
pub(crate) struct MemoryHold {
    home: Home,
    grant: Grant,
    /// What came along with a grant that was handed over.
    handed: Option<Box<Handed>>,
}

/// What a grant needs to let go: its shard alone, where that has all its keys.
enum Home {
    Shard(Arc<Shard>),
    Space(Arc<Shared>),
}

impl MemoryHold {
    /// The space, if it is still there.
    fn space(&self) -> Option<Arc<Shared>> {
        match &self.home {
            Home::Shard(shard) => shard.space(),
            Home::Space(shared) => Some(shared.clone()),
        }
    }

    /// Releases what has an end. Without its space nobody knows the time, and nobody else can have the keys.
    #[cold]
    fn release_in_time(&self) -> bool {
        self.space().is_none_or(|shared| shared.release(self.grant.ticket, None))
    }
}

impl Hold for MemoryHold {
    fn ticket(&self) -> Ticket {
        self.grant.ticket
    }

    fn token(&self) -> u64 {
        self.grant.token
    }

    fn abandoned(&self) -> bool {
        self.grant.abandoned
    }

    fn held(&self) -> bool {
        match &self.home {
            Home::Shard(shard) => shard.held(self.grant.ticket),
            Home::Space(shared) => shared.held(self.grant.ticket),
        }
    }

    fn release(&self) -> bool {
        match &self.home {
            Home::Shard(shard) => match shard.release(self.grant.ticket, None) {
                Released::Done => true,
                Released::Ends => self.release_in_time(),
                Released::Spans | Released::NotHeld => false,
            },
            Home::Space(shared) => shared.release_lone(self.grant.ticket) || shared.release(self.grant.ticket, None),
        }
    }

    fn give_up(&self, keys: Option<&[Key]>, what: GiveUp) -> Result<(), Error> {
        let shared = self.space().ok_or_else(|| Error::not_held(keys.unwrap_or_default().to_vec()))?;
        shared.give_up(self.grant.ticket, keys, what, None)
    }

    fn is_of(&self, space: &Memory) -> bool {
        match &self.home {
            Home::Shard(shard) => shard.is_of(&space.shared),
            Home::Space(shared) => Arc::ptr_eq(shared, &space.shared),
        }
    }

    fn knows(&self, owner: &Owner) -> bool {
        self.space().is_none_or(|shared| owner.belongs_to(&shared))
    }

    fn hand_over(&self, to: &str, payload: Payload) -> Result<bool, Error> {
        let shared = self.space().ok_or_else(|| Error::not_held(Vec::new()))?;
        shared.hand_over(self.grant.ticket, to, Some(payload), None)
    }

    #[inline]
    fn handed(&mut self) -> Option<&mut Handed> {
        self.handed.as_deref_mut()
    }

    fn times_handed(&self) -> u32 {
        self.handed.as_ref().map_or(0, |handed| handed.times)
    }

    fn payload(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.handed.as_ref()?.payload.as_deref()
    }

    fn watch_lost(&self, waker: Waker) -> bool {
        self.space().is_some_and(|shared| shared.watch_lost(self.grant.ticket, Recipient::Task(waker)))
    }

    fn adopt(&self, origin: Origin, within: Option<Within>) -> Option<Owner> {
        let shared = self.space()?;
        let handle = shared.handle_from(origin)?;
        let owner = Owner::of(&Memory { handle, shared }, origin, None, within);
        owner.adopt(self.grant.ticket);
        Some(owner)
    }

    fn abandon(&self) {
        match &self.home {
            Home::Shard(shard) => shard.abandon(self.grant.ticket),
            Home::Space(shared) => {
                shared.leave(self.grant.ticket, Leave::Abandon, None);
            }
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("closed", &self.handle.is_closed()).finish_non_exhaustive()
    }
}
