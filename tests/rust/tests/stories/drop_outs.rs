//! S8: a queue in which some drop out.

use std::collections::VecDeque;
use std::sync::{Arc, Barrier, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use latchwork::{Clock, ErrorKind, Guard, ManualClock, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::within;

use super::{assert_empty, query};

const ROUNDS: usize = 10_000;
const TIMEOUT: Duration = Duration::from_millis(50);

fn timed(shards: usize) -> (Space, ManualClock) {
    let clock = ManualClock::new();
    (Space::builder().shards(shards).clock(clock.clone()).build(), clock)
}

fn advance(space: &Space, clock: &ManualClock) {
    clock.advance(TIMEOUT);
    space.tick();
}

#[test]
fn the_rest_keep_their_order() {
    let (space, clock) = timed(1);
    let holder = now(space.lock("k")).expect("free");
    let mut waiters: Vec<Task<'_, Result<Guard, _>>> = (1..=5)
        .map(|i| match i {
            2 => Task::new(space.lock("k").timeout(TIMEOUT).into_future()),
            _ => Task::new(space.lock("k").into_future()),
        })
        .collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
    advance(&space, &clock);
    let Poll::Ready(Err(error)) = waiters[1].poll_if_woken() else { panic!("w2 times out") };
    assert_eq!((error.kind(), error.position(), error.waited()), (ErrorKind::Timeout, Some(2), Some(TIMEOUT)));
    let w4 = waiters.remove(3);
    drop(w4);
    waiters.remove(1);
    let mut order = Vec::new();
    let mut guard = holder;
    while !waiters.is_empty() {
        drop(guard);
        let granted: Vec<(usize, Guard)> = waiters
            .iter_mut()
            .enumerate()
            .filter_map(|(at, waiter)| match waiter.poll_if_woken() {
                Poll::Ready(granted) => Some((at, granted.expect("granted"))),
                Poll::Pending => None,
            })
            .collect();
        let [(at, next)]: [(usize, Guard); 1] = granted.try_into().expect("one at a time");
        guard = next;
        waiters.remove(at);
        order.push(at);
    }
    assert_eq!(order, [0, 0, 0], "w1, w3, w5");
    drop(guard);
    assert_empty(&space);
}

/// Release and time-out in one turn, in either order: the waiter has one outcome, and the key is free afterwards.
#[test]
fn release_and_timeout_in_one_turn() {
    for shards in [1, 64] {
        let (space, clock) = timed(shards);
        for round in 0..ROUNDS {
            let holder = now(space.lock(["k", "j"])).expect("free");
            let mut waiter = Task::new(space.lock(["k", "j"]).timeout(TIMEOUT).into_future());
            assert!(waiter.poll().is_pending());
            let released_first = round % 2 == 0;
            if released_first {
                drop(holder);
                advance(&space, &clock);
            } else {
                advance(&space, &clock);
                drop(holder);
            }
            match waiter.poll_if_woken() {
                Poll::Ready(Ok(guard)) => assert!(released_first && guard.held()),
                Poll::Ready(Err(error)) => assert!(!released_first && error.kind() == ErrorKind::Timeout),
                Poll::Pending => panic!("neither granted nor timed out"),
            }
            assert!(now(space.try_lock("k")).expect("open").is_some(), "free afterwards");
        }
        assert_empty(&space);
    }
}

/// The same with the release and the tick on two threads.
#[test]
fn release_and_timeout_on_two_threads() {
    for shards in [1, 64] {
        let granted = within(Duration::from_secs(120), move || race(shards));
        assert!(granted <= ROUNDS);
    }
}

fn race(shards: usize) -> usize {
    let (space, clock) = timed(shards);
    let (start, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let ticker = {
        let (space, clock, start, end) = (space.clone(), clock.clone(), start.clone(), end.clone());
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                start.wait();
                advance(&space, &clock);
                end.wait();
            }
        })
    };
    let mut granted = 0;
    for _ in 0..ROUNDS {
        let holder = now(space.lock(["k", "j"])).expect("free");
        let mut waiter = Task::new(space.lock(["k", "j"]).timeout(TIMEOUT).into_future());
        assert!(waiter.poll().is_pending());
        start.wait();
        drop(holder);
        end.wait();
        match waiter.poll_if_woken() {
            Poll::Ready(Ok(guard)) => {
                assert!(guard.held());
                granted += 1;
            }
            Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::Timeout),
            Poll::Pending => panic!("neither granted nor timed out"),
        }
        assert!(now(space.try_lock(["k", "j"])).expect("open").is_some(), "free afterwards");
        assert_eq!(space.next_deadline(), None, "no deadline is left");
    }
    ticker.join().expect("the ticker ended well");
    assert!(clock.now() >= TIMEOUT * ROUNDS as u32);
    assert_empty(&space);
    granted
}

/// A lock as it is often written: a queue of senders; who times out just stops listening.
#[derive(Default)]
struct Naive {
    held: bool,
    queue: VecDeque<oneshot::Sender<()>>,
}

impl Naive {
    fn lock(&mut self) -> oneshot::Receiver<()> {
        let (grant, granted) = oneshot::channel();
        if self.held {
            self.queue.push_back(grant);
        } else {
            self.held = true;
            let _ = grant.send(());
        }
        granted
    }

    fn release(&mut self) {
        match self.queue.pop_front() {
            // Whether anybody still listens is not looked at.
            Some(next) => drop(next.send(())),
            None => self.held = false,
        }
    }
}

/// The control: the grant goes to the one who timed out, and the next one waits for ever.
#[test]
fn control_a_naive_queue_loses_the_grant() {
    let naive = Mutex::new(Naive::default());
    let _holder = naive.lock().expect("whole").lock();
    let w1 = naive.lock().expect("whole").lock();
    let mut w2 = naive.lock().expect("whole").lock();
    drop(w1); // times out
    naive.lock().expect("whole").release();
    assert_eq!(w2.try_recv(), Ok(None), "w2 is not granted");
    assert!(naive.lock().expect("whole").held, "and the lock is held by nobody");
}

/// What the control's queue gets wrong, with the library.
#[test]
fn the_grant_goes_to_who_still_waits() {
    let space = Space::new();
    let holder = now(space.lock("k")).expect("free");
    let (mut w1, mut w2) = (Task::new(space.lock("k").into_future()), Task::new(space.lock("k").into_future()));
    assert!(w1.poll().is_pending() && w2.poll().is_pending());
    drop(w1);
    drop(holder);
    assert!(w2.poll_if_woken().is_ready());
    drop(w2);
    assert_eq!(query(&space).held.len(), 0, "the guard was dropped");
}
