//! Threads at once on few and on many shards, with a checker of exclusion and order for each key.

use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Guard, Key, LockSpec, Mode, Port, Settled, Space};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::{Numbers, within};

const KEYS: usize = 12;
const THREADS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is inside each key, and which exclusive grants it has seen.
#[derive(Default)]
struct Checker {
    inside: [AtomicIsize; KEYS],
    /// The largest token of an exclusive grant, and of any grant.
    tokens: Mutex<[(u64, u64); KEYS]>,
    /// The largest place in the line of an exclusive grant, and of any grant.
    places: Mutex<[(u64, u64); KEYS]>,
    grants: AtomicU64,
}

/// A request's keys by number, with their modes.
type Wanted = Vec<(usize, Mode)>;

impl Checker {
    /// Holds what was granted for a moment. `place` is where the request stood in the line of all requests, if that is
    /// known: 1 for the first.
    fn hold(&self, wanted: &Wanted, token: u64, place: Option<u64>) {
        for &(key, mode) in wanted {
            match mode {
                Mode::Exclusive => {
                    assert_eq!(self.inside[key].fetch_sub(1_000_000, Ordering::SeqCst), 0, "alone in {key}");
                }
                Mode::Shared => assert!(self.inside[key].fetch_add(1, Ordering::SeqCst) >= 0, "nobody alone in {key}"),
            }
            rises(&mut self.tokens.lock().expect("whole")[key], mode, token, "token");
            if let Some(place) = place {
                rises(&mut self.places.lock().expect("whole")[key], mode, place, "place");
            }
        }
        self.grants.fetch_add(1, Ordering::Relaxed);
        thread::yield_now();
        for &(key, mode) in wanted {
            let back = if mode == Mode::Exclusive { 1_000_000 } else { -1 };
            self.inside[key].fetch_add(back, Ordering::SeqCst);
        }
    }
}

/// An exclusive grant comes after every grant before it, a shared one after the exclusive ones.
fn rises((exclusive, any): &mut (u64, u64), mode: Mode, number: u64, what: &str) {
    match mode {
        Mode::Exclusive => {
            assert!(number > *any, "{what} {number} after {any}");
            *exclusive = number;
        }
        Mode::Shared => assert!(number > *exclusive, "{what} {number} after {exclusive}"),
    }
    *any = number.max(*any);
}

fn wanted(numbers: &mut Numbers) -> Wanted {
    let count = 1 + numbers.below(4);
    let keys = numbers.pick(count, KEYS);
    let mode = |numbers: &mut Numbers| if numbers.below(3) == 0 { Mode::Shared } else { Mode::Exclusive };
    keys.into_iter().map(|key| (key, mode(numbers))).collect()
}

fn spec(wanted: &Wanted) -> LockSpec {
    let of = |mode: Mode| -> Vec<Key> {
        wanted.iter().filter(|(_, own)| *own == mode).map(|(key, _)| Key::from(*key)).collect()
    };
    LockSpec::new(of(Mode::Exclusive)).shared(of(Mode::Shared))
}

fn on_shards(test: fn(Space)) {
    for shards in [1, 4096] {
        within(PATIENCE, move || test(Space::builder().shards(shards).build()));
    }
}

fn assert_empty(space: &Space) {
    let query = now(space.query()).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query:?}");
}

/// Every thread asks, holds and lets go as fast as it can; some requests are tries, some are given up.
#[test]
fn exclusion_and_tokens_on_threads() {
    on_shards(|space| {
        const ROUNDS: usize = 5_000;
        let checker = Checker::default();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (space, checker) = (&space, &checker);
                scope.spawn(move || {
                    let mut numbers = Numbers::new(thread as u64 + 1);
                    for _ in 0..ROUNDS {
                        let wanted = wanted(&mut numbers);
                        let guard = match numbers.below(8) {
                            0 => now(space.try_lock(exclusive(&wanted))).expect("open"),
                            1 => {
                                let mut given_up = Task::new(space.request(spec(&wanted)));
                                match given_up.poll() {
                                    std::task::Poll::Ready(guard) => Some(guard.expect("granted")),
                                    std::task::Poll::Pending => None,
                                }
                            }
                            _ => Some(block_on(space.request(spec(&wanted))).expect("granted")),
                        };
                        let Some(guard) = guard else { continue };
                        let as_granted = modes(&guard);
                        checker.hold(&as_granted, guard.token(), None);
                    }
                });
            }
        });
        assert!(checker.grants.load(Ordering::Relaxed) as usize > THREADS * ROUNDS / 2);
        assert_empty(&space);
    });
}

fn exclusive(wanted: &Wanted) -> Vec<Key> {
    wanted.iter().map(|(key, _)| Key::from(*key)).collect()
}

fn modes(guard: &Guard) -> Wanted {
    let number = |key: &Key| match key.part() {
        latchwork::KeyPart::Int(number) => number as usize,
        other => panic!("not a key of this test: {other}"),
    };
    let keys = guard.keys().iter().map(|key| (number(key), Mode::Exclusive));
    keys.chain(guard.shared().iter().map(|key| (number(key), Mode::Shared))).collect()
}

