//! S11: a handler takes `encoder`, starts a job, hands its guard over, answers, and dies.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Poll;

use futures::FutureExt;
use latchwork::{Error, ErrorKind, Guard, Key, Mode, Owner, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Stage, suspend};

use super::{assert_empty, query};

const HOPS: usize = 1_000;
const ACTORS: usize = 10;

type Waiter<'a> = Task<'a, Result<Guard, Error>>;

fn waits<'a>(request: impl IntoFuture<Output = Result<Guard, Error>> + 'a) -> Waiter<'a> {
    let mut waiter = Task::new(async move { request.await });
    assert!(waiter.poll().is_pending());
    waiter
}

fn granted(waiter: &mut Waiter<'_>) -> Guard {
    match waiter.poll_if_woken() {
        Poll::Ready(guard) => guard.expect("granted"),
        Poll::Pending => panic!("nothing was told"),
    }
}

#[test]
fn the_job_goes_on_when_the_handler_is_dead() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let job = space.owner("job");
        let request = space.owner("request");
        let mut guard = now(request.lock(["encoder", "film"])).expect("free");
        let token = guard.token();
        let mut next = waits(space.lock("encoder"));
        let handler = AssertUnwindSafe(|| {
            assert!(guard.hand_over(&job, "film.mov").expect("held"));
            let _guard = guard;
            resume_unwind(Box::new("it dies"));
        });
        assert!(catch_unwind(handler).is_err());
        assert_eq!(request.close(), 0, "the end of the giver does not matter");
        assert!(now(space.try_lock("encoder")).expect("open").is_none());
        let seen = query(&space);
        let [held] = &seen.held[..] else { panic!("{seen:?}") };
        assert_eq!(held.owner.as_ref().and_then(|owner| owner.label.as_deref()), Some("job"));
        assert_eq!(seen.pending[0].position, 1, "it keeps its place");
        let mine = now(job.handed_over()).expect("delivered");
        assert_eq!((mine.token(), mine.keys().len()), (token, 2));
        assert_eq!(mine.payload().and_then(|film| film.downcast_ref()), Some(&"film.mov"));
        assert!(next.poll_if_woken().is_pending());
        drop(mine);
        assert!(!granted(&mut next).abandoned(), "nobody died with it");
        assert_empty(&space);
    }
}

/// A thousand hand-overs in a ring of actors: one guard, one token, and who waits stays where it is.
#[test]
fn a_thousand_hand_overs() {
    for stage in Stage::ALL {
        let space = Space::builder().shards(64).build();
        let owners: Vec<Owner> = (0..ACTORS).map(|_| space.unnamed_owner()).collect();
        let mut first = now(owners[0].lock(["encoder", "film"])).expect("free");
        let token = first.token();
        let mut next = waits(space.lock("encoder"));
        assert!(first.hand_over(&owners[1], 1_usize).expect("held"));
        let actor = |at: usize| {
            let owners = owners.clone();
            async move {
                let mut hops = 0;
                // The last one closes all.
                while let Ok(mut guard) = owners[at].handed_over().await {
                    let hop = *guard.take_payload().expect("sent along").downcast::<usize>().expect("a number");
                    assert_eq!((hop % ACTORS, guard.token(), guard.held()), (at, token, true));
                    hops += 1;
                    if hop == HOPS {
                        guard.release().expect("held");
                        owners.iter().for_each(|owner| assert_eq!(owner.close(), 0));
                    } else {
                        suspend().await;
                        assert!(guard.hand_over(&owners[(at + 1) % ACTORS], hop + 1).expect("held"));
                    }
                }
                hops
            }
            .boxed()
        };
        let hops: Vec<usize> = stage.run((0..ACTORS).map(actor).collect());
        assert_eq!(hops, [HOPS / ACTORS; ACTORS], "{stage:?}");
        assert!(granted(&mut next).token() > token);
        assert_empty(&space);
    }
}

#[test]
fn to_oneself_and_to_one_that_is_closed() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let (own, closed) = (space.owner("own"), space.owner("closed"));
        closed.close();
        let mut guard = now(own.lock(["encoder", "film"])).expect("free");
        let mut next = waits(space.lock("film"));
        let error = guard.hand_over(&own, ()).expect_err("its own");
        assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some("owner")));
        assert!(guard.held() && next.poll_if_woken().is_pending(), "nothing has moved");
        assert!(!guard.hand_over(&closed, ()).expect("held"));
        assert!(!guard.held());
        drop(granted(&mut next));
        assert_eq!(guard.hand_over(&own, ()).expect_err("released").kind(), ErrorKind::NotHeld);
        assert_empty(&space);
    }
}

/// The new owner waits for some of the keys: its request is resolved, past those who came before it.
#[test]
fn to_one_that_is_queued() {
    for shards in [1, 64] {
        for shared in [false, true] {
            let space = Space::builder().shards(shards).build();
            let job = space.owner("job");
            let mut guard = now(space.lock(["encoder", "film"])).expect("free");
            let mut earlier = waits(space.lock("encoder"));
            let mode = if shared { Mode::Shared } else { Mode::Exclusive };
            let mut wants = waits(job.lock("encoder").mode(mode));
            assert!(guard.hand_over(&job, 5_u8).expect("held"));
            let mine = granted(&mut wants);
            assert_eq!((mine.token(), mine.keys().len()), (guard.token(), 2), "the whole guard");
            assert_eq!(mine.payload().and_then(|payload| payload.downcast_ref()), Some(&5_u8));
            assert!(Task::new(job.handed_over()).poll().is_pending(), "not a second time");
            assert!(earlier.poll_if_woken().is_pending());
            drop(mine);
            drop(granted(&mut earlier));
            assert_empty(&space);
        }
    }
}

/// Whoever waits for more than it is given would wait for itself: refused, and nothing moves.
#[test]
fn to_one_that_would_wait_for_itself() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        let (giver, job) = (space.owner("giver"), space.owner("job"));
        let _other = now(space.lock("disk")).expect("free");
        let mut guard = now(giver.lock("encoder").shared("film")).expect("free");
        for keys in [vec!["encoder", "disk"], vec!["film"]] {
            let wants = waits(job.lock(keys));
            let error = guard.hand_over(&job, ()).expect_err("it waits for more");
            assert_eq!(error.kind(), ErrorKind::Deadlock);
            assert!(!error.cycle().is_empty() && guard.held());
            let held = query(&space).held;
            let owner = |key: &str| held.iter().find(|hold| hold.keys == [Key::from(key)])?.owner.clone();
            assert_eq!(owner("encoder").and_then(|owner| owner.label).as_deref(), Some("giver"));
            drop(wants);
        }
        assert!(guard.hand_over(&job, ()).expect("it waits for nothing now"));
        assert_eq!(job.close(), 1);
    }
}

/// The control: released by the one and locked by the other. Whoever is queued comes between, and so does a try.
#[test]
fn control_released_and_locked_again_lets_others_between() {
    let space = Space::new();
    let guard = now(space.lock("encoder")).expect("free");
    let token = guard.token();
    drop(guard);
    let between = now(space.try_lock("encoder")).expect("open").expect("free for a moment");
    let mut job = waits(space.lock("encoder"));
    drop(between);
    assert!(granted(&mut job).token() > token, "another grant: what was fenced by the first is refused");
    let guard = now(space.lock("encoder")).expect("free");
    let mut queued = waits(space.lock("encoder"));
    drop(guard);
    let _job = waits(space.lock("encoder"));
    assert!(granted(&mut queued).held(), "before the job that was already running");
}
