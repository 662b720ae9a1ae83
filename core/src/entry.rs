//! A cell as a reader sees it.

use std::time::Duration;

use crate::Key;
use crate::machine::Seen;
use crate::shared::Stored;
use crate::sync::Arc;

/// A cell as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(C)]
pub struct Entry<V> {
    /// Its key.
    pub key: Key,
    /// Its value; `None` when it is absent. It is the reader's own.
    pub value: Option<V>,
    /// Its version: larger at each change, and never one that it had before. 0 when it is absent.
    pub version: u64,
    /// How long from then until it expires; `None` when it does not.
    pub expires_in: Option<Duration>,
}

/// A cell as a reader is told of it, but for its key.
pub(crate) struct Told<T> {
    pub(crate) value: Option<T>,
    pub(crate) version: u64,
    pub(crate) expires_in: Option<Duration>,
}

impl<T> Told<T> {
    /// What was seen of a cell at this time.
    #[inline]
    pub(crate) fn new(seen: Seen<T>, now: Duration) -> Told<T> {
        let Seen { value, version, expires } = seen;
        Told { value, version, expires_in: expires.map(|at| at.saturating_sub(now)) }
    }

    #[inline]
    pub(crate) fn of(self, key: Key) -> Entry<T> {
        let Told { value, version, expires_in } = self;
        Entry { key, value, version, expires_in }
    }
}

impl<T> Entry<T> {
    #[inline]
    fn map<U>(self, of: impl FnOnce(T) -> U) -> Entry<U> {
        let Entry { key, value, version, expires_in } = self;
        Entry { key, value: value.map(of), version, expires_in }
    }

    /// What was seen of a cell at this time.
    #[inline]
    pub(crate) fn seen(key: Key, seen: Seen<T>, now: Duration) -> Entry<T> {
        Told::new(seen, now).of(key)
    }
}

impl<V: 'static> Told<Stored<V>> {
    /// With a value of its own.
    #[inline(always)]
    pub(crate) fn own(self, key: Key) -> Entry<V>
    where
        V: Clone,
    {
        let Told { value, version, expires_in } = self;
        Entry { key, value: value.map(|value| value.own()), version, expires_in }
    }
}

impl<V: 'static> Entry<Stored<V>> {
    /// With a value of its own.
    #[inline]
    pub(crate) fn own(self) -> Entry<V>
    where
        V: Clone,
    {
        self.map(|value| value.own())
    }

    /// With a handle on its value.
    pub(crate) fn shared(self) -> Entry<Arc<V>> {
        self.map(Stored::into_handle)
    }
}
