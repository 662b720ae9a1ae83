//! What a shard keeps: usually nothing, or one holder in place; else a lock table.
//!
//! With thousands of shards a shard seldom has more than one key in use, and what costs is not the work but the memory
//! that it touches. So the usual holder, one that took a free key of a shard without any other, is noted in the shard
//! itself, and the lock table is made for the first who comes to stand beside or behind it ([`ShardTable::crowd`]). When
//! everybody has left that, the shard is as it was (clause L17).
//!
//! Invariants: while `crowded`, everything is in the crowd, the clock included; else the crowd is empty, if there is
//! one. The lone holder moves into an empty crowd, whose first queue gets place 0: so its ticket names that from the
//! beginning. Its number is the clock, since nothing else moves that meanwhile.

use super::joint::Joint;
use super::lock_table::SOLO;
use super::spanning::SpanningRef;
use super::{Claimed, Effects, LockTable, Origin, Recipient, Released};
use crate::{Key, Ticket};

/// A lone holder, or a lock table.
pub(crate) struct ShardTable<R> {
    shard: u32,
    /// A crowd that is empty is kept while it has room for so many requests at most.
    keeps: u16,
    crowded: bool,
    clock: u64,
    lone: Option<Lone>,
    crowd: Option<Box<LockTable<R>>>,
}

/// The only holder in a shard: one key, exclusive, claimed, without a label.
pub(super) struct Lone {
    pub(super) hash: u64,
    pub(super) key: Key,
    pub(super) origin: Origin,
    /// The shards of its parts, if it has keys in others too.
    pub(super) joint: Joint,
}

/// Answers what a lone holder shares with its parts in other shards, now that it gets a record: see [`Roused`](super::Roused).
pub(crate) type Share<'a> = &'a dyn Fn(Ticket, Joint) -> SpanningRef;

impl<R: Recipient> ShardTable<R> {
    /// Nobody holds, nobody waits. `keeps` is the room that stays when everybody has left, in requests.
    pub(crate) fn new(shard: u32, keeps: u16) -> ShardTable<R> {
        ShardTable { shard, keeps, crowded: false, clock: 0, lone: None, crowd: None }
    }

    /// Takes one key, exclusively, if that needs no waiting (clause L6); claims the grant.
    #[inline(always)]
    pub(crate) fn attempt_one(
        &mut self,
        hash: u64,
        key: &Key,
        origin: Origin,
        share: Share<'_>,
    ) -> Option<(Ticket, u64)> {
        if !self.crowded {
            match &self.lone {
                None => {
                    let token = self.clock + 1;
                    self.take_in(hash, key, origin, token, Joint::alone(self.shard));
                    return Some((self.lone_ticket(token), token));
                }
                Some(lone) if lone.hash == hash && lone.key == *key => return None,
                Some(_) => {}
            }
        }
        self.crowd(share).attempt_one(hash, key, super::Mode::Exclusive, origin, None).ok()
    }

    /// Releases a request that has all its keys here.
    #[inline]
    pub(crate) fn release(&mut self, ticket: Ticket, effects: &mut Effects<R>) -> Released {
        if !self.crowded {
            return match &self.lone {
                Some(lone) if ticket == self.lone_ticket(self.clock) => match lone.joint.is_alone() {
                    false => Released::Spans,
                    true => {
                        self.lone = None;
                        Released::Done
                    }
                },
                _ => Released::NotHeld,
            };
        }
        let Some(crowd) = &mut self.crowd else { return Released::NotHeld };
        let released = match crowd.release_solo(ticket) {
            true => Released::Done,
            false => crowd.release(ticket, effects),
        };
        self.settle();
        released
    }

