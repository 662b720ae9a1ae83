//! Looking at what is held and what waits, at one instant.

use super::shard::Locked;
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
                let mut tables = Vec::new();
                let mut vacant = Vec::new();
                for (number, shard) in self.shards.iter().enumerate() {
                    let table = shard.lock();
                    match table.is_vacant() {
                        true => vacant.push(table),
                        false => tables.push((number, Locked::new(shard, table))),
                    }
                }
                tables.iter().for_each(|(_, table)| survey.look_at_all(table));
                survey.name_keys(&mut tables);
            }
            Some(keys) => {
                let entries = Entries::of_keys(keys, &self.seed, self.mask());
                let mut tables = self.lock_around(&entries);
                for (number, table) in &tables {
                    let here = |entry: &&Entry| Entries::shard(entry.hash, self.mask()) == *number;
                    entries.all().iter().filter(here).for_each(|entry| survey.look_at(table, entry.hash, &entry.key));
                }
                survey.name_keys(&mut tables);
            }
        }
        survey.finish(self.now())
    }
}
