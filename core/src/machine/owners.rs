//! The owners of a space, and what each holds and waits for (clause L11).

use super::{Numbered, Origin};
use crate::Ticket;
use crate::signature::{OwnerName, OwnerTag};

/// The owners that are open. `R` is somebody who is told of an end.
pub(crate) struct Owners<R> {
    last: u64,
    open: Numbered<Owned<R>>,
    last_watch: u64,
}

struct Owned<R> {
    number: u64,
    name: OwnerName,
    /// Where what is handed over to it comes from then.
    origin: Origin,
    /// Whether somebody can still name it in a request.
    known: bool,
    requests: Numbered<Ticket>,
    /// Whom to tell of its end, by numbers of their own.
    watchers: Numbered<R>,
}

impl<R> Default for Owners<R> {
    fn default() -> Owners<R> {
        Owners { last: 0, open: Numbered::default(), last_watch: 0 }
    }
}

impl<R> Owners<R> {
    /// A new owner. `name` makes its name of its number, which no other owner of the space ever gets.
    pub(crate) fn open(&mut self, origin: Origin, name: impl FnOnce(u64) -> OwnerName) -> OwnerTag {
        self.last += 1;
        let (number, name) = (self.last, name(self.last));
        let (requests, watchers) = (Numbered::default(), Numbered::default());
        self.open.insert(number, Owned { number, name: name.clone(), origin, known: true, requests, watchers });
        OwnerTag { number, name }
    }

    pub(crate) fn is_open(&self, number: u64) -> bool {
        self.open.get(number).is_some()
    }

    /// Whether there ever was an owner with this number.
    pub(crate) fn was_given(&self, number: u64) -> bool {
        (1..=self.last).contains(&number)
    }

    /// The open owner with this number.
    pub(crate) fn find(&self, number: u64) -> Option<(OwnerTag, Origin)> {
        let owned = self.open.get(number)?;
        Some((OwnerTag { number, name: owned.name.clone() }, owned.origin))
    }

    /// The open owners that were made from these origins.
    pub(crate) fn of_origins(&self, origins: &[Origin]) -> Vec<u64> {
        let own = self.open.values().filter(|owned| origins.contains(&owned.origin));
        own.map(|owned| owned.number).collect()
    }

    /// Notes a request of an open owner.
    pub(crate) fn add(&mut self, number: u64, request: Ticket) {
        if let Some(owned) = self.open.get_mut(number) {
            owned.requests.insert(request, request);
        }
    }

    /// Notes that a request has left.
    pub(crate) fn remove(&mut self, number: u64, request: Ticket) {
        if let Some(owned) = self.open.get_mut(number) {
            owned.requests.remove(request);
            self.forget_unknown(number);
        }
    }

    /// The requests of an owner, those that hold and those that wait.
    pub(crate) fn requests(&self, number: u64) -> Vec<Ticket> {
        self.open.get(number).map(|owned| owned.requests.values().copied().collect()).unwrap_or_default()
    }

    /// Nobody names the owner any more: it is forgotten once its last request has left.
    pub(crate) fn let_go(&mut self, number: u64) {
        if let Some(owned) = self.open.get_mut(number) {
            owned.known = false;
            self.forget_unknown(number);
        }
    }

    /// Whom to tell when an owner ends. Answers a number for it; back it comes when the owner has ended.
    pub(crate) fn watch(&mut self, number: u64, watcher: R) -> Result<u64, R> {
        let Some(owned) = self.open.get_mut(number) else { return Err(watcher) };
        self.last_watch += 1;
        owned.watchers.insert(self.last_watch, watcher);
        Ok(self.last_watch)
    }

    /// Tells nobody any more. Answers who is to be dropped once the owners are unlocked.
    pub(crate) fn unwatch(&mut self, number: u64, watch: u64) -> Option<R> {
        self.open.get_mut(number)?.watchers.remove(watch)
    }

    /// Ends an owner. Answers its requests, and who is to be told; `None` when it has ended before.
    pub(crate) fn close(&mut self, number: u64) -> Option<(Vec<Ticket>, Vec<R>)> {
        let Owned { requests, watchers, .. } = self.open.remove(number)?;
        Some((requests.into_values().collect(), watchers.into_values().collect()))
    }

    fn forget_unknown(&mut self, number: u64) {
        if self.open.get(number).is_some_and(|owned| !owned.known && owned.requests.is_empty()) {
            self.open.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn name(number: u64) -> OwnerName {
        OwnerName { id: Arc::from(format!("o-{number}")), label: None }
    }

    #[test]
    fn an_owner_is_remembered_while_it_is_known_or_has_requests() {
        let mut owners: Owners<&str> = Owners::default();
        let (one, other) = (owners.open(Origin(1), name), owners.open(Origin(1), name));
        let request = Ticket::new(0, 0, 1);
        owners.add(one.number, request);
        owners.let_go(one.number);
        assert!(owners.is_open(one.number));
        owners.remove(one.number, request);
        assert!(!owners.is_open(one.number));
        assert_eq!(owners.find(2).map(|(found, _)| found.name.id), Some(other.name.id));
        assert!(owners.find(1).is_none() && owners.was_given(1));
        assert!(!owners.was_given(0) && !owners.was_given(3));
        owners.add(other.number, request);
        let (first, second) = (owners.watch(other.number, "first"), owners.watch(other.number, "second"));
        assert_eq!(owners.unwatch(other.number, first.expect("open")), Some("first"));
        assert_eq!(owners.close(other.number), Some((vec![request], vec!["second"])));
        assert_eq!((owners.close(other.number), owners.watch(other.number, "late")), (None, Err("late")));
        assert_eq!(owners.unwatch(other.number, second.expect("open")), None);
        owners.add(other.number, request);
        assert!(owners.open.is_empty());
    }
}
