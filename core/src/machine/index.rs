//! Finds a queue by the hash of its key.
//!
//! A shard usually has a few keys in use, or none: then looking through a short list beats a hash table. Beyond that it
//! is a hash table, until it is empty again.

use hashbrown::HashTable;
use smallvec::SmallVec;

/// As long as there are at most so many queues, they are a list.
const FEW: usize = 8;

/// The places of queues, by hash. Distinct queues may have the same hash.
#[derive(Default)]
pub(super) struct Index {
    few: SmallVec<[(u64, u32); FEW]>,
    many: HashTable<(u64, u32)>,
}

impl Index {
    /// The first place with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.many.is_empty() {
            let same = self.few.iter().find(|&&(other, at)| other == hash && is(at));
            return same.map(|&(_, at)| at);
        }
        self.many.find(hash, |&(other, at)| other == hash && is(at)).map(|&(_, at)| at)
    }

    #[inline]
    pub(super) fn insert(&mut self, hash: u64, at: u32) {
        if self.many.is_empty() && self.few.len() < FEW {
            self.few.push((hash, at));
        } else {
            self.insert_among_many(hash, at);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, hash: u64, at: u32) {
        if self.many.is_empty() {
            if let Some(place) = self.few.iter().position(|&(_, other)| other == at) {
                self.few.swap_remove(place);
            }
        } else if let Ok(found) = self.many.find_entry(hash, |&(_, other)| other == at) {
            found.remove();
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    #[cold]
    fn insert_among_many(&mut self, hash: u64, at: u32) {
        for (hash, at) in self.few.drain(..).chain([(hash, at)]) {
            self.many.insert_unique(hash, (hash, at), |&(hash, _)| hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_grows_into_a_table_and_back_finds_everything() {
        let mut index = Index::default();
        // Two of each hash, so that the places decide.
        let hash = |at: u32| u64::from(at / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for round in 0..3 {
            for count in [1, 7, 8, 9, 40] {
                (0..count).for_each(|at| index.insert(hash(at), at));
                for at in 0..count {
                    assert_eq!(index.find(hash(at), |other| other == at), Some(at), "round {round}");
                    assert_eq!(index.find(hash(at), |_| false), None);
                }
                assert_eq!(index.find(hash(count + 2), |_| true), None);
                (0..count).rev().for_each(|at| index.remove(hash(at), at));
                assert!(index.is_empty());
            }
        }
    }
}
