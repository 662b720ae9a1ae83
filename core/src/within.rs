//! The place of a sub-space among the keys of its space.

use std::fmt;

use crate::key::{Key, decode_part};
use crate::sync::Arc;
use crate::{Blocker, Conflict, Entry, Error, KeyRange, Query, Turn};

/// The place of a sub-space among the keys of its space.
///
/// A key of the sub-space is a key of the space too: the parts of the prefix, and the key itself as one more part. What
/// does not have that form is none of its keys, so a sub-space sees nothing else and reaches nothing else.
/// [`Space::within`](crate::Space::within) makes one by itself; bindings use it where keys cross their border.
///
/// # Examples
///
/// ```
/// use latchwork::{Key, Within, key};
///
/// let tenant = Within::new(key!("tenant", 7));
/// assert_eq!(tenant.wrap(&Key::from("doc")), key!("tenant", 7, "doc"));
/// assert_eq!(tenant.wrap(&key!("user", 1)), key!("tenant", 7, key!("user", 1)));
/// assert_eq!(tenant.unwrap(&key!("tenant", 7, "doc")), Some(Key::from("doc")));
/// assert_eq!(tenant.unwrap(&key!("tenant", 7, "user", 1)), None);
/// assert_eq!(tenant.within("user").wrap(&Key::from(1)), key!("tenant", 7, key!("user", 1)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Within(Arc<Place>);

#[derive(PartialEq, Eq)]
struct Place {
    /// What all its keys begin with, encoded.
    before: Vec<u8>,
    /// In how many tuples of tuples its keys lie: so many ends are closed after them.
    nested: usize,
}

impl Within {
    /// The place under a prefix: the parts of a tuple, or one part.
    pub fn new(prefix: impl Into<Key>) -> Within {
        Within(Arc::new(Place { before: tuple_of(&prefix.into()), nested: 0 }))
    }

    /// The place under a prefix in this place.
    #[must_use]
    pub fn within(&self, prefix: impl Into<Key>) -> Within {
        let before = [&self.0.before[..], &tuple_of(&prefix.into())].concat();
        Within(Arc::new(Place { before, nested: self.0.nested + 1 }))
    }

    /// The key of the space that a key of the sub-space is.
    #[must_use]
    pub fn wrap(&self, key: &Key) -> Key {
        match key.as_turn() {
            Some(Turn::Cell(cell)) => Key::turn_of(self.wrap(&cell)),
            // Which a sub-space cannot name: what stands for it is refused by every operation.
            Some(Turn::Space) => Key::turn_of(key),
            None => key.nested_after(&self.0.before, self.0.nested),
        }
    }

    /// The key of the sub-space that a key of the space is, if it is one.
    pub fn unwrap(&self, key: &Key) -> Option<Key> {
        match key.as_turn() {
            Some(Turn::Cell(cell)) => return self.unwrap(&cell).map(Key::turn_of),
            Some(Turn::Space) => return None,
            None => {}
        }
        let mut rest = key.as_bytes().strip_prefix(&self.0.before[..])?;
        let part = decode_part(&mut rest)?;
        let closed = rest.len() == self.0.nested && rest.iter().all(|&byte| byte == 0);
        if closed { Key::try_from(part).ok() } else { None }
    }

    /// The keys of the space that a range of the sub-space stands for.
    #[must_use]
    pub fn range(&self, range: &KeyRange) -> KeyRange {
        range.under(self)
    }

    /// What a query of the space says about the sub-space: of each lock and each request the keys in it, if there are
    /// any.
    #[must_use]
    pub fn query(&self, mut query: Query) -> Query {
        query.held.retain_mut(|hold| self.unwrap_all(&mut hold.keys) + self.unwrap_all(&mut hold.shared) > 0);
        query.pending.retain_mut(|wait| {
            self.unwrap_blockers(&mut wait.blocked_by);
            self.unwrap_all(&mut wait.keys) + self.unwrap_all(&mut wait.shared) > 0
        });
        query
    }

    /// An error of the space as the sub-space tells it: without keys that are elsewhere.
    #[must_use]
    pub fn error(&self, error: Error) -> Error {
        error.map_keys(|key| self.unwrap(key))
    }

    pub(crate) fn before(&self) -> &[u8] {
        &self.0.before
    }

