//! The hot paths: plain keys that are free, and their release.

use std::time::Duration;

use super::shard::Locked;
use super::{Entries, Handle, Incoming, ONE_SHARD, Recipient, Shared};
use crate::machine::{Arrival, Origin, Placed, attempt_vacant, hash, release_lone};
use crate::{Error, Grant, Key, Mode, Ticket};

/// A grant that nobody holds yet.
#[derive(Clone, Copy)]
pub(crate) struct Granted {
    pub(crate) grant: Grant,
    /// Whether it has keys in several shards.
    pub(crate) spans: bool,
    /// Whether no key was named twice.
    pub(crate) once: bool,
}

/// A key, its hash and its shard.
struct Place<'k> {
    shard: usize,
    hash: u64,
    key: &'k Key,
}

impl Shared {
    /// Takes one key, exclusively, if that needs no waiting.
    #[inline]
    pub(crate) fn attempt_one(&self, handle: &Handle, origin: Origin, key: &Key) -> Result<Option<Grant>, Error> {
        key.check()?;
        let hash = hash(&self.seed, key);
        let shard = &self.shards[Entries::shard(hash, self.mask())];
        let mut granted = shard.attempt_one(handle, hash, key, origin)?;
        if granted.is_none() && self.end_overdue() {
            granted = shard.attempt_one(handle, hash, key, origin)?;
        }
        Ok(granted.map(at_once))
    }

    /// Takes one key, exclusively, or waits for it: hashes it once, and reads the clock only where it has to wait.
    #[inline]
    pub(crate) fn join_one(
        &self,
        handle: &Handle,
        origin: Origin,
        key: &Key,
        recipient: impl FnOnce() -> Recipient,
    ) -> Result<Placed, Error> {
        key.check()?;
        let hash = hash(&self.seed, key);
        let shard = &self.shards[Entries::shard(hash, self.mask())];
        // Where asking for the time costs nothing, a second look at what is probably taken costs more.
        if (self.clock.is_some() || !shard.seems_crowded())
            && let Some((ticket, token)) = shard.attempt_one(handle, hash, key, origin)?
        {
            return Ok(Placed { ticket, token: Some(token) });
        }
        self.end_overdue();
        let recipient = recipient();
        let joined = self.now();
        if self.limits.are_set() {
            return self.join_within_limits(handle, origin, key, recipient, joined);
        }
        let mut locked = Locked::new(shard, shard.lock_for(handle)?);
        let table = &mut *locked;
        match table.attempt_one(hash, key, Mode::Exclusive, origin, None) {
            Ok((ticket, token)) => {
                drop(locked);
                drop(recipient);
                Ok(Placed { ticket, token: Some(token) })
            }
            Err(queue) => {
                let order = self.next_order();
                let arrival = Arrival { origin, signature: None, joined, order, deadline: None, max_hold: None };
                Ok(Placed { ticket: table.wait_in(queue, Mode::Exclusive, arrival, recipient), token: None })
            }
        }
    }

    /// Lets these wait for one key, exclusively. `false`, and nothing has changed, where the first might not have to, or not all
    /// might be let in.
    pub(crate) fn wait_each(
        &self,
        handle: &Handle,
        origin: Origin,
        key: &Key,
        recipients: impl Iterator<Item = Recipient>,
    ) -> bool {
        if self.limits.are_set() || key.check().is_err() {
            return false;
        }
        self.end_overdue();
        let joined = self.now();
        let hash = hash(&self.seed, key);
        let shard = &self.shards[Entries::shard(hash, self.mask())];
        let Ok(table) = shard.lock_for(handle) else { return false };
        let mut locked = Locked::new(shard, table);
        let table = &mut *locked;
        let Some(queue) = table.line(hash, key) else { return false };
        for recipient in recipients {
            let order = self.next_order();
            let arrival = Arrival { origin, signature: None, joined, order, deadline: None, max_hold: None };
            table.wait_in(queue, Mode::Exclusive, arrival, recipient);
        }
        true
    }

    #[cold]
    fn join_within_limits(
        &self,
        handle: &Handle,
        origin: Origin,
        key: &Key,
        recipient: Recipient,
        joined: Option<Duration>,
    ) -> Result<Placed, Error> {
        let entries = Entries::of_keys(std::slice::from_ref(key), &self.seed, self.mask());
        let incoming = Incoming { handle, origin, entries: &entries, signature: None, max_hold: None };
        self.join(&incoming, recipient, joined, None)
    }

