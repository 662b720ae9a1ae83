//! What follows from a change of cells: the index while they are locked, the rest once they are unlocked.

use std::collections::BTreeMap;
use std::mem::take;

use smallvec::SmallVec;

use super::open::Table;
use super::{Cells, Loose, Watcher};
use crate::Key;
use crate::shared::{Mailbox, Shared, outcome};
use crate::sync::{Arc, Ordering};

/// What follows from a change of cells.
pub(crate) struct Aftermath<V> {
    /// To be dropped once everything is unlocked.
    pub(super) values: SmallVec<[Loose<V>; 2]>,
    /// What most changes have none of.
    news: Option<Box<News>>,
}

/// What others are to know of a change.
#[derive(Default)]
pub(super) struct News {
    /// To be told once everything is unlocked, each once: by their numbers.
    pub(super) watchers: BTreeMap<u64, Arc<Watcher>>,
    /// Keys whose cells were made, and (`false`) whose cells went, in the order in which that was.
    pub(super) moved: SmallVec<[(Key, bool); 1]>,
    /// Keys whose cells were changed and are still there, where prefixes are watched.
    pub(super) changed: Vec<Key>,
}

impl<V> Default for Aftermath<V> {
    fn default() -> Aftermath<V> {
        Aftermath { values: SmallVec::new(), news: None }
    }
}

/// Values that are to be dropped.
impl<V> Extend<Loose<V>> for Aftermath<V> {
    fn extend<I: IntoIterator<Item = Loose<V>>>(&mut self, values: I) {
        self.values.extend(values);
    }
}

impl<V: Send + Sync + 'static> Cells<V> {
    /// Brings the index up to date and finds those who watch prefixes; the shards are still locked, so that nobody sees
    /// one without the other.
    #[inline]
    pub(super) fn settle(&self, after: &mut Aftermath<V>) {
        if let Some(news) = &mut after.news {
            self.settle_news(news);
        }
    }

    fn settle_news(&self, news: &mut News) {
        if !news.moved.is_empty() {
            let mut index = self.index.lock();
            for (key, is_there) in &news.moved {
                match is_there {
                    true => index.insert(key.clone()),
                    false => index.remove(key),
                };
            }
            self.generation.fetch_add(1, Ordering::Release);
        }
        // Looked at after the index was changed: whoever begins to watch sets it before looking there.
        if self.any_prefix.load(Ordering::Acquire) {
            let prefixes = self.prefixes.lock();
            let keys = news.moved.iter().map(|(key, _)| key).chain(&news.changed);
            prefixes.of_all(keys.map(Key::as_bytes), &mut news.watchers);
        }
    }
}

impl<V: 'static> Aftermath<V> {
    /// What others are to know, to be added to.
    #[cold]
    pub(super) fn news(&mut self) -> &mut News {
        self.news.get_or_insert_default()
    }

    /// Notes those who watch a cell.
    #[inline]
    pub(super) fn note_watchers(&mut self, table: &Table<V>, key: &Key) {
        if let Some(watches) = table.watches() {
            watches.of(key, &mut self.news().watchers);
        }
    }

    /// Whether any cell went.
    pub(super) fn any_gone(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.moved.iter().any(|(_, is_there)| !is_there))
    }

    /// Tells those who watch and those who keep time, and drops what was replaced: all of it runs the caller's code. Nothing
    /// is locked.
    #[inline]
    pub(crate) fn carry_out(self, shared: &Shared, own: Option<&Mailbox>) {
        let unwatched = self.news.as_ref().is_none_or(|news| news.watchers.is_empty());
        if unwatched && !shared.timers.is_sooner() {
            return;
        }
        let Aftermath { mut values, news } = self;
        let mut watchers = news.map(|news| news.watchers).unwrap_or_default();
        let mut tell = || Watcher::tell_all(take(&mut watchers), own);
        let mut let_go = || drop(take(&mut values));
        let calls: [&mut dyn FnMut(); 3] = [&mut tell, &mut || shared.timers.wake_if_sooner(), &mut let_go];
        outcome::in_turn(calls.into_iter().map(|call| move || call()));
    }
}
