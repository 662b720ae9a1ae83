//! Transactions, as futures.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::body::{End, LocalBody, Over, Rest};
use super::course::{Course, Go, Site};
use super::local::LocalTx;
use super::ride::Ride;
use super::tx::{Callback, Inside, Tx};
use super::{AtOnce, Awaited, CallSpec};
use crate::engine::MemoryCells;
use crate::shared::{Demand, in_turn};
use crate::sync::{Arc, StrongArc};
use crate::{Error, Guard, IntoKeys, Key, Owner};

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transacted<T> {
    /// What its body returned.
    pub value: T,
    /// The version of all that it wrote; 0 when it wrote nothing.
    pub version: u64,
    /// How often the body ran, runs that ended by [`retry`](Tx::retry) among them.
    pub attempts: u32,
}

/// A transaction: a builder first, then a future of what it did. Made by [`Space::transact`](crate::Space::transact) and
/// [`Space::transact_sync`](crate::Space::transact_sync), which say how it goes.
///
/// # Cancel safety
///
/// Nothing happens before the first poll. Dropping it gives it up: nothing is written, and it leaves no turn and no wait.
#[must_use = "a transaction does nothing unless it is awaited"]
pub struct Transact<'a, V: Send + Sync + 'static, F, R, T, W = Awaited> {
    engine: &'a Arc<MemoryCells<V>>,
    body: F,
    /// What most transactions do without.
    spec: Option<Box<CallSpec>>,
    /// The first thing that was found wrong.
    refused: Option<Error>,
    /// Made when there are options, or somebody is in its way: one that is undisturbed does without.
    ride: Option<Box<Ride>>,
    /// Made for the first run.
    inside: Option<StrongArc<Inside<V>>>,
    /// Whether an attempt has begun and not ended.
    under_way: bool,
    running: Option<Pin<Box<R>>>,
    over: bool,
    /// What a body returned is kept on the way through `poll` alone. Whether it answers at once is said by the type.
    value: PhantomData<fn() -> (T, W)>,
}

/// Whether a transaction has ended with its body.
enum Ended {
    /// With the version of what it wrote; 0 for nothing.
    At(u64),
    /// It runs again, or waits.
    Not(Go),
}