    /// Whether there is a lock table in use.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Whether nobody holds and nobody waits.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        !self.crowded && self.lone.is_none()
    }

    /// The ticket of a lone holder with this number.
    #[inline]
    pub(super) fn lone_ticket(&self, number: u64) -> Ticket {
        Ticket::new(self.shard, SOLO, number)
    }

    /// Notes a lone holder, whose number, larger than the clock, is its token. The shard must be vacant.
    #[inline(always)]
    pub(super) fn take_in(&mut self, hash: u64, key: &Key, origin: Origin, token: u64, joint: Joint) {
        self.clock = token;
        self.lone = Some(Lone { hash, key: key.clone(), origin, joint });
    }

    /// The shards of a request, if this is the part of it that a ticket names, and its holder is lone.
    #[inline]
    pub(crate) fn lone_joint(&self, ticket: Ticket) -> Option<Joint> {
        self.lone.as_ref().filter(|_| ticket == self.lone_ticket(self.clock)).map(|lone| lone.joint)
    }

    /// Takes the lone holder out.
    #[inline]
    pub(super) fn take_out(&mut self) {
        self.lone = None;
    }

    /// The number of the shard.
    #[inline]
    pub(super) fn number(&self) -> u32 {
        self.shard
    }

    /// Whether a ticket names the lone holder. `None` when there is a crowd to ask.
    #[inline]
    pub(crate) fn is_lone(&self, ticket: Ticket) -> Option<bool> {
        (!self.crowded).then(|| self.lone.is_some() && ticket == self.lone_ticket(self.clock))
    }

    /// Whether the line of tokens is used up, so that nothing new may join.
    #[inline]
    pub(crate) fn exhausted(&self) -> bool {
        super::lock_table::exhausted(self.clock())
    }

    /// The largest number that a request, or a grant, was given here.
    #[inline]
    pub(crate) fn clock(&self) -> u64 {
        match &self.crowd {
            Some(crowd) if self.crowded => crowd.clock(),
            _ => self.clock,
        }
    }

    /// The lock table, made and given the lone holder if it has to be. Call [`settle`](ShardTable::settle) afterwards.
    #[inline]
    pub(crate) fn crowd(&mut self, share: Share<'_>) -> &mut LockTable<R> {
        if !self.crowded {
            self.gather(share);
        }
        self.crowd.get_or_insert_with(|| Box::new(LockTable::new(self.shard)))
    }

    #[cold]
    fn gather(&mut self, share: Share<'_>) {
        self.crowded = true;
        let crowd = self.crowd.get_or_insert_with(|| Box::new(LockTable::new(self.shard)));
        crowd.raise(self.clock);
        if let Some(lone) = self.lone.take() {
            let home = Ticket::new(lone.joint.home(), SOLO, self.clock);
            let span = (!lone.joint.is_alone()).then(|| share(home, lone.joint));
            crowd.admit_lone(lone, span);
        }
    }

    /// How many requests whose home is here there is something kept of.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let own = |lone: &&Lone| lone.joint.home() == self.shard;
        self.lone.iter().filter(own).count() + self.crowd.as_ref().map_or(0, |crowd| crowd.kept())
    }

    /// The lock table, if [`crowd`](ShardTable::crowd) has made it.
    #[inline]
    pub(crate) fn made_crowd(&self) -> Option<&LockTable<R>> {
        self.crowd.as_deref()
    }

    /// As `made_crowd`, to be changed.
    #[inline]
    pub(crate) fn made_crowd_mut(&mut self) -> Option<&mut LockTable<R>> {
        self.crowd.as_deref_mut()
    }

    /// Notes that the caller of a request that waited sees its grant. `None` says only that the lock table must be asked.
    #[inline]
    pub(crate) fn claim_told(&mut self, ticket: Ticket) -> Option<Claimed> {
        self.crowd.as_mut().filter(|_| self.crowded)?.claim_told(ticket)
    }

    /// Ends the crowd, if everybody has left it.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if let Some(crowd) = &self.crowd
            && self.crowded
            && crowd.is_empty()
        {
            self.clock = crowd.clock();
            self.crowded = false;
            if crowd.room() > usize::from(self.keeps) {
                self.crowd = None;
            }
        }
    }
}
