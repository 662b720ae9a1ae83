//! Turns, noted beside the cells of a shard.
//!
//! Who is next is settled by the queue of the turn's reserved key. What is noted here is for the other calls: that there is a
//! queue, which an `update` joins before it runs, and whose turn is in force, so that nobody else's call commits a change.

use std::collections::BTreeMap;

use crate::Key;

/// The calls that wait for the turn of a cell or have it.
#[derive(Default)]
pub(crate) struct Turns {
    marks: BTreeMap<Key, Mark>,
}

#[derive(Default)]
struct Mark {
    /// How many calls wait for the turn, or have it.
    calls: u32,
    /// Whose turn is in force; 0 for nobody's.
    holder: u64,
    /// The token of the turn that came into force last.
    token: u64,
}

impl Turns {
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// A call queues for the turn of a cell.
    pub(crate) fn queue(&mut self, key: &Key) {
        match self.marks.get_mut(key) {
            Some(mark) => mark.calls += 1,
            None => {
                self.marks.insert(key.clone(), Mark { calls: 1, holder: 0, token: 0 });
            }
        }
    }

    /// The turn of a call is in force from now on; not one that was taken away, where a later one came into force meanwhile.
    pub(crate) fn enter(&mut self, key: &Key, call: u64, token: u64) {
        if let Some(mark) = self.marks.get_mut(key)
            && token > mark.token
        {
            (mark.holder, mark.token) = (call, token);
        }
    }

    /// A call that queued for a turn has it no more, or does not wait any more.
    pub(crate) fn leave(&mut self, key: &Key, call: u64) {
        let Some(mark) = self.marks.get_mut(key) else { return };
        mark.calls -= 1;
        if mark.holder == call {
            mark.holder = 0;
        }
        if mark.calls == 0 {
            self.marks.remove(key);
        }
        if self.marks.is_empty() {
            // An empty one keeps a node.
            self.marks = BTreeMap::new();
        }
    }

    /// Whether any call waits for the turn of a cell, or has it.
    pub(crate) fn has_queue(&self, key: &Key) -> bool {
        self.marks.contains_key(key)
    }

    /// Whether a turn is in force that is not of this call.
    pub(crate) fn is_foreign(&self, key: &Key, call: u64) -> bool {
        self.marks.get(key).is_some_and(|mark| mark.holder != 0 && mark.holder != call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_enters_has_it_and_nothing_is_left() {
        let (mut turns, key) = (Turns::default(), Key::from("a"));
        turns.queue(&key);
        turns.queue(&key);
        assert!(turns.has_queue(&key) && !turns.is_foreign(&key, 1));
        turns.enter(&key, 1, 7);
        assert!(turns.is_foreign(&key, 2) && !turns.is_foreign(&key, 1));
        // The first one's turn was taken away.
        turns.enter(&key, 2, 8);
        turns.enter(&key, 1, 7);
        turns.leave(&key, 1);
        assert!(turns.is_foreign(&key, 1) && !turns.is_foreign(&key, 2));
        turns.leave(&key, 2);
        assert!(turns.is_empty() && !turns.has_queue(&key));
    }
}