impl<'a, V: Send + Sync + 'static, F, R, T, W> Transact<'a, V, F, R, T, W> {
    pub(crate) fn new(engine: &'a Arc<MemoryCells<V>>, body: F) -> Transact<'a, V, F, R, T, W> {
        Transact {
            engine,
            body,
            spec: None,
            refused: None,
            ride: None,
            inside: None,
            under_way: false,
            running: None,
            over: false,
            value: PhantomData,
        }
    }

    /// Sets how often the body runs at most: then it fails with [`Conflict`](crate::ErrorKind::Conflict). Runs that ended by
    /// [`retry`](Tx::retry) do not count.
    pub fn attempts(self, limit: u32) -> Self {
        self.with(|spec| spec.attempts(limit))
    }

    /// Sets how long everything may last, waits and bodies together; then it fails with
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

    /// Gives its turns a label, which queries and errors show.
    pub fn label(self, label: impl Into<Arc<str>>) -> Self {
        self.with(|spec| spec.label(label))
    }

    /// Commits only while the guard holds every key that it was granted, except those that it released itself: else
    /// [`Fenced`](crate::ErrorKind::Fenced), as soon as it is lost, handed over or released (clause C14).
    pub fn guard(self, guard: &Guard) -> Self {
        self.demand(guard, None)
    }

    /// Commits only while the guard holds these keys.
    pub fn guard_keys(self, guard: &Guard, keys: impl IntoKeys) -> Self {
        self.demand(guard, Some(keys.into_keys().into_vec()))
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

    /// Begins, or asks whether what it waits for has come.
    fn advance(&mut self) -> Result<Go, Error> {
        if let Some(ride) = &mut self.ride {
            return ride.go_on(self.engine);
        }
        self.engine.check_open()?;
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        if let Some(spec) = self.spec.take() {
            let engine = self.engine;
            self.make_ride(*spec).course.begin(engine)?;
        }
        Ok(Go::Run)
    }

    fn make_ride(&mut self, spec: CallSpec) -> &mut Ride {
        let course = Course::new(spec, self.engine.locks.handle.origin());
        self.ride.insert(Box::new(Ride::new(course)))
    }

    /// Carries the call on after an attempt that did not commit.
    #[cold]
    fn go_on(&mut self, then: impl FnOnce(&mut Course, &Site<'_, V>) -> Result<Go, Error>) -> Result<Go, Error> {
        if self.ride.is_none() {
            self.make_ride(CallSpec::new()).course.run();
        }
        let Some(ride) = &mut self.ride else { return Ok(Go::Wait) };
        ride.with(self.engine, then)
    }

    /// The body is about to run. Answers for which time.
    fn ready(&mut self, ready: fn(&mut Ride, &MemoryCells<V>) -> Result<(), Error>) -> Result<u32, Error> {
        let Some(ride) = &mut self.ride else { return Ok(1) };
        ready(ride, self.engine)?;
        Ok(ride.course.run())
    }

    /// Runs a body that answers a future.
    fn run(&mut self) -> Result<(), Error>
    where
        F: FnMut(Tx<V>) -> R,
    {
        let attempt = self.ready(Ride::ready)?;
        let tx = match &self.inside {
            Some(inside) => Inside::begin(inside, attempt),
            None => {
                let tx = Inside::begun(self.engine.clone());
                self.inside = Some(tx.inside().clone());
                tx
            }
        };
        self.under_way = true;
        self.running = Some(Box::pin((self.body)(tx)));
        Ok(())
    }

    /// Runs a body that answers at once. Answers that, which run it was, and what it comes to.
    #[inline]
    fn run_at_once<E>(&mut self) -> Result<(Result<T, E>, u32, Ended), Error>
    where
        F: FnMut(&mut LocalTx<'_, V>) -> Result<T, E>,
    {
        let attempt = self.ready(Ride::ready_at_once)?;
        let (mut body, mut callbacks) = (LocalBody::local(self.engine), Vec::new());
        let outcome = (self.body)(&mut LocalTx::first(&body, &mut callbacks, attempt));
        let over = settled(self.engine, &mut self.ride, outcome.is_ok(), |end, by| body.over_alone(end, by));
        let ended = match over? {
            Over::Done(version) => Ended::At(version),
            Over::Threw => Ended::At(0),
            Over::Rest(rest) => self.ended_else(*rest, callbacks)?,
        };
        Ok((outcome, attempt, ended))
    }

    /// The body's future has ended.
    #[inline]
    fn ended(&mut self, returned: bool) -> Result<Ended, Error> {
        let Some(inside) = &mut self.inside else { return Ok(Ended::Not(Go::Wait)) };
        let over = settled(self.engine, &mut self.ride, returned, |end, by| Inside::over(inside, end, by));
        self.under_way = false;
        match over? {
            Over::Done(version) => Ok(Ended::At(version)),
            Over::Threw => Ok(Ended::At(0)),
            Over::Rest(rest) => {
                let mut callbacks = Vec::new();
                inside.take_all(&mut callbacks);
                self.ended_else(*rest, callbacks)
            }
        }
    }

    #[cold]
    fn ended_else(&mut self, rest: Rest<V>, mut callbacks: Vec<Option<Callback>>) -> Result<Ended, Error> {
        let go = match rest {
            Rest::Called(version, called) => {
                let calls: Vec<Callback> =
                    called.iter().filter_map(|&number| callbacks.get_mut(number as usize)?.take()).collect();
                // Nothing of it stands in anybody's way while these run.
                if let Some(mut ride) = self.ride.take() {
                    ride.end(self.engine);
                }
                in_turn(calls.into_iter());
                return Ok(Ended::At(version));
            }
            Rest::Clashed(doom, attempt) => self.go_on(|course, site| {
                course.note_touched(&attempt);
                drop(attempt);
                course.clashed(site, doom)
            }),
            Rest::Retry(mut attempt) => self.go_on(|course, site| {
                course.note_touched(&attempt);
                course.sleep(site, &mut attempt)
            }),
        };
        go.map(Ended::Not)
    }

    fn runs(&self) -> u32 {
        self.ride.as_ref().map_or(1, |ride| ride.course.runs())
    }

    fn end(&mut self) {
        self.over = true;
        match (&self.inside, &self.ride) {
            (None, None) => {}
            // Mostly nothing is left but what the handles of the body share.
            (Some(inside), None) if !self.under_way && !inside.has_callbacks() => self.inside = None,
            _ => self.end_all(),
        }
    }

    fn end_all(&mut self) {
        let (running, inside, ride) = (self.running.take(), self.inside.take(), self.ride.take());
        let under_way = std::mem::take(&mut self.under_way);
        let (mut left, mut calls) = (Vec::new(), Vec::new());
        if let Some(inside) = &inside {
            if under_way {
                left = inside.body.end();
            }
            inside.take_all(&mut calls);
        }
        if let Some(mut ride) = ride {
            ride.end(self.engine);
        }
        // Last: they are the caller's, and may panic.
        drop((running, left, calls));
    }

    #[inline]
    fn done<E>(&mut self, outcome: Result<T, E>, version: u64, attempts: u32) -> Poll<Result<Transacted<T>, E>> {
        self.end();
        Poll::Ready(outcome.map(|value| Transacted { value, version, attempts }))
    }

    fn failed<E: From<Error>>(&mut self, error: Error) -> Poll<Result<Transacted<T>, E>> {
        self.end();
        Poll::Ready(Err(E::from(self.engine.told(error))))
    }

    /// Whether there is something to be told.
    fn listen(&mut self, cx: &Context<'_>) -> bool {
        self.ride.as_mut().is_some_and(|ride| ride.listen(cx))
    }
}

/// What the end of a body comes to, whose attempt is ended by `over`.
#[inline]
fn settled<V: Send + Sync + 'static>(
    engine: &MemoryCells<V>,
    ride: &mut Option<Box<Ride>>,
    returned: bool,
    over: impl FnOnce(End, (u64, &[Demand])) -> Result<Over<V>, Error>,
) -> Result<Over<V>, Error> {
    match ride {
        None => over(End { returned, call: engine.check_open() }, (0, &[])),
        Some(ride) => ride.without(engine, |course, site| {
            let end = End { returned, call: course.check_up(site) };
            over(end, (course.number(), course.guards()))
        }),
    }
}

impl<V, F, T, E> Future for Transact<'_, V, F, Result<T, E>, T, AtOnce>
where
    V: Send + Sync + 'static,
    F: FnMut(&mut LocalTx<'_, V>) -> Result<T, E>,
    E: From<Error>,
{
    type Output = Result<Transacted<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let transact = &mut *self;
        if transact.over {
            return Poll::Pending;
        }
        transact.listen(cx);
        let mut next = transact.advance();
        loop {
            next = match next {
                Err(error) => return transact.failed(error),
                // Rung before anybody listened: ask again.
                Ok(Go::Wait) if transact.listen(cx) => transact.advance(),
                Ok(Go::Wait) => return Poll::Pending,
                Ok(Go::Run) => match transact.run_at_once() {
                    Err(error) => Err(error),
                    Ok((_, _, Ended::Not(go))) => Ok(go),
                    Ok((outcome, attempts, Ended::At(version))) => return transact.done(outcome, version, attempts),
                },
            };
        }
    }
}

impl<V, F, R, T, E> Future for Transact<'_, V, F, R, T, Awaited>
where
    V: Send + Sync + 'static,
    F: FnMut(Tx<V>) -> R,
    R: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    type Output = Result<Transacted<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let transact = &mut *self;
        if transact.over {
            return Poll::Pending;
        }
        let mut rung = transact.listen(cx);
        let mut next = match transact.running {
            Some(_) => Ok(Go::Wait),
            None => transact.advance(),
        };
        loop {
            if let Err(error) = next.and_then(|go| if let Go::Run = go { transact.run() } else { Ok(()) }) {
                return transact.failed(error);
            }
            // Asked now, so that nothing is missed from here on.
            rung |= transact.listen(cx);
            let Some(running) = &mut transact.running else {
                if !std::mem::take(&mut rung) {
                    return Poll::Pending;
                }
                next = transact.advance();
                continue;
            };
            let Poll::Ready(outcome) = running.as_mut().poll(cx) else {
                // What ends the call ends it before its body.
                if rung
                    && let Some(ride) = &mut transact.ride
                    && let Err(error) = ride.check_up(transact.engine)
                {
                    return transact.failed(error);
                }
                return Poll::Pending;
            };
            transact.running = None;
            let attempts = transact.runs();
            match transact.ended(outcome.is_ok()) {
                Ok(Ended::At(version)) => return transact.done(outcome, version, attempts),
                Ok(Ended::Not(go)) => next = Ok(go),
                Err(error) => return transact.failed(error),
            }
        }
    }
}

impl<V: Send + Sync + 'static, F, R, T, W> Drop for Transact<'_, V, F, R, T, W> {
    fn drop(&mut self) {
        self.end();
    }
}

// Nothing in it is pinned but what a body returns, in a box.
impl<V: Send + Sync + 'static, F, R, T, W> Unpin for Transact<'_, V, F, R, T, W> {}

impl<V: Send + Sync + 'static, F, R, T, W> fmt::Debug for Transact<'_, V, F, R, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transact").field("spec", &self.spec).finish_non_exhaustive()
    }
}
