//! The canonical encoding, reading side: accepts exactly what the writing side makes, and names.

use super::KeyPart;
use super::encode::{BYTES, END, ESCAPE, FALSE, INTEGER, MAX_DEPTH, NAME, NEGATIVE, STRING, TRUE, TUPLE};
use crate::{Error, Key};

pub(super) fn decode(encoded: &[u8]) -> Result<KeyPart, Error> {
    bare(encoded).ok_or_else(|| Error::invalid("key", "bytes are not the canonical encoding of a key"))
}

fn bare(encoded: &[u8]) -> Option<KeyPart> {
    let (&tag, content) = encoded.split_first()?;
    match tag {
        BYTES => Some(KeyPart::Bytes(content.to_vec())),
        // What fits into another key is never one.
        NAME if encoded.len() > Key::MAX_LEN => Some(KeyPart::Bytes(content.to_vec())),
        STRING => Some(KeyPart::Str(str::from_utf8(content).ok()?.to_owned())),
        TUPLE => {
            let mut rest = content;
            let mut parts = Vec::new();
            while !rest.is_empty() {
                parts.push(nested(&mut rest, 1)?);
            }
            Some(KeyPart::Tuple(parts))
        }
        _ => {
            let mut rest = encoded;
            let part = nested(&mut rest, 1)?;
            rest.is_empty().then_some(part)
        }
    }
}

/// Reads one part of a tuple off the front of `rest`.
pub(crate) fn decode_part(rest: &mut &[u8]) -> Option<KeyPart> {
    nested(rest, 1)
}

fn nested(rest: &mut &[u8], depth: usize) -> Option<KeyPart> {
    let (&tag, after) = rest.split_first()?;
    *rest = after;
    match tag {
        FALSE => Some(KeyPart::Bool(false)),
        TRUE => Some(KeyPart::Bool(true)),
        INTEGER => Some(KeyPart::Int(i128::from(number(rest)?))),
        NEGATIVE => {
            let value = number(rest)? as i64;
            (value < 0).then_some(KeyPart::Int(i128::from(value)))
        }
        BYTES => Some(KeyPart::Bytes(unescape(rest)?)),
        STRING => Some(KeyPart::Str(String::from_utf8(unescape(rest)?).ok()?)),
        TUPLE if depth < MAX_DEPTH => {
            let mut parts = Vec::new();
            while *rest.first()? != END {
                parts.push(nested(rest, depth + 1)?);
            }
            *rest = &rest[1..];
            Some(KeyPart::Tuple(parts))
        }
        _ => None,
    }
}

/// How deep the tuples of a canonical encoding nest: 0 for a bare part. Does not recurse.
pub(super) fn depth(encoded: &[u8]) -> usize {
    let (mut open, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&tag) = encoded.get(at) {
        at += 1;
        match tag {
            TUPLE => open += 1,
            END => open = open.saturating_sub(1),
            INTEGER | NEGATIVE => at += 8,
            // A bare string or bytes key has no terminator: `at` runs off the end.
            STRING | BYTES => {
                let end = encoded[at..].iter().position(|&byte| byte == END);
                at += end.map_or(encoded.len(), |end| end + 1);
            }
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_be_bytes(*bytes))
}

fn unescape(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        match byte {
            END => return Some(content),
            ESCAPE => {
                let (&escaped, after) = rest.split_first()?;
                *rest = after;
                match escaped {
                    1 | 2 => content.push(escaped - 1),
                    _ => return None,
                }
            }
            _ => content.push(byte),
        }
    }
}
