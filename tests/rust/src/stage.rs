//! Runs the actors of a story.

use std::future::{Future, poll_fn};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::future::BoxFuture;
use futures::task::LocalSpawnExt;

/// Where actors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Each on a thread of its own.
    Threads,
    /// All on one thread, by a small executor.
    OneThread,
    /// As tasks of a runtime with several threads.
    Runtime,
}

/// Longer than any story takes. Not reached but by a hang.
const PATIENCE: Duration = Duration::from_secs(120);

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 3] = [Stage::Threads, Stage::OneThread, Stage::Runtime];

    /// Runs all actors to their ends. Answers what they answered, in their order.
    ///
    /// # Panics
    ///
    /// When an actor does, or when they hang.
    pub fn run<T: Send + 'static>(self, actors: Vec<BoxFuture<'static, T>>) -> Vec<T> {
        within(PATIENCE, move || match self {
            Stage::Threads => {
                let threads: Vec<_> = actors.into_iter().map(|actor| thread::spawn(|| block_on(actor))).collect();
                threads.into_iter().map(|thread| thread.join().expect("the actor ended well")).collect()
            }
            Stage::OneThread => {
                let mut pool = LocalPool::new();
                let spawner = pool.spawner();
                let handles: Vec<_> = actors
                    .into_iter()
                    .map(|actor| spawner.spawn_local_with_handle(actor).expect("the pool lives"))
                    .collect();
                pool.run_until(futures::future::join_all(handles))
            }
            Stage::Runtime => {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
                runtime.block_on(async {
                    let tasks: Vec<_> = actors.into_iter().map(tokio::spawn).collect();
                    let ended = futures::future::join_all(tasks).await;
                    ended.into_iter().map(|task| task.expect("the actor ended well")).collect()
                })
            }
        })
    }
}

/// Runs `body` on another thread.
///
/// # Panics
///
/// When it does, or when it takes longer than `patience`.
pub fn within<T: Send + 'static>(patience: Duration, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        // Nobody listens any more when the patience is over.
        let _ = done.send(body());
    });
    match ended.recv_timeout(patience) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing came within {patience:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("the body answered nothing"),
        },
    }
}

/// Gives way once: others run before this actor goes on.
pub fn suspend() -> impl Future<Output = ()> + Send {
    let mut gave_way = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A small generator of numbers: the same ones in every run.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The numbers that begin with `seed`.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % end
    }

    /// `count` different numbers below `end`, in random order.
    pub fn pick(&mut self, count: usize, end: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..end).collect();
        for at in 0..count.min(end) {
            let other = at + self.below(end - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}
