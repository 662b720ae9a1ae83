//! Keys from JavaScript and back.
//!
//! Strings cross as UTF-16: latin1 drops the high byte and UTF-8 makes every lone surrogate U+FFFD, and both turn two keys
//! into one.

use std::sync::Arc;
use std::{iter, ptr, slice};

use latchwork::{Error, Key, KeyPart, Within};
use napi::bindgen_prelude::{
    BigInt, Either, FromNapiValue, ToNapiValue, TypeName, Uint8Array, Undefined, ValidateNapiValue,
};
use napi::{ValueType, sys};

/// Strings up to this many UTF-16 units cross without an allocation.
const SHORT: usize = 32;

/// Tuples are read to this depth: more than the core accepts, so that the refusal is the core's, and bounded.
const DEEPEST: usize = 64;

/// The largest integer that every JavaScript number up to it represents exactly.
const MAX_SAFE: i128 = (1 << 53) - 1;

/// A key as the hot calls take it: a `Uint8Array` is a canonical encoding.
#[derive(Debug)]
pub(crate) struct RawKey(Result<Key, Error>);

impl RawKey {
    /// The key, or the error where it is none.
    pub(crate) fn key(self) -> Result<Key, Error> {
        self.0
    }

    /// The keys, or the error of the first that is none.
    pub(crate) fn keys(raw: Vec<RawKey>) -> Result<Vec<Key>, Error> {
        raw.into_iter().map(RawKey::key).collect()
    }
}

