//! One key or several.

use smallvec::SmallVec;

use super::Key;

/// Keys as an operation takes them; one key needs no allocation.
pub(crate) type Keys = SmallVec<[Key; 1]>;

/// One key, or several keys: whatever an operation on keys accepts.
///
/// A key is anything that converts into a [`Key`]; several keys are an array, a slice or a vector of such. `&[u8]`,
/// `&[u8; N]` and `Vec<u8>` are one bytes key. The empty array is the empty set of keys.
///
/// The trait is sealed by its shape: implement `From<YourType> for Key` and pass `Key::from(value)` instead.
pub trait IntoKeys {
    /// The keys in the order given.
    #[doc(hidden)]
    fn into_keys(self) -> SmallVec<[Key; 1]>;
}

macro_rules! one_key {
    ($($one:ty),* $(,)?) => {$(
        impl IntoKeys for $one {
            fn into_keys(self) -> SmallVec<[Key; 1]> {
                SmallVec::from_buf([Key::from(self)])
            }
        }
    )*};
}

one_key!(&str, String, &String, bool, i16, i32, i64, isize, u16, u32, u64, usize, &[u8], Vec<u8>, &Key);

impl IntoKeys for Key {
    fn into_keys(self) -> SmallVec<[Key; 1]> {
        SmallVec::from_buf([self])
    }
}

impl<const N: usize> IntoKeys for &[u8; N] {
    fn into_keys(self) -> SmallVec<[Key; 1]> {
        SmallVec::from_buf([Key::from(self)])
    }
}

impl<K: Into<Key>, const N: usize> IntoKeys for [K; N] {
    fn into_keys(self) -> SmallVec<[Key; 1]> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! several_keys {
    ($($one:ty),* $(,)?) => {$(
        impl IntoKeys for Vec<$one> {
            fn into_keys(self) -> SmallVec<[Key; 1]> {
                self.into_iter().map(Key::from).collect()
            }
        }

        impl IntoKeys for &[$one] {
            fn into_keys(self) -> SmallVec<[Key; 1]> {
                self.iter().cloned().map(Key::from).collect()
            }
        }
    )*};
}

several_keys!(&str, String, bool, i16, i32, i64, isize, u16, u32, u64, usize, Key, &Key);
