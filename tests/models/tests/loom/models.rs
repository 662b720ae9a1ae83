//! The models that any shell must pass, with a fault of it in mind each.

use std::sync::Arc;
use std::task::{Poll, Waker};

use latchwork::Key;
use latchwork_models::checker::{Signal, block_on, thread};
use latchwork_models::shell::{Shell, poll};
use latchwork_models::witness::Witness;

/// A request is cancelled while its grant is on the way: the next one gets the keys (clause L7).
pub(crate) fn grant_against_cancel<S: Shell>(shell: &S, keys: &[Key]) {
    let holder = shell.take(keys);
    let given_up = shell.join(keys);
    let next = shell.join(keys);
    let releases = thread::spawn(move || drop(holder));
    let cancels = thread::spawn(move || drop(given_up));
    drop(block_on(next).expect("the handle is open"));
    releases.join().expect("no panic");
    cancels.join().expect("no panic");
    assert!(shell.is_empty());
}

/// Two ask for the same keys, in opposite orders, while they are being released: each is alone with them, once.
pub(crate) fn release_against_enqueue<S: Shell>(shell: &S, keys: &[Key]) {
    let witness = Arc::new(Witness::new());
    let holder = shell.take(keys);
    let asks = |keys: Vec<Key>| {
        let (shell, witness) = (shell.clone(), witness.clone());
        move || {
            let guard = block_on(shell.lock(&keys)).expect("the handle is open");
            witness.enter();
            drop(guard);
        }
    };
    let forwards = thread::spawn(asks(keys.to_vec()));
    let backwards = thread::spawn(asks(keys.iter().rev().cloned().collect()));
    witness.enter();
    drop(holder);
    forwards.join().expect("no panic");
    backwards.join().expect("no panic");
    assert_eq!(witness.entered(), 3);
    assert!(shell.is_empty());
}

/// Two threads take free keys at once, one of them both and the other one.
pub(crate) fn exclusion<S: Shell>(shell: &S, keys: &[Key]) {
    let witness = Arc::new(Witness::new());
    let other = {
        let (shell, witness, keys) = (shell.clone(), witness.clone(), keys[..1].to_vec());
        thread::spawn(move || {
            let guard = block_on(shell.lock(&keys)).expect("the handle is open");
            witness.enter();
            drop(guard);
        })
    };
    let guard = block_on(shell.lock(keys)).expect("the handle is open");
    witness.enter();
    drop(guard);
    other.join().expect("no panic");
    assert_eq!(witness.entered(), 2);
    assert!(shell.is_empty());
}

/// The waker of a request changes while its grant is on the way: the newest is woken.
pub(crate) fn waker_changed_between_polls<S: Shell>(shell: &S, keys: &[Key]) {
    let holder = shell.take(keys);
    let mut wait = shell.join(keys);
    let (first, second) = (Signal::new(), Signal::new());
    if let Poll::Ready(_early) = poll(&mut wait, &first.waker()) {
        panic!("the keys are held");
    }
    let releases = thread::spawn(move || drop(holder));
    let guard = loop {
        match poll(&mut wait, &second.waker()) {
            Poll::Ready(guard) => break guard.expect("the handle is open"),
            Poll::Pending => second.wait(),
        }
    };
    drop(guard);
    releases.join().expect("no panic");
    assert!(shell.is_empty());
}

/// A handle is closed while its request is being granted: the request ends either way, and the next one, of another
/// handle, gets the keys.
pub(crate) fn close_against_grant<S: Shell>(shell: &S, keys: &[Key]) {
    let other = shell.attach();
    let holder = other.take(keys);
    let wait = shell.join(keys);
    let next = other.join(keys);
    let releases = thread::spawn(move || drop(holder));
    let closes = {
        let shell = shell.clone();
        thread::spawn(move || shell.close())
    };
    let guard = block_on(wait);
    let next = block_on(next).expect("its handle is open");
    assert!(!guard.is_ok_and(|guard| S::is_held(&guard)), "two have the keys");
    drop(next);
    releases.join().expect("no panic");
    closes.join().expect("no panic");
    assert!(other.is_empty());
}

/// A handle is closed while a request joins through it: the request ends, though nobody releases.
pub(crate) fn close_against_enqueue<S: Shell>(shell: &S, keys: &[Key]) {
    let other = shell.attach();
    let holder = other.take(keys);
    let closes = {
        let shell = shell.clone();
        thread::spawn(move || shell.close())
    };
    assert!(block_on(shell.lock(keys)).is_err(), "the keys are held");
    closes.join().expect("no panic");
    drop(holder);
    assert!(other.is_empty());
}

/// Two threads release one key each of a request that waits for both: the last one grants, whoever that is.
pub(crate) fn two_releases_against_one_wait<S: Shell>(shell: &S, keys: &[Key]) {
    let holders: Vec<_> = keys.iter().map(|key| shell.take(std::slice::from_ref(key))).collect();
    let mut wait = shell.join(keys);
    let threads: Vec<_> = holders.into_iter().map(|holder| thread::spawn(move || drop(holder))).collect();
    drop(block_on(&mut wait).expect("the handle is open"));
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(matches!(poll(&mut shell.lock(keys), Waker::noop()), Poll::Ready(Ok(_))), "free again");
    assert!(shell.is_empty());
}

/// A request for both keys is cancelled while two threads release one key each: the next one gets both.
pub(crate) fn two_releases_against_cancel<S: Shell>(shell: &S, keys: &[Key]) {
    let holders: Vec<_> = keys.iter().map(|key| shell.take(std::slice::from_ref(key))).collect();
    let given_up = shell.join(keys);
    let next = shell.join(keys);
    let mut threads: Vec<_> = holders.into_iter().map(|holder| thread::spawn(move || drop(holder))).collect();
    threads.push(thread::spawn(move || drop(given_up)));
    drop(block_on(next).expect("the handle is open"));
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(shell.is_empty());
}
