//! Updates of one cell, as futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::course::{Course, Go};
use super::one_cell::{self, Written};
use super::ride::Ride;
use super::{CallSpec, Change};
use crate::engine::MemoryCells;
use crate::entry::Told;
use crate::shared::Stored;
use crate::sync::Arc;
use crate::{Entry, Error, Expiry, Guard, IntoKeys, Key, Owner};

/// What an update did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated<V> {
    /// The value that the cell has now; `None` when it is absent.
    pub value: Option<V>,
    /// The version of the change, or that of the cell where nothing was changed.
    pub version: u64,
    /// How often the function ran.
    pub attempts: u32,
    /// Whether anything was written.
    pub changed: bool,
}

/// What the function of an update answers: a [`Change`], or a `Result` with one and an error of its own.
pub trait IntoChange<V> {
    /// What the update fails with: the function's own errors, unchanged, and those of the space.
    type Error: From<Error>;

    /// The change.
    ///
    /// # Errors
    ///
    /// The function's own error, which ends the update at once.
    fn into_change(self) -> Result<Change<V>, Self::Error>;
}

/// An update of one cell: a builder first, then a future of what it did. Made by [`Space::update`](crate::Space::update) and
/// [`Space::update_async`](crate::Space::update_async), which say how it goes.
///
/// # Cancel safety
///
/// Nothing happens before the first poll. Dropping it gives it up: nothing is written, and it leaves no turn and no wait.
#[must_use = "an update does nothing unless it is awaited"]
pub struct Update<'a, V: Send + Sync + 'static, F, R, W> {
    engine: &'a MemoryCells<V>,
    key: Key,
    function: F,
    /// What most updates do without.
    spec: Option<Box<CallSpec>>,
    expiry: Expiry,
    /// The first thing that was found wrong.
    refused: Option<Error>,
    /// Made when there are options, or somebody is in its way: one that is undisturbed does without.
    ride: Option<Box<Ride>>,
    running: Option<Running<V, R>>,
    over: bool,
    way: W,
}

/// How the function of an update, or the body of a transaction, answers: at once.
#[derive(Debug)]
pub struct AtOnce;

/// How the function of an update, or the body of a transaction, answers: as a future.
#[derive(Debug)]
pub struct Awaited;

/// A function that has not answered yet.
struct Running<V, R> {
    answer: Pin<Box<R>>,
    seen: Seen<V>,
}

/// What a function was given.
struct Seen<V> {
    version: u64,
    value: Option<Stored<V>>,
}

/// What an answer comes to.
enum Outcome<V> {
    Done(Updated<V>),
    /// It runs again, or waits for its turn.
    Again(Option<Told<Stored<V>>>),
}

