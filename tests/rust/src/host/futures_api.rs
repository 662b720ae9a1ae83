//! The futures API, polled by hand: a future is polled at its call, and then only when it was woken.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::Stream;
use futures::channel::oneshot;
use latchwork::{
    Conflict, Entry, Error, Guard, Key, KeyRange, LockRequest, ManualClock, Mode, Owner, Query, Ticket, TryLock, Watch,
    WriteRequest,
};
use serde_json::Value;

use super::cells::read;
use super::future_calls::{Bodies, Going, Named, Thrown};
use super::{
    AtomicPart, Body, CallRequest, Came, Demanded, Host, Kind, NotMet, Read, Request, Seen, Space, State, Through,
    Write, Wrote, open,
};
use crate::poll::{Task, now};
use crate::scenario::{Ending, Handle, Limits};

/// The futures API.
pub struct Futures {
    clock: ManualClock,
    handles: BTreeMap<String, Space>,
    owners: BTreeMap<String, Owner>,
    results: BTreeMap<String, Slot>,
    watches: BTreeMap<String, Rc<RefCell<Watch<Value>>>>,
    bodies: Bodies,
}

enum Slot {
    Next(Task<'static, Option<Result<Vec<Entry<Value>>, Error>>>),
    Waiting(Task<'static, Result<Option<Guard>, Error>>),
    Granted(Kept),
    Scope(Scope),
    Call(Going),
    /// What it is knows its body.
    Savepoint,
    Settled(State),
}

/// A guard, and how it was seen when it was let go of.
struct Kept {
    guard: Option<Rc<RefCell<Guard>>>,
    seen: Seen,
    let_go: bool,
}

/// A body that runs, as it is seen from outside.
struct Inside {
    ticket: Ticket,
    seen: Seen,
    owner: Option<Owner>,
}

/// A `with_lock` that is not over.
struct Scope {
    task: Task<'static, Result<Result<Value, String>, Error>>,
    inside: Rc<RefCell<Option<Inside>>>,
    /// Somebody asks for the owner.
    asked: Rc<Cell<bool>>,
    end: Option<oneshot::Sender<Ending>>,
    space: Space,
}

impl Host for Futures {
    const NAME: &'static str = "futures";
    const NAMES_KEYS: bool = true;

    fn open(handles: &[Handle], shards: usize, limits: Limits) -> Futures {
        let (clock, handles) = open(handles, shards, limits);
        let (owners, results, watches) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Futures { clock, handles, owners, results, watches, bodies: Bodies::default() }
    }

    fn start(&mut self, handle: &str, _actor: &str, kind: Kind, request: Request, name: &str) {
        let space = self.handles[handle].clone();
        let owner = request.owner.as_ref().map(|owner| self.owners[owner].clone());
        let mut slot = match kind {
            Kind::Lock => {
                Slot::Waiting(Task::new(async move { lock(&space, request, owner.as_ref()).await.map(Some) }))
            }
            Kind::Try => Slot::Waiting(Task::new(async move { try_lock(&space, request, owner.as_ref()).await })),
            Kind::With => Slot::Scope(scope(space, request, owner)),
        };
        slot.advance(true);
        self.results.insert(name.to_owned(), slot);
    }

    fn end(&mut self, name: &str, ending: Ending) {
        if self.bodies.end(name, ending.clone()) {
            return;
        }
        let Some(Slot::Scope(scope)) = self.results.get_mut(name) else { return };
        if let Some(end) = scope.end.take() {
            // The body is gone only when its future is.
            let _ = end.send(ending);
        }
    }

    fn release(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error> {
        if let Some(Slot::Scope(scope)) = self.results.get_mut(name) {
            return match (&*scope.inside.borrow(), keys) {
                (Some(inside), None) => scope.space.release(inside.ticket),
                _ => Err(Error::invalid("guard", "the body does not run, or has the guard to itself")),
            };
        }
        self.guard(name, |guard| match keys {
            Some(keys) => guard.release_keys(keys),
            None => guard.release(),
        })
    }

    fn downgrade(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error> {
        self.guard(name, |guard| match keys {
            Some(keys) => guard.downgrade_keys(keys),
            None => guard.downgrade(),
        })
    }

    fn dispose(&mut self, name: &str) {
        if let Some(Slot::Granted(kept)) = self.results.get_mut(name) {
            kept.look();
            kept.let_go = true;
            kept.seen.held = false;
            drop(kept.guard.take());
        }
    }

    fn owner(&mut self, handle: &str, _actor: &str, label: Option<&str>, name: &str) {
        let space = &self.handles[handle];
        let owner = label.map_or_else(|| space.unnamed_owner(), |label| space.owner(label));
        self.owners.insert(name.to_owned(), owner);
    }

    fn owner_of(&mut self, guard: &str, name: &str) {
        let Some(slot @ Slot::Scope(_)) = self.results.get_mut(guard) else { return };
        if let Slot::Scope(scope) = slot {
            scope.asked.set(true);
        }
        slot.advance(true);
        if let Slot::Scope(scope) = slot
            && let Some(Inside { owner: Some(owner), .. }) = &*scope.inside.borrow()
        {
            self.owners.insert(name.to_owned(), owner.clone());
        }
    }

    fn owner_id(&self, name: &str) -> Option<String> {
        self.owners.get(name).map(|owner| owner.id().to_owned())
    }

    fn close_owner(&mut self, name: &str) -> usize {
        self.owners[name].close()
    }

    fn hand_over(&mut self, guard: &str, to: &str, by_id: bool, payload: Option<Value>) -> Result<bool, Error> {
        let owner = self.owners[to].clone();
        self.guard(guard, |guard| match (by_id, payload) {
            (true, Some(payload)) => guard.hand_over_to(owner.id(), payload),
            (true, None) => guard.hand_over_to(owner.id(), ()),
            (false, Some(payload)) => guard.hand_over(&owner, payload),
            (false, None) => guard.hand_over(&owner, ()),
        })
    }

    fn handed_over(&mut self, owner: &str, name: &str) {
        let owner = self.owners[owner].clone();
        let mut slot = Slot::Waiting(Task::new(async move { owner.handed_over().await.map(Some) }));
        slot.advance(true);
        self.results.insert(name.to_owned(), slot);
    }

    fn revoke(&mut self, handle: &str, keys: Vec<Key>) -> Result<usize, Error> {
        self.handles[handle].revoke(keys)
    }

    fn cancel(&mut self, name: &str) {
        let Some(slot) = self.results.get_mut(name) else { return };
        if matches!(slot, Slot::Waiting(_) | Slot::Scope(_) | Slot::Next(_) | Slot::Call(_)) {
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

    fn get(&mut self, handle: &str, key: Key) -> Result<Read, Error> {
        now(self.handles[handle].get(key)).map(Read::from)
    }

    fn get_many(&mut self, handle: &str, keys: Vec<Key>) -> Result<Vec<Read>, Error> {
        now(self.handles[handle].get_many(keys)).map(read)
    }

    fn write(&mut self, handle: &str, write: Write) -> Result<Wrote, Error> {
        let space = self.handles[handle].clone();
        let there = |outcome: Result<u64, Entry<Value>>| outcome.map_or_else(there_is, Wrote::Committed);
        match write {
            Write::Set(key, value, expire_in, guard) => {
                now(self.demand(expiring(space.set(key, value), expire_in), guard)).map(Wrote::Committed)
            }
            Write::Insert(key, value, expire_in, guard) => {
                now(self.demand(expiring(space.insert(key, value), expire_in), guard)).map(there)
            }
            Write::CompareExchange(cell, value, expire_in, guard) => {
                now(self.demand(expiring(space.compare_exchange(cell, value), expire_in), guard)).map(there)
            }
            Write::Delete(Err(key), guard) => now(self.demand(space.delete(key), guard)).map(Wrote::Existed),
            Write::Delete(Ok(cell), guard) => {
                let outcome = now(self.demand(space.compare_delete(cell), guard))?;
                Ok(outcome.map_or_else(there_is, Wrote::Existed))
            }
        }
    }

    fn atomic(&mut self, handle: &str, parts: Vec<AtomicPart>) -> Result<Wrote, Error> {
        let space = self.handles[handle].clone();
        let mut commit = space.atomic();
        for part in parts {
            commit = match part {
                AtomicPart::Check(cell) => commit.check(cell),
                AtomicPart::Set(key, value, None) => commit.set(key, value),
                AtomicPart::Set(key, value, Some(after)) => commit.set(key, value).expire_in(after),
                AtomicPart::Insert(key, value, None) => commit.insert(key, value),
                AtomicPart::Insert(key, value, Some(after)) => commit.insert(key, value).expire_in(after),
                AtomicPart::Delete(key) => commit.delete(key),
                AtomicPart::Guard(name, None) => commit.guard(&self.kept(&name).borrow()),
                AtomicPart::Guard(name, Some(keys)) => commit.guard_keys(&self.kept(&name).borrow(), keys),
            };
        }
        let not_met = |all: Vec<Conflict<Value>>| Wrote::Conflicts(all.into_iter().map(NotMet::from).collect());
        Ok(now(commit.commit())?.map_or_else(not_met, Wrote::Committed))
    }

    fn list(&mut self, handle: &str, range: KeyRange, limit: Option<usize>, reverse: bool) -> Result<Vec<Read>, Error> {
        let list = self.handles[handle].list(range);
        let list = if reverse { list.reverse() } else { list };
        let list = match limit {
            Some(limit) => list.limit(limit),
            None => list,
        };
        now(list).map(read)
    }

    fn delete_all(&mut self, handle: &str, range: KeyRange, except: Vec<Key>) -> Result<Vec<Key>, Error> {
        let space = &self.handles[handle];
        match except[..] {
            [] => now(space.delete_all(range)),
            _ => now(space.delete_all_except(range, except)),
        }
    }

    fn watch(&mut self, handle: &str, _actor: &str, keys: Result<Vec<Key>, Key>, name: &str) {
        let space = &self.handles[handle];
        let watch = match keys {
            Ok(keys) => space.watch(keys),
            Err(prefix) => space.watch_prefix(prefix),
        };
        self.watches.insert(name.to_owned(), Rc::new(RefCell::new(watch)));
    }

    fn next(&mut self, watch: &str, name: &str) {
        let watch = self.watches[watch].clone();
        let next = poll_fn(move |cx| Pin::new(&mut *watch.borrow_mut()).poll_next(cx));
        let mut slot = Slot::Next(Task::new(next));
        slot.advance(true);
        self.results.insert(name.to_owned(), slot);
    }

    fn end_watch(&mut self, watch: &str) {
        self.watches[watch].borrow_mut().end();
    }

    fn begin(&mut self, handle: &str, _actor: &str, body: Body, request: CallRequest, name: &str) {
        let owner = request.owner.as_ref().map(|owner| self.owners[owner].clone());
        let guard = request.guard.clone().map(|(guard, keys)| (self.kept(&guard).clone(), keys));
        let space = self.handles[handle].clone();
        let mut slot = Slot::Call(self.bodies.begin(space, body, request, Named { owner, guard }, name));
        slot.advance(true);
        self.results.insert(name.to_owned(), slot);
    }

    fn savepoint(&mut self, tx: &str, name: &str) {
        self.bodies.enter(tx, name);
        self.results.insert(name.to_owned(), Slot::Savepoint);
    }

    fn through(&mut self, tx: &str, what: Through) -> Result<Came, Error> {
        self.bodies.through(tx, what)
    }

    fn abort(&mut self, tx: &str, reason: &str) -> Result<(), Error> {
        self.bodies.abort(tx, reason)
    }

    fn retry(&mut self, tx: &str) -> Result<(), Error> {
        self.bodies.retry(tx)
    }

    fn on_commit(&mut self, tx: &str, value: Value) -> Result<(), Error> {
        self.bodies.on_commit(tx, value)
    }

    fn callbacks(&self) -> Vec<Value> {
        self.bodies.callbacks()
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
            Slot::Waiting(_) | Slot::Next(_) => State::Pending,
            Slot::Granted(kept) => {
                kept.look();
                State::Granted(kept.seen.clone())
            }
            Slot::Scope(scope) => match &*scope.inside.borrow() {
                None => State::Pending,
                Some(inside) => State::Running(inside.seen.clone()),
            },
            Slot::Call(_) | Slot::Savepoint => self.bodies.state(name),
            Slot::Settled(state) => state.clone(),
        }
    }
}

impl Futures {
    /// Calls a guard, and looks whether it was let go of by that.
    fn guard<T>(&mut self, name: &str, call: impl FnOnce(&mut Guard) -> Result<T, Error>) -> Result<T, Error> {
        let Some(Slot::Granted(kept @ Kept { guard: Some(_), .. })) = self.results.get_mut(name) else {
            return Err(Error::invalid("guard", "there is none"));
        };
        kept.look();
        let mut guard = kept.guard.as_ref().expect("just seen").borrow_mut();
        let answer = call(&mut guard);
        kept.let_go |= answer.is_ok() && !guard.held();
        drop(guard);
        answer
    }
}

impl Futures {
    /// The guard of a result, perhaps released.
    fn kept(&self, name: &str) -> &Rc<RefCell<Guard>> {
        match self.results.get(name) {
            Some(Slot::Granted(Kept { guard: Some(guard), .. })) => guard,
            _ => panic!("{name} has no guard"),
        }
    }

    fn demand<'s, A>(&self, write: WriteRequest<'s, Value, A>, demanded: Demanded) -> WriteRequest<'s, Value, A> {
        match demanded {
            None => write,
            Some((name, None)) => write.guard(&self.kept(&name).borrow()),
            Some((name, Some(keys))) => write.guard_keys(&self.kept(&name).borrow(), keys),
        }
    }
}

impl Kept {
    /// Sees the guard as it is now. Whether it was lost is what it was when it was let go of.
    fn look(&mut self) {
        let Some(guard) = &self.guard else { return };
        let guard = guard.borrow();
        let lost = if self.let_go { self.seen.lost } else { Task::new(guard.lost()).poll().is_ready() };
        let owner = guard.owner().map(|owner| owner.id().to_owned());
        self.seen = Seen { lost, ..see(&guard, owner) };
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
                        let seen = see(&guard, None);
                        *self = Slot::Granted(Kept { guard: Some(Rc::new(RefCell::new(guard))), seen, let_go: false });
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
            Slot::Next(task) => {
                let Poll::Ready(item) = (if always { task.poll() } else { task.poll_if_woken() }) else {
                    return false;
                };
                match item {
                    Some(Ok(entries)) => State::Item(read(entries)),
                    Some(Err(error)) => State::Failed(error),
                    None => State::Ended,
                }
            }
            Slot::Call(task) => {
                let Poll::Ready(ended) = (if always { task.poll() } else { task.poll_if_woken() }) else {
                    return false;
                };
                match ended {
                    Ok(done) => State::Done(done),
                    Err(Thrown::Body(message)) => State::Threw(message),
                    Err(Thrown::Space(error)) => State::Failed(error),
                }
            }
            Slot::Granted(_) | Slot::Savepoint | Slot::Settled(_) => return false,
        };
        *self = Slot::Settled(state);
        true
    }
}

fn there_is(entry: Entry<Value>) -> Wrote {
    Wrote::There(entry.into())
}

fn expiring<A>(write: WriteRequest<'_, Value, A>, after: Option<Duration>) -> WriteRequest<'_, Value, A> {
    match after {
        Some(after) => write.expire_in(after),
        None => write,
    }
}

fn lock<'a>(space: &'a Space, request: Request, owner: Option<&Owner>) -> LockRequest<'a> {
    let mut lock = space.lock(request.keys).mode(request.mode).shared(request.shared);
    if let Some(label) = request.label {
        lock = lock.label(label);
    }
    if let Some(timeout) = request.timeout {
        lock = lock.timeout(timeout);
    }
    if let Some(max_hold) = request.max_hold {
        lock = lock.max_hold(max_hold);
    }
    match owner {
        Some(owner) => lock.owner(owner),
        None => lock,
    }
}

fn try_lock<'a>(space: &'a Space, request: Request, owner: Option<&Owner>) -> TryLock<'a> {
    let lock = match request.mode {
        Mode::Exclusive => space.try_lock(request.keys),
        Mode::Shared => space.try_lock(Vec::<Key>::new()).shared(request.keys),
    };
    let lock = lock.shared(request.shared);
    let lock = match owner {
        Some(owner) => lock.owner(owner),
        None => lock,
    };
    match request.label {
        Some(label) => lock.label(label),
        None => lock,
    }
}

