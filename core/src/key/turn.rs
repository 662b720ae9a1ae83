//! The keys of turns: locks that no caller can name in a request.

use super::Key;
use super::encode::TURN;
use crate::Error;

/// What a turn is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// One cell.
    Cell(Key),
    /// All cells of the space.
    Space,
}

/// # Turns
///
/// An `update` or a transaction that lost several times takes its turn: a hold under a reserved key, which queries and
/// errors name. Only [`query_keys`](crate::Space::query_keys) and [`revoke`](crate::Space::revoke) take such keys; every
/// other operation refuses them.
impl Key {
    /// The key of the turn of a cell.
    ///
    /// # Examples
    ///
    /// ```
    /// use latchwork::{Key, Turn};
    ///
    /// let turn = Key::turn_of("doc");
    /// assert_eq!(turn.to_string(), r#"turn of "doc""#);
    /// assert_eq!(turn.as_turn(), Some(Turn::Cell(Key::from("doc"))));
    /// assert!(turn.check().is_err());
    /// ```
    pub fn turn_of(cell: impl Into<Key>) -> Key {
        Key::reserved(cell.into().as_bytes())
    }

    /// The key of the turn of a whole space.
    pub fn turn_of_space() -> Key {
        Key::reserved(&[])
    }

    /// What it is the turn of, if it is the key of one.
    pub fn as_turn(&self) -> Option<Turn> {
        let (&tag, cell) = self.as_bytes().split_first()?;
        match (tag, cell) {
            (TURN, []) => Some(Turn::Space),
            (TURN, cell) => Some(Turn::Cell(Key::from_encoded(cell))),
            _ => None,
        }
    }

    /// As [`check`](Key::check), for those operations that take keys of turns too.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), as for the key of the cell.
    pub fn check_or_turn(&self) -> Result<(), Error> {
        match self.as_turn() {
            Some(Turn::Cell(cell)) if cell.as_turn().is_some() => {
                Err(Error::invalid("key", "is the turn of a turn, or that of the space, seen from a sub-space"))
            }
            Some(Turn::Cell(cell)) => cell.check(),
            Some(Turn::Space) => Ok(()),
            None => self.check(),
        }
    }

    /// As [`from_bytes`](Key::from_bytes), for the bytes of a turn too.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when the bytes are not those of a key, nor of a turn.
    pub fn from_bytes_or_turn(encoded: &[u8]) -> Result<Key, Error> {
        match encoded {
            [TURN] => Ok(Key::turn_of_space()),
            [TURN, cell @ ..] => Key::from_bytes(cell).map(Key::turn_of),
            encoded => Key::from_bytes(encoded),
        }
    }

    fn reserved(cell: &[u8]) -> Key {
        Key::from_encoded(&[&[TURN], cell].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyPart, Within, key};

    #[test]
    fn a_turn_is_no_key_of_a_caller() {
        for turn in
            [Key::turn_of(1), Key::turn_of(key!("a", "b")), Key::turn_of("x".repeat(2_000)), Key::turn_of_space()]
        {
            assert_eq!(turn.check().expect_err("reserved").what(), Some("key"));
            assert!(turn.check_or_turn().is_ok());
            assert!(Key::from_bytes(turn.as_bytes()).is_err());
            assert!(Key::from_bytes_or_turn(turn.as_bytes()).is_ok_and(|back| back == turn));
            assert!(Key::try_from(turn.part()).is_ok_and(|back| back == turn));
            assert!(Key::try_from(KeyPart::Tuple(vec![turn.part()])).is_err());
            // In a tuple it is its bytes.
            assert!(Key::from_bytes(key!(turn.clone(), 1).as_bytes()).is_ok());
            assert_eq!(turn.clone(), turn);
        }
        let of_a_turn = Key::turn_of(Key::turn_of("a"));
        assert!(of_a_turn.check_or_turn().is_err());
        let Some(Turn::Cell(inner)) = of_a_turn.as_turn() else { panic!("of a cell that has such a key") };
        assert!(inner.check().is_err());
        assert_eq!(inner, Key::turn_of("a"));
        assert!(Key::turn_of("x".repeat(3_000)).check_or_turn().is_err());
        assert_eq!(Key::turn_of_space().to_string(), "turn of the space");
    }

    #[test]
    fn a_sub_space_names_the_turns_of_its_cells() {
        let place = Within::new(key!("tenant", 7)).within("docs");
        let wrapped = place.wrap(&Key::turn_of("a"));
        assert_eq!(wrapped, Key::turn_of(place.wrap(&Key::from("a"))));
        assert_eq!(place.unwrap(&wrapped), Some(Key::turn_of("a")));
        assert_eq!(place.unwrap(&Key::turn_of("a")), None);
        assert_eq!(place.unwrap(&Key::turn_of_space()), None);
        assert!(place.wrap(&Key::turn_of_space()).check_or_turn().is_err());
    }
}