impl TypeName for RawKey {
    fn type_name() -> &'static str {
        "RawKey"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ValidateNapiValue for RawKey {}

impl FromNapiValue for RawKey {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<RawKey> {
        // SAFETY: the caller promises a live environment and value.
        Ok(RawKey(unsafe { key(env, value) }))
    }
}

/// A key as it is encoded and handed back: a `Uint8Array` is a bytes key, an array a tuple.
#[derive(Debug)]
pub(crate) struct KeyValue(Result<KeyPart, Error>);

impl KeyValue {
    pub(crate) fn part(self) -> Result<KeyPart, Error> {
        self.0
    }
}

impl From<&Key> for KeyValue {
    fn from(key: &Key) -> KeyValue {
        KeyValue(Ok(key.part()))
    }
}

impl TypeName for KeyValue {
    fn type_name() -> &'static str {
        "KeyValue"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ValidateNapiValue for KeyValue {}

impl FromNapiValue for KeyValue {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<KeyValue> {
        // SAFETY: the caller promises a live environment and value.
        Ok(KeyValue(unsafe { part(env, value, DEEPEST) }))
    }
}

impl ToNapiValue for KeyValue {
    unsafe fn to_napi_value(env: sys::napi_env, value: KeyValue) -> napi::Result<sys::napi_value> {
        let part = value.0.map_err(|error| napi::Error::from_reason(error.to_string()))?;
        // SAFETY: the caller promises a live environment.
        unsafe {
            match part {
                KeyPart::Bool(value) => bool::to_napi_value(env, value),
                KeyPart::Int(value) if value.abs() <= MAX_SAFE => f64::to_napi_value(env, value as f64),
                KeyPart::Int(value) => BigInt::to_napi_value(env, BigInt::from(value)),
                KeyPart::Bytes(value) => Uint8Array::to_napi_value(env, Uint8Array::new(value)),
                KeyPart::Str(value) => String::to_napi_value(env, value),
                KeyPart::Tuple(parts) => {
                    let parts = parts.into_iter().map(|part| KeyValue(Ok(part))).collect();
                    Vec::<KeyValue>::to_napi_value(env, parts)
                }
                KeyPart::Turn(cell) => {
                    let cell = cell.map(|cell| Either::B(KeyValue(Ok(*cell))));
                    let parts = iter::once(Either::A(())).chain(cell).collect();
                    Vec::<Either<Undefined, KeyValue>>::to_napi_value(env, parts)
                }
            }
        }
    }
}

/// The sub-space under these prefixes, the outermost first; `None` where there are none.
pub(crate) fn place(prefixes: Option<Vec<RawKey>>) -> Result<Option<Within>, Error> {
    let mut place: Option<Within> = None;
    for prefix in RawKey::keys(prefixes.unwrap_or_default())? {
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

/// Keys of a hot call.
pub(crate) enum Keys {
    One(Key),
    Several(Vec<Key>),
}

/// Reads keys of a hot call: one, an array of several, or undefined for none.
///
/// # Safety
///
/// `env` and `value` are live.
pub(crate) unsafe fn keys(env: sys::napi_env, value: sys::napi_value) -> Result<Keys, Error> {
    let mut kind = 0;
    let mut is_array = false;
    // SAFETY: as the caller promises.
    unsafe {
        sys::napi_typeof(env, value, &mut kind);
        match ValueType::from(kind) {
            // Begins a turn, as no tuple does.
            ValueType::Undefined => return Ok(Keys::Several(Vec::new())),
            ValueType::Object => sys::napi_is_array(env, value, &mut is_array),
            _ => sys::Status::napi_ok,
        };
        if !is_array {
            return key(env, value).map(Keys::One);
        }
        let mut length = 0;
        sys::napi_get_array_length(env, value, &mut length);
        (0..length).map(|index| key(env, element(env, value, index)?)).collect::<Result<_, _>>().map(Keys::Several)
    }
}

/// Reads a label, or undefined.
///
/// # Safety
///
/// `env` and `value` are live.
pub(crate) unsafe fn label(env: sys::napi_env, value: sys::napi_value) -> Result<Option<Arc<str>>, Error> {
    let mut units = [0; SHORT];
    let mut length = 0;
    // SAFETY: as the caller promises; there is room for `SHORT` units.
    let status = unsafe { sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), SHORT, &mut length) };
    if status != sys::Status::napi_ok {
        return Ok(None);
    }
    // As for a key: one that fills the buffer may be longer.
    if length < SHORT - 1 {
        let ascii = units.map(|unit| unit as u8);
        if let Some(label) = as_ascii(&units, &ascii, length) {
            return Ok(Some(Arc::from(label)));
        }
    }
    // SAFETY: as the caller promises.
    let label = unsafe { text(env, value) };
    label.map(|label| Some(Arc::from(label))).map_err(|error| Error::invalid("label", error.why().unwrap_or_default()))
}

/// Reads a key of a hot call.
///
/// # Safety
///
/// `env` and `value` are live.
#[inline]
pub(crate) unsafe fn key(env: sys::napi_env, value: sys::napi_value) -> Result<Key, Error> {
    let mut units = [0; SHORT];
    let mut length = 0;
    // SAFETY: as the caller promises; there is room for `SHORT` units.
    let status = unsafe { sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), SHORT, &mut length) };
    if status != sys::Status::napi_ok {
        // SAFETY: as the caller promises.
        return unsafe { other_key(env, value) };
    }
    // One unit is for the closing zero; a string that fills the rest may be longer.
    if length < SHORT - 1 {
        return short_key(&units, length);
    }
    // SAFETY: as the caller promises.
    unsafe { text(env, value) }.map(Key::from)
}

/// The key of a string that fitted into the buffer.
#[inline]
fn short_key(units: &[u16; SHORT], length: usize) -> Result<Key, Error> {
    // All of the buffer, whose rest is zero: a loop of a known length is a few instructions.
    let ascii = units.map(|unit| unit as u8);
    if let Some(text) = as_ascii(units, &ascii, length) {
        return Ok(Key::from(text));
    }
    let units = &units[..length];
    String::from_utf16(units).map(Key::from).map_err(|_| lone_surrogate())
}

/// The text of these units, where `ascii`, which has their lower halves, is the same text.
#[inline]
fn as_ascii<'a>(units: &[u16; SHORT], ascii: &'a [u8; SHORT], length: usize) -> Option<&'a str> {
    let whole = units.iter().fold(0, |all, unit| all | unit) < 0x80;
    // SAFETY: each byte is below 0x80, hence text.
    whole.then(|| unsafe { str::from_utf8_unchecked(&ascii[..length]) })
}

/// A key that is not a string.
#[cold]
unsafe fn other_key(env: sys::napi_env, value: sys::napi_value) -> Result<Key, Error> {
    // SAFETY: as the caller promises.
    match unsafe { part(env, value, DEEPEST) }? {
        KeyPart::Bytes(encoded) => Key::from_bytes_or_turn(&encoded),
        part => Key::try_from(part),
    }
}

