//! Threads that never want each other's keys.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use latchwork::Space;

use super::cells;
use super::fresh_key::{MutexMap, mutex_of};
use crate::finding;
use crate::key_names::key_names;
use crate::rounds::{Side, interleave};
use crate::settings::Settings;

const KEYS: usize = 512;
const EACH: u64 = 100_000;

const LATCHWORK: &str = "Latchwork";
const DASH_MAP: &str = "DashMap + tokio Mutex";

/// Two threads with 512 locks each against one, and more where there are more cores; then the same with cells.
pub fn threads(settings: Settings) {
    compare(settings, "", DASH_MAP, latchwork, dash_map);
    compare(settings, "cell: set, ", cells::DASH_MAP, our_cells, their_cells);
}

/// `prefix` is what the names of the rows and of the curves begin with.
fn compare(settings: Settings, prefix: &str, peer: &str, ours: fn(usize) -> Side, theirs: fn(usize) -> Side) {
    let cores = thread::available_parallelism().map_or(2, usize::from).max(2);
    let counts: Vec<usize> = [1, 2, 4, 8, 16].into_iter().filter(|&count| count <= cores).collect();
    let mut sides: Vec<Side> = counts.iter().flat_map(|&count| [ours(count), theirs(count)]).collect();
    let costs = interleave(&mut sides, EACH, settings.slow_rounds());
    for (index, &count) in counts.iter().enumerate() {
        finding::point("threads", &format!("{prefix}{LATCHWORK}"), count as u64, &costs[2 * index]);
        finding::point("threads", &format!("{prefix}{peer}"), count as u64, &costs[2 * index + 1]);
    }
    let [ours_alone, theirs_alone, ours, theirs] = [&costs[0], &costs[1], &costs[2], &costs[3]].map(Vec::as_slice);
    let (throughput, gain) = (format!("{prefix}2 threads, throughput"), format!("{prefix}2 threads, gain over 1"));
    finding::comparison(&throughput, "itself, 1 thread", ours, ours_alone);
    finding::gain(&gain, peer, [ours, ours_alone], [theirs, theirs_alone]);
    finding::comparison(&throughput, peer, ours, theirs);
}

fn latchwork(count: usize) -> Side {
    let space = Space::new();
    over_threads(LATCHWORK, count, async move |key| drop(space.lock(key).await.expect("the space is open")))
}

fn dash_map(count: usize) -> Side {
    let map = MutexMap::default();
    over_threads(DASH_MAP, count, async move |key| {
        let mutex = mutex_of(&map, key);
        drop(mutex.lock().await);
    })
}

fn our_cells(count: usize) -> Side {
    let (set, _) = cells::apart(names(count).into_iter().flatten());
    over_threads(LATCHWORK, count, async move |key| set(key))
}

fn their_cells(count: usize) -> Side {
    let (_, write) = cells::apart(names(count).into_iter().flatten());
    over_threads(cells::DASH_MAP, count, async move |key| write(key))
}

/// The keys of each thread.
fn names(count: usize) -> Vec<Vec<String>> {
    (0..count).map(|thread| key_names(&format!("thread-{thread}"), KEYS)).collect()
}

/// The cost of an operation is the time that passed, shared among what all threads did: the less, the more throughput.
fn over_threads(name: &str, count: usize, job: impl AsyncFn(&str) + Sync + 'static) -> Side {
    let names = names(count);
    Side::new(name, move |operations| {
        let time = together(&names, |own| {
            block_on(async {
                for key in own.iter().cycle().take(operations as usize) {
                    job(key).await;
                }
            });
        });
        time / count as u32
    })
}

/// The time from when all threads are ready until the last one is done.
fn together(names: &[Vec<String>], work: impl Fn(&[String]) + Sync) -> Duration {
    let ready = Barrier::new(names.len() + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = names
            .iter()
            .map(|own| {
                scope.spawn(|| {
                    ready.wait();
                    let start = Instant::now();
                    work(own);
                    (start, Instant::now())
                })
            })
            .collect();
        ready.wait();
        let times: Vec<(Instant, Instant)> =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        let first = times.iter().map(|time| time.0).min();
        let last = times.iter().map(|time| time.1).max();
        first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first)
    })
}