fn scope(space: Space, request: Request, owner: Option<Owner>) -> Scope {
    let (end, mut ended) = oneshot::channel();
    let (inside, asked) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
    let (shown, asks, own) = (inside.clone(), asked.clone(), space.clone());
    let task = Task::new(async move {
        let body = async |guard: &Guard| {
            poll_fn(|cx| {
                // Asking is what makes the owner of a scope.
                let owner = if asks.get() { guard.owner() } else { owner.clone() };
                let lost = pin!(guard.lost()).poll(cx).is_ready();
                let seen = Seen { lost, ..see(guard, owner.as_ref().map(|owner| owner.id().to_owned())) };
                *shown.borrow_mut() = Some(Inside { ticket: guard.ticket(), seen, owner });
                ended.poll_unpin(cx).map(|ending| match ending {
                    Ok(Ending::Return(value)) => Ok(value),
                    Ok(Ending::Throw(message)) => Err(message),
                    Ok(Ending::Keep | Ending::Delete) => Err("the body is no update's".to_owned()),
                    Err(oneshot::Canceled) => Err("the runner went away".to_owned()),
                })
            })
            .await
        };
        lock(&own, request, owner.as_ref()).run(body).await
    });
    Scope { task, inside, asked, end: Some(end), space }
}

fn see(guard: &Guard, owner: Option<String>) -> Seen {
    Seen {
        keys: Some((guard.keys().to_vec(), guard.shared().to_vec())),
        label: Some(guard.label().map(str::to_owned)),
        token: guard.token(),
        held: guard.held(),
        lost: false,
        owner,
        payload: guard.payload().and_then(|payload| payload.downcast_ref().cloned()),
        abandoned: guard.abandoned(),
    }
}

impl fmt::Debug for Futures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Futures").field("results", &self.results.len()).finish_non_exhaustive()
    }
}
