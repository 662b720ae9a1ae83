//! S10, the part about owners: a key that one's own line of work has already.

use std::sync::{Arc, Barrier, Mutex, TryLockError};
use std::time::Duration;

use futures::FutureExt;
use latchwork::{Error, ErrorKind, Guard, Mode, Owner, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Stage, suspend, within};

use super::{assert_empty, query};

fn refused(outcome: Result<Guard, Error>) -> Vec<String> {
    let error = outcome.expect_err("it would wait for itself");
    assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
    error.cycle().iter().map(ToString::to_string).collect()
}

#[test]
fn is_refused_at_once_and_nothing_is_left() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let owner = space.owner("o");
        let held = now(owner.lock("k").shared("s")).expect("free");
        let before = query(&space);
        assert_eq!(refused(now(owner.lock("k"))), [r#""o" waits for "k""#]);
        assert_eq!(refused(now(owner.lock(["free", "k"]))), [r#""o" waits for "k""#]);
        assert_eq!(refused(now(owner.lock("k").mode(Mode::Shared))), [r#""o" waits for "k""#]);
        assert_eq!(refused(now(owner.lock("s"))), [r#""o" waits for "s""#], "shared before, exclusive now");
        assert_eq!(refused(now(owner.lock("k").timeout(Duration::ZERO))).len(), 1);
        assert!(now(owner.try_lock("k")).expect("open").is_none(), "a try never waits");
        drop(now(owner.lock("other").shared("s")).expect("shared with itself"));
        assert_eq!(query(&space), before, "nothing is left queued");
        assert!(held.held());
        drop(held);
        assert_empty(&space);
    }
}

#[test]
fn inside_scoped_use() {
    let space = Space::new();
    now(space.with_lock("k", async |guard| {
        let owner = guard.owner().expect("a scope has one");
        assert_eq!(refused(owner.lock("k").await).len(), 1);
        owner.with_lock("inner", async |inner| assert!(inner.held())).await.expect("free");
        // Another line of work, which the scope did not pass its owner on to, is not accused.
        let error = space.lock("k").timeout(Duration::ZERO).await.expect_err("held");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(guard.held());
    }))
    .expect("free");
    assert_empty(&space);
}

/// Two owners lock two keys one after the other, in opposite orders: one is refused, gives way, and both finish.
#[test]
fn one_of_two_gives_way_and_both_finish() {
    for stage in Stage::ALL {
        let space = Space::builder().shards(64).build();
        let actor = |keys: [&'static str; 2]| {
            let space = space.clone();
            async move {
                let mut refusals = 0;
                for _ in 0..200 {
                    loop {
                        let owner = space.unnamed_owner();
                        let first = owner.lock(keys[0]).await.expect("no circle with one key");
                        suspend().await;
                        match owner.lock(keys[1]).await {
                            Ok(second) => break drop((first, second)),
                            Err(error) => assert_eq!((error.kind(), error.cycle().len()), (ErrorKind::Deadlock, 2)),
                        }
                        refusals += 1;
                    }
                }
                refusals
            }
            .boxed()
        };
        let refusals: Vec<usize> = stage.run(vec![actor(["a", "b"]), actor(["b", "a"])]);
        assert!(stage != Stage::OneThread || refusals.iter().sum::<usize>() > 0, "they met");
        assert_empty(&space);
    }
}

/// Three owners close a circle at once, again and again: exactly one is refused.
#[test]
fn one_victim_for_each_circle() {
    const ROUNDS: usize = 200;
    const OWNERS: usize = 3;
    within(Duration::from_secs(120), || {
        let space = Space::builder().shards(64).build();
        for _ in 0..ROUNDS {
            let barrier = Arc::new(Barrier::new(OWNERS));
            let threads: Vec<_> = (0..OWNERS)
                .map(|at| {
                    let (owner, barrier): (Owner, _) = (space.unnamed_owner(), barrier.clone());
                    std::thread::spawn(move || {
                        let held = now(owner.lock(at)).expect("free");
                        barrier.wait();
                        let other = futures::executor::block_on(owner.lock((at + 1) % OWNERS));
                        let refused = usize::from(other.is_err());
                        drop((held, other));
                        refused
                    })
                })
                .collect();
            let refused: usize = threads.into_iter().map(|thread| thread.join().expect("it ended well")).sum();
            assert_eq!(refused, 1);
            assert_empty(&space);
        }
    });
}

/// The control: without an owner, and with the language's own mutex, who asks again waits for itself.
#[test]
fn control_without_an_owner_it_waits_for_itself() {
    let space = Space::new();
    let _held = now(space.lock("k")).expect("free");
    let mut again = Task::new(space.lock("k").into_future());
    assert!(again.poll().is_pending());
    assert!(again.poll_if_woken().is_pending(), "nobody will ever wake it");
    let mutex = Mutex::new(());
    let _own = mutex.lock().expect("whole");
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)), "lock() would wait for this very thread");
}
