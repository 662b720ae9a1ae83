//! Runs one scenario file on one host, in the written order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use latchwork::{Error, Expiry, Key, KeyRange, Mode, Query};

use crate::host::{AtomicPart, Body, CallRequest, Came, Cell, Host, Kind, Read, Request, State, Through, Write, Wrote};
use crate::matching::Known;
use crate::scenario::{
    Asked, AtomicStep, Call, CallAsked, CellCall, CellIs, CellWrite, FIRST_HANDLE, Final, HandOver, LockMode, MustFail,
    Outcome, OwnerOf, Scenario, Spelling, Step, Steps, WatchedIs, Within,
};

/// Why a file did not pass, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The step, or the final check; `None`: the clean-up after it.
    pub at: Option<MustFail>,
    /// What is wrong.
    pub why: String,
}

/// What a call answered at once.
enum Answer {
    /// It made a result, which tells.
    Result(String),
    Done(Result<(), Error>),
    Asked(Result<Query, Error>),
    Counted(Result<usize, Error>),
    Delivered(Result<bool, Error>),
    Read(Result<Read, Error>),
    Listed(Result<Vec<Read>, Error>),
    Wrote(Result<Wrote, Error>),
    Deleted(Result<Vec<Key>, Error>),
}

/// A file on its way through a host.
pub struct Run<'a, H> {
    scenario: &'a Scenario,
    /// The host that it runs on.
    pub host: H,
    /// Results that failed before the host was called: keys that cannot be built.
    refused: Vec<(String, Error)>,
    made: Vec<String>,
    owners: Vec<String>,
    watches: Vec<String>,
    versions: BTreeMap<String, u64>,
    entries: BTreeMap<String, Read>,
}

/// Runs a file on a new space with so many shards.
///
/// # Errors
///
/// The first thing that is not as the file says.
pub fn run<H: Host>(scenario: &Scenario, shards: usize) -> Result<(), Failure> {
    let mut run = Run::<H>::new(scenario, shards);
    for (i, steps) in scenario.steps.iter().enumerate() {
        run.steps(steps).map_err(|why| Failure { at: Some(MustFail::Step(i)), why })?;
    }
    run.last().map_err(|why| Failure { at: Some(MustFail::Final(crate::scenario::FinalWord::Final)), why })?;
    run.clean_up().map_err(|why| Failure { at: None, why })
}

