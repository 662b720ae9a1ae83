//! Closed spaces, dropped spaces, guards that outlive them.

use std::task::Poll;

use latchwork::{Error, ErrorKind, Guard, ManualClock, Registry, Space};
use latchwork_tests::poll::{Task, now};

use super::{assert_empty, task};

fn assert_closed<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert_eq!(result.expect_err("closed").kind(), ErrorKind::Closed);
}

#[test]
fn use_after_close() {
    let space = Space::builder().clock(ManualClock::new()).build();
    let mut guard = now(space.lock("k")).expect("free");
    let mut waiter = task(space.lock("k"));
    assert!(waiter.poll().is_pending());
    let late = task(space.lock("k"));
    space.close();
    space.close();
    assert!(space.is_closed() && space.clone().is_closed());
    let Poll::Ready(result) = waiter.poll_if_woken() else { panic!("woken by the close") };
    assert_closed(result);
    assert!(!guard.held());
    assert_eq!(guard.release().expect_err("released by the close").kind(), ErrorKind::NotHeld);
    let mut late = late;
    let Poll::Ready(result) = late.poll() else { panic!("answered at once") };
    assert_closed(result);
    assert_closed(now(space.lock("k")));
    assert_closed(now(space.lock([0; 0])));
    assert_closed(now(space.try_lock("k")));
    assert_closed(now(space.with_lock("k", async |_guard| panic!("the body does not run"))));
    assert_closed(now(space.query()));
    assert_closed(now(space.query_keys("k")));
    space.tick();
    assert_eq!(space.next_deadline(), None);
    assert_eq!(space.release(guard.ticket()).expect_err("gone").kind(), ErrorKind::NotHeld);
    drop(guard);
    assert!(space.attach().is_closed(), "every handle is closed");
}

#[test]
fn the_other_handles_go_on() {
    let space = Space::new();
    let other = space.attach();
    let held = now(space.lock("k")).expect("free");
    let mut own = task(space.lock("j"));
    let blocking = now(other.lock("j")).expect("free");
    let mut followers = [task(other.lock("k")), task(other.lock("j"))];
    assert!(own.poll().is_pending() && followers.iter_mut().all(|follower| follower.poll().is_pending()));
    space.close();
    assert!(matches!(own.poll_if_woken(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Closed));
    assert!(followers[0].poll_if_woken().is_ready(), "the closed handle's key goes on");
    drop(blocking);
    assert!(followers[1].poll_if_woken().is_ready(), "and its wait is out of the way");
    assert!(!held.held());
    assert!(!other.is_closed());
    drop(held);
    assert_empty(&other);
}

/// A handle's own waits fail at its close: none of them gets what the handle gives back on the way.
#[test]
fn a_close_grants_nothing_to_its_own_waits() {
    let space = Space::builder().shards(64).build();
    let observer = space.attach();
    let guards: Vec<Guard> = (0..20).map(|key| now(space.lock([key, key + 100])).expect("free")).collect();
    let mut waiters: Vec<Task<'_, _>> = (0..20).map(|key| task(space.lock([key, key + 101]))).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
    space.close();
    for waiter in &mut waiters {
        assert!(matches!(waiter.poll_if_woken(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Closed));
    }
    drop(guards);
    assert_empty(&observer);
}

#[test]
fn a_timeout_that_nobody_collected_before_the_close() {
    let clock = ManualClock::new();
    let space = Space::builder().clock(clock.clone()).build();
    let holder = now(space.lock("k")).expect("free");
    let mut waiter = task(space.lock("k").timeout(std::time::Duration::from_millis(1)));
    assert!(waiter.poll().is_pending());
    clock.advance(std::time::Duration::from_millis(1));
    space.tick();
    space.close();
    let Poll::Ready(Err(error)) = waiter.poll_if_woken() else { panic!("settled") };
    assert_eq!(error.kind(), ErrorKind::Timeout, "it had timed out before the close");
    drop(holder);
}

#[test]
fn a_guard_outlives_its_space() {
    let space = Space::new();
    let mut one = now(space.lock("k")).expect("free");
    let two = now(space.lock(["a", "b"])).expect("free");
    drop(space);
    assert!(one.held() && two.held());
    one.release().expect("held");
    drop(two);
}

#[test]
fn a_guard_that_gives_up_its_ticket_holds_on() {
    let space = Space::new();
    let ticket = now(space.lock(["k", "j"])).expect("free").into_ticket();
    assert!(now(space.try_lock("j")).expect("open").is_none());
    space.release(ticket).expect("held");
    assert_eq!(space.release(ticket).expect_err("released").kind(), ErrorKind::NotHeld);
    assert_empty(&space);
}

#[test]
fn one_space_for_each_name() {
    static REGISTRY: Registry = Registry::new();
    let one = REGISTRY.open("orders", Space::builder()).unwrap();
    let two = REGISTRY.open("orders", Space::builder().epoch(9)).unwrap();
    let other = REGISTRY.open("invoices", Space::builder()).unwrap();
    let guard = now(one.lock("k")).expect("free");
    assert!(now(two.try_lock("k")).expect("open").is_none(), "one space");
    assert!(now(other.try_lock("k")).expect("open").is_some(), "another space");
    one.close();
    assert!(!guard.held() && !two.is_closed());
    let epoch = two.epoch();
    two.close();
    let again = REGISTRY.open("orders", Space::builder().epoch(epoch + 1)).unwrap();
    assert_eq!(again.epoch(), epoch + 1, "the name ended with its last handle");
    assert!(now(again.try_lock("k")).expect("open").is_some());
}
