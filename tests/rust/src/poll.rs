//! Futures polled by hand: no runtime, and a poll only after a wake.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that remembers that it was woken.
#[derive(Debug, Default)]
pub struct Flag {
    woken: AtomicBool,
    wakes: AtomicUsize,
}

impl Flag {
    /// A flag that is down.
    pub fn new() -> Arc<Flag> {
        Arc::new(Flag::default())
    }

    /// Takes the flag down. Answers whether it was up.
    pub fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Acquire)
    }

    /// The waker that raises it.
    pub fn waker(self: &Arc<Flag>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::AcqRel);
        self.woken.store(true, Ordering::Release);
    }
}

/// A future with a waker of its own. Dropping it drops the future.
pub struct Task<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    flag: Arc<Flag>,
}

impl<'a, T> Task<'a, T> {
    /// A task that has not been polled.
    pub fn new(future: impl Future<Output = T> + 'a) -> Task<'a, T> {
        Task { future: Box::pin(future), flag: Flag::new() }
    }

    /// Polls once, woken or not.
    pub fn poll(&mut self) -> Poll<T> {
        self.flag.take();
        let waker = self.flag.waker();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls once if it was woken since the last poll.
    pub fn poll_if_woken(&mut self) -> Poll<T> {
        if self.flag.take() { self.poll() } else { Poll::Pending }
    }
}

impl<T> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("flag", &self.flag).finish_non_exhaustive()
    }
}

/// The output of a future that is ready at its first poll.
///
/// # Panics
///
/// When it is not ready.
pub fn now<T>(future: impl IntoFuture<Output = T>) -> T {
    match Task::new(future.into_future()).poll() {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}
