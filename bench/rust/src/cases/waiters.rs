//! One key with many waiters: to join, to be granted, to cancel.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::noop_waker_ref;
use latchwork::Space;
use tokio::sync::Mutex;

use super::Curve;
use crate::key_names::key_names;
use crate::rounds::Side;
use crate::section::section;

/// So many waiters are there in all, over several keys where each is to have few: the processor's caches hold as much
/// or as little of them, and only the length of the queues differs.
const IN_ALL: usize = 100_000;

const PEER: &str = "tokio Mutex";

#[derive(Clone, Copy, Debug)]
enum Job {
    Join,
    Grant,
    Cancel(Order),
}

#[derive(Clone, Copy, Debug)]
enum Order {
    OldestFirst,
    NewestFirst,
    Random,
}

impl Job {
    const ALL: [Job; 5] = [
        Job::Join,
        Job::Grant,
        Job::Cancel(Order::OldestFirst),
        Job::Cancel(Order::NewestFirst),
        Job::Cancel(Order::Random),
    ];

    fn name(self) -> &'static str {
        match self {
            Job::Join => "enqueue",
            Job::Grant => "grant",
            Job::Cancel(Order::OldestFirst) => "cancel, oldest first",
            Job::Cancel(Order::NewestFirst) => "cancel, newest first",
            Job::Cancel(Order::Random) => "cancel, random order",
        }
    }
}

pub(super) fn curves(numbers: &[u64]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for job in Job::ALL {
        let curve = |peer, side: fn(Job, usize) -> Side| Curve {
            plot: "waiters",
            name: job.name(),
            operations: IN_ALL as u64,
            peer,
            sides: numbers.iter().map(|&number| (number, side(job, number as usize))).collect(),
        };
        curves.push(curve(None, latchwork));
        curves.push(curve(Some(PEER), mutex));
    }
    curves
}

fn latchwork(job: Job, waiters: usize) -> Side {
    let keys = keys(waiters);
    let names = key_names("page", keys);
    let space = Space::new();
    Side::new("Latchwork", move |operations| {
        let queues = Queues { keys, waiters, ask: |key: usize| space.lock(names[key].as_str()) };
        queues.repeat(job, operations)
    })
}

fn mutex(job: Job, waiters: usize) -> Side {
    let keys = keys(waiters);
    Side::new(PEER, move |operations| {
        let mutexes: Vec<Mutex<()>> = (0..keys).map(|_| Mutex::new(())).collect();
        let queues = Queues { keys, waiters, ask: |key: usize| mutexes[key].lock() };
        queues.repeat(job, operations)
    })
}

fn keys(waiters: usize) -> usize {
    IN_ALL.div_ceil(waiters)
}

/// Some keys with so many waiters each, behind a holder. `ask` makes a request for a key, which joins when polled.
struct Queues<A> {
    keys: usize,
    waiters: usize,
    ask: A,
}

type Waiting<F> = Vec<Option<Pin<Box<F>>>>;

impl<A, F> Queues<A>
where
    A: Fn(usize) -> F,
    F: Future,
{
    /// Does the job for all waiters, until it was done often enough. The time is that of so many operations.
    fn repeat(&self, job: Job, operations: u64) -> Duration {
        let all = (self.keys * self.waiters) as u64;
        let times = operations.div_ceil(all);
        let total: Duration = (0..times).map(|_| self.once(job)).sum();
        total.mul_f64(operations as f64 / (times * all) as f64)
    }

    fn once(&self, job: Job) -> Duration {
        let holders: Vec<Option<F::Output>> = (0..self.keys).map(|key| Some(self.hold(key))).collect();
        // Made beforehand, in the order in which they are to join, key by key.
        let mut waiting: Waiting<F> =
            (0..self.keys * self.waiters).map(|number| Some(Box::pin((self.ask)(number / self.waiters)))).collect();
        match job {
            Job::Join => section(|| join(&mut waiting)).1,
            Job::Grant => {
                join(&mut waiting);
                let waiters = self.waiters;
                section(|| grant(holders, waiting, waiters)).1
            }
            Job::Cancel(order) => {
                join(&mut waiting);
                let order = order.of(waiting.len());
                section(|| order.into_iter().for_each(|place| waiting[place] = None)).1
            }
        }
    }

    fn hold(&self, key: usize) -> F::Output {
        let mut request = Box::pin((self.ask)(key));
        match poll(&mut request) {
            Poll::Ready(held) => held,
            Poll::Pending => unreachable!("nobody else has the key"),
        }
    }
}

fn join<F: Future>(waiting: &mut Waiting<F>) {
    for request in waiting.iter_mut().flatten() {
        assert!(poll(request).is_pending(), "the key is held");
    }
}

/// Each holder lets go, the next in line sees its grant, and becomes the holder.
fn grant<F: Future>(mut holders: Vec<Option<F::Output>>, waiting: Waiting<F>, waiters: usize) {
    for (number, mut request) in waiting.into_iter().flatten().enumerate() {
        let holder = &mut holders[number / waiters];
        *holder = None;
        match poll(&mut request) {
            Poll::Ready(held) => *holder = Some(held),
            Poll::Pending => unreachable!("its turn has come"),
        }
    }
}

fn poll<F: Future>(request: &mut Pin<Box<F>>) -> Poll<F::Output> {
    request.as_mut().poll(&mut Context::from_waker(noop_waker_ref()))
}

impl Order {
    /// Every place once.
    fn of(self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..count).collect();
        match self {
            Order::OldestFirst => {}
            Order::NewestFirst => places.reverse(),
            Order::Random => shuffle(&mut places),
        }
        places
    }
}

/// The same disorder in every run.
fn shuffle(places: &mut [usize]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for end in (1..places.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        places.swap(end, (state % (end as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_names_every_place_once() {
        for order in [Order::OldestFirst, Order::NewestFirst, Order::Random] {
            let mut places = order.of(100);
            places.sort_unstable();
            assert_eq!(places, (0..100).collect::<Vec<_>>());
        }
    }
}
