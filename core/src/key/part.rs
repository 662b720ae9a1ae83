//! A key taken apart.

use std::fmt::{self, Write as _};

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
    /// A [turn](crate::Key::turn_of), of a cell or else of the whole space. Part of no tuple.
    Turn(Option<Box<KeyPart>>),
}

impl KeyPart {
    /// A list as borders write one: a tuple, or a turn, where it begins with a turn of no cell; that of its cell follows.
    pub fn list(mut parts: Vec<KeyPart>) -> KeyPart {
        match &parts[..] {
            [KeyPart::Turn(None)] => KeyPart::Turn(None),
            [KeyPart::Turn(None), _] => KeyPart::Turn(parts.pop().map(Box::new)),
            _ => KeyPart::Tuple(parts),
        }
    }
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPart::Bool(value) => value.fmt(f),
            KeyPart::Int(value) => value.fmt(f),
            KeyPart::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            KeyPart::Str(text) => Quoted(text).fmt(f),
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
            KeyPart::Turn(Some(cell)) => write!(f, "turn of {cell}"),
            KeyPart::Turn(None) => f.write_str("turn of the space"),
        }
    }
}

/// A text between quotation marks, on one line. Much less code than the `{:?}` of the library, which knows all of Unicode.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' | '\0'..' ' | '\u{7f}'..='\u{9f}' => {
                    character.escape_default().try_for_each(|part| f.write_char(part))?;
                }
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_the_library_does() {
        for text in ["", "order", "a \"b\" \\ c", "two\nlines\tand a tab", "\u{7f}\u{1}", "größe 鍵 🔑"] {
            assert_eq!(Quoted(text).to_string(), format!("{text:?}"));
        }
    }
}
