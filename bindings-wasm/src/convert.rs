//! Values of JavaScript as values of the core, and back.
//!
//! What comes in is checked before it is copied: a key that must be refused for its length is never brought into
//! memory, and lists that nest in themselves, or are wider than any key, end the walk.

use js_sys::{Array, JsString, Object, Reflect, Uint8Array};
use latchwork::{Error, Key, KeyPart};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error;

/// How deep tuples may nest.
const MAX_DEPTH: usize = 32;

/// The longest text that is not a key, in UTF-16 units. Nobody needs so much; a few of the longest that JavaScript can
/// make would fill the module's memory.
const MAX_TEXT: u32 = 1 << 20;

/// The largest integer up to which doubles are exact.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// The canonical encoding of a key; undefined with outcome `Failed`.
#[wasm_bindgen]
pub fn encode(key: &JsValue) -> JsValue {
    or_undefined(value(key).map(|key| Uint8Array::from(key.as_bytes()).into()))
}

/// The key that these canonical bytes mean; undefined with outcome `Failed`.
#[wasm_bindgen]
pub fn decode(encoded: &JsValue) -> JsValue {
    or_undefined(match encoded.dyn_ref::<Uint8Array>() {
        Some(encoded) => canonical(encoded).map(|key| key_to_js(&key)),
        None => Err(Error::invalid("encoded", "must be a Uint8Array")),
    })
}

/// The keys of a request for one or two.
pub(crate) fn one_or_two(key: &JsValue, second: &JsValue) -> Result<Vec<Key>, Error> {
    let mut keys = vec![raw_key(key)?];
    if !second.is_undefined() {
        keys.push(raw_key(second)?);
    }
    Ok(keys)
}

/// A text that may be left out, such as a label.
pub(crate) fn text(value: &JsValue, what: &str) -> Result<Option<String>, Error> {
    if value.is_undefined() {
        return Ok(None);
    }
    match value.dyn_ref::<JsString>() {
        Some(text) if text.length() <= MAX_TEXT => Ok(Some(text.into())),
        Some(_) => Err(Error::invalid(what, format!("longer than {MAX_TEXT}"))),
        None => Err(Error::invalid(what, "must be a string")),
    }
}

/// The keys of a list, where bytes are an encoding that was made before.
pub(crate) fn raw_keys(list: &Array) -> Result<Vec<Key>, Error> {
    list.iter().map(|key| raw_key(&key)).collect()
}

/// A list made from each item by `convert`.
pub(crate) fn list<T>(items: &[T], convert: impl Fn(&T) -> JsValue) -> Array {
    items.iter().map(convert).collect()
}

/// Keys as JavaScript reads them.
pub(crate) fn keys_to_js(keys: &[Key]) -> Array {
    list(keys, key_to_js)
}

/// A key as JavaScript reads it: integers are numbers where those are exact, else bigints.
pub(crate) fn key_to_js(key: &Key) -> JsValue {
    part_to_js(&key.part())
}

/// Sets a field of a new, plain object.
pub(crate) fn put(object: &Object, field: &str, value: impl Into<JsValue>) {
    // Cannot fail: nothing stands in the way of a new field of a plain object.
    let _ = Reflect::set(object, &JsValue::from_str(field), &value.into());
}

/// Sets a field if there is a value for it.
pub(crate) fn put_some(object: &Object, field: &str, value: Option<impl Into<JsValue>>) {
    if let Some(value) = value {
        put(object, field, value);
    }
}

/// The answer of a call that answers a value, or undefined and its error.
pub(crate) fn or_undefined(result: Result<JsValue, Error>) -> JsValue {
    result.unwrap_or_else(|error| {
        error::fail(error);
        JsValue::UNDEFINED
    })
}

fn raw_key(raw: &JsValue) -> Result<Key, Error> {
    match raw.dyn_ref::<Uint8Array>() {
        Some(encoded) => canonical(encoded),
        None => scalar(raw)?.try_into(),
    }
}

