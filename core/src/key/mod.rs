//! Keys: what locks and cells are named by.

mod decode;
mod encode;
mod list;
mod part;
mod short;
mod span;
mod turn;

use std::fmt;

pub(crate) use self::decode::decode_part;
pub use self::list::IntoKeys;
pub(crate) use self::list::Keys;
pub use self::part::KeyPart;
pub(crate) use self::part::Quoted;
use self::short::Short;
pub(crate) use self::span::Span;
pub use self::turn::Turn;

use crate::Error;
use crate::sync::Arc;

/// The name of a lock or a cell: a string, an integer, bytes, a boolean, or a tuple of such parts.
///
/// A key is kept as its canonical encoding, which is the same, byte for byte, in every language: equal keys have
/// equal bytes, and key order is byte order. Part types never mix: `1`, `"1"`, `true` and `b"1"` are four keys, and a
/// one-part tuple is not its bare part. Short keys (up to 23 bytes encoded) live inline; longer ones share one
/// allocation between clones.
///
/// The encoding may be up to [`Key::MAX_LEN`] bytes long. Making a longer key succeeds; the operations that take it
/// refuse it with [`Invalid`](crate::ErrorKind::Invalid). Only names of the Web Locks API, which bindings make of their
/// encoding, can have any length.
///
/// # Examples
///
/// ```
/// use latchwork::{Key, key};
///
/// assert_ne!(Key::from(1), Key::from("1"));
/// assert_ne!(key!("user"), Key::from("user"));
/// assert_eq!(key!("user", 42).to_string(), r#"("user", 42)"#);
/// assert!(key!("user", 9) < key!("user", 10));
/// ```
pub struct Key(Repr);

enum Repr {
    Short(Short),
    Shared(Arc<[u8]>),
}

impl Key {
    /// The longest encoding, in bytes, that an operation accepts.
    pub const MAX_LEN: usize = 2048;

    /// Of nothing: where a key is to be put.
    pub(crate) const BLANK: Key = Key(Repr::Short(Short::BLANK));

    /// The canonical encoding.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short(short) => short.as_bytes(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// Adds it to a hash: a key in place by its words, any other by its bytes.
    #[inline]
    pub(crate) fn add_to(&self, hasher: &mut impl std::hash::Hasher) {
        match &self.0 {
            Repr::Short(short) => short.words().into_iter().for_each(|word| hasher.write_u64(word)),
            Repr::Shared(bytes) => hasher.write(bytes),
        }
    }

    /// The key whose canonical encoding is `encoded`: also a name.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when the bytes are not the canonical encoding of a key.
    pub fn from_bytes(encoded: &[u8]) -> Result<Key, Error> {
        decode::decode(encoded)?;
        Ok(Key::from_encoded(encoded))
    }

    /// The key as a value that can be taken apart, to hand it back to a caller.
    pub fn part(&self) -> KeyPart {
        // Every way to make a `Key` encodes canonically. Only a key that every operation refuses, because its tuples
        // nest too deep, does not decode.
        match self.as_turn() {
            Some(Turn::Cell(cell)) => return KeyPart::Turn(Some(Box::new(cell.part()))),
            Some(Turn::Space) => return KeyPart::Turn(None),
            None => {}
        }
        decode::decode(self.as_bytes()).unwrap_or_else(|_| KeyPart::Bytes(self.as_bytes().to_vec()))
    }

    /// Refuses a key that is too long for an operation.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when the encoding is longer than [`Key::MAX_LEN`], or tuples nest deeper
    /// than 32, or the key is that of a [turn](Key::turn_of).
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        match &self.0 {
            // Too short to be too long, or to nest too deep.
            Repr::Short(_) => Ok(()),
            Repr::Shared(bytes) => Key::check_long(bytes),
        }
    }

    fn check_long(bytes: &[u8]) -> Result<(), Error> {
        if bytes[0] == encode::TURN {
            return Err(Error::invalid("key", "is reserved for turns"));
        }
        let len = bytes.len();
        if len > Key::MAX_LEN && bytes[0] != encode::NAME {
            let why = format!("longer than {} bytes encoded: len={len}", Key::MAX_LEN);
            return Err(Error::invalid("key", why));
        }
        if bytes[0] == encode::TUPLE && decode::depth(bytes) > encode::MAX_DEPTH {
            return Err(Error::invalid("key", format!("tuples nest too deep: limit={}", encode::MAX_DEPTH)));
        }
        Ok(())
    }

    pub(crate) fn is_tuple(&self) -> bool {
        self.as_bytes().first() == Some(&encode::TUPLE)
    }

    /// The key that has this one as its last part, after `before`, and so many ends of tuples after it.
    pub(crate) fn nested_after(&self, before: &[u8], ends: usize) -> Key {
        let mut encoded = before.to_vec();
        encode::nest(self.as_bytes(), &mut encoded);
        encoded.extend(std::iter::repeat_n(encode::END, ends));
        Key::from_encoded(&encoded)
    }

    fn from_encoded(encoded: &[u8]) -> Key {
        match encoded.split_first() {
            // That of a turn never in place, however short, so that the usual keys need not be looked at for it.
            Some((&tag, content)) if tag != encode::TURN && Short::has_room_for(content) => {
                Key(Repr::Short(Short::new(tag, content)))
            }
            _ => Key(Repr::Shared(Arc::from(encoded))),
        }
    }

    /// A bare string or bytes key: the tag and the bytes as they are.
    fn tagged(tag: u8, content: &[u8]) -> Key {
        match Short::has_room_for(content) {
            true => Key(Repr::Short(Short::new(tag, content))),
            false => Key(Repr::Shared([&[tag], content].concat().into())),
        }
    }
}

