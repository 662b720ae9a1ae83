//! A write of one cell, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::engine::{CellEngine, MemoryCells};
use crate::shared::Stored;
use crate::{Commit, Error, Guard, IntoKeys, Outcome};

/// A write of one cell: a builder first, then a future of what became of it.
///
/// Made by [`Space::set`](crate::Space::set), [`insert`](crate::Space::insert),
/// [`compare_exchange`](crate::Space::compare_exchange), [`delete`](crate::Space::delete) and
/// [`compare_delete`](crate::Space::compare_delete).
///
/// # Cancel safety
///
/// Nothing is written before the first poll. In memory the first poll decides.
#[must_use = "a write does nothing unless it is awaited"]
pub struct WriteRequest<'a, V: Send + Sync + 'static, A> {
    engine: &'a MemoryCells<V>,
    state: State<V, <MemoryCells<V> as CellEngine<V>>::Committing>,
    answer: fn(Outcome<Stored<V>>) -> A,
}

enum State<V, F> {
    Built(Commit<V>),
    /// Something is wrong with the options.
    Refused(Error),
    Running(F),
    Done,
}

impl<'a, V: Send + Sync + 'static, A> WriteRequest<'a, V, A> {
    pub(crate) fn new(
        engine: &'a MemoryCells<V>,
        commit: Commit<V>,
        answer: fn(Outcome<Stored<V>>) -> A,
    ) -> WriteRequest<'a, V, A> {
        WriteRequest { engine, state: State::Built(commit), answer }
    }

    /// Lets the cell expire so long after the write. Needs a space with a [clock](crate::Builder::clock); a delete is
    /// refused as [`Invalid`](crate::ErrorKind::Invalid). Without this a cell that is set does not expire, whatever it did
    /// before.
    pub fn expire_in(mut self, after: Duration) -> WriteRequest<'a, V, A> {
        if let State::Built(commit) = &mut self.state
            && let Err(error) = commit.expire_last(after)
        {
            self.state = State::Refused(error);
        }
        self
    }

    /// Writes only while the guard holds every key that it was granted, except those that it released itself: else
    /// [`Fenced`](crate::ErrorKind::Fenced) (clause C14). Checked in the same step as the write.
    pub fn guard(self, guard: &Guard) -> WriteRequest<'a, V, A> {
        self.demand(guard, None)
    }

    /// Writes only while the guard holds these keys.
    pub fn guard_keys(self, guard: &Guard, keys: impl IntoKeys) -> WriteRequest<'a, V, A> {
        self.demand(guard, Some(keys.into_keys().into_vec()))
    }

    fn demand(mut self, guard: &Guard, keys: Option<Vec<crate::Key>>) -> WriteRequest<'a, V, A> {
        if let State::Built(commit) = &mut self.state {
            match guard.demand(&self.engine.locks, keys) {
                Ok(demand) => commit.guards.push(demand),
                Err(error) => self.state = State::Refused(error),
            }
        }
        self
    }
}

impl<V: Send + Sync + 'static, A> Future for WriteRequest<'_, V, A> {
    type Output = Result<A, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let request = &mut *self;
        let mut running = match std::mem::replace(&mut request.state, State::Done) {
            State::Built(commit) => request.engine.commit(commit),
            State::Running(running) => running,
            State::Refused(error) => return Poll::Ready(Err(error)),
            State::Done => return Poll::Pending,
        };
        match Pin::new(&mut running).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.map(request.answer)),
            Poll::Pending => {
                request.state = State::Running(running);
                Poll::Pending
            }
        }
    }
}

// Nothing in it is pinned.
impl<V: Send + Sync + 'static, A> Unpin for WriteRequest<'_, V, A> {}

impl<V: Send + Sync + 'static, A> fmt::Debug for WriteRequest<'_, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteRequest").finish_non_exhaustive()
    }
}
