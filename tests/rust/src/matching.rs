//! Compares what a file expects with what there is.

use latchwork::{Blocker, CycleStep, Error, Hold, Key, OwnerName, Query, Stale, Wait};

use crate::host::{Committed, NotMet, Read, Seen, State, Wrote};
use crate::scenario::{
    BlockerIs, CommittedIs, ConflictIs, CycleStepIs, DoneIs, EntryIs, ErrorIs, GuardIs, HoldIs, Outcome, Spelling,
    StaleIs, Table, VersionIs, WaitIs,
};

/// What is known besides the value itself.
pub(crate) struct Known<'a> {
    /// The token of a result.
    pub(crate) token: &'a mut dyn FnMut(&str) -> Option<u64>,
    /// Whether errors of a release name their keys.
    pub(crate) names_keys: bool,
    /// The id of an owner.
    pub(crate) owner: &'a dyn Fn(&str) -> Option<String>,
    /// The version of a name.
    pub(crate) version: &'a dyn Fn(&str) -> Option<u64>,
}

type Fits = Result<(), String>;

impl Known<'_> {
    /// Whether a result is what it should be.
    pub(crate) fn state(&mut self, state: &State, expected: &Outcome) -> Fits {
        match (state, expected) {
            (State::Pending, Outcome::Pending)
            | (State::None, Outcome::None)
            | (State::Cancelled, Outcome::Cancelled) => Ok(()),
            (State::Granted(seen), Outcome::Granted(guard)) | (State::Running(seen), Outcome::Running(guard)) => {
                self.guard(seen, guard)
            }
            (State::Returned(value), Outcome::Returned(expected)) => same("value", value, expected),
            (State::Threw(message), Outcome::Threw(expected)) => same("error of the body", message, expected),
            (State::Failed(error), Outcome::Error(expected)) => self.error(error, expected),
            (State::Item(entries), Outcome::Entries(expected)) => self.entries(entries, expected),
            (State::Ended, Outcome::Ended) => Ok(()),
            (State::Attempt(attempt, entry), Outcome::Attempt(expected)) => {
                same("attempt", attempt, &expected.attempt.get())?;
                match (entry, &expected.entry) {
                    (_, None) => Ok(()),
                    (Some(entry), Some(expected)) => self.entry(entry, expected),
                    (None, Some(_)) => Err("the body of a transaction is given no entry".into()),
                }
            }
            (State::Done(done), Outcome::Done(expected)) => self.done(done, expected),
            _ => Err(format!("is {state:?}, not {expected:?}")),
        }
    }

    /// Whether an error is what it should be.
    pub(crate) fn error(&mut self, error: &Error, expected: &ErrorIs) -> Fits {
        same("code", error.code(), expected.code.as_str())?;
        if let (Some(keys), true) = (&expected.keys, self.names_keys || !error.keys().is_empty()) {
            same_keys("keys of the error", error.keys(), keys)?;
        }
        if let Some(waited) = expected.waited {
            same("waited", &error.waited().map(|waited| waited.as_millis()), &Some(u128::from(waited)))?;
        }
        if let Some(position) = expected.position {
            same("position", &error.position(), &Some(position))?;
        }
        if let Some(blockers) = &expected.blocked_by {
            every(error.blocked_by(), blockers, |is, expected| self.blocker(is, expected))?;
        }
        if let Some(limit) = expected.limit {
            same("limit", &error.limit(), &Some(limit))?;
        }
        if let Some(cycle) = &expected.cycle {
            same("steps of the circle", &error.cycle().len(), &cycle.len())?;
            error.cycle().iter().zip(cycle).try_for_each(|(is, expected)| self.cycle_step(is, expected))?;
        }
        if let Some(attempts) = expected.attempts {
            same("attempts", &error.attempts(), &Some(attempts))?;
        }
        if let Some(reason) = &expected.reason {
            same("reason", &error.reason(), &Some(reason.as_str()))?;
        }
        if let Some(conflicts) = &expected.conflicts {
            every(error.conflicts(), conflicts, |is, expected| self.stale(is, expected))?;
        }
        match &expected.what {
            Some(what) => same("what", &error.what(), &Some(what.as_str())),
            None => Ok(()),
        }
    }

    /// Whether a query's answer is what it should be.
    pub(crate) fn table(&mut self, query: &Query, expected: &Table) -> Fits {
        every(&query.held, &expected.held, |is, expected| self.hold(is, expected))?;
        every(&query.pending, &expected.pending, |is, expected| self.wait(is, expected))
    }

    /// Whether a write came to what it should.
    pub(crate) fn wrote(&mut self, wrote: &Wrote, expected: &Outcome) -> Fits {
        match (wrote, expected) {
            (Wrote::Committed(version), Outcome::Committed(expected)) => self.committed(*version, expected),
            (Wrote::Existed(existed), Outcome::Existed(expected)) => same("existed", existed, expected),
            (Wrote::There(entry), Outcome::Conflict(expected)) => self.entry(entry, expected),
            (Wrote::Conflicts(conflicts), Outcome::Conflicts(expected)) => {
                same("number of conflicts", &conflicts.len(), &expected.len())?;
                conflicts.iter().zip(expected).try_for_each(|(is, expected)| self.conflict(is, expected))
            }
            _ => Err(format!("came to {wrote:?}, not {expected:?}")),
        }
    }

    /// Whether these are the entries expected, in order.
    pub(crate) fn entries(&mut self, entries: &[Read], expected: &[EntryIs]) -> Fits {
        if entries.len() != expected.len() {
            return Err(format!("the entries are {entries:?}, not {expected:?}"));
        }
        entries.iter().zip(expected).try_for_each(|(is, expected)| self.entry(is, expected))
    }

    /// Whether an entry is what it should be.
    pub(crate) fn entry(&mut self, entry: &Read, expected: &EntryIs) -> Fits {
        if let Some(key) = &expected.key {
            same("key", &entry.key, &key.key().map_err(|error| error.to_string())?)?;
        }
        same("value", &entry.value, &expected.value)?;
        if !entry.own {
            same("presence by its version", &(entry.version > 0), &expected.value.is_some())?;
        }
        if expected.value.is_none() {
            same("expires in", &entry.expires_in, &None)?;
        }
        if let Some(name) = &expected.version {
            same("version", &Some(entry.version), &(self.version)(name))?;
        }
        self.newer(entry.version, &expected.newer_than)?;
        match expected.expires_in {
            Some(expected) => {
                same("expires in", &entry.expires_in.map(|left| left.as_millis()), &expected.map(u128::from))
            }
            None => Ok(()),
        }
    }

    /// The version that a name, or 0, stands for.
    pub(crate) fn version_of(&self, version: &VersionIs) -> Result<u64, String> {
        match version {
            VersionIs::Absent => Ok(0),
            VersionIs::Named(name) => (self.version)(name).ok_or_else(|| format!("{name} has no version")),
        }
    }

    fn committed(&mut self, version: u64, expected: &CommittedIs) -> Fits {
        match &expected.version {
            Some(expected) => same("version", &version, &self.version_of(expected)?)?,
            None => same("whether something was written", &(version > 0), &true)?,
        }
        self.newer(version, &expected.newer_than)
    }

    fn conflict(&mut self, conflict: &NotMet, expected: &ConflictIs) -> Fits {
        same("key", &conflict.key, &expected.key.key().map_err(|error| error.to_string())?)?;
        same("key of the entry", &conflict.entry.key, &conflict.key)?;
        same("expected version", &conflict.expected, &self.version_of(&expected.expected)?)?;
        self.entry(&conflict.entry, &expected.entry)
    }

    /// Whether an update or a transaction came to what it should.
    fn done(&mut self, done: &Committed, expected: &DoneIs) -> Fits {
        if let Some(value) = &expected.value {
            same("value", done.value.as_ref().unwrap_or(&serde_json::Value::Null), value)?;
        }
        if let Some(attempts) = expected.attempts {
            same("attempts", &done.attempts, &attempts)?;
        }
        if let Some(changed) = expected.changed {
            same("changed", &done.changed, &Some(changed))?;
        }
        if let Some(version) = &expected.version {
            same("version", &done.version, &self.version_of(version)?)?;
        }
        self.newer(done.version, &expected.newer_than)
    }

    fn stale(&self, is: &Stale, expected: &StaleIs) -> Fits {
        same("key", &is.key, &expected.key.key().map_err(|error| error.to_string())?)?;
        for (what, version, expected) in
            [("version read", is.expected, &expected.expected), ("version there", is.version, &expected.version)]
        {
            if let Some(expected) = expected {
                same(what, &version, &self.version_of(expected)?)?;
            }
        }
        Ok(())
    }

    fn newer(&self, version: u64, than: &[String]) -> Fits {
        for name in than {
            let other = (self.version)(name).ok_or_else(|| format!("{name} has no version"))?;
            if version <= other {
                return Err(format!("version {version} is not greater than {other} of {name}"));
            }
        }
        Ok(())
    }

    fn guard(&mut self, seen: &Seen, expected: &GuardIs) -> Fits {
        if let Some((keys, shared)) = &seen.keys {
            expected.keys.as_ref().map_or(Ok(()), |expected| same_keys("keys", keys, expected))?;
            expected.shared.as_ref().map_or(Ok(()), |expected| same_keys("shared", shared, expected))?;
        }
        if let (Some(label), Some(expected)) = (&seen.label, &expected.label) {
            same("label", label, expected)?;
        }
        if let Some(held) = expected.held {
            same("held", &seen.held, &held)?;
        }
        if let Some(lost) = expected.lost {
            same("lost", &seen.lost, &lost)?;
        }
        if let Some(abandoned) = expected.abandoned {
            same("abandoned", &seen.abandoned, &abandoned)?;
        }
        if let Some(payload) = &expected.payload {
            same("payload", seen.payload.as_ref().unwrap_or(&serde_json::Value::Null), payload)?;
        }
        self.same_owner(seen.owner.as_deref(), &expected.owner)?;
        let earlier = expected.token.iter().flat_map(|token| &token.greater_than);
        for name in earlier {
            let other = (self.token)(name).ok_or_else(|| format!("{name} has no token"))?;
            if seen.token <= other {
                return Err(format!("token {} is not greater than {other} of {name}", seen.token));
            }
        }
        Ok(())
    }

    fn cycle_step(&self, step: &CycleStep, expected: &CycleStepIs) -> Fits {
        same_keys("key", std::slice::from_ref(&step.key), std::slice::from_ref(&expected.key))?;
        same_label(step.label.as_deref(), &expected.label)?;
        self.same_owner(id(&step.owner), &Some(expected.owner.clone()))
    }

    fn same_owner(&self, owner: Option<&str>, expected: &Option<Option<String>>) -> Fits {
        match expected {
            Some(name) => same("owner", &owner, &name.as_deref().and_then(self.owner).as_deref()),
            None => Ok(()),
        }
    }

    fn hold(&mut self, hold: &Hold, expected: &HoldIs) -> Fits {
        same_keys("keys", &hold.keys, &expected.keys)?;
        same_keys("shared", &hold.shared, &expected.shared)?;
        if let Some(name) = &expected.token {
            same("token", &Some(hold.token), &(self.token)(name))?;
        }
        same_label(hold.label.as_deref(), &expected.label)?;
        self.same_owner(id(&hold.owner), &expected.owner)?;
        same_age(hold.age, expected.age)?;
        expected.claimed.map_or(Ok(()), |claimed| same("claimed", &hold.claimed, &claimed))
    }

    fn wait(&mut self, wait: &Wait, expected: &WaitIs) -> Fits {
        same_keys("keys", &wait.keys, &expected.keys)?;
        same_keys("shared", &wait.shared, &expected.shared)?;
        same_label(wait.label.as_deref(), &expected.label)?;
        self.same_owner(id(&wait.owner), &expected.owner)?;
        same_age(wait.age, expected.age)?;
        expected.position.map_or(Ok(()), |position| same("position", &wait.position, &position))?;
        match &expected.blocked_by {
            Some(blockers) => every(&wait.blocked_by, blockers, |is, expected| self.blocker(is, expected)),
            None => Ok(()),
        }
    }

    fn blocker(&mut self, blocker: &Blocker, expected: &BlockerIs) -> Fits {
        same_keys("key", std::slice::from_ref(&blocker.key), std::slice::from_ref(&expected.key))?;
        if let Some(name) = &expected.token {
            let token = name.as_ref().map(|name| (self.token)(name).ok_or_else(|| format!("{name} has no token")));
            same("token", &blocker.token, &token.transpose()?)?;
        }
        self.same_owner(id(&blocker.owner), &expected.owner)?;
        same_label(blocker.label.as_deref(), &expected.label)
    }
}

