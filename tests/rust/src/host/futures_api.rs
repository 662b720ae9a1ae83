//! The futures API, polled by hand: a future is polled at its call, and then only when it was woken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use latchwork::{Error, Guard, Key, LockRequest, ManualClock, Mode, Query, Space, Ticket, TryLock};
use serde_json::Value;

use super::{Host, Kind, Request, Seen, State};
use crate::poll::{Task, now};
use crate::scenario::Ending;

/// The futures API.
pub struct Futures {
    clock: ManualClock,
    handles: BTreeMap<String, Space>,
    results: BTreeMap<String, Slot>,
}

enum Slot {
    Waiting(Task<'static, Result<Option<Guard>, Error>>),
    Granted(Option<Guard>, Seen),
    Scope(Scope),
    Settled(State),
}

/// A `with_lock` that is not over.
struct Scope {
    task: Task<'static, Result<Result<Value, String>, Error>>,
    inside: Rc<RefCell<Option<(Ticket, Seen)>>>,
    end: Option<oneshot::Sender<Ending>>,
    space: Space,
}

impl Host for Futures {
    const NAME: &'static str = "futures";
    const NAMES_KEYS: bool = true;

    fn open(handles: &[&str], shards: usize) -> Futures {
        let clock = ManualClock::new();
        let space = Space::builder().shards(shards).clock(clock.clone()).seed(7).build();
        let handle = |(i, name): (usize, &&str)| {
            let handle = if i == 0 { space.clone() } else { space.attach() };
            ((*name).to_owned(), handle)
        };
        Futures { clock, handles: handles.iter().enumerate().map(handle).collect(), results: BTreeMap::new() }
    }

    fn start(&mut self, handle: &str, _actor: &str, kind: Kind, request: Request, name: &str) {
        let space = self.handles[handle].clone();
        let mut slot = match kind {
            Kind::Lock => Slot::Waiting(Task::new(async move { lock(&space, request).await.map(Some) })),
            Kind::Try => Slot::Waiting(Task::new(async move { try_lock(&space, request).await })),
            Kind::With => Slot::Scope(scope(space, request)),
        };
        slot.advance(true);
        self.results.insert(name.to_owned(), slot);
    }

    fn end(&mut self, name: &str, ending: Ending) {
        let Some(Slot::Scope(scope)) = self.results.get_mut(name) else { return };
        if let Some(end) = scope.end.take() {
            // The body is gone only when its future is.
            let _ = end.send(ending);
        }
    }

    fn release(&mut self, name: &str) -> Result<(), Error> {
        match self.results.get_mut(name) {
            Some(Slot::Granted(Some(guard), _)) => guard.release(),
            Some(Slot::Scope(scope)) => match &*scope.inside.borrow() {
                Some((ticket, _)) => scope.space.release(*ticket),
                None => Err(Error::invalid("guard", "the body does not run")),
            },
            _ => Err(Error::invalid("guard", "there is none")),
        }
    }

    fn dispose(&mut self, name: &str) {
        if let Some(Slot::Granted(guard, seen)) = self.results.get_mut(name) {
            seen.held = false;
            drop(guard.take());
        }
    }

    fn cancel(&mut self, name: &str) {
        let Some(slot) = self.results.get_mut(name) else { return };
        if matches!(slot, Slot::Waiting(_) | Slot::Scope(_)) {
            *slot = Slot::Settled(State::Cancelled);
        }
    }

    fn query(&mut self, handle: &str, keys: Option<Vec<Key>>) -> Result<Query, Error> {
        let space = &self.handles[handle];
        match keys {
            Some(keys) => now(space.query_keys(keys)),
            None => now(space.query()),
        }
    }

    fn close(&mut self, handle: &str) {
        self.handles[handle].close();
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.handles[crate::scenario::FIRST_HANDLE].tick();
    }

    fn settle(&mut self) {
        while self.results.values_mut().any(|slot| slot.advance(false)) {}
    }

    fn state(&mut self, name: &str) -> State {
        let Some(slot) = self.results.get_mut(name) else { return State::None };
        match slot {
            Slot::Waiting(_) => State::Pending,
            Slot::Granted(guard, seen) => {
                let held = guard.as_ref().is_some_and(Guard::held);
                State::Granted(Seen { held, ..seen.clone() })
            }
            Slot::Scope(scope) => match &*scope.inside.borrow() {
                None => State::Pending,
                Some((_, seen)) => State::Running(seen.clone()),
            },
            Slot::Settled(state) => state.clone(),
        }
    }
}

impl Slot {
    /// Polls the future if it was woken, or in any case. Answers whether something came of it.
    fn advance(&mut self, always: bool) -> bool {
        let state = match self {
            Slot::Waiting(task) => {
                let Poll::Ready(output) = (if always { task.poll() } else { task.poll_if_woken() }) else {
                    return false;
                };
                match output {
                    Ok(Some(guard)) => {
                        let seen = see(&guard);
                        *self = Slot::Granted(Some(guard), seen);
                        return true;
                    }
                    Ok(None) => State::None,
                    Err(error) => State::Failed(error),
                }
            }
            Slot::Scope(scope) => {
                // Once the body runs it is polled each time, so that it shows its guard as it is now.
                let always = always || scope.inside.borrow().is_some();
                let Poll::Ready(output) = (if always { scope.task.poll() } else { scope.task.poll_if_woken() }) else {
                    return false;
                };
                match output {
                    Ok(Ok(value)) => State::Returned(value),
                    Ok(Err(message)) => State::Threw(message),
                    Err(error) => State::Failed(error),
                }
            }
            Slot::Granted(..) | Slot::Settled(_) => return false,
        };
        *self = Slot::Settled(state);
        true
    }
}

fn lock(space: &Space, request: Request) -> LockRequest<'_> {
    let mut lock = space.lock(request.keys).mode(request.mode).shared(request.shared);
    if let Some(label) = request.label {
        lock = lock.label(label);
    }
    if let Some(timeout) = request.timeout {
        lock = lock.timeout(timeout);
    }
    lock
}

fn try_lock(space: &Space, request: Request) -> TryLock<'_> {
    let lock = match request.mode {
        Mode::Exclusive => space.try_lock(request.keys),
        Mode::Shared => space.try_lock(Vec::<Key>::new()).shared(request.keys),
    };
    let lock = lock.shared(request.shared);
    match request.label {
        Some(label) => lock.label(label),
        None => lock,
    }
}

fn scope(space: Space, request: Request) -> Scope {
    let (end, mut ended) = oneshot::channel();
    let inside = Rc::new(RefCell::new(None));
    let (shown, own) = (inside.clone(), space.clone());
    let task = Task::new(async move {
        let body = async |guard: &Guard| {
            poll_fn(|cx| {
                *shown.borrow_mut() = Some((guard.ticket(), see(guard)));
                ended.poll_unpin(cx).map(|ending| match ending {
                    Ok(Ending::Return(value)) => Ok(value),
                    Ok(Ending::Throw(message)) => Err(message),
                    Err(oneshot::Canceled) => Err("the runner went away".to_owned()),
                })
            })
            .await
        };
        lock(&own, request).run(body).await
    });
    Scope { task, inside, end: Some(end), space }
}

fn see(guard: &Guard) -> Seen {
    Seen {
        keys: Some((guard.keys().to_vec(), guard.shared().to_vec())),
        label: Some(guard.label().map(str::to_owned)),
        token: guard.token(),
        held: guard.held(),
    }
}

impl fmt::Debug for Futures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Futures").field("results", &self.results.len()).finish_non_exhaustive()
    }
}