/// One thread lets all requests join, in a known order; the others wait for them. Each key is served in that order.
#[test]
fn order_for_each_key_on_threads() {
    on_shards(|space| {
        const REQUESTS: u64 = 20_000;
        let space = Arc::new(space);
        let checker = Checker::default();
        let everything = now(space.lock((0..KEYS).collect::<Vec<_>>())).expect("free");
        thread::scope(|scope| {
            let mut workers = Vec::new();
            for _ in 0..THREADS {
                let (hand, work) = mpsc::channel::<(u64, Wanted, Joined)>();
                workers.push(hand);
                let checker = &checker;
                scope.spawn(move || {
                    // In the order of joining, so that nobody waits for a guard of its own thread.
                    for (place, wanted, joined) in work {
                        if place % 7 == 0 {
                            drop(joined);
                            continue;
                        }
                        let guard = block_on(joined).expect("granted");
                        checker.hold(&wanted, guard.token(), Some(place));
                    }
                });
            }
            let mut numbers = Numbers::new(99);
            let mut everything = Some(everything);
            for place in 1..=REQUESTS {
                let wanted = wanted(&mut numbers);
                let (space, spec) = (space.clone(), spec(&wanted));
                let mut joined: Joined = Box::pin(async move { space.request(spec).await });
                let waker = futures::task::noop_waker();
                // A request that is granted at once is never asked again, which would be a fault of this test.
                match joined.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
                    std::task::Poll::Pending => {}
                    std::task::Poll::Ready(granted) => joined = Box::pin(std::future::ready(granted)),
                }
                workers[place as usize % THREADS].send((place, wanted, joined)).expect("the worker lives");
                if place == REQUESTS / 2 {
                    // The first half has queued up behind it; the second joins while the first is served.
                    drop(everything.take());
                }
            }
            drop(workers);
        });
        assert_eq!(checker.grants.load(Ordering::Relaxed), REQUESTS - REQUESTS / 7);
        assert_empty(&space);
    });
}

/// A request that has been polled once.
type Joined = std::pin::Pin<Box<dyn Future<Output = Result<Guard, latchwork::Error>> + Send>>;

/// A port for each thread, as language hosts use them: outcomes come in batches, and a thread sleeps until it is woken.
#[test]
fn ports_on_threads() {
    on_shards(|space| {
        const ROUNDS: usize = 3_000;
        let checker = Checker::default();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (space, checker) = (&space, &checker);
                scope.spawn(move || run_port(space, checker, thread, ROUNDS));
            }
        });
        assert!(checker.grants.load(Ordering::Relaxed) as usize > THREADS * ROUNDS / 2);
        assert_empty(&space);
    });
}

fn run_port(space: &Space, checker: &Checker, thread: usize, rounds: usize) {
    let (wake, woken) = mpsc::channel();
    let port = space.port(move || {
        let _ = wake.send(());
    });
    let mut numbers = Numbers::new(thread as u64 + 50);
    let mut asked: Vec<Option<Wanted>> = Vec::new();
    let mut settled = Vec::new();
    let mut waiting = 0;
    while asked.len() < rounds || waiting > 0 {
        if asked.len() < rounds && waiting < 20 {
            let wanted = wanted(&mut numbers);
            let answer = port.lock(&spec(&wanted), asked.len() as u64).expect("open");
            asked.push(None);
            match answer {
                latchwork::Answer::Granted(grant) => {
                    checker.hold(&wanted, grant.token, None);
                    port.release(grant.ticket).expect("held");
                }
                latchwork::Answer::Waiting(ticket) if numbers.below(6) == 0 => {
                    // It may have been granted meanwhile by another thread; then its keys go on.
                    assert_ne!(port.cancel(ticket), latchwork::Cancelled::Gone);
                }
                latchwork::Answer::Waiting(_) => {
                    *asked.last_mut().expect("just pushed") = Some(wanted);
                    waiting += 1;
                }
            }
        } else if !port.has_settled() {
            woken.recv().expect("the port lives");
        }
        port.take_settled(&mut settled);
        for one in settled.drain(..) {
            waiting -= usize::from(use_grant(&port, checker, &mut asked, one));
        }
    }
}

/// Answers whether the grant is one that was waited for.
fn use_grant(port: &Port, checker: &Checker, asked: &mut [Option<Wanted>], settled: Settled) -> bool {
    let Settled::Granted { tag, grant } = settled else { panic!("{settled:?}") };
    let Some(wanted) = asked[tag as usize].take() else {
        assert!(port.confirm(grant.ticket).is_err(), "it was given up");
        return false;
    };
    port.confirm(grant.ticket).expect("it stands");
    checker.hold(&wanted, grant.token, None);
    port.release(grant.ticket).expect("held");
    true
}
