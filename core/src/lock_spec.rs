//! What a lock request asks for.

use std::time::Duration;

use crate::key::Keys;
use crate::machine::sort_by;
use crate::signature::Signature;
use crate::sync::Arc;
use crate::{Error, IntoKeys, Key, Mode, Owner, Within};

/// What a lock request asks for: keys with their modes, a label, a time-out.
///
/// [`Space::lock`](crate::Space::lock) makes one by itself; bindings make one from their arguments and pass it to
/// [`Space::request`](crate::Space::request) or to a [`Port`](crate::Port).
#[derive(Clone, Debug, Default)]
pub struct LockSpec {
    exclusive: Keys,
    /// What most requests do without, apart, so that a request for one key is small.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default)]
struct More {
    shared: Vec<Key>,
    /// How many of the shared keys, the first ones, were given without a mode.
    moved: usize,
    signature: Signature,
    owner: Option<Owner>,
    timeout: Option<Duration>,
    max_hold: Option<Duration>,
    within: Option<Within>,
}

impl LockSpec {
    /// Asks for `keys`, exclusively.
    #[inline]
    pub fn new(keys: impl IntoKeys) -> LockSpec {
        LockSpec { exclusive: keys.into_keys(), more: None }
    }

    /// Asks for further `keys` in shared mode. A key asked for in both modes is exclusive.
    #[must_use]
    pub fn shared(mut self, keys: impl IntoKeys) -> LockSpec {
        self.more().shared.extend(keys.into_keys().into_vec());
        self
    }

    /// Sets the mode of the keys that were given to [`new`](LockSpec::new). The last one counts.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> LockSpec {
        let keys = std::mem::take(&mut self.exclusive).into_vec();
        let more = self.more();
        match mode {
            Mode::Shared => {
                let count = keys.len();
                more.shared.splice(more.moved..more.moved, keys);
                more.moved += count;
            }
            Mode::Exclusive => {
                let moved = std::mem::take(&mut more.moved);
                let keys = more.shared.drain(..moved).chain(keys).collect();
                self.exclusive = Keys::Several(keys);
            }
        }
        self
    }

    /// Gives the request a label, which queries and errors show.
    #[must_use]
    pub fn label(mut self, label: impl Into<Arc<str>>) -> LockSpec {
        self.more().signature.label = Some(label.into());
        self
    }

    /// Makes it a request of `owner`: a wait that could never end, because it would wait for its own owner, is refused.
    #[must_use]
    pub fn owner(mut self, owner: &Owner) -> LockSpec {
        let more = self.more();
        more.signature.owner = Some(owner.tag().clone());
        more.owner = Some(owner.clone());
        self
    }

