//! The values of the table, as this language spells them.

use std::time::Duration;

use latchwork::{Error, Key, KeyPart, key};

/// The keys that a value means. A part that cannot be a key is refused where the key is made.
pub(crate) fn keys(value: &str) -> Result<Vec<Key>, Error> {
    let key = match value {
        "true" => Key::from(true),
        "zero" => Key::from(0),
        "number" => Key::from(5),
        "negative" => Key::from(-1),
        "largest safe" => Key::from((1_u64 << 53) - 1),
        "largest integer" => Key::from(u64::MAX),
        "above integers" => Key::try_from(KeyPart::Int(1 << 64))?,
        "below integers" => Key::try_from(KeyPart::Int(-(1 << 63) - 1))?,
        "bytes" | "too long bytes" => Key::from(bytes(value)),
        "tuple" => key!("a", 1),
        "empty tuple" => key!(),
        "too deep tuple" => deep(34),
        "much too deep tuple" => deep(2000),
        "tuple above integers" => Key::try_from(KeyPart::Tuple(vec![KeyPart::Int(1 << 64)]))?,
        "empty list" => return Ok(Vec::new()),
        "list" => return Ok(vec!["a".into(), "b".into()]),
        "list of too long text" => return Ok(vec!["a".into(), "k".repeat(2048).into()]),
        _ => Key::from(text(value)),
    };
    Ok(vec![key])
}

pub(crate) fn text(value: &str) -> String {
    match value {
        "text" => "text".into(),
        "empty text" => String::new(),
        "number as text" => "5".into(),
        "mode" => "shared".into(),
        "unknown mode" => "write".into(),
        "mode in capitals" => "SHARED".into(),
        "name of a space" => "memory:bad input".into(),
        "no name" => "memory:".into(),
        "unknown engine" => "redis:x".into(),
        "text with zero" => "a\0b".into(),
        "long text" => "k".repeat(2047),
        "too long text" => "k".repeat(2048),
        _ => panic!("not spelled as a text or a key: {value}"),
    }
}

pub(crate) fn bytes(value: &str) -> Vec<u8> {
    match value {
        "bytes" => b"\x10".to_vec(),
        "too long bytes" => vec![0; 2048],
        _ => panic!("not spelled as bytes: {value}"),
    }
}

pub(crate) fn duration(value: &str) -> Duration {
    match value {
        "zero" => Duration::ZERO,
        "number" => Duration::from_secs(5),
        "largest safe" => Duration::from_secs((1 << 53) - 1),
        "largest integer" => Duration::from_secs(u64::MAX),
        _ => panic!("not spelled as a duration: {value}"),
    }
}

pub(crate) fn count(value: &str) -> u64 {
    match value {
        "zero" => 0,
        "number" => 5,
        "largest safe" => (1 << 53) - 1,
        "largest integer" => u64::MAX,
        _ => panic!("not spelled as a number: {value}"),
    }
}

/// The macro nests without a check of its own.
fn deep(depth: usize) -> Key {
    (1..depth).fold(key!(), |inner, _| key!(inner))
}