impl<'a, V: Clone + Send + Sync + 'static, F, R, W> Update<'a, V, F, R, W> {
    pub(crate) fn new(engine: &'a MemoryCells<V>, key: Key, function: F, way: W) -> Update<'a, V, F, R, W> {
        Update {
            engine,
            key,
            function,
            spec: None,
            expiry: Expiry::Keep,
            refused: None,
            ride: None,
            running: None,
            over: false,
            way,
        }
    }

    /// Sets how often the function runs at most: then it fails with [`Conflict`](crate::ErrorKind::Conflict).
    pub fn attempts(self, limit: u32) -> Self {
        self.with(|spec| spec.attempts(limit))
    }

    /// Sets how long everything may last, waits and function together; then it fails with
    /// [`Timeout`](crate::ErrorKind::Timeout). Zero: it may not wait. Another needs a space with a
    /// [clock](crate::Builder::clock), and is told as time-outs of locks are.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|spec| spec.timeout(timeout))
    }

    /// Makes it a call of `owner`: where it would wait for a turn of the same owner it fails with
    /// [`Deadlock`](crate::ErrorKind::Deadlock), and it ends with its owner.
    pub fn owner(self, owner: &Owner) -> Self {
        self.with(|spec| spec.owner(owner))
    }

    /// Gives its turn a label, which queries and errors show.
    pub fn label(self, label: impl Into<Arc<str>>) -> Self {
        self.with(|spec| spec.label(label))
    }

    /// Updates only while the guard holds every key that it was granted, except those that it released itself: else
    /// [`Fenced`](crate::ErrorKind::Fenced), as soon as it is lost, handed over or released (clause C14).
    pub fn guard(self, guard: &Guard) -> Self {
        self.demand(guard, None)
    }

    /// Updates only while the guard holds these keys.
    pub fn guard_keys(self, guard: &Guard, keys: impl IntoKeys) -> Self {
        self.demand(guard, Some(keys.into_keys().into_vec()))
    }

    /// Lets the cell expire so long after the update. Usually it keeps what it had.
    pub fn expire_in(mut self, after: Duration) -> Self {
        self.expiry = Expiry::In(after);
        self
    }

    /// Lets the cell not expire, whatever it had.
    pub fn never_expire(mut self) -> Self {
        self.expiry = Expiry::Never;
        self
    }

    fn with(mut self, change: impl FnOnce(CallSpec) -> CallSpec) -> Self {
        let spec = self.spec.take().unwrap_or_default();
        self.spec = Some(Box::new(change(*spec)));
        self
    }

    fn demand(mut self, guard: &Guard, keys: Option<Vec<Key>>) -> Self {
        match guard.demand(&self.engine.locks, keys) {
            Ok(demand) => self.spec.get_or_insert_default().guards.push(demand),
            Err(error) => {
                self.refused.get_or_insert(error);
            }
        }
        self
    }

    /// Goes on until the function is to run; `None` when there is something to wait for.
    fn advance(&mut self) -> Result<Option<Told<Stored<V>>>, Error> {
        let Some(ride) = &mut self.ride else { return self.begin() };
        let go = ride.go_on(self.engine)?;
        self.follow(go)
    }

    fn begin(&mut self) -> Result<Option<Told<Stored<V>>>, Error> {
        if self.over {
            return Err(Error::closed());
        }
        self.engine.check_open()?;
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        if self.engine.within_ref().is_some() {
            self.key = self.engine.known(&self.key)?.into_owned();
        }
        self.key.check()?;
        if let Expiry::In(_) = self.expiry {
            self.engine.will_expire()?;
        }
        if let Some(spec) = self.spec.take() {
            let engine = self.engine;
            self.make_ride(*spec).course.begin(engine)?;
        } else {
            let (told, queue) = self.engine.peek(&self.key)?;
            if !queue {
                return Ok(Some(told));
            }
        }
        let (engine, cell) = (self.engine, self.key.clone());
        self.ride().with(engine, |course, site| course.begin_update(site, &cell))
    }

    fn make_ride(&mut self, spec: CallSpec) -> &mut Ride {
        let course = Course::new(spec, self.engine.locks.handle.origin());
        self.ride.insert(Box::new(Ride::new(course)))
    }

    /// What carries it on where it is disturbed.
    #[cold]
    fn ride(&mut self) -> &mut Ride {
        if self.ride.is_none() {
            self.make_ride(CallSpec::new());
        }
        self.ride.as_mut().expect("made just now")
    }

    fn follow(&mut self, go: Go) -> Result<Option<Told<Stored<V>>>, Error> {
        one_cell::read(go, self.engine, &self.key)
    }

    /// Runs the function.
    #[inline]
    fn run(&mut self, told: Told<Stored<V>>) -> (R, Seen<V>)
    where
        F: FnMut(Entry<V>) -> R,
    {
        if let Some(ride) = &mut self.ride {
            ride.course.run();
        }
        let Told { value: stored, version, expires_in } = told;
        let value = stored.as_ref().map(Stored::own);
        let entry = Entry { key: self.key.clone(), value, version, expires_in };
        ((self.function)(self.engine.named(entry)), Seen { version, value: stored })
    }

    /// The function has answered.
    fn answered(&mut self, change: Change<V>, seen: Seen<V>) -> Result<Outcome<V>, Error> {
        let value = match &change {
            Change::Set(value) => Some(value.clone()),
            Change::Keep | Change::Delete => None,
        };
        // Where nobody else has it, a new value takes its place.
        let kept = seen.value.filter(|_| matches!(change, Change::Keep));
        let answer = (seen.version, change.into_write(self.expiry));
        let written = match &mut self.ride {
            None => one_cell::write(self.engine, &self.key, answer, (0, &[]), None)?,
            Some(ride) => ride.without(self.engine, |course, site| course.write(site, &self.key, answer))?,
        };
        match written {
            Ok(Written { version, changed }) => {
                let attempts = self.ride.as_ref().map_or(1, |ride| ride.course.runs());
                let value = if changed { value } else { kept.map(|kept| kept.own()) };
                Ok(Outcome::Done(Updated { value, version, attempts, changed }))
            }
            Err(doom) => {
                let (engine, cell) = (self.engine, self.key.clone());
                let first = self.ride.is_none();
                let ride = self.ride();
                if first {
                    ride.course.note_cell(&cell);
                    ride.course.run();
                }
                let go = ride.with(engine, |course, site| course.clashed(site, doom))?;
                self.follow(go).map(Outcome::Again)
            }
        }
    }

    fn done<E: From<Error>>(&mut self, outcome: Result<Updated<V>, E>) -> Poll<Result<Updated<V>, E>> {
        // First: what ends with it may panic.
        self.over = true;
        self.end();
        Poll::Ready(outcome)
    }

    fn failed<E: From<Error>>(&mut self, error: Error) -> Poll<Result<Updated<V>, E>> {
        let error = self.engine.told(error);
        self.done(Err(E::from(error)))
    }
}

