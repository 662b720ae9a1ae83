//! A lock that is held.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

use crate::engine::{Engine, Hold, Memory};
use crate::machine::{GiveUp, Origin};
use crate::shared::Demand;
use crate::sync::OnceLock;
use crate::{Error, ErrorKind, IntoKeys, Key, LockSpec, Owner, Ticket};

/// A lock that is held, on one key or several. Dropping it releases them all in one step.
///
/// Every grant is its own: a guard that was released, or whose space was closed, never touches a newer one (clause L9).
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let space = latchwork::Space::new();
/// let mut guard = space.lock("report").await?;
/// assert!(guard.held());
/// guard.release()?;
/// assert_eq!(guard.release().unwrap_err().code(), "not_held");
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[must_use = "dropping the guard releases the lock"]
pub struct Guard {
    hold: <Memory as Engine>::Hold,
    spec: LockSpec,
    /// Whether dropping it releases.
    releases: bool,
    /// Whether a panic was under way when it was made: then it is not that panic that ends it.
    panicking: bool,
    /// Of the guard of a scope; apart, so that the others, which are moved about, are small.
    scope: Option<Box<Scope>>,
}

/// What the guard of a scope has besides: an owner for the asking.
struct Scope {
    /// The handle that the owner ends with.
    origin: Origin,
    owner: OnceLock<Owner>,
}

impl Guard {
    /// Takes over what is left in `spec`, which was granted.
    #[inline(always)]
    pub(crate) fn new(engine: &Memory, granted: <Memory as Engine>::Granted, spec: &mut LockSpec) -> Guard {
        if !granted.once {
            spec.normalise();
        }
        let panicking = std::thread::panicking();
        Guard { hold: engine.hold(granted), spec: std::mem::take(spec), releases: true, panicking, scope: None }
    }

    /// Takes over what is left in `spec`, or what was handed over.
    pub(crate) fn of(mut hold: <Memory as Engine>::Hold, spec: &mut LockSpec) -> Guard {
        if let Some(handed) = hold.handed() {
            let (keys, shared) = (std::mem::take(&mut handed.keys), std::mem::take(&mut handed.shared));
            let (keys, shared) = (spec.unwrap(keys), spec.unwrap(shared));
            spec.replace_keys(keys, shared);
        }
        spec.normalise();
        let panicking = std::thread::panicking();
        Guard { hold, spec: std::mem::take(spec), releases: true, panicking, scope: None }
    }

    /// The keys held exclusively, in the order asked for, without duplicates.
    pub fn keys(&self) -> &[Key] {
        self.spec.keys().0
    }

    /// The keys held in shared mode, in the order asked for, without duplicates.
    pub fn shared(&self) -> &[Key] {
        self.spec.keys().1
    }

    /// The fencing token: larger than that of every earlier incompatible grant of any of the keys in this life of the
    /// space (clause L14). An outside store keeps it beside [`Space::epoch`](crate::Space::epoch).
    pub fn token(&self) -> u64 {
        self.hold.token()
    }

    /// The label that the request gave itself.
    pub fn label(&self) -> Option<&str> {
        self.spec.label_ref().map(|label| &**label)
    }

    /// The owner of the request. Inside a [`with_lock`](crate::Space::with_lock) that has none, one is made for the scope
    /// when it is first asked for, and closed at the end of the scope: `guard.owner()` is how a body takes further locks
    /// as the same line of work.
    pub fn owner(&self) -> Option<Owner> {
        if let Some(owner) = self.spec.owner_ref() {
            return Some(owner.clone());
        }
        let scope = self.scope.as_ref()?;
        if let Some(owner) = scope.owner.get() {
            return Some(owner.clone());
        }
        let owner = self.hold.adopt(scope.origin, self.spec.within_ref().cloned())?;
        Some(scope.owner.get_or_init(|| owner).clone())
    }

    /// Whether a holder of one of the keys went away without a word while this request was queued: unwound by a panic, or
    /// dropped in the middle of a [`with_lock`](crate::Space::with_lock) (clause L11). What the keys protect may be half
    /// done. Not so of a lock that was taken away ([lost](Guard::lost)): its holder still runs.
    pub fn abandoned(&self) -> bool {
        self.hold.abandoned()
    }

    /// Whether the lock is still held: not released, not handed over and not [lost](Guard::lost), by the clock.
    pub fn held(&self) -> bool {
        self.releases && self.hold.held()
    }

