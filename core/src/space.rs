//! A space: the handle that opens everything.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::drive::Drive;
use crate::engine::{Engine, Memory, MemoryCells};
use crate::machine::Leave;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::{Builder, Error, Guard, IntoKeys, Key, LockRequest, LockSpec, Owner, Port, Query, Ticket, TryLock, Within};

/// A space of keys: their lock queues, and cells with values of type `V`. A cheap handle; its clones are the same handle.
///
/// Close it with [`close`](Space::close), which ends what was asked for through this handle. Another handle on the same
/// space comes from [`attach`](Space::attach).
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// use latchwork::{Space, key};
///
/// let space = Space::new();
/// let guard = space.lock([key!("account", 1), key!("account", 2)]).await?;
/// assert!(space.try_lock(key!("account", 2)).await?.is_none());
/// drop(guard);
/// assert!(space.try_lock(key!("account", 2)).await?.is_some());
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
pub struct Space<V = ()> {
    engine: Arc<MemoryCells<V>>,
}

impl Space {
    /// A space of its own, in memory, without a clock: time-outs other than zero are `invalid`, ages are unknown.
    ///
    /// It is laid out for many threads and takes some 120 kB and tens of microseconds to make: keep one for the program
    /// and tell things apart by their keys. Where you do need many, give them few [shards](crate::Builder::shards).
    pub fn new() -> Space {
        Space::builder().build()
    }

    /// A space with other settings than the usual ones.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<V> Space<V> {
    pub(crate) fn engine(&self) -> &Memory {
        &self.engine.locks
    }

    pub(crate) fn cells(&self) -> &Arc<MemoryCells<V>> {
        &self.engine
    }
}

