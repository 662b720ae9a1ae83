//! Finds a queue by the hash of its key, where there are many.
//!
//! A shard usually has a few keys in use, or none: then looking through them all beats a hash table, and there is none.

use hashbrown::HashTable;
use slab::Slab;

use super::queue::Queue;

/// As long as there are at most so many queues, there is no table. In tests one, so that the searches through all states
/// see tables come and go.
const FEW: usize = if cfg!(test) { 1 } else { 8 };

/// The places of queues, by hash, once there are many; kept until there are none. Distinct queues may have the same
/// hash.
#[derive(Default)]
pub(super) struct Index(HashTable<(u64, u32)>);

impl Index {
    /// The place of the queue with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, queues: &Slab<Queue>, hash: u64, is: impl Fn(&Queue) -> bool) -> Option<u32> {
        if self.0.is_empty() {
            let mut all = queues.iter();
            return all.find(|(_, queue)| queue.hash == hash && is(queue)).map(|(at, _)| at as u32);
        }
        let found = self.0.find(hash, |&(other, at)| other == hash && is(&queues[at as usize]));
        found.map(|&(_, at)| at)
    }

    /// Notes a queue that was just added.
    #[inline]
    pub(super) fn added(&mut self, queues: &Slab<Queue>, hash: u64, at: u32) {
        if queues.len() > FEW || !self.0.is_empty() {
            self.add_among_many(queues, hash, at);
        }
    }

    /// Notes a queue that was just removed.
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
    fn add_among_many(&mut self, queues: &Slab<Queue>, hash: u64, at: u32) {
        if !self.0.is_empty() {
            self.0.insert_unique(hash, (hash, at), |&(hash, _)| hash);
            return;
        }
        for (at, queue) in queues {
            self.0.insert_unique(queue.hash, (queue.hash, at as u32), |&(hash, _)| hash);
        }
    }
}
