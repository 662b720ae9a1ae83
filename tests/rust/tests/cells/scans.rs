//! Scans and the deletion of ranges (C11).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::executor::block_on;
use latchwork::{Entry, Key, KeyRange, Space, key};

use super::{code, spaces};

fn list(space: &Space<u32>, range: KeyRange) -> Vec<Entry<u32>> {
    block_on(space.list(range).into_future()).expect("open")
}

#[test]
fn a_scan_is_in_key_order_and_has_limits_and_ends() {
    for space in spaces() {
        for number in [5, 3, 9, 1, 7] {
            block_on(space.set(number, number as u32)).expect("open");
            block_on(space.set(key!("user", number), number as u32)).expect("open");
        }
        let values = |entries: Vec<Entry<u32>>| entries.into_iter().filter_map(|entry| entry.value).collect::<Vec<_>>();
        assert_eq!(values(list(&space, KeyRange::between(3, 9))), [3, 5, 7]);
        assert_eq!(values(list(&space, KeyRange::prefix(key!("user")))), [1, 3, 5, 7, 9]);
        assert_eq!(list(&space, KeyRange::all()).len(), 10);
        assert_eq!(list(&space, KeyRange::between(9, 3)).len(), 0);
        assert_eq!(list(&space, KeyRange::prefix("user")).len(), 0);
        let last = space.list(KeyRange::prefix(key!("user"))).reverse().limit(2);
        assert_eq!(values(block_on(last.into_future()).expect("open")), [9, 7]);
        assert_eq!(block_on(space.list(KeyRange::all()).limit(0).into_future()).expect("open").len(), 0);
        assert_eq!(code(block_on(space.list(KeyRange::prefix(3)).into_future())), "invalid");
        let except = [key!("user", 5), Key::from(3)];
        let deleted = block_on(space.delete_all_except(KeyRange::prefix(key!("user")), &except)).expect("open");
        assert_eq!(deleted, [1, 3, 7, 9].map(|number| key!("user", number)));
        assert_eq!(block_on(space.delete_all(KeyRange::all())).expect("open").len(), 6);
        assert_eq!(list(&space, KeyRange::all()).len(), 0);
    }
}

/// One thread moves a coin between cells that come and go; a scan must see exactly one, always.
#[test]
fn a_scan_sees_one_instant_while_cells_come_and_go() {
    for shards in [1, 64, 1024] {
        let space: Space<u32> = Space::builder().cells().shards(shards).build();
        block_on(space.set(0, 1)).expect("open");
        let stop = Arc::new(AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut at = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    let next = (at * 7 + 1) % 97;
                    if next != at {
                        let moved = space.atomic().delete(at).insert(next, 1).commit();
                        assert!(block_on(moved).expect("open").is_ok());
                        at = next;
                    }
                }
            });
            for _ in 0..2_000 {
                assert_eq!(list(&space, KeyRange::all()).len(), 1);
                let keys: Vec<Key> = (0..97).map(Key::from).collect();
                let entries = block_on(space.get_many(&keys)).expect("open");
                assert_eq!(entries.iter().filter(|entry| entry.version > 0).count(), 1);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
