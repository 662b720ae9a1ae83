//! The keys of a request as the tables take them: hashed, without duplicates, in the order of their shards.

use foldhash::fast::FixedState;
use smallvec::{SmallVec, smallvec};

use crate::machine::{Entry, hash, sort_by};
use crate::{Error, Key, LockSpec, Mode};

/// Sorted by shard, so that locks are taken in ascending order, then by key.
pub(crate) struct Entries(SmallVec<[Entry; 2]>);

impl Entries {
    /// The entries of a request.
    ///
    /// # Errors
    ///
    /// `invalid` when a key is too long.
    pub(super) fn of_spec(spec: &LockSpec, seed: &FixedState, mask: usize) -> Result<Entries, Error> {
        if let Some([key]) = spec.plain_keys() {
            key.check()?;
            let entry = Entry { hash: hash(seed, key), key: key.clone(), mode: Mode::Exclusive };
            return Ok(Entries(smallvec![entry]));
        }
        let (exclusive, shared) = spec.keys();
        let mut entries = SmallVec::with_capacity(exclusive.len() + shared.len());
        let exclusive = exclusive.iter().map(|key| (key, Mode::Exclusive));
        let shared = shared.iter().map(|key| (key, Mode::Shared));
        for (key, mode) in exclusive.chain(shared) {
            let key = spec.wrap(key);
            key.check()?;
            entries.push(Entry { hash: hash(seed, &key), key, mode });
        }
        Ok(Entries::sorted(entries, mask))
    }

    /// The entries of keys that are wanted exclusively.
    pub(super) fn of_keys(keys: &[Key], seed: &FixedState, mask: usize) -> Entries {
        let entry = |key: &Key| Entry { hash: hash(seed, key), key: key.clone(), mode: Mode::Exclusive };
        Entries::sorted(keys.iter().map(entry).collect(), mask)
    }

    /// The entries of a turn: of these cells, or of the whole space. Turns of cells and of the space keep each other out.
    pub(super) fn of_turn(cells: Option<&[Key]>, seed: &FixedState, mask: usize) -> Entries {
        let entry = |key: Key, mode| Entry { hash: hash(seed, &key), key, mode };
        let space = match cells {
            None => Mode::Exclusive,
            Some(_) => Mode::Shared,
        };
        let cells = cells.unwrap_or_default().iter().map(|cell| entry(Key::turn_of(cell), Mode::Exclusive));
        Entries::sorted(cells.chain([entry(Key::turn_of_space(), space)]).collect(), mask)
    }

    /// The shard in which a hash lives. The index of a table uses the lowest and the highest bits.
    pub(super) fn shard(hash: u64, mask: usize) -> usize {
        (hash >> 24) as usize & mask
    }

    pub(super) fn all(&self) -> &[Entry] {
        &self.0
    }

    /// The entries of each shard, in ascending order. One empty group for the empty set.
    pub(super) fn groups(&self, mask: usize) -> SmallVec<[&[Entry]; 4]> {
        if self.0.is_empty() {
            return smallvec![&[][..]];
        }
        if mask == 0 {
            return smallvec![&self.0[..]];
        }
        self.0.chunk_by(|a, b| Entries::shard(a.hash, mask) == Entries::shard(b.hash, mask)).collect()
    }

    fn sorted(mut entries: SmallVec<[Entry; 2]>, mask: usize) -> Entries {
        if entries.len() > 1 {
            // The exclusive one of two equal keys comes first, and so stays.
            sort_by(&mut entries, |a, b| {
                let shards = Entries::shard(a.hash, mask).cmp(&Entries::shard(b.hash, mask));
                shards.then_with(|| (&a.key, a.mode).cmp(&(&b.key, b.mode)))
            });
            entries.dedup_by(|later, earlier| later.key == earlier.key);
        }
        Entries(entries)
    }
}
