//! Runs one scenario file on one host, in the written order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use latchwork::{Error, Key, Mode, Query};

use crate::host::{Host, Kind, Request, State};
use crate::matching::Known;
use crate::scenario::{
    Asked, Call, FIRST_HANDLE, Final, HandOver, LockMode, MustFail, Outcome, OwnerOf, Scenario, Spelling, Step, Steps,
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
        Run { scenario, host, refused: Vec::new(), made: Vec::new(), owners: Vec::new() }
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

    /// Gives up what waits, ends what runs, disposes of what is held, closes the owners; then nothing may be left (clause L17).
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
        let handle = self.scenario.handle_of(actor);
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
        }
    }

    fn start(&mut self, actor: &str, kind: Kind, asked: &Asked, name: &str) -> Answer {
        self.made.push(name.to_owned());
        match request(asked) {
            Ok(request) => self.host.start(self.scenario.handle_of(actor), actor, kind, request, name),
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
            (Answer::Counted(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Delivered(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Done(is), _) => Err(format!("came to {is:?}, not {expected:?}")),
            (Answer::Asked(is), _) => Err(format!("answered {is:?}, not {expected:?}")),
        }
    }

    fn last(&mut self) -> Result<(), String> {
        match (self.host.query(FIRST_HANDLE, None), &self.scenario.last) {
            (Ok(query), Final::Table(table)) => self.known(|known| known.table(&query, table)),
            (Err(error), Final::Closed(_)) if error.code() == "closed" => Ok(()),
            (is, _) => Err(format!("the space answers {is:?}")),
        }
    }

    fn known<T>(&mut self, check: impl FnOnce(&mut Known<'_>) -> T) -> T {
        let ids: BTreeMap<String, String> =
            self.owners.iter().filter_map(|name| Some((name.clone(), self.host.owner_id(name)?))).collect();
        let owner = |name: &str| ids.get(name).cloned();
        let mut token = |name: &str| self.state(name).seen().map(|seen| seen.token);
        check(&mut Known { token: &mut token, names_keys: H::NAMES_KEYS, owner: &owner })
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

fn build(keys: &[Spelling]) -> Result<Vec<Key>, Error> {
    keys.iter().map(Spelling::key).collect()
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
