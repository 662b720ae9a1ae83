//! Reading and writing cells that are there, scans, and what a watcher costs who writes.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use futures::FutureExt;
use futures::executor::block_on;
use latchwork::{KeyRange, Scan, Space, Watch};

use super::{Case, Curve};
use crate::key_names::key_names;
use crate::rounds::Side;
use crate::section::section;

const OPERATIONS: u64 = 8192;
const FEW: usize = 512;

pub(super) const ARC_SWAP: &str = "arc-swap rcu";
pub(super) const DASH_MAP: &str = "DashMap of versioned values";

/// What people write by hand: a value and a number that goes up.
#[derive(Clone, Debug)]
pub(super) struct Versioned {
    version: u64,
    value: u64,
}

/// Cells that are all there: the map itself never changes.
pub(super) type Swaps = HashMap<String, ArcSwap<Versioned>>;

type Versions = DashMap<String, Versioned>;

fn names() -> Vec<String> {
    key_names("user", FEW)
}

pub(super) fn space() -> Space<u64> {
    let space = Space::with_cells();
    block_on(async {
        for name in &names() {
            space.set(name, 0).await.expect("open");
        }
    });
    space
}

pub(super) fn swaps() -> Swaps {
    let first = || ArcSwap::from_pointee(Versioned { version: 1, value: 0 });
    names().into_iter().map(|name| (name, first())).collect()
}

fn versions() -> Versions {
    names().into_iter().map(|name| (name, Versioned { version: 1, value: 0 })).collect()
}

fn updated(swap: &ArcSwap<Versioned>, value: u64) -> u64 {
    swap.rcu(|seen| Versioned { version: seen.version + 1, value }).version
}

pub(super) fn updated_by(swap: &ArcSwap<Versioned>, change: fn(u64) -> u64) -> u64 {
    swap.rcu(|seen| Versioned { version: seen.version + 1, value: change(seen.value) }).version
}

fn written(versions: &Versions, key: &str) -> u64 {
    let mut seen = versions.get_mut(key).expect("there");
    *seen = Versioned { version: seen.version + 1, value: 7 };
    seen.version
}

/// Reads a value and its version. What arc-swap does as one step, `rcu`, is a write; its load can be compared with nothing
/// that was read before.
pub(super) fn get() -> Case {
    let (space, swaps, also_swaps, versions) = (space(), swaps(), swaps(), versions());
    let sides = vec![
        over_keys("Latchwork", move |key| {
            let entry = ready(space.get(key)).expect("open");
            entry.version ^ entry.value.unwrap_or_default()
        }),
        over_keys("arc-swap load", move |key| {
            let seen = swaps[key].load_full();
            seen.version ^ seen.value
        }),
        over_keys(ARC_SWAP, move |key| updated(&also_swaps[key], 7)),
        over_keys(DASH_MAP, move |key| {
            let seen = versions.get(key).expect("there").clone();
            seen.version ^ seen.value
        }),
    ];
    Case { name: "cell: get", operations: OPERATIONS, sides }
}

/// Writes a value with a new version.
pub(super) fn set() -> Case {
    let (space, swaps, versions) = (space(), swaps(), versions());
    let sides = vec![
        over_keys("Latchwork", move |key| ready(space.set(key, 7)).expect("open")),
        over_keys(ARC_SWAP, move |key| updated(&swaps[key], 7)),
        over_keys(DASH_MAP, move |key| written(&versions, key)),
    ];
    Case { name: "cell: set", operations: OPERATIONS, sides }
}

/// Reads a cell and writes it, if its version is still the same.
pub(super) fn compare_exchange() -> Case {
    let (space, swaps, versions) = (space(), swaps(), versions());
    let sides = vec![
        over_keys("Latchwork", move |key| {
            let seen = ready(space.get(key)).expect("open");
            let value = seen.value.unwrap_or_default() + 1;
            ready(space.compare_exchange(&seen, value)).expect("open").expect("nobody else writes")
        }),
        over_keys(ARC_SWAP, move |key| {
            swaps[key].rcu(|seen| Versioned { version: seen.version + 1, value: seen.value + 1 }).version
        }),
        over_keys(DASH_MAP, move |key| {
            let seen = versions.get(key).expect("there").clone();
            let mut there = versions.get_mut(key).expect("there");
            assert_eq!(there.version, seen.version, "nobody else writes");
            *there = Versioned { version: seen.version + 1, value: seen.value + 1 };
            there.version
        }),
    ];
    Case { name: "cell: get + compare_exchange", operations: OPERATIONS, sides }
}

/// The same write with nobody watching, and with one who watches and never looks.
pub(super) fn watched() -> Case {
    let (alone, of_key, of_prefix) = (space(), space(), space());
    let mut watches: Vec<Watch<u64>> = names().iter().map(|name| of_key.watch(name)).collect();
    watches.push(of_prefix.watch_prefix("user"));
    let (port, of_all) = (of_key.port(|| {}), of_prefix.port(|| {}));
    for (at, watch) in watches.iter_mut().enumerate() {
        let port = if at < FEW { &port } else { &of_all };
        port.next_of(watch, at as u64).expect("open");
    }
    let set = |space: Space<u64>| move |key: &String| ready(space.set(key, 7)).expect("open");
    let kept = Arc::new((watches, port, of_all));
    let watched = |space, kept: Arc<_>| {
        let set = set(space);
        move |key: &String| {
            let _kept = &kept;
            set(key)
        }
    };
    let sides = vec![
        over_keys("Latchwork, watched by key", watched(of_key, kept.clone())),
        over_keys("Latchwork, watched by prefix", watched(of_prefix, kept)),
        over_keys("Latchwork, not watched", set(alone)),
    ];
    Case { name: "cell: set, watched", operations: OPERATIONS, sides }
}

/// Writes of cells that no other thread touches: ours, and a map of versioned values.
pub(super) fn apart(names: impl Iterator<Item = String>) -> (impl Fn(&str) + Sync, impl Fn(&str) + Sync) {
    let (space, versions) = (Space::with_cells(), Versions::new());
    for name in names {
        ready(space.set(&name[..], 0)).expect("open");
        versions.insert(name, Versioned { version: 1, value: 0 });
    }
    let set = move |key: &str| {
        ready(space.set(key, 7)).expect("open");
    };
    let write = move |key: &str| {
        written(&versions, key);
    };
    (set, write)
}

/// Scans, for each cell that they answer.
pub(super) fn scans(numbers: &[u64]) -> Vec<Curve> {
    let side = |number: u64| {
        let space: Space<u64> = Space::with_cells();
        block_on(async {
            for name in key_names("session", number as usize) {
                space.set(name, 0).await.expect("open");
            }
        });
        let port = space.port(|| {});
        let scan = Side::new("Latchwork", move |operations| {
            section(|| {
                for _ in 0..operations.div_ceil(number) {
                    let listed = port.list(&Scan::new(KeyRange::prefix("session"))).expect("open");
                    assert_eq!(listed.len() as u64, number);
                }
            })
            .1
        });
        (number, scan)
    };
    let sides = numbers.iter().map(|number| side(*number)).collect();
    vec![Curve { plot: "cells", name: "scan, each cell", operations: 10_000, peer: None, sides }]
}

pub(super) fn over_keys(name: &str, mut job: impl FnMut(&String) -> u64 + 'static) -> Side {
    let names = names();
    Side::new(name, move |operations| {
        section(|| names.iter().cycle().take(operations as usize).fold(0, |sum, name| sum ^ job(name))).1
    })
}

/// What a future in memory answers at its first poll.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("memory answers at once")
}
