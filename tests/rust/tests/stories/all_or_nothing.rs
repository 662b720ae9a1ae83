//! S9: a request for several keys has all of them or none, and anyone can see that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;
use latchwork::{Key, Query, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Numbers, Stage, suspend};

use super::{assert_empty, query};

const SNAPSHOTS: usize = 10_000;

#[test]
fn while_it_waits_its_free_key_is_held_by_nobody() {
    for shards in [1, 4096] {
        let space = Space::builder().shards(shards).build();
        let x = now(space.lock("k2").label("x")).expect("free");
        let mut b = Task::new(space.lock(["k1", "k2"]).label("b").into_future());
        assert!(b.poll().is_pending());
        for _ in 0..100 {
            let query = query(&space);
            assert!(query.held.iter().all(|hold| !hold.keys.contains(&Key::from("k1"))));
            assert_eq!(query.pending.len(), 1);
        }
        assert!(now(space.query_keys("k1")).expect("open").held.is_empty());
        drop(x);
        assert!(b.poll_if_woken().is_ready());
    }
}

/// Whether the snapshot shows half of b's keys, or b as holder and waiter at once.
fn shows_half(query: &Query) -> bool {
    let is_b = |label: &Option<Arc<str>>| label.as_deref() == Some("b");
    let held: usize = query.held.iter().filter(|hold| is_b(&hold.label)).map(|hold| hold.keys.len()).sum();
    let waits = query.pending.iter().any(|wait| is_b(&wait.label));
    held == 1 || (held > 0 && waits)
}

/// Takes snapshots while X takes and gives back k2, and B does so with k1 and k2. Answers how many showed half.
fn halves(space: &Space) -> usize {
    let over = AtomicBool::new(false);
    let rounds = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                drop(block_on(space.lock("k2").label("x").into_future()).expect("granted"));
                thread::yield_now();
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                drop(block_on(space.lock(["k1", "k2"]).label("b").into_future()).expect("granted"));
                rounds.fetch_add(1, Ordering::AcqRel);
            }
        });
        let mut halves = 0;
        let mut taken = 0;
        // At least so many, and until both have been at it for a while.
        while taken < SNAPSHOTS || rounds.load(Ordering::Acquire) < 100 {
            halves += usize::from(shows_half(&query(space)));
            taken += 1;
        }
        over.store(true, Ordering::Release);
        halves
    })
}

#[test]
fn no_snapshot_shows_half() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        assert_eq!(halves(&space), 0, "{shards} shards");
        assert_empty(&space);
    }
}

/// The control: one key after the other. The snapshot in between shows half.
#[test]
fn control_one_after_the_other_shows_half() {
    let space = Space::builder().shards(64).build();
    let x = now(space.lock("k2").label("x")).expect("free");
    let first = now(space.lock("k1").label("b")).expect("free");
    let mut second = Task::new(space.lock("k2").label("b").into_future());
    assert!(second.poll().is_pending());
    assert!(shows_half(&query(&space)));
    drop((x, first, second));
    assert_empty(&space);
}

#[test]
fn forty_actors_on_random_keys_all_finish() {
    for stage in Stage::ALL {
        for shards in [1, 4096] {
            let space = Space::builder().shards(shards).build();
            let holders: Arc<[AtomicUsize; 5]> = Arc::default();
            let actor = |seed: usize| {
                let (space, holders) = (space.clone(), holders.clone());
                async move {
                    let mut numbers = Numbers::new(seed as u64 + 1);
                    for _ in 0..20 {
                        // The last actor wants all five, and must not starve.
                        let keys = numbers.pick(if seed == 40 { 5 } else { 3 }, 5);
                        let guard = space.lock(keys.clone()).await.expect("granted");
                        assert!(keys.iter().all(|&key| holders[key].fetch_add(1, Ordering::SeqCst) == 0), "alone");
                        suspend().await;
                        for key in keys {
                            holders[key].fetch_sub(1, Ordering::SeqCst);
                        }
                        drop(guard);
                    }
                }
                .boxed()
            };
            stage.run((0..=40).map(actor).collect());
            assert_empty(&space);
        }
    }
}
