//! What a lock request asks for.

use std::sync::Arc;
use std::time::Duration;

use crate::key::Keys;
use crate::{IntoKeys, Key, Mode};

/// What a lock request asks for: keys with their modes, a label, a time-out.
///
/// [`Space::lock`](crate::Space::lock) makes one by itself; bindings make one from their arguments and pass it to
/// [`Space::request`](crate::Space::request) or to a [`Port`](crate::Port).
#[derive(Clone, Debug, Default)]
pub struct LockSpec {
    exclusive: Keys,
    shared: Keys,
    label: Option<Arc<str>>,
    timeout: Option<Duration>,
}

impl LockSpec {
    /// Asks for `keys`, exclusively.
    pub fn new(keys: impl IntoKeys) -> LockSpec {
        let mut spec = LockSpec::default();
        keys.append_to(&mut spec.exclusive);
        spec
    }

    /// Asks for further `keys` in shared mode. A key asked for in both modes is exclusive.
    #[must_use]
    pub fn shared(mut self, keys: impl IntoKeys) -> LockSpec {
        keys.append_to(&mut self.shared);
        self
    }

    /// Sets the mode of the keys given so far without one.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> LockSpec {
        if mode == Mode::Shared {
            self.shared.append(&mut self.exclusive);
        }
        self
    }

    /// Gives the request a label, which queries and errors show.
    #[must_use]
    pub fn label(mut self, label: impl Into<Arc<str>>) -> LockSpec {
        self.label = Some(label.into());
        self
    }

    /// Sets how long the request may wait, for all keys together. Zero: succeed if free, else time out at once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> LockSpec {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn exclusive(&self) -> &[Key] {
        &self.exclusive
    }

    pub(crate) fn shared_keys(&self) -> &[Key] {
        &self.shared
    }

    pub(crate) fn label_ref(&self) -> &Option<Arc<str>> {
        &self.label
    }

    pub(crate) fn timeout_ref(&self) -> Option<Duration> {
        self.timeout
    }

    /// The keys as a guard names them: in the order asked, without duplicates, each in one mode.
    pub(crate) fn into_keys(self) -> (Keys, Keys, Option<Arc<str>>) {
        let LockSpec { mut exclusive, mut shared, label, .. } = self;
        if exclusive.len() + shared.len() > 1 {
            let mut seen = std::collections::BTreeSet::new();
            exclusive.retain(|key| seen.insert(key.clone()));
            shared.retain(|key| seen.insert(key.clone()));
        }
        (exclusive, shared, label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asked_for_in_both_modes_is_exclusive() {
        let spec = LockSpec::new(["a", "b", "a"]).shared(["b", "c", "c"]);
        let (exclusive, shared, _) = spec.into_keys();
        assert_eq!(exclusive.as_slice(), [Key::from("a"), Key::from("b")]);
        assert_eq!(shared.as_slice(), [Key::from("c")]);
    }
}