    /// Takes a few keys, exclusively, if they are all free and all in one shard or each in a shard of its own that nobody
    /// else uses. `None` says only that this way did not lead to them.
    #[inline]
    pub(crate) fn attempt_few(&self, handle: &Handle, origin: Origin, keys: &[Key]) -> Result<Option<Granted>, Error> {
        // Of each number, code of its own.
        match keys {
            [a, b] => self.attempt_each(handle, origin, [a, b]),
            [a, b, c] => self.attempt_each(handle, origin, [a, b, c]),
            [a, b, c, d] => self.attempt_each(handle, origin, [a, b, c, d]),
            _ => Ok(None),
        }
    }

    fn attempt_each<const N: usize>(
        &self,
        handle: &Handle,
        origin: Origin,
        keys: [&Key; N],
    ) -> Result<Option<Granted>, Error> {
        for key in keys {
            key.check()?;
        }
        let mut places = keys.map(|key| {
            let hash = hash(&self.seed, key);
            Place { shard: Entries::shard(hash, self.mask()), hash, key }
        });
        sort(&mut places);
        if ONE_SHARD || places[0].shard == places[N - 1].shard {
            return self.attempt_in_one(handle, origin, &places);
        }
        if (1..N).any(|at| places[at].shard == places[at - 1].shard) {
            return Ok(None);
        }
        let mut tables = places.each_ref().map(|place| self.shards[place.shard].lock());
        if handle.is_closed() || tables.iter().any(|table| table.exhausted()) {
            return Err(Error::closed());
        }
        let keys = places.iter().map(|place| (place.hash, place.key));
        let granted = attempt_vacant(&mut tables, keys, origin);
        Ok(granted.map(|granted| Granted { grant: at_once(granted), spans: true, once: true }))
    }

    /// The same, where all keys are in one shard.
    fn attempt_in_one(&self, handle: &Handle, origin: Origin, places: &[Place<'_>]) -> Result<Option<Granted>, Error> {
        if (1..places.len()).any(|at| places[..at].iter().any(|other| other.key == places[at].key)) {
            return Ok(None);
        }
        let shard = &self.shards[places[0].shard];
        let mut table = Locked::new(shard, shard.lock_for(handle)?);
        let granted = table.attempt_free(places.iter().map(|place| (place.hash, place.key)), origin);
        Ok(granted.map(|granted| Granted { grant: at_once(granted), spans: false, once: true }))
    }

    /// Releases a request whose parts are all lone holders of their shards. `false`, and nothing changed, when they are
    /// not.
    pub(crate) fn release_lone(&self, ticket: Ticket) -> bool {
        if ONE_SHARD {
            return false;
        }
        let home = self.shards[ticket.shard() as usize].lock();
        let Some(joint) = home.lone_joint(ticket) else { return false };
        let [second, third, fourth] = joint.rest().map(|shard| Some(self.shards[usize::from(shard?)].lock()));
        release_lone(&mut [Some(home), second, third, fourth], ticket.number)
    }
}

/// Puts places in the order of their shards: few, and so by steps that are always the same.
#[inline(always)]
fn sort<const N: usize>(places: &mut [Place<'_>; N]) {
    for end in 1..N {
        for at in (1..=end).rev() {
            if places[at].shard < places[at - 1].shard {
                places.swap(at, at - 1);
            }
        }
    }
}

/// A grant that was never queued.
pub(crate) fn at_once((ticket, token): (Ticket, u64)) -> Grant {
    Grant { ticket, token, abandoned: false }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use futures::executor::block_on;

    use crate::{Guard, Key, LockRequest, Space};

    fn poll(request: &mut LockRequest<'_>) -> Option<Guard> {
        match Pin::new(request).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => Some(guard.expect("open")),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_few_keys_are_held_together_whoever_comes_behind_one_of_them() {
        for space in [1, 2, 1024].map(|shards| Space::builder().shards(shards).build()) {
            for count in 2..=5 {
                let keys: Vec<Key> = (0..count).map(Key::from).collect();
                for first in &keys {
                    let again: Vec<Key> = keys.iter().chain([first]).cloned().collect();
                    for wanted in [keys.clone(), again] {
                        let guard = block_on(space.lock(wanted)).expect("free");
                        assert_eq!(guard.keys(), keys, "each once");
                        let mut behind = space.lock(first);
                        assert!(poll(&mut behind).is_none());
                        let held = block_on(space.query_keys(first)).expect("open").held;
                        assert_eq!((&held[0].keys, held[0].token), (&keys, guard.token()));
                        drop(guard);
                        assert!(poll(&mut behind).is_some());
                        let all = block_on(space.query()).expect("open");
                        assert!(all.held.is_empty() && all.pending.is_empty());
                    }
                }
            }
        }
    }
}
