//! The line of those who wait for one key: who asks for it while somebody of the line waits is sure to wait as well, so that
//! JavaScript only writes it down. What is written down crosses with the next call, whatever that is, and at the latest when the
//! script that runs comes to its end. Only in spaces that no other thread can reach and that have no limits, where nobody can tell
//! the difference.

use latchwork::Key;

/// Generations have 31 bits.
const GENERATIONS: u32 = 0x7fff_ffff;

/// Those who wait for one key, plainly, and were given their generations one after the other.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) handle: u64,
    pub(crate) key: Key,
    /// The generation of the first, and of the next.
    first: u32,
    next: u32,
    waiting: u32,
}

impl Line {
    /// One that nobody stands in yet.
    pub(crate) fn new(handle: u64, key: Key) -> Line {
        Line { handle, key, first: 0, next: 0, waiting: 0 }
    }

    /// The request with this tag waits. After a gap the line begins anew: those before are not counted any more.
    pub(crate) fn join(&mut self, tag: u64) {
        let generation = generation(tag);
        if generation != self.next {
            (self.first, self.waiting) = (generation, 0);
        }
        self.next = (generation + 1) & GENERATIONS;
        self.waiting += 1;
    }

    /// The request with this tag waits no longer. Answers whether it was the last of the line.
    pub(crate) fn leave(&mut self, handle: u64, tag: u64) -> bool {
        let place = |generation: u32| generation.wrapping_sub(self.first) & GENERATIONS;
        if handle != self.handle || place(generation(tag)) >= place(self.next) {
            return false;
        }
        self.waiting -= 1;
        self.waiting == 0
    }
}

fn generation(tag: u64) -> u32 {
    (tag >> 32) as u32 & GENERATIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(generation: u32) -> u64 {
        u64::from(generation) << 32 | 7
    }

    #[test]
    fn it_is_over_when_all_who_were_counted_have_left() {
        let mut line = Line::new(1, Key::from("k"));
        [5, 6, 7].into_iter().for_each(|generation| line.join(tag(generation)));
        assert_eq!([4, 5, 8, 7].map(|generation| line.leave(1, tag(generation))), [false; 4]);
        assert!(!line.leave(2, tag(6)));
        assert!(line.leave(1, tag(6)));
    }

    #[test]
    fn after_a_gap_those_before_do_not_count() {
        let mut line = Line::new(1, Key::from("k"));
        [5, 7].into_iter().for_each(|generation| line.join(tag(generation)));
        assert!(!line.leave(1, tag(5)));
        assert!(line.leave(1, tag(7)));
    }

    #[test]
    fn generations_begin_again() {
        let mut line = Line::new(1, Key::from("k"));
        [GENERATIONS, 0, 1].into_iter().for_each(|generation| line.join(tag(generation)));
        assert!(!line.leave(1, tag(GENERATIONS)));
        assert!(!line.leave(1, tag(0)));
        assert!(line.leave(1, tag(1)));
    }
}
