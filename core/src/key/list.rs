//! One key or several.

use std::ops::Deref;

use super::Key;

/// Keys as an operation takes them; one key needs no allocation.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Keys {
    One(Key),
    Several(Vec<Key>),
}

/// One key, or several keys: whatever an operation on keys accepts.
///
/// A key is anything that converts into a [`Key`]; several keys are an array, a slice or a vector of such. `&[u8]`,
/// `&[u8; N]` and `Vec<u8>` are one bytes key. The empty array is the empty set of keys.
///
/// The trait is sealed by its shape: implement `From<YourType> for Key` and pass `Key::from(value)` instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a key nor several keys",
    label = "not a key: a string, an integer, bytes, a `bool`, or a tuple made by `key!`",
    note = "several keys are an array, a slice or a `Vec` of keys; `Key::from(value)` makes a key of what converts into one"
)]
pub trait IntoKeys {
    /// The keys in the order given.
    #[doc(hidden)]
    fn into_keys(self) -> Keys;
}

impl Keys {
    /// As a vector, to be changed.
    pub(crate) fn into_vec(self) -> Vec<Key> {
        match self {
            Keys::One(key) => vec![key],
            Keys::Several(keys) => keys,
        }
    }

    /// Changes the keys as a vector.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Vec<Key>)) {
        let mut keys = std::mem::take(self).into_vec();
        change(&mut keys);
        *self = Keys::Several(keys);
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys::Several(Vec::new())
    }
}

impl Deref for Keys {
    type Target = [Key];

    #[inline]
    fn deref(&self) -> &[Key] {
        match self {
            Keys::One(key) => std::slice::from_ref(key),
            Keys::Several(keys) => keys,
        }
    }
}

macro_rules! one_key {
    ($($one:ty),* $(,)?) => {$(
        impl IntoKeys for $one {
            #[inline]
            fn into_keys(self) -> Keys {
                Keys::One(Key::from(self))
            }
        }
    )*};
}

one_key!(&str, String, &String, bool, i16, i32, i64, isize, u16, u32, u64, usize, &[u8], Vec<u8>, &Key);

impl IntoKeys for Key {
    #[inline]
    fn into_keys(self) -> Keys {
        Keys::One(self)
    }
}

impl<const N: usize> IntoKeys for &[u8; N] {
    fn into_keys(self) -> Keys {
        Keys::One(Key::from(self))
    }
}

impl<K: Into<Key>, const N: usize> IntoKeys for [K; N] {
    fn into_keys(self) -> Keys {
        Keys::Several(self.into_iter().map(Into::into).collect())
    }
}

macro_rules! several_keys {
    ($($one:ty),* $(,)?) => {$(
        impl IntoKeys for Vec<$one> {
            fn into_keys(self) -> Keys {
                Keys::Several(self.into_iter().map(Key::from).collect())
            }
        }

        impl IntoKeys for &[$one] {
            fn into_keys(self) -> Keys {
                Keys::Several(self.iter().cloned().map(Key::from).collect())
            }
        }

        impl IntoKeys for &Vec<$one> {
            fn into_keys(self) -> Keys {
                self.as_slice().into_keys()
            }
        }

        impl<const N: usize> IntoKeys for &[$one; N] {
            fn into_keys(self) -> Keys {
                self.as_slice().into_keys()
            }
        }
    )*};
}

several_keys!(&str, String, bool, i16, i32, i64, isize, u16, u32, u64, usize, Key, &Key);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_come_in_many_forms() {
        let expected = [Key::from("a"), Key::from("b")];
        let strings = vec!["a".to_owned(), "b".to_owned()];
        let forms: [Keys; 6] = [
            ["a", "b"].into_keys(),
            (&["a", "b"]).into_keys(),
            (&strings).into_keys(),
            strings.as_slice().into_keys(),
            strings.clone().into_keys(),
            expected.clone().into_keys(),
        ];
        for form in forms {
            assert_eq!(*form, expected);
        }
        assert_eq!(*(&vec![1, 2]).into_keys(), [Key::from(1), Key::from(2)]);
        assert_eq!(*b"ab".into_keys(), [Key::from(b"ab")]);
    }
}
