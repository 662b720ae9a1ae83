//! S10, the part about keys and guards: what a stale, foreign or doubled handle can do, and which keys are the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use latchwork::{ErrorKind, Guard, Key, Space, key};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Stage, suspend};

use super::{assert_empty, query};

#[test]
fn a_second_release_changes_nothing() {
    let space = Space::new();
    let mut guard = now(space.lock(["a", "b"])).expect("free");
    let mut waiter = Task::new(space.lock("a").into_future());
    assert!(waiter.poll().is_pending());
    guard.release().expect("held");
    let error = guard.release().expect_err("released");
    assert_eq!((error.kind(), error.keys()), (ErrorKind::NotHeld, &[Key::from("a"), Key::from("b")][..]));
    drop(guard);
    let held = query(&space).held;
    assert_eq!(held.len(), 1, "the waiter's grant is untouched");
    assert!(waiter.poll_if_woken().is_ready());
}

#[test]
fn a_stale_guard_never_touches_a_newer_grant() {
    let space = Space::new();
    let mut stale = now(space.lock("k")).expect("free");
    let ticket = stale.ticket();
    stale.release().expect("held");
    let newer = now(space.lock("k")).expect("free");
    assert!(newer.token() > stale.token());
    assert_eq!(stale.release().expect_err("stale").kind(), ErrorKind::NotHeld);
    assert_eq!(space.release(ticket).expect_err("stale").kind(), ErrorKind::NotHeld);
    drop(stale);
    assert!(newer.held());
    assert!(now(space.try_lock("k")).expect("open").is_none());
}

#[test]
fn release_inside_scoped_use() {
    let space = Space::new();
    let value = now(space.with_lock("k", async |guard: &Guard| {
        space.release(guard.ticket()).expect("held");
        let newer = now(space.lock("k")).expect("free");
        (guard.held(), newer)
    }))
    .expect("granted");
    assert!(!value.0);
    assert!(value.1.held(), "the end of the scope does not touch the newer grant");
}

#[test]
fn an_own_key_asked_again() {
    let space = Space::new();
    let guard = now(space.lock("k")).expect("free");
    assert!(now(space.try_lock("k")).expect("open").is_none());
    let error = now(space.lock("k").timeout(Duration::ZERO)).expect_err("held");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.blocked_by()[0].token, Some(guard.token()));
    drop(guard);
    assert_empty(&space);
}

fn look_alikes() -> Vec<Key> {
    vec![Key::from(1), Key::from("1"), Key::from(10), Key::from("01"), Key::from(true), Key::from(b"1"), key!(1)]
}

#[test]
fn look_alikes_in_opposite_orders() {
    for stage in Stage::ALL {
        let space = Space::builder().shards(64).build();
        let inside = Arc::new(AtomicUsize::new(0));
        let actor = |backwards: bool| {
            let (space, inside) = (space.clone(), inside.clone());
            let mut keys = look_alikes();
            if backwards {
                keys.reverse();
            }
            async move {
                for _ in 0..500 {
                    let guard = space.lock(keys.clone()).await.expect("granted");
                    assert_eq!(guard.keys(), keys, "each is a key of its own");
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    suspend().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            }
            .boxed()
        };
        stage.run(vec![actor(false), actor(true)]);
        assert_empty(&space);
    }
}

#[test]
fn look_alikes_do_not_exclude_each_other() {
    let space = Space::new();
    let guards: Vec<Guard> = look_alikes().into_iter().map(|key| now(space.lock(key)).expect("free")).collect();
    assert_eq!(query(&space).held.len(), guards.len());
}

/// The control: keys turned into text, as a map of mutexes by name has them. Look-alikes are one lock, and a release by
/// name takes the lock of somebody else.
#[test]
fn control_names_mix_keys_up_and_release_what_others_hold() {
    let mut held: BTreeSet<String> = BTreeSet::new();
    let name = |key: &str| key.trim_start_matches('0').to_owned();
    assert!(held.insert(name("1")));
    assert!(!held.insert(name("01")), "another key, the same lock: who takes both waits for itself");
    assert!(held.remove(&name("1")), "the first release");
    assert!(held.insert(name("1")), "somebody else takes it");
    assert!(held.remove(&name("1")), "the second release takes it away");
    assert!(held.is_empty(), "and the new holder is not alone any more");
}
