//! Cells at once: transfers that compare versions, scans and reads of one instant, guarded writes, cells that expire, those
//! who watch, and a handle that is closed.

use std::sync::Arc;
use std::time::Duration;

use latchwork::{Entry, ErrorKind, Key, KeyRange, ManualClock, Port, Scan, Space, key};
use latchwork_models::checker::{AtomicUsize, Ordering, Signal, block_on, thread};
use latchwork_models::explore::{finds_a_fault, random_schedules};
use latchwork_models::numbers::Numbers;

use super::{SEEDS, join_all};

const KEYS: usize = 5;
const ROUNDS: usize = 3;

/// What each account has at the beginning.
const EACH: u32 = 100;
const ALL: u32 = EACH * KEYS as u32;

const MS: Duration = Duration::from_millis(1);

/// How a transfer writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Compared,
    /// The control: it writes whatever the accounts have become.
    Blind,
}

fn account(number: usize) -> Key {
    key!("account", number)
}

fn accounts() -> Vec<Key> {
    (0..KEYS).map(account).collect()
}

fn program(shards: usize, number: u64, transfer: Transfer) {
    let clock = ManualClock::new();
    let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
    for key in accounts() {
        block_on(space.set(key, EACH)).expect("open");
    }
    let closing = space.attach();
    let mut numbers = Numbers::new(number, 0);
    let count = 5 + numbers.below(14);
    let running = Arc::new(AtomicUsize::new(count));
    let mut tasks = Vec::new();
    for task in 1..=count {
        let (space, closing, running) = (space.clone(), closing.clone(), running.clone());
        let numbers = Numbers::new(number, task);
        tasks.push(thread::spawn(move || {
            match task % 6 {
                0 => watches(&space, task),
                1 => audits(&space, numbers),
                2 => comes_and_goes(&space, numbers),
                3 => writes_under_a_guard(&space),
                4 => writes_until_it_is_closed(&closing),
                _ => transfers(&space, numbers, transfer),
            }
            running.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    let closes = thread::spawn(move || {
        thread::yield_now();
        closing.close();
    });
    while running.load(Ordering::SeqCst) > 0 {
        clock.advance(MS);
        space.tick();
        thread::yield_now();
    }
    join_all(tasks);
    closes.join().expect("no panic");
    clock.advance(10 * MS);
    space.tick();
    assert_eq!(space.next_deadline(), None);
    let port = space.port(|| {});
    assert_eq!(total(&port.list(&accounts_of_all()).expect("open")), ALL, "money was made or lost");
    assert!(port.list(&Scan::new(KeyRange::prefix(key!("session")))).expect("open").is_empty());
}

fn accounts_of_all() -> Scan {
    Scan::new(KeyRange::prefix(key!("account")))
}

fn total(entries: &[Entry<Arc<u32>>]) -> u32 {
    entries.iter().filter_map(|entry| entry.value.as_deref()).sum()
}

/// Moves one from an account to another, and once more if somebody was faster.
fn transfers(space: &Space<u32>, mut numbers: Numbers, transfer: Transfer) {
    for _ in 0..ROUNDS {
        let [from, to] = numbers.pick(2, KEYS)[..] else { unreachable!("two of them") };
        loop {
            let both = block_on(space.get_many([account(from), account(to)])).expect("open");
            let [left, right] = [0, 1].map(|at| both[at].value.expect("never deleted"));
            let step = space.atomic().set(account(from), left - 1).set(account(to), right + 1);
            let step = match transfer {
                Transfer::Compared => step.check(&both[0]).check(&both[1]),
                Transfer::Blind => step,
            };
            if block_on(step.commit()).expect("open").is_ok() {
                break;
            }
        }
    }
}

/// Nobody ever sees half of a transfer, nor an older state after a newer.
fn audits(space: &Space<u32>, mut numbers: Numbers) {
    let port = space.port(|| {});
    let mut last = vec![0; KEYS];
    for _ in 0..ROUNDS {
        let seen = match numbers.below(3) {
            0 => port.get_many(&accounts()),
            1 => port.list(&accounts_of_all()),
            _ => port.list(&accounts_of_all().reverse()).map(|mut entries| {
                entries.reverse();
                entries
            }),
        };
        let seen = seen.expect("open");
        assert_eq!(total(&seen), ALL, "money was made or lost");
        let versions: Vec<u64> = seen.iter().map(|entry| entry.version).collect();
        assert!(last.iter().zip(&versions).all(|(last, version)| last <= version), "an older state after a newer");
        last = versions;
        thread::yield_now();
    }
}

/// Cells that appear, expire, are swept, or are deleted.
fn comes_and_goes(space: &Space<u32>, mut numbers: Numbers) {
    for round in 0..ROUNDS {
        let session = key!("session", numbers.below(KEYS));
        match numbers.below(4) {
            0 => drop(block_on(space.delete(session)).expect("open")),
            1 => drop(block_on(space.delete_all(KeyRange::prefix(key!("session")))).expect("open")),
            2 => drop(block_on(space.insert(session, round as u32).expire_in(2 * MS)).expect("open")),
            _ => drop(block_on(space.set(session, round as u32).expire_in(MS)).expect("open")),
        }
        let listed = block_on(space.list(KeyRange::prefix(key!("session"))).limit(1).into_future()).expect("open");
        assert!(listed.iter().all(|entry| entry.expires_in.is_some_and(|left| !left.is_zero())));
    }
}

/// Each holder finds what it wrote itself, as long as it is a holder.
fn writes_under_a_guard(space: &Space<u32>) {
    for round in 0..ROUNDS as u32 {
        let guard = block_on(space.lock("guarded")).expect("open");
        let version = block_on(space.set("guarded", round).guard(&guard)).expect("held");
        thread::yield_now();
        let seen = block_on(space.get("guarded")).expect("open");
        assert_eq!((seen.value, seen.version), (Some(round), version), "another wrote under the guard");
        drop(guard);
    }
}

fn writes_until_it_is_closed(space: &Space<u32>) {
    for round in 0..ROUNDS as u32 {
        if let Err(error) = block_on(space.set("of a handle", round)) {
            return assert_eq!(error.kind(), ErrorKind::Closed);
        }
    }
}

/// Sleeps between changes, and sees its own last one.
fn watches(space: &Space<u32>, task: usize) {
    let woken = Signal::new();
    let wake = woken.clone();
    let port: Port<u32> = space.port(move || wake.give());
    let mut watch = space.watch_prefix(key!("watched", task));
    assert!(port.next_of(&mut watch, 1).expect("open").is_some(), "the first item comes at once");
    let (writer, mine) = (space.clone(), key!("watched", task));
    let last = thread::spawn(move || {
        let write = |_, round| block_on(writer.set(mine.clone(), round)).expect("open");
        (0..ROUNDS as u32).fold(0, write)
    });
    let mut settled = Vec::new();
    let mut seen = 0;
    while seen < ROUNDS as u32 - 1 {
        port.take_settled(&mut settled);
        settled.clear();
        match port.next_of(&mut watch, 1).expect("open") {
            Some(entries) => seen = *entries[0].value.clone().expect("present"),
            None => woken.wait(),
        }
    }
    last.join().expect("no panic");
}

#[test]
fn on_a_space() {
    for shards in [1, 2, 8] {
        random_schedules(&format!("cells/shards={shards}"), &SEEDS, 150, move |number| {
            program(shards, number, Transfer::Compared);
        });
    }
}

#[test]
fn control() {
    finds_a_fault("cells::control", "money was made or lost", || {
        random_schedules("cells/blind", &SEEDS, 50, |number| program(2, number, Transfer::Blind));
    });
}
