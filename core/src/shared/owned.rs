//! Requests of owners: noted when they join, refused when their wait would close a circle, ended with their owner.

use std::time::Duration;

use super::{Incoming, LockedShards, Mailbox, Recipient, Shared, find, hash, outcome};
use crate::error::CycleStep;
use crate::machine::{
    Effect, Effects, Leave, Link, Origin, Owners, Placed, Target, WaitGraph, chain, leave, sort_and_dedup,
};
use crate::port::Settled;
use crate::signature::{OwnerName, OwnerTag, Signature};
use crate::sync::{Arc, MutexGuard};
use crate::{Error, Ticket};

/// The owner of a request that comes in, if it has one: open as long as this lives.
pub(super) struct OpenOwner<'a>(Option<(u64, MutexGuard<'a, Owners<Recipient>>)>);

impl OpenOwner<'_> {
    pub(super) fn add(&mut self, request: Ticket) {
        if let Some((number, owners)) = &mut self.0 {
            owners.add(*number, request);
        }
    }
}

impl Shared {
    /// A new owner.
    pub(crate) fn open_owner(&self, origin: Origin, label: Option<Arc<str>>) -> OwnerTag {
        let name = |number| OwnerName { id: self.owner_id(number).into(), label };
        self.owners.lock().open(origin, name)
    }

    /// The number of the owner with this id, open or closed; `None` when no owner of this space ever had it.
    pub(super) fn number_of(&self, owners: &Owners<Recipient>, id: &str) -> Option<u64> {
        let (_, number) = id.rsplit_once('-')?;
        let number = number.parse().ok().filter(|&number| owners.was_given(number))?;
        // Compared as it is written: a number can be read from other texts too.
        (self.owner_id(number) == id).then_some(number)
    }

    fn owner_id(&self, number: u64) -> String {
        // The seed itself is not told: whoever knows it can choose keys that fall together.
        let life = hash(&self.seed, &crate::Key::from(self.epoch));
        format!("{life:016x}-{number}")
    }

    /// Nobody names an owner any more.
    pub(crate) fn let_owner_go(&self, number: u64) {
        self.owners.lock().let_go(number);
        // Nobody can take any more what is left there.
        self.close_inbox(number, None);
    }

    pub(crate) fn owner_is_open(&self, number: u64) -> bool {
        self.owners.lock().is_open(number)
    }

    /// Gives a request that has none an owner.
    pub(crate) fn adopt(&self, ticket: Ticket, owner: &OwnerTag) {
        let Some(home) = self.shards.get(ticket.shard() as usize) else { return };
        let (mut tables, parts) = self.lock_parts(home, ticket);
        for (table, &part) in tables.iter_mut().zip(&parts) {
            table.adopt(part, owner);
        }
        if !parts.is_empty() {
            self.owners.lock().add(owner.number, ticket);
        }
    }

    /// Ends an owner: its waits fail with `cancelled`, its grants are released. Answers how many of both.
    pub(crate) fn close_owner(&self, number: u64, own: Option<&Mailbox>) -> usize {
        let closed = self.owners.lock().close(number);
        let (requests, watchers) = closed.unwrap_or_default();
        let mut ended = 0;
        let (mut watchers, mut requests) = (watchers, Some(requests));
        let mut end = || {
            let requests = requests.take().unwrap_or_default();
            ended = self.end_requests(requests, Leave::Dismiss, Leave::Dismiss, own);
        };
        let mut close = || self.close_inbox(number, own);
        let mut tell = || {
            let tell = |watcher| outcome::tell_now(Some(watcher), own, |tag| Settled::Resumed { tag });
            outcome::in_turn(watchers.drain(..).map(|watcher| move || tell(watcher)));
        };
        let calls: [&mut dyn FnMut(); 3] = [&mut end, &mut close, &mut tell];
        outcome::in_turn(calls.into_iter().map(|call| move || call()));
        ended
    }

    /// Tells somebody, once, when an owner ends. Answers a number for it; `None` when it has ended.
    pub(crate) fn watch_owner(&self, number: u64, watcher: Recipient) -> Option<u64> {
        // What it does not keep is dropped once the owners are unlocked.
        let watched = self.owners.lock().watch(number, watcher);
        watched.ok()
    }

    /// Does not tell any more.
    pub(crate) fn unwatch_owner(&self, number: u64, watch: u64) {
        let watcher = self.owners.lock().unwatch(number, watch);
        drop(watcher);
    }

