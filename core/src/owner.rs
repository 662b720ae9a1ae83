//! A line of work that takes locks.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

use crate::engine::Memory;
use crate::machine::Origin;
use crate::shared::Recipient;
use crate::shared::Shared;
use crate::signature::OwnerTag;
use crate::sync::Arc;
use crate::{Error, Guard, IntoKeys, LockRequest, LockSpec, Ticket, TryLock, Within};

/// One line of work, named explicitly: what it locks is its own, so that a wait for itself is refused instead of lasting
/// for ever.
///
/// Made by [`Space::owner`](crate::Space::owner), or by [`Guard::owner`] inside a [`with_lock`](crate::Space::with_lock).
/// Clones are the same owner. Dropping it changes nothing; [`close`](Owner::close) ends it. Jobs that run side by side need an
/// owner each: two requests of one owner for one key are a wait for itself.
///
/// # Deadlocks
///
/// A request of an owner fails at once with [`Deadlock`](crate::ErrorKind::Deadlock) when it asks for a key that the owner
/// has already, or when those it would wait for wait, directly or through others, for the owner. What the owner holds stays
/// held. The search looks only at requests that have to wait and whose owner holds or waits for something else.
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let space = latchwork::Space::new();
/// let checkout = space.owner("checkout");
/// let _cart = checkout.lock("cart").await?;
/// let error = checkout.lock(["cart", "stock"]).await.unwrap_err();
/// assert_eq!(error.code(), "deadlock");
/// assert_eq!(checkout.close(), 1);
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Owner(Arc<Inner>);

struct Inner {
    engine: Memory,
    tag: OwnerTag,
    /// Where its keys are, if it is an owner of a sub-space.
    within: Option<Within>,
}

impl Owner {
    pub(crate) fn new(engine: &Memory, origin: Origin, label: Option<Arc<str>>) -> Owner {
        Owner::of(engine, origin, label, None)
    }

    /// An owner of a sub-space.
    pub(crate) fn of(engine: &Memory, origin: Origin, label: Option<Arc<str>>, within: Option<Within>) -> Owner {
        let tag = engine.shared.open_owner(origin, label);
        if engine.handle.is_closed() {
            // It may have been too late to end with it.
            engine.shared.close_owner(tag.number, None);
        }
        Owner(Arc::new(Inner { engine: engine.clone(), tag, within }))
    }

    pub(crate) fn tag(&self) -> &OwnerTag {
        &self.0.tag
    }

