//! A range of keys.

use std::fmt;

use crate::key::Span;
use crate::{Error, Key, Within};

/// A range of keys: those with a prefix, those between two keys, or all.
///
/// # Examples
///
/// ```
/// use latchwork::{Key, KeyRange, key};
///
/// assert!(KeyRange::prefix("user:").contains(&Key::from("user:7")));
/// assert!(KeyRange::prefix(key!("user")).contains(&key!("user", 7)));
/// assert!(!KeyRange::prefix(key!("user")).contains(&key!("users")), "by whole parts");
/// assert!(KeyRange::between(1, 5).contains(&Key::from(1)));
/// assert!(!KeyRange::between(1, 5).contains(&Key::from(5)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRange(Span);

impl KeyRange {
    /// The keys that begin with this one: a string or bytes matches strings or bytes by their leading bytes, a tuple
    /// matches tuples by whole parts, itself among them. Operations refuse one of any other key.
    pub fn prefix(key: impl Into<Key>) -> KeyRange {
        KeyRange(Span::prefix(&key.into()))
    }

    /// The keys from `start` on that come before `end`, in key order.
    pub fn between(start: impl Into<Key>, end: impl Into<Key>) -> KeyRange {
        KeyRange(Span::between(Some(&start.into()), Some(&end.into())))
    }

    /// The keys from this one on, in key order.
    pub fn from(start: impl Into<Key>) -> KeyRange {
        KeyRange(Span::between(Some(&start.into()), None))
    }

    /// The keys that come before this one, in key order.
    pub fn before(end: impl Into<Key>) -> KeyRange {
        KeyRange(Span::between(None, Some(&end.into())))
    }

    /// All keys.
    pub fn all() -> KeyRange {
        KeyRange(Span::between(None, None))
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.contains(key)
    }

    /// The keys that those inside are in a sub-space.
    pub(crate) fn under(&self, place: &Within) -> KeyRange {
        KeyRange(self.0.under(place))
    }

    /// Whether a key whose bytes lie between the [bounds](KeyRange::bounds) is among them.
    pub(crate) fn covers(&self, key: &Key) -> bool {
        self.0.covers(key)
    }

    /// Refuses a prefix that no key can begin with, and keys that are too long.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.0.check()
    }

    /// Where it begins and ends, in bytes; `None` when it is empty.
    pub(crate) fn bounds(&self) -> Option<(&[u8], Option<&[u8]>)> {
        self.0.bounds()
    }

    /// The bytes that all its keys begin with, where it is a prefix.
    pub(crate) fn leading(&self) -> Option<&[u8]> {
        self.0.leading()
    }
}

impl fmt::Debug for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