    /// Releases all keys that it still has. It has taken effect when this returns: the next in line hold them.
    ///
    /// Of a lock that was [lost](Guard::lost) in part, what was not taken away stays reserved until this, or until it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when nothing is left to be released; nothing changes.
    pub fn release(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.releases) && self.hold.release() {
            return Ok(());
        }
        Err(Error::not_held([self.keys(), self.shared()].concat()))
    }

    /// Releases some of the keys; the rest stays held. When they were the last ones, the lock is released.
    ///
    /// A lock that was handed over into a sub-space may have keys that cannot be named there: they stay held until
    /// [`release`](Guard::release), or until it is dropped.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) with those that are not held; then nothing has changed.
    pub fn release_keys(&mut self, keys: impl IntoKeys) -> Result<(), Error> {
        let keys = keys.into_keys();
        self.give_up(&keys, GiveUp::Keys)?;
        self.spec.forget_keys(&keys);
        Ok(())
    }

    /// Makes all keys shared ones, and admits the shared requests that are next in line. There is no way back: an upgrade
    /// could wait for another one for ever.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when the lock is not held any more.
    pub fn downgrade(&mut self) -> Result<(), Error> {
        let keys = self.keys().to_vec();
        self.downgrade_keys(keys)
    }

    /// Makes some of the keys shared ones. Nothing for those that are shared already.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) with those that are not held; then nothing has changed.
    pub fn downgrade_keys(&mut self, keys: impl IntoKeys) -> Result<(), Error> {
        let keys = keys.into_keys();
        self.give_up(&keys, GiveUp::Exclusiveness)?;
        self.spec.share_keys(&keys);
        Ok(())
    }

    /// Hands the lock over to another owner, with its token and all its keys: those who wait keep their places, and the end
    /// of the giver no longer matters. This guard is not held any more.
    ///
    /// If the new owner waits for some of the keys, in the same or weaker modes, that request is resolved with this lock;
    /// else it waits in [`Owner::handed_over`]. Answers whether it was delivered: to a closed owner it is not, and the keys
    /// are released.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld); [`Invalid`](crate::ErrorKind::Invalid) to its own owner or to one of another
    /// space; [`Deadlock`](crate::ErrorKind::Deadlock) when the new owner would wait for itself. Then nothing has moved.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::new();
    /// let job = space.owner("encode");
    /// let mut guard = space.lock("encoder").await?;
    /// assert!(guard.hand_over(&job, "film.mov")?);
    /// assert!(!guard.held());
    /// let guard = job.handed_over().await?;
    /// assert_eq!(guard.payload().and_then(|film| film.downcast_ref()), Some(&"film.mov"));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn hand_over(&mut self, to: &Owner, payload: impl Any + Send + Sync) -> Result<bool, Error> {
        if !self.hold.knows(to) {
            return Err(Error::invalid("owner", "is of another space"));
        }
        self.hand_over_to(to.id(), payload)
    }

    /// As [`hand_over`](Guard::hand_over), to the owner with this [id](Owner::id).
    ///
    /// # Errors
    ///
    /// As for `hand_over`. [`Invalid`](crate::ErrorKind::Invalid) too for an id that no owner of this space ever had.
    pub fn hand_over_to(&mut self, owner_id: &str, payload: impl Any + Send + Sync) -> Result<bool, Error> {
        let not_held = |guard: &Guard| Error::not_held([guard.keys(), guard.shared()].concat());
        if !self.releases {
            return Err(not_held(self));
        }
        let delivered = match self.hold.hand_over(owner_id, Box::new(payload)) {
            Err(error) if error.kind() == ErrorKind::NotHeld => return Err(not_held(self)),
            delivered => delivered.map_err(|error| self.spec.unwrap_error(error))?,
        };
        self.releases = false;
        Ok(delivered)
    }

    /// What the giver sent along, if the lock was handed over.
    pub fn payload(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.hold.payload()
    }

    /// Takes out what the giver sent along.
    pub fn take_payload(&mut self) -> Option<Box<dyn Any + Send + Sync>> {
        self.hold.handed()?.payload.take()
    }

    /// Waits until the lock is lost: taken away by [`Space::revoke`](crate::Space::revoke), by the end of its
    /// [`max_hold`](crate::LockRequest::max_hold), or with its owner or its space handle (clause L15). Ends at once when it
    /// is not held any more, also when its holder released it or handed it over, and never while it is. That a lock was lost
    /// is no error by itself: whoever needs to know asks, or names the guard in a commit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing. Of several futures of one guard, the last that was polled is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::new();
    /// let guard = space.lock("report").await?;
    /// assert_eq!(space.revoke("report")?, 1);
    /// guard.lost().await;
    /// assert!(!guard.held());
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub async fn lost(&self) {
        poll_fn(|cx| match self.releases && self.hold.watch_lost(cx.waker().clone()) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }

    /// What a commit demands of this guard, or of some of its keys.
    ///
    /// # Errors
    ///
    /// `invalid` when it is of another space.
    pub(crate) fn demand(&self, space: &Memory, keys: Option<Vec<Key>>) -> Result<Demand, Error> {
        if !self.hold.is_of(space) {
            return Err(Error::invalid("guard", "is of another space"));
        }
        let ticket = self.releases.then(|| self.hold.ticket());
        Ok(Demand { ticket, token: self.token(), keys, handed: Some(self.hold.times_handed()), call: None })
    }

    fn give_up(&self, keys: &[Key], what: GiveUp) -> Result<(), Error> {
        if !self.releases {
            return Err(Error::not_held(keys.to_vec()));
        }
        let known: Vec<Key> = keys.iter().map(|key| self.spec.wrap(key)).collect();
        self.hold.give_up(Some(&known), what).map_err(|error| self.spec.unwrap_error(error))
    }

    /// The name of the grant.
    pub fn ticket(&self) -> Ticket {
        self.hold.ticket()
    }

    /// The guard of a scope of the handle with this origin.
    pub(crate) fn scoped(mut self, origin: Origin) -> Guard {
        self.scope = Some(Box::new(Scope { origin, owner: OnceLock::new() }));
        self
    }

    /// Ends the owner that was made for the scope.
    pub(crate) fn end_scope(&mut self) {
        if let Some(owner) = self.scope.as_mut().and_then(|scope| scope.owner.take()) {
            owner.close();
        }
    }

    /// Releases as a holder does that went away without a word.
    pub(crate) fn abandon(&mut self) {
        if std::mem::take(&mut self.releases) {
            self.hold.abandon();
        }
    }

    /// Gives up the guard without releasing the lock: who has the ticket releases it, through
    /// [`Space::release`](crate::Space::release).
    pub fn into_ticket(mut self) -> Ticket {
        self.releases = false;
        self.hold.ticket()
    }
}

