//! A range of keys as a range of their bytes.

use std::fmt;

use super::Key;
use super::decode::depth;
use super::encode::{BYTES, MAX_DEPTH, STRING, TUPLE, TURN, nest, nest_open};
use crate::{Error, Within};

/// The keys whose bytes are from `start` on and before `end`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Span {
    start: Box<[u8]>,
    end: Option<Box<[u8]>>,
    kind: Kind,
    /// Of the keys of this sub-space: others whose bytes lie between are not inside.
    within: Option<Within>,
}

/// What a span was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All keys that begin with `start`.
    Leading,
    /// From one key to another.
    Between,
    /// What no key can begin with: a number or a boolean.
    NoPrefix,
}

impl Span {
    /// The keys that begin with this one.
    pub(crate) fn prefix(key: &Key) -> Span {
        let start = key.as_bytes();
        match start.first() {
            // Bare strings, bytes and tuples are not closed, so what begins with them begins with their bytes.
            Some(&(STRING | BYTES | TUPLE)) => Span::leading_with(start),
            _ => Span { start: start.into(), end: None, kind: Kind::NoPrefix, within: None },
        }
    }

    /// From one key on, or from the first, to before another, or to the last.
    pub(crate) fn between(start: Option<&Key>, end: Option<&Key>) -> Span {
        match (start, end) {
            (None, None) => Span::leading_with(&[]),
            _ => {
                let bytes = |key: &Key| Box::from(key.as_bytes());
                Span {
                    start: start.map(bytes).unwrap_or_default(),
                    end: end.map(bytes),
                    kind: Kind::Between,
                    within: None,
                }
            }
        }
    }

    fn leading_with(start: &[u8]) -> Span {
        Span { start: start.into(), end: successor(start), kind: Kind::Leading, within: None }
    }

    /// The keys that those inside are in a sub-space.
    pub(crate) fn under(&self, place: &Within) -> Span {
        let before = place.before();
        let nested = |bare: &[u8], nest: fn(&[u8], &mut Vec<u8>)| {
            let mut bytes = before.to_vec();
            nest(bare, &mut bytes);
            bytes.into_boxed_slice()
        };
        let mut span = match self.kind {
            Kind::Leading => Span::leading_with(&nested(&self.start, nest_open)),
            Kind::Between => {
                let end = self.end.as_ref().map_or_else(|| successor(before), |end| Some(nested(end, nest)));
                Span { start: nested(&self.start, nest), end, ..self.clone() }
            }
            Kind::NoPrefix => self.clone(),
        };
        span.within = Some(place.clone());
        span
    }

    /// Refuses a prefix that no key can begin with, and keys that are too long or nest too deep.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.kind == Kind::NoPrefix {
            return Err(Error::invalid("prefix", "is neither a string, nor bytes, nor a tuple"));
        }
        let turn = |bytes: &[u8]| bytes.first() == Some(&TURN);
        if turn(&self.start) || self.end.as_deref().is_some_and(turn) {
            return Err(Error::invalid("key", "is reserved for turns"));
        }
        let longest = self.start.len().max(self.end.as_ref().map_or(0, |end| end.len()));
        if longest > Key::MAX_LEN {
            return Err(Error::invalid("key", format!("longer than {} bytes encoded: len={longest}", Key::MAX_LEN)));
        }
        let too_deep = |bytes: &[u8]| bytes.first() == Some(&TUPLE) && depth(bytes) > MAX_DEPTH;
        if too_deep(&self.start) || self.end.as_deref().is_some_and(too_deep) {
            return Err(Error::invalid("key", format!("tuples nest too deep: limit={MAX_DEPTH}")));
        }
        Ok(())
    }

    /// Whether a key is inside.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        let bytes = key.as_bytes();
        let between = bytes >= &self.start[..] && self.end.as_ref().is_none_or(|end| bytes < &end[..]);
        self.kind != Kind::NoPrefix && between && self.covers(key)
    }

    /// Whether a key whose bytes lie between the bounds is inside.
    pub(crate) fn covers(&self, key: &Key) -> bool {
        self.within.as_ref().is_none_or(|place| place.unwrap(key).is_some())
    }

    /// Where it begins and ends; `None` when nothing can be inside.
    pub(crate) fn bounds(&self) -> Option<(&[u8], Option<&[u8]>)> {
        let empty = self.kind == Kind::NoPrefix || self.end.as_ref().is_some_and(|end| *end <= self.start);
        (!empty).then_some((&self.start, self.end.as_deref()))
    }

    /// The bytes that all keys inside begin with, where these alone decide.
    pub(crate) fn leading(&self) -> Option<&[u8]> {
        (self.kind == Kind::Leading).then_some(&self.start)
    }
}

/// The first bytes that come after all that begin with these.
fn successor(bytes: &[u8]) -> Option<Box<[u8]>> {
    let at = bytes.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut next: Box<[u8]> = bytes[..=at].into();
    next[at] += 1;
    Some(next)
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRange({:?} \"{}\"", self.kind, self.start.escape_ascii())?;
        if let Some(end) = &self.end {
            write!(f, " to \"{}\"", end.escape_ascii())?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn a_prefix_is_leading_bytes_or_whole_parts() {
        let inside = |prefix: Key, keys: &[Key]| keys.iter().filter(|key| Span::prefix(&prefix).contains(key)).count();
        let strings = ["", "a", "ab", "abc", "b"].map(Key::from);
        assert_eq!(inside(Key::from("ab"), &strings), 2);
        assert_eq!(inside(Key::from(""), &[Key::from("a"), Key::from(b"a"), key!("a"), Key::from(1)]), 1);
        let tuples = [key!(), key!("a"), key!("a", 1), key!("a", "b"), key!("ab"), Key::from("a"), key!(key!("a"))];
        assert_eq!(inside(key!("a"), &tuples), 3);
        assert_eq!(inside(key!(), &tuples), 6);
        assert_eq!(inside(Key::from(b"\xff"), &[Key::from(b"\xff\xff"), Key::from(b"\xfe"), Key::from("")]), 1);
        assert_eq!(inside(Key::from(1), &[Key::from(1)]), 0);
        assert!(Span::prefix(&Key::from(1)).check().is_err());
        let turn = Key::turn_of("a");
        for (start, end) in [(Some(&turn), None), (None, Some(&turn))] {
            assert!(Span::between(start, end).check().is_err());
        }
    }

    #[test]
    fn a_range_begins_with_its_start_and_ends_before_its_end() {
        let span = Span::between(Some(&Key::from(1)), Some(&Key::from(3)));
        let inside: Vec<i64> = (0..5).filter(|number| span.contains(&Key::from(*number))).collect();
        assert_eq!(inside, [1, 2]);
        assert!(Span::between(Some(&Key::from(3)), Some(&Key::from(1))).bounds().is_none());
        assert!(Span::between(None, None).contains(&Key::from(false)));
    }
}
