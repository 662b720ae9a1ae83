//! Arguments that cannot be what they must be, and some that look so and can.

use std::time::Duration;

use latchwork::{Error, ErrorKind, Key, LockSpec, ManualClock, Mode, Space, Ticket, Url};
use latchwork_tests::poll::now;

use super::{assert_empty, task};

fn huge() -> Key {
    Key::from("k".repeat(100_000))
}

fn assert_invalid<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.what().is_some() && error.why().is_some());
    assert!(error.to_string().len() < 1_000, "the message does not repeat the input");
}

#[test]
fn a_key_that_is_too_long() {
    for shards in [1, 4096] {
        let space = Space::builder().shards(shards).build();
        assert_invalid(now(space.lock(huge())), "lock");
        assert_invalid(now(space.lock(["a".into(), huge()])), "lock of two");
        assert_invalid(now(space.lock("a").shared(huge())), "lock with a shared key");
        assert_invalid(now(space.try_lock(huge())), "try_lock");
        assert_invalid(now(space.with_lock(huge(), async |_guard| panic!("the body does not run"))), "with_lock");
        assert_invalid(now(space.request(LockSpec::new(huge()))), "request");
        assert_invalid(now(space.query_keys(huge())), "query_keys");
        assert_empty(&space);
    }
}

#[test]
fn a_timeout_without_a_clock() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    assert_invalid(now(space.lock("k").timeout(Duration::from_millis(1))), "a time-out that nobody can measure");
    assert_invalid(now(space.lock("free").timeout(Duration::MAX)), "also where it would not have to wait");
    let error = now(space.lock("k").timeout(Duration::ZERO)).expect_err("held");
    assert_eq!((error.kind(), error.waited()), (ErrorKind::Timeout, None), "nobody can say how long");
    drop(now(space.lock("free").timeout(Duration::ZERO)).expect("zero needs no clock"));
    space.tick();
    drop(holder);
    assert_empty(&space);
}

#[test]
fn the_longest_timeout_of_all() {
    let clock = ManualClock::new();
    let space = Space::builder().clock(clock.clone()).build();
    let holder = now(space.lock("k")).expect("free");
    clock.advance(Duration::from_secs(1));
    let mut waiter = task(space.lock("k").timeout(Duration::MAX));
    assert!(waiter.poll().is_pending());
    clock.advance(Duration::MAX);
    space.tick();
    drop(holder);
    drop(waiter);
    assert_empty(&space);
}

#[test]
fn very_many_keys_in_one_request() {
    for shards in [1, 4096] {
        let space = Space::builder().shards(shards).build();
        let keys: Vec<u64> = (0..100_000).map(|i| i % 50_000).collect();
        let guard = now(space.lock(keys.clone())).expect("free");
        assert_eq!(guard.keys().len(), 50_000);
        let mut waiter = task(space.lock(keys).mode(Mode::Shared));
        assert!(waiter.poll().is_pending());
        drop(guard);
        assert!(waiter.poll_if_woken().is_ready());
        assert_empty(&space);
    }
}

#[test]
fn empty_sets() {
    let space = Space::new();
    let none: [Key; 0] = [];
    let mut guard = now(space.lock(none.clone()).shared(none.clone())).expect("granted at once");
    assert!(guard.held() && guard.keys().is_empty() && guard.shared().is_empty());
    guard.release().expect("held");
    assert_eq!(guard.release().expect_err("released").kind(), ErrorKind::NotHeld);
    assert!(now(space.try_lock(none.clone())).expect("open").is_some());
    assert!(now(space.query_keys(none)).expect("open").held.is_empty());
    assert_empty(&space);
}

#[test]
fn a_label_of_any_length() {
    let space = Space::new();
    let label = "l".repeat(1_000_000);
    let holder = now(space.lock("k").label(label.as_str())).expect("free");
    assert_eq!(holder.label(), Some(label.as_str()));
    drop(now(space.lock("j").label("")).expect("free"));
    drop(holder);
    assert_empty(&space);
}

#[test]
fn tickets_that_name_nothing() {
    let space = Space::new();
    let guard = now(space.lock("k")).expect("free");
    for (place, number) in [(0, 0), (u64::MAX, u64::MAX), (1 << 52, 1), (5, u64::MAX), (u64::from(u32::MAX), 1)] {
        let ticket = Ticket::from_parts(place, number);
        assert_eq!(space.release(ticket).expect_err("no such ticket").kind(), ErrorKind::NotHeld);
    }
    let (place, number) = guard.ticket().to_parts();
    assert!(place < 1 << 53 && number < 1 << 53);
    assert_eq!(Ticket::from_parts(place, number), guard.ticket());
    assert!(guard.held());
}

#[test]
fn urls() {
    assert!(matches!(Url::parse(None), Ok(Url::Private)));
    assert!(matches!(Url::parse(Some("memory:orders")), Ok(Url::Memory("orders"))));
    for url in ["", "memory:", "memory", "ftp:orders", "://", ":", "sqlite"] {
        let error = Url::parse(Some(url)).expect_err(url);
        assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some("url")), "{url:?}");
    }
}

#[test]
fn any_number_of_shards() {
    for shards in [0, 1, 2, 3, 7, 1_000] {
        let space = Space::builder().shards(shards).build();
        let guard = now(space.lock(["a", "b", "c", "d", "e"])).expect("free");
        let mut waiter = task(space.lock(["e", "a"]));
        assert!(waiter.poll().is_pending(), "{shards} shards");
        drop(guard);
        assert!(waiter.poll_if_woken().is_ready(), "{shards} shards");
        assert_empty(&space);
    }
}