impl<V: Send + Sync + 'static> Space<V> {
    /// As [`Space::new`], with cells that hold values of type `V`.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<String>::with_cells();
    /// space.set("title", "Versioned cells".to_owned()).await?;
    /// assert_eq!(space.get("title").await?.value.as_deref(), Some("Versioned cells"));
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub fn with_cells() -> Space<V> {
        Space::builder().cells().build()
    }

    /// The first handle on a space whose cells hold such values.
    pub(crate) fn first(shared: Arc<Shared>) -> Option<Space<V>> {
        let handle = shared.first_handle();
        Some(Space::of(MemoryCells::new(Memory { shared, handle })?))
    }

    /// Another handle on a space; `None` when the space has ended, or its cells hold values of another type.
    pub(crate) fn another(shared: Arc<Shared>) -> Option<Space<V>> {
        let handle = shared.another_handle()?;
        Some(Space::of(MemoryCells::new(Memory { shared, handle })?))
    }

    /// Another handle on the same space, with a [`close`](Space::close) of its own. When every handle is closed
    /// already, the new one is closed too. Of a [sub-space](Space::within): another of the same prefix.
    pub fn attach(&self) -> Space<V> {
        match Space::another(self.engine().shared.clone()) {
            Some(space) => Space::of(space.engine.placed_as(&self.engine)),
            None => self.clone(),
        }
    }

    /// A sub-space: a cheap handle for the locks and cells of the keys under `prefix`, which it names without it. Whatever it
    /// is asked, it neither sees nor reaches anything else: no other key, lock, cell or request, not in a query, a scan, a
    /// watch or an error.
    ///
    /// Its key `k` is the key of this space that has the parts of `prefix` (or `prefix` as one part) and then `k` as the last
    /// part. It ends with this handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use latchwork::{KeyRange, key};
    ///
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::<u32>::with_cells();
    /// let tenant = space.within(key!("tenant", 7));
    /// tenant.set("seats", 5).await?;
    /// assert_eq!(space.get(key!("tenant", 7, "seats")).await?.value, Some(5));
    /// space.set("secret", 1).await?;
    /// assert_eq!(tenant.list(KeyRange::all()).await?.len(), 1);
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn within(&self, prefix: impl Into<Key>) -> Space<V> {
        Space::of(self.engine.within(prefix.into()))
    }

    fn of(engine: MemoryCells<V>) -> Space<V> {
        Space { engine: Arc::new(engine) }
    }

    fn spec(&self, spec: LockSpec) -> LockSpec {
        match self.place() {
            Some(place) => spec.within(place),
            None => spec,
        }
    }

    fn place(&self) -> Option<&Within> {
        self.engine.within_ref()
    }

    fn wrapped<'k>(&self, keys: &'k [Key]) -> Cow<'k, [Key]> {
        match self.place() {
            Some(place) => keys.iter().map(|key| place.wrap(key)).collect(),
            None => keys.into(),
        }
    }

    fn shown(&self, query: Query) -> Query {
        match self.place() {
            Some(place) => place.query(query),
            None => query,
        }
    }

    /// What tells this life of the space from others, as given to [`Builder::epoch`](crate::Builder::epoch).
    ///
    /// Fencing tokens begin anew in each life of a space, as at each start of the program. An outside store that checks
    /// them keeps the pair of epoch and token, and compares the epochs first.
    pub fn epoch(&self) -> u64 {
        self.engine().shared.epoch()
    }

    /// What whoever made the space said about it with [`Builder::meta`](crate::Builder::meta).
    pub fn meta(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.engine().shared.meta().cloned()
    }

    /// Asks for all of `keys`, exclusively unless told otherwise: a builder, and a future of the [`Guard`].
    ///
    /// The request joins the queues of all its keys in one step and holds nothing while it waits; when it is granted,
    /// all keys become its own in one step. The empty set is granted at once.
    ///
    /// # Fairness
    ///
    /// First come, first served on each key: a request is granted when no earlier incompatible request is left on any
    /// of its keys. Nobody overtakes on a key that they share in conflicting modes, so a request for many keys is not
    /// starved by requests for few. The price: a key that is free stays reserved for an earlier request that still
    /// waits for another key.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request; see [`LockRequest`].
    ///
    /// # Deadlocks
    ///
    /// Single requests never lock each other out, whatever the order of their keys. Requests made while holding a guard
    /// can: ask for all keys at once. Sorting the keys does not make nested requests safe, since a key can be reserved
    /// for a request that waits for you.
    ///
    /// A future that was granted and is not polled holds its keys all the same. Do not leave one lying in a `select!`
    /// branch or a `Vec`; [`query`](Space::query) shows it as not claimed.
    ///
    /// # Errors
    ///
    /// [`Timeout`](crate::ErrorKind::Timeout) after its time-out, [`Closed`](crate::ErrorKind::Closed) when the handle
    /// is closed, [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long or a time-out without a clock,
    /// [`Busy`](crate::ErrorKind::Busy) where a limit of waiters is reached. A request that could not wait for both reasons
    /// is `Busy`: whether it would be a [`Deadlock`](crate::ErrorKind::Deadlock) is looked at second.
    #[inline]
    pub fn lock(&self, keys: impl IntoKeys) -> LockRequest<'_> {
        self.request(LockSpec::new(keys))
    }

    /// Asks for what `spec` says: [`lock`](Space::lock) with its arguments made beforehand.
    #[inline]
    pub fn request(&self, spec: LockSpec) -> LockRequest<'_> {
        LockRequest::new(self.engine(), self.spec(spec))
    }

    /// Takes all of `keys` if no one else holds or waits for them, now: awaited, it answers `Some` guard or `None`.
    ///
    /// It never waits, joins a queue or overtakes: it answers `None` exactly when [`lock`](Space::lock) would wait.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) and [`Invalid`](crate::ErrorKind::Invalid), as for `lock`.
    pub fn try_lock(&self, keys: impl IntoKeys) -> TryLock<'_> {
        TryLock::new(self.engine(), self.spec(LockSpec::new(keys)))
    }

    /// Takes all of `keys`, runs `body`, and releases them, also when the body panics or the returned future is dropped.
    ///
    /// With options: [`space.lock(keys).label("…").run(body)`](LockRequest::run).
    ///
    /// # Errors
    ///
    /// Those of [`lock`](Space::lock); then the body did not run. What the body returns is passed on as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::new();
    /// let pages = space.with_lock("questionnaire", async |_guard| 1 + 1).await?;
    /// assert_eq!(pages, 2);
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub async fn with_lock<T>(&self, keys: impl IntoKeys, body: impl AsyncFnOnce(&Guard) -> T) -> Result<T, Error> {
        self.lock(keys).run(body).await
    }

    /// A line of work that takes locks under this name: see [`Owner`]. It ends with this handle.
    pub fn owner(&self, label: impl Into<Arc<str>>) -> Owner {
        Owner::of(self.engine(), self.engine().handle.origin(), Some(label.into()), self.place().cloned())
    }

    /// A line of work without a name of its own but its [`id`](Owner::id).
    pub fn unnamed_owner(&self) -> Owner {
        Owner::of(self.engine(), self.engine().handle.origin(), None, self.place().cloned())
    }

    /// Everything that is held and everything that waits, at one instant. Disturbs nothing, but every other operation
    /// waits meanwhile: some 50 µs on a space with the usual number of shards, and a microsecond or two for each lock and
    /// request that there is.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn query(&self) -> Result<Query, Error> {
        let query = self.engine().query(None).await?;
        Ok(self.shown(query))
    }

    /// What is held and what waits on any of `keys`, at one instant. Positions and blockers are those on these keys.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long.
    pub async fn query_keys(&self, keys: impl IntoKeys) -> Result<Query, Error> {
        let query = self.engine().query(Some(&self.wrapped(&keys.into_keys()))).await?;
        Ok(self.shown(query))
    }

    /// Takes `keys` away from everybody who holds any of them: those guards are [lost](Guard::lost), and the next in line
    /// are granted. Requests that wait keep their places. Answers how many guards were lost.
    ///
    /// What a lost guard held besides stays reserved for it until it is released.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long.
    pub fn revoke(&self, keys: impl IntoKeys) -> Result<usize, Error> {
        self.engine().revoke_now(&self.wrapped(&keys.into_keys()), None)
    }

    /// Takes one key, exclusively and at once: away from whoever holds it, as [`revoke`](Space::revoke) does, and before
    /// everybody who is queued for it. What the Web Locks API calls `steal`; a remedy, not a way to work.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long.
    pub fn steal(&self, key: impl Into<Key>) -> Result<Guard, Error> {
        let key = key.into();
        let mut spec = self.spec(LockSpec::new(key));
        let key = spec.wrap(&spec.keys().0[0]);
        Ok(Guard::of(self.engine().steal_now(&key)?, &mut spec))
    }

    /// Tells every request whose deadline has passed that it has timed out (clause B5).
    ///
    /// Whoever arms a timer of their own calls it when [`next_deadline`](Space::next_deadline) has passed;
    /// [`drive`](Space::drive) does both.
    pub fn tick(&self) {
        self.engine().shared.tick(None);
    }

    /// How long from now until something is due; `None` when nothing is, or the space has no clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        let next = self.engine().shared.timers().next()?;
        Some(next.saturating_sub(self.engine().shared.now()?))
    }

    /// Keeps time for the space: spawn it once, with the sleep of your runtime.
    ///
    /// The returned future calls [`tick`](Space::tick) whenever something is due, for every handle, and ends with the last
    /// of them. It keeps nothing alive.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example() {
    /// # mod tokio { pub mod time { pub async fn sleep(_: std::time::Duration) {} } }
    /// let start = std::time::Instant::now();
    /// let space = latchwork::Space::builder().clock(move || start.elapsed()).build();
    /// let drive = space.drive(tokio::time::sleep);
    /// // tokio::spawn(drive);
    /// # drop(drive);
    /// # }
    /// ```
    pub fn drive<S, F>(&self, sleep: S) -> Drive<S, F>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        Drive::new(self.engine(), sleep)
    }

    /// Closes this handle and its clones: their waits fail with [`Closed`](crate::ErrorKind::Closed), their grants are
    /// released, and what they ask from now on is refused. Closing again does nothing, and a [sub-space](Space::within) has
    /// nothing of its own to close.
    ///
    /// A call of [`update_async`](Space::update_async) or [`transact`](Space::transact) that has a time-out, an owner, a guard
    /// or a turn ends at once, while its body runs. One that has none of them is told at its body's next operation, and at the
    /// body's end.
    pub fn close(&self) {
        if self.place().is_none() {
            self.engine().shared.close(&self.engine().handle, Leave::Close);
        }
    }

    /// Whether this handle was closed.
    pub fn is_closed(&self) -> bool {
        self.engine().handle.is_closed()
    }

    /// Connects an event loop of a host language. `wake` is called, from any thread and with nothing locked, once for
    /// each batch of outcomes that somebody else settled for the port.
    pub fn port(&self, wake: impl Fn() + Send + Sync + 'static) -> Port<V> {
        Port::new(self.clone(), Box::new(wake))
    }

    /// Releases the grant that `ticket` names as the end of a holder does that went away without a word: requests queued
    /// for its keys are told that it was abandoned (clause L11). Does nothing when it is not held any more.
    pub fn abandon(&self, ticket: Ticket) {
        self.engine().shared.leave(ticket, Leave::Abandon, None);
    }

    /// Releases the grant that `ticket` names, from any thread. It has taken effect when this returns.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when it is not held any more; nothing changes.
    pub fn release(&self, ticket: Ticket) -> Result<(), Error> {
        match self.engine().shared.release(ticket, None) {
            true => Ok(()),
            false => Err(Error::not_held(Vec::new())),
        }
    }
}

impl Default for Space {
    fn default() -> Space {
        Space::new()
    }
}

impl<V> Clone for Space<V> {
    fn clone(&self) -> Space<V> {
        Space { engine: self.engine.clone() }
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Space<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("epoch", &self.epoch()).field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
