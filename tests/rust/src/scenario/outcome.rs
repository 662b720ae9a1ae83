//! What a file expects.

use latchwork::ErrorKind;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Value, json};

use super::Spelling;

/// What a call came to, or is to have come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is not settled.
    Pending,
    /// There is a guard.
    Granted(GuardIs),
    /// `tryLock` answered nothing.
    None,
    /// The body of `withLock` runs, with such a guard.
    Running(GuardIs),
    /// The body's value.
    Returned(Value),
    /// The body's own error.
    Threw(String),
    /// It was given up.
    Cancelled,
    /// A Latchwork error.
    Error(ErrorIs),
    /// The answer of a query.
    Query(Table),
    /// No error.
    Ok,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Spelled {
    Pending,
    Granted(GuardIs),
    None,
    Running(GuardIs),
    Returned(Value),
    Threw(String),
    Cancelled,
    Error(ErrorIs),
    Query(Table),
    Ok,
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        let value = match Value::deserialize(from)? {
            Value::String(word) if word == "granted" || word == "running" => json!({ word: {} }),
            Value::Object(fields) if fields.len() != 1 => {
                return Err(D::Error::custom("an outcome has one field"));
            }
            other => other,
        };
        Ok(match Spelled::deserialize(value).map_err(D::Error::custom)? {
            Spelled::Pending => Outcome::Pending,
            Spelled::Granted(guard) => Outcome::Granted(guard),
            Spelled::None => Outcome::None,
            Spelled::Running(guard) => Outcome::Running(guard),
            Spelled::Returned(value) => Outcome::Returned(value),
            Spelled::Threw(message) => Outcome::Threw(message),
            Spelled::Cancelled => Outcome::Cancelled,
            Spelled::Error(error) if !ErrorKind::ALL.iter().any(|kind| kind.code() == error.code) => {
                return Err(D::Error::custom(format!("no error has this code: {}", error.code)));
            }
            Spelled::Error(error) => Outcome::Error(error),
            Spelled::Query(table) => Outcome::Query(table),
            Spelled::Ok => Outcome::Ok,
        })
    }
}

/// A guard. What is absent is not compared.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardIs {
    /// Its exclusive keys.
    pub keys: Option<Vec<Spelling>>,
    /// Its shared keys.
    pub shared: Option<Vec<Spelling>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// How its token compares.
    pub token: Option<TokenIs>,
    /// Whether it is held now.
    pub held: Option<bool>,
}

/// How a token compares with earlier ones.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenIs {
    /// The results whose tokens are smaller.
    pub greater_than: Vec<String>,
}

/// An error.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorIs {
    /// Its code.
    pub code: String,
    /// Its keys.
    pub keys: Option<Vec<Spelling>>,
    /// The time waited, in ms.
    pub waited: Option<u64>,
    /// The place in the queue.
    pub position: Option<usize>,
    /// Who stood in the way.
    pub blocked_by: Option<Vec<BlockerIs>>,
    /// The argument that was refused.
    pub what: Option<String>,
}

/// What a query answers.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What is held.
    pub held: Vec<HoldIs>,
    /// What waits.
    pub pending: Vec<WaitIs>,
}

/// A hold. Absent keys are none; what else is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldIs {
    /// Its exclusive keys.
    #[serde(default)]
    pub keys: Vec<Spelling>,
    /// Its shared keys.
    #[serde(default)]
    pub shared: Vec<Spelling>,
    /// The result that has its token.
    pub token: Option<String>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// Its age in ms; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub age: Option<Option<u64>>,
    /// Whether its caller has seen it.
    pub claimed: Option<bool>,
}

/// A wait. Absent keys are none; what else is absent is not compared.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitIs {
    /// The keys that it asks for exclusively.
    #[serde(default)]
    pub keys: Vec<Spelling>,
    /// The keys that it asks for in shared mode.
    #[serde(default)]
    pub shared: Vec<Spelling>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
    /// Its age in ms; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub age: Option<Option<u64>>,
    /// Its place in its longest queue.
    pub position: Option<usize>,
    /// Who stands in its way.
    pub blocked_by: Option<Vec<BlockerIs>>,
}

/// Who stands in the way on one key.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockerIs {
    /// The key.
    pub key: Spelling,
    /// The result that holds the key; inner none: it is only reserved.
    #[serde(default, deserialize_with = "given")]
    pub token: Option<Option<String>>,
    /// Its label; inner none: it has none.
    #[serde(default, deserialize_with = "given")]
    pub label: Option<Option<String>>,
}

/// Tells `null` from a field that is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