impl<V, F, R> Future for Update<'_, V, F, R, AtOnce>
where
    V: Clone + Send + Sync + 'static,
    F: FnMut(Entry<V>) -> R,
    R: IntoChange<V>,
{
    type Output = Result<Updated<V>, R::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let update = &mut *self;
        if let Some(ride) = &mut update.ride {
            ride.listen(cx);
        }
        let mut next = update.advance();
        loop {
            let told = match next {
                Err(error) => return update.failed(error),
                Ok(Some(told)) => told,
                Ok(None) => {
                    // Rung before anybody listened: ask again.
                    if update.ride.as_mut().is_some_and(|ride| ride.listen(cx)) {
                        next = update.advance();
                        continue;
                    }
                    return Poll::Pending;
                }
            };
            // It may have waited for its turn.
            let ready = update.ride.as_mut().map_or(Ok(()), |ride| ride.ready_at_once(update.engine));
            if let Err(error) = ready {
                return update.failed(error);
            }
            let (answer, seen) = update.run(told);
            let change = match answer.into_change() {
                Err(own) => return update.done(Err(own)),
                Ok(change) => change,
            };
            next = match update.answered(change, seen) {
                Err(error) => Err(error),
                Ok(Outcome::Done(done)) => return update.done(Ok(done)),
                Ok(Outcome::Again(next)) => Ok(next),
            };
        }
    }
}

impl<V, F, R> Future for Update<'_, V, F, R, Awaited>
where
    V: Clone + Send + Sync + 'static,
    F: FnMut(Entry<V>) -> R,
    R: Future,
    R::Output: IntoChange<V>,
{
    type Output = Result<Updated<V>, <R::Output as IntoChange<V>>::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let update = &mut *self;
        let rung = update.ride.as_mut().is_some_and(|ride| ride.listen(cx));
        let mut next = match update.running {
            Some(_) => Ok(None),
            None => update.advance(),
        };
        let mut check = rung;
        loop {
            match next {
                Err(error) => return update.failed(error),
                Ok(Some(told)) => {
                    let ready = update.ride.as_mut().map_or(Ok(()), |ride| ride.ready(update.engine));
                    if let Err(error) = ready {
                        return update.failed(error);
                    }
                    let (answer, seen) = update.run(told);
                    update.running = Some(Running { answer: Box::pin(answer), seen });
                }
                Ok(None) => {}
            }
            check |= update.ride.as_mut().is_some_and(|ride| ride.listen(cx));
            let Some(running) = &mut update.running else {
                if std::mem::take(&mut check) {
                    next = update.advance();
                    continue;
                }
                return Poll::Pending;
            };
            let Poll::Ready(answer) = running.answer.as_mut().poll(cx) else {
                // What ends the call ends it before its function.
                if check
                    && let Some(ride) = &mut update.ride
                    && let Err(error) = ride.check_up(update.engine)
                {
                    return update.failed(error);
                }
                return Poll::Pending;
            };
            let Some(Running { seen, .. }) = update.running.take() else { return Poll::Pending };
            let change = match answer.into_change() {
                Err(own) => return update.done(Err(own)),
                Ok(change) => change,
            };
            next = match update.answered(change, seen) {
                Err(error) => Err(error),
                Ok(Outcome::Done(done)) => return update.done(Ok(done)),
                Ok(Outcome::Again(next)) => Ok(next),
            };
        }
    }
}

impl<V: Send + Sync + 'static, F, R, W> Update<'_, V, F, R, W> {
    #[inline]
    fn end(&mut self) {
        // One that is undisturbed has neither.
        if self.running.is_some() || self.ride.is_some() {
            self.end_all();
        }
    }

    fn end_all(&mut self) {
        let (running, ride) = (self.running.take(), self.ride.take());
        if let Some(mut ride) = ride {
            ride.end(self.engine);
        }
        // Last: it is the caller's, and may panic.
        drop(running);
    }
}

impl<V: Send + Sync + 'static, F, R, W> Drop for Update<'_, V, F, R, W> {
    fn drop(&mut self) {
        self.end();
    }
}

// Nothing in it is pinned but what a function answers, in a box.
impl<V: Send + Sync + 'static, F, R, W> Unpin for Update<'_, V, F, R, W> {}

impl<V: Send + Sync + 'static, F, R, W: fmt::Debug> fmt::Debug for Update<'_, V, F, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("key", &self.key).field("way", &self.way).finish_non_exhaustive()
    }
}

impl<V> IntoChange<V> for Change<V> {
    type Error = Error;

    fn into_change(self) -> Result<Change<V>, Error> {
        Ok(self)
    }
}

impl<V, E: From<Error>> IntoChange<V> for Result<Change<V>, E> {
    type Error = E;

    fn into_change(self) -> Result<Change<V>, E> {
        self
    }
}
