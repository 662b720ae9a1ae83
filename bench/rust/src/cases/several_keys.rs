//! Three keys at once.

use std::collections::BTreeSet;

use futures::executor::block_on;
use latchwork::Space;
use lockmap::{Entry, LockMap};

use super::Case;
use crate::key_names::key_names;
use crate::rounds::Side;
use crate::section::section;

const OPERATIONS: u64 = 4096;
const KEYS: usize = 512;

/// Integers: cheapest for a peer that copies each key twice.
pub(super) fn three_integers() -> Case {
    let (space, map) = (Space::new(), LockMap::<u64, ()>::new());
    Case {
        name: "three keys at once, integers",
        operations: OPERATIONS,
        sides: vec![
            Side::new("Latchwork", move |operations| {
                let work = async {
                    for number in 0..operations {
                        drop(space.lock(triple(number)).await.expect("the space is open"));
                    }
                };
                section(|| block_on(work)).1
            }),
            Side::new("lockmap", move |operations| {
                section(|| {
                    for number in 0..operations {
                        let batch: Vec<(u64, Entry<'_, u64, ()>)> = map.batch_lock(BTreeSet::from(triple(number)));
                        drop(batch);
                    }
                })
                .1
            }),
        ],
    }
}

/// Strings, as most programs have them.
pub(super) fn three_strings() -> Case {
    let (space, map) = (Space::new(), LockMap::<String, ()>::new());
    let (ours, theirs) = (key_names("user", KEYS), key_names("user", KEYS));
    Case {
        name: "three keys at once, strings",
        operations: OPERATIONS,
        sides: vec![
            Side::new("Latchwork", move |operations| {
                let work = async {
                    for number in 0..operations {
                        let keys = triple(number).map(|key| ours[key as usize].as_str());
                        drop(space.lock(keys).await.expect("the space is open"));
                    }
                };
                section(|| block_on(work)).1
            }),
            Side::new("lockmap", move |operations| {
                section(|| {
                    for number in 0..operations {
                        let keys = triple(number).map(|key| theirs[key as usize].clone());
                        let batch: Vec<(String, Entry<'_, String, ()>)> = map.batch_lock(BTreeSet::from(keys));
                        drop(batch);
                    }
                })
                .1
            }),
        ],
    }
}

/// Three different keys, in no order.
fn triple(number: u64) -> [u64; 3] {
    let keys = KEYS as u64;
    [number * 7 % keys, (number * 7 + 331) % keys, (number * 7 + 95) % keys]
}