    /// Whether it is an owner of this space.
    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        std::ptr::eq(&*self.0.engine.shared, shared)
    }

    /// Gives a grant that has none this owner.
    pub(crate) fn adopt(&self, ticket: Ticket) {
        self.0.engine.shared.adopt(ticket, &self.0.tag);
    }

    /// Its name in this space and all others: different for each owner, and across processes where the spaces were given
    /// different [seeds](crate::Builder::seed) or [epochs](crate::Builder::epoch).
    pub fn id(&self) -> &str {
        &self.0.tag.name.id
    }

    /// What its maker calls it.
    pub fn label(&self) -> Option<&str> {
        self.0.tag.name.label.as_deref()
    }

    /// As [`Space::lock`](crate::Space::lock), as a request of this owner.
    ///
    /// # Errors
    ///
    /// Besides those of `Space::lock`: [`Deadlock`](crate::ErrorKind::Deadlock), unless it is
    /// [`Busy`](crate::ErrorKind::Busy) before, and
    /// [`Cancelled`](crate::ErrorKind::Cancelled) once the owner is closed.
    pub fn lock(&self, keys: impl IntoKeys) -> LockRequest<'_> {
        LockRequest::new(&self.0.engine, self.spec(LockSpec::new(keys)))
    }

    /// As [`Space::try_lock`](crate::Space::try_lock), as a request of this owner. Never a deadlock: it does not wait.
    ///
    /// # Errors
    ///
    /// Besides those of `Space::try_lock`: [`Cancelled`](crate::ErrorKind::Cancelled) once the owner is closed.
    pub fn try_lock(&self, keys: impl IntoKeys) -> TryLock<'_> {
        TryLock::new(&self.0.engine, self.spec(LockSpec::new(keys)))
    }

    /// As [`Space::with_lock`](crate::Space::with_lock), as a request of this owner.
    ///
    /// # Errors
    ///
    /// Those of [`lock`](Owner::lock); then the body did not run.
    pub async fn with_lock<T>(&self, keys: impl IntoKeys, body: impl AsyncFnOnce(&Guard) -> T) -> Result<T, Error> {
        self.lock(keys).run(body).await
    }

    /// Waits for the next guard that is [handed over](Guard::hand_over) to this owner, other than those that resolve a
    /// request of it. First come, first served among the guards.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing. Of several futures of one owner, the last that was polled is woken.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::ErrorKind::Cancelled) when the owner is closed, [`Closed`](crate::ErrorKind::Closed) when it
    /// ended with its space handle.
    pub async fn handed_over(&self) -> Result<Guard, Error> {
        let Inner { engine, tag, .. } = &*self.0;
        poll_fn(|cx| {
            // Asked first, so that nothing is missed in between.
            engine.shared.watch_inbox(tag.number, Recipient::Task(cx.waker().clone()));
            if let Some(hold) = engine.take_handed_over(tag.number) {
                return Poll::Ready(Ok(Guard::of(hold, &mut self.spec(LockSpec::default()))));
            }
            match self.is_closed() {
                true if engine.handle.is_closed() => Poll::Ready(Err(Error::closed())),
                true => Poll::Ready(Err(Error::cancelled())),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Ends the owner: what it holds is released, what it waits for fails with
    /// [`Cancelled`](crate::ErrorKind::Cancelled), and so does what it asks for from now on. Answers how many locks and
    /// waits that ended. Closing again does nothing.
    pub fn close(&self) -> usize {
        self.0.engine.shared.close_owner(self.0.tag.number, None)
    }

    fn spec(&self, spec: LockSpec) -> LockSpec {
        let spec = spec.owner(self);
        match &self.0.within {
            Some(place) => spec.within(place),
            None => spec,
        }
    }

    /// Whether it was closed, or ended with the space handle or the port that made it.
    pub fn is_closed(&self) -> bool {
        !self.0.engine.shared.owner_is_open(self.0.tag.number)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.engine.shared.let_owner_go(self.tag.number);
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("id", &self.id()).field("label", &self.label()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use futures::executor::block_on;

    use super::*;
    use crate::{ErrorKind, Space};

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn spaces() -> [Space; 3] {
        [1, 2, 1024].map(|shards| Space::builder().shards(shards).build())
    }

    fn refused(request: &mut LockRequest<'_>) -> Vec<String> {
        match poll(request) {
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Deadlock => {
                error.cycle().iter().map(ToString::to_string).collect()
            }
            other => panic!("not a deadlock: {other:?}"),
        }
    }

    #[test]
    fn an_own_key_asked_again_is_a_deadlock_and_leaves_nothing() {
        for space in spaces() {
            let owner = space.owner("o");
            let mut held = block_on(owner.lock(["a", "b"])).expect("free");
            assert_eq!(refused(&mut owner.lock(["b", "c"])), [r#""o" waits for "b""#]);
            let mut shared = owner.lock("d").shared("a");
            assert_eq!(refused(&mut shared).len(), 1);
            assert!(block_on(owner.try_lock("a").into_future()).expect("open").is_none(), "never a deadlock");
            assert!(held.held());
            held.release().expect("held");
            let query = block_on(space.query()).expect("open");
            assert!(query.held.is_empty() && query.pending.is_empty());
            assert!(block_on(owner.lock(["a", "b", "c"])).is_ok());
        }
    }

    #[test]
    fn two_that_hold_what_the_other_wants() {
        for space in spaces() {
            let (one, other) = (space.owner("one"), space.owner("other"));
            let a = block_on(one.lock("a")).expect("free");
            let _b = block_on(other.lock("b")).expect("free");
            let mut waits = other.lock("a").label("second");
            assert!(poll(&mut waits).is_pending());
            let cycle = refused(&mut one.lock("b"));
            assert_eq!(cycle, [r#""one" waits for "b""#, r#""other" as "second" waits for "a""#]);
            drop(a);
            assert!(poll(&mut waits).is_ready(), "the other one goes on");
        }
    }

    /// Clause L12: b is free but reserved for the second, which waits for a.
    #[test]
    fn a_key_that_is_reserved_for_who_waits_for_us() {
        for space in spaces() {
            let first = space.owner("first");
            let _a = block_on(first.lock("a")).expect("free");
            let mut second = space.lock(["a", "b"]).label("second");
            assert!(poll(&mut second).is_pending());
            assert_eq!(refused(&mut first.lock("b")), [r#""first" waits for "b""#, r#""second" waits for "a""#]);
        }
    }

    #[test]
    fn a_long_circle_through_requests_with_and_without_owners() {
        const MANY: usize = if cfg!(miri) { 4 } else { 10 };
        for space in spaces() {
            let owners: Vec<Owner> = (0..MANY).map(|_| space.unnamed_owner()).collect();
            let mut held = Vec::new();
            let mut waiting = Vec::new();
            for (at, owner) in owners.iter().enumerate() {
                held.push(block_on(owner.lock(at)).expect("free"));
            }
            for (at, owner) in owners.iter().enumerate().skip(1) {
                let mut between = space.lock([at - 1, 100 + at]);
                assert!(poll(&mut between).is_pending());
                let mut behind = owner.lock(100 + at);
                assert!(poll(&mut behind).is_pending());
                waiting.extend([between, behind]);
            }
            let mut closes = owners[0].lock(MANY - 1);
            let error = match poll(&mut closes) {
                Poll::Ready(Err(error)) => error,
                other => panic!("not refused: {other:?}"),
            };
            assert_eq!(error.cycle().len(), 2 * MANY - 1);
            assert_eq!(error.cycle()[0].owner.as_ref().map(|owner| &*owner.id), Some(owners[0].id()));
            // One circle, one victim.
            assert!(waiting.iter_mut().all(|request| poll(request).is_pending()));
        }
    }

    #[test]
    fn no_alarm_without_a_circle() {
        for space in spaces() {
            let (one, other) = (space.owner("one"), space.owner("other"));
            let _a = block_on(one.lock("a")).expect("free");
            let _b = block_on(other.lock("b")).expect("free");
            let mut waits = one.lock("b");
            assert!(poll(&mut waits).is_pending());
            let mut behind = space.lock("a");
            assert!(poll(&mut behind).is_pending());
            let mut more = other.lock("c");
            assert!(poll(&mut more).is_ready());
            let mut shared = other.lock([] as [&str; 0]).shared("d");
            assert!(poll(&mut shared).is_ready());
        }
    }

    #[test]
    fn a_closed_owner_gives_everything_up() {
        for space in spaces() {
            let owner = space.owner("o");
            let held = block_on(owner.lock(["a", "b"])).expect("free");
            let blocker = block_on(space.lock("c")).expect("free");
            let mut waits = owner.lock(["c", "d"]);
            assert!(poll(&mut waits).is_pending());
            assert_eq!(owner.close(), 2);
            assert_eq!((owner.close(), owner.is_closed()), (0, true));
            assert!(!held.held());
            assert!(matches!(poll(&mut waits), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Cancelled));
            assert!(
                matches!(poll(&mut owner.lock("z")), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Cancelled)
            );
            drop(blocker);
            assert!(block_on(space.query()).expect("open").held.is_empty());
        }
    }

    #[test]
    fn a_grant_that_nobody_has_seen_ends_with_its_owner() {
        for space in spaces() {
            let owner = space.owner("o");
            let holder = block_on(space.lock(["a", "b"])).expect("free");
            let mut waits = owner.lock(["a", "b"]);
            assert!(poll(&mut waits).is_pending());
            drop(holder);
            assert_eq!(owner.close(), 1);
            assert!(matches!(poll(&mut waits), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Cancelled));
            assert!(block_on(space.query()).expect("open").held.is_empty());
        }
    }

    #[test]
    fn a_scope_has_an_owner_for_the_asking() {
        for space in spaces() {
            let id = block_on(space.with_lock("a", async |guard| {
                let owner = guard.owner().expect("in a scope");
                assert_eq!(guard.owner().expect("the same").id(), owner.id());
                let error = owner.lock("a").await.expect_err("its own");
                assert_eq!(error.kind(), ErrorKind::Deadlock);
                let _left = owner.lock("b").await.expect("free").into_ticket();
                let query = space.query().await.expect("open");
                assert!(query.held.iter().all(|hold| hold.owner.as_ref().is_some_and(|name| &*name.id == owner.id())));
                assert_eq!(query.held.len(), 2);
                owner
            }))
            .expect("free");
            assert!(id.is_closed(), "it ends with the scope");
            assert!(block_on(space.query()).expect("open").held.is_empty());
            assert!(block_on(space.lock("a")).expect("free").owner().is_none());
        }
    }

    #[test]
    fn owners_that_are_forgotten_leave_nothing() {
        let space = Space::builder().shards(1).build();
        let held = block_on(space.owner("o").lock("a")).expect("free");
        assert_eq!(held.owner().expect("given").label(), Some("o"));
        assert!(!held.owner().expect("given").is_closed());
        drop(held);
        let ids: Vec<String> = (0..3).map(|_| space.unnamed_owner().id().to_owned()).collect();
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    }

    /// Owners of two spaces have the same numbers, and nothing else.
    #[test]
    fn an_owner_of_another_space_is_refused() {
        for space in spaces() {
            let elsewhere = Space::new();
            let (owner, other) = (space.owner("o"), elsewhere.owner("o"));
            let _held = block_on(owner.lock("a")).expect("free");
            for request in [space.lock("a").owner(&other), space.lock("b").owner(&other)] {
                assert_eq!(block_on(request).expect_err("foreign").what(), Some("owner"));
            }
            let tried = block_on(space.try_lock("b").owner(&other).into_future());
            assert_eq!(tried.expect_err("foreign").what(), Some("owner"));
            assert!(block_on(space.attach().lock("b").owner(&owner)).is_ok(), "another handle on the same space");
        }
    }

    /// Two threads close the same circle at once, again and again: one of them is refused, never both and never neither.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "two threads close the circle at once")]
    fn one_victim_when_two_close_a_circle_at_once() {
        let rounds = if cfg!(miri) { 3 } else { 300 };
        let space = Space::new();
        for _ in 0..rounds {
            let (one, other) = (space.owner("one"), space.owner("other"));
            let barrier = std::sync::Barrier::new(2);
            let part = |owner: &Owner, first: &'static str, second: &'static str| {
                let held = block_on(owner.lock(first)).expect("free");
                barrier.wait();
                let refused = match block_on(owner.lock(second)) {
                    Ok(_both) => 0,
                    Err(error) => {
                        assert_eq!((error.kind(), error.cycle().len()), (ErrorKind::Deadlock, 2));
                        1
                    }
                };
                drop(held);
                refused
            };
            let refused = std::thread::scope(|scope| {
                let there = scope.spawn(|| part(&other, "b", "a"));
                part(&one, "a", "b") + there.join().expect("no panic")
            });
            assert_eq!(refused, 1);
        }
    }
}
