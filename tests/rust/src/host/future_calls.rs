//! Updates and transactions through the futures API: bodies that wait for what the scenario says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::channel::mpsc;
use latchwork::{Change, Entry, Error, ErrorKind, Expiry, Guard, Key, Owner, Scan, Tx};
use serde_json::Value;

use super::cells::read;
use super::{Body, CallRequest, Came, Committed, Read, Space, State, Through};
use crate::poll::{Task, now};
use crate::scenario::Ending;

/// The bodies of a scenario, by the names of their calls.
#[derive(Clone, Default)]
pub(super) struct Bodies(Rc<Shared>);

#[derive(Default)]
struct Shared {
    running: RefCell<BTreeMap<String, Running>>,
    /// What savepoints came to.
    left: RefCell<BTreeMap<String, State>>,
    callbacks: Arc<Mutex<Vec<Value>>>,
}

/// A body that runs, or has run: its handle is of no use then.
struct Running {
    attempt: u32,
    entry: Option<Read>,
    tx: Option<Tx<Value>>,
    say: mpsc::UnboundedSender<Say>,
    over: bool,
}

/// What a body is told to do.
enum Say {
    End(Ending),
    /// Open a savepoint of this name.
    Enter(String),
}

/// Why a body, or its call, ended without a commit.
pub(super) enum Thrown {
    Body(String),
    Space(Error),
}

impl From<Error> for Thrown {
    fn from(error: Error) -> Thrown {
        Thrown::Space(error)
    }
}

/// A call that is not over.
pub(super) type Going = Task<'static, Result<Committed, Thrown>>;

/// A guard, and the keys that it must hold, where they are named.
pub(super) type Demanded = (Rc<RefCell<Guard>>, Option<Vec<Key>>);

/// What a call names that the scenario has made.
pub(super) struct Named {
    pub(super) owner: Option<Owner>,
    pub(super) guard: Option<Demanded>,
}

/// The options of a call: the builders of updates and transactions have the same.
macro_rules! with_options {
    ($call:expr, $request:expr, $named:expr) => {{
        let (mut call, request, named): (_, CallRequest, Named) = ($call, $request, $named);
        if let Some(attempts) = request.attempts {
            call = call.attempts(attempts);
        }
        if let Some(timeout) = request.timeout {
            call = call.timeout(timeout);
        }
        if let Some(label) = request.label {
            call = call.label(label);
        }
        if let Some(owner) = &named.owner {
            call = call.owner(owner);
        }
        match named.guard {
            Some((guard, None)) => call.guard(&guard.borrow()),
            Some((guard, Some(keys))) => call.guard_keys(&guard.borrow(), keys),
            None => call,
        }
    }};
}

impl Bodies {
    /// Begins an update or a transaction, once it is polled.
    pub(super) fn begin(&self, space: Space, body: Body, request: CallRequest, named: Named, name: &str) -> Going {
        let (name, bodies) = (name.to_owned(), self.clone());
        match body {
            Body::Update(key, expiry) => Task::new(async move {
                let attempt = Rc::new(Cell::new(0));
                let update = space.update_async(key, move |entry: Entry<Value>| {
                    attempt.set(attempt.get() + 1);
                    bodies.clone().function(name.clone(), attempt.get(), entry)
                });
                let update = match expiry {
                    Some(Expiry::In(after)) => update.expire_in(after),
                    Some(Expiry::Never) => update.never_expire(),
                    Some(Expiry::Keep) | None => update,
                };
                let done = with_options!(update, request, named).await?;
                let (value, version, attempts) = (done.value, done.version, done.attempts);
                Ok(Committed { value, version, attempts, changed: Some(done.changed) })
            }),
            Body::Transact => Task::new(async move {
                let transact = space.transact(move |tx: Tx<Value>| bodies.clone().body(name.clone(), tx));
                let done = with_options!(transact, request, named).await?;
                let value = Some(done.value);
                Ok(Committed { value, version: done.version, attempts: done.attempts, changed: None })
            }),
        }
    }

    /// What a call or a savepoint is now, while it is not over.
    pub(super) fn state(&self, name: &str) -> State {
        if let Some(state) = self.0.left.borrow().get(name) {
            return state.clone();
        }
        match self.0.running.borrow().get(name) {
            Some(Running { attempt, entry, over: false, .. }) => State::Attempt(*attempt, entry.clone()),
            _ => State::Pending,
        }
    }

    /// Lets a body end. `false` when there is none of that name.
    pub(super) fn end(&self, name: &str, ending: Ending) -> bool {
        self.say(name, Say::End(ending))
    }

    /// Opens a savepoint in a body.
    pub(super) fn enter(&self, tx: &str, name: &str) {
        // A body that is over cannot; what it would be told is what its handle says.
        let over = self.0.running.borrow().get(tx).is_none_or(|body| body.over);
        if !over {
            self.say(tx, Say::Enter(name.to_owned()));
            return;
        }
        let Some(tx) = self.tx(tx) else { return };
        let entered: Result<(), Error> = now(tx.transact(async |_| Ok(())));
        if let Err(error) = entered {
            self.0.left.borrow_mut().insert(name.to_owned(), State::Failed(error));
        }
    }

