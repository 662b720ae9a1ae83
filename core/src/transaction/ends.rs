//! How calls end: the same from a future and from a binding, and leaving nothing whatever the caller's code does.

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;

use super::{CallSpec, Change, Step, Tx};
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::{Clock, Entry, Error, ErrorKind, Expiry, Key, KeyRange, ManualClock, Space};

const MS: Duration = Duration::from_millis(1);

pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn kind<T: std::fmt::Debug>(ended: Result<T, Error>) -> ErrorKind {
    ended.expect_err("it fails").kind()
}

pub(super) fn assert_empty<V: Clone + Send + Sync + 'static>(space: &Space<V>) {
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

/// A guard is named when it is given, and is its holder's until it is handed over (clauses C14, L13).
#[test]
fn a_guard_that_is_handed_over_before_the_first_poll_is_lost() {
    for keys in [false, true] {
        let space: Space<u32> = Space::with_cells();
        let (first, second) = (space.owner("first"), space.owner("second"));
        let mut guard = block_on(space.lock(["k", "l"])).expect("free");
        let body = async |tx: Tx<u32>| tx.set("b", 1);
        for owner in [&first, &second] {
            let mut commit = space.atomic().set("a", 1);
            let (mut set, mut update, mut transact) =
                (space.set("a", 1), space.update("a", |_| Change::Set(1)), space.transact(body));
            let mut awaited = space.update_async("a", async |_| Change::Set(1));
            if keys {
                (commit, set) = (commit.guard_keys(&guard, "k"), set.guard_keys(&guard, "k"));
                (update, transact) = (update.guard_keys(&guard, "k"), transact.guard_keys(&guard, "k"));
                awaited = awaited.guard_keys(&guard, "k");
            } else {
                (commit, set) = (commit.guard(&guard), set.guard(&guard));
                (update, transact, awaited) = (update.guard(&guard), transact.guard(&guard), awaited.guard(&guard));
            }
            assert!(guard.hand_over(owner, ()).expect("held"));
            assert_eq!(kind(block_on(commit.commit())), ErrorKind::Fenced);
            assert_eq!(kind(block_on(set)), ErrorKind::Fenced);
            assert_eq!(kind(block_on(update)), ErrorKind::Fenced);
            assert_eq!(kind(block_on(awaited)), ErrorKind::Fenced);
            assert_eq!(kind(block_on(transact)), ErrorKind::Fenced);
            assert_eq!(block_on(async { space.get("a").await }).expect("open").version, 0);
            // Its new holder's.
            guard = block_on(owner.handed_over()).expect("handed over");
            block_on(space.update("c", |_| Change::Set(1)).guard(&guard)).expect("held");
            block_on(space.transact(async |tx: Tx<u32>| tx.set("c", 2)).guard(&guard)).expect("held");
            block_on(async { space.set("c", 3).guard_keys(&guard, ["k", "l"]).await }).expect("held");
        }
    }
}

/// What could not commit any more does not wait either.
#[test]
fn a_guard_that_its_holder_releases_ends_the_calls_that_name_it() {
    let space: Space<u32> = Space::builder().cells().shards(4).build();
    for several in [false, true] {
        let keys: Vec<u32> = (0..if several { 20 } else { 1 }).collect();
        let mut guard = block_on(space.lock(keys)).expect("free");
        let first = in_its_turn(&space);
        let body = async |tx: Tx<u32>| {
            tx.get("b").await?;
            Err::<(), _>(tx.retry())
        };
        let mut asleep = Box::pin(space.transact(body).guard(&guard));
        let mut queued = space.update("a", |_| Change::Set(1)).guard(&guard);
        assert!(poll(&mut asleep).is_pending() && poll(&mut queued).is_pending());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(Pin::new(&mut asleep).poll(&mut Context::from_waker(&waker)).is_pending());
        if several {
            guard.release_keys(0_u32).expect("held");
            assert!(!woken.0.load(Ordering::SeqCst), "it holds what it did not release itself");
        }
        guard.release().expect("held");
        assert!(woken.0.load(Ordering::SeqCst));
        let Poll::Ready(ended) = poll(&mut asleep) else { panic!("its guard is released") };
        assert_eq!(kind(ended), ErrorKind::Fenced);
        let Poll::Ready(ended) = poll(&mut queued) else { panic!("its guard is released") };
        assert_eq!(kind(ended), ErrorKind::Fenced);
        drop((first, asleep, queued));
        assert_empty(&space);
    }
}

