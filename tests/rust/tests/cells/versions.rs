//! Versions and conditions (C1 to C4).

use futures::StreamExt;
use futures::executor::block_on;
use latchwork::{Expected, Key, KeyRange, Space, key};

use super::{code, get, poll, spaces};

#[test]
fn a_change_gives_a_larger_version_also_when_nothing_differs() {
    for space in spaces() {
        assert_eq!(get(&space, "a").version, 0);
        let first = block_on(space.set("a", 1)).expect("open");
        let second = block_on(space.set("a", 1)).expect("open");
        assert!(first > 0 && second > first);
        assert!(block_on(space.delete("a")).expect("open"));
        assert!(!block_on(space.delete("a")).expect("open"));
        assert_eq!((get(&space, "a").version, get(&space, "a").value), (0, None));
        let again = block_on(space.insert("a", 1)).expect("open").expect("absent");
        assert!(again > second, "no version comes twice");
        // ABA: the value is the same, the version is not.
        assert!(block_on(space.compare_exchange(("a", second), 2)).expect("open").is_err());
    }
}

#[test]
fn what_was_read_orders_what_is_written() {
    for space in spaces() {
        for _ in 0..20 {
            block_on(space.set("source", 1)).expect("open");
        }
        let source = get(&space, "source");
        let version =
            block_on(space.atomic().check(&source).set("target", 1).commit()).expect("open").expect("unchanged");
        assert!(version > source.version);
        assert_eq!(get(&space, "target").version, version);
        assert_eq!(get(&space, "source").version, source.version);
    }
}

#[test]
fn one_commit_has_one_version_and_all_or_nothing() {
    for space in spaces() {
        let keys: Vec<Key> = (0..20).map(Key::from).collect();
        let mut commit = space.atomic();
        for key in &keys {
            commit = commit.insert(key, 1);
        }
        let version = block_on(commit.commit()).expect("open").expect("absent");
        let entries = block_on(space.get_many(&keys)).expect("open");
        assert!(entries.iter().all(|entry| entry.version == version && entry.value == Some(1)));
        let mut stale = space.atomic().set("other", 1);
        for key in &keys[..3] {
            stale = stale.check((key, version + 1));
        }
        let conflicts = block_on(stale.check((&keys[3], version)).commit()).expect("open").expect_err("stale");
        assert_eq!(conflicts.iter().map(|conflict| conflict.key.clone()).collect::<Vec<_>>(), keys[..3]);
        assert!(conflicts.iter().all(|conflict| conflict.expected == version + 1 && conflict.entry.version == version));
        assert_eq!(get(&space, "other").version, 0, "nothing was written");
    }
}

#[test]
fn decisions_are_reported_with_what_is_there() {
    for space in spaces() {
        let winner = block_on(space.insert("name", 1)).expect("open").expect("absent");
        let there = block_on(space.insert("name", 2)).expect("open").expect_err("taken");
        assert_eq!((there.value, there.version), (Some(1), winner));
        let there = block_on(space.compare_delete(("name", winner + 1))).expect("open").expect_err("stale");
        assert_eq!(there.version, winner);
        assert_eq!(block_on(space.compare_delete(&there)).expect("open"), Ok(true));
        let absent = get(&space, "name");
        assert_eq!(block_on(space.compare_delete(&absent)).expect("open"), Ok(false), "absence has no memory");
        assert!(block_on(space.compare_exchange(&absent, 3)).expect("open").is_ok());
    }
}

#[test]
fn the_last_write_of_a_cell_counts() {
    for space in spaces() {
        let atomic = space.atomic().set("a", 1).delete("a").set("b", 1).delete("b").delete("c").insert("c", 2);
        let version = block_on(atomic.set("a", 3).commit()).expect("open").expect("absent");
        let [a, b, c] = ["a", "b", "c"].map(|key| get(&space, key));
        assert_eq!((a.value, b.value, c.value), (Some(3), None, Some(2)));
        assert_eq!((a.version, b.version, c.version), (version, 0, version));
        let all = block_on(space.list(KeyRange::all()).into_future()).expect("open");
        assert_eq!(all.len(), 2);
        assert_eq!(block_on(space.atomic().check(&a).commit()).expect("open"), Ok(0), "nothing to write");
    }
}

/// What a commit and those who watch cost does not go with the square of the cells: this would take minutes.
#[test]
fn a_commit_moves_many_cells_that_many_watch() {
    const MANY: u32 = 50_000;
    let at = |number: u32| key!("many", number);
    for space in spaces() {
        let mut watches: Vec<_> = (0..1_000).map(|_| space.watch_prefix(key!("many"))).collect();
        assert!(
            watches.iter_mut().all(|watch| poll(&mut watch.next()).is_ready() && poll(&mut watch.next()).is_pending())
        );
        let made = (0..MANY).fold(space.atomic(), |atomic, number| atomic.set(at(number), number));
        block_on(made.commit()).expect("open").expect("no condition");
        let moved =
            (0..MANY).fold(space.atomic(), |atomic, number| atomic.delete(at(number)).set(at(MANY + number), number));
        block_on(moved.commit()).expect("open").expect("no condition");
        let all = block_on(space.list(KeyRange::all()).into_future()).expect("open");
        assert!(all.into_iter().map(|entry| entry.key).eq((MANY..2 * MANY).map(at)));
        assert!(poll(&mut watches[999].next()).is_ready(), "told");
    }
}

#[test]
fn a_closed_handle_and_a_key_that_is_too_long_are_refused() {
    for space in spaces() {
        let long = Key::from("x".repeat(3000));
        assert_eq!(code(block_on(space.get(&long))), "invalid");
        assert_eq!(code(block_on(space.set(&long, 1))), "invalid");
        assert_eq!(code(block_on(space.atomic().set("a", 1).check((&long, 0)).commit())), "invalid");
        assert_eq!(get(&space, "a").version, 0);
        let other = space.attach();
        other.close();
        assert_eq!(code(block_on(other.get("a"))), "closed");
        assert_eq!(code(block_on(other.set("a", 1))), "closed");
        assert_eq!(code(block_on(other.delete_all(KeyRange::all()))), "closed");
        assert_eq!(get(&space, "a").version, 0);
    }
}

#[test]
fn expectations_come_from_entries_and_pairs() {
    let space = Space::<u32>::with_cells();
    let entry = get(&space, "a");
    assert_eq!(Expected::from(&entry), Expected::from(("a", 0)));
}

#[test]
fn a_value_read_is_the_readers_own() {
    let space: Space<Vec<u32>> = Space::with_cells();
    block_on(space.set("list", vec![1])).expect("open");
    let mut seen = block_on(space.get("list")).expect("open");
    seen.value.as_mut().expect("there").push(2);
    let taken = block_on(space.insert("list", vec![])).expect("open").expect_err("it is there");
    assert_eq!(taken.value, Some(vec![1]));
    assert_eq!(block_on(space.list(KeyRange::all()).into_future()).expect("open")[0].value, Some(vec![1]));
}
