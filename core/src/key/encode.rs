//! The canonical encoding, writing side.
//!
//! | part | bytes |
//! |---|---|
//! | `false`, `true` | `10`, `11` |
//! | negative integer | `20`, then 8 bytes, two's complement, big endian |
//! | other integer | `21`, then 8 bytes, big endian |
//! | bytes | `30`, then the bytes |
//! | string | `40`, then its UTF-8 |
//! | tuple | `50`, then its parts |
//! | name | `60`, then bytes, more than any other key has |
//! | turn | `70`, then the key of its cell, or nothing |
//!
//! Inside a tuple, bytes and strings are escaped (`00` as `01 01`, `01` as `01 02`) and closed by `00`, and a tuple is
//! closed by `00`. So byte order is the order of the values, no part is a prefix of another part, and the keys that
//! begin with given parts are the keys whose bytes begin with theirs.
//!
//! A name is only ever made of its encoding, by what follows the Web Locks API, where a name can have any length. It reads as
//! bytes, and is part of no tuple. A turn is no key of a caller, and never decoded.

use super::{Key, KeyPart};
use crate::Error;

pub(super) const FALSE: u8 = 0x10;
pub(super) const TRUE: u8 = 0x11;
pub(super) const NEGATIVE: u8 = 0x20;
pub(super) const INTEGER: u8 = 0x21;
pub(super) const BYTES: u8 = 0x30;
pub(super) const STRING: u8 = 0x40;
pub(super) const TUPLE: u8 = 0x50;
pub(super) const NAME: u8 = 0x60;
pub(super) const TURN: u8 = 0x70;
pub(super) const END: u8 = 0x00;
pub(super) const ESCAPE: u8 = 0x01;

/// How deep tuples may nest.
pub(super) const MAX_DEPTH: usize = 32;

impl Key {
    /// The tuple of the given keys; what [`key!`](crate::key!) calls.
    #[doc(hidden)]
    pub fn tuple(parts: impl IntoIterator<Item = Key>) -> Key {
        let mut encoded = vec![TUPLE];
        for part in parts {
            nest(part.as_bytes(), &mut encoded);
        }
        Key::from_encoded(&encoded)
    }

    pub(super) fn integer(value: i128) -> Option<Key> {
        let mut encoded = [0; 9];
        if let Ok(value) = u64::try_from(value) {
            encoded[0] = INTEGER;
            encoded[1..].copy_from_slice(&value.to_be_bytes());
        } else {
            let value = i64::try_from(value).ok()?;
            encoded[0] = NEGATIVE;
            encoded[1..].copy_from_slice(&value.to_be_bytes());
        }
        Some(Key::from_encoded(&encoded))
    }
}

impl TryFrom<KeyPart> for Key {
    type Error = Error;

    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when an integer is outside −2^63 to 2^64−1, or tuples nest deeper than
    /// 32, or a turn is part of one.
    fn try_from(part: KeyPart) -> Result<Key, Error> {
        encode(&part, 0)
    }
}

fn encode(part: &KeyPart, depth: usize) -> Result<Key, Error> {
    Ok(match part {
        KeyPart::Bool(value) => Key::from(*value),
        KeyPart::Int(value) => Key::integer(*value)
            .ok_or_else(|| Error::invalid("key", format!("integer outside -2^63 to 2^64-1: value={value}")))?,
        KeyPart::Bytes(bytes) => Key::tagged(BYTES, bytes),
        KeyPart::Str(text) => Key::tagged(STRING, text.as_bytes()),
        KeyPart::Tuple(_) if depth == MAX_DEPTH => {
            return Err(Error::invalid("key", format!("tuples nest too deep: limit={MAX_DEPTH}")));
        }
        KeyPart::Tuple(parts) => {
            Key::tuple(parts.iter().map(|part| encode(part, depth + 1)).collect::<Result<Vec<_>, _>>()?)
        }
        KeyPart::Turn(_) if depth > 0 => return Err(Error::invalid("key", "a turn is part of no tuple")),
        KeyPart::Turn(Some(cell)) => Key::turn_of(encode(cell, 0)?),
        KeyPart::Turn(None) => Key::turn_of_space(),
    })
}

/// Appends the key whose bare encoding is `bare` as a part of a tuple.
pub(super) fn nest(bare: &[u8], into: &mut Vec<u8>) {
    nest_open(bare, into);
    if let Some(&(BYTES | STRING | TUPLE | NAME | TURN)) = bare.first() {
        into.push(END);
    }
}

/// The same, without the end that closes the part: what all parts that begin with it begin with.
pub(super) fn nest_open(bare: &[u8], into: &mut Vec<u8>) {
    let Some((&tag, content)) = bare.split_first() else {
        return;
    };
    let tag = if matches!(tag, NAME | TURN) { BYTES } else { tag };
    into.push(tag);
    if !matches!(tag, BYTES | STRING) {
        into.extend_from_slice(content);
        return;
    }
    for &byte in content {
        match byte {
            END | ESCAPE => into.extend([ESCAPE, byte + 1]),
            _ => into.push(byte),
        }
    }
}

impl From<bool> for Key {
    fn from(value: bool) -> Key {
        Key::from_encoded(&[if value { TRUE } else { FALSE }])
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Key {
        Key::tagged(STRING, text.as_bytes())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Key {
        Key::tagged(BYTES, bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Key {
        Key::tagged(BYTES, bytes)
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Key {
        Key::tagged(BYTES, &bytes)
    }
}

impl From<String> for Key {
    fn from(text: String) -> Key {
        Key::from(text.as_str())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Key {
        Key::from(text.as_str())
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Key {
        key.clone()
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Key {
            fn from(value: $integer) -> Key {
                let negative = (value as i64) < 0 && <$integer>::MIN != 0;
                let (tag, bits) = if negative { (NEGATIVE, value as i64 as u64) } else { (INTEGER, value as u64) };
                let mut encoded = [0; 9];
                encoded[0] = tag;
                encoded[1..].copy_from_slice(&bits.to_be_bytes());
                Key::from_encoded(&encoded)
            }
        }
    )*};
}

// No `u8`: a `Vec<u8>` is one bytes key, and must not read as several integer keys.
from_integers!(i16, i32, i64, isize, u16, u32, u64, usize);
