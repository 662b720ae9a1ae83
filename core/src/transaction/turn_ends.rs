//! When a turn ends: with its call, whether or not that looks, so that it is in nobody's way for longer.

use std::task::Poll;

use futures::executor::block_on;

use super::ends::{assert_empty, in_its_turn, poll};
use super::{CallSpec, Change, Step};
use crate::{ErrorKind, Expiry, Guard, Key, Space};

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
