//! S14: what runs again, how often, and what does not.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use latchwork::{Builder, Change, Entry, Error, ErrorKind, Key, ManualClock, Space, Tx};
use latchwork_tests::poll::{Task, now};

fn plus(entry: Entry<i64>) -> Change<i64> {
    Change::Set(entry.value.unwrap_or(0) + 1)
}

/// A body that registers one event and returns nothing, and has so many conflicts forced upon it. Answers how often it ran, and
/// how many events there were.
fn transact(space: &Space<i64>, conflicts: u32, limit: Option<u32>) -> (Result<u32, Error>, u32, usize) {
    let (runs, events) = (Cell::new(0), Arc::new(AtomicUsize::new(0)));
    let transact = space.transact(|tx: Tx<i64>| {
        runs.set(runs.get() + 1);
        let (events, run) = (events.clone(), runs.get());
        async move {
            let there = tx.get("a").await?.value.unwrap_or(0);
            tx.on_commit(move || {
                events.fetch_add(1, Ordering::SeqCst);
            })?;
            tx.set("a", there + 1)?;
            if run <= conflicts {
                space.update("a", plus).await?;
            }
            Ok::<_, Error>(())
        }
    });
    let transact = match limit {
        Some(limit) => transact.attempts(limit),
        None => transact,
    };
    let outcome = now(transact).map(|done| done.attempts);
    (outcome, runs.get(), events.load(Ordering::SeqCst))
}

#[test]
fn three_conflicts_are_four_runs_one_commit_and_one_event() {
    let space: Space<i64> = Space::with_cells();
    let (outcome, runs, events) = transact(&space, 3, None);
    assert_eq!((outcome.expect("it commits"), runs, events), (4, 4, 1));
    assert_eq!(now(space.get("a")).expect("open").value, Some(4));
}

#[test]
fn a_limit_of_two_is_a_conflict_without_an_event() {
    let space: Space<i64> = Space::with_cells();
    let (outcome, runs, events) = transact(&space, 3, Some(2));
    let error = outcome.expect_err("two were too few");
    assert_eq!((error.kind(), error.attempts(), runs, events), (ErrorKind::Conflict, Some(2), 2, 0));
    assert_eq!(error.conflicts()[0].key, Key::from("a"));
}

#[test]
fn an_error_of_its_own_ends_it_at_once() {
    #[derive(Debug)]
    struct Own(&'static str);
    impl From<Error> for Own {
        fn from(_: Error) -> Own {
            Own("of the space")
        }
    }
    let (space, runs): (Space<i64>, _) = (Space::with_cells(), Cell::new(0));
    let outcome = now(space.transact(|_: Tx<i64>| {
        runs.set(runs.get() + 1);
        async { Err::<(), _>(Own("mine")) }
    }));
    assert_eq!((outcome.expect_err("its own").0, runs.get()), ("mine", 1));
}

/// A body whose helper updates the same cell, from the run on that has the turn. Answers what the helper came to.
fn with_helper(owned: bool) -> Error {
    let clock = ManualClock::new();
    let settings: Builder<i64> = Space::builder().cells();
    let space = settings.clock(clock.clone()).build();
    let owner = space.owner("request");
    let (runs, helped) = (Cell::new(0), Cell::new(None));
    let mut task = Task::new(async {
        let update = space.update_async("a", |entry| {
            runs.set(runs.get() + 1);
            let (space, owner, helped, run) = (&space, &owner, &helped, runs.get());
            async move {
                let helper = space.update("a", plus);
                let helper = if owned { helper.owner(owner) } else { helper.timeout(Duration::from_millis(1)) };
                match helper.await {
                    Ok(_) => assert!(run <= 3),
                    Err(error) => helped.set(Some(error)),
                }
                plus(entry)
            }
        });
        let update = if owned { update.owner(&owner) } else { update.label("the body") };
        update.await
    });
    let mut outcome = task.poll();
    if outcome.is_pending() {
        clock.advance(Duration::from_millis(1));
        space.tick();
        outcome = task.poll_if_woken();
    }
    let Poll::Ready(Ok(done)) = outcome else { panic!("the body goes on: {outcome:?}") };
    assert_eq!(done.attempts, 4);
    drop(task);
    helped.take().expect("it could not have its turn")
}

#[test]
fn a_helper_that_needs_the_same_cell_is_told() {
    let error = with_helper(true);
    assert_eq!((error.kind(), &error.cycle()[0].key), (ErrorKind::Deadlock, &Key::turn_of("a")));
    let error = with_helper(false);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let blocker = error.blocked_by().iter().find(|by| by.key == Key::turn_of("a")).expect("it names the turn");
    assert_eq!(blocker.label.as_deref(), Some("the body"));
}

/// The control: a loop by hand that calls its event in the body.
#[test]
fn control_a_loop_by_hand_has_an_event_for_each_run() {
    let (space, mut events): (Space<i64>, _) = (Space::with_cells(), 0);
    for run in 1.. {
        let seen = now(space.get("a")).expect("open");
        events += 1;
        if run <= 3 {
            now(space.update("a", plus)).expect("open");
        }
        if now(space.compare_exchange(&seen, seen.value.unwrap_or(0) + 1)).expect("open").is_ok() {
            break;
        }
    }
    assert_eq!(events, 4);
}
