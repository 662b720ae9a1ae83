//! Watches (C13).

use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use latchwork::{Entry, Key, KeyRange, Space, Watch, key};

use super::{poll, spaces, timed};

/// The values of the next item; `None` when there is none yet.
fn next(watch: &mut Watch<u32>) -> Option<Vec<Option<u32>>> {
    match poll(&mut watch.next()) {
        Poll::Ready(Some(Ok(entries))) => Some(values(entries)),
        Poll::Ready(other) => panic!("an end: {other:?}"),
        Poll::Pending => None,
    }
}

fn values(entries: Vec<Entry<u32>>) -> Vec<Option<u32>> {
    entries.into_iter().map(|entry| entry.value).collect()
}

#[test]
fn an_item_is_the_whole_state_and_comes_after_a_change() {
    for space in spaces() {
        let mut watch = space.watch(["b", "a", "b"]);
        assert_eq!(next(&mut watch), Some(vec![None, None, None]), "the first comes at once");
        assert_eq!(next(&mut watch), None);
        block_on(space.set("c", 1)).expect("open");
        assert_eq!(next(&mut watch), None, "another cell");
        block_on(space.atomic().set("a", 1).set("b", 2).commit()).expect("open").expect("no condition");
        assert_eq!(next(&mut watch), Some(vec![Some(2), Some(1), Some(2)]));
        block_on(space.set("a", 3)).expect("open");
        block_on(space.set("a", 4)).expect("open");
        assert_eq!(next(&mut watch), Some(vec![Some(2), Some(4), Some(2)]), "what is in between may be skipped");
        assert_eq!(next(&mut watch), None);
        block_on(space.delete("a")).expect("open");
        assert_eq!(next(&mut watch), Some(vec![Some(2), None, Some(2)]));
    }
}

#[test]
fn a_prefix_shows_those_present_in_key_order() {
    for space in spaces() {
        let mut watch = space.watch_prefix(key!("user"));
        assert_eq!(next(&mut watch), Some(vec![]));
        block_on(space.set(key!("user", 2), 2)).expect("open");
        block_on(space.set(key!("user", 1), 1)).expect("open");
        block_on(space.set("user", 3)).expect("open");
        assert_eq!(next(&mut watch), Some(vec![Some(1), Some(2)]));
        block_on(space.set(key!("users"), 3)).expect("open");
        assert_eq!(next(&mut watch), None);
        block_on(space.delete_all(KeyRange::prefix(key!("user")))).expect("open");
        assert_eq!(next(&mut watch), Some(vec![]));
        let mut all = space.watch_prefix("");
        assert_eq!(next(&mut all), Some(vec![Some(3)]));
    }
}

#[test]
fn a_waiting_reader_is_woken() {
    for space in spaces() {
        for prefix in [false, true] {
            let mut watch = if prefix { space.watch_prefix("a") } else { space.watch("a") };
            let mut values_seen = Vec::new();
            std::thread::scope(|threads| {
                let reader = threads.spawn(|| {
                    let mut seen = Vec::new();
                    while seen.last() != Some(&vec![Some(100)]) {
                        seen.push(values(block_on(watch.next()).expect("open").expect("open")));
                    }
                    seen
                });
                for number in 1..=100 {
                    block_on(space.set("a", number)).expect("open");
                }
                values_seen = reader.join().expect("no panic");
            });
            let numbers: Vec<u32> = values_seen.into_iter().flatten().flatten().collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "never an older state after a newer");
            block_on(space.delete("a")).expect("open");
        }
    }
}

#[test]
fn an_expiry_is_told_at_the_tick() {
    for (space, clock) in timed() {
        let (mut one, mut all) = (space.watch("s"), space.watch_prefix("s"));
        block_on(space.set("s", 1).expire_in(Duration::from_millis(5))).expect("open");
        assert_eq!((next(&mut one), next(&mut all)), (Some(vec![Some(1)]), Some(vec![Some(1)])));
        clock.advance(Duration::from_millis(5));
        assert_eq!((next(&mut one), next(&mut all)), (None, None));
        space.tick();
        assert_eq!((next(&mut one), next(&mut all)), (Some(vec![None]), Some(vec![])));
    }
}

#[test]
fn it_ends_with_the_handle_with_the_reason() {
    for space in spaces() {
        let reader = space.attach();
        let mut watch = reader.watch("a");
        assert_eq!(next(&mut watch), Some(vec![None]));
        reader.close();
        assert_eq!(block_on(watch.next()).expect("the reason").expect_err("closed").code(), "closed");
        assert!(block_on(watch.next()).is_none());
        let mut bad = space.watch(Key::from("x".repeat(3000)));
        assert_eq!(block_on(bad.next()).expect("the reason").expect_err("too long").code(), "invalid");
        assert!(block_on(bad.next()).is_none());
        assert!(block_on(space.watch_prefix(7).next()).expect("the reason").is_err());
    }
}

#[test]
fn what_nobody_looks_at_watches_nothing() {
    let space = Space::<u32>::with_cells();
    let never = space.watch("a");
    let mut once = space.watch_prefix("a");
    assert_eq!(next(&mut once), Some(vec![]));
    drop((never, once));
    block_on(space.set("a", 1)).expect("open");
}
