//! A short encoding, kept in place.

use std::num::NonZeroU8;

/// Longest encoding that needs no allocation.
pub(super) const LONGEST: usize = 23;

/// Up to [`LONGEST`] bytes. Whole words, the rest of them zero: a key is moved several times on its way into a table, and
/// moving words and comparing them at once is what keeps that cheap.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(8))]
pub(super) struct Short {
    /// Never 0, which leaves room to tell a short key from a long one.
    len: NonZeroU8,
    bytes: [u8; LONGEST],
}

impl Short {
    /// The tag and what follows it, if that is short.
    #[inline]
    pub(super) fn new(tag: u8, content: &[u8]) -> Option<Short> {
        let mut bytes = [0; LONGEST];
        bytes[0] = tag;
        bytes[1..].get_mut(..content.len())?.copy_from_slice(content);
        Some(Short { len: NonZeroU8::MIN.saturating_add(content.len() as u8), bytes })
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len.get())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    #[test]
    fn a_key_is_three_words() {
        assert_eq!(size_of::<Key>(), 24);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        for len in 0..LONGEST {
            let content = vec![b'x'; len];
            let short = Short::new(b't', &content).expect("short");
            assert_eq!(short.as_bytes(), [b"t", &content[..]].concat());
        }
        assert!(Short::new(b't', &[b'x'; LONGEST]).is_none());
        assert!(Short::new(b't', &[b'x'; 600]).is_none());
    }
}