    /// Makes a call through the handle of a body.
    pub(super) fn through(&self, tx: &str, what: Through) -> Result<Came, Error> {
        let tx = self.tx(tx).unwrap_or_else(|| panic!("{tx} has no body"));
        Ok(match what {
            Through::Get(key) => Came::Read(now(tx.get(key))?.into()),
            Through::GetMany(keys) => Came::Listed(read(now(tx.get_many(keys))?)),
            Through::List(range, limit, reverse) => {
                let scan = Scan::new(range).limit(limit.unwrap_or(usize::MAX));
                Came::Listed(read(now(tx.scan(if reverse { scan.reverse() } else { scan }))?))
            }
            Through::Set(key, value, None) => {
                tx.set(key, value)?;
                Came::Done
            }
            Through::Set(key, value, Some(expiry)) => {
                tx.set_expiring(key, value, expiry)?;
                Came::Done
            }
            Through::Insert(key, value, _) => match now(tx.insert(key, value))? {
                Ok(()) => Came::Done,
                Err(entry) => Came::There(entry.into()),
            },
            Through::Delete(key) => {
                tx.delete(key)?;
                Came::Done
            }
        })
    }

    /// Marks a body as aborted.
    pub(super) fn abort(&self, tx: &str, reason: &str) -> Result<(), Error> {
        let tx = self.tx(tx).unwrap_or_else(|| panic!("{tx} has no body"));
        expect(tx.abort(reason), ErrorKind::Aborted)
    }

    /// Marks a body as one that waits for a change.
    pub(super) fn retry(&self, tx: &str) -> Result<(), Error> {
        let tx = self.tx(tx).unwrap_or_else(|| panic!("{tx} has no body"));
        expect(tx.retry(), ErrorKind::Conflict)
    }

    /// Has a value appended after the commit.
    pub(super) fn on_commit(&self, tx: &str, value: Value) -> Result<(), Error> {
        let tx = self.tx(tx).unwrap_or_else(|| panic!("{tx} has no body"));
        let callbacks = self.0.callbacks.clone();
        tx.on_commit(move || callbacks.lock().unwrap_or_else(PoisonError::into_inner).push(value))
    }

    /// What callbacks have appended.
    pub(super) fn callbacks(&self) -> Vec<Value> {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn say(&self, name: &str, say: Say) -> bool {
        match self.0.running.borrow().get(name) {
            // A body that was dropped listens no more.
            Some(body) => body.say.unbounded_send(say).is_ok(),
            None => false,
        }
    }

    fn tx(&self, name: &str) -> Option<Tx<Value>> {
        self.0.running.borrow().get(name)?.tx.clone()
    }

    fn enters(&self, name: &str, attempt: u32, entry: Option<Read>, tx: Option<Tx<Value>>) -> Listening {
        let (say, told) = mpsc::unbounded();
        self.0.running.borrow_mut().insert(name.to_owned(), Running { attempt, entry, tx, say, over: false });
        Listening { bodies: self.clone(), name: name.to_owned(), told }
    }

    /// The function of an update.
    async fn function(self, name: String, attempt: u32, entry: Entry<Value>) -> Result<Change<Value>, Thrown> {
        let mut listening = self.enters(&name, attempt, Some(entry.into()), None);
        match listening.told.next().await {
            Some(Say::End(Ending::Return(value))) => Ok(Change::Set(value)),
            Some(Say::End(Ending::Keep)) => Ok(Change::Keep),
            Some(Say::End(Ending::Delete)) => Ok(Change::Delete),
            Some(Say::End(Ending::Throw(message))) => Err(Thrown::Body(message)),
            Some(Say::Enter(_)) | None => panic!("{name} is an update"),
        }
    }

    /// The body of a transaction or of a savepoint.
    async fn body(self, name: String, tx: Tx<Value>) -> Result<Value, Thrown> {
        let mut listening = self.enters(&name, tx.attempt(), None, Some(tx.clone()));
        loop {
            match listening.told.next().await {
                Some(Say::End(Ending::Return(value))) => return Ok(value),
                Some(Say::End(Ending::Throw(message))) => return Err(Thrown::Body(message)),
                Some(Say::End(Ending::Keep | Ending::Delete)) | None => panic!("{name} is no update"),
                Some(Say::Enter(inner)) => {
                    let bodies = self.clone();
                    let inside = async |tx| Box::pin(bodies.clone().body(inner.clone(), tx)).await;
                    let state = match tx.transact(inside).await {
                        Ok(value) => State::Returned(value),
                        Err(Thrown::Body(message)) => State::Threw(message),
                        Err(Thrown::Space(error)) => State::Failed(error),
                    };
                    self.0.left.borrow_mut().insert(inner, state);
                }
            }
        }
    }
}

/// A body while it runs.
struct Listening {
    bodies: Bodies,
    name: String,
    told: mpsc::UnboundedReceiver<Say>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(body) = self.bodies.0.running.borrow_mut().get_mut(&self.name) {
            body.over = true;
        }
    }
}

fn expect(error: Error, kind: ErrorKind) -> Result<(), Error> {
    if error.kind() == kind { Ok(()) } else { Err(error) }
}
