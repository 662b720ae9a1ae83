//! Five to twenty tasks at once on random schedules: what is too much to be gone through one by one.

#![cfg(shuttle)]

mod cells;
mod everything;
mod on_faults;
mod order;
mod program;

use latchwork_models::checker::thread::JoinHandle;

/// The seeds of every run.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

fn join_all(tasks: Vec<JoinHandle<()>>) {
    tasks.into_iter().for_each(|task| task.join().expect("no panic"));
}
