//! Many keys that are held: to take them all and let them all go, and to use another one meanwhile.

use futures::executor::block_on;
use latchwork::{Guard, Space};

use super::Curve;
use crate::key_names::key_names;
use crate::rounds::Side;
use crate::section::section;

const OPERATIONS: u64 = 10_000;

#[derive(Clone, Copy, Debug)]
enum Job {
    All,
    Another,
}

impl Job {
    const ALL: [Job; 2] = [Job::All, Job::Another];

    fn name(self) -> &'static str {
        match self {
            Job::All => "lock all, unlock all",
            Job::Another => "lock + unlock of another key",
        }
    }
}

pub(super) fn curves(numbers: &[u64]) -> Vec<Curve> {
    Job::ALL
        .map(|job| Curve {
            plot: "held keys",
            name: job.name(),
            operations: OPERATIONS,
            peer: None,
            sides: numbers.iter().map(|&number| (number, side(job, number as usize))).collect(),
        })
        .into()
}

fn side(job: Job, number: usize) -> Side {
    let others = key_names("other", OPERATIONS as usize);
    let space = Space::new();
    Side::new("Latchwork", move |operations| {
        let names = key_names("held", number);
        match job {
            Job::Another => {
                let _held = hold(&space, &names);
                section(|| block_on(cycle(&space, &others, operations))).1
            }
            Job::All => {
                let times = operations.div_ceil(number as u64);
                let ((), time) = section(|| {
                    for _ in 0..times {
                        drop(hold(&space, &names));
                    }
                });
                time.mul_f64(operations as f64 / (times * number as u64) as f64)
            }
        }
    })
}

fn hold(space: &Space, names: &[String]) -> Vec<Guard> {
    block_on(async {
        let mut guards = Vec::with_capacity(names.len());
        for name in names {
            guards.push(space.lock(name).await.expect("the space is open"));
        }
        guards
    })
}

async fn cycle(space: &Space, names: &[String], operations: u64) {
    for name in names.iter().cycle().take(operations as usize) {
        drop(space.lock(name).await.expect("the space is open"));
    }
}