/// A body that does not listen, in a thread that it blocks, keeps its cells from nobody once its call has ended.
#[test]
fn a_turn_ends_with_its_call_while_its_body_runs() {
    type Lose = fn(&Space<u32>, &ManualClock, &mut crate::Guard);
    let loses: [(Lose, ErrorKind); 6] = [
        (|_, clock, _| clock.advance(5 * MS), ErrorKind::Timeout),
        (|space, _, _| assert_eq!(space.revoke("k").expect("open"), 1), ErrorKind::Fenced),
        (|_, _, guard| guard.release().expect("held"), ErrorKind::Fenced),
        (|_, clock, _| clock.advance(3 * MS), ErrorKind::Fenced),
        (
            |space, _, guard| {
                assert!(guard.hand_over(&space.owner("other"), ()).expect("held"));
            },
            ErrorKind::Fenced,
        ),
        (|space, _, _| assert_eq!(space.revoke(Key::turn_of("a")).expect("open"), 1), ErrorKind::Fenced),
    ];
    for shards in [1, 1024] {
        for (which, &(lose, why)) in loses.iter().enumerate() {
            let clock = ManualClock::new();
            let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
            let max_hold = if which == 3 { 3 * MS } else { 50 * MS };
            let mut guard = block_on(space.lock(["k", "l"]).max_hold(max_hold)).expect("free");
            let named = guard.ticket();
            let spec = CallSpec::new().timeout(5 * MS).guard(Some(named), guard.token(), None);
            let spec = if which == 0 { CallSpec::new().timeout(5 * MS) } else { spec };
            let port = space.port(|| {});
            let call = port.update(&Key::from("a"), &spec, 1).expect("open");
            let mut step = call.go_on();
            for _ in 0..3 {
                let Step::Run(run) = step else { panic!("it runs") };
                block_on(async { space.set("a", 7).await }).expect("open");
                step = call.answer(run.scope, Change::Set(1), Expiry::Keep);
            }
            let Step::Run(run) = step else { panic!("it is its turn") };
            let mut next = space.update("a", |_| Change::Set(2));
            assert!(poll(&mut next).is_pending(), "{which}");
            lose(&space, &clock, &mut guard);
            // Nobody ticks: who may not wait finds that its time is over, and is behind the next.
            let other = space.update("a", |_| Change::Set(3)).timeout(Duration::ZERO);
            assert_eq!(kind(block_on(other)), ErrorKind::Timeout, "{which}");
            assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))), "{which}");
            let Step::Failed(error) = call.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("{which}") };
            assert_eq!(error.kind(), why, "{which}");
            assert_eq!(block_on(async { space.get("a").await }).expect("open").value, Some(2));
            drop((call, guard));
            space.owner("other").close();
            assert_empty(&space);
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// `close` tells how many locks and waits it ended: a call that runs is neither, one that waits for its turn is one wait.
#[test]
fn the_end_of_an_owner_counts_no_calls_that_run() {
    let space: Space<u32> = Space::with_cells();
    let owner = space.owner("o");
    let held = block_on(owner.lock("k")).expect("free");
    let first = in_its_turn(&space);
    let mut waits = space.update("a", |_| Change::Set(1)).owner(&owner);
    assert!(poll(&mut waits).is_pending());
    let body = async |tx: Tx<u32>| {
        tx.get("b").await?;
        pending::<Result<(), Error>>().await
    };
    let mut running: Vec<_> = (0..3).map(|_| Box::pin(space.transact(body).owner(&owner))).collect();
    assert!(running.iter_mut().all(|call| poll(call).is_pending()));
    drop(running.pop());
    assert_eq!(owner.close(), 2);
    for call in &mut running {
        let Poll::Ready(ended) = poll(call) else { panic!("its owner has ended") };
        assert_eq!(kind(ended), ErrorKind::Cancelled);
    }
    let Poll::Ready(ended) = poll(&mut waits) else { panic!("its owner has ended") };
    assert_eq!(kind(ended), ErrorKind::Cancelled);
    assert_eq!(kind(block_on(space.transact(body).owner(&owner))), ErrorKind::Cancelled);
    drop((held, first, waits));
    assert_empty(&space);
}

