//! How calls end: the same from a future and from a binding, and leaving nothing whatever the caller's code does.

use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;

use super::{CallSpec, Change, Step, Tx};
use crate::{Entry, Error, ErrorKind, Expiry, Key, ManualClock, Space};

const MS: Duration = Duration::from_millis(1);

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn kind<T: std::fmt::Debug>(ended: Result<T, Error>) -> ErrorKind {
    ended.expect_err("it fails").kind()
}

fn assert_empty<V: Clone + Send + Sync + 'static>(space: &Space<V>) {
    let query = block_on(space.query()).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
}

#[test]
fn that_the_space_is_closed_comes_first() {
    let space: Space<u32> = Space::with_cells();
    let owner = space.owner("o");
    space.close();
    let update = || space.update("a", |_| Change::Set(1));
    assert_eq!(kind(block_on(update().owner(&owner))), ErrorKind::Closed);
    assert_eq!(kind(block_on(update().attempts(0))), ErrorKind::Closed);
    assert_eq!(kind(block_on(space.update("x".repeat(3_000), |_| Change::Set(1)))), ErrorKind::Closed);
    let body = async |tx: Tx<u32>| tx.set("a", 1);
    assert_eq!(kind(block_on(space.transact(body).owner(&owner))), ErrorKind::Closed);
}

#[test]
fn nothing_is_kept_by_a_handle_that_is_closed() {
    let space: Space<u32> = Space::with_cells();
    let closing = |_: Entry<u32>| {
        space.close();
        Change::Keep
    };
    assert_eq!(kind(block_on(space.update("a", closing))), ErrorKind::Closed);
    let space: Space<u32> = Space::with_cells();
    let port = space.port(|| {});
    let call = port.update(&Key::from("a"), &CallSpec::new(), 1).expect("open");
    let Step::Run(run) = call.go_on() else { panic!("it runs") };
    space.close();
    let Step::Failed(error) = call.answer(run.scope, Change::Keep, Expiry::Keep) else { panic!("it fails") };
    assert_eq!(error.kind(), ErrorKind::Closed);
}

/// A deadline that came while it waited for its turn keeps the function from running.
#[test]
fn what_has_ended_a_call_keeps_its_function_from_running() {
    let clock = ManualClock::new();
    let space: Space<u32> = Space::builder().cells().clock(clock.clone()).build();
    let guard = block_on(space.lock("k")).expect("free");
    let first = in_its_turn(&space);
    let runs = Cell::new(0);
    let mut at_once = space.update("a", |_| {
        runs.set(runs.get() + 1);
        Change::Set(1)
    });
    at_once = at_once.guard(&guard);
    let mut awaited = space.update_async("a", |_| {
        runs.set(runs.get() + 1);
        pending::<Change<u32>>()
    });
    awaited = awaited.guard(&guard);
    assert!(poll(&mut at_once).is_pending() && poll(&mut awaited).is_pending());
    drop(first);
    clock.advance(MS);
    space.revoke("k").expect("open");
    for ended in [poll(&mut at_once), poll(&mut awaited)] {
        let Poll::Ready(ended) = ended else { panic!("the guard is lost") };
        assert_eq!(kind(ended), ErrorKind::Fenced);
    }
    assert_eq!(runs.get(), 0);
    drop((at_once, awaited));
    assert_empty(&space);
}

/// A body that ends with an error of its own, after something that ends its call, has ended it before that was told.
#[test]
fn the_own_error_of_a_body_passes_through() {
    let space: Space<u32> = Space::with_cells();
    let guard = block_on(space.lock("k")).expect("free");
    let own = || Error::aborted("own");
    let lose = || space.revoke("k").expect("open");
    let update = space.update("a", |_| {
        lose();
        Err::<Change<u32>, _>(own())
    });
    assert_eq!(block_on(update.guard(&guard)).expect_err("own").reason(), Some("own"));
    for aborts in [false, true] {
        let guard = space.steal("k").expect("open");
        let transact = space.transact(async |tx: Tx<u32>| {
            tx.get("a").await?;
            lose();
            Err::<(), _>(if aborts { tx.abort("own") } else { own() })
        });
        assert_eq!(block_on(transact.guard(&guard)).expect_err("own").reason(), Some("own"));
        // One that returns is refused.
        let guard = space.steal("k").expect("open");
        let transact = space.transact(async |tx: Tx<u32>| {
            lose();
            tx.set("a", 1)
        });
        assert_eq!(kind(block_on(transact.guard(&guard))), ErrorKind::Fenced);
    }
    let port = space.port(|| {});
    for update in [true, false] {
        let guard = space.steal("k").expect("open");
        let spec = CallSpec::new().guard(Some(guard.ticket()), guard.token(), None);
        let call = match update {
            true => port.update(&Key::from("a"), &spec, 1),
            false => port.transact(&spec, 1),
        };
        let call = call.expect("open");
        let Step::Run(run) = call.go_on() else { panic!("it runs") };
        lose();
        assert!(matches!(call.threw(run.scope), Step::Threw));
    }
}

/// An update that has taken the turn of `a`, and whose function does not answer.
fn in_its_turn(space: &Space<u32>) -> impl Future + Unpin {
    let mut runs = 0;
    let mut update = Box::pin(space.update_async("a", move |_| {
        runs += 1;
        let last = runs > 3;
        let write = space.clone();
        async move {
            match last {
                true => pending().await,
                false => write.set("a", 7).await.map(|_| Change::Set(1)),
            }
        }
    }));
    assert!(poll(&mut update).is_pending());
    assert_eq!(
        block_on(space.query()).expect("open").held.iter().filter(|hold| hold.keys == [Key::turn_of("a")]).count(),
        1
    );
    update
}
