//! Errors of the core as JavaScript takes them.

use std::any::Any;

use latchwork::{Blocker, CycleStep, Error, ErrorKind, OwnerName, Stale};
use napi::Env;
use napi_derive::napi;

use crate::clock::milliseconds;
use crate::convert::{self, KeyValue, RawKey};
use crate::environment::{Environment, Failed};

/// An error with its fields, as `native.ts` describes it.
#[napi(object, object_from_js = false)]
pub(crate) struct Failure {
    /// The stable code.
    pub code: String,
    /// What to tell a person.
    pub message: String,
    pub keys: Option<Vec<KeyValue>>,
    /// Of the request.
    pub label: Option<String>,
    /// Milliseconds.
    pub waited: Option<f64>,
    /// 1 for the next in line.
    pub position: Option<u32>,
    /// Who stood in the way.
    pub blocked_by: Option<Vec<RawBlocker>>,
    /// Who would wait for whom.
    pub cycle: Option<Vec<RawStep>>,
    /// The limit that is reached.
    pub limit: Option<f64>,
    /// How often the body has run.
    pub attempts: Option<u32>,
    /// The cells that stood in the way.
    pub conflicts: Option<Vec<RawStale>>,
    /// The argument that was refused.
    pub what: Option<String>,
    /// What is wrong with it.
    pub why: Option<String>,
    /// The fencing token of the guard that is no longer held.
    pub token: Option<f64>,
}

/// The name of an owner.
#[napi(object, object_from_js = false)]
pub(crate) struct RawOwner {
    pub id: String,
    pub label: Option<String>,
}

/// One wait of a circle.
#[napi(object, object_from_js = false)]
pub(crate) struct RawStep {
    pub owner: Option<RawOwner>,
    pub label: Option<String>,
    pub key: KeyValue,
}

/// A cell that did not have the version that a call had seen.
#[napi(object, object_from_js = false)]
pub(crate) struct RawStale {
    pub key: KeyValue,
    pub expected: f64,
    pub version: f64,
}

/// Who stands in the way of a request on one key.
#[napi(object, object_from_js = false)]
pub(crate) struct RawBlocker {
    pub key: KeyValue,
    pub owner: Option<RawOwner>,
    /// Its label.
    pub label: Option<String>,
    /// Its token, when it holds the key.
    pub token: Option<f64>,
}

/// Takes the oldest error that was not taken yet; as the sub-space under these prefixes tells it.
#[napi(catch_unwind)]
pub(crate) fn failure(env: &Env, within: Option<Vec<RawKey>>) -> napi::Result<Failure> {
    match Environment::of(env)?.take_failure() {
        Some(Failed::Error(error)) => Ok(Failure::from(&match convert::place(within) {
            Ok(Some(place)) => place.error(error),
            _ => error,
        })),
        Some(failed) => Ok(Failure::from(failed)),
        None => Err(napi::Error::from_reason("there is no failure to take")),
    }
}

/// The stable code of every kind, for the test that walks them.
#[napi(catch_unwind)]
pub(crate) fn error_codes() -> Vec<String> {
    ErrorKind::ALL.iter().map(|kind| kind.code().to_owned()).collect()
}

impl Failed {
    /// What a panic said.
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Failed {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Failed::Panic(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        match failed {
            Failed::Error(error) => Failure::from(&error),
            Failed::Panic(text) => Failure {
                code: ErrorKind::UnknownOutcome.code().to_owned(),
                message: format!("a defect in latchwork, please report it: {text}"),
                keys: None,
                label: None,
                waited: None,
                position: None,
                blocked_by: None,
                cycle: None,
                limit: None,
                attempts: None,
                conflicts: None,
                what: None,
                why: None,
                token: None,
            },
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        let timed_out = error.kind() == ErrorKind::Timeout;
        let keys = timed_out || error.kind() == ErrorKind::NotHeld;
        Failure {
            code: error.code().to_owned(),
            message: error.to_string(),
            keys: keys.then(|| error.keys().iter().map(KeyValue::from).collect()),
            label: error.label().map(str::to_owned),
            waited: error.waited().map(milliseconds),
            position: error.position().map(|position| u32::try_from(position).unwrap_or(u32::MAX)),
            blocked_by: timed_out.then(|| error.blocked_by().iter().map(RawBlocker::from).collect()),
            cycle: (error.kind() == ErrorKind::Deadlock).then(|| error.cycle().iter().map(RawStep::from).collect()),
            limit: error.limit().map(|limit| limit as f64),
            attempts: error.attempts(),
            conflicts: error.attempts().map(|_| error.conflicts().iter().map(RawStale::from).collect()),
            what: error.what().map(str::to_owned),
            why: error.why().map(str::to_owned),
            token: error.token().map(|token| token as f64),
        }
    }
}

impl From<&OwnerName> for RawOwner {
    fn from(name: &OwnerName) -> RawOwner {
        RawOwner { id: name.id.to_string(), label: name.label.as_deref().map(str::to_owned) }
    }
}

impl From<&CycleStep> for RawStep {
    fn from(step: &CycleStep) -> RawStep {
        RawStep {
            owner: step.owner.as_ref().map(RawOwner::from),
            label: step.label.as_deref().map(str::to_owned),
            key: KeyValue::from(&step.key),
        }
    }
}

impl From<&Stale> for RawStale {
    fn from(stale: &Stale) -> RawStale {
        RawStale { key: KeyValue::from(&stale.key), expected: stale.expected as f64, version: stale.version as f64 }
    }
}

impl From<&Blocker> for RawBlocker {
    fn from(blocker: &Blocker) -> RawBlocker {
        RawBlocker {
            key: KeyValue::from(&blocker.key),
            owner: blocker.owner.as_ref().map(RawOwner::from),
            label: blocker.label.as_deref().map(str::to_owned),
            token: blocker.token.map(|token| token as f64),
        }
    }
}
