//! One key that a hundred tasks want.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use latchwork::Space;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use super::Case;
use crate::rounds::Side;
use crate::section::section;

const TASKS: u64 = 100;
const OPERATIONS: u64 = 10_000;

/// Each task takes the lock, lets the others run, and gives it back, again and again.
pub(super) fn one_key() -> Case {
    Case {
        name: "contended cycle, one key, 100 tasks",
        operations: OPERATIONS,
        sides: vec![
            tasks("Latchwork", Space::new(), async |space: &Space| {
                let guard = space.lock("questionnaire").await.expect("the space is open");
                yield_once().await;
                drop(guard);
            }),
            tasks("tokio Mutex", Arc::new(Mutex::new(())), async |mutex: &Arc<Mutex<()>>| {
                let guard = mutex.lock().await;
                yield_once().await;
                drop(guard);
            }),
        ],
    }
}

/// Tasks of one thread on the same executor for all sides.
fn tasks<L: Clone + 'static>(name: &str, lock: L, cycle: impl AsyncFn(&L) + Copy + 'static) -> Side {
    let runtime: Runtime = Builder::new_current_thread().build().expect("a runtime of one thread needs nothing");
    Side::new(name, move |operations| {
        let local = tokio::task::LocalSet::new();
        let work = async {
            for _ in 0..TASKS {
                let lock = lock.clone();
                tokio::task::spawn_local(async move {
                    for _ in 0..operations / TASKS {
                        cycle(&lock).await;
                    }
                });
            }
        };
        section(|| {
            local.block_on(&runtime, work);
            runtime.block_on(local);
        })
        .1
    })
}

/// Lets the other tasks run: what an await inside a critical section does.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
