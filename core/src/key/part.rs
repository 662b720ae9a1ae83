//! A key taken apart.

use std::fmt;

/// A [`Key`](crate::Key) as a value that can be taken apart and put together.
///
/// Integers are −2^63 to 2^64−1; what is outside is refused when the part becomes a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A string.
    Str(String),
    /// A tuple of parts, possibly empty.
    Tuple(Vec<KeyPart>),
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPart::Bool(value) => value.fmt(f),
            KeyPart::Int(value) => value.fmt(f),
            KeyPart::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            KeyPart::Str(text) => write!(f, "{text:?}"),
            KeyPart::Tuple(parts) => {
                f.write_str("(")?;
                for (i, part) in parts.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    part.fmt(f)?;
                }
                f.write_str(if parts.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}
