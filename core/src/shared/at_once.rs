//! The hot paths: plain keys that are free, and their release.

use std::time::Duration;

use smallvec::SmallVec;

use super::shard::Locked;
use super::{Entries, Handle, Incoming, ONE_SHARD, Recipient, Shared};
use crate::machine::{Arrival, Origin, Parts, Placed, hash, spanning};
use crate::{Error, Grant, Key, Mode, Ticket};

/// At most so many keys are taken together on the short way.
const FEW: usize = 4;

/// A grant that nobody holds yet.
#[derive(Clone, Copy)]
pub(crate) struct Granted {
    pub(crate) grant: Grant,
    /// Whether it has keys in several shards.
    pub(crate) spans: bool,
}

/// A key, its hash and its shard.
struct Place<'k> {
    shard: usize,
    hash: u64,
    key: &'k Key,
}

impl<'k> Place<'k> {
    fn order(&self) -> (usize, &'k Key) {
        (self.shard, self.key)
    }
}

impl Shared {
    /// Takes one key, exclusively, if that needs no waiting.
    #[inline]
    pub(crate) fn attempt_one(&self, handle: &Handle, origin: Origin, key: &Key) -> Result<Option<Grant>, Error> {
        key.check()?;
        let hash = hash(&self.seed, key);
        let shard = &self.shards[Entries::shard(hash, self.mask())];
        let mut granted = shard.lock_for(handle)?.attempt_one(hash, key, origin);
        if granted.is_none() && self.end_overdue() {
            granted = shard.lock_for(handle)?.attempt_one(hash, key, origin);
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
            && let Some((ticket, token)) = shard.lock_for(handle)?.attempt_one(hash, key, origin)
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
    pub(crate) fn attempt_few(&self, handle: &Handle, origin: Origin, keys: &[Key]) -> Result<Option<Granted>, Error> {
        if keys.len() < 2 || keys.len() > FEW {
            return Ok(None);
        }
        keys.iter().try_for_each(Key::check)?;
        let places = self.places(keys);
        let (first, rest) = (&places[0], &places[1..]);
        if places.windows(2).any(|pair| pair[0].key == pair[1].key) {
            return Ok(None);
        }
        if ONE_SHARD || rest.iter().all(|place| place.shard == first.shard) {
            let mut table = Locked::new(&self.shards[first.shard], self.shards[first.shard].lock_for(handle)?);
            let keys = places.iter().map(|place| (place.hash, place.key));
            return Ok(table
                .attempt_free(keys, origin)
                .map(|granted| Granted { grant: at_once(granted), spans: false }));
        }
        if places.windows(2).any(|pair| pair[0].shard == pair[1].shard) {
            return Ok(None);
        }
        let mut tables: SmallVec<[_; FEW]> = SmallVec::new();
        for place in &places {
            tables.push(self.shards[place.shard].lock_for(handle)?);
        }
        let keys = places.iter().map(|place| (place.hash, place.key));
        let granted = spanning::attempt_vacant(&mut tables, keys, origin);
        Ok(granted.map(|granted| Granted { grant: at_once(granted), spans: true }))
    }

    /// Releases a request whose parts are all lone holders of their shards. `false`, and nothing changed, when they are
    /// not.
    pub(crate) fn release_lone(&self, ticket: Ticket) -> bool {
        if ONE_SHARD {
            return false;
        }
        let home = self.shards[ticket.shard() as usize].lock();
        let Some(span) = home.lone_span(ticket) else { return false };
        let parts = Parts::from_slice(span.parts());
        let mut tables: SmallVec<[_; FEW]> = SmallVec::new();
        tables.push(home);
        tables.extend(parts.iter().skip(1).map(|part| self.shards[part.shard() as usize].lock()));
        let spent = spanning::release_lone(&mut tables, &parts);
        drop(tables);
        spent.is_some()
    }

    /// In the order of their shards, then of the keys.
    fn places<'k>(&self, keys: &'k [Key]) -> SmallVec<[Place<'k>; FEW]> {
        let mut places: SmallVec<[Place<'k>; FEW]> = SmallVec::new();
        for key in keys {
            let hash = hash(&self.seed, key);
            places.push(Place { shard: Entries::shard(hash, self.mask()), hash, key });
            let mut at = places.len() - 1;
            while at > 0 && places[at].order() < places[at - 1].order() {
                places.swap(at, at - 1);
                at -= 1;
            }
        }
        places
    }
}

/// A grant that was never queued.
pub(crate) fn at_once((ticket, token): (Ticket, u64)) -> Grant {
    Grant { ticket, token, abandoned: false }
}
