//! Guarded commits (C14).

use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Guard, KeyRange, Space, key};

use super::{code, get, spaces, timed};

fn lock(space: &Space<u32>, keys: impl latchwork::IntoKeys) -> Guard {
    block_on(space.lock(keys)).expect("free")
}

#[test]
fn only_a_guard_that_is_held_writes() {
    for space in spaces() {
        for keys in [&["doc"][..], &["doc", "index", "other"][..]] {
            let mut guard = lock(&space, keys);
            block_on(space.set("doc", 1).guard(&guard)).expect("held");
            block_on(space.set("doc", 2).guard_keys(&guard, "doc")).expect("held");
            assert_eq!(code(block_on(space.set("doc", 3).guard_keys(&guard, ["doc", "more"]))), "fenced");
            block_on(space.atomic().guard(&guard).set("a", 1).delete("b").commit())
                .expect("held")
                .expect("no condition");
            guard.release().expect("held");
            let error = block_on(space.set("doc", 4).guard(&guard)).expect_err("released");
            assert_eq!((error.code(), error.token()), ("fenced", Some(guard.token())));
            let _next = lock(&space, keys);
            assert_eq!(code(block_on(space.delete("doc").guard(&guard))), "fenced");
            assert_eq!(get(&space, "doc").value, Some(2));
        }
    }
}

#[test]
fn what_the_holder_released_itself_is_no_loss_and_what_was_taken_is() {
    for space in spaces() {
        let mut guard = lock(&space, ["a", "b", "c"]);
        guard.release_keys("a").expect("held");
        block_on(space.set("x", 1).guard(&guard)).expect("the rest is held");
        assert_eq!(code(block_on(space.set("x", 2).guard_keys(&guard, "a"))), "fenced");
        block_on(space.set("x", 3).guard_keys(&guard, ["b", "c"])).expect("held");
        guard.downgrade().expect("held");
        block_on(space.set("x", 4).guard_keys(&guard, "b")).expect("held in shared mode");
        assert_eq!(space.revoke("b").expect("open"), 1);
        assert_eq!(code(block_on(space.set("x", 5).guard(&guard))), "fenced");
        assert_eq!(code(block_on(space.set("x", 5).guard_keys(&guard, "c"))), "fenced", "lost for all its keys");
        assert_eq!(get(&space, "x").value, Some(4));
    }
}

#[test]
fn a_guard_that_was_handed_over_no_longer_writes_and_its_heir_does() {
    for space in spaces() {
        let mut guard = lock(&space, ["a", "b"]);
        let job = space.owner("job");
        assert!(guard.hand_over(&job, ()).expect("held"));
        assert_eq!(code(block_on(space.set("x", 1).guard(&guard))), "fenced");
        let heir = block_on(job.handed_over()).expect("handed over");
        block_on(space.set("x", 2).guard(&heir)).expect("held");
    }
}

#[test]
fn a_guard_whose_time_is_over_no_longer_writes_before_anybody_ticks() {
    for (space, clock) in timed() {
        let guard = block_on(space.lock("a").max_hold(Duration::from_millis(5))).expect("free");
        block_on(space.set("x", 1).guard(&guard)).expect("held");
        clock.advance(Duration::from_millis(5));
        assert_eq!(code(block_on(space.set("x", 2).guard(&guard))), "fenced");
        assert_eq!(get(&space, "x").value, Some(1));
    }
}

#[test]
fn several_guards_must_all_be_held_and_be_of_this_space() {
    for space in spaces() {
        let (one, mut two) = (lock(&space, [key!("a", 1), key!("b", 2)]), lock(&space, "c"));
        let write = || space.atomic().guard(&one).guard_keys(&one, key!("b", 2)).set("x", 1);
        block_on(write().guard(&two).commit()).expect("held").expect("no condition");
        two.release().expect("held");
        assert_eq!(code(block_on(write().guard(&two).commit())), "fenced");
        let other = Space::<u32>::with_cells();
        let foreign = lock(&other, "c");
        assert_eq!(code(block_on(write().guard(&foreign).commit())), "invalid");
        assert_eq!(code(block_on(space.set("x", 1).guard(&foreign))), "invalid");
    }
}

/// A holder that is robbed at any moment: what it writes is refused from then on, so that the thief's view stands.
#[test]
fn a_robbed_holder_never_writes_after_its_successor() {
    for shards in [1, 64] {
        let space: Space<u32> = Space::builder().cells().shards(shards).build();
        for round in 1..300 {
            let robbed = lock(&space, ["a", "b"]);
            let (written, read) = std::thread::scope(|threads| {
                let writer = threads.spawn(|| block_on(space.set("x", round).guard(&robbed)).is_ok());
                let thief = threads.spawn(|| {
                    space.revoke("b").expect("open");
                    let seen = get(&space, "x").value;
                    std::thread::yield_now();
                    assert_eq!(get(&space, "x").value, seen, "nothing is written under the successor");
                    seen
                });
                (writer.join().expect("no panic"), thief.join().expect("no panic"))
            });
            assert_eq!(written, get(&space, "x").value == Some(round));
            assert_eq!(written, read == Some(round));
        }
        assert_eq!(block_on(space.delete_all(KeyRange::all())).expect("open").len(), 1);
    }
}
