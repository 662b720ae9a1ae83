//! Keeps time for a space.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::engine::Memory;
use crate::shared::{Handle, Shared};
use crate::sync::{Arc, Weak};

/// Calls [`Space::tick`](crate::Space::tick) whenever something is due. Made by [`Space::drive`](crate::Space::drive).
#[must_use = "spawn it, or nothing keeps time"]
pub struct Drive<S, F> {
    shared: Weak<Shared>,
    handle: Weak<Handle>,
    sleep: S,
    /// The deadline slept for, and the sleep.
    sleeping: Option<(Duration, Pin<Box<F>>)>,
}

impl<S, F> Drive<S, F> {
    pub(crate) fn new(engine: &Memory, sleep: S) -> Drive<S, F> {
        let (shared, handle) = (Arc::downgrade(&engine.shared), Arc::downgrade(&engine.handle));
        Drive { shared, handle, sleep, sleeping: None }
    }
}

impl<S, F> Future for Drive<S, F>
where
    S: FnMut(Duration) -> F + Unpin,
    F: Future<Output = ()>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = self.shared.upgrade() else { return Poll::Ready(()) };
        if self.handle.upgrade().is_none_or(|handle| handle.is_closed()) {
            return Poll::Ready(());
        }
        // Before looking, so that a change after the look is not missed.
        shared.timers().watch(cx.waker());
        shared.tick(None);
        let (Some(next), Some(now)) = (shared.timers().next(), shared.now()) else {
            self.sleeping = None;
            return Poll::Pending;
        };
        drop(shared);
        if self.sleeping.as_ref().is_none_or(|(deadline, _)| *deadline != next) {
            let sleep = (self.sleep)(next.saturating_sub(now));
            self.sleeping = Some((next, Box::pin(sleep)));
        }
        if self.sleeping.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready()) {
            // Not at once: a sleep that is shorter than the clock says must not hold the thread.
            self.sleeping = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<S, F> fmt::Debug for Drive<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.sleeping.as_ref().map(|(deadline, _)| deadline);
        f.debug_struct("Drive").field("until", &until).finish_non_exhaustive()
    }
}