/// The end of a handle ends its calls also where what they name came through another one.
#[test]
fn a_handle_that_is_closed_ends_its_calls_with_owners_and_guards_of_another() {
    let other: Space<u32> = Space::with_cells();
    let (owner, guard) = (other.owner("o"), block_on(other.lock("k")).expect("free"));
    let body = async |tx: Tx<u32>| {
        tx.get("a").await?;
        pending::<Result<(), Error>>().await
    };
    for by_guard in [false, true] {
        let space = other.attach();
        let call = space.transact(body);
        let mut call = Box::pin(if by_guard { call.guard(&guard) } else { call.owner(&owner) });
        let woken = Arc::new(Woken::default());
        assert!(call.as_mut().poll(&mut Context::from_waker(&Waker::from(woken.clone()))).is_pending());
        space.close();
        assert!(woken.0.load(Ordering::SeqCst));
        let Poll::Ready(ended) = poll(&mut call) else { panic!("its handle is closed") };
        assert_eq!(kind(ended), ErrorKind::Closed);
    }
    assert!(guard.held() && !owner.is_closed());
    drop(guard);
    assert_empty(&other);
}

/// What a revoked turn leaves beside the cells until its call has seen it is in nobody's way.
#[test]
fn a_turn_that_was_revoked_stands_in_nobodys_way() {
    let space: Space<u32> = Space::with_cells();
    let first = stuck(&space, || Boom(false));
    let mut runs = 0;
    let mut second = Box::pin(space.transact(|tx| {
        runs += 1;
        let writes = runs <= 3;
        let space = &space;
        async move {
            tx.list(KeyRange::all()).await?;
            tx.set("a", 2)?;
            if writes {
                space.set("a", 8).await?;
            }
            Ok::<_, Error>(())
        }
    }));
    assert!(poll(&mut second).is_pending());
    assert_eq!(space.revoke(Key::turn_of_space()).expect("open"), 1);
    let Poll::Ready(done) = poll(&mut second) else { panic!("it is its turn") };
    assert_eq!(done.expect("nobody is in its way").attempts, 4);
    drop((first, second));
    assert_empty(&space);
    // Granted and taken away before its call has seen it.
    let port = space.port(|| {});
    let first = in_its_turn(&space);
    let update = |tag| {
        let call = port.update(&Key::from("a"), &CallSpec::new(), tag).expect("open");
        assert!(matches!(call.go_on(), Step::Wait));
        call
    };
    let (late, next) = (update(1), update(2));
    drop(first);
    assert_eq!(space.revoke(Key::turn_of("a")).expect("open"), 1);
    let Step::Run(run) = next.go_on() else { panic!("it is its turn") };
    let Step::Failed(error) = late.go_on() else { panic!("its turn is lost") };
    assert_eq!(error.kind(), ErrorKind::Fenced);
    let Step::Done(done) = next.answer(run.scope, Change::Set(1), Expiry::Keep) else { panic!("its turn") };
    assert_eq!(done.attempts, 1);
    assert_empty(&space);
}

/// A panic of what is dropped, once.
struct Boom(bool);

impl Drop for Boom {
    fn drop(&mut self) {
        if self.0 && !std::thread::panicking() {
            panic!("in drop");
        }
    }
}

fn panics(code: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(code)).is_err());
}

/// A transaction in its turn of `a`, whose body has this and does not return.
fn stuck<'a>(space: &'a Space<u32>, has: impl Fn() -> Boom + 'a) -> impl Future + Unpin + 'a {
    let mut runs = 0;
    let mut transact = Box::pin(space.transact(move |tx| {
        runs += 1;
        let last = (runs > 3).then(&has);
        async move {
            tx.get("a").await?;
            tx.set("a", 1)?;
            match last {
                Some(_boom) => pending().await,
                None => space.set("a", 7).await.map(drop),
            }
        }
    }));
    assert!(poll(&mut transact).is_pending());
    transact
}

