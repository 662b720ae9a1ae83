//! Blocking a thread until a future of the core is ready: detached from the interpreter, open to signals.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::bytes;

/// How long the main thread waits at most before it looks for signals.
const SIGNALS: Duration = Duration::from_millis(50);

/// When a time-out passed by the host's clock but not yet by the space's, look again this much later.
const AGAIN: Duration = Duration::from_millis(1);

/// Run a future to its end. The thread is never blocked while it is attached.
///
/// When `timeout` passes, the space is ticked, which is what tells a time-out. On the main thread a signal handler
/// that raises ends the wait, and dropping the future gives the request up.
pub(crate) fn block_on<F>(
    py: Python<'_>,
    space: Option<&bytes::Space>,
    timeout: Option<Duration>,
    future: F,
) -> PyResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let mut future = pin!(future);
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Ok(output);
    }
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    let mut deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let interruptible = is_main_thread(py)?;
    loop {
        let polled = py.detach(|| {
            // Polled before each wait: a signal handler may have taken locks, and woken this thread, in between.
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                return polled;
            }
            let now = Instant::now();
            if deadline.is_some_and(|at| at <= now) {
                if let Some(space) = space {
                    space.tick();
                }
                deadline = Some(now + AGAIN);
            }
            let until_deadline = deadline.map(|at| at.saturating_duration_since(now));
            let limit = if interruptible { Some(SIGNALS) } else { None };
            parker.park(match (until_deadline, limit) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            });
            future.as_mut().poll(&mut Context::from_waker(&waker))
        });
        if let Poll::Ready(output) = polled {
            return Ok(output);
        }
        if interruptible {
            py.check_signals()?;
        }
    }
}

/// Signal handlers run on the main thread only; the others need not look.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let current = threading.call_method0("get_ident")?;
    threading.call_method0("main_thread")?.getattr("ident")?.eq(current)
}

/// Puts one thread to sleep until it is woken.
#[derive(Default)]
struct Parker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    fn park(&self, timeout: Option<Duration>) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = match timeout {
            Some(timeout) => {
                let waited = self.changed.wait_timeout_while(woken, timeout, |woken| !*woken);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.changed.wait_while(woken, |woken| !*woken);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        *woken = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}
