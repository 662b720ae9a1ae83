//! When a turn ends, or the wait for one: with its call, whether or not that looks, so that it is in nobody's way for longer.

use std::cell::Cell;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;

use super::ends::{assert_empty, in_its_turn, kind, poll};
use super::{CallSpec, Change, Step, Tx};
use crate::shared::{Access, Enclosed};
use crate::sync::Arc;
use crate::{Clock, ErrorKind, Expiry, Guard, Key, KeyRange, ManualClock, Scan, Space};

const MS: Duration = Duration::from_millis(1);

/// An update in the turn of `a` that was taken away from it, and that has not seen that: who begins finds a queue, and is
/// granted the turn at once.
fn out_of_its_turn(space: &Space<u32>) -> impl Future + Unpin {
    let update = in_its_turn(space);
    assert_eq!(space.revoke(Key::turn_of("a")).expect("open"), 1);
    update
}

fn naming(guard: &Guard) -> CallSpec {
    CallSpec::new().guard(Some(guard.ticket()), guard.token(), None)
}

#[test]
fn a_turn_that_was_granted_at_once_ends_with_a_guard_of_its_call() {
    for shards in [1, 1024] {
        for released in [false, true] {
            let space: Space<u32> = Space::builder().cells().shards(shards).build();
            let mut guard = block_on(space.lock(["k", "l"])).expect("free");
            let first = out_of_its_turn(&space);
            let port = space.port(|| {});
            let call = port.update(&Key::from("a"), &naming(&guard), 1).expect("open");
            let Step::Run(run) = call.go_on() else { panic!("it is its turn") };
            assert_eq!(run.attempt, 1);
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending());
            match released {
                true => guard.release().expect("held"),
                false => assert_eq!(space.revoke("k").expect("open"), 1),
            }
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))), "{released}");
            let Step::Failed(error) = call.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("fenced") };
            assert_eq!(error.kind(), ErrorKind::Fenced);
            drop((first, call, guard));
            assert_empty(&space);
        }
    }
}

/// A function that does not wait may block its thread all the same.
#[test]
fn the_turn_of_a_function_that_does_not_wait_ends_with_a_guard_of_its_call() {
    for at_once in [false, true] {
        let space: Space<u32> = Space::with_cells();
        let guard = block_on(space.lock("k")).expect("free");
        let first = at_once.then(|| out_of_its_turn(&space));
        let runs = Cell::new(0);
        let update = space.update("a", |_| {
            runs.set(runs.get() + 1);
            if !at_once && runs.get() <= 3 {
                block_on(async { space.set("a", 7).await }).expect("open");
                return Change::Set(1);
            }
            // As if from another thread.
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending());
            assert_eq!(space.revoke("k").expect("open"), 1);
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))), "{at_once}");
            Change::Set(1)
        });
        let Poll::Ready(ended) = poll(&mut update.guard(&guard)) else { panic!("its guard is lost") };
        assert_eq!(kind(ended), ErrorKind::Fenced);
        assert_eq!(block_on(async { space.get("a").await }).expect("open").value, Some(2));
        drop((first, guard));
        assert_empty(&space);
    }
}

/// What is asked is decided at the asking (clause B5), also by who could wait.
#[test]
fn who_asks_for_a_turn_that_is_over_waits_for_no_tick() {
    for begins in [false, true] {
        let clock = ManualClock::new();
        let space: Space<u32> = Space::builder().cells().clock(clock.clone()).build();
        let first = in_its_turn(&space);
        let port = space.port(|| {});
        let call = port.update(&Key::from("a"), &CallSpec::new().timeout(5 * MS), 1).expect("open");
        assert!(matches!(call.go_on(), Step::Wait));
        drop(first);
        let Step::Run(run) = call.go_on() else { panic!("it is its turn") };
        clock.advance(5 * MS);
        if begins {
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
        } else {
            let mut next = Box::pin(space.transact(async |tx: Tx<u32>| tx.set("a", 2)));
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
        }
        let Step::Failed(error) = call.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("it is over") };
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_empty(&space);
    }
}

