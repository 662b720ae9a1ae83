//! What ends or moves the locks of somebody else: owners, hand-overs, circles, revokes. The control of each is a host that
//! does without.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use latchwork::{Error, Guard, Key, Owner};
use latchwork_models::checker::{block_on, thread};
use latchwork_models::shell::{Shell, space};

use super::NEVER_WOKEN;
use super::hosts::{Host, check, control};

type Wait = Pin<Box<dyn Future<Output = Result<Guard, Error>> + Send>>;

fn asks(owner: &Owner, keys: &[Key]) -> Wait {
    let (owner, keys) = (owner.clone(), keys.to_vec());
    Box::pin(async move { owner.lock(keys).await })
}

fn poll(wait: &mut Wait) -> Poll<Result<Guard, Error>> {
    wait.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// An owner is closed while its request is being granted: it has ended either way, counted once, and the next one, of
/// nobody, gets the keys.
fn close_against_grant(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let owner = space.owner("o");
    let holder = space.take(keys);
    let mut wait = asks(&owner, keys);
    assert!(poll(&mut wait).is_pending(), "the keys are held");
    let next = space.join(keys);
    let releases = thread::spawn(move || drop(holder));
    let closes = {
        let owner = owner.clone();
        thread::spawn(move || if host == Host::Good { owner.close() } else { 1 })
    };
    let outcome = block_on(wait);
    let next = block_on(next).expect("it has no owner");
    assert_eq!(closes.join().expect("no panic"), 1);
    match &outcome {
        Ok(guard) => assert!(!guard.held(), "two have the keys"),
        Err(error) => assert_eq!(error.code(), "cancelled"),
    }
    drop(next);
    drop(outcome);
    releases.join().expect("no panic");
    assert!(space.is_empty());
}

#[test]
fn an_owner_is_closed_while_it_is_granted() {
    check("owner_close_against_grant", 3, close_against_grant);
}

#[test]
fn an_owner_is_closed_while_it_is_granted_control() {
    control("on_owners::an_owner_is_closed_while_it_is_granted", close_against_grant, NEVER_WOKEN);
}

/// A guard is handed over while the request that it would resolve is cancelled: it goes on with the request, or is in the
/// new owner's inbox, and never in both or neither.
fn hand_over_against_cancel(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let job = space.owner("job");
    let mut holder = space.take(keys);
    let mut given_up = asks(&job, &keys[1..]);
    assert!(poll(&mut given_up).is_pending(), "the key is held");
    let next = space.join(keys);
    let gives = {
        let job = job.clone();
        thread::spawn(move || {
            assert!(holder.hand_over(&job, 5).expect("it is held"));
            assert!(!holder.held());
        })
    };
    let cancels = thread::spawn(move || drop(given_up));
    gives.join().expect("no panic");
    cancels.join().expect("no panic");
    if host == Host::Good {
        let taker = job.clone();
        let mut taken: Wait = Box::pin(async move { taker.handed_over().await });
        if let Poll::Ready(guard) = poll(&mut taken) {
            let guard = guard.expect("the owner is open");
            assert!(guard.held() && guard.payload().is_some() && guard.keys().len() == 2);
        }
    }
    drop(block_on(next).expect("the handle is open"));
    assert_eq!(job.close(), 0);
    assert!(space.is_empty());
}

#[test]
fn a_hand_over_races_a_cancel() {
    check("hand_over_against_cancel", 3, hand_over_against_cancel);
}

#[test]
fn a_hand_over_races_a_cancel_control() {
    control("on_owners::a_hand_over_races_a_cancel", hand_over_against_cancel, NEVER_WOKEN);
}

/// A guard is handed over while the new owner, or the handle that made it, is closed: delivered or not, its keys go on. The
/// control never closes.
fn hand_over_against_end(shards: usize, keys: &[Key; 2], host: Host, of_handle: bool) {
    let space = space(shards);
    let other = space.attach();
    let job = other.owner("job");
    let mut holder = space.take(keys);
    let next = space.join(keys);
    let closes = {
        let job = job.clone();
        thread::spawn(move || match host {
            Host::Good if of_handle => other.close(),
            Host::Good => drop(job.close()),
            Host::Careless => {}
        })
    };
    let gives = {
        let job = job.clone();
        thread::spawn(move || holder.hand_over(&job, 5).expect("it is held"))
    };
    drop(block_on(next).expect("its handle is open"));
    closes.join().expect("no panic");
    let _delivered_or_not: bool = gives.join().expect("no panic");
    assert!(job.is_closed() && space.is_empty());
    let code = block_on(job.handed_over()).expect_err("it has ended").code();
    assert_eq!(code, if of_handle { "closed" } else { "cancelled" });
}

fn hand_over_against_close(shards: usize, keys: &[Key; 2], host: Host) {
    hand_over_against_end(shards, keys, host, false);
}

fn hand_over_against_close_of_the_handle(shards: usize, keys: &[Key; 2], host: Host) {
    hand_over_against_end(shards, keys, host, true);
}

/// A guard is handed over to an owner that waits for it, while the owner is closed: the wait ends, one way or the other. The
/// control never closes, and waits for something else.
fn hand_over_to_a_wait_against_close(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let job = space.unnamed_owner();
    let mut holder = space.take(&keys[..1]);
    let other = space.take(&keys[1..]);
    let mut waits = asks(&job, if host == Host::Good { &keys[..1] } else { &keys[1..] });
    assert!(poll(&mut waits).is_pending(), "the key is held");
    let closes = {
        let job = job.clone();
        thread::spawn(move || match host {
            Host::Good => drop(job.close()),
            Host::Careless => {}
        })
    };
    let gives = {
        let job = job.clone();
        thread::spawn(move || holder.hand_over(&job, 5).expect("it is held"))
    };
    match block_on(waits) {
        Ok(guard) => drop(guard),
        Err(error) => assert_eq!(error.code(), "cancelled"),
    }
    closes.join().expect("no panic");
    let _delivered_or_not: bool = gives.join().expect("no panic");
    drop(other);
    assert!(job.is_closed() && space.is_empty());
}

#[test]
fn a_hand_over_to_a_wait_races_the_end_of_the_owner() {
    check("hand_over_to_a_wait_against_close", 3, hand_over_to_a_wait_against_close);
}

#[test]
fn a_hand_over_to_a_wait_races_the_end_of_the_owner_control() {
    control(
        "on_owners::a_hand_over_to_a_wait_races_the_end_of_the_owner",
        hand_over_to_a_wait_against_close,
        NEVER_WOKEN,
    );
}

#[test]
fn a_hand_over_races_the_end_of_the_owner() {
    check("hand_over_against_close", 3, hand_over_against_close);
}

#[test]
fn a_hand_over_races_the_end_of_the_owner_control() {
    control("on_owners::a_hand_over_races_the_end_of_the_owner", hand_over_against_close, NEVER_WOKEN);
}

#[test]
fn a_hand_over_races_the_end_of_the_handle() {
    check("hand_over_against_close_of_the_handle", 2, hand_over_against_close_of_the_handle);
}

#[test]
fn a_hand_over_races_the_end_of_the_handle_control() {
    control("on_owners::a_hand_over_races_the_end_of_the_handle", hand_over_against_close_of_the_handle, NEVER_WOKEN);
}

/// A guard is handed over to an owner that holds something, while another owner asks for just that: each of the two looks at
/// the owners and at the shards, and they do so in the same order. The control lets go of it too late.
fn hand_over_against_lock(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let (job, other) = (space.unnamed_owner(), space.unnamed_owner());
    let has = block_on(job.lock(keys[0].clone())).expect("free");
    let mut holder = space.take(&keys[1..]);
    let asks = asks(&other, &keys[..1]);
    let asks = thread::spawn(move || drop(block_on(asks).expect("the owner is open")));
    assert!(holder.hand_over(&job, 5).expect("it is held"), "the owner is open");
    match host {
        Host::Good => {
            drop(has);
            asks.join().expect("no panic");
        }
        Host::Careless => {
            asks.join().expect("no panic");
            drop(has);
        }
    }
    assert_eq!(job.close(), 1, "what was handed over");
    assert!(space.is_empty());
}

#[test]
fn a_hand_over_races_a_lock_of_an_owner() {
    check("hand_over_against_lock", 2, hand_over_against_lock);
}

#[test]
fn a_hand_over_races_a_lock_of_an_owner_control() {
    control("on_owners::a_hand_over_races_a_lock_of_an_owner", hand_over_against_lock, NEVER_WOKEN);
}

/// Two owners, each of which has what the other one asks for, ask at once: exactly one is refused, and the other goes on.
fn circle(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let parts = [0, 1].map(|at: usize| {
        let owner = space.unnamed_owner();
        let (own, wanted) = (keys[at].clone(), keys[1 - at].clone());
        let held = block_on(owner.lock(own)).expect("free");
        let asks: Wait = match host {
            Host::Good => asks(&owner, &[wanted]),
            Host::Careless => {
                let space = space.clone();
                Box::pin(async move { space.lock(wanted).await })
            }
        };
        move || {
            let outcome = block_on(asks);
            if let Err(error) = &outcome {
                assert_eq!((error.code(), error.cycle().len()), ("deadlock", 2));
            }
            assert!(held.held(), "what it holds stays held");
            drop(held);
            usize::from(outcome.is_err())
        }
    });
    let [here, there] = parts;
    let there = thread::spawn(there);
    let refused = here() + there.join().expect("no panic");
    assert_eq!(refused, 1, "one victim for one circle");
    assert!(space.is_empty());
}

#[test]
fn two_close_the_same_circle_at_once() {
    check("circle", 3, circle);
}

#[test]
fn two_close_the_same_circle_at_once_control() {
    control("on_owners::two_close_the_same_circle_at_once", circle, NEVER_WOKEN);
}

/// A lock is revoked while it is released: it is the holder who loses it, or the next one, who has it by then. The control
/// revokes one key after the other.
fn revoke_against_release(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let mut holder = space.take(keys);
    let next = space.join(keys);
    let releases = thread::spawn(move || holder.release().is_ok());
    let revokes = {
        let (space, keys) = (space.clone(), keys.clone());
        thread::spawn(move || match host {
            Host::Good => space.revoke(keys).expect("open"),
            Host::Careless => keys.into_iter().map(|key| space.revoke(key).expect("open")).sum(),
        })
    };
    let next = block_on(next).expect("a lost guard is one too");
    assert_eq!(revokes.join().expect("no panic"), 1, "one of them loses it");
    let released = releases.join().expect("no panic");
    assert_eq!(next.held(), !released, "released by the one is lost by the other");
    drop(next);
    assert!(space.is_empty());
}

#[test]
fn a_revoke_races_a_release() {
    check("revoke_against_release", 3, revoke_against_release);
}

#[test]
fn a_revoke_races_a_release_control() {
    control("on_owners::a_revoke_races_a_release", revoke_against_release, "one of them loses it");
}