    /// Holds the owners of the space as long as a request of one of them joins, while its shards are locked.
    pub(super) fn owner_of(&self, incoming: &Incoming<'_>) -> Result<OpenOwner<'_>, Error> {
        let Some(number) = owner_number(incoming) else { return Ok(OpenOwner(None)) };
        let owners = self.owners.lock();
        match owners.is_open(number) {
            true => Ok(OpenOwner(Some((number, owners)))),
            false => Err(Error::cancelled()),
        }
    }

    /// Takes a request that waits out again, if its wait closes a circle (clause L12).
    pub(super) fn refuse_deadlock(&self, incoming: &Incoming<'_>, ticket: Ticket) -> Result<(), Error> {
        let Some(owner) = owner_number(incoming) else { return Ok(()) };
        while self.has_followers(owner, ticket) {
            let Some(links) = chain(&mut Graph(self), &[ticket], Target::Owner(owner)) else { return Ok(()) };
            if let Some(cycle) = self.take_out_of(&links, ticket) {
                return Err(Error::deadlock(cycle));
            }
            // A link was gone when it was looked at again.
        }
        Ok(())
    }

    /// Ends the wait of a request of an owner that is to wait no time at all, unless it was granted meanwhile.
    pub(super) fn end_wait(
        &self,
        incoming: &Incoming<'_>,
        ticket: Ticket,
        now: Option<Duration>,
    ) -> Result<Placed, Error> {
        let mut effects = Effects::new();
        if self.take_out(ticket, Leave::TimeOut(now), &mut effects).is_none() {
            let granted = self.claim(ticket).map(|grant| Placed { ticket, token: Some(grant.token) });
            return granted.ok_or_else(|| match owner_number(incoming) {
                Some(number) if !self.owner_is_open(number) => Error::cancelled(),
                _ => Error::closed(),
            });
        }
        let own = effects.iter().find_map(|effect| match effect {
            Effect::Failed { recipient: Recipient::Nobody, error } => Some(error.clone()),
            _ => None,
        });
        outcome::carry_out(self.shards[0].weak_space(), effects, None);
        Err(own.unwrap_or_else(Error::closed))
    }

    /// Whether anybody stands behind another request of the owner: no circle without it.
    fn has_followers(&self, owner: u64, ticket: Ticket) -> bool {
        let requests = self.owners.lock().requests(owner);
        requests.into_iter().filter(|&other| other != ticket).any(|other| {
            let (mut tables, parts) = self.lock_parts(self.shard(other), other);
            tables.iter_mut().zip(&parts).any(|(table, &part)| table.is_followed(part))
        })
    }

    /// Takes a request out, in one step with a second look at the circle that it closes. `None`, and nothing changed, when
    /// a link is gone.
    fn take_out_of(&self, links: &[Link], ticket: Ticket) -> Option<Vec<CycleStep>> {
        let parts = self.shard(ticket).lock_table().parts(ticket);
        let mut tables = self.lock_links(links, &parts);
        let cycle = steps(&mut tables, links)?;
        let own = |number: &usize| parts.iter().any(|part| part.shard() as usize == *number);
        let mut own_tables: Vec<_> =
            tables.iter_mut().filter(|(number, _)| own(number)).map(|(_, table)| &mut **table).collect();
        let mut effects = Effects::new();
        let left = leave(&mut own_tables, &parts, Leave::Cancel, &mut effects);
        drop(own_tables);
        drop(tables);
        if let Some(due) = left?.due {
            self.timers.remove(due);
        }
        outcome::carry_out(self.shards[0].weak_space(), effects, None);
        Some(cycle)
    }

    /// The steps of a chain, if all its links are there at one instant.
    pub(super) fn look_again(&self, links: &[Link]) -> Option<Vec<CycleStep>> {
        steps(&mut self.lock_links(links, &[]), links)
    }

    /// Locks the shards of a chain and of further parts: in ascending order, each once.
    fn lock_links(&self, links: &[Link], parts: &[Ticket]) -> LockedShards<'_> {
        let tickets = links.iter().map(|link| link.part).chain(parts.iter().copied());
        let mut numbers = tickets.map(|part| part.shard() as usize).collect();
        sort_and_dedup(&mut numbers);
        self.lock_all(&numbers)
    }
}

/// The steps of a chain whose tables are all locked. `None` when a link is gone.
fn steps(tables: &mut LockedShards<'_>, links: &[Link]) -> Option<Vec<CycleStep>> {
    let mut cycle = Vec::new();
    for link in links {
        let (_, table) = find(tables, link.part.shard() as usize)?;
        if !table.still(link) {
            return None;
        }
        let Signature { label, owner } = table.signature(link.part)?;
        cycle.push(CycleStep { owner: owner.map(|owner| owner.name), label, key: link.key.clone() });
    }
    Some(cycle)
}

pub(super) fn owner_number(incoming: &Incoming<'_>) -> Option<u64> {
    incoming.signature?.owner.as_ref().map(|owner| owner.number)
}

/// Looks at the requests of a space one after the other.
pub(super) struct Graph<'a>(pub(super) &'a Shared);

impl WaitGraph for Graph<'_> {
    fn blocking(&mut self, request: Ticket) -> Vec<Link> {
        let parts = self.0.shard(request).lock_table().parts(request);
        parts.iter().flat_map(|&part| self.0.shard(part).lock_table().blocking(part)).collect()
    }

    fn requests(&mut self, owner: u64) -> Vec<Ticket> {
        self.0.owners.lock().requests(owner)
    }
}