    /// Sets how long the request may wait, for all keys together. Zero: succeed if free, else time out at once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> LockSpec {
        self.more().timeout = Some(timeout);
        self
    }

    /// Sets how long the grant lasts at most: then all its keys are taken away, and its guard is lost (clause L15),
    /// for whoever asks, though nobody was told yet (clause B5).
    #[must_use]
    pub fn max_hold(mut self, max_hold: Duration) -> LockSpec {
        self.more().max_hold = Some(max_hold);
        self
    }

    /// Makes its keys those of a sub-space.
    #[must_use]
    pub fn within(mut self, place: &Within) -> LockSpec {
        self.more().within = Some(place.clone());
        self
    }

    /// The exclusive and the shared keys as a guard names them: in the order asked, without duplicates, each in one mode.
    /// For bindings whose guards keep no keys until somebody asks for them.
    pub fn key_set(mut self) -> (Vec<Key>, Vec<Key>) {
        self.normalise();
        let (exclusive, shared) = self.keys();
        (exclusive.to_vec(), shared.to_vec())
    }

    /// The keys asked for exclusively, then those asked for in shared mode.
    pub(crate) fn keys(&self) -> (&[Key], &[Key]) {
        (&self.exclusive, self.more.as_ref().map_or(&[], |more| &more.shared))
    }

    /// The keys, where they are wanted exclusively and nothing else is said.
    #[inline]
    pub(crate) fn plain_keys(&self) -> Option<&[Key]> {
        match &self.more {
            None => Some(&self.exclusive),
            Some(_) => None,
        }
    }

    pub(crate) fn label_ref(&self) -> Option<&Arc<str>> {
        self.more.as_ref()?.signature.label.as_ref()
    }

    pub(crate) fn owner_ref(&self) -> Option<&Owner> {
        self.more.as_ref()?.owner.as_ref()
    }

    /// What the request says of itself, if anything.
    pub(crate) fn signature(&self) -> Option<&Signature> {
        self.more.as_ref().map(|more| &more.signature).filter(|signature| !signature.is_empty())
    }

    pub(crate) fn timeout_ref(&self) -> Option<Duration> {
        self.more.as_ref()?.timeout
    }

    pub(crate) fn max_hold_ref(&self) -> Option<Duration> {
        self.more.as_ref()?.max_hold
    }

    /// A key as the space knows it.
    pub(crate) fn wrap(&self, key: &Key) -> Key {
        self.within_ref().map_or_else(|| key.clone(), |place| place.wrap(key))
    }

    /// Keys of the space as the request names them, without those that are none of its sub-space.
    pub(crate) fn unwrap(&self, keys: Vec<Key>) -> Vec<Key> {
        match self.within_ref() {
            None => keys,
            Some(place) => keys.iter().filter_map(|key| place.unwrap(key)).collect(),
        }
    }

    /// An error of the space as the request tells it.
    pub(crate) fn unwrap_error(&self, error: Error) -> Error {
        match self.within_ref() {
            None => error,
            Some(place) => place.error(error),
        }
    }

    pub(crate) fn within_ref(&self) -> Option<&Within> {
        self.more.as_ref()?.within.as_ref()
    }

    /// Other keys than were asked for.
    #[cold]
    pub(crate) fn replace_keys(&mut self, exclusive: Vec<Key>, shared: Vec<Key>) {
        self.exclusive = Keys::Several(exclusive);
        self.more().shared = shared;
    }

    /// The keys that are left when these were given up.
    pub(crate) fn forget_keys(&mut self, given: &[Key]) {
        self.exclusive.edit(|keys| keys.retain(|key| !given.contains(key)));
        if let Some(more) = &mut self.more {
            more.shared.retain(|key| !given.contains(key));
        }
    }

    /// The keys when these are no longer exclusive.
    pub(crate) fn share_keys(&mut self, shared: &[Key]) {
        let mut moved = Vec::new();
        self.exclusive.edit(|keys| {
            let (go, stay) = std::mem::take(keys).into_iter().partition(|key| shared.contains(key));
            (moved, *keys) = (go, stay);
        });
        self.more().shared.append(&mut moved);
    }

    /// Names each key once, in the order asked, in one mode: as a guard shows them.
    pub(crate) fn normalise(&mut self) {
        let LockSpec { exclusive, more } = self;
        let shared = more.as_mut().map(|more| &mut more.shared);
        match exclusive.len() + shared.as_ref().map_or(0, |keys| keys.len()) {
            0 | 1 => {}
            2..=FEW => {
                if (1..exclusive.len()).any(|at| exclusive[..at].contains(&exclusive[at])) {
                    exclusive.edit(|keys| retain_first(keys, |_| false));
                }
                if let Some(keys) = shared {
                    retain_first(keys, |key| exclusive.contains(key));
                }
            }
            _ => {
                exclusive.edit(|keys| retain_first_of_many(keys, &[]));
                if let Some(keys) = shared {
                    retain_first_of_many(keys, exclusive);
                }
            }
        }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

/// So many keys are compared with each other; more are sorted.
const FEW: usize = 16;

/// Keeps the first of equal keys, unless it is elsewhere.
fn retain_first(keys: &mut Vec<Key>, elsewhere: impl Fn(&Key) -> bool) {
    for at in (0..keys.len()).rev() {
        if keys[..at].contains(&keys[at]) || elsewhere(&keys[at]) {
            keys.remove(at);
        }
    }
}

/// The same for many keys, and for what is among `others`.
fn retain_first_of_many(keys: &mut Vec<Key>, others: &[Key]) {
    // Equal keys side by side, in the order in which they come.
    let mut order: Vec<(&Key, usize)> = others.iter().chain(&*keys).zip(0..).collect();
    sort_by(&mut order, Ord::cmp);
    let mut repeated = vec![false; order.len()];
    for pair in order.windows(2) {
        repeated[pair[1].1] = pair[0].0 == pair[1].0;
    }
    let mut repeated = repeated.into_iter().skip(others.len());
    keys.retain(|_| repeated.next() == Some(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mode_counts() {
        let spec = LockSpec::new(["a", "b"]).shared("c").mode(Mode::Shared);
        assert_eq!(spec.keys(), (&[][..], &["a", "b", "c"].map(Key::from)[..]));
        let spec = spec.mode(Mode::Shared).mode(Mode::Exclusive).mode(Mode::Exclusive);
        assert_eq!(spec.keys(), (&["a", "b"].map(Key::from)[..], &["c"].map(Key::from)[..]));
    }

    #[test]
    fn a_key_asked_for_in_both_modes_is_exclusive() {
        let mut spec = LockSpec::new(["a", "b", "a"]).shared(["b", "c", "c"]);
        spec.normalise();
        assert_eq!(spec.keys(), (&[Key::from("a"), Key::from("b")][..], &[Key::from("c")][..]));
    }

    #[test]
    fn of_many_keys_the_first_stays_too() {
        let numbers = |range: std::ops::Range<i32>| range.map(Key::from).collect::<Vec<Key>>();
        let twice = |keys: Vec<Key>| [keys.clone(), keys].concat();
        let mut spec = LockSpec::new(twice(numbers(5..40))).shared(twice(numbers(0..60)));
        spec.normalise();
        let shared = [numbers(0..5), numbers(40..60)].concat();
        assert_eq!(spec.keys(), (&numbers(5..40)[..], &shared[..]));
    }
}
