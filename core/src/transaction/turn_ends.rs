//! When a turn ends: with its call, whether or not that looks, so that it is in nobody's way for longer.

use std::cell::Cell;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;

use super::ends::{assert_empty, in_its_turn, kind, poll};
use super::{CallSpec, Change, Step, Tx};
use crate::{ErrorKind, Expiry, Guard, Key, ManualClock, Space};

const MS: Duration = Duration::from_millis(1);

/// An update in the turn of `a` that was taken away from it, and that has not seen that: who begins finds a queue, and is
/// granted the turn at once.
fn out_of_its_turn(space: &Space<u32>) -> impl Future + Unpin {
    let update = in_its_turn(space);
    assert_eq!(space.revoke(Key::turn_of("a")).expect("open"), 1);
    update
}

fn naming(guard: &Guard) -> CallSpec {
    CallSpec::new().guard(Some(guard.ticket()), guard.token(), None)
}

#[test]
fn a_turn_that_was_granted_at_once_ends_with_a_guard_of_its_call() {
    for shards in [1, 1024] {
        for released in [false, true] {
            let space: Space<u32> = Space::builder().cells().shards(shards).build();
            let mut guard = block_on(space.lock(["k", "l"])).expect("free");
            let first = out_of_its_turn(&space);
            let port = space.port(|| {});
            let call = port.update(&Key::from("a"), &naming(&guard), 1).expect("open");
            let Step::Run(run) = call.go_on() else { panic!("it is its turn") };
            assert_eq!(run.attempt, 1);
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending());
            match released {
                true => guard.release().expect("held"),
                false => assert_eq!(space.revoke("k").expect("open"), 1),
            }
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))), "{released}");
            let Step::Failed(error) = call.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("fenced") };
            assert_eq!(error.kind(), ErrorKind::Fenced);
            drop((first, call, guard));
            assert_empty(&space);
        }
    }
}

/// A function that does not wait may block its thread all the same.
#[test]
fn the_turn_of_a_function_that_does_not_wait_ends_with_a_guard_of_its_call() {
    for at_once in [false, true] {
        let space: Space<u32> = Space::with_cells();
        let guard = block_on(space.lock("k")).expect("free");
        let first = at_once.then(|| out_of_its_turn(&space));
        let runs = Cell::new(0);
        let update = space.update("a", |_| {
            runs.set(runs.get() + 1);
            if !at_once && runs.get() <= 3 {
                block_on(async { space.set("a", 7).await }).expect("open");
                return Change::Set(1);
            }
            // As if from another thread.
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending());
            assert_eq!(space.revoke("k").expect("open"), 1);
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))), "{at_once}");
            Change::Set(1)
        });
        let Poll::Ready(ended) = poll(&mut update.guard(&guard)) else { panic!("its guard is lost") };
        assert_eq!(kind(ended), ErrorKind::Fenced);
        assert_eq!(block_on(async { space.get("a").await }).expect("open").value, Some(2));
        drop((first, guard));
        assert_empty(&space);
    }
}

/// What is asked is decided at the asking (clause B5), also by who could wait.
#[test]
fn who_asks_for_a_turn_that_is_over_waits_for_no_tick() {
    for begins in [false, true] {
        let clock = ManualClock::new();
        let space: Space<u32> = Space::builder().cells().clock(clock.clone()).build();
        let first = in_its_turn(&space);
        let port = space.port(|| {});
        let call = port.update(&Key::from("a"), &CallSpec::new().timeout(5 * MS), 1).expect("open");
        assert!(matches!(call.go_on(), Step::Wait));
        drop(first);
        let Step::Run(run) = call.go_on() else { panic!("it is its turn") };
        clock.advance(5 * MS);
        if begins {
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
        } else {
            let mut next = Box::pin(space.transact(async |tx: Tx<u32>| tx.set("a", 2)));
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
        }
        let Step::Failed(error) = call.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("it is over") };
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_empty(&space);
    }
}
