//! A request for a lock, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::engine::{Engine, Memory};
use crate::{Error, Guard, IntoKeys, LockSpec, Mode};

/// A request for a lock: a builder first, then a future of the [`Guard`].
///
/// Made by [`Space::lock`](crate::Space::lock), which describes order and fairness. Nothing is asked for before the
/// first poll (clause L4); a request that is never polled holds nothing.
///
/// # Cancel safety
///
/// Dropping the request cancels it: it leaves every queue at once, and a grant that arrived but was not yet returned
/// goes on to the next in line.
#[must_use = "a lock request does nothing unless it is awaited"]
pub struct LockRequest<'a> {
    state: State<'a>,
}

enum State<'a> {
    Built { engine: &'a Memory, spec: LockSpec },
    Running(<Memory as Engine>::Enqueue<'a>),
    Done,
}

impl<'a> LockRequest<'a> {
    pub(crate) fn new(engine: &'a Memory, spec: LockSpec) -> LockRequest<'a> {
        LockRequest { state: State::Built { engine, spec } }
    }

    /// Asks for further `keys` in shared mode, all or nothing with the others. A key asked for in both modes is
    /// exclusive.
    pub fn shared(self, keys: impl IntoKeys) -> LockRequest<'a> {
        self.with(|spec| spec.shared(keys))
    }

    /// Sets the mode of the keys that were given to [`Space::lock`](crate::Space::lock).
    pub fn mode(self, mode: Mode) -> LockRequest<'a> {
        self.with(|spec| spec.mode(mode))
    }

    /// Gives the request a label, which queries and errors show.
    pub fn label(self, label: impl Into<Arc<str>>) -> LockRequest<'a> {
        self.with(|spec| spec.label(label))
    }

    /// Sets how long the request may wait, for all keys together.
    ///
    /// Zero: succeed if all keys are free, else time out at once. A time-out that is not zero needs a space with a
    /// [clock](crate::Builder::clock), and is told when somebody calls [`Space::tick`](crate::Space::tick) or runs
    /// [`Space::drive`](crate::Space::drive).
    pub fn timeout(self, timeout: Duration) -> LockRequest<'a> {
        self.with(|spec| spec.timeout(timeout))
    }

    /// Takes the lock, runs `body`, and releases, also when the body panics or the returned future is dropped. Answers
    /// what the body returned.
    ///
    /// # Errors
    ///
    /// Those of awaiting the request; then the body did not run.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let space = latchwork::Space::new();
    /// let sum = space.lock(["from", "to"]).label("transfer").run(async |guard| guard.keys().len()).await?;
    /// assert_eq!(sum, 2);
    /// # Ok::<_, latchwork::Error>(()) }).unwrap();
    /// ```
    pub async fn run<T>(self, body: impl AsyncFnOnce(&Guard) -> T) -> Result<T, Error> {
        let guard = self.await?;
        let value = body(&guard).await;
        drop(guard);
        Ok(value)
    }

    /// Changes the spec; without effect once the request runs.
    fn with(mut self, change: impl FnOnce(LockSpec) -> LockSpec) -> LockRequest<'a> {
        if let State::Built { spec, .. } = &mut self.state {
            *spec = change(std::mem::take(spec));
        }
        self
    }
}

impl Future for LockRequest<'_> {
    type Output = Result<Guard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Built { engine, spec } = &mut self.state {
            self.state = State::Running(engine.enqueue(std::mem::take(spec)));
        }
        let State::Running(running) = &mut self.state else { return Poll::Pending };
        let Poll::Ready(outcome) = Pin::new(running).poll(cx) else { return Poll::Pending };
        self.state = State::Done;
        Poll::Ready(outcome.map(|(hold, spec)| Guard::new(hold, spec)))
    }
}

impl fmt::Debug for LockRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("LockRequest");
        match &self.state {
            State::Built { spec, .. } => shown.field("spec", spec).finish_non_exhaustive(),
            State::Running(_) => shown.field("state", &"running").finish_non_exhaustive(),
            State::Done => shown.field("state", &"done").finish_non_exhaustive(),
        }
    }
}