/// A call whose loop is busy does not ask for what it was granted, and does not hear that it has ended.
#[test]
fn a_call_that_does_not_look_is_in_the_line_no_longer_than_it_lasts() {
    for shards in [1, 1024] {
        for (granted, guarded) in [(false, false), (false, true), (true, false), (true, true)] {
            let clock = ManualClock::new();
            let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
            let guard = block_on(space.lock("k")).expect("free");
            let mut first = Some(in_its_turn(&space));
            let port = space.port(|| {});
            let spec = if guarded { naming(&guard) } else { CallSpec::new().timeout(5 * MS) };
            let call = port.update(&Key::from("a"), &spec, 1).expect("open");
            assert!(matches!(call.go_on(), Step::Wait));
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending());
            if granted {
                drop(first.take());
            }
            assert!(poll(&mut next).is_pending());
            match guarded {
                true => assert_eq!(space.revoke("k").expect("open"), 1),
                false => clock.advance(5 * MS),
            }
            space.tick();
            drop(first);
            let Poll::Ready(done) = poll(&mut next) else { panic!("granted={granted} guarded={guarded}") };
            assert_eq!(done.expect("it is its turn").attempts, 1);
            let Step::Failed(error) = call.go_on() else { panic!("it has ended") };
            assert_eq!(error.kind(), if guarded { ErrorKind::Fenced } else { ErrorKind::Timeout });
            assert_eq!(error.blocked_by().len(), usize::from(!granted && !guarded), "{error}");
            drop((call, guard));
            assert_empty(&space);
            assert_eq!(space.next_deadline(), None);
        }
    }
}

/// The same of a call that had a turn before: it waits for that of the space.
#[test]
fn a_call_that_waits_for_its_second_turn_ends_with_its_guard() {
    let space: Space<u32> = Space::with_cells();
    let guard = block_on(space.lock("k")).expect("free");
    let other = in_its_turn(&space);
    let port = space.port(|| {});
    let call = port.transact(&naming(&guard), 1).expect("open");
    let mut step = call.go_on();
    for changes in ["b", "b", "b", "a"] {
        let Step::Run(run) = step else { panic!("it runs") };
        for key in ["b", changes].map(Key::from) {
            call.get(run.scope, &key).expect("open");
        }
        call.set(run.scope, &Key::from("b"), 1, None).expect("open");
        block_on(async { space.set(changes, 7).await }).expect("open");
        step = call.returned(run.scope);
    }
    assert!(matches!(step, Step::Wait), "{step:?}");
    let mut next = space.update("b", |_| Change::Set(2));
    assert!(poll(&mut next).is_pending());
    assert_eq!(space.revoke("k").expect("open"), 1);
    assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
    let Step::Failed(error) = call.go_on() else { panic!("it has ended") };
    assert_eq!(error.kind(), ErrorKind::Fenced);
    drop((other, call, guard));
    assert_empty(&space);
}

/// A clock that lets something happen while it is asked, once.
#[derive(Clone, Default)]
struct Busy(Arc<Enclosed<Option<Happens>>>);

type Happens = Box<dyn FnOnce() + Send>;

impl Clock for Busy {
    fn now(&self) -> Duration {
        let happens = self.0.with(|happens| happens.take());
        happens.into_iter().for_each(|happens| happens());
        Duration::ZERO
    }
}

/// Between the look whether a turn still stands and the entry beside the cells another one can come into force.
#[test]
fn a_turn_that_was_taken_away_does_not_come_into_force() {
    for whole in [false, true] {
        let clock = Busy::default();
        let space: Space<u32> = Space::builder().cells().clock(clock.clone()).build();
        let first = in_its_turn(&space);
        let port = space.port(|| {});
        let [late, next] = [CallSpec::new().timeout(5 * MS), CallSpec::new()].map(|spec| {
            let call = port.transact(&spec, 1).expect("open");
            let Step::Run(run) = call.go_on() else { panic!("it runs") };
            if whole {
                call.list(run.scope, &Scan::new(KeyRange::all())).expect("open");
            }
            call.set(run.scope, &Key::from("a"), 1, None).expect("open");
            assert!(matches!(call.returned(run.scope), Step::Wait));
            call
        });
        let turn = if whole { Key::turn_of_space() } else { Key::turn_of("a") };
        drop(first);
        let run = Arc::new(Enclosed::new(None));
        let happens = {
            let (space, next, run) = (space.clone(), next.clone(), run.clone());
            move || {
                assert_eq!(space.revoke(turn).expect("open"), 1);
                let step = next.go_on();
                run.with(|run| *run = Some(step));
            }
        };
        clock.0.with(|next| *next = Some(Box::new(happens)));
        let Step::Failed(error) = late.go_on() else { panic!("its turn was taken away") };
        assert_eq!(error.kind(), ErrorKind::Fenced);
        let Some(Step::Run(run)) = run.with(|run| run.take()) else { panic!("it is its turn") };
        let mut other = Box::pin(space.transact(async |tx: Tx<u32>| tx.set("a", 2)));
        assert!(poll(&mut other).is_pending(), "whole={whole}: another call's turn");
        next.set(run.scope, &Key::from("a"), 1, None).expect("open");
        assert!(matches!(next.returned(run.scope), Step::Done(_)));
        assert!(matches!(poll(&mut other), Poll::Ready(Ok(_))));
        assert_empty(&space);
    }
}
