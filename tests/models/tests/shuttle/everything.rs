//! Everything that a space has, at once: both modes, tries, time-outs, ports, requests given up, a handle that is closed
//! and one that is dropped.

use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use latchwork::{Answer, Cancelled, ErrorKind, Key, LockSpec, ManualClock, Mode, Settled, Space};
use latchwork_models::checker::{AtomicUsize, Ordering, Signal, block_on, thread};
use latchwork_models::explore::{finds_a_fault, random_schedules};
use latchwork_models::numbers::Numbers;
use latchwork_models::shell::Shell;

use super::{SEEDS, join_all};

const KEYS: usize = 5;
const ROUNDS: usize = 3;

/// So many more are inside a key when somebody is alone in it.
const ALONE: usize = 1_000;

/// Who is inside each key, and the largest tokens that were granted there: to one alone, and to anybody.
#[derive(Default)]
struct Checker {
    inside: [AtomicUsize; KEYS],
    tokens: [Mutex<(u64, u64)>; KEYS],
}

/// The keys of a request by number.
struct Wanted(Vec<(usize, Mode)>);

impl Wanted {
    fn new(numbers: &mut Numbers) -> Wanted {
        let count = 1 + numbers.below(3);
        let mode = |numbers: &mut Numbers| if numbers.below(3) == 0 { Mode::Shared } else { Mode::Exclusive };
        Wanted(numbers.pick(count, KEYS).into_iter().map(|key| (key, mode(numbers))).collect())
    }

    fn keys(&self, mode: Mode) -> Vec<Key> {
        self.0.iter().filter(|(_, own)| *own == mode).map(|(key, _)| Key::from(*key)).collect()
    }

    fn spec(&self) -> LockSpec {
        LockSpec::new(self.keys(Mode::Exclusive)).shared(self.keys(Mode::Shared))
    }
}

impl Checker {
    fn hold(&self, wanted: &Wanted, token: u64) {
        for &(key, mode) in &wanted.0 {
            let more = if mode == Mode::Exclusive { ALONE } else { 1 };
            let before = self.inside[key].fetch_add(more, Ordering::SeqCst);
            assert!(before == 0 || (before < ALONE && mode == Mode::Shared), "two were inside at once: {before}");
            let mut tokens = self.tokens[key].lock().expect("no panic");
            let (alone, any) = *tokens;
            assert!(token > alone && (token > any || mode == Mode::Shared), "tokens rise: {token} after {tokens:?}");
            *tokens = (if mode == Mode::Exclusive { token } else { alone }, token.max(any));
        }
        thread::yield_now();
        for &(key, mode) in &wanted.0 {
            self.inside[key].fetch_sub(if mode == Mode::Exclusive { ALONE } else { 1 }, Ordering::SeqCst);
        }
    }
}

/// Who keeps the clock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Told,
    /// The control: nobody is told of a time-out, and somebody waits for what is never released.
    Untold,
}