impl Drop for Guard {
    /// Releases. A guard that is dropped by a panic [abandons](Guard::abandoned) its keys.
    fn drop(&mut self) {
        if std::thread::panicking() && !self.panicking {
            self.abandon();
        } else if self.releases {
            self.hold.release();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Guard");
        shown.field("keys", &self.keys()).field("shared", &self.shared()).field("token", &self.token());
        shown.field("label", &self.label()).field("held", &self.held()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use futures::executor::block_on;

    use super::*;
    use crate::Space;

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// The guard of a request for both keys that was queued behind `hold`, once that has ended.
    fn successor(space: &Space, end: impl FnOnce()) -> Guard {
        let mut waits = space.lock(["a", "b"]);
        assert!(poll(&mut waits).is_pending());
        end();
        match poll(&mut waits) {
            Poll::Ready(Ok(guard)) => guard,
            other => panic!("not granted: {other:?}"),
        }
    }

    #[test]
    fn who_is_queued_for_what_a_panic_let_go_is_told() {
        for shards in [1, 4096] {
            let space = Space::builder().shards(shards).build();
            let held = block_on(space.lock(["a", "c"])).expect("free");
            let guard = successor(&space, || {
                let panic = || {
                    let _held = held;
                    panic!("in the middle");
                };
                assert!(catch_unwind(AssertUnwindSafe(panic)).is_err());
            });
            assert!(guard.abandoned());
            drop(guard);
            assert!(!block_on(space.lock("a")).expect("free").abandoned(), "no marks are kept");
        }
    }

    #[test]
    fn a_body_that_is_dropped_in_the_middle_abandons() {
        let space = Space::new();
        let guard = {
            let mut scope = Box::pin(space.with_lock(["b", "a"], async |_| std::future::pending::<()>().await));
            assert!(poll(&mut scope).is_pending());
            successor(&space, || drop(scope))
        };
        assert!(guard.abandoned());
    }

    #[test]
    fn an_ordinary_end_is_none_of_that() {
        let space = Space::new();
        let mut held = block_on(space.lock("a")).expect("free");
        assert!(!successor(&space, || held.release().expect("held")).abandoned());
        let held = block_on(space.lock("a")).expect("free");
        assert!(!successor(&space, || drop(held)).abandoned());
        let other = space.attach();
        let _held = block_on(other.lock("a")).expect("free");
        assert!(!successor(&space, || other.close()).abandoned());
        let (go, gone) = futures::channel::oneshot::channel::<()>();
        let mut scope = pin!(space.with_lock("a", async |_| gone.await));
        assert!(scope.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let guard = successor(&space, || {
            go.send(()).expect("it waits");
            assert!(scope.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        });
        assert!(!guard.abandoned());
    }

    #[test]
    fn a_port_or_a_ticket_can_be_abandoned() {
        let space = Space::new();
        let port = space.port(|| {});
        port.lock(&LockSpec::new("a"), 1).expect("free");
        assert!(successor(&space, || port.abandon()).abandoned());
        let ticket = block_on(space.lock("b")).expect("free").into_ticket();
        assert!(successor(&space, || space.abandon(ticket)).abandoned());
        assert!(space.release(ticket).is_err());
    }
}
