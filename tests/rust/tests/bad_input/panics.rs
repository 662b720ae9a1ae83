//! Panics in what callers give: bodies, wakers, clocks.

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use latchwork::{Guard, Space};
use latchwork_tests::poll::now;

use super::{assert_empty, task};

#[test]
fn a_panic_in_the_body_releases() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let mut waiter = task(space.lock(["a", "b"]));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            now(space.with_lock(["a", "b"], async |_guard: &Guard| {
                assert!(waiter.poll().is_pending());
                panic!("the body's own");
            }))
        }));
        let message = panic.expect_err("the panic passes through");
        assert_eq!(message.downcast_ref::<&str>(), Some(&"the body's own"));
        assert!(waiter.poll_if_woken().is_ready(), "the keys went on");
        drop(waiter);
        assert_empty(&space);
    }
}

#[test]
fn a_panic_with_a_guard_releases() {
    let space = Space::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _guard = now(space.lock("k")).expect("free");
        panic!("somewhere");
    }));
    assert!(panic.is_err());
    assert!(now(space.try_lock("k")).expect("open").is_some());
}

/// A waker that does what it likes.
struct Does<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Does<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(does: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Does(does)))
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_the_grant() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    let mut bad = Box::pin(space.lock("k").mode(latchwork::Mode::Shared).into_future());
    let mut good = task(space.lock("k").mode(latchwork::Mode::Shared));
    assert!(bad.as_mut().poll(&mut Context::from_waker(&waker(|| panic!("the waker's own")))).is_pending());
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(holder))).is_err(), "the panic is the releaser's to see");
    let Poll::Ready(Ok(second)) = good.poll_if_woken() else { panic!("woken all the same") };
    let quiet = waker(|| ());
    let Poll::Ready(Ok(first)) = bad.as_mut().poll(&mut Context::from_waker(&quiet)) else { panic!("granted") };
    drop((first, second));
    assert_empty(&space);
}

#[test]
fn a_waker_that_comes_back_in() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    let mut waiter = Box::pin(space.lock("k").into_future());
    let inside = space.clone();
    let reenters = waker(move || {
        drop(now(inside.query()).expect("open"));
        assert!(now(inside.try_lock("k")).expect("open").is_none(), "handed over already");
        drop(now(inside.lock(["x", "y"])).expect("free"));
        inside.tick();
    });
    assert!(waiter.as_mut().poll(&mut Context::from_waker(&reenters)).is_pending());
    drop(holder);
    assert!(matches!(waiter.as_mut().poll(&mut Context::from_waker(&reenters)), Poll::Ready(Ok(_))));
    drop(waiter);
    assert_empty(&space);
}

/// A waker whose clone or drop uses the space: none of it runs inside an internal lock.
#[test]
fn a_waker_whose_drop_comes_back_in() {
    struct DropsIn(Space);
    impl Wake for DropsIn {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for DropsIn {
        fn drop(&mut self) {
            drop(now(self.0.lock(["x", "y", "k2"])).expect("free"));
        }
    }
    let space = Space::builder().shards(1).build();
    let holder = now(space.lock("k")).expect("free");
    let mut waiter = Box::pin(space.lock("k").into_future());
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(DropsIn(space.clone())));
        assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(waiter);
    drop(holder);
    assert_empty(&space);
}

#[test]
fn a_clock_that_panics() {
    let space = Space::builder().clock(|| -> Duration { panic!("the clock's own") }).build();
    let holder = now(space.lock("k")).expect("the uncontended path reads no clock");
    let mut waiter = task(space.lock("k").timeout(Duration::from_secs(1)));
    assert!(catch_unwind(AssertUnwindSafe(|| waiter.poll().is_pending())).is_err());
    drop((waiter, holder));
    assert!(now(space.try_lock("k")).expect("open").is_some());
}

#[test]
fn a_clock_that_goes_back() {
    let times = Arc::new(std::sync::atomic::AtomicU64::new(1_000));
    let clock = times.clone();
    let now_ms = move || Duration::from_millis(clock.load(std::sync::atomic::Ordering::SeqCst));
    let space = Space::builder().clock(now_ms).build();
    let holder = now(space.lock("k")).expect("free");
    let mut waiter = task(space.lock("k").timeout(Duration::from_millis(10)));
    assert!(waiter.poll().is_pending());
    times.store(0, std::sync::atomic::Ordering::SeqCst);
    space.tick();
    drop(now(space.query()).expect("open"));
    times.store(1_010, std::sync::atomic::Ordering::SeqCst);
    space.tick();
    assert!(matches!(waiter.poll_if_woken(), Poll::Ready(Err(_))));
    drop(holder);
    assert_empty(&space);
}
