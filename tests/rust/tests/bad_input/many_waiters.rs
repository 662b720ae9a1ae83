//! 100,000 waiters on one key: settled in one turn, cancelled from either end, timed out together.

use std::task::Poll;
use std::time::Duration;

use latchwork::{Error, ErrorKind, Guard, ManualClock, Mode, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::within;

use super::{assert_empty, task};

const WAITERS: usize = 100_000;

/// Ample for what is linear, and far too little for what is quadratic.
const PATIENCE: Duration = Duration::from_secs(60);

type Waiters<'a> = Vec<Task<'a, Result<Guard, Error>>>;

fn waiting(space: &Space, mode: Mode) -> Waiters<'_> {
    let mut waiters: Waiters<'_> = (0..WAITERS).map(|_| task(space.lock("k").mode(mode))).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
    waiters
}

fn on_shards(story: fn(Space)) {
    for shards in [1, 4096] {
        within(PATIENCE, move || story(Space::builder().shards(shards).build()));
    }
}

#[test]
fn shared_ones_are_granted_in_one_turn() {
    on_shards(|space| {
        let holder = now(space.lock("k")).expect("free");
        let mut waiters = waiting(&space, Mode::Shared);
        drop(holder);
        let granted = waiters.iter_mut().map(Task::poll_if_woken).filter(|state| matches!(state, Poll::Ready(Ok(_))));
        assert_eq!(granted.count(), WAITERS);
        drop(waiters);
        assert_empty(&space);
    });
}

#[test]
fn exclusive_ones_are_served_in_order() {
    on_shards(|space| {
        let mut guard = now(space.lock("k")).expect("free");
        for mut waiter in waiting(&space, Mode::Exclusive) {
            guard.release().expect("held");
            guard = match waiter.poll_if_woken() {
                Poll::Ready(Ok(next)) => next,
                other => panic!("the next in line is {other:?}"),
            };
        }
        drop(guard);
        assert_empty(&space);
    });
}

#[test]
fn cancelled_newest_first() {
    on_shards(|space| {
        let holder = now(space.lock("k")).expect("free");
        let mut waiters = waiting(&space, Mode::Exclusive);
        while waiters.pop().is_some() {}
        drop(holder);
        assert_empty(&space);
    });
}

#[test]
fn cancelled_oldest_first() {
    on_shards(|space| {
        let holder = now(space.lock("k")).expect("free");
        waiting(&space, Mode::Exclusive).into_iter().for_each(drop);
        drop(holder);
        assert_empty(&space);
    });
}

/// Each grant reaches a future that is dropped unseen, so that it goes on at once: 100,000 grants in one call chain.
#[test]
fn granted_unseen_and_dropped_one_after_the_other() {
    on_shards(|space| {
        let holder = now(space.lock("k")).expect("free");
        let waiters = waiting(&space, Mode::Exclusive);
        drop(holder);
        drop(waiters);
        assert_empty(&space);
    });
}

#[test]
fn timed_out_together() {
    for shards in [1, 64] {
        within(PATIENCE, move || {
            let clock = ManualClock::new();
            let space = Space::builder().shards(shards).clock(clock.clone()).build();
            let holder = now(space.lock("k")).expect("free");
            let timeout = Duration::from_millis(5);
            let mut waiters: Waiters<'_> = (0..WAITERS).map(|_| task(space.lock("k").timeout(timeout))).collect();
            assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
            clock.advance(timeout);
            space.tick();
            let late = waiters.iter_mut().all(|waiter| match waiter.poll_if_woken() {
                Poll::Ready(Err(error)) => error.kind() == ErrorKind::Timeout,
                _ => false,
            });
            assert!(late);
            drop(holder);
            assert_empty(&space);
        });
    }
}

/// A storm of requests for pairs of many keys, half of which wait and are given up, leaves nothing behind.
#[test]
fn a_storm_over_many_keys() {
    on_shards(|space| {
        for round in 0..10_u64 {
            let pair = |i: u64| [i, (i * 7 + round) % 5_000];
            let mut requests: Waiters<'_> = (0..5_000).map(|i| task(space.lock(pair(i)))).collect();
            let states: Vec<_> = requests.iter_mut().map(Task::poll).collect();
            assert!(states.iter().any(Poll::is_ready) && states.iter().any(Poll::is_pending));
            drop(requests);
            drop(states);
            assert_empty(&space);
        }
    });
}