/// Any value that can be a part of a key.
unsafe fn part(env: sys::napi_env, value: sys::napi_value, deepest: usize) -> Result<KeyPart, Error> {
    let mut kind = 0;
    // SAFETY: as the caller promises.
    let part = unsafe {
        sys::napi_typeof(env, value, &mut kind);
        match ValueType::from(kind) {
            ValueType::String => return text(env, value).map(KeyPart::Str),
            ValueType::Number => f64::from_napi_value(env, value).map(|number| KeyPart::Int(number as i128)),
            // Begins a turn, as no tuple does.
            ValueType::Undefined => return Ok(KeyPart::Turn(None)),
            ValueType::Boolean => bool::from_napi_value(env, value).map(KeyPart::Bool),
            ValueType::BigInt => BigInt::from_napi_value(env, value).and_then(|number| match number.words.len() {
                0 | 1 => Ok(KeyPart::Int(number.get_i128().0)),
                _ => Err(napi::Error::from_reason("integer out of range")),
            }),
            ValueType::Object => {
                let mut is_array = false;
                sys::napi_is_array(env, value, &mut is_array);
                if is_array {
                    return tuple(env, value, deepest).map(KeyPart::list);
                }
                return bytes(env, value).map(KeyPart::Bytes);
            }
            _ => Err(napi::Error::from_reason("not a key")),
        }
    };
    part.map_err(unreadable)
}

/// The bytes of a `Uint8Array`, without a reference to it, which would cost more than all the rest.
///
/// # Safety
///
/// `env` and `value` are live.
pub(crate) unsafe fn bytes(env: sys::napi_env, value: sys::napi_value) -> Result<Vec<u8>, Error> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: as the caller promises; nobody asks for the buffer and the offset.
    let status = unsafe {
        let [buffer, offset] = [ptr::null_mut(), ptr::null_mut()];
        sys::napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, buffer, offset.cast())
    };
    if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
        return Err(Error::invalid("key", "not a key"));
    }
    if length == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the array has so many bytes there, and no JavaScript runs meanwhile.
    Ok(unsafe { slice::from_raw_parts(data.cast::<u8>(), length) }.to_vec())
}

/// The parts of a tuple.
unsafe fn tuple(env: sys::napi_env, value: sys::napi_value, deepest: usize) -> Result<Vec<KeyPart>, Error> {
    let Some(deepest) = deepest.checked_sub(1) else {
        return Err(Error::invalid("key", "tuples nest too deep"));
    };
    let mut length = 0;
    // SAFETY: as the caller promises; the value is an array.
    unsafe { sys::napi_get_array_length(env, value, &mut length) };
    (0..length)
        .map(|index| {
            // SAFETY: as the caller promises.
            unsafe { part(env, element(env, value, index)?, deepest) }
        })
        .collect()
}

/// An element of an array.
unsafe fn element(env: sys::napi_env, array: sys::napi_value, index: u32) -> Result<sys::napi_value, Error> {
    let mut element = ptr::null_mut();
    // SAFETY: as the caller promises; `element` is written where the status is `napi_ok`.
    match unsafe { sys::napi_get_element(env, array, index, &mut element) } {
        sys::Status::napi_ok => Ok(element),
        status => Err(Error::invalid("key", format!("unreadable: status={status}"))),
    }
}

/// A string of any length.
#[cold]
unsafe fn text(env: sys::napi_env, value: sys::napi_value) -> Result<String, Error> {
    let mut length = 0;
    // SAFETY: as the caller promises; the buffer has room for the string and its closing zero.
    let units = unsafe {
        sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut length);
        let mut units = vec![0; length + 1];
        sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), units.len(), &mut length);
        units.truncate(length);
        units
    };
    String::from_utf16(&units).map_err(|_| lone_surrogate())
}

fn lone_surrogate() -> Error {
    Error::invalid("key", "a string with a lone surrogate")
}

fn unreadable(error: napi::Error) -> Error {
    Error::invalid("key", error.reason)
}
