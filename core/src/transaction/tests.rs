use std::time::Duration;

use super::{Call, CallSpec, Change, Run, Step};
use crate::{ErrorKind, Expiry, Key, KeyRange, ManualClock, Port, Scan, Settled, Space};

const MS: Duration = Duration::from_millis(1);

fn spaces() -> [Space<i32>; 3] {
    [1, 2, 1024].map(|shards| Space::builder().cells().shards(shards).build())
}

fn run(step: Step<i32>) -> Run<i32> {
    match step {
        Step::Run(run) => run,
        other => panic!("not to be run: {other:?}"),
    }
}

fn done(step: Step<i32>) -> super::Done {
    match step {
        Step::Done(done) => done,
        other => panic!("not done: {other:?}"),
    }
}

fn failed(step: Step<i32>) -> crate::Error {
    match step {
        Step::Failed(error) => error,
        other => panic!("not failed: {other:?}"),
    }
}

fn waits(step: Step<i32>) {
    assert!(matches!(step, Step::Wait), "{step:?}");
}

/// The function of an update that adds one.
fn add(call: &Call<i32>, run: &Run<i32>) -> Step<i32> {
    let entry = run.entry.as_ref().expect("an update");
    call.answer(run.scope, Change::Set(entry.value.as_deref().copied().unwrap_or(0) + 1), Expiry::Keep)
}

fn update(port: &Port<i32>, key: &str, tag: u64) -> Call<i32> {
    port.update(&Key::from(key), &CallSpec::new(), tag).expect("open")
}

fn resumed(port: &Port<i32>) -> Vec<u64> {
    let mut settled = Vec::new();
    port.take_settled(&mut settled);
    let tags = settled.iter().map(|one| match one {
        Settled::Resumed { tag } => *tag,
        other => panic!("no call: {other:?}"),
    });
    tags.collect()
}

fn assert_empty(space: &Space<i32>) {
    let query = futures::executor::block_on(space.query()).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
}

#[test]
fn an_update_without_others_runs_once() {
    for space in spaces() {
        let port = space.port(|| {});
        let call = update(&port, "a", 1);
        let first = run(call.go_on());
        assert_eq!((first.attempt, first.entry.as_ref().map(|entry| entry.version)), (1, Some(0)));
        let one = done(add(&call, &first));
        assert!(one.changed && one.version > 0 && one.attempts == 1);
        let call = update(&port, "a", 1);
        let kept = run(call.go_on());
        let kept = done(call.answer(kept.scope, Change::Keep, Expiry::Keep));
        assert_eq!((kept.version, kept.changed), (one.version, false));
        let call = update(&port, "a", 1);
        let gone = run(call.go_on());
        assert!(done(call.answer(gone.scope, Change::Delete, Expiry::Keep)).changed);
        assert_eq!(port.get(&Key::from("a")).expect("open").version, 0);
        assert!(matches!(call.go_on(), Step::Wait), "it is over");
    }
}

#[test]
fn the_fourth_run_is_in_the_turn_and_others_queue() {
    for space in spaces() {
        let port = space.port(|| {});
        let slow = update(&port, "a", 1);
        let mut step = slow.go_on();
        for attempt in 1..=3 {
            let one = run(step);
            assert_eq!(one.attempt, attempt);
            let quick = update(&port, "a", 2);
            let other = run(quick.go_on());
            done(add(&quick, &other));
            step = add(&slow, &one);
        }
        let fourth = run(step);
        assert_eq!((fourth.attempt, fourth.entry.as_ref().expect("there").value.as_deref()), (4, Some(&3)));
        let held = futures::executor::block_on(space.query()).expect("open").held;
        assert_eq!(
            (held[0].keys.clone(), held[0].shared.clone()),
            (vec![Key::turn_of("a")], vec![Key::turn_of_space()])
        );
        // Another joins the queue before it runs; a plain write does not wait, and is a loss.
        let other = update(&port, "a", 3);
        waits(other.go_on());
        futures::executor::block_on(async { space.set("a", 10).await }).expect("open");
        let fifth = run(add(&slow, &fourth));
        assert_eq!(fifth.attempt, 5);
        assert_eq!(done(add(&slow, &fifth)).attempts, 5);
        assert_eq!(resumed(&port), [3]);
        let first = run(other.go_on());
        assert_eq!(first.entry.as_ref().expect("there").value.as_deref(), Some(&11));
        done(add(&other, &first));
        assert_empty(&space);
    }
}

