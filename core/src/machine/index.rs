//! Finds values by hash, where there are many.
//!
//! A shard usually has a few keys in use, or none: then looking through them all beats a hash table, and there is none.

use hashbrown::HashTable;

use super::places::Places;
use super::queue::Queue;

/// As long as there are at most so many entries, there is no table. In tests one, so that the searches through all states
/// see tables come and go.
const FEW: usize = if cfg!(test) { 1 } else { 8 };

/// An entry that is found by its hash.
pub(super) trait Indexed {
    fn hash(&self) -> u64;
}

impl Indexed for Queue {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }
}

/// The places of entries, by hash, once there are many; kept until there are none. Distinct entries may have the same
/// hash.
#[derive(Default)]
pub(super) struct Index(HashTable<(u64, u32)>);

impl Index {
    /// The place of the entry with this hash that `is` accepts.
    #[inline]
    pub(super) fn find<T: Indexed>(&self, entries: &Places<T>, hash: u64, is: impl Fn(&T) -> bool) -> Option<u32> {
        if self.0.is_empty() {
            let mut all = entries.iter();
            return all.find(|(_, entry)| entry.hash() == hash && is(entry)).map(|(at, _)| at);
        }
        let found = self.0.find(hash, |&(other, at)| other == hash && is(&entries[at]));
        found.map(|&(_, at)| at)
    }

    /// Notes an entry that was just added.
    #[inline]
    pub(super) fn added<T: Indexed>(&mut self, entries: &Places<T>, hash: u64, at: u32) {
        if entries.len() > FEW || !self.0.is_empty() {
            self.add_among_many(entries, hash, at);
        }
    }

    /// Notes an entry that was just removed.
    #[inline]
    pub(super) fn removed(&mut self, hash: u64, at: u32) {
        if !self.0.is_empty()
            && let Ok(found) = self.0.find_entry(hash, |&(_, other)| other == at)
        {
            found.remove();
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cold]
    fn add_among_many<T: Indexed>(&mut self, entries: &Places<T>, hash: u64, at: u32) {
        if !self.0.is_empty() {
            return self.note(hash, at);
        }
        for (at, entry) in entries.iter() {
            self.note(entry.hash(), at);
        }
    }

    fn note(&mut self, hash: u64, at: u32) {
        self.0.insert_unique(hash, (hash, at), |&(hash, _)| hash);
    }
}