impl Clone for Key {
    // Inlined, it would copy a short key in pieces of its fields.
    #[inline(never)]
    fn clone(&self) -> Key {
        match &self.0 {
            Repr::Short(short) => Key(Repr::Short(*short)),
            Repr::Shared(bytes) => Key(Repr::Shared(bytes.clone())),
        }
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Key) -> bool {
        match (&self.0, &other.0) {
            (Repr::Short(one), Repr::Short(other)) => one == other,
            (Repr::Shared(one), Repr::Shared(other)) => one == other,
            // Short keys are never shared.
            _ => false,
        }
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// By its canonical encoding, which its order, equality and hash go by.
impl std::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.part().fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// Makes a tuple key of its arguments: `key!("user", 42)`.
///
/// Each argument is anything that converts into a [`Key`], tuples included. `key!()` is the empty tuple.
#[macro_export]
macro_rules! key {
    ($($part:expr),* $(,)?) => {
        $crate::Key::tuple([$($crate::Key::from($part)),*])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_types_never_mix() {
        let keys = [Key::from(1), Key::from("1"), Key::from(true), Key::from(b"1"), key!(1), key!(key!(1))];
        for (i, a) in keys.iter().enumerate() {
            for (j, b) in keys.iter().enumerate() {
                assert_eq!(a == b, i == j, "{a} against {b}");
            }
        }
    }

    #[test]
    fn order_is_that_of_the_values() {
        let sorted = [
            Key::from(false),
            Key::from(true),
            Key::from(i64::MIN),
            Key::from(-1),
            Key::from(0),
            Key::from(u64::MAX),
            Key::from(b""),
            Key::from(b"\x00"),
            Key::from(""),
            Key::from("a"),
            Key::from("a\0"),
            Key::from("ab"),
            key!(),
            key!("a"),
            key!("a", 0),
            key!("a\0"),
            key!("a\0\0"),
            key!("a\x01"),
            key!("ab"),
            key!(key!()),
            key!(key!("a")),
        ];
        for pair in sorted.windows(2) {
            assert!(pair[0] < pair[1], "{} before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn a_key_decodes_to_what_made_it() {
        let parts = [
            KeyPart::Bool(true),
            KeyPart::Int(-1),
            KeyPart::Int(i128::from(u64::MAX)),
            KeyPart::Int(i128::from(i64::MIN)),
            KeyPart::Bytes(vec![0, 1, 2, 255]),
            KeyPart::Str("smörgås \0 \u{1}".into()),
            KeyPart::Tuple(vec![
                KeyPart::Str("a\0b\u{1}c".into()),
                KeyPart::Tuple(vec![]),
                KeyPart::Tuple(vec![KeyPart::Bytes(vec![1, 0, 1])]),
            ]),
        ];
        for part in parts {
            let key = Key::try_from(part.clone()).expect("a valid part");
            assert_eq!(key.part(), part);
            assert_eq!(Key::from_bytes(key.as_bytes()).expect("canonical"), key);
        }
    }

    #[test]
    fn a_part_is_never_a_prefix_of_another_part() {
        let short = key!("a");
        assert!(!key!("a\0").as_bytes().starts_with(short.as_bytes()));
        assert!(key!("a", "b").as_bytes().starts_with(short.as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let bad: [&[u8]; 12] = [
            b"",
            b"\x00",
            b"\xff",
            b"\x10x",
            b"\x21\0",
            b"\x20\0\0\0\0\0\0\0\x01",
            b"\x40\xff",
            b"\x50\x40a",
            b"\x50\x40a\x01\x03\0",
            b"\x50\x50",
            b"\x50\0",
            b"\x50\x40\xff\0",
        ];
        for bytes in bad {
            assert!(Key::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_name_has_any_length_and_is_no_other_key() {
        let content = vec![b'x'; 2 * Key::MAX_LEN];
        let encoded = [&[encode::NAME][..], &content].concat();
        let name = Key::from_bytes(&encoded).expect("a name");
        assert!(name.check().is_ok());
        assert_eq!((name.as_bytes(), name.part()), (&encoded[..], KeyPart::Bytes(content.clone())));
        assert_ne!(name, Key::from(content.clone()));
        assert!(Key::from(content.clone()).check().is_err());
        assert_eq!(key!(name), key!(content), "in a tuple it is its bytes");
        assert!(key!(Key::from_bytes(&encoded).expect("a name")).check().is_err());
        assert!(Key::from_bytes(&[b"\x50", &encoded[..], b"\0"].concat()).is_err(), "nor is it a part");
        assert!(Key::from_bytes(&encoded[..Key::MAX_LEN]).is_err(), "it would fit into another key");
        assert!(Key::from_bytes(&encoded[..=Key::MAX_LEN]).is_ok());
    }

    #[test]
    fn limits_are_told() {
        let long = Key::from("x".repeat(Key::MAX_LEN));
        assert!(long.check().is_err());
        assert!(Key::from("x".repeat(Key::MAX_LEN - 1)).check().is_ok());
        assert!(Key::try_from(KeyPart::Int(1 << 64)).is_err());
        assert!(Key::try_from(KeyPart::Int(-(1 << 63) - 1)).is_err());
        let deep = (0..40).fold(KeyPart::Int(1), |part, _| KeyPart::Tuple(vec![part]));
        assert!(Key::try_from(deep).is_err());
        let nest = |n| (1..n).fold(key!("a", 1), |key, _| key!(key, "b\0"));
        assert!(nest(32).check().is_ok());
        assert!(nest(33).check().is_err());
    }
}