impl<'a, H: Host> Run<'a, H> {
    /// A file that has not begun.
    pub fn new(scenario: &'a Scenario, shards: usize) -> Run<'a, H> {
        let host = H::open(&scenario.handles(), shards, scenario.limits());
        let (refused, made, owners, watches) = Default::default();
        Run { scenario, host, refused, made, owners, watches, versions: BTreeMap::new(), entries: BTreeMap::new() }
    }

    /// The file.
    pub fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// What a result is now.
    pub fn state(&mut self, name: &str) -> State {
        match self.refused.iter().find(|(refused, _)| refused == name) {
            Some((_, error)) => State::Failed(error.clone()),
            None => self.host.state(name),
        }
    }

    /// Makes one call, with no checks.
    pub fn call(&mut self, step: &Step) {
        self.make(step);
    }

    /// Gives up what waits, ends what runs and what is watched, disposes of what is held, closes the owners; then nothing may be left (clause L17).
    ///
    /// # Errors
    ///
    /// What is left.
    pub fn clean_up(&mut self) -> Result<(), String> {
        for name in self.made.clone() {
            if self.state(&name).moves() {
                self.host.cancel(&name);
            }
        }
        self.host.settle();
        for name in self.made.clone() {
            if self.state(&name).seen().is_some() {
                self.host.dispose(&name);
            }
        }
        for name in std::mem::take(&mut self.watches) {
            self.host.end_watch(&name);
        }
        for name in std::mem::take(&mut self.owners) {
            self.host.close_owner(&name);
        }
        self.host.settle();
        match self.host.query(FIRST_HANDLE, None) {
            Ok(query) if query.held.is_empty() && query.pending.is_empty() => Ok(()),
            Ok(query) => Err(format!("left after the clean-up: {query:?}")),
            Err(error) if error.code() == "closed" => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn steps(&mut self, steps: &Steps) -> Result<(), String> {
        let before: Vec<(String, State)> =
            self.made.clone().into_iter().map(|name| (name.clone(), self.state(&name))).collect();
        let answers: Vec<Answer> = steps.all().iter().map(|step| self.make(step)).collect();
        self.host.settle();
        for name in self.made.clone() {
            if let State::Done(done) = self.state(&name) {
                self.versions.insert(name, done.version);
            }
        }
        for (step, answer) in steps.all().iter().zip(answers) {
            self.check_answer(answer, &step.expect).map_err(|why| format!("{}: {why}", step.call.op()))?;
        }
        for (name, expected) in steps.then() {
            let state = self.state(name);
            self.known(|known| known.state(&state, expected)).map_err(|why| format!("then {name}: {why}"))?;
        }
        for (name, state) in before {
            let now = self.state(&name);
            if !steps.then().contains_key(&name) && state.moves() && !same_kind(&state, &now) {
                return Err(format!("{name} was {state:?} and is {now:?}, of which the step says nothing"));
            }
        }
        Ok(())
    }

    fn make(&mut self, step: &Step) -> Answer {
        let actor = step.actor.as_deref().unwrap_or_default();
        let handle = &*self.scenario.handle_of(actor);
        match &step.call {
            Call::Lock(asked, name) => self.start(actor, Kind::Lock, asked, name),
            Call::TryLock(asked, name) => self.start(actor, Kind::Try, asked, name),
            Call::WithLock(asked, name) => self.start(actor, Kind::With, asked, name),
            Call::End(name, ending) => {
                self.host.end(name, ending.clone());
                Answer::Done(Ok(()))
            }
            Call::Release(name, keys) => {
                let keys = keys.as_deref().map(build).transpose();
                Answer::Done(keys.and_then(|keys| self.host.release(name, keys)))
            }
            Call::Downgrade(name, keys) => {
                let keys = keys.as_deref().map(build).transpose();
                Answer::Done(keys.and_then(|keys| self.host.downgrade(name, keys)))
            }
            Call::Owner(of, name) => {
                self.owners.push(name.clone());
                match of {
                    OwnerOf::New(label) => self.host.owner(handle, actor, label.as_deref(), name),
                    OwnerOf::Scope(guard) => self.host.owner_of(guard, name),
                }
                Answer::Done(Ok(()))
            }
            Call::CloseOwner(name) => Answer::Counted(Ok(self.host.close_owner(name))),
            Call::HandOver(HandOver { guard, to, by, payload }) => {
                Answer::Delivered(self.host.hand_over(guard, to, by.is_some(), payload.clone()))
            }
            Call::HandedOver(owner, name) => {
                self.made.push(name.clone());
                self.host.handed_over(owner, name);
                Answer::Result(name.clone())
            }
            Call::Revoke(keys) => Answer::Counted(build(keys).and_then(|keys| self.host.revoke(handle, keys))),
            Call::Drop(name) => {
                self.host.dispose(name);
                Answer::Done(Ok(()))
            }
            Call::Cancel(name) => {
                self.host.cancel(name);
                Answer::Done(Ok(()))
            }
            Call::Query(keys) => {
                let keys = keys.as_deref().map(build).transpose();
                Answer::Asked(keys.and_then(|keys| self.host.query(handle, keys)))
            }
            Call::Close => {
                self.host.close(handle);
                Answer::Done(Ok(()))
            }
            Call::Advance(by) => {
                self.host.advance(*by);
                Answer::Done(Ok(()))
            }
            Call::Cells(call, name) => self.cells(handle, call, name.as_deref()),
            Call::Watch(what, name) => Answer::Done(self.watch(handle, actor, what, name)),
            Call::Next(watch, name) => {
                self.made.push(name.clone());
                self.host.next(watch, name);
                Answer::Result(name.clone())
            }
            Call::EndWatch(watch) => {
                self.host.end_watch(watch);
                Answer::Done(Ok(()))
            }
            Call::Update(key, expire_in, asked, name) => {
                let body = key.key().map(|key| Body::Update(key, expiry(*expire_in)));
                self.begin(actor, body, asked, name)
            }
            Call::Transact(asked, name) => self.begin(actor, Ok(Body::Transact), asked, name),
            Call::Savepoint(tx, name) => {
                self.made.push(name.clone());
                self.host.savepoint(tx, name);
                Answer::Result(name.clone())
            }
            Call::Through(tx, call, name) => self.through(tx, call, name.as_deref()),
            Call::Abort(tx, reason) => Answer::Done(self.host.abort(tx, reason.as_deref().unwrap_or_default())),
            Call::Retry(tx) => Answer::Done(self.host.retry(tx)),
            Call::OnCommit(tx, value) => Answer::Done(self.host.on_commit(tx, value.clone())),
        }
    }

    fn begin(&mut self, actor: &str, body: Result<Body, Error>, asked: &CallAsked, name: &str) -> Answer {
        self.made.push(name.to_owned());
        let begun = body.and_then(|body| Ok((body, call_request(asked)?)));
        match begun {
            Ok((body, request)) => {
                self.host.begin(&self.scenario.handle_of(actor), actor, body, request, name);
            }
            Err(error) => self.refused.push((name.to_owned(), error)),
        }
        Answer::Result(name.to_owned())
    }

    fn through(&mut self, tx: &str, call: &CellCall, name: Option<&str>) -> Answer {
        let what = match call {
            CellCall::Get(key) => key.key().map(Through::Get),
            CellCall::GetMany(keys) => build(keys).map(Through::GetMany),
            CellCall::List(within, limit, reverse) => range(within).map(|range| Through::List(range, *limit, *reverse)),
            CellCall::Write(CellWrite { op, cell: CellIs::Any(key), value, expire_in, .. }) => {
                key.key().map(|key| match (*op, value.clone()) {
                    ("set", Some(value)) => Through::Set(key, value, expiry(*expire_in)),
                    (_, Some(value)) => Through::Insert(key, value, expiry(*expire_in)),
                    (_, None) => Through::Delete(key),
                })
            }
            _ => unreachable!("refused when the file was read"),
        };
        let came = what.and_then(|what| self.host.through(tx, what));
        if let (Some(name), Ok(Came::Read(read))) = (name, &came) {
            self.versions.insert(name.to_owned(), read.version);
            self.entries.insert(name.to_owned(), read.clone());
        }
        match came {
            Ok(Came::Read(read)) => Answer::Read(Ok(read.in_body())),
            Ok(Came::Listed(entries)) => Answer::Listed(Ok(entries.into_iter().map(Read::in_body).collect())),
            Ok(Came::There(read)) => Answer::Wrote(Ok(Wrote::There(read.in_body()))),
            Ok(Came::Done) => Answer::Done(Ok(())),
            Err(error) => Answer::Done(Err(error)),
        }
    }

    fn watch(&mut self, handle: &str, actor: &str, what: &WatchedIs, name: &str) -> Result<(), Error> {
        let keys = match what {
            WatchedIs::Keys(keys) => Ok(build(keys)?),
            WatchedIs::Prefix(prefix) => Err(prefix.key()?),
        };
        self.watches.push(name.to_owned());
        self.host.watch(handle, actor, keys, name);
        Ok(())
    }

    fn cells(&mut self, handle: &str, call: &CellCall, name: Option<&str>) -> Answer {
        let (answer, version) = match call {
            CellCall::Get(key) => {
                let read = key.key().and_then(|key| self.host.get(handle, key));
                if let (Some(name), Ok(read)) = (name, &read) {
                    self.entries.insert(name.to_owned(), read.clone());
                }
                let version = read.as_ref().ok().map(|read| read.version);
                (Answer::Read(read), version)
            }
            CellCall::GetMany(keys) => {
                (Answer::Listed(build(keys).and_then(|keys| self.host.get_many(handle, keys))), None)
            }
            CellCall::Write(write) => {
                let wrote = self.write(write).and_then(|write| self.host.write(handle, write));
                let version = committed(&wrote);
                (Answer::Wrote(wrote), version)
            }
            CellCall::Atomic(steps) => {
                let parts: Result<Vec<AtomicPart>, Error> = steps.iter().map(|step| self.part(step)).collect();
                let wrote = parts.and_then(|parts| self.host.atomic(handle, parts));
                let version = committed(&wrote);
                (Answer::Wrote(wrote), version)
            }
            CellCall::List(within, limit, reverse) => {
                let listed = range(within).and_then(|range| self.host.list(handle, range, *limit, *reverse));
                (Answer::Listed(listed), None)
            }
            CellCall::DeleteAll(within, except) => {
                let range = range(within).and_then(|range| Ok((range, build(except)?)));
                (Answer::Deleted(range.and_then(|(range, except)| self.host.delete_all(handle, range, except))), None)
            }
        };
        if let (Some(name), Some(version)) = (name, version) {
            self.versions.insert(name.to_owned(), version);
        }
        answer
    }

    fn write(&self, write: &CellWrite) -> Result<Write, Error> {
        let CellWrite { op, cell, value, expire_in, guard } = write;
        let value = value.clone().unwrap_or_default();
        let guard = match guard {
            Some((guard, keys)) => Some((guard.clone(), keys.as_deref().map(build).transpose()?)),
            None => None,
        };
        Ok(match (*op, cell) {
            ("set", CellIs::Any(key)) => Write::Set(key.key()?, value, expire_in.flatten(), guard),
            ("insert", CellIs::Any(key)) => Write::Insert(key.key()?, value, expire_in.flatten(), guard),
            ("delete", CellIs::Any(key)) => Write::Delete(Err(key.key()?), guard),
            ("delete", cell) => Write::Delete(Ok(self.cell(cell)?), guard),
            (_, cell) => Write::CompareExchange(self.cell(cell)?, value, expire_in.flatten(), guard),
        })
    }

    fn part(&self, step: &AtomicStep) -> Result<AtomicPart, Error> {
        Ok(match step {
            AtomicStep::Check(cell) => AtomicPart::Check(self.cell(cell)?),
            AtomicStep::Set(key, value, after, false) => AtomicPart::Set(key.key()?, value.clone(), *after),
            AtomicStep::Set(key, value, after, true) => AtomicPart::Insert(key.key()?, value.clone(), *after),
            AtomicStep::Delete(key) => AtomicPart::Delete(key.key()?),
            AtomicStep::Guard(guard, keys) => AtomicPart::Guard(guard.clone(), keys.as_deref().map(build).transpose()?),
        })
    }

    /// A cell with the version that it is expected to have.
    fn cell(&self, cell: &CellIs) -> Result<Cell, Error> {
        match cell {
            CellIs::Any(key) => Ok(Cell::Version(key.key()?, 0)),
            CellIs::Version(key, version) => {
                let version = version.name().map_or(Some(0), |name| self.versions.get(name).copied());
                let unnamed = || Error::invalid("version", "the step that names it has failed");
                Ok(Cell::Version(key.key()?, version.ok_or_else(unnamed)?))
            }
            CellIs::Entry(name) => {
                let unread = || Error::invalid("entry", "the step that reads it has failed");
                self.entries.get(name).cloned().map(Cell::Entry).ok_or_else(unread)
            }
        }
    }

    fn start(&mut self, actor: &str, kind: Kind, asked: &Asked, name: &str) -> Answer {
        self.made.push(name.to_owned());
        match request(asked) {
            Ok(request) => self.host.start(&self.scenario.handle_of(actor), actor, kind, request, name),
            Err(error) => self.refused.push((name.to_owned(), error)),
        }
        Answer::Result(name.to_owned())
    }

    fn check_answer(&mut self, answer: Answer, expected: &Outcome) -> Result<(), String> {
        match (answer, expected) {
            (Answer::Result(name), _) => {
                let state = self.state(&name);
                self.known(|known| known.state(&state, expected)).map_err(|why| format!("{name} {why}"))
            }
            (Answer::Done(Ok(())), Outcome::Ok) => Ok(()),
            (Answer::Asked(Ok(query)), Outcome::Query(table)) => self.known(|known| known.table(&query, table)),
            (Answer::Counted(Ok(count)), Outcome::Count(expected)) if count == *expected => Ok(()),
            (Answer::Delivered(Ok(delivered)), Outcome::Delivered(expected)) if delivered == *expected => Ok(()),
            (Answer::Done(Err(error)) | Answer::Asked(Err(error)), Outcome::Error(expected))
            | (Answer::Counted(Err(error)) | Answer::Delivered(Err(error)), Outcome::Error(expected)) => {
                self.known(|known| known.error(&error, expected))
            }
            (Answer::Read(Ok(entry)), Outcome::Entry(expected)) => self.known(|known| known.entry(&entry, expected)),
            (Answer::Listed(Ok(entries)), Outcome::Entries(expected)) => {
                self.known(|known| known.entries(&entries, expected))
            }
            (Answer::Wrote(Ok(wrote)), expected) => self.known(|known| known.wrote(&wrote, expected)),
            (Answer::Deleted(Ok(keys)), Outcome::Deleted(expected)) => {
                let expected = build(expected).map_err(|error| error.to_string())?;
                if keys == expected { Ok(()) } else { Err(format!("deleted {keys:?}, not {expected:?}")) }
            }
            (Answer::Read(Err(error)) | Answer::Listed(Err(error)), Outcome::Error(expected))
            | (Answer::Wrote(Err(error)) | Answer::Deleted(Err(error)), Outcome::Error(expected)) => {
                self.known(|known| known.error(&error, expected))
            }
            (Answer::Read(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Listed(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Wrote(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Deleted(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Counted(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Delivered(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Done(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Asked(is), _) => Err(format!("answered {is:?}, not {expected:?}")),
        }
    }

    fn last(&mut self) -> Result<(), String> {
        match (self.host.query(FIRST_HANDLE, None), &self.scenario.last) {
            (Ok(query), Final::Table(last)) => {
                self.known(|known| known.table(&query, &last.table()))?;
                if let Some(callbacks) =
                    last.callbacks.as_deref().filter(|callbacks| *callbacks != &*self.host.callbacks())
                {
                    return Err(format!("callbacks appended {:?}, not {callbacks:?}", self.host.callbacks()));
                }
                let Some(cells) = &last.cells else { return Ok(()) };
                let all = self.host.list(FIRST_HANDLE, KeyRange::all(), None, false);
                self.known(|known| known.entries(&all.map_err(|error| error.to_string())?, cells))
            }
            (Err(error), Final::Closed(_)) if error.code() == "closed" => Ok(()),
            (is, _) => Err(format!("the space answers {is:?}")),
        }
    }

    fn known<T>(&mut self, check: impl FnOnce(&mut Known<'_>) -> T) -> T {
        let ids: BTreeMap<String, String> =
            self.owners.iter().filter_map(|name| Some((name.clone(), self.host.owner_id(name)?))).collect();
        let owner = |name: &str| ids.get(name).cloned();
        let versions = self.versions.clone();
        let version = |name: &str| versions.get(name).copied();
        let mut token = |name: &str| self.state(name).seen().map(|seen| seen.token);
        check(&mut Known { token: &mut token, names_keys: H::NAMES_KEYS, owner: &owner, version: &version })
    }
}

/// What a file asks for, as the host takes it.
///
/// # Errors
///
/// What the library says to a key that cannot be built.
pub(crate) fn request(asked: &Asked) -> Result<Request, Error> {
    Ok(Request {
        keys: build(&asked.keys)?,
        shared: build(&asked.shared)?,
        mode: match asked.mode {
            LockMode::Exclusive => Mode::Exclusive,
            LockMode::Shared => Mode::Shared,
        },
        timeout: asked.timeout.map(|ms| std::time::Duration::from_secs_f64(ms / 1000.0)),
        label: asked.label.clone(),
        owner: asked.owner.clone(),
        max_hold: asked.max_hold.map(|ms| std::time::Duration::from_secs_f64(ms / 1000.0)),
    })
}

fn call_request(asked: &CallAsked) -> Result<CallRequest, Error> {
    let keys = asked.guard_keys.as_deref().map(build).transpose()?;
    Ok(CallRequest {
        guard: asked.guard.clone().map(|guard| (guard, keys)),
        owner: asked.owner.clone(),
        label: asked.label.clone(),
        attempts: asked.attempts,
        timeout: asked.timeout.map(|ms| std::time::Duration::from_secs_f64(ms / 1000.0)),
    })
}

/// When a cell expires, as it is asked for.
fn expiry(expire_in: Option<Option<std::time::Duration>>) -> Option<Expiry> {
    expire_in.map(|after| after.map_or(Expiry::Never, Expiry::In))
}

fn build(keys: &[Spelling]) -> Result<Vec<Key>, Error> {
    keys.iter().map(Spelling::key).collect()
}

fn range(within: &Within) -> Result<KeyRange, Error> {
    Ok(match within {
        Within::Prefix(prefix) => KeyRange::prefix(prefix.key()?),
        Within::Between(None, None) => KeyRange::all(),
        Within::Between(Some(start), None) => KeyRange::from(start.key()?),
        Within::Between(None, Some(end)) => KeyRange::before(end.key()?),
        Within::Between(Some(start), Some(end)) => KeyRange::between(start.key()?, end.key()?),
    })
}

/// The version that a write gave.
fn committed(wrote: &Result<Wrote, Error>) -> Option<u64> {
    match wrote {
        Ok(Wrote::Committed(version)) => Some(*version),
        _ => None,
    }
}

fn same_kind(one: &State, other: &State) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Which of the requirements this host lacks.
pub fn lacks() -> BTreeSet<crate::scenario::Requirement> {
    BTreeSet::from([crate::scenario::Requirement::SignedTimeout])
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(MustFail::Step(step)) => write!(f, "step {step}: {}", self.why),
            Some(MustFail::Final(_)) => write!(f, "final: {}", self.why),
            None => write!(f, "clean-up: {}", self.why),
        }
    }
}

impl<H: fmt::Debug> fmt::Debug for Run<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("host", &self.host).finish_non_exhaustive()
    }
}
