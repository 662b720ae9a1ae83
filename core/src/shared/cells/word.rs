//! Values of types that fit into a word: numbers, booleans and characters. They run no code of the caller's when they are
//! copied or dropped, so that a cell keeps them in place and a reader copies them under the lock.

use std::any::Any;

/// Of each type: its word, and the value of a word.
macro_rules! words {
    ($($type:ty: $value:ident => $to:expr, $word:ident => $from:expr;)*) => {
        /// The word of a value, if its type has any.
        #[inline(always)]
        pub(super) fn of<V: 'static>(value: &V) -> Option<u64> {
            let value: &dyn Any = value;
            $(if let Some(&$value) = value.downcast_ref::<$type>() {
                return Some($to);
            })*
            None
        }

        /// The value of a word, if the type has any.
        #[inline(always)]
        pub(super) fn value<V: 'static>(word: u64) -> Option<V> {
            let mut made: Option<V> = None;
            let place: &mut dyn Any = &mut made;
            $(if let Some(place) = place.downcast_mut::<Option<$type>>() {
                let $word = word;
                *place = Some($from);
            })*
            made
        }
    };
}

words! {
    u8: value => u64::from(value), word => word as u8;
    u16: value => u64::from(value), word => word as u16;
    u32: value => u64::from(value), word => word as u32;
    u64: value => value, word => word;
    usize: value => value as u64, word => word as usize;
    i8: value => value as u64, word => word as i8;
    i16: value => value as u64, word => word as i16;
    i32: value => value as u64, word => word as i32;
    i64: value => value as u64, word => word as i64;
    isize: value => value as u64, word => word as isize;
    f32: value => u64::from(value.to_bits()), word => f32::from_bits(word as u32);
    f64: value => value.to_bits(), word => f64::from_bits(word);
    bool: value => u64::from(value), word => word != 0;
    char: value => u64::from(value), word => char::from_u32(word as u32).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<V: Clone + PartialEq + std::fmt::Debug + 'static>(values: &[V]) {
        for there in values {
            assert_eq!(value::<V>(of(there).expect("it has one")).as_ref(), Some(there));
        }
    }

    #[test]
    fn every_number_comes_back_from_its_word() {
        comes_back(&[u8::MIN, u8::MAX]);
        comes_back(&[u16::MIN, u16::MAX]);
        comes_back(&[u32::MIN, u32::MAX]);
        comes_back(&[u64::MIN, u64::MAX]);
        comes_back(&[usize::MIN, usize::MAX]);
        comes_back(&[i8::MIN, -1, i8::MAX]);
        comes_back(&[i16::MIN, -1, i16::MAX]);
        comes_back(&[i32::MIN, -1, i32::MAX]);
        comes_back(&[i64::MIN, -1, i64::MAX]);
        comes_back(&[isize::MIN, -1, isize::MAX]);
        comes_back(&[f32::MIN, -0.0, f32::INFINITY]);
        comes_back(&[f64::MIN, -0.0, f64::INFINITY]);
        comes_back(&[false, true]);
        comes_back(&['\0', 'ä', char::MAX]);
        assert_eq!(value::<f64>(of(&-0.0_f64).expect("it has one")).map(f64::to_bits), Some((-0.0_f64).to_bits()));
    }

    #[test]
    fn other_types_have_none() {
        assert_eq!((of(&"text"), of(&String::new()), of(&())), (None, None, None));
        assert_eq!((value::<&str>(1), value::<()>(1)), (None, None));
    }
}