fn id(owner: &Option<OwnerName>) -> Option<&str> {
    owner.as_ref().map(|owner| &*owner.id)
}

/// Each expected entry takes the first one left that fits it, and none is left over.
fn every<T: std::fmt::Debug, E: std::fmt::Debug>(
    there: &[T],
    expected: &[E],
    mut fits: impl FnMut(&T, &E) -> Fits,
) -> Fits {
    let mut left: Vec<&T> = there.iter().collect();
    for one in expected {
        match left.iter().position(|is| fits(is, one).is_ok()) {
            Some(at) => {
                left.remove(at);
            }
            None => return Err(format!("nothing fits {one:?} in {left:?}")),
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("not expected: {left:?}")) }
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, is: &T, expected: &T) -> Fits {
    if is == expected { Ok(()) } else { Err(format!("{what} is {is:?}, not {expected:?}")) }
}

fn same_keys(what: &str, keys: &[Key], expected: &[Spelling]) -> Fits {
    let expected: Result<Vec<Key>, _> = expected.iter().map(Spelling::key).collect();
    let mut expected = expected.map_err(|error| error.to_string())?;
    let mut keys = keys.to_vec();
    expected.sort();
    keys.sort();
    same(what, &keys, &expected)
}

fn same_label(label: Option<&str>, expected: &Option<Option<String>>) -> Fits {
    match expected {
        Some(expected) => same("label", &label, &expected.as_deref()),
        None => Ok(()),
    }
}

fn same_age(age: Option<std::time::Duration>, expected: Option<Option<u64>>) -> Fits {
    match expected {
        Some(expected) => same("age", &age.map(|age| age.as_millis()), &expected.map(u128::from)),
        None => Ok(()),
    }
}