#[test]
fn two_hundred_at_once_need_four_runs_at_most() {
    const MANY: i32 = if cfg!(miri) { 6 } else { 200 };
    for space in spaces() {
        let port = space.port(|| {});
        let calls: Vec<Call<i32>> = (0..MANY as u64).map(|tag| update(&port, "a", tag)).collect();
        let mut running: Vec<(usize, Run<i32>)> = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            running.push((at, run(call.go_on())));
        }
        let mut most = 0;
        let mut finished = 0;
        while finished < MANY {
            let mut next = Vec::new();
            for (at, one) in running.drain(..) {
                most = most.max(one.attempt);
                match add(&calls[at], &one) {
                    Step::Run(run) => next.push((at, run)),
                    Step::Done(_) => finished += 1,
                    Step::Wait => {}
                    other => panic!("{other:?}"),
                }
            }
            for tag in resumed(&port) {
                match calls[tag as usize].go_on() {
                    Step::Run(run) => next.push((tag as usize, run)),
                    Step::Wait => {}
                    other => panic!("{other:?}"),
                }
            }
            running = next;
            assert!(!running.is_empty() || finished == MANY);
        }
        assert_eq!(most, 4);
        assert_eq!(port.get(&Key::from("a")).expect("open").value.as_deref(), Some(&MANY));
        assert_empty(&space);
    }
}

#[test]
fn sixteen_losses_end_a_call_and_a_callers_limit_before_that() {
    for (limit, runs, attempts) in [(None, 19, 19), (Some(2), 2, 2), (Some(5), 5, 5)] {
        for space in spaces() {
            let port = space.port(|| {});
            let spec = limit.into_iter().fold(CallSpec::new(), CallSpec::attempts);
            let call = port.update(&Key::from("a"), &spec, 1).expect("open");
            let mut step = call.go_on();
            for attempt in 1..=runs {
                let one = run(step);
                assert_eq!(one.attempt, attempt);
                futures::executor::block_on(async { space.set("a", 0).await }).expect("open");
                step = add(&call, &one);
            }
            let error = failed(step);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Conflict, Some(attempts)));
            assert_eq!(error.conflicts()[0].key, Key::from("a"));
            assert_empty(&space);
        }
    }
}

#[test]
fn a_transaction_reads_what_fits_together() {
    for space in spaces() {
        let port = space.port(|| {});
        let set = |key: &str, value| futures::executor::block_on(async { space.set(key, value).await }).expect("open");
        let (a, b) = (Key::from("a"), Key::from("b"));
        set("a", 1);
        set("b", 1);
        let call = port.transact(&CallSpec::new(), 1).expect("open");
        let first = run(call.go_on());
        assert_eq!(call.get(first.scope, &a).expect("first").value.as_deref(), Some(&1));
        set("a", 2);
        set("b", 2);
        let error = call.get(first.scope, &b).expect_err("a has changed");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Conflict, None));
        call.get(first.scope, &a).expect_err("it is over");
        // What the body does with that is all the same.
        let second = run(call.returned(first.scope));
        assert_eq!(second.attempt, 2);
        assert_eq!(call.get(first.scope, &a).expect_err("of the first run").what(), Some("tx"));
        assert_eq!(call.get(second.scope, &a).expect("fresh").value.as_deref(), Some(&2));
        assert_eq!(call.get(second.scope, &b).expect("fresh").value.as_deref(), Some(&2));
        call.set(second.scope, &a, 5, None).expect("it runs");
        assert_eq!(call.get(second.scope, &a).expect("own").value.as_deref(), Some(&5));
        // No write skew: what was read is checked at the commit too.
        set("b", 3);
        let third = run(call.returned(second.scope));
        call.get(third.scope, &b).expect("fresh");
        call.set(third.scope, &a, 6, None).expect("it runs");
        let end = done(call.returned(third.scope));
        assert_eq!((end.attempts, end.changed), (3, true));
        assert_eq!(port.get(&a).expect("open").version, end.version);
    }
}

