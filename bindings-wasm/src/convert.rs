//! Keys and texts as they cross, and as the core has them.

use std::iter;

use latchwork::{Error, Key, KeyPart, Within};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::wire::{self, Reader, Writer};

/// How deep tuples may nest: as deep as the core lets them, so that a walk ends.
const MAX_DEPTH: usize = 32;

/// The largest integer up to which doubles are exact.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// In: a key, and the prefixes of a sub-space. Answers its canonical encoding, of a key of the sub-space that as a key of its
/// space; 0 with outcome `Failed`.
#[wasm_bindgen]
pub fn encode() -> usize {
    let key = || {
        let (key, place) = wire::read(|input| Ok((part(input, 0)?, place(input)?)))?;
        let key = Key::try_from(key)?;
        let key = place.map_or(key.clone(), |place| place.wrap(&key));
        key.check_or_turn()?;
        Ok(key)
    };
    error::answer(key(), |out, key: Key| out.bytes(key.as_bytes()))
}

/// In: canonical bytes, and the prefixes of a sub-space. Answers the key of it that they mean; 0 with outcome `Failed`.
#[wasm_bindgen]
pub fn decode() -> usize {
    let decoded = wire::read(|input| {
        let decoded = raw_key(input)?;
        Ok(unwrap(place(input)?.as_ref(), vec![decoded]))
    });
    error::answer(decoded, |out, keys| match keys.first() {
        Some(decoded) => key(out, decoded),
        None => out.undefined(),
    })
}

/// A key of a request, where bytes are an encoding that was made before.
pub(crate) fn raw_key(input: &mut Reader<'_>) -> Result<Key, Error> {
    Ok(match input.tag()? {
        wire::FALSE => Key::from(false),
        wire::TRUE => Key::from(true),
        tag @ (wire::NUMBER | wire::BIGINT) => return Key::try_from(integer(input, tag)?),
        wire::STRING => Key::from(input.text()?),
        wire::BYTES => return Key::from_bytes_or_turn(input.bytes()?),
        _ => return Err(wire::malformed()),
    })
}

/// A list of keys of a request.
pub(crate) fn raw_keys(input: &mut Reader<'_>) -> Result<Vec<Key>, Error> {
    maybe_keys(input)?.ok_or_else(wire::malformed)
}

/// A list of keys that may be left out.
pub(crate) fn maybe_keys(input: &mut Reader<'_>) -> Result<Option<Vec<Key>>, Error> {
    match input.tag()? {
        wire::UNDEFINED => Ok(None),
        wire::LIST => (0..input.length()?).map(|_| raw_key(input)).collect::<Result<_, _>>().map(Some),
        _ => Err(wire::malformed()),
    }
}

/// The sub-space under the prefixes of this list, the outermost first; `None` where it is left out.
pub(crate) fn place(input: &mut Reader<'_>) -> Result<Option<Within>, Error> {
    let mut place: Option<Within> = None;
    for prefix in maybe_keys(input)?.unwrap_or_default() {
        place = Some(match place {
            Some(outer) => outer.within(prefix),
            None => Within::new(prefix),
        });
    }
    Ok(place)
}

/// The keys of a sub-space among those of its space.
pub(crate) fn unwrap(place: Option<&Within>, keys: Vec<Key>) -> Vec<Key> {
    match place {
        Some(place) => keys.iter().filter_map(|key| place.unwrap(key)).collect(),
        None => keys,
    }
}

/// A text that may be left out, such as a label.
pub(crate) fn text<'a>(input: &mut Reader<'a>) -> Result<Option<&'a str>, Error> {
    match input.tag()? {
        wire::UNDEFINED => Ok(None),
        wire::STRING => input.text().map(Some),
        _ => Err(wire::malformed()),
    }
}

/// Keys, to be read by JavaScript.
pub(crate) fn keys(out: &mut Writer, keys: &[Key]) {
    out.list(keys, key);
}

/// A key, to be read by JavaScript: integers are numbers where those are exact, else bigints.
pub(crate) fn key(out: &mut Writer, key: &Key) {
    write_part(out, &key.part());
}

fn part(input: &mut Reader<'_>, depth: usize) -> Result<KeyPart, Error> {
    Ok(match input.tag()? {
        wire::FALSE => KeyPart::Bool(false),
        wire::TRUE => KeyPart::Bool(true),
        tag @ (wire::NUMBER | wire::BIGINT) => integer(input, tag)?,
        wire::STRING => KeyPart::Str(input.text()?.to_owned()),
        wire::BYTES => KeyPart::Bytes(input.bytes()?.to_vec()),
        // One deeper than keys may be is for the core to refuse.
        wire::LIST if depth <= MAX_DEPTH => {
            let parts = (0..input.length()?).map(|_| part(input, depth + 1));
            KeyPart::list(parts.collect::<Result<_, _>>()?)
        }
        wire::LIST => return Err(Error::invalid("key", "tuples nest too deep")),
        // Begins a turn, as no tuple does.
        wire::UNDEFINED => KeyPart::Turn(None),
        _ => return Err(wire::malformed()),
    })
}

/// An integer: a number that is one and is exact, or a bigint. Whether keys hold it is for the core to say.
fn integer(input: &mut Reader<'_>, tag: u8) -> Result<KeyPart, Error> {
    if tag == wire::BIGINT {
        let digits = text(input)?.ok_or_else(wire::malformed)?;
        let (sign, digits) = digits.strip_prefix('-').map_or((1, digits), |digits| (-1, digits));
        let size: u64 = digits.parse().map_err(|_| Error::invalid("key", "integer outside -2^63 to 2^64-1"))?;
        return Ok(KeyPart::Int(sign * i128::from(size)));
    }
    let number = f64::from_le_bytes(input.array()?);
    let exact = number as i64;
    if exact as f64 != number || !is_safe(exact) {
        return Err(Error::invalid("key", "must be a safe integer"));
    }
    Ok(KeyPart::Int(exact.into()))
}

fn is_safe(integer: i64) -> bool {
    (-MAX_SAFE..=MAX_SAFE).contains(&integer)
}

fn write_part(out: &mut Writer, part: &KeyPart) {
    match part {
        KeyPart::Bool(value) => out.boolean(*value),
        KeyPart::Int(value) => match i64::try_from(*value) {
            Ok(exact) if is_safe(exact) => out.number(exact as f64),
            _ => out.bigint(*value),
        },
        KeyPart::Bytes(bytes) => out.bytes(bytes),
        KeyPart::Str(text) => out.text(text),
        KeyPart::Tuple(parts) => out.list(parts, write_part),
        KeyPart::Turn(cell) => {
            let parts: Vec<_> = iter::once(None).chain(cell.as_deref().map(Some)).collect();
            out.list(&parts, |out, part| match part {
                Some(cell) => write_part(out, cell),
                None => out.undefined(),
            });
        }
    }
}