fn program(shards: usize, number: u64, time: Time) {
    let clock = ManualClock::new();
    let space = Space::builder().shards(shards).clock(clock.clone()).build();
    let checker: Arc<Checker> = Arc::default();
    let closing = space.attach();
    let stays = space.take(&[Key::from("held for ever")]);
    let mut numbers = Numbers::new(number, 0);
    let running = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for task in 1..=5 + numbers.below(14) {
        let (space, closing, checker) = (space.clone(), closing.clone(), checker.clone());
        let numbers = Numbers::new(number, task);
        let running = running.clone();
        running.fetch_add(1, Ordering::SeqCst);
        tasks.push(thread::spawn(move || {
            match task % 5 {
                0 => on_a_port(&space, &checker, numbers),
                1 => on_a_handle_that_closes(&closing, numbers),
                2 => timed_out(&space),
                _ => on_futures(&space, &checker, numbers),
            }
            running.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    let closes = thread::spawn(move || {
        thread::yield_now();
        closing.close();
    });
    // Told until the last of them has ended.
    while time == Time::Told && running.load(Ordering::SeqCst) > 0 {
        clock.advance(Duration::from_millis(1));
        space.tick();
        thread::yield_now();
    }
    join_all(tasks);
    closes.join().expect("no panic");
    drop(stays);
    assert_eq!(space.next_deadline(), None);
    assert!(space.is_empty());
}

/// Waits for what is never released, and is told when its time is over.
fn timed_out(space: &Space) {
    let late = block_on(space.lock("held for ever").timeout(Duration::from_millis(3)));
    assert_eq!(late.expect_err("it is held").kind(), ErrorKind::Timeout);
}

fn on_futures(space: &Space, checker: &Checker, mut numbers: Numbers) {
    for _ in 0..ROUNDS {
        let wanted = Wanted::new(&mut numbers);
        let request = space.request(wanted.spec());
        let guard = match numbers.below(6) {
            0 => {
                let mut given_up = Box::pin(request);
                let _ = given_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                thread::yield_now();
                continue;
            }
            1 => {
                let keys = wanted.keys(Mode::Exclusive);
                let Some(guard) = block_on(space.try_lock(keys).into_future()).expect("open") else { continue };
                let alone: Vec<_> = wanted.0.into_iter().filter(|(_, mode)| *mode == Mode::Exclusive).collect();
                checker.hold(&Wanted(alone), guard.token());
                continue;
            }
            2 => match block_on(request.timeout(Duration::from_millis(2))) {
                Ok(guard) => guard,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Timeout);
                    continue;
                }
            },
            _ => block_on(request).expect("open"),
        };
        checker.hold(&wanted, guard.token());
        drop(guard);
    }
}

/// What a closed handle had granted is not its own any more: it looks at no checker.
fn on_a_handle_that_closes(space: &Space, mut numbers: Numbers) {
    for _ in 0..ROUNDS {
        match block_on(space.request(Wanted::new(&mut numbers).spec())) {
            Ok(guard) => drop(guard),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Closed),
        }
    }
}

fn on_a_port(space: &Space, checker: &Checker, mut numbers: Numbers) {
    let woken = Signal::new();
    let wake = woken.clone();
    let port = space.port(move || wake.give());
    let mut waiting: Vec<Option<Wanted>> = Vec::new();
    let mut settled = Vec::new();
    for tag in 0..ROUNDS {
        let wanted = Wanted::new(&mut numbers);
        waiting.push(None);
        match port.lock(&wanted.spec(), tag as u64).expect("open") {
            Answer::Granted(grant) => {
                checker.hold(&wanted, grant.token);
                port.release(grant.ticket).expect("held");
            }
            Answer::Waiting(ticket) if numbers.below(3) == 0 => {
                thread::yield_now();
                assert_ne!(port.cancel(ticket), Cancelled::Gone);
            }
            Answer::Waiting(_) => waiting[tag] = Some(wanted),
        }
    }
    loop {
        port.take_settled(&mut settled);
        for one in settled.drain(..) {
            let Settled::Granted { tag, grant } = one else { panic!("{one:?}") };
            match waiting[tag as usize].take() {
                Some(wanted) => {
                    port.confirm(grant.ticket).expect("it stands");
                    checker.hold(&wanted, grant.token);
                    port.release(grant.ticket).expect("held");
                }
                None => assert!(port.confirm(grant.ticket).is_err(), "it was cancelled"),
            }
        }
        if waiting.iter().all(Option::is_none) {
            return;
        }
        if !port.has_settled() {
            woken.wait();
        }
    }
}

#[test]
fn on_a_space() {
    for shards in [1, 2, 8] {
        random_schedules(&format!("everything/shards={shards}"), &SEEDS, 300, move |number| {
            program(shards, number, Time::Told);
        });
    }
}

#[test]
fn control() {
    finds_a_fault("everything::control", "deadlock", || {
        random_schedules("everything/untold", &SEEDS, 20, |number| program(2, number, Time::Untold));
    });
}
