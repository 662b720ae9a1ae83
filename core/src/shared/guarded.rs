//! Guards that a commit names: held at the instant of the commit, or it is refused (clause C14).

use std::collections::BTreeMap;
use std::time::Duration;

use super::shard::Locked;
use super::{Recipient, Shared};
use crate::machine::{Parts, ShardTable, Standing, holds, sort_and_dedup};
use crate::sync::MutexGuard;
use crate::{Error, Key, Ticket};

/// A guard that a commit names.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// The grant; `None` when its guard was released or handed over, so that nothing can be held by it.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) token: u64,
    /// The keys that it must hold; else all that it was granted, except those that it released itself.
    pub(crate) keys: Option<Vec<Key>>,
    /// How often the grant had been handed over when its guard was named: once more, and it is another's. `None` where whoever
    /// names it has looked.
    pub(crate) handed: Option<u32>,
    /// The call that named it before, and was to be told of its loss: not told so far.
    pub(crate) call: Option<u64>,
}

/// The shards of guards, locked, so that none of them can be lost.
pub(super) enum Held<'a> {
    /// No guard was named.
    Nothing,
    /// The usual guard: alone in its shard.
    Lone { _table: MutexGuard<'a, ShardTable<Recipient>> },
    /// Any guards.
    Tables { _tables: BTreeMap<u32, Locked<'a>> },
}

impl Shared {
    /// Locks the shards of these guards, all of which are held.
    ///
    /// # Errors
    ///
    /// `fenced` for the first one that is not.
    #[inline]
    pub(super) fn lock_held(&self, demands: &[Demand], now: Option<Duration>) -> Result<Held<'_>, Error> {
        if demands.is_empty() { Ok(Held::Nothing) } else { self.lock_guards(demands, now) }
    }

    fn lock_guards(&self, demands: &[Demand], now: Option<Duration>) -> Result<Held<'_>, Error> {
        let tickets: Vec<Ticket> = demands.iter().map(|demand| self.named(demand)).collect::<Result<_, _>>()?;
        if let ([Demand { keys: None, token, call: None, .. }], &[ticket]) = (demands, &tickets[..]) {
            let table = self.shard(ticket).lock();
            match table.is_lone(ticket) {
                Some(true) => return Ok(Held::Lone { _table: table }),
                Some(false) => return Err(Error::fenced(*token)),
                None => {}
            }
        }
        let mut tables = self.lock_all_parts(demands, &tickets);
        for (demand, &ticket) in demands.iter().zip(&tickets) {
            if !stands(&mut tables, demand, ticket, now) {
                return Err(Error::fenced(demand.token));
            }
        }
        Ok(Held::Tables { _tables: tables })
    }

    fn named(&self, demand: &Demand) -> Result<Ticket, Error> {
        let known = |ticket: &Ticket| (ticket.shard() as usize) < self.shards.len();
        demand.ticket.filter(known).ok_or_else(|| Error::fenced(demand.token))
    }

    /// Locks, in ascending order, the shard of each grant, and the other shards of one whose keys are asked about.
    fn lock_all_parts(&self, demands: &[Demand], tickets: &[Ticket]) -> BTreeMap<u32, Locked<'_>> {
        let mut needed: Vec<u32> = tickets.iter().map(|ticket| ticket.shard()).collect();
        loop {
            sort_and_dedup(&mut needed);
            let mut tables: BTreeMap<u32, Locked<'_>> =
                needed.iter().map(|&number| (number, self.shards[number as usize].lock_table())).collect();
            let asked = demands.iter().zip(tickets).filter(|(demand, _)| demand.keys.is_some());
            let before = needed.len();
            for (_, &ticket) in asked {
                let parts = parts(&mut tables, ticket);
                needed.extend(parts.iter().map(|part| part.shard()).filter(|shard| !tables.contains_key(shard)));
            }
            if needed.len() == before {
                return tables;
            }
            // Unlocked before the next round: locks are taken in ascending order.
        }
    }
}

fn parts(tables: &mut BTreeMap<u32, Locked<'_>>, ticket: Ticket) -> Parts {
    tables.get_mut(&ticket.shard()).map(|home| home.parts(ticket)).unwrap_or_default()
}

/// Whether a grant holds what is demanded of it.
fn stands(tables: &mut BTreeMap<u32, Locked<'_>>, demand: &Demand, ticket: Ticket, now: Option<Duration>) -> bool {
    let Some(home) = tables.get_mut(&ticket.shard()) else { return false };
    if !matches!(home.standing(ticket), Standing::Granted) || home.is_lost(ticket) {
        return false;
    }
    if demand.handed.is_some_and(|times| home.times_handed(ticket) != times) {
        return false;
    }
    if demand.call.is_some_and(|call| !home.is_watched_by(ticket, call)) {
        return false;
    }
    // Asked before the time that ends it was told: decided at the asking (clause B5).
    if home.end(ticket).zip(now).is_some_and(|(end, now)| end <= now) {
        return false;
    }
    let Some(keys) = &demand.keys else { return true };
    let parts = parts(tables, ticket);
    // Taken out for the look and put back, still locked.
    let mut concerned: Vec<Locked<'_>> = parts.iter().filter_map(|part| tables.remove(&part.shard())).collect();
    let stands = holds(&mut concerned, &parts, keys);
    tables.extend(parts.iter().map(|part| part.shard()).zip(concerned));
    stands
}
