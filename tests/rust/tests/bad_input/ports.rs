//! Ports used wrongly, and ports that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use latchwork::{Answer, Cancelled, ErrorKind, Key, LockSpec, Port, Settled, Space, Ticket};
use latchwork_tests::poll::now;

use super::assert_empty;

fn port(space: &Space) -> (Port, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = wakes.clone();
    let port = space.port(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (port, wakes)
}

fn granted(answer: Answer) -> Ticket {
    match answer {
        Answer::Granted(grant) => grant.ticket,
        Answer::Waiting(_) => panic!("it waits"),
    }
}

fn waiting(answer: Answer) -> Ticket {
    match answer {
        Answer::Waiting(ticket) => ticket,
        Answer::Granted(_) => panic!("it is granted"),
    }
}

fn taken(port: &Port) -> Vec<Settled> {
    let mut settled = Vec::new();
    port.take_settled(&mut settled);
    settled
}

#[test]
fn release_cancel_and_confirm_of_what_is_gone() {
    let space = Space::new();
    let (port, _) = port(&space);
    let ticket = granted(port.lock(&LockSpec::new("k"), 1).expect("free"));
    assert_eq!(port.cancel(ticket), Cancelled::Gone, "its caller has it");
    port.release(ticket).expect("held");
    assert_eq!(port.release(ticket).expect_err("released").kind(), ErrorKind::NotHeld);
    assert_eq!(port.cancel(ticket), Cancelled::Gone);
    assert_eq!(port.confirm(ticket).expect_err("released").kind(), ErrorKind::Cancelled);
    let newer = granted(port.lock(&LockSpec::new("k"), 2).expect("free"));
    assert_eq!(port.release(ticket).expect_err("stale").kind(), ErrorKind::NotHeld);
    port.release(newer).expect("untouched");
    assert!(!port.has_settled() && taken(&port).is_empty());
    assert_empty(&space);
}

#[test]
fn release_of_what_still_waits() {
    let space = Space::new();
    let (port, _) = port(&space);
    let holder = granted(port.lock(&LockSpec::new("k"), 1).expect("free"));
    let waiter = waiting(port.lock(&LockSpec::new("k"), 2).expect("waits"));
    assert_eq!(port.release(waiter).expect_err("it waits").kind(), ErrorKind::NotHeld);
    assert_eq!(port.confirm(waiter).expect_err("it waits").kind(), ErrorKind::NotHeld);
    port.release(holder).expect("held");
    let [Settled::Granted { tag: 2, grant }] = taken(&port)[..] else { panic!("one grant") };
    assert_eq!(grant.ticket, waiter);
    port.confirm(grant.ticket).expect("it stands");
    port.release(grant.ticket).expect("held");
    assert_empty(&space);
}

#[test]
fn a_grant_that_was_taken_away_before_it_was_seen_says_why() {
    for ends in [ErrorKind::Cancelled, ErrorKind::Closed] {
        let space = Space::new();
        let (port, _) = port(&space);
        let owner = port.owner(None);
        let other = space.attach();
        let mut holder = now(other.lock("k")).expect("free");
        waiting(port.lock(&LockSpec::new("k").owner(&owner), 1).expect("waits"));
        holder.release().expect("held");
        let [Settled::Granted { tag: 1, grant }] = taken(&port)[..] else { panic!("one grant") };
        match ends {
            ErrorKind::Closed => space.close(),
            _ => assert_eq!(port.close_owner(&owner), 1),
        }
        assert_eq!(port.confirm(grant.ticket).expect_err("taken away").kind(), ends);
        assert!(!port.held(grant.ticket));
        assert_empty(&other);
    }
}

#[test]
fn a_grant_given_up_before_it_was_taken() {
    let space = Space::new();
    let (port, _) = port(&space);
    let holder = granted(port.lock(&LockSpec::new("k"), 1).expect("free"));
    let first = waiting(port.lock(&LockSpec::new("k"), 2).expect("waits"));
    let second = waiting(port.lock(&LockSpec::new("k"), 3).expect("waits"));
    port.release(holder).expect("held");
    assert_eq!(port.cancel(first), Cancelled::GrantGivenOn);
    let grants = taken(&port).into_iter().filter(|settled| match settled {
        Settled::Granted { grant, .. } => port.confirm(grant.ticket).is_ok(),
        other => panic!("{other:?}"),
    });
    assert_eq!(grants.count(), 1);
    port.release(second).expect("held");
    assert_empty(&space);
}

#[test]
fn own_calls_wake_nobody_and_others_wake_once() {
    let space = Space::new();
    let ((one, own_wakes), (two, wakes)) = (port(&space), port(&space));
    let spec = LockSpec::new("k").mode(latchwork::Mode::Shared);
    let holder = granted(one.lock(&LockSpec::new("k"), 0).expect("free"));
    for tag in 0..100 {
        waiting(one.lock(&spec, tag).expect("waits"));
        waiting(two.lock(&spec, tag).expect("waits"));
    }
    one.release(holder).expect("held");
    assert_eq!((own_wakes.load(Ordering::SeqCst), wakes.load(Ordering::SeqCst)), (0, 1));
    assert!(one.has_settled() && two.has_settled());
    let tags = |port: &Port| -> Vec<u64> {
        let tag = |settled: &Settled| match settled {
            Settled::Granted { tag, .. } | Settled::Failed { tag, .. } => *tag,
            other => panic!("{other:?}"),
        };
        taken(port).iter().map(tag).collect()
    };
    assert_eq!(tags(&one), (0..100).collect::<Vec<_>>(), "in the order decided");
    assert_eq!(tags(&two), (0..100).collect::<Vec<_>>());
    drop((one, two));
    assert_empty(&space);
}

#[test]
fn a_port_that_goes_away_gives_everything_on() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let (gone, _) = port(&space);
        let (stays, wakes) = port(&space);
        granted(gone.lock(&LockSpec::new(["a", "b"]), 1).expect("free"));
        let kept = granted(stays.lock(&LockSpec::new("c"), 1).expect("free"));
        waiting(gone.lock(&LockSpec::new(["c", "d"]), 2).expect("waits"));
        waiting(stays.lock(&LockSpec::new(["a", "b", "d"]), 2).expect("waits"));
        drop(gone);
        assert!(wakes.load(Ordering::SeqCst) >= 1);
        let [Settled::Granted { tag: 2, grant }] = taken(&stays)[..] else { panic!("one grant") };
        stays.confirm(grant.ticket).expect("it stands");
        let held = stays.query(None).expect("open").held;
        assert_eq!(held.len(), 2);
        stays.release(kept).expect("held");
        stays.release(grant.ticket).expect("held");
        assert_empty(&space);
    }
}

