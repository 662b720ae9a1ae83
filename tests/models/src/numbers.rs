//! A small generator of numbers, the same ones in every run.

/// The numbers that begin with a seed.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The numbers of `seed`, for the task with that number.
    pub fn new(seed: u64, task: usize) -> Numbers {
        let mixed = (seed ^ (task as u64) << 48).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Numbers((mixed ^ mixed >> 29) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // A xorshift generator, of which the high half is good.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % end
    }

    /// `count` different numbers below `end`, in random order.
    pub fn pick(&mut self, count: usize, end: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..end).collect();
        for at in 0..count {
            let other = at + self.below(end - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}