fn canonical(encoded: &Uint8Array) -> Result<Key, Error> {
    Key::from_bytes(&copy(encoded)?)
}

fn value(value: &JsValue) -> Result<Key, Error> {
    let mut left = Key::MAX_LEN;
    let key = Key::try_from(part(value, 0, &mut left)?)?;
    key.check()?;
    Ok(key)
}

/// A part of a key. `left` is how many more parts a key can have that is not too long: each takes a byte at least.
fn part(value: &JsValue, depth: usize, left: &mut usize) -> Result<KeyPart, Error> {
    *left = left.checked_sub(1).ok_or_else(too_long)?;
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(KeyPart::Bytes(copy(bytes)?));
    }
    let Some(parts) = value.dyn_ref::<Array>() else { return scalar(value) };
    if depth == MAX_DEPTH {
        return Err(Error::invalid("key", format!("tuples nest too deep: limit={MAX_DEPTH}")));
    }
    if parts.length() as usize > *left {
        return Err(too_long());
    }
    let parts = parts.iter().map(|each| part(&each, depth + 1, left)).collect::<Result<_, _>>()?;
    Ok(KeyPart::Tuple(parts))
}

fn scalar(value: &JsValue) -> Result<KeyPart, Error> {
    if let Some(text) = value.dyn_ref::<JsString>() {
        return string(text).map(KeyPart::Str);
    }
    if let Some(number) = value.as_f64() {
        if number.trunc() != number || number.abs() > MAX_SAFE {
            return Err(Error::invalid("key", "a number that is not a safe integer"));
        }
        return Ok(KeyPart::Int((number as i64).into()));
    }
    if let Some(value) = value.as_bool() {
        return Ok(KeyPart::Bool(value));
    }
    if value.is_bigint() {
        return integer(value).map(KeyPart::Int);
    }
    Err(Error::invalid("key", "must be a string, an integer, bytes, a boolean or a tuple of such"))
}

fn string(text: &JsString) -> Result<String, Error> {
    if text.length() as usize > Key::MAX_LEN {
        return Err(too_long());
    }
    let copy = String::from(text);
    // A lone surrogate arrives as U+FFFD, as a real U+FFFD does: only the latter goes back as it came.
    if copy.contains(char::REPLACEMENT_CHARACTER) && JsValue::from_str(&copy) != JsValue::from(text) {
        return Err(Error::invalid("key", "a string with a lone surrogate"));
    }
    Ok(copy)
}

fn integer(value: &JsValue) -> Result<i128, Error> {
    if let Ok(value) = i64::try_from(value.clone()) {
        return Ok(value.into());
    }
    match u64::try_from(value.clone()) {
        Ok(value) => Ok(value.into()),
        Err(_) => Err(Error::invalid("key", "integer outside -2^63 to 2^64-1")),
    }
}

fn copy(bytes: &Uint8Array) -> Result<Vec<u8>, Error> {
    if bytes.length() as usize > Key::MAX_LEN {
        return Err(too_long());
    }
    Ok(bytes.to_vec())
}

fn too_long() -> Error {
    Error::invalid("key", format!("longer than {} bytes encoded", Key::MAX_LEN))
}

fn part_to_js(part: &KeyPart) -> JsValue {
    match part {
        KeyPart::Bool(value) => JsValue::from(*value),
        KeyPart::Int(value) => integer_to_js(*value),
        KeyPart::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
        KeyPart::Str(text) => JsValue::from_str(text),
        KeyPart::Tuple(parts) => list(parts, part_to_js).into(),
    }
}

fn integer_to_js(value: i128) -> JsValue {
    if value.unsigned_abs() <= MAX_SAFE as u128 {
        return JsValue::from(value as i64 as f64);
    }
    match u64::try_from(value) {
        Ok(value) => JsValue::from(value),
        Err(_) => JsValue::from(value as i64),
    }
}
