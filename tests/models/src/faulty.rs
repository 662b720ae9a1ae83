//! A little shell of its own, with at most one known fault: each model has to find the fault that it is there for, and
//! to pass the shell without one.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use latchwork::Key;

use crate::checker::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};
use crate::shell::{Closed, Shell, Wait};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A grant that was cancelled before anybody saw it stays with the one who left.
    KeepsUnseenGrants,
    /// The first waker is kept, whatever the later polls bring.
    KeepsTheFirstWaker,
    /// Keys that were free are taken, though it was another lock under which they were looked at.
    TakesWhatWasFree,
    /// Keys that were held are waited for, though it was another lock under which they were looked at.
    WaitsForWhatWasHeld,
    /// The queues are joined one after the other, in the order asked for.
    JoinsKeyByKey,
    /// The count of the keys that are missing goes down in two steps, and not under the lock.
    CountsInTwoSteps,
    /// Whether the handle is open is looked at before the lock under which the queue is joined.
    ForgetsToLookForClose,
    /// What a handle holds is looked up, unlocked, and only then ended: what was granted meanwhile stays.
    ClosesWhatItSaw,
}

/// A handle on the little shell.
#[derive(Clone)]
pub struct Faulty {
    place: Arc<Place>,
    handle: Arc<Handle>,
}

/// What it gives to a holder.
pub struct Held {
    place: Arc<Place>,
    number: u64,
}

struct Handle {
    number: u64,
    closed: AtomicUsize,
}

struct Place {
    fault: Option<Fault>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// Who holds or waits for each key, in order of arrival.
    queues: BTreeMap<Key, Vec<u64>>,
    requests: BTreeMap<u64, Request>,
}

struct Request {
    handle: u64,
    keys: Vec<Key>,
    /// The keys at which somebody is before it, and one more while it joins.
    missing: Arc<AtomicUsize>,
    standing: Standing,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Waiting,
    Granted,
    Closed,
}

impl Faulty {
    /// A place with that fault, or none.
    pub fn new(fault: Option<Fault>) -> Faulty {
        let place = Arc::new(Place { fault, state: Mutex::new(State::default()) });
        Faulty { handle: place.handle(), place }
    }
}

impl Shell for Faulty {
    type Guard = Held;

    fn lock(&self, keys: &[Key]) -> Wait<Held> {
        Box::pin(Asked { shell: self.clone(), keys: keys.to_vec(), number: None })
    }

    fn attach(&self) -> Faulty {
        Faulty { place: self.place.clone(), handle: self.place.handle() }
    }