#[test]
fn a_scan_is_protected_against_phantoms() {
    for space in spaces() {
        let port = space.port(|| {});
        let set = |key: &str, value| futures::executor::block_on(async { space.set(key, value).await }).expect("open");
        set("p1", 1);
        let call = port.transact(&CallSpec::new(), 1).expect("open");
        let scan = Scan::new(KeyRange::prefix("p"));
        let first = run(call.go_on());
        assert_eq!(call.list(first.scope, &scan).expect("first").len(), 1);
        set("p2", 1);
        let error = call.get(first.scope, &Key::from("x")).expect_err("the range has changed");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let second = run(call.returned(first.scope));
        call.delete(second.scope, &Key::from("p1")).expect("it runs");
        call.set(second.scope, &Key::from("p0"), 7, None).expect("it runs");
        let keys =
            |found: Vec<crate::Entry<_>>| found.into_iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>();
        assert_eq!(keys(call.list(second.scope, &scan).expect("fresh")), [r#""p0""#, r#""p2""#]);
        assert_eq!(keys(call.list(second.scope, &scan.clone().limit(1).reverse()).expect("fresh")), [r#""p2""#]);
        done(call.returned(second.scope));
        assert_eq!(keys(port.list(&scan).expect("open")), [r#""p0""#, r#""p2""#]);
    }
}

#[test]
fn a_transaction_takes_the_turn_of_its_cells_then_of_the_space() {
    for space in spaces() {
        let port = space.port(|| {});
        let plus = |key: &str| {
            let quick = update(&port, key, 9);
            let one = run(quick.go_on());
            done(add(&quick, &one));
        };
        let call = port.transact(&CallSpec::new(), 1).expect("open");
        let mut step = call.go_on();
        for attempt in 1..=3 {
            let one = run(step);
            assert_eq!(one.attempt, attempt);
            call.get(one.scope, &Key::from("a")).expect("fresh");
            call.set(one.scope, &Key::from("b"), 1, None).expect("it runs");
            plus("a");
            step = call.returned(one.scope);
        }
        let fourth = run(step);
        let queued = update(&port, "b", 2);
        waits(queued.go_on());
        call.get(fourth.scope, &Key::from("c")).expect("fresh");
        call.set(fourth.scope, &Key::from("a"), 1, None).expect("it runs");
        plus("c");
        // It gives the turn of its cells back before it queues for that of the space: the other one is first.
        waits(call.returned(fourth.scope));
        assert_eq!(resumed(&port), [2]);
        let other = run(queued.go_on());
        done(add(&queued, &other));
        assert_eq!(resumed(&port), [1]);
        let fifth = run(call.go_on());
        assert_eq!(fifth.attempt, 5);
        let held = futures::executor::block_on(space.query()).expect("open").held;
        assert_eq!(held[0].keys, [Key::turn_of_space()]);
        let anybody = update(&port, "z", 3);
        waits(anybody.go_on());
        call.set(fifth.scope, &Key::from("a"), 1, None).expect("it runs");
        assert_eq!(done(call.returned(fifth.scope)).attempts, 5);
        assert_eq!(resumed(&port), [3]);
        run(anybody.go_on());
        drop(anybody);
        assert_empty(&space);
    }
}

#[test]
fn a_call_that_is_dropped_leaves_nothing() {
    for space in spaces() {
        let port = space.port(|| {});
        let calls: Vec<Call<i32>> = (1..=4).map(|tag| update(&port, "a", tag)).collect();
        let firsts: Vec<Run<i32>> = calls.iter().map(|call| run(call.go_on())).collect();
        let mut step = add(&calls[0], &firsts[0]);
        assert!(matches!(step, Step::Done(_)));
        // The second one gets the turn, two others queue.
        step = add(&calls[1], &firsts[1]);
        for _ in 0..2 {
            let again = run(step);
            futures::executor::block_on(async { space.set("a", 0).await }).expect("open");
            step = add(&calls[1], &again);
        }
        run(step);
        waits(add(&calls[2], &firsts[2]));
        waits(add(&calls[3], &firsts[3]));
        calls[2].cancel();
        assert!(resumed(&port).is_empty());
        calls[1].cancel();
        assert_eq!(resumed(&port), [4]);
        drop(calls);
        assert_empty(&space);
        let call = update(&port, "a", 1);
        assert_eq!(run(call.go_on()).attempt, 1, "no queue is left");
    }
}

#[test]
fn a_time_out_covers_waits_and_bodies() {
    for shards in [1, 1024] {
        let clock = ManualClock::new();
        let space: Space<i32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
        let port = space.port(|| {});
        let spec = CallSpec::new().timeout(5 * MS).label("slow");
        let call = port.update(&Key::from("a"), &spec, 1).expect("open");
        let mut step = call.go_on();
        for _ in 0..3 {
            let one = run(step);
            futures::executor::block_on(async { space.set("a", 0).await }).expect("open");
            step = add(&call, &one);
        }
        run(step);
        let other = port.update(&Key::from("a"), &CallSpec::new().timeout(2 * MS), 2).expect("open");
        waits(other.go_on());
        let never = port.update(&Key::from("a"), &CallSpec::new().timeout(Duration::ZERO), 3).expect("open");
        let error = failed(never.go_on());
        assert_eq!((error.kind(), error.keys()), (ErrorKind::Timeout, &[Key::turn_of_space(), Key::turn_of("a")][..]));
        clock.advance(2 * MS);
        port.tick();
        // A wait: the queue tells who stands in the way.
        assert!(resumed(&port).contains(&2));
        let error = failed(other.go_on());
        assert_eq!((error.kind(), error.blocked_by()[0].label.as_deref()), (ErrorKind::Timeout, Some("slow")));
        assert!(error.to_string().contains("turn of \"a\""), "{error}");
        clock.advance(3 * MS);
        port.tick();
        // A body: it is told while it runs.
        assert!(resumed(&port).contains(&1));
        let error = failed(call.go_on());
        assert_eq!(
            (error.kind(), error.keys(), error.waited()),
            (ErrorKind::Timeout, &[Key::from("a")][..], Some(5 * MS))
        );
        assert_empty(&space);
        assert_eq!(space.next_deadline(), None);
    }
}

#[test]
fn the_end_of_the_handle_ends_calls_with_a_time_out_while_their_bodies_run() {
    for shards in [1, 1024] {
        let space: Space<i32> = Space::builder().cells().shards(shards).clock(ManualClock::new()).build();
        let other = space.attach();
        let (port, far) = (space.port(|| {}), other.port(|| {}));
        let timed = CallSpec::new().timeout(5 * MS);
        let call = port.update(&Key::from("a"), &timed, 1).expect("open");
        let body = port.transact(&timed, 2).expect("open");
        let plain = update(&port, "a", 3);
        let apart = far.update(&Key::from("a"), &timed, 4).expect("open");
        for call in [&call, &body, &plain, &apart] {
            run(call.go_on());
        }
        let gone = port.update(&Key::from("a"), &timed, 5).expect("open");
        run(gone.go_on());
        drop(gone);
        space.close();
        assert_eq!(resumed(&port), [1, 2]);
        assert!(resumed(&far).is_empty());
        for call in [call, body] {
            assert_eq!(failed(call.go_on()).kind(), ErrorKind::Closed);
        }
        // With nothing to be told of, it ends where it asks next.
        waits(apart.go_on());
        assert_eq!(failed(plain.go_on()).kind(), ErrorKind::Closed);
        assert!(other.next_deadline().is_some(), "the other handle's call has its time");
        drop(apart);
        assert_eq!(other.next_deadline(), None);
    }
}

#[test]
fn the_end_of_an_owner_a_guard_or_a_turn_ends_the_call() {
    for space in spaces() {
        let port = space.port(|| {});
        let owner = port.owner(None);
        let call = port.update(&Key::from("a"), &CallSpec::new().owner(&owner), 1).expect("open");
        run(call.go_on());
        port.close_owner(&owner);
        assert_eq!(resumed(&port), [1]);
        assert_eq!(failed(call.go_on()).kind(), ErrorKind::Cancelled);
        let crate::Answer::Granted(grant) = port.lock_keys(&[Key::from("l")], 5).expect("open") else { panic!("free") };
        let spec = CallSpec::new().guard(Some(grant.ticket), grant.token, None);
        let call = port.update(&Key::from("a"), &spec, 2).expect("open");
        run(call.go_on());
        port.revoke(&[Key::from("l")]).expect("open");
        assert_eq!(resumed(&port), [2]);
        assert_eq!(failed(call.go_on()).token(), Some(grant.token));
        let late = port.update(&Key::from("a"), &spec, 2).expect("open");
        assert_eq!(failed(late.go_on()).kind(), ErrorKind::Fenced);
        drop(port.release(grant.ticket));
        let call = update(&port, "a", 3);
        let mut step = call.go_on();
        for _ in 0..3 {
            let one = run(step);
            futures::executor::block_on(async { space.set("a", 0).await }).expect("open");
            step = add(&call, &one);
        }
        run(step);
        let next = update(&port, "a", 4);
        waits(next.go_on());
        assert_eq!(port.revoke(&[Key::turn_of("a")]).expect("open"), 1);
        assert_eq!(resumed(&port), [4, 3]);
        let one = run(next.go_on());
        assert_eq!(failed(call.go_on()).kind(), ErrorKind::Fenced);
        done(add(&next, &one));
        assert_empty(&space);
    }
}

#[test]
fn retry_waits_for_what_was_read() {
    for space in spaces() {
        let port = space.port(|| {});
        let call = port.transact(&CallSpec::new(), 1).expect("open");
        let first = run(call.go_on());
        assert_eq!(call.retry(first.scope).what(), Some("retry"));
        call.get(first.scope, &Key::from("a")).expect("fresh");
        assert_eq!(call.retry(first.scope).kind(), ErrorKind::Conflict);
        call.set(first.scope, &Key::from("b"), 1, None).expect_err("it is over");
        waits(call.returned(first.scope));
        futures::executor::block_on(async { space.set("b", 1).await }).expect("open");
        assert!(resumed(&port).is_empty());
        futures::executor::block_on(async { space.set("a", 1).await }).expect("open");
        assert_eq!(resumed(&port), [1]);
        let second = run(call.go_on());
        // Changed before it waits: it does not.
        call.get(second.scope, &Key::from("a")).expect("fresh");
        call.retry(second.scope);
        futures::executor::block_on(async { space.set("a", 2).await }).expect("open");
        let third = run(call.threw(second.scope));
        assert_eq!(third.attempt, 3);
        call.list(third.scope, &Scan::new(KeyRange::prefix("q"))).expect("fresh");
        call.retry(third.scope);
        waits(call.threw(third.scope));
        futures::executor::block_on(async { space.set("q", 2).await }).expect("open");
        assert_eq!(resumed(&port), [1]);
        let fourth = run(call.go_on());
        call.get(fourth.scope, &Key::from("a")).expect("fresh");
        call.retry(fourth.scope);
        waits(call.threw(fourth.scope));
        space.close();
        assert_eq!(resumed(&port), [1]);
        assert_eq!(failed(call.go_on()).kind(), ErrorKind::Closed);
    }
}

#[test]
fn retry_sleeps_on_while_what_was_read_is_as_it_was() {
    let clock = ManualClock::new();
    let space: Space<i32> = Space::builder().cells().clock(clock.clone()).build();
    let port = space.port(|| {});
    let set = |key: &str, value| futures::executor::block_on(async { space.set(key, value).await }).expect("open");
    set("b", 1);
    let expiring = space.set("c", 1).expire_in(MS);
    futures::executor::block_on(expiring).expect("open");
    clock.advance(MS);
    let call = port.transact(&CallSpec::new(), 7).expect("open");
    let first = run(call.go_on());
    // All keys are watched for it, and `c` that is gone already.
    let scan = Scan { limit: 1, ..Scan::new(KeyRange::between("a", "d")) };
    assert_eq!(call.list(first.scope, &scan).expect("open").len(), 1);
    assert_eq!(call.get(first.scope, &Key::from("c")).expect("open").version, 0);
    call.set(first.scope, &Key::from("b"), 5, None).expect("open");
    call.retry(first.scope);
    waits(call.threw(first.scope));
    for key in ["zzz", "d", "bb"] {
        set(key, 1);
        assert_eq!(resumed(&port), [7], "a hint");
        waits(call.go_on());
    }
    // The sweep of what was read as gone; a deletion of nothing; the end of another handle.
    space.tick();
    futures::executor::block_on(async { space.delete("c").await }).expect("open");
    space.attach().close();
    resumed(&port);
    waits(call.go_on());
    set("aa", 1);
    assert_eq!(resumed(&port), [7]);
    let second = run(call.go_on());
    assert_eq!(second.attempt, 2);
    done(call.returned(second.scope));
    assert_empty(&space);
}

/// A sweep moves no clock of a shard, so that the end of what was read is looked at by itself.
#[test]
fn what_was_swept_since_it_was_read_runs_the_body_again() {
    let clock = ManualClock::new();
    let space: Space<i32> = Space::builder().cells().clock(clock.clone()).build();
    let port = space.port(|| {});
    let expiring = space.set("session", 1).expire_in(MS);
    futures::executor::block_on(expiring).expect("open");
    let call = port.transact(&CallSpec::new(), 7).expect("open");
    let first = run(call.go_on());
    assert_eq!(call.get(first.scope, &Key::from("session")).expect("open").value.as_deref(), Some(&1));
    call.set(first.scope, &Key::from("seen"), 1, None).expect("open");
    clock.advance(MS);
    space.tick();
    let second = run(call.returned(first.scope));
    assert_eq!(call.get(second.scope, &Key::from("session")).expect("open").version, 0);
    call.set(second.scope, &Key::from("seen"), 0, None).expect("open");
    assert!(done(call.returned(second.scope)).changed);
    assert_empty(&space);
}
