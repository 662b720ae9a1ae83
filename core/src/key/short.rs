//! A short encoding, kept in place.

use std::num::NonZeroU8;

/// Longest encoding that needs no allocation.
pub(super) const LONGEST: usize = 23;

/// Up to [`LONGEST`] bytes. Whole words, the rest of them zero: a key is moved several times on its way into a table, and
/// moving words and comparing them at once is what keeps that cheap.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Short {
    /// Never 0, which leaves room to tell a short key from a long one.
    len: NonZeroU8,
    bytes: [u8; LONGEST],
}

impl Short {
    /// No key's.
    pub(super) const BLANK: Short = Short { len: NonZeroU8::MIN, bytes: [0; LONGEST] };

    /// Whether a tag leaves room for this.
    #[inline]
    pub(super) fn has_room_for(content: &[u8]) -> bool {
        content.len() < LONGEST
    }

    /// A tag and what follows it, for which there is room.
    #[inline]
    pub(super) fn new(tag: u8, content: &[u8]) -> Short {
        let mut bytes = [0; LONGEST];
        bytes[0] = tag;
        bytes[1..7].copy_from_slice(&word(content, 0).to_le_bytes()[..6]);
        bytes[7..15].copy_from_slice(&word(content, 6).to_le_bytes());
        bytes[15..].copy_from_slice(&word(content, 14).to_le_bytes());
        Short { len: NonZeroU8::MIN.saturating_add(content.len() as u8), bytes }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len.get())]
    }

    /// All of it as the words that it was written in: read in other pieces just after, it would have to be waited for.
    #[inline]
    pub(super) fn words(&self) -> [u64; 3] {
        let [a, b, c, d, e, f, g, rest @ ..] = self.bytes;
        let (middle, last) = rest.split_at(8);
        let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes));
        [u64::from_le_bytes([self.len.get(), a, b, c, d, e, f, g]), word(middle), word(last)]
    }
}

impl PartialEq for Short {
    #[inline]
    fn eq(&self, other: &Short) -> bool {
        let ([a, b, c], [d, e, f]) = (self.words(), other.words());
        (a ^ d) | (b ^ e) | (c ^ f) == 0
    }
}

impl Eq for Short {}

/// Up to eight bytes from a place on, the first one lowest: made in a register, since bytes that were just copied one way
/// are slow to be copied on in another.
#[inline]
fn word(content: &[u8], at: usize) -> u64 {
    let rest = content.get(at..).unwrap_or_default();
    match (rest.first_chunk(), content.last_chunk()) {
        (Some(&whole), _) => u64::from_le_bytes(whole),
        _ if rest.is_empty() => 0,
        (None, Some(&last)) => u64::from_le_bytes(last) >> (8 * (8 - rest.len())),
        (None, None) => match (rest.first_chunk(), rest.last_chunk()) {
            (Some(&first), Some(&last)) => {
                let last = u64::from(u32::from_le_bytes(last));
                u64::from(u32::from_le_bytes(first)) | last << (8 * (rest.len() - 4))
            }
            _ => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        },
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
    fn what_is_too_long_has_no_room() {
        for len in 0..LONGEST {
            let content: Vec<u8> = (b'A'..).take(len).collect();
            assert!(Short::has_room_for(&content));
            let short = Short::new(b't', &content);
            assert!(short.bytes[len + 1..].iter().all(|&byte| byte == 0));
            assert_eq!(short.as_bytes(), [b"t", &content[..]].concat());
        }
        assert!(!Short::has_room_for(&[b'x'; LONGEST]));
        assert!(!Short::has_room_for(&[b'x'; 600]));
    }
}
