//! The public API as a scenario sees it.

mod calls;
mod cells;
mod future_calls;
mod futures_api;
mod ports;

use std::collections::BTreeMap;
use std::time::Duration;

use latchwork::{Builder, Error, Key, KeyRange, LockSpec, ManualClock, Mode, Owner, Query};
use serde_json::Value;

pub use self::calls::{Body, CallRequest, Came, Through};
pub use self::cells::{AtomicPart, Cell, Demanded, NotMet, Read, Write, Wrote};
pub use self::futures_api::Futures;
pub use self::ports::Ports;
use crate::scenario::{Ending, Handle, Limits};

/// Which call makes a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `lock`.
    Lock,
    /// `try_lock`.
    Try,
    /// `with_lock`.
    With,
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The keys, in `mode`.
    pub keys: Vec<Key>,
    /// Further keys in shared mode.
    pub shared: Vec<Key>,
    /// The mode of `keys`.
    pub mode: Mode,
    /// The time-out.
    pub timeout: Option<Duration>,
    /// The label.
    pub label: Option<String>,
    /// The name of its owner.
    pub owner: Option<String>,
    /// The longest time that it may hold.
    pub max_hold: Option<Duration>,
}

/// What a result is now.
#[derive(Clone, Debug)]
pub enum State {
    /// Not settled.
    Pending,
    /// There is a guard.
    Granted(Seen),
    /// `try_lock` answered nothing.
    None,
    /// A body runs.
    Running(Seen),
    /// The body's value.
    Returned(Value),
    /// The body's own error.
    Threw(String),
    /// Given up.
    Cancelled,
    /// An error of the library.
    Failed(Error),
    /// An item of a watch.
    Item(Vec<Read>),
    /// A watch has no further item.
    Ended,
    /// The body of an update or a transaction runs: which run it is, and for an update the cell.
    Attempt(u32, Option<Read>),
    /// An update or a transaction has committed.
    Done(Committed),
}

/// What an update or a transaction came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// What the body returned, or the cell holds after an update; none where that is absent.
    pub value: Option<Value>,
    /// The version.
    pub version: u64,
    /// How often the body ran.
    pub attempts: u32,
    /// Of an update: whether it wrote.
    pub changed: Option<bool>,
}

/// A space whose cells hold any JSON.
pub type Space = latchwork::Space<Value>;

/// A guard as it is seen now.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The exclusive and the shared keys; `None` where the host does not have them.
    pub keys: Option<(Vec<Key>, Vec<Key>)>,
    /// The label; outer `None` where the host does not have it.
    pub label: Option<Option<String>>,
    /// The fencing token.
    pub token: u64,
    /// Whether it is held.
    pub held: bool,
    /// Whether it was taken away.
    pub lost: bool,
    /// The id of its owner.
    pub owner: Option<String>,
    /// What came along when it was handed over.
    pub payload: Option<Value>,
    /// Whether a holder went away without a word while it was queued.
    pub abandoned: bool,
}

/// One face of the library, with the results that a scenario has made so far.
pub trait Host {
    /// Its name in reports.
    const NAME: &'static str;

    /// Whether its errors of `release` name the keys.
    const NAMES_KEYS: bool;

    /// A new space with a manual clock at 0, and a handle on it for each name.
    fn open(handles: &[Handle], shards: usize, limits: Limits) -> Self;

    /// Makes a call and polls it once.
    fn start(&mut self, handle: &str, actor: &str, kind: Kind, request: Request, name: &str);

    /// Lets the body of a `with_lock` end.
    fn end(&mut self, name: &str, ending: Ending);

    /// Releases a guard explicitly, or some of its keys.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn release(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error>;

    /// Makes a guard, or some of its keys, shared.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn downgrade(&mut self, name: &str, keys: Option<Vec<Key>>) -> Result<(), Error>;

    /// Makes an owner.
    fn owner(&mut self, handle: &str, actor: &str, label: Option<&str>, name: &str);

    /// Asks a running `with_lock` for its owner.
    fn owner_of(&mut self, guard: &str, name: &str);

    /// The id of an owner.
    fn owner_id(&self, name: &str) -> Option<String>;

    /// Ends an owner. Answers how many holds and waits ended.
    fn close_owner(&mut self, name: &str) -> usize;

    /// Hands a guard over. Answers whether it was delivered.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn hand_over(&mut self, guard: &str, to: &str, by_id: bool, payload: Option<Value>) -> Result<bool, Error>;

    /// Waits for the next guard that is handed over to an owner.
    fn handed_over(&mut self, owner: &str, name: &str);

    /// Takes keys away from who holds them. Answers how many guards were lost.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn revoke(&mut self, handle: &str, keys: Vec<Key>) -> Result<usize, Error>;

    /// Disposes of a guard.
    fn dispose(&mut self, name: &str);

