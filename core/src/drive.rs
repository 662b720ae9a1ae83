//! Keeps time for a space.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::engine::Memory;
use crate::shared::Shared;
use crate::sync::{Arc, Weak};

/// Calls [`Space::tick`](crate::Space::tick) whenever something is due. Made by [`Space::drive`](crate::Space::drive).
#[must_use = "spawn it, or nothing keeps time"]
pub struct Drive<S, F> {
    shared: Weak<Shared>,
    /// Where its waker is kept.
    place: usize,
    sleep: S,
    /// The deadline slept for, and the sleep.
    sleeping: Option<(Duration, Pin<Box<F>>)>,
}

impl<S, F> Drive<S, F> {
    pub(crate) fn new(engine: &Memory, sleep: S) -> Drive<S, F> {
        let place = engine.shared.timers().driver();
        Drive { shared: Arc::downgrade(&engine.shared), place, sleep, sleeping: None }
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
        // Before looking, so that a change after the look is not missed.
        shared.timers().watch(self.place, cx.waker());
        if shared.has_ended() {
            return Poll::Ready(());
        }
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

impl<S, F> Drop for Drive<S, F> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.timers().forget(self.place);
        }
    }
}

impl<S, F> fmt::Debug for Drive<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.sleeping.as_ref().map(|(deadline, _)| deadline);
        f.debug_struct("Drive").field("until", &until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::rc::Rc;

    use futures::channel::oneshot;
    use futures::executor::LocalPool;
    use futures::task::LocalSpawnExt;

    use super::*;
    use crate::{ErrorKind, ManualClock, Space};

    const MS: Duration = Duration::from_millis(1);

    /// A sleep that ends when the test says so; notes what it was asked for.
    type Sleeps = Rc<RefCell<Vec<(Duration, oneshot::Sender<()>)>>>;

    fn sleep(sleeps: Sleeps) -> impl FnMut(Duration) -> Pin<Box<dyn Future<Output = ()>>> {
        move |duration| {
            let (end, ended) = oneshot::channel();
            sleeps.borrow_mut().push((duration, end));
            Box::pin(async move {
                let _ = ended.await;
            })
        }
    }

    #[test]
    fn a_time_out_is_told_when_the_sleep_ends() {
        let (mut pool, clock, sleeps) = (LocalPool::new(), ManualClock::new(), Sleeps::default());
        let space = Space::builder().clock(clock.clone()).shards(1).build();
        let spawner = pool.spawner();
        let drive = spawner.spawn_local_with_handle(space.drive(sleep(sleeps.clone()))).expect("it runs");
        pool.run_until_stalled();
        assert!(sleeps.borrow().is_empty(), "nothing is due");

        let _held = pool.run_until(async { space.lock("a").await }).expect("it is free");
        let waits = |ms: u32| {
            let space = space.clone();
            let wait = async move { space.lock("a").timeout(MS * ms).await.map(|_| ()) };
            spawner.spawn_local_with_handle(wait).expect("it runs")
        };
        let (late, soon) = (waits(50), waits(20));
        pool.run_until_stalled();
        assert_eq!(sleeps.borrow().last().map(|(asked, _)| *asked), Some(MS * 20), "woken by the sooner one");

        clock.advance(MS * 20);
        let (_, end) = sleeps.borrow_mut().pop().expect("it sleeps");
        end.send(()).expect("it still sleeps");
        let error = pool.run_until(soon).expect_err("it is held");
        assert_eq!((error.kind(), error.waited()), (ErrorKind::Timeout, Some(MS * 20)));
        pool.run_until_stalled();
        assert_eq!(sleeps.borrow().last().map(|(asked, _)| *asked), Some(MS * 30));

        let other = space.attach();
        space.close();
        assert_eq!(pool.run_until(late).expect_err("it is closed").kind(), ErrorKind::Closed);

        // It goes on for the other handle, and ends with the last.
        let _held = pool.run_until(async { other.lock("a").await }).expect("it is free");
        let mut wait = pin!(other.lock("a").timeout(MS));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        pool.run_until_stalled();
        clock.advance(MS);
        let (_, end) = sleeps.borrow_mut().pop().expect("it sleeps");
        end.send(()).expect("it still sleeps");
        pool.run_until_stalled();
        assert!(matches!(wait.as_mut().poll(&mut cx), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Timeout));
        other.close();
        pool.run_until(drive);
    }

    #[test]
    fn it_ends_with_the_last_handle_and_survives_a_sleep_that_does_not_sleep() {
        let (mut pool, clock) = (LocalPool::new(), ManualClock::new());
        let space = Space::builder().clock(clock).build();
        let held = pool.run_until(async { space.lock("a").await }).expect("it is free");
        let mut drive = Box::pin(space.drive(|_| std::future::ready(())));
        let mut wait = Box::pin(space.lock("a").timeout(MS));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert!(drive.as_mut().poll(&mut cx).is_pending(), "each poll returns");
        drop((wait, held));
        drop(space);
        pool.run_until(drive);
    }
}
