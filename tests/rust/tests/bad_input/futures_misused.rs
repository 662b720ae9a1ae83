//! Futures dropped at every point, polled at the wrong time, and moved between tasks.

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use latchwork::{Guard, Space};
use latchwork_tests::poll::{Flag, Task, now};

use super::{assert_empty, task};

const SHARDS: [usize; 2] = [1, 64];

#[test]
fn dropped_before_the_first_poll() {
    let space = Space::new();
    let request = space.lock("k");
    assert!(now(space.try_lock("k")).expect("open").is_some(), "nobody has joined");
    drop(request);
    drop(space.try_lock("k"));
    assert_empty(&space);
}

#[test]
fn dropped_while_it_waits() {
    for shards in SHARDS {
        let space = Space::builder().shards(shards).build();
        let holder = now(space.lock(["a", "b"])).expect("free");
        let (mut first, mut second) = (task(space.lock(["a", "c"])), task(space.lock(["c", "d"])));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        drop(first);
        assert!(second.poll_if_woken().is_ready(), "its queues are looked at again");
        drop((holder, second));
        assert_empty(&space);
    }
}

#[test]
fn dropped_when_granted_and_not_polled() {
    for shards in SHARDS {
        let space = Space::builder().shards(shards).build();
        let holder = now(space.lock(["a", "b", "c"])).expect("free");
        let mut first = task(space.lock(["a", "b", "c"]));
        let mut rest = [task(space.lock("a")), task(space.lock("b")), task(space.lock("c"))];
        assert!(first.poll().is_pending() && rest.iter_mut().all(|one| one.poll().is_pending()));
        drop(holder);
        let query = now(space.query()).expect("open");
        assert!(query.held.len() == 1 && !query.held[0].claimed, "granted, and nobody has seen it");
        drop(first);
        assert!(rest.iter_mut().all(|one| one.poll_if_woken().is_ready()), "every key has gone on");
        assert_empty(&space);
    }
}

#[test]
fn dropped_when_it_has_answered() {
    let space = Space::new();
    let mut request = task(space.lock("k"));
    let Poll::Ready(Ok(guard)) = request.poll() else { panic!("free") };
    drop(request);
    assert!(guard.held(), "the guard is the caller's");
}

#[test]
fn polled_after_it_has_answered() {
    for shards in SHARDS {
        let space = Space::builder().shards(shards).build();
        let mut request = pin!(space.lock(["a", "b"]).into_future());
        let waker = Flag::new().waker();
        let mut cx = Context::from_waker(&waker);
        let Poll::Ready(Ok(guard)) = request.as_mut().poll(&mut cx) else { panic!("free") };
        // It may panic, as futures may; it must not take, free or corrupt anything.
        let again = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(&mut cx).map(|result| result.map(drop))));
        drop(again);
        assert!(guard.held());
        assert!(now(space.try_lock("a")).expect("open").is_none());
        drop(guard);
        assert_empty(&space);
    }
}

#[test]
fn the_newest_waker_is_woken() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    let mut request = pin!(space.lock("k").into_future());
    let (old, new) = (Flag::new(), Flag::new());
    assert!(request.as_mut().poll(&mut Context::from_waker(&old.waker())).is_pending());
    assert!(request.as_mut().poll(&mut Context::from_waker(&new.waker())).is_pending());
    drop(holder);
    assert_eq!((old.wakes(), new.wakes()), (0, 1));
    assert_eq!(Arc::strong_count(&old), 1, "the old waker is gone");
}

#[test]
fn polled_without_a_wake() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    let (mut first, mut second) = (task(space.lock("k")), task(space.lock("k")));
    for _ in 0..100 {
        assert!(second.poll().is_pending());
        assert!(first.poll().is_pending());
    }
    drop(holder);
    assert!(first.poll_if_woken().is_pending(), "the second joined first");
    assert!(second.poll_if_woken().is_ready());
    assert!(first.poll_if_woken().is_ready());
}

#[test]
fn a_scope_dropped_at_every_point() {
    let space = Space::new();
    let scope = || {
        Task::new(space.with_lock("k", async |_guard: &Guard| {
            latchwork_tests::stage::suspend().await;
            1
        }))
    };
    drop(scope());
    assert_empty(&space);
    let mut running = scope();
    assert!(running.poll().is_pending());
    let mut waiting = scope();
    let mut last = scope();
    assert!(waiting.poll().is_pending() && last.poll().is_pending());
    drop(waiting);
    assert!(last.poll_if_woken().is_pending());
    drop(running);
    assert!(last.poll_if_woken().is_pending(), "its body has begun");
    assert!(matches!(last.poll_if_woken(), Poll::Ready(Ok(1))));
    assert_empty(&space);
}

#[test]
fn a_wait_ends_on_another_thread() {
    let space = Space::new();
    let holder = now(space.lock(["a", "b"])).expect("free");
    let mut request = Box::pin(space.lock(["a", "b"]).into_future());
    let here = Flag::new();
    assert!(request.as_mut().poll(&mut Context::from_waker(&here.waker())).is_pending());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(move || futures::executor::block_on(request).expect("granted").token());
        drop(holder);
        assert!(waiter.join().expect("ended well") > 0);
    });
    assert_empty(&space);
}