    fn close(&self) {
        self.handle.closed.store(1, Ordering::SeqCst);
        let mut state = lock(&self.place.state);
        let own = state.requests.iter().filter(|(_, request)| request.handle == self.handle.number);
        let (granted, waiting): (Vec<_>, Vec<_>) =
            own.map(|(&number, request)| (number, request.standing)).partition(|own| own.1 == Standing::Granted);
        if self.place.has(Fault::ClosesWhatItSaw) {
            drop(state);
            state = lock(&self.place.state);
        }
        let mut wakers = Vec::new();
        for (number, _) in waiting {
            if self.place.has(Fault::ClosesWhatItSaw) && state.requests[&number].standing == Standing::Granted {
                continue;
            }
            state.leave_queues(number, &mut wakers);
            if let Some(request) = state.requests.get_mut(&number) {
                request.standing = Standing::Closed;
                wakers.extend(request.waker.take());
            }
        }
        for (number, _) in granted {
            state.leave_queues(number, &mut wakers);
            wakers.extend(state.requests.remove(&number).and_then(|request| request.waker));
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn is_held(guard: &Held) -> bool {
        lock(&guard.place.state).requests.contains_key(&guard.number)
    }

    fn is_empty(&self) -> bool {
        let state = lock(&self.place.state);
        state.queues.is_empty() && state.requests.is_empty()
    }
}

impl Place {
    fn handle(&self) -> Arc<Handle> {
        let number = lock(&self.state).number();
        Arc::new(Handle { number, closed: AtomicUsize::new(0) })
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Joins the queues; the request's number.
    fn join(&self, handle: &Handle, keys: &[Key], waker: &Waker) -> Result<u64, Closed> {
        let open = handle.closed.load(Ordering::SeqCst) == 0;
        let busy = lock(&self.state).busy(keys);
        let mut state = lock(&self.state);
        let open =
            if self.has(Fault::ForgetsToLookForClose) { open } else { handle.closed.load(Ordering::SeqCst) == 0 };
        if !open {
            return Err(Closed);
        }
        let number = state.number();
        let missing = Arc::new(AtomicUsize::new(1));
        let (standing, waker, keys) = (Standing::Waiting, Some(waker.clone()), keys.to_vec());
        let request = Request { handle: handle.number, keys: keys.clone(), missing: missing.clone(), standing, waker };
        state.requests.insert(number, request);
        for (at, key) in keys.iter().enumerate() {
            if at > 0 && self.has(Fault::JoinsKeyByKey) {
                drop(state);
                state = lock(&self.state);
            }
            let queue = state.queues.entry(key.clone()).or_default();
            if busy == 0 && self.has(Fault::TakesWhatWasFree) {
                queue.insert(0, number);
                continue;
            }
            queue.push(number);
            if queue.len() > 1 {
                missing.fetch_add(1, Ordering::SeqCst);
            }
        }
        if busy > 0 && self.has(Fault::WaitsForWhatWasHeld) {
            missing.fetch_max(busy + 1, Ordering::SeqCst);
        }
        state.one_less(number, &mut Vec::new());
        Ok(number)
    }

    /// Takes a request out, and tells whoever has its keys now.
    fn leave(&self, number: u64) {
        let mut wakers = Vec::new();
        if self.has(Fault::CountsInTwoSteps) {
            self.leave_in_steps(number, &mut wakers);
        } else {
            let mut state = lock(&self.state);
            state.leave_queues(number, &mut wakers);
            state.requests.remove(&number);
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn leave_in_steps(&self, number: u64, wakers: &mut Vec<Waker>) {
        let keys = lock(&self.state).requests.get(&number).map(|request| request.keys.clone());
        for key in keys.unwrap_or_default() {
            let next = lock(&self.state).next_after(number, &key);
            let Some((next, missing)) = next else { continue };
            let left = missing.load(Ordering::SeqCst) - 1;
            missing.store(left, Ordering::SeqCst);
            if left == 0 {
                lock(&self.state).grant(next, wakers);
            }
        }
        lock(&self.state).requests.remove(&number);
    }

    /// Looks after a request again. Its last look, unless it is told to wait.
    fn look(&self, number: u64, waker: &Waker) -> Poll<Result<(), Closed>> {
        let mut state: MutexGuard<'_, State> = lock(&self.state);
        let Some(request) = state.requests.get_mut(&number) else { return Poll::Ready(Err(Closed)) };
        match request.standing {
            Standing::Granted => Poll::Ready(Ok(())),
            Standing::Closed => {
                state.requests.remove(&number);
                Poll::Ready(Err(Closed))
            }
            Standing::Waiting => {
                if request.waker.is_none() || !self.has(Fault::KeepsTheFirstWaker) {
                    request.waker = Some(waker.clone());
                }
                Poll::Pending
            }
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn busy(&self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.queues.contains_key(*key)).count()
    }

    fn leave_queues(&mut self, number: u64, wakers: &mut Vec<Waker>) {
        let keys = self.requests.get(&number).map(|request| request.keys.clone()).unwrap_or_default();
        for key in keys {
            if let Some((next, _)) = self.next_after(number, &key) {
                self.one_less(next, wakers);
            }
        }
    }

    /// Takes a request out of one queue; who is the first now and was not before.
    fn next_after(&mut self, number: u64, key: &Key) -> Option<(u64, Arc<AtomicUsize>)> {
        let queue = self.queues.get_mut(key)?;
        let at = queue.iter().position(|&other| other == number)?;
        queue.remove(at);
        let Some(&next) = queue.first() else {
            self.queues.remove(key);
            return None;
        };
        (at == 0).then(|| (next, self.requests[&next].missing.clone()))
    }

    fn one_less(&mut self, number: u64, wakers: &mut Vec<Waker>) {
        if self.requests[&number].missing.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.grant(number, wakers);
        }
    }

    fn grant(&mut self, number: u64, wakers: &mut Vec<Waker>) {
        if let Some(request) = self.requests.get_mut(&number) {
            request.standing = Standing::Granted;
            wakers.extend(request.waker.take());
        }
    }
}

/// A request as a future.
struct Asked {
    shell: Faulty,
    keys: Vec<Key>,
    /// Once it has joined, and until it is settled.
    number: Option<u64>,
}

impl Future for Asked {
    type Output = Result<Held, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let place = self.shell.place.clone();
        let number = match self.number {
            Some(number) => number,
            None => place.join(&self.shell.handle, &self.keys, cx.waker())?,
        };
        self.number = Some(number);
        place.look(number, cx.waker()).map(|settled| {
            self.number = None;
            settled.map(|()| Held { place, number })
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let place = &self.shell.place;
        let standing = lock(&place.state).requests.get(&number).map(|request| request.standing);
        if standing != Some(Standing::Granted) || !place.has(Fault::KeepsUnseenGrants) {
            place.leave(number);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.place.leave(self.number);
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("fault", &self.place.fault).finish_non_exhaustive()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("number", &self.number).finish_non_exhaustive()
    }
}
