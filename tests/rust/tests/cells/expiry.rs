//! Cells that expire (C12, B5).

use std::time::Duration;

use futures::executor::block_on;
use latchwork::KeyRange;

use super::{code, get, spaces, timed};

const MS: Duration = Duration::from_millis(1);

#[test]
fn an_expired_cell_is_absent_before_any_sweep() {
    for (space, clock) in timed() {
        block_on(space.set("s", 1).expire_in(5 * MS)).expect("open");
        let seen = get(&space, "s");
        assert_eq!((seen.value, seen.expires_in), (Some(1), Some(5 * MS)));
        clock.advance(2 * MS);
        assert_eq!(get(&space, "s").expires_in, Some(3 * MS));
        assert_eq!(space.next_deadline(), Some(3 * MS));
        clock.advance(3 * MS);
        assert_eq!((get(&space, "s").value, get(&space, "s").version), (None, 0));
        assert!(block_on(space.list(KeyRange::all()).into_future()).expect("open").is_empty());
        assert!(block_on(space.compare_exchange(&seen, 2)).expect("open").is_err(), "it was deleted");
        assert!(!block_on(space.delete("s")).expect("open"));
        space.tick();
        assert_eq!(space.next_deadline(), None);
        let again = block_on(space.insert("s", 2)).expect("open").expect("absent");
        assert!(again > seen.version);
    }
}

#[test]
fn setting_a_cell_clears_its_expiry() {
    for (space, clock) in timed() {
        block_on(space.set("s", 1).expire_in(5 * MS)).expect("open");
        block_on(space.set("s", 2)).expect("open");
        assert_eq!((get(&space, "s").expires_in, space.next_deadline()), (None, None));
        clock.advance(10 * MS);
        space.tick();
        assert_eq!(get(&space, "s").value, Some(2));
        block_on(space.set("s", 3).expire_in(Duration::ZERO)).expect("open");
        assert_eq!(get(&space, "s").version, 0);
        block_on(space.set("s", 3).expire_in(Duration::MAX)).expect("open");
        assert_eq!(get(&space, "s").value, Some(3));
    }
}

#[test]
fn a_scan_with_a_limit_looks_past_what_has_expired() {
    for (space, clock) in timed() {
        for number in 0..10 {
            let write = space.set(number, number as u32);
            block_on(if number < 7 { write.expire_in(MS) } else { write }).expect("open");
        }
        clock.advance(MS);
        let found = block_on(space.list(KeyRange::all()).limit(2).into_future()).expect("open");
        assert_eq!(found.iter().map(|entry| entry.value).collect::<Vec<_>>(), [Some(7), Some(8)]);
        assert_eq!(block_on(space.delete_all(KeyRange::all())).expect("open").len(), 3, "of the expired none");
        assert_eq!(space.next_deadline(), None);
    }
}

#[test]
fn without_a_clock_nothing_can_expire() {
    for space in spaces() {
        assert_eq!(code(block_on(space.set("s", 1).expire_in(MS))), "invalid");
        assert_eq!(code(block_on(space.atomic().set("a", 1).expire_in(MS).set("b", 1).commit())), "invalid");
        assert_eq!(get(&space, "b").version, 0);
    }
}

#[test]
fn the_cell_that_was_set_last_expires_whatever_was_asked_after_it() {
    for (space, clock) in timed() {
        let commit = space.atomic().set("other", 1).set("s", 1).check(("x", 0)).delete("y").expire_in(5 * MS);
        block_on(commit.commit()).expect("open").expect("absent");
        assert_eq!((get(&space, "s").expires_in, get(&space, "other").expires_in), (Some(5 * MS), None));
        clock.advance(5 * MS);
        assert_eq!(get(&space, "s").version, 0);
    }
}

#[test]
fn an_expiry_with_nothing_to_expire_is_refused_and_changes_nothing() {
    for (space, _) in timed() {
        block_on(space.set("s", 1)).expect("open");
        assert_eq!(code(block_on(space.atomic().expire_in(MS).set("s", 2).commit())), "invalid");
        assert_eq!(code(block_on(space.atomic().delete("s").check(("x", 0)).expire_in(MS).commit())), "invalid");
        assert_eq!(code(block_on(space.delete("s").expire_in(MS))), "invalid");
        assert_eq!(code(block_on(space.compare_delete(("s", 1)).expire_in(MS))), "invalid");
        assert_eq!(get(&space, "s").value, Some(1));
        assert_eq!(space.next_deadline(), None);
    }
}
