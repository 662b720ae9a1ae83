//! How keys are spelled in JSON.

use latchwork::{Error, Key, KeyPart};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

/// Largest integer that JSON spells as a number: 2^53 − 1.
const SAFE: i64 = (1 << 53) - 1;

/// A key as a file spells it. It may be one that no host accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Spelling(Spelled);

#[derive(Clone, Debug, PartialEq)]
enum Spelled {
    Part(KeyPart),
    TurnOf(Box<Spelling>),
    TurnOfSpace,
}

impl Spelling {
    /// The key.
    ///
    /// # Errors
    ///
    /// What the library says to a part that cannot be a key.
    pub fn key(&self) -> Result<Key, Error> {
        match &self.0 {
            Spelled::Part(part) => Key::try_from(part.clone()),
            Spelled::TurnOf(cell) => Ok(Key::turn_of(&cell.key()?)),
            Spelled::TurnOfSpace => Ok(Key::turn_of_space()),
        }
    }

    fn parse(value: &Value) -> Result<KeyPart, String> {
        match value {
            Value::String(text) => Ok(KeyPart::Str(text.clone())),
            Value::Bool(value) => Ok(KeyPart::Bool(*value)),
            Value::Number(number) => match number.as_i64() {
                Some(value) if value.abs() <= SAFE => Ok(KeyPart::Int(i128::from(value))),
                _ => Err(format!("not an integer that JSON can spell: {number}")),
            },
            Value::Object(fields) => match fields.iter().next() {
                Some((kind, value)) if fields.len() == 1 => Spelling::parse_kind(kind, value),
                _ => Err("a key spelling has one field".into()),
            },
            Value::Null | Value::Array(_) => Err(format!("not a key spelling: {value}")),
        }
    }

    fn parse_kind(kind: &str, value: &Value) -> Result<KeyPart, String> {
        match (kind, value) {
            ("int", Value::String(digits)) => digits.parse().map(KeyPart::Int).map_err(|error| error.to_string()),
            ("bytes", Value::String(hex)) => Spelling::hex(hex).map(KeyPart::Bytes),
            ("tuple", Value::Array(parts)) => {
                parts.iter().map(Spelling::parse).collect::<Result<_, _>>().map(KeyPart::Tuple)
            }
            ("repeat", Value::Array(pair)) => match (pair.len(), pair.first(), pair.get(1).and_then(Value::as_u64)) {
                (2, Some(Value::String(text)), Some(times)) => Ok(KeyPart::Str(text.repeat(times as usize))),
                _ => Err("repeat takes a text and a number".into()),
            },
            _ => Err(format!("not a key spelling: {kind}")),
        }
    }

    /// The bytes that lower-case hexadecimal digits spell.
    ///
    /// # Errors
    ///
    /// What is wrong with the digits.
    pub fn hex(digits: &str) -> Result<Vec<u8>, String> {
        let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = (0..digits.len()).step_by(2).map(byte);
        bytes.collect::<Option<_>>().ok_or_else(|| format!("not hexadecimal: {digits}"))
    }
}

impl<'de> Deserialize<'de> for Spelling {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Spelling, D::Error> {
        let value = Value::deserialize(from)?;
        let spelled = match value.as_object().and_then(|fields| fields.iter().next().filter(|_| fields.len() == 1)) {
            Some((kind, cell)) if kind == "turnOf" => Spelling::deserialize(cell.clone())
                .map(|cell| Spelled::TurnOf(Box::new(cell)))
                .map_err(|e| e.to_string()),
            Some((kind, Value::Bool(true))) if kind == "turnOfSpace" => Ok(Spelled::TurnOfSpace),
            _ => Spelling::parse(&value).map(Spelled::Part),
        };
        spelled.map(Spelling).map_err(D::Error::custom)
    }
}
