//! Counts what is allocated for each held key, each waiter and each cell, and what is left when all is gone.

use std::alloc::System;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use futures::executor::block_on;
use futures::task::noop_waker_ref;
use keyed_lock::r#async::KeyedLock;
use latchwork::Space;
use latchwork_bench::finding;
use latchwork_bench::key_names::key_names;
use lockable::LockPool;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::sync::Mutex;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Held keys, and then waiters for one key.
const MANY: usize = 100_000;

fn main() {
    println!("memory: {MANY} held keys, then {MANY} waiters for one key");

    let space = forever(Space::new());
    one_side("Latchwork", |key| space.lock(key));

    let map = forever(DashMap::<String, Arc<Mutex<()>>>::new());
    one_side("DashMap + tokio Mutex", |key| async move {
        let mutex = map.entry(key.to_owned()).or_default().clone();
        mutex.lock_owned().await
    });

    let pool = forever(LockPool::<String>::new());
    one_side("lockable", |key| pool.async_lock(key.to_owned()));

    let keyed = forever(KeyedLock::<String>::new());
    one_side("keyed-lock", |key| keyed.lock(key.to_owned()));

    cells();
}

/// What each cell with a number in it takes, and what is left when all are deleted. What a space has for its first cell
/// is made beforehand.
fn cells() {
    println!("memory: {MANY} cells");
    let names = key_names("user", MANY);
    let each_cell = |side, grown| each("cell", side, grown, 0);

    let space = Space::<u64>::with_cells();
    let set = |name: &String| {
        block_on(space.set(name, 7)).expect("open");
    };
    let delete = |name: &String| assert!(block_on(space.delete(name)).expect("open"));
    set(&names[0]);
    delete(&names[0]);
    let start = Region::new(ALLOCATOR);
    names.iter().for_each(set);
    let most = grown(&start);
    each_cell("Latchwork", most);
    names.iter().for_each(delete);
    finding::size("cells: memory after deletion of all", "itself at its most", grown(&start).bytes, most.bytes);

    let start = Region::new(ALLOCATOR);
    let map: DashMap<String, (u64, u64)> = names.iter().map(|name| (name.clone(), (1, 7))).collect();
    each_cell("DashMap of versioned values", grown(&start));
    drop(map);

    let start = Region::new(ALLOCATOR);
    let swap = |name: &String| (name.clone(), ArcSwap::from_pointee((1, 7)));
    let map: HashMap<String, ArcSwap<(u64, u64)>> = names.iter().map(swap).collect();
    each_cell("map of arc-swaps", grown(&start));
    drop(map);
}

/// What the tables and queues of one side grow by. What its callers keep, guards and futures, is made beforehand, and
/// told apart.
fn one_side<F: Future>(side: &str, lock: impl Fn(&'static str) -> F) {
    let names = forever(key_names("user", MANY));
    let mut holders: Vec<Place<F>> = names.iter().map(|name| Box::pin(Some(lock(name)))).collect();
    let mut waiters: Vec<Place<F>> = (0..MANY).map(|_| Box::pin(Some(lock(&names[0])))).collect();
    let mut guards: Vec<F::Output> = Vec::with_capacity(MANY);

    let start = Region::new(ALLOCATOR);
    for holder in &mut holders {
        match poll(holder) {
            Poll::Ready(guard) => guards.push(guard),
            Poll::Pending => unreachable!("nobody else has the key"),
        }
        holder.set(None);
    }
    let held = grown(&start);
    each("held key", side, held, size_of::<F::Output>());

    for waiter in &mut waiters {
        assert!(poll(waiter).is_pending(), "the key is held");
    }
    let peak = grown(&start);
    each("waiter", side, Grown { bytes: peak.bytes - held.bytes, blocks: peak.blocks - held.blocks }, size_of::<F>());

    waiters.iter_mut().for_each(|waiter| waiter.set(None));
    guards.clear();
    let left = grown(&start);
    finding::left(side, left.bytes, peak.bytes);
}

/// A future that can be dropped where it is, without giving back its own memory.
type Place<F> = Pin<Box<Option<F>>>;

fn poll<F: Future>(place: &mut Place<F>) -> Poll<F::Output> {
    let request = place.as_mut().as_pin_mut().expect("not dropped yet");
    request.poll(&mut Context::from_waker(noop_waker_ref()))
}

/// What is on the heap more than before.
#[derive(Clone, Copy)]
struct Grown {
    bytes: isize,
    blocks: isize,
}

fn grown(start: &Region<'_, System>) -> Grown {
    let change = start.change();
    Grown {
        bytes: change.bytes_allocated as isize - change.bytes_deallocated as isize,
        blocks: change.allocations as isize - change.deallocations as isize,
    }
}

fn each(what: &str, side: &str, grown: Grown, inline: usize) {
    finding::memory(what, side, grown.bytes as f64 / MANY as f64, grown.blocks as f64 / MANY as f64, inline);
}

fn forever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
