//! The lock table as JavaScript takes it.

use std::sync::Arc;

use latchwork::{Hold, Key, Query, Wait};
use napi_derive::napi;

use crate::clock::milliseconds;
use crate::convert::KeyValue;
use crate::error::{RawBlocker, RawOwner};

/// One instant of the lock table.
#[napi(object, object_from_js = false)]
pub(crate) struct RawQuery {
    /// What is held.
    pub held: Vec<RawHold>,
    /// What waits.
    pub pending: Vec<RawWait>,
}

/// A lock that is held.
#[napi(object, object_from_js = false)]
pub(crate) struct RawHold {
    pub keys: Vec<KeyValue>,
    pub shared: Vec<KeyValue>,
    /// The fencing token.
    pub token: f64,
    /// Whose it is.
    pub owner: Option<RawOwner>,
    /// The label of the request.
    pub label: Option<String>,
    /// Milliseconds since someone first waited for it.
    pub age: Option<f64>,
    /// Whether its caller has seen the grant.
    pub claimed: bool,
}

/// A request that waits.
#[napi(object, object_from_js = false)]
pub(crate) struct RawWait {
    pub keys: Vec<KeyValue>,
    pub shared: Vec<KeyValue>,
    /// Whose it is.
    pub owner: Option<RawOwner>,
    /// The label of the request.
    pub label: Option<String>,
    /// Milliseconds since it joined.
    pub age: Option<f64>,
    /// 1 for the next in line.
    pub position: u32,
    /// Who stands in the way.
    pub blocked_by: Vec<RawBlocker>,
}

impl From<&Query> for RawQuery {
    fn from(query: &Query) -> RawQuery {
        RawQuery {
            held: query.held.iter().map(RawHold::from).collect(),
            pending: query.pending.iter().map(RawWait::from).collect(),
        }
    }
}

impl From<&Hold> for RawHold {
    fn from(hold: &Hold) -> RawHold {
        RawHold {
            keys: values(&hold.keys),
            shared: values(&hold.shared),
            token: hold.token as f64,
            owner: hold.owner.as_ref().map(RawOwner::from),
            label: text(hold.label.as_ref()),
            age: hold.age.map(milliseconds),
            claimed: hold.claimed,
        }
    }
}

impl From<&Wait> for RawWait {
    fn from(wait: &Wait) -> RawWait {
        RawWait {
            keys: values(&wait.keys),
            shared: values(&wait.shared),
            owner: wait.owner.as_ref().map(RawOwner::from),
            label: text(wait.label.as_ref()),
            age: wait.age.map(milliseconds),
            position: u32::try_from(wait.position).unwrap_or(u32::MAX),
            blocked_by: wait.blocked_by.iter().map(RawBlocker::from).collect(),
        }
    }
}

fn values(keys: &[Key]) -> Vec<KeyValue> {
    keys.iter().map(KeyValue::from).collect()
}

fn text(label: Option<&Arc<str>>) -> Option<String> {
    label.map(|label| label.to_string())
}
