//! Owners of another space, and lengths of a hold that nobody can measure.

use std::time::Duration;

use latchwork::{Answer, Error, ErrorKind, LockSpec, ManualClock, Settled, Space};
use latchwork_tests::poll::{Task, now};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, what: &str) {
    let error = outcome.expect_err("refused");
    assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some(what)), "{error}");
}

/// Owners of two spaces have the same numbers and, where the spaces have the same seed and epoch, the same ids.
#[test]
fn an_owner_of_another_space() {
    for shards in [1, 4] {
        let (space, elsewhere) = (Space::builder().shards(shards).build(), Space::new());
        let (own, other) = (space.owner("own"), elsewhere.owner("other"));
        assert_eq!(own.id(), other.id());
        let there = now(other.lock(["b", "c"])).expect("free");
        let mut guard = now(space.lock("b")).expect("free");
        let seen = || format!("{:?} {:?}", now(space.query()).expect("open"), now(elsewhere.query()).expect("open"));
        let before = seen();
        refused(now(space.lock("b").owner(&other)), "owner");
        refused(now(space.lock("d").owner(&other)), "owner");
        refused(now(space.lock("d").owner(&other).timeout(Duration::ZERO)), "owner");
        refused(now(space.try_lock("d").owner(&other)), "owner");
        refused(now(space.request(LockSpec::new(["d", "e"]).owner(&other))), "owner");
        refused(guard.hand_over(&other, 1), "owner");
        let port = space.port(|| {});
        refused(port.lock(&LockSpec::new("d").owner(&other), 1), "owner");
        refused(port.try_lock(&LockSpec::new("d").owner(&other)), "owner");
        port.adopt(guard.ticket(), &other);
        port.watch_handed_over(&other, 7);
        assert!(port.take_handed_over(&other).is_none());
        assert_eq!(port.close_owner(&other), 0);
        assert_eq!(seen(), before, "nothing has changed, here or there");
        assert!(guard.held() && there.held() && !own.is_closed() && !other.is_closed());
        assert!(guard.hand_over(&own, 1).expect("held"));
        let mut settled = Vec::new();
        port.take_settled(&mut settled);
        assert!(settled.is_empty(), "told of what is another owner's: {settled:?}");
        assert!(port.take_handed_over(&other).is_none(), "it is for another owner");
        assert_eq!(now(own.handed_over()).expect("it is here").keys(), ["b".into()]);
    }
}

/// Nobody could end it.
#[test]
fn a_longest_hold_without_a_clock() {
    let space = Space::new();
    let port = space.port(|| {});
    for length in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
        refused(now(space.lock("b").max_hold(length)), "max_hold");
        let spec = LockSpec::new("b").max_hold(length);
        refused(port.lock(&spec, 1), "max_hold");
        refused(port.try_lock(&spec), "max_hold");
        assert!(now(space.query()).expect("open").held.is_empty());
    }
}

#[test]
fn holds_of_no_time_and_of_all_time() {
    for shards in [1, 4] {
        let clock = ManualClock::new();
        let space = Space::builder().shards(shards).clock(clock.clone()).build();
        let mut none = now(space.lock(["b", "c"]).max_hold(Duration::ZERO)).expect("free");
        assert!(!none.held(), "it is over at once");
        let next = now(space.lock("b").max_hold(Duration::MAX)).expect("whoever asks has it");
        assert!(next.held());
        drop(next);
        assert_eq!(none.release().expect_err("it was taken away").kind(), ErrorKind::NotHeld);
        let forever = now(space.lock("b").max_hold(Duration::MAX)).expect("free");
        clock.advance(Duration::MAX);
        space.tick();
        assert!(forever.held(), "its end is further than the clock goes");
    }
}

/// A handle that is closed ends its owners: who waits for a guard is told, and nothing is handed over to them any more.
#[test]
fn an_owner_ends_with_its_space() {
    for shards in [1, 4] {
        let space = Space::builder().shards(shards).build();
        let other = space.attach();
        let owner = space.owner("o");
        let mut waits = Task::new(owner.handed_over());
        assert!(waits.poll().is_pending());
        let port = space.port(|| {});
        let of_port = port.owner(None);
        port.watch_handed_over(&of_port, 3);
        space.close();
        assert!(waits.poll_if_woken().ready_and(|ended| ended.expect_err("ended").kind() == ErrorKind::Closed));
        let mut settled = Vec::new();
        port.take_settled(&mut settled);
        assert!(matches!(settled[..], [Settled::HandedOver { tag: 3 }]), "{settled:?}");
        for ended in [&owner, &of_port] {
            assert!(ended.is_closed());
            let mut guard = now(other.lock(["b", "c"])).expect("free");
            assert!(!guard.hand_over(ended, ()).expect("held"), "nobody is there");
            assert!(now(other.query()).expect("open").held.is_empty(), "released");
        }
        assert_eq!(owner.close(), 0);
    }
}

/// The same of a port that is dropped: other owners of the handle go on.
#[test]
fn an_owner_ends_with_its_port() {
    let space = Space::new();
    let (stays, port) = (space.owner("stays"), space.port(|| {}));
    let owner = port.owner(Some("o"));
    let granted = port.lock(&LockSpec::new("b").owner(&owner), 1).expect("open");
    assert!(matches!(granted, Answer::Granted(_)));
    drop(port);
    assert!(owner.is_closed() && !stays.is_closed());
    assert_eq!(now(owner.lock("b")).expect_err("closed").kind(), ErrorKind::Cancelled);
    let mut guard = now(space.lock("b")).expect("released with the port");
    assert!(!guard.hand_over(&owner, ()).expect("held"));
}

trait ReadyAnd<T> {
    fn ready_and(self, is: impl FnOnce(T) -> bool) -> bool;
}

impl<T> ReadyAnd<T> for std::task::Poll<T> {
    fn ready_and(self, is: impl FnOnce(T) -> bool) -> bool {
        match self {
            std::task::Poll::Ready(value) => is(value),
            std::task::Poll::Pending => false,
        }
    }
}