    /// Gives a call up.
    fn cancel(&mut self, name: &str);

    /// Asks what is held and what waits.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn query(&mut self, handle: &str, keys: Option<Vec<Key>>) -> Result<Query, Error>;

    /// Closes a handle.
    fn close(&mut self, handle: &str);

    /// The cell of a key.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn get(&mut self, handle: &str, key: Key) -> Result<Read, Error>;

    /// Several cells.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn get_many(&mut self, handle: &str, keys: Vec<Key>) -> Result<Vec<Read>, Error>;

    /// Writes one cell.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn write(&mut self, handle: &str, write: Write) -> Result<Wrote, Error>;

    /// Commits several conditions and writes.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn atomic(&mut self, handle: &str, parts: Vec<AtomicPart>) -> Result<Wrote, Error>;

    /// The cells of a range.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn list(&mut self, handle: &str, range: KeyRange, limit: Option<usize>, reverse: bool) -> Result<Vec<Read>, Error>;

    /// Deletes the cells of a range.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn delete_all(&mut self, handle: &str, range: KeyRange, except: Vec<Key>) -> Result<Vec<Key>, Error>;

    /// Makes a watch of these keys, or of what begins with a key.
    fn watch(&mut self, handle: &str, actor: &str, keys: Result<Vec<Key>, Key>, name: &str);

    /// Asks a watch for its next item.
    fn next(&mut self, watch: &str, name: &str);

    /// Ends a watch.
    fn end_watch(&mut self, watch: &str);

    /// Begins an update or a transaction.
    fn begin(&mut self, handle: &str, actor: &str, body: Body, request: CallRequest, name: &str);

    /// Opens a savepoint in a body.
    fn savepoint(&mut self, tx: &str, name: &str);

    /// Makes a call through the handle of a body.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn through(&mut self, tx: &str, what: Through) -> Result<Came, Error>;

    /// Marks a body as aborted.
    ///
    /// # Errors
    ///
    /// What the library answers when it is too late.
    fn abort(&mut self, tx: &str, reason: &str) -> Result<(), Error>;

    /// Marks a body as one that waits for a change.
    ///
    /// # Errors
    ///
    /// What the library answers when it cannot wait.
    fn retry(&mut self, tx: &str) -> Result<(), Error>;

    /// Has a value appended to the callbacks' list after the commit.
    ///
    /// # Errors
    ///
    /// What the library answers.
    fn on_commit(&mut self, tx: &str, value: Value) -> Result<(), Error>;

    /// What callbacks have appended so far.
    fn callbacks(&self) -> Vec<Value>;

    /// Moves the clock, then ticks.
    fn advance(&mut self, by: Duration);

    /// Lets everything happen that can happen.
    fn settle(&mut self);

    /// What a result is now.
    fn state(&mut self, name: &str) -> State;
}

impl State {
    /// The guard, released or not.
    pub fn seen(&self) -> Option<&Seen> {
        match self {
            State::Granted(seen) | State::Running(seen) => Some(seen),
            _ => None,
        }
    }

    /// Whether it can still change by itself.
    pub fn moves(&self) -> bool {
        matches!(self, State::Pending | State::Running(_) | State::Attempt(..))
    }
}

impl Request {
    /// The same as a specification. `owner` is the one that it names.
    pub fn spec(self, owner: Option<&Owner>) -> LockSpec {
        let mut spec = LockSpec::new(self.keys).mode(self.mode).shared(self.shared);
        if let Some(label) = self.label {
            spec = spec.label(label);
        }
        if let Some(timeout) = self.timeout {
            spec = spec.timeout(timeout);
        }
        if let Some(max_hold) = self.max_hold {
            spec = spec.max_hold(max_hold);
        }
        match owner {
            Some(owner) => spec.owner(owner),
            None => spec,
        }
    }
}

/// A new space with a manual clock at 0, and a handle on it for each name.
fn open(handles: &[Handle], shards: usize, limits: Limits) -> (ManualClock, BTreeMap<String, Space>) {
    let clock = ManualClock::new();
    let builder = latchwork::Space::builder().cells::<Value>().shards(shards).clock(clock.clone()).seed(7);
    let total = |builder: Builder<Value>| match limits.max_waiters {
        Some(most) => builder.max_waiters(most),
        None => builder,
    };
    let builder = match limits.max_waiters_per_key {
        Some(most) => total(builder).max_waiters_per_key(most),
        None => total(builder),
    };
    let space = builder.build();
    let mut open: BTreeMap<String, Space> = BTreeMap::new();
    for handle in handles {
        let space = match &handle.of {
            None if open.is_empty() => space.clone(),
            None => space.attach(),
            Some((of, prefixes)) => {
                prefixes.iter().fold(open[of].clone(), |space, prefix| space.within(prefix.clone()))
            }
        };
        open.insert(handle.name.clone(), space);
    }
    (clock, open)
}
