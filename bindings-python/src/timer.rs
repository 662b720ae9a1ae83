//! The timer of a space: a thread that tells what is due, as long as somebody uses locks that end by themselves.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::bytes;

/// One for each handle and process; the thread is started when it is first needed, and ends with the space.
pub(crate) struct Timer(Once);

impl Timer {
    pub(crate) const fn new() -> Timer {
        Timer(Once::new())
    }

    /// From now on the space is told what is due.
    pub(crate) fn start(&self, space: &bytes::Space) {
        self.0.call_once(|| {
            let due = Arc::new(Due::default());
            let sleep = {
                let due = Arc::clone(&due);
                move |time| Sleep::new(time, &due)
            };
            let drive = space.drive(sleep);
            let run = move || {
                let mut drive = pin!(drive);
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                while drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                    match due.get().map(|at| at.saturating_duration_since(Instant::now())) {
                        Some(time) => thread::park_timeout(time),
                        None => thread::park(),
                    }
                }
            };
            // Without it what is due is told by whoever waits with a time-out, and decided where somebody asks.
            let _ = thread::Builder::new().name(String::from("latchwork timer")).spawn(run);
        });
    }
}

/// When the thread goes on at the latest.
#[derive(Default)]
struct Due(Mutex<Option<Instant>>);

impl Due {
    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// Ready when its time has come; its thread sleeps so long.
struct Sleep {
    at: Instant,
    due: Arc<Due>,
}

/// Longer than this it does not sleep; the space asks for the rest.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Sleep {
    fn new(time: Duration, due: &Arc<Due>) -> Sleep {
        let at = Instant::now() + time.min(LONGEST);
        due.set(Some(at));
        Sleep { at, due: Arc::clone(due) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() < self.at {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.due.get() == Some(self.at) {
            self.due.set(None);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
