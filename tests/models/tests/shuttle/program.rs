//! The random program that any shell must pass: exclusive requests, some given up, and a handle that is closed.

use std::sync::Arc;
use std::task::Waker;

use latchwork::Key;
use latchwork_models::checker::{AtomicUsize, Ordering, block_on, thread};
use latchwork_models::explore::random_schedules;
use latchwork_models::numbers::Numbers;
use latchwork_models::shell::{Shell, poll, space};
use latchwork_models::witness::Witness;

use super::{SEEDS, join_all};

const KEYS: usize = 4;
const ROUNDS: usize = 3;

/// Runs the program with that number on a shell.
pub(crate) fn program<S: Shell>(shell: &S, number: u64) {
    let mut numbers = Numbers::new(number, 0);
    let tasks = 5 + numbers.below(8);
    let witnesses: Arc<[Witness; KEYS]> = Arc::default();
    let (closing, closed) = (shell.attach(), Arc::new(AtomicUsize::new(0)));
    let mut running = Vec::new();
    for task in 1..=tasks {
        // What a handle that is closed had granted is not its own any more: those look at no witness.
        let numbers = Numbers::new(number, task);
        running.push(if task % 4 == 0 {
            let (handle, closed) = (closing.clone(), closed.clone());
            thread::spawn(move || until_closed(&handle, &closed, numbers))
        } else {
            let (handle, witnesses) = (shell.clone(), witnesses.clone());
            thread::spawn(move || one_task(&handle, &witnesses, numbers))
        });
    }
    thread::yield_now();
    closing.close();
    closed.store(1, Ordering::SeqCst);
    let entered: usize = running.into_iter().map(|task| task.join().expect("no panic")).sum();
    assert_eq!(witnesses.iter().map(Witness::entered).sum::<usize>(), entered, "two were inside at once");
    assert!(shell.is_empty());
}

fn wanted(numbers: &mut Numbers) -> (Vec<usize>, Vec<Key>) {
    let count = 1 + numbers.below(3);
    let chosen = numbers.pick(count, KEYS);
    let keys = chosen.iter().map(|&key| Key::from(key)).collect();
    (chosen, keys)
}

/// Answers how often it was inside a key.
fn one_task<S: Shell>(shell: &S, witnesses: &[Witness; KEYS], mut numbers: Numbers) -> usize {
    let mut entered = 0;
    for _ in 0..ROUNDS {
        let (chosen, keys) = wanted(&mut numbers);
        let mut wait = shell.lock(&keys);
        if numbers.below(3) == 0 {
            // Polled once, and dropped: where it waits, and where it was granted.
            let _ = poll(&mut wait, Waker::noop());
            thread::yield_now();
            continue;
        }
        let guard = block_on(wait).expect("its handle is open");
        chosen.iter().for_each(|&key| witnesses[key].enter());
        entered += chosen.len();
        drop(guard);
    }
    entered
}

/// What its handle had granted can be gone at any time: it goes into no key.
fn until_closed<S: Shell>(shell: &S, closed: &AtomicUsize, mut numbers: Numbers) -> usize {
    for _ in 0..ROUNDS {
        let Ok(guard) = block_on(shell.lock(&wanted(&mut numbers).1)) else { break };
        let was_closed = closed.load(Ordering::SeqCst) == 1;
        assert!(!(was_closed && S::is_held(&guard)), "held through a closed handle");
    }
    0
}

#[test]
fn on_a_space() {
    for shards in [1, 2, 8] {
        random_schedules(&format!("program/shards={shards}"), &SEEDS, 800, move |number| {
            program(&space(shards), number);
        });
    }
}

/// Many tasks on one key.
#[test]
fn on_one_key() {
    random_schedules("one_key/shards=1", &SEEDS, 250, |number| {
        let space = space(1);
        let task = |_| {
            let space = space.clone();
            thread::spawn(move || drop(block_on(Shell::lock(&space, &[Key::from("one")])).expect("open")))
        };
        join_all((0..5 + number as usize % 16).map(task).collect());
        assert!(space.is_empty());
    });
}
