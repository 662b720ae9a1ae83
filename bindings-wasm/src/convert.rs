//! Keys and texts as they cross, and as the core has them.

use latchwork::{Error, Key, KeyPart, Within};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::wire::{self, Reader, Writer};

/// Begins what stands for a turn.
const TURN: u8 = 0x70;

/// How deep tuples may nest: as deep as the core lets them, so that a walk ends.
const MAX_DEPTH: usize = 32;

/// The largest integer up to which doubles are exact.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// In: a key, and the prefixes of a sub-space. Answers its canonical encoding, of a key of the sub-space that as a key of its
/// space; 0 with outcome `Failed`.
#[wasm_bindgen]
pub fn encode() -> usize {
    let key = || {
        let (key, place) = wire::read(|input| Ok((part(input, 0)?, place(input)?)))?;
        let key = Key::try_from(key)?;
        let key = place.map_or(key.clone(), |place| place.wrap(&key));
        key.check()?;
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
        // The script sends safe integers only, so this is exact.
        wire::NUMBER => Key::from(f64::from_le_bytes(input.array()?) as i64),
        wire::SIGNED => Key::from(i64::from_le_bytes(input.array()?)),
        wire::UNSIGNED => Key::from(u64::from_le_bytes(input.array()?)),
        wire::STRING => Key::from(input.text()?),
        // A turn has a tag that no encoding has: the encoding of its cell follows.
        wire::BYTES => match input.bytes()? {
            [TURN, cell @ ..] => return Key::from_bytes(cell).map(Key::turn_of),
            encoded => return Key::from_bytes(encoded),
        },
        _ => return Err(wire::malformed()),
    })
}

/// A list of keys of a request.
pub(crate) fn raw_keys(input: &mut Reader<'_>) -> Result<Vec<Key>, Error> {
    match input.tag()? {
        wire::LIST => (0..input.length()?).map(|_| raw_key(input)).collect(),
        _ => Err(wire::malformed()),
    }
}

/// The sub-space under the prefixes of this list, the outermost first; `None` where there are none.
pub(crate) fn place(input: &mut Reader<'_>) -> Result<Option<Within>, Error> {
    let mut place: Option<Within> = None;
    for prefix in raw_keys(input)? {
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
        wire::NUMBER => KeyPart::Int((f64::from_le_bytes(input.array()?) as i64).into()),
        wire::SIGNED => KeyPart::Int(i64::from_le_bytes(input.array()?).into()),
        wire::UNSIGNED => KeyPart::Int(u64::from_le_bytes(input.array()?).into()),
        wire::STRING => KeyPart::Str(input.text()?.to_owned()),
        wire::BYTES => KeyPart::Bytes(input.bytes()?.to_vec()),
        // One deeper than keys may be is for the core to refuse.
        wire::LIST if depth <= MAX_DEPTH => {
            let parts = (0..input.length()?).map(|_| part(input, depth + 1));
            KeyPart::Tuple(parts.collect::<Result<_, _>>()?)
        }
        wire::LIST => return Err(Error::invalid("key", "tuples nest too deep")),
        _ => return Err(wire::malformed()),
    })
}

fn write_part(out: &mut Writer, part: &KeyPart) {
    match part {
        KeyPart::Bool(value) => out.boolean(*value),
        KeyPart::Int(value) => {
            // Keys hold integers from −2^63 to 2^64−1: the lower half of the bits and the sign tell all.
            let (negative, bits) = (*value < 0, *value as u64);
            let size = if negative { bits.wrapping_neg() } else { bits };
            match (size <= MAX_SAFE, negative) {
                (true, true) => out.number(-(size as f64)),
                (true, false) => out.number(size as f64),
                (false, _) => out.bigint(negative, bits),
            }
        }
        KeyPart::Bytes(bytes) => out.bytes(bytes),
        KeyPart::Str(text) => out.text(text),
        KeyPart::Tuple(parts) => out.list(parts, write_part),
    }
}
