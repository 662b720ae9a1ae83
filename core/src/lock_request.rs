//! A request for a lock, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::engine::{Engine, Enqueued, Memory, Wait};
use crate::sync::Arc;
use crate::{Error, Guard, IntoKeys, LockSpec, Mode, Owner};

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
    engine: &'a Memory,
    spec: LockSpec,
    state: State<<Memory as Engine>::Wait<'a>>,
}

type EnqueuedIn<'a> = Enqueued<<Memory as Engine>::Granted, <Memory as Engine>::Wait<'a>>;

enum State<W> {
    Built,
    Waiting(W),
    Done,
}

impl<'a> LockRequest<'a> {
    #[inline]
    pub(crate) fn new(engine: &'a Memory, spec: LockSpec) -> LockRequest<'a> {
        LockRequest { engine, spec, state: State::Built }
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

    /// Makes it a request of `owner`: a wait that could never end, because it would wait for its own owner, is refused
    /// with [`Deadlock`](crate::ErrorKind::Deadlock) (clause L12).
    pub fn owner(self, owner: &Owner) -> LockRequest<'a> {
        self.with(|spec| spec.owner(owner))
    }

    /// Sets how long the request may wait, for all keys together.
    ///
    /// Zero: succeed if all keys are free, else time out at once. A time-out that is not zero needs a space with a
    /// [clock](crate::Builder::clock), and is told when somebody calls [`Space::tick`](crate::Space::tick) or runs
    /// [`Space::drive`](crate::Space::drive).
    pub fn timeout(self, timeout: Duration) -> LockRequest<'a> {
        self.with(|spec| spec.timeout(timeout))
    }

    /// Sets how long the lock is held at most, from the grant on: then all its keys are taken away, and the guard is
    /// [lost](Guard::lost). From then on whoever asks finds it gone; those who wait, and `lost`, are told as time-outs are,
    /// or as soon as anybody asks. Needs a space with a [clock](crate::Builder::clock).
    pub fn max_hold(self, max_hold: Duration) -> LockRequest<'a> {
        self.with(|spec| spec.max_hold(max_hold))
    }

    /// Takes the lock, runs `body`, and releases. Answers what the body returned.
    ///
    /// When the body panics, or the returned future is dropped before the body has ended, the lock is released too, and
    /// those queued for it find their guard [abandoned](Guard::abandoned).
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
        let origin = self.engine.handle.origin();
        let mut scope = Scope { guard: self.await?.scoped(origin), ended: false };
        let value = body(&scope.guard).await;
        scope.ended = true;
        Ok(value)
    }

    /// Changes the spec; without effect once the request was polled.
    fn with(mut self, change: impl FnOnce(LockSpec) -> LockSpec) -> LockRequest<'a> {
        if let State::Built = self.state {
            self.spec = change(std::mem::take(&mut self.spec));
        }
        self
    }

    fn enqueue(&mut self, waker: &Waker) -> Poll<Result<Guard, Error>> {
        self.enqueued(self.engine.enqueue(&self.spec, waker))
    }

    #[inline(always)]
    fn enqueued(&mut self, enqueued: Result<EnqueuedIn<'a>, Error>) -> Poll<Result<Guard, Error>> {
        match enqueued {
            Ok(Enqueued::Granted(granted)) => return self.granted(granted),
            Ok(Enqueued::Waiting(wait)) => self.state = State::Waiting(wait),
            Err(error) => return self.failed(error),
        }
        Poll::Pending
    }

    #[inline(never)]
    fn look_again(&mut self, cx: &mut Context<'_>) -> Poll<Result<Guard, Error>> {
        let State::Waiting(wait) = &mut self.state else { return Poll::Pending };
        match Pin::new(wait).poll(cx) {
            Poll::Ready(Ok(hold)) => {
                self.state = State::Done;
                Poll::Ready(Ok(Guard::of(hold, &mut self.spec)))
            }
            Poll::Ready(Err(error)) => self.failed(error),
            Poll::Pending => Poll::Pending,
        }
    }

    // Always inlined, and the guard made last: what is passed on as a whole is written and read again in pieces that do not
    // match.
    #[inline(always)]
    fn granted(&mut self, granted: <Memory as Engine>::Granted) -> Poll<Result<Guard, Error>> {
        self.state = State::Done;
        Poll::Ready(Ok(Guard::new(self.engine, granted, &mut self.spec)))
    }

    #[cold]
    fn failed(&mut self, error: Error) -> Poll<Result<Guard, Error>> {
        self.state = State::Done;
        Poll::Ready(Err(self.spec.unwrap_error(error)))
    }
}

/// The guard of a body that runs. Dropped before the body has ended, it abandons.
struct Scope {
    guard: Guard,
    ended: bool,
}

impl Drop for Scope {
    fn drop(&mut self) {
        if !self.ended {
            self.guard.abandon();
        }
        self.guard.end_scope();
    }
}

impl Future for LockRequest<'_> {
    type Output = Result<Guard, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The usual ways apart: what is written in one place on several ways is moved on from there.
        let request = &mut *self;
        match &mut request.state {
            State::Built => match request.spec.plain_keys() {
                Some([key]) => request.enqueued(request.engine.enqueue_one(key, cx.waker())),
                Some(keys) => match request.engine.attempt_few(keys) {
                    Ok(Some(granted)) => request.granted(granted),
                    _ => request.enqueue(cx.waker()),
                },
                None => request.enqueue(cx.waker()),
            },
            State::Waiting(wait) => match wait.see_grant() {
                Some(granted) => request.granted(granted),
                None => request.look_again(cx),
            },
            State::Done => Poll::Pending,
        }
    }
}

impl fmt::Debug for LockRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Built => "built",
            State::Waiting(_) => "waiting",
            State::Done => "done",
        };
        f.debug_struct("LockRequest").field("spec", &self.spec).field("state", &state).finish_non_exhaustive()
    }
}
