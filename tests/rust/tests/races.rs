//! Ends that race grants: whoever waits is told, once, whatever else happens meanwhile.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Error, ErrorKind, Guard, Key, Mode, Space};
use latchwork_tests::poll::{Flag, Task, now};

fn waits<'a>(space: &'a Space, keys: &[&str], shared: &[&str]) -> Task<'a, Result<Guard, Error>> {
    let mut task = Task::new(space.lock(keys).shared(shared));
    assert!(task.poll().is_pending());
    task
}

#[test]
fn close_tells_requests_whose_grant_is_under_way_in_another_shard() {
    for round in 0..200 {
        let space = Space::builder().shards(2).build();
        let other = space.attach();
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let held = now(other.lock(b.as_str())).expect("free");
        let mut tasks: Vec<_> = (0..50).map(|_| waits(&space, &[], &[&a, &b])).collect();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                space.close();
            });
            start.wait();
            drop(held);
        });
        for task in &mut tasks {
            // Granted first and closed then, or closed first: told in either case.
            match task.poll_if_woken() {
                Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::Closed),
                Poll::Ready(Ok(guard)) => assert!(!guard.held(), "the handle is closed"),
                Poll::Pending => panic!("round {round}: neither granted nor told that it is closed"),
            }
        }
    }
}

#[test]
fn a_drive_ends_when_its_first_poll_races_the_close() {
    for round in 0..2_000 {
        let space = Space::builder().shards(1).build();
        let mut drive = pin!(space.drive(|_| pending::<()>()));
        let flag = Flag::new();
        let start = Barrier::new(2);
        let polled = thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                space.close();
            });
            start.wait();
            drive.as_mut().poll(&mut Context::from_waker(&flag.waker()))
        });
        assert!(polled.is_ready() || flag.take(), "round {round}: pending, and never woken");
    }
}

#[test]
fn a_query_of_some_keys_sees_one_step_whole() {
    for round in 0..30 {
        let space = Space::builder().shards(2).build();
        let own: Vec<String> = (0..100).map(|number| format!("own {round} {number}")).collect();
        let held = now(space.lock("all")).expect("free");
        let tasks: Vec<_> = own.iter().map(|key| waits(&space, &[key], &["all"])).collect();
        let keys: Vec<Key> = own.iter().map(Key::from).collect();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                drop(held);
            });
            start.wait();
            loop {
                let query = now(space.query_keys(keys.clone())).expect("open");
                assert!(query.held.is_empty() || query.pending.is_empty(), "half of one release");
                if query.pending.is_empty() {
                    break;
                }
            }
        });
        drop(tasks);
    }
}

#[test]
fn pending_requests_that_share_a_key_are_told_in_order() {
    for round in 0..100 {
        let space = Space::builder().shards(8).build();
        let (x, y, key) = (format!("x{round}"), format!("y{round}"), format!("k{round}"));
        for _ in 0..10 {
            drop(now(space.lock(x.as_str())).expect("free"));
        }
        let held = now(space.lock(key.as_str())).expect("free");
        let first = waits(&space, &[&x, &key], &[]);
        let second = waits(&space, &[&y, &key], &[]);
        let pending = now(space.query()).expect("open").pending;
        let keys: Vec<bool> = pending.iter().map(|wait| wait.keys.contains(&Key::from(&x))).collect();
        assert_eq!(keys, [true, false], "round {round}");
        drop((first, second, held));
    }
}

#[test]
fn a_time_out_behind_many_holders_tells_its_place() {
    let space = Space::builder().shards(1).build();
    let held: Vec<_> = (0..1_500).map(|_| now(space.lock("a").mode(Mode::Shared)).expect("shared")).collect();
    let tasks: Vec<_> = (0..5).map(|_| waits(&space, &["a"], &[])).collect();
    let error = now(space.lock("a").timeout(Duration::ZERO)).expect_err("it would wait");
    assert_eq!((error.position(), error.waited()), (Some(6), None));
    drop((tasks, held));
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn close_goes_on_after_a_waker_that_panics() {
    let space = Space::builder().shards(1).build();
    let other = space.attach();
    let _held = now(other.lock("a")).expect("free");
    let own = now(space.lock("mine")).expect("free");
    let mut first = pin!(space.lock("a"));
    assert!(first.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    let mut second = waits(&space, &["a"], &[]);
    assert!(catch_unwind(AssertUnwindSafe(|| space.close())).is_err());
    assert!(second.poll_if_woken().is_ready());
    assert!(!own.held());
}

/// Counts how many of its wakers there are.
struct Live(Arc<AtomicUsize>);

impl Wake for Live {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn the_waker_of_a_drive_that_is_gone_is_let_go() {
    let space = Space::builder().shards(1).build();
    let live = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        live.fetch_add(1, Ordering::SeqCst);
        let waker = Waker::from(Arc::new(Live(live.clone())));
        let mut drive = pin!(space.drive(|_| pending::<()>()));
        assert!(drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(live.load(Ordering::SeqCst), 0);
}

#[test]
fn a_request_that_waits_does_not_change_any_more() {
    let space = Space::builder().shards(1).build();
    let held = now(space.lock("a")).expect("free");
    let mut request = space.lock("a");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(std::pin::Pin::new(&mut request).poll(&mut cx).is_pending());
    let request = request.shared("b");
    drop(held);
    let guard = block_on(request).expect("granted");
    assert!(guard.shared().is_empty());
}
