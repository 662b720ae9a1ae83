//! First come, first served on each key, whoever runs first.

use std::sync::{Arc, Mutex};

use latchwork::Key;
use latchwork_models::checker::{block_on, thread};
use latchwork_models::explore::{finds_a_fault, random_schedules};
use latchwork_models::numbers::Numbers;
use latchwork_models::shell::{Shell, space};

use super::{SEEDS, join_all};

const KEYS: usize = 5;

/// How the tasks wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Each for the request that has joined for it.
    Joined,
    /// Each for a new one: the control, since then they join in no order.
    Anew,
}

/// Five to twenty requests join in a known order behind a holder of everything, some are given up, and a task each uses
/// the others: on each key they are served in that order.
fn order<S: Shell>(shell: &S, number: u64, how: How) {
    let mut numbers = Numbers::new(number, 0);
    let everything = shell.take(&(0..KEYS).map(Key::from).collect::<Vec<_>>());
    let served: Arc<[Mutex<Vec<usize>>; KEYS]> = Arc::default();
    let mut tasks = Vec::new();
    for place in 1..=5 + numbers.below(16) {
        let count = 1 + numbers.below(3);
        let chosen = numbers.pick(count, KEYS);
        let keys: Vec<Key> = chosen.iter().map(|&key| Key::from(key)).collect();
        let joined = shell.join(&keys);
        let gives_up = numbers.below(5) == 0;
        let (shell, served) = (shell.clone(), served.clone());
        tasks.push(thread::spawn(move || {
            if gives_up {
                return drop(joined);
            }
            let wait = match how {
                How::Joined => joined,
                How::Anew => {
                    drop(joined);
                    shell.lock(&keys)
                }
            };
            let guard = block_on(wait).expect("the handle is open");
            for key in chosen {
                served[key].lock().expect("no panic").push(place);
            }
            drop(guard);
        }));
    }
    drop(everything);
    join_all(tasks);
    for places in &*served {
        let places = places.lock().expect("no panic");
        assert!(places.is_sorted(), "out of turn: {places:?}");
    }
    assert!(shell.is_empty());
}

#[test]
fn on_a_space() {
    for shards in [1, 2, 8] {
        random_schedules(&format!("order/shards={shards}"), &SEEDS, 300, move |number| {
            order(&space(shards), number, How::Joined);
        });
    }
}

#[test]
fn control() {
    finds_a_fault("order::control", "out of turn", || {
        random_schedules("order/anew", &SEEDS, 100, |number| order(&space(2), number, How::Anew));
    });
}
