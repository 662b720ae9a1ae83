//! The port of all threads that block in a call, and who of them waits.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};

use latchwork::Settled;

use crate::bytes::{self, Port};
use crate::fork::Own;

/// Tells threads that their calls can go on. Any thread may carry that out.
pub(crate) struct Resumptions {
    port: Own<Port>,
    waiting: Mutex<HashMap<u64, Arc<Flag>>>,
    last: AtomicU64,
}

/// Whether one of them was told.
#[derive(Default)]
struct Flag(Mutex<(bool, Option<Waker>)>);

/// A call that waits; dropped when it does no more.
pub(super) struct Waiting<'a> {
    resumptions: &'a Resumptions,
    tag: u64,
    flag: Arc<Flag>,
}

impl Resumptions {
    pub(crate) fn new(space: &bytes::Space) -> Arc<Resumptions> {
        Arc::new_cyclic(|resumptions: &Weak<Resumptions>| {
            let woken = Weak::clone(resumptions);
            let port = space.port(move || {
                if let Some(resumptions) = woken.upgrade() {
                    resumptions.settle();
                }
            });
            Resumptions { port: Own::new(port), waiting: Mutex::default(), last: AtomicU64::new(0) }
        })
    }

    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    pub(super) fn space(&self) -> &bytes::Space {
        self.port.space()
    }

    /// What a new call is known by.
    pub(super) fn next_tag(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// From here on the call of this tag is told. What came before was not kept: look once more.
    pub(super) fn wait(&self, tag: u64) -> Waiting<'_> {
        let flag = Arc::<Flag>::default();
        self.waiting().insert(tag, Arc::clone(&flag));
        Waiting { resumptions: self, tag, flag }
    }

    /// Tells whoever can go on.
    pub(super) fn settle(&self) {
        if self.port.is_stale() {
            return;
        }
        let mut settled = Vec::new();
        while self.port.has_settled() {
            self.port.take_settled(&mut settled);
            for settled in settled.drain(..) {
                // Calls are all that this port is used for.
                if let Settled::Resumed { tag } = settled {
                    let flag = self.waiting().get(&tag).cloned();
                    if let Some(flag) = flag {
                        flag.tell();
                    }
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<Flag>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// Ready when the call is told; once for each time.
    pub(super) fn told(&self) -> impl Future<Output = ()> + Send + '_ {
        poll_fn(|cx| {
            let mut state = self.flag.state();
            if std::mem::take(&mut state.0) {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let flag = self.resumptions.waiting().remove(&self.tag);
        drop(flag);
    }
}

impl Flag {
    fn tell(&self) {
        let waker = {
            let mut state = self.state();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, (bool, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