#[test]
fn a_turn_is_given_back_when_dropping_a_body_panics() {
    let space: Space<u32> = Space::with_cells();
    let transact = stuck(&space, || Boom(true));
    let mut next = space.update("a", |_| Change::Set(1));
    assert!(poll(&mut next).is_pending());
    panics(|| drop(transact));
    assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
    let mut runs = 0;
    let mut update = Box::pin(space.update_async("a", |_| {
        runs += 1;
        let last = (runs > 3).then(|| Boom(true));
        let space = &space;
        async move {
            match last {
                Some(_boom) => pending().await,
                None => space.set("a", 7).await.map(|_| Change::Set(1)),
            }
        }
    }));
    assert!(poll(&mut update).is_pending());
    panics(|| drop(update));
    assert_empty(&space);
    // One that has failed stays so, whoever polls it again.
    let runs = Cell::new(0);
    let guard = block_on(space.lock("k")).expect("free");
    let stays = async |_| {
        runs.set(runs.get() + 1);
        let _boom = Boom(true);
        pending::<Change<u32>>().await
    };
    let mut update = Box::pin(space.update_async("b", stays).guard(&guard));
    assert!(poll(&mut update).is_pending());
    assert_eq!(space.revoke("k").expect("open"), 1);
    panics(|| drop(poll(&mut update)));
    assert!(matches!(poll(&mut update), Poll::Ready(Err(_))));
    assert_eq!(runs.get(), 1);
    drop((update, guard));
    assert_empty(&space);
    assert!(!space.cells().peek(&Key::from("a")).expect("open").1);
}

/// A value whose drop panics, when it says so.
#[derive(Clone)]
struct Value(Arc<AtomicBool>);

impl Drop for Value {
    fn drop(&mut self) {
        if self.0.swap(false, Ordering::SeqCst) {
            panic!("in drop");
        }
    }
}

#[test]
fn a_call_leaves_nothing_when_dropping_a_value_panics() {
    let space: Space<Value> = Space::with_cells();
    let port = space.port(|| {});
    let armed = Arc::new(AtomicBool::new(false));
    let key = Key::from("a");
    let in_turn = || {
        let call = port.transact(&CallSpec::new(), 1).expect("open");
        let mut step = call.go_on();
        for _ in 0..3 {
            let Step::Run(run) = step else { panic!("it runs") };
            call.get(run.scope, &key).expect("open");
            call.set(run.scope, &key, Value(armed.clone()), None).expect("open");
            block_on(async { space.set("a", Value(armed.clone())).await }).expect("open");
            step = call.returned(run.scope);
        }
        let Step::Run(run) = step else { panic!("it runs") };
        call.set(run.scope, &key, Value(armed.clone()), None).expect("open");
        assert_eq!(block_on(space.query()).expect("open").held.len(), 1);
        (call, run)
    };
    // Given up.
    let (call, _) = in_turn();
    armed.store(true, Ordering::SeqCst);
    panics(|| call.cancel());
    assert_empty(&space);
    // In the middle of a step.
    let (call, run) = in_turn();
    armed.store(true, Ordering::SeqCst);
    panics(|| drop(call.threw(run.scope)));
    assert_empty(&space);
    assert!(!space.cells().peek(&key).expect("open").1);
    assert!(matches!(call.go_on(), Step::Wait));
}

/// A clock that panics, when it says so.
struct Broken(Arc<AtomicBool>);

impl Clock for Broken {
    fn now(&self) -> Duration {
        assert!(!self.0.load(Ordering::SeqCst), "a broken clock");
        Duration::ZERO
    }
}

#[test]
fn nobody_is_noted_beside_a_cell_when_the_clock_panics() {
    let broken = Arc::new(AtomicBool::new(false));
    let space: Space<u32> = Space::builder().cells().clock(Broken(broken.clone())).build();
    let first = in_its_turn(&space);
    let mut second = space.update("a", |_| Change::Set(1));
    broken.store(true, Ordering::SeqCst);
    panics(|| drop(poll(&mut second)));
    broken.store(false, Ordering::SeqCst);
    drop((first, second));
    assert!(!space.cells().peek(&Key::from("a")).expect("open").1);
}

/// An update that has taken the turn of `a`, and whose function does not answer.
pub(super) fn in_its_turn(space: &Space<u32>) -> impl Future + Unpin {
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
