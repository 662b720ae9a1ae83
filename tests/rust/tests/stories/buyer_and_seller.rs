//! S1: two actors take the same two keys in opposite orders.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;
use latchwork::Space;
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Stage, suspend};

use super::{assert_empty, query};

const ROUNDS: usize = 1_000;

#[derive(Default)]
struct Seen {
    inside: AtomicUsize,
    entries: AtomicUsize,
}

async fn trade(space: Space, keys: [&'static str; 2], seen: Arc<Seen>) {
    for _ in 0..ROUNDS {
        let guard = space.lock(keys).await.expect("granted");
        assert_eq!(seen.inside.fetch_add(1, Ordering::SeqCst), 0, "never two inside");
        suspend().await;
        seen.entries.fetch_add(1, Ordering::SeqCst);
        assert_eq!(seen.inside.fetch_sub(1, Ordering::SeqCst), 1);
        drop(guard);
    }
}

#[test]
fn both_finish() {
    for stage in Stage::ALL {
        for shards in [1, 4096] {
            let (space, seen) = (Space::builder().shards(shards).build(), Arc::new(Seen::default()));
            let buyer = trade(space.clone(), ["u1", "u2"], seen.clone()).boxed();
            let seller = trade(space.clone(), ["u2", "u1"], seen.clone()).boxed();
            stage.run(vec![buyer, seller]);
            assert_eq!(seen.entries.load(Ordering::SeqCst), 2 * ROUNDS, "{stage:?} with {shards} shards");
            assert_empty(&space);
        }
    }
}

#[test]
fn the_same_key_twice_is_one_key() {
    for stage in Stage::ALL {
        let (space, seen) = (Space::new(), Arc::new(Seen::default()));
        let actor = || trade(space.clone(), ["u1", "u1"], seen.clone()).boxed();
        stage.run(vec![actor(), actor()]);
        assert_eq!(seen.entries.load(Ordering::SeqCst), 2 * ROUNDS);
        assert_empty(&space);
    }
}

/// The control: one key after the other, in opposite orders, behind a barrier. Each waits for the other.
#[test]
fn control_single_locks_wait_for_each_other() {
    let space = Space::new();
    let first = now(space.lock("u1").label("buyer")).expect("free");
    let second = now(space.lock("u2").label("seller")).expect("free");
    let mut buyer = Task::new(space.lock("u2").label("buyer"));
    let mut seller = Task::new(space.lock("u1").label("seller"));
    assert!(buyer.poll().is_pending() && seller.poll().is_pending());
    let pending = query(&space).pending;
    let mut blocked: Vec<(Option<&str>, Option<&str>)> =
        pending.iter().map(|wait| (wait.label.as_deref(), wait.blocked_by[0].label.as_deref())).collect();
    blocked.sort_unstable();
    assert_eq!(blocked, [(Some("buyer"), Some("seller")), (Some("seller"), Some("buyer"))]);
    assert!(buyer.poll_if_woken().is_pending() && seller.poll_if_woken().is_pending(), "nobody is woken");
    drop((buyer, seller, first, second));
    assert_empty(&space);
}

/// The same control on threads: both hang until the space is closed.
#[test]
fn control_threads_hang() {
    let space = Space::new();
    let observer = space.attach();
    let barrier = Arc::new(Barrier::new(2));
    let actor = |keys: [&'static str; 2]| {
        let (space, barrier) = (space.clone(), barrier.clone());
        thread::spawn(move || {
            let first = block_on(space.lock(keys[0]).into_future()).expect("free");
            barrier.wait();
            let second = block_on(space.lock(keys[1]).into_future());
            drop(first);
            second.map(|_| ()).expect_err("closed before it is granted").code()
        })
    };
    let actors = [actor(["u1", "u2"]), actor(["u2", "u1"])];
    while query(&observer).pending.len() < 2 {
        thread::yield_now();
    }
    let query = query(&observer);
    assert_eq!(query.held.len(), 2);
    assert!(query.pending.iter().all(|wait| wait.blocked_by.iter().all(|blocker| blocker.token.is_some())));
    space.close();
    for actor in actors {
        assert_eq!(actor.join().expect("ended"), "closed");
    }
    assert_empty(&observer);
}