    pub(crate) fn entry<V>(&self, mut entry: Entry<V>) -> Entry<V> {
        if let Some(key) = self.unwrap(&entry.key) {
            entry.key = key;
        }
        entry
    }

    pub(crate) fn conflict<V>(&self, conflict: Conflict<V>) -> Conflict<V> {
        let Conflict { key, expected, entry } = conflict;
        Conflict { key: self.unwrap(&key).unwrap_or(key), expected, entry: self.entry(entry) }
    }

    /// Leaves the keys of the sub-space, as such. Answers how many.
    fn unwrap_all(&self, keys: &mut Vec<Key>) -> usize {
        *keys = keys.iter().filter_map(|key| self.unwrap(key)).collect();
        keys.len()
    }

    fn unwrap_blockers(&self, blockers: &mut Vec<Blocker>) {
        blockers.retain_mut(|blocker| match self.unwrap(&blocker.key) {
            Some(key) => {
                blocker.key = key;
                true
            }
            None => false,
        });
    }
}

/// The encoding of a tuple that is not closed: of the parts of a tuple, or of one part.
fn tuple_of(prefix: &Key) -> Vec<u8> {
    let parts = if prefix.is_tuple() { prefix.clone() } else { Key::tuple([prefix.clone()]) };
    parts.as_bytes().to_vec()
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Within({})", self.wrap(&Key::from("…")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    fn samples() -> Vec<Key> {
        let bare =
            [Key::from(true), Key::from(-3), Key::from(7), Key::from(b"\x00\x01"), Key::from("a\0b"), Key::from("")];
        let tuples = [key!(), key!("a"), key!("a", 1), key!(key!("a"), ""), key!(key!())];
        bare.into_iter().chain(tuples).collect()
    }

    #[test]
    fn every_key_goes_in_and_comes_out_and_keeps_its_order() {
        let places =
            [Within::new("a"), Within::new(key!("t", 7)), Within::new(key!()), Within::new("a").within(key!("b", 2))];
        for place in &places {
            let mut keys = samples();
            keys.sort();
            let wrapped: Vec<Key> = keys.iter().map(|key| place.wrap(key)).collect();
            assert!(wrapped.is_sorted());
            for (key, wrapped) in keys.iter().zip(&wrapped) {
                assert_eq!(place.unwrap(wrapped).as_ref(), Some(key));
                assert_eq!(Key::from_bytes(wrapped.as_bytes()).expect("canonical"), *wrapped);
                assert_eq!(place.within("x").unwrap(wrapped), None);
            }
        }
        // No place has a key of another, unless it is inside.
        for (at, place) in places[..3].iter().enumerate() {
            for other in places[..3].iter().enumerate().filter(|(other, _)| *other != at).map(|(_, place)| place) {
                let seen = samples().iter().filter(|key| other.unwrap(&place.wrap(key)).is_some()).count();
                assert_eq!(seen, 0, "{place:?} in {other:?}");
            }
        }
        assert_eq!(places[0].wrap(&key!("b", 2, "k")), places[3].wrap(&Key::from("k")));
    }

    #[test]
    fn a_range_stands_for_the_same_keys() {
        let place = Within::new(key!("t", 7)).within("in");
        let ranges = [
            KeyRange::all(),
            KeyRange::prefix(""),
            KeyRange::prefix("a"),
            KeyRange::prefix(key!("a")),
            KeyRange::prefix(key!()),
            KeyRange::prefix(b"\x00"),
            KeyRange::between(7, "a\0b"),
            KeyRange::from(key!("a")),
            KeyRange::before("a\0b"),
        ];
        for range in &ranges {
            let under = place.range(range);
            for key in samples() {
                assert_eq!(under.contains(&place.wrap(&key)), range.contains(&key), "{key} in {range:?}");
                assert!(!under.contains(&key) && !under.contains(&Within::new("t").wrap(&key)));
            }
            // What looks alike and has another form.
            for stray in
                [key!("t", 7, key!("in", "a", "b")), key!("t", 7, key!("in")), key!("t", 7, key!("in", "a"), 1)]
            {
                assert!(!under.contains(&stray), "{stray} in {range:?}");
            }
        }
        assert!(place.range(&KeyRange::prefix(1)).check().is_err());
    }
}