/// What it watched can outlive it, and does not wake what is gone.
#[test]
fn a_port_that_goes_away_is_not_woken_by_its_watches() {
    let space: Space<u32> = Space::with_cells();
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = wakes.clone();
    let port = space.port(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let mut watch = space.watch("k");
    let owner = space.owner("of a port");
    assert!(port.next_of(&mut watch, 1).expect("open").is_some());
    assert!(port.next_of(&mut watch, 1).expect("open").is_none());
    port.watch_handed_over(&owner, 2);
    now(space.set("k", 1)).expect("open");
    assert_eq!(wakes.load(Ordering::SeqCst), 1, "it is woken while it is there");
    let mut settled = Vec::new();
    port.take_settled(&mut settled);
    assert!(port.next_of(&mut watch, 1).expect("open").is_some());
    assert!(port.next_of(&mut watch, 1).expect("open").is_none());
    drop(port);
    now(space.set("k", 2)).expect("open");
    owner.close();
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    let other = space.port(|| {});
    assert!(other.next_of(&mut watch, 1).expect("open").is_some(), "the watch goes on elsewhere");
}

#[test]
fn a_port_of_a_closed_handle() {
    let space = Space::new();
    let observer = space.attach();
    let (port, wakes) = port(&space);
    let ticket = granted(port.lock(&LockSpec::new("k"), 1).expect("free"));
    waiting(port.lock(&LockSpec::new("k"), 2).expect("waits"));
    space.close();
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    let settled = taken(&port);
    let [Settled::Failed { tag: 2, error }] = &settled[..] else { panic!("{settled:?}") };
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(port.release(ticket).expect_err("closed").kind(), ErrorKind::NotHeld);
    assert_eq!(port.lock(&LockSpec::new("k"), 3).expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(port.try_lock(&LockSpec::new("k")).expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(port.query(None).expect_err("closed").kind(), ErrorKind::Closed);
    drop(port);
    assert_empty(&observer);
}

#[test]
fn bad_arguments() {
    let space = Space::new();
    let (port, _) = port(&space);
    let huge = Key::from("k".repeat(3_000));
    assert_eq!(port.lock(&LockSpec::new(&huge), 1).expect_err("too long").kind(), ErrorKind::Invalid);
    assert_eq!(port.try_lock(&LockSpec::new(&huge)).expect_err("too long").kind(), ErrorKind::Invalid);
    assert_eq!(port.query(Some(&[huge])).expect_err("too long").kind(), ErrorKind::Invalid);
    let timed = LockSpec::new("k").timeout(std::time::Duration::from_secs(1));
    assert_eq!(port.lock(&timed, 1).expect_err("no clock").kind(), ErrorKind::Invalid);
    assert_empty(&space);
}

/// A future and a port stand in one line.
#[test]
fn futures_and_ports_share_the_queues() {
    let space = Space::new();
    let (port, wakes) = port(&space);
    let guard = now(space.lock("k")).expect("free");
    let ticket = waiting(port.lock(&LockSpec::new("k"), 9).expect("waits"));
    let mut future = super::task(space.lock("k"));
    assert!(future.poll().is_pending());
    drop(guard);
    assert_eq!(wakes.load(Ordering::SeqCst), 1, "a release by a guard wakes the port");
    assert_eq!(taken(&port).len(), 1);
    port.confirm(ticket).expect("it stands");
    port.release(ticket).expect("held");
    assert!(future.poll_if_woken().is_ready());
    assert_empty(&space);
}

/// The calls that bindings make on their hot paths do what the usual ones do, on one table and on many.
#[test]
fn keys_without_a_spec() {
    for shards in [1, 1024] {
        let space = Space::builder().shards(shards).build();
        let (port, wakes) = port(&space);
        let (mine, theirs) = (&port, space.port(|| ()));
        let [a, b, c] = ["a", "b", "c"].map(Key::from);
        let pair = granted(mine.lock_keys(&[b.clone(), a.clone()], 1).expect("free"));
        assert!(theirs.try_lock(&LockSpec::new("a")).expect("open").is_none());
        let second = waiting(mine.lock_keys(&[a.clone(), c.clone()], 2).expect("open"));
        let third = waiting(mine.lock_keys(std::slice::from_ref(&c), 3).expect("open"));
        // A key named twice is one; three are like two.
        let other = waiting(theirs.lock_keys(&[b.clone(), b.clone()], 4).expect("open"));
        waiting(theirs.lock_keys(&[b.clone(), c.clone(), a.clone()], 5).expect("open"));

        let mut settled = Vec::new();
        // Another port is granted something too: told as usual, and not confirmed.
        assert_eq!(mine.release_into(pair, &mut settled).expect("held"), None);
        let told = |settled: &[Settled]| -> Vec<(u64, Ticket)> {
            let granted = settled.iter().map(|one| match one {
                Settled::Granted { tag, grant, .. } => (*tag, grant.ticket),
                other => panic!("{other:?}"),
            });
            granted.collect()
        };
        assert_eq!(told(&settled), [(2, second)]);
        assert!(mine.confirm(second).is_ok() && !mine.has_settled() && wakes.load(Ordering::SeqCst) == 0);
        assert_eq!(told(&taken(&theirs)), [(4, other)]);
        assert_eq!(mine.release_into(pair, &mut settled).expect_err("released").kind(), ErrorKind::NotHeld);

        // What another port settled comes first.
        settled.clear();
        let fourth = waiting(mine.lock_keys(std::slice::from_ref(&b), 6).expect("open"));
        theirs.cancel(other);
        drop(theirs);
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(mine.release_into(second, &mut settled).expect("held"), None);
        assert_eq!(told(&settled), [(6, fourth), (3, third)]);
        for ticket in [third, fourth] {
            mine.confirm(ticket).expect("it stands");
            mine.release_into(ticket, &mut settled).expect("held");
        }
        let long = Key::from("x".repeat(Key::MAX_LEN + 1));
        for keys in [&[long.clone()][..], &[a.clone(), long.clone()], &[a.clone(), b.clone(), long.clone()]] {
            assert_eq!(mine.lock_keys(keys, 7).expect_err("too long").kind(), ErrorKind::Invalid);
        }
        assert_empty(&space);
        space.close();
        for keys in [&[a.clone()][..], &[a.clone(), b.clone()], &[a.clone(), b.clone(), c.clone()], &[]] {
            assert_eq!(mine.lock_keys(keys, 8).expect_err("closed").kind(), ErrorKind::Closed);
        }
    }
}

/// Requests that are sure to wait are made together, and are told as if each had been made by itself.
#[test]
fn each_waits_in_one_step() {
    for shards in [1, 1024] {
        let space = Space::builder().shards(shards).build();
        let (port, wakes) = port(&space);
        let key = Key::from("a");
        assert!(!port.wait_each(&key, [1].into_iter()), "free");
        assert_empty(&space);
        let first = granted(port.lock_keys(std::slice::from_ref(&key), 1).expect("free"));
        assert!(port.wait_each(&key, [2, 3].into_iter()));
        let other = waiting(port.lock_keys(std::slice::from_ref(&key), 4).expect("open"));
        assert!(port.wait_each(&key, [5].into_iter()) && port.wait_each(&key, [].into_iter()));
        let mut settled = Vec::new();
        let (mut held, mut token) = (first, 0);
        for tag in [2, 3, 4, 5] {
            let next = port.release_into(held, &mut settled).expect("held").expect("the only one");
            assert!(next.tag == tag && next.grant.token > token && (tag != 4 || next.grant.ticket == other));
            (held, token) = (next.grant.ticket, next.grant.token);
        }
        assert!(port.wait_each(&key, [6].into_iter()));
        port.release(held).expect("held");
        assert!(matches!(taken(&port)[..], [Settled::Granted { tag: 6, grant }] if port.confirm(grant.ticket).is_ok()));
        assert!(settled.is_empty() && wakes.load(Ordering::SeqCst) == 0);
        assert!(!port.wait_each(&Key::from("x".repeat(Key::MAX_LEN + 1)), [7].into_iter()));
        space.close();
        assert!(!port.wait_each(&key, [8].into_iter()), "closed");
    }
    let space = Space::builder().max_waiters(9).build();
    let (port, _) = port(&space);
    let key = Key::from("a");
    let held = granted(port.lock_keys(std::slice::from_ref(&key), 1).expect("free"));
    assert!(!port.wait_each(&key, [2].into_iter()), "each counts by itself");
    port.release(held).expect("held");
    assert_empty(&space);
}

/// A release answers the only grant that follows from it, confirmed, where the request was made without options.
#[test]
fn the_next_grant_of_the_same_port() {
    for shards in [1, 1024] {
        let space = Space::builder().shards(shards).build();
        let (port, wakes) = port(&space);
        let key = Key::from("a");
        let first = granted(port.lock_keys(std::slice::from_ref(&key), 1).expect("free"));
        let second = waiting(port.lock_keys(std::slice::from_ref(&key), 2).expect("open"));
        let third = waiting(port.lock(&LockSpec::new("a"), 3).expect("open"));
        let mut settled = Vec::new();
        let next = port.release_into(first, &mut settled).expect("held").expect("the only one");
        assert_eq!((next.tag, next.grant.ticket, next.grant.abandoned), (2, second, false));
        assert!(settled.is_empty() && !port.has_settled() && wakes.load(Ordering::SeqCst) == 0);
        assert_eq!(port.cancel(second), Cancelled::Gone, "confirmed");
        assert!(port.held(second));
        // One with options is its caller's to confirm, and can still be given on.
        assert_eq!(port.release_into(second, &mut settled).expect("held"), None);
        assert!(matches!(settled[..], [Settled::Granted { tag: 3, grant }] if grant.ticket == third));
        assert_eq!(port.cancel(third), Cancelled::GrantGivenOn);
        assert_empty(&space);
    }
}
