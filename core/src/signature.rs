//! What a request says of itself: queries and errors show it.

use std::fmt;

use crate::key::Quoted;
use crate::sync::Arc;

/// A label, cheap to clone.
pub(crate) type Label = Arc<str>;

/// The name of an owner, as queries and errors show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerName {
    /// Unique across threads, tabs and processes, where their spaces were given a seed or an epoch of their own.
    pub id: Arc<str>,
    /// What its maker calls it.
    pub label: Option<Arc<str>>,
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => Quoted(label).fmt(f),
            None => f.write_str(&self.id),
        }
    }
}

/// An owner in one space: its number there, from 1, and its name.
#[derive(Clone, Debug)]
pub(crate) struct OwnerTag {
    pub(crate) number: u64,
    pub(crate) name: OwnerName,
}

/// A label and an owner, where a request has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signature {
    pub(crate) label: Option<Label>,
    pub(crate) owner: Option<OwnerTag>,
}

impl Signature {
    pub(crate) fn is_empty(&self) -> bool {
        self.label.is_none() && self.owner.is_none()
    }
}
