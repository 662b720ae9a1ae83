//! Who watches what, and so is to be told of a change.

use std::collections::BTreeMap;

use super::sort_and_dedup;

/// Those who watch, by what they watch: a key, or the bytes that keys begin with.
pub(crate) struct Watches<K, W> {
    /// By their numbers, so that any of many can leave at once.
    watched: BTreeMap<K, BTreeMap<u64, W>>,
}

/// Those who watch keys by what these begin with.
pub(crate) struct PrefixWatches<W> {
    watches: Watches<Box<[u8]>, W>,
    /// How many prefixes of each length are watched: a key is looked up once for each length.
    lengths: BTreeMap<usize, usize>,
}

impl<K: Ord, W: Clone> Watches<K, W> {
    pub(crate) fn new() -> Watches<K, W> {
        Watches { watched: BTreeMap::new() }
    }

    /// Whether nobody watches anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Notes that the watcher with this number watches `what`. Answers whether it did not yet.
    pub(crate) fn add(&mut self, what: K, number: u64, watcher: W) -> bool {
        self.watched.entry(what).or_default().insert(number, watcher).is_none()
    }

    /// Takes a watcher out. Answers it, to be dropped once everything is unlocked.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, what: &Q, number: u64) -> Option<W>
    where
        K: std::borrow::Borrow<Q>,
    {
        let watchers = self.watched.get_mut(what)?;
        let watcher = watchers.remove(&number)?;
        if watchers.is_empty() {
            self.watched.remove(what);
        }
        if self.watched.is_empty() {
            // An empty one keeps a node.
            self.watched = BTreeMap::new();
        }
        Some(watcher)
    }

    /// Adds those who watch `what`, by their numbers.
    pub(crate) fn of<Q: Ord + ?Sized>(&self, what: &Q, into: &mut BTreeMap<u64, W>)
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(watchers) = self.watched.get(what) {
            into.extend(watchers.iter().map(|(number, watcher)| (*number, watcher.clone())));
        }
    }
}

impl<W: Clone> PrefixWatches<W> {
    pub(crate) fn new() -> PrefixWatches<W> {
        PrefixWatches { watches: Watches::new(), lengths: BTreeMap::new() }
    }

    /// Whether nobody watches anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Notes that the watcher with this number watches all keys that begin with these bytes.
    pub(crate) fn add(&mut self, prefix: &[u8], number: u64, watcher: W) {
        if self.watches.add(prefix.into(), number, watcher) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
    }

    /// Takes a watcher out. Answers it, to be dropped once everything is unlocked.
    pub(crate) fn remove(&mut self, prefix: &[u8], number: u64) -> Option<W> {
        let watcher = self.watches.remove(prefix, number)?;
        let many = self.lengths.get_mut(&prefix.len())?;
        *many -= 1;
        if *many == 0 {
            self.lengths.remove(&prefix.len());
        }
        Some(watcher)
    }

    /// Adds those who watch any of the keys with these bytes: each prefix is looked up once for each key, and those who
    /// watch it are added once.
    pub(crate) fn of_all<'k>(&self, keys: impl Iterator<Item = &'k [u8]>, into: &mut BTreeMap<u64, W>) {
        let mut prefixes: Vec<&[u8]> = Vec::new();
        for key in keys {
            let of_key = self.lengths.keys().map_while(|&length| key.get(..length));
            prefixes.extend(of_key.filter(|prefix| self.watches.watched.contains_key(*prefix)));
        }
        sort_and_dedup(&mut prefixes);
        for prefix in prefixes {
            self.watches.of(prefix, into);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_all_who_watch_what_it_begins_with() {
        let mut watches = PrefixWatches::new();
        // One of them twice, as a body that lists the same twice does.
        for (number, prefix) in [(1, ""), (2, "ab"), (3, "abc"), (4, "b"), (5, "ab"), (5, "ab")] {
            watches.add(prefix.as_bytes(), number, number);
        }
        let of_all = |watches: &PrefixWatches<u64>, keys: &[&str]| {
            let mut found = BTreeMap::new();
            watches.of_all(keys.iter().map(|key| key.as_bytes()), &mut found);
            found.into_values().collect::<Vec<_>>()
        };
        let of = |watches: &PrefixWatches<u64>, key| of_all(watches, &[key]);
        assert_eq!(of(&watches, "abd"), [1, 2, 5]);
        assert_eq!(of_all(&watches, &["b", "abcd", "abd", "b"]), [1, 2, 3, 4, 5]);
        assert_eq!(of(&watches, "a"), [1]);
        assert_eq!(watches.remove(b"ab", 2), Some(2));
        assert_eq!(watches.remove(b"ab", 2), None);
        assert_eq!(of(&watches, "abc"), [1, 3, 5]);
        for (number, prefix) in [(1, ""), (3, "abc"), (4, "b"), (5, "ab")] {
            assert_eq!(watches.remove(prefix.as_bytes(), number), Some(number));
        }
        assert!(watches.watches.is_empty() && watches.lengths.is_empty());
    }
}
