//! Looking at what is held and what waits, at one instant.

use super::{Entries, Shared};
use crate::machine::{Entry, Survey};
use crate::{Key, Query};

impl Shared {
    /// What is held and what waits, at one instant (clause L16).
    pub(crate) fn query(&self, keys: Option<&[Key]>) -> Query {
        self.end_overdue();
        self.look(keys)
    }

    /// As `query`, where a grant lasts until its end is told.
    pub(crate) fn look(&self, keys: Option<&[Key]>) -> Query {
        let mut survey = Survey::default();
        match keys {
            None => {
                let mut tables: Vec<_> = self.shards.iter().map(|shard| shard.lock()).collect();
                for table in tables.iter_mut().filter(|table| !table.is_vacant()) {
                    survey.look_at_all(table.crowd());
                }
            }
            Some(keys) => {
                let entries = Entries::of_keys(keys, &self.seed, self.mask());
                let tables = self.lock_around(&entries);
                for (number, table) in &tables {
                    let here = |entry: &&Entry| Entries::shard(entry.hash, self.mask()) == *number;
                    entries.all().iter().filter(here).for_each(|entry| survey.look_at(table, entry.hash, &entry.key));
                }
            }
        }
        survey.finish(self.now())
    }
}
