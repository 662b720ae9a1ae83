//! The shards of a space, each a mutex around a lock table, and what is done once they are unlocked.
//!
//! This room alone owns mutexes. It never wakes, drops a caller's value or runs a caller's code while one is locked:
//! an operation locks, changes the tables, collects the effects, unlocks, and then carries them out.
//!
//! **Order of locks.** Each only after those above it, and of one line only one at a time:
//!
//! 1. the attempt of a transaction
//! 2. shards of locks, in ascending order
//! 3. shards of cells, in ascending order
//! 4. what lone holders share, the owners, the deadlines, the index of all keys, the prefixes that are watched, the watchers
//!
//! Every other mutex is locked with nothing else: mailboxes, inboxes, alarms, the handles and their ports, the drivers, what a
//! watcher waits for, the callbacks and the driver of a call, the names of spaces, the token of the turn of a space.
//!
//! Nothing that every operation writes is common to two shards: a guard counts its reference on its shard.

mod alarms;
mod at_once;
mod cells;
mod enclosed;
mod entries;
mod guarded;
mod hand_over;
mod handle;
#[cfg(test)]
pub(crate) mod late;
mod limits;
mod lost;
mod mailbox;
mod names;
mod outcome;
mod owned;
mod query;
mod shard;
mod standing;
mod timers;

use std::time::Duration;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

pub(crate) use self::alarms::{Alarm, Alarms};
pub(crate) use self::at_once::{Granted, at_once};
pub(crate) use self::cells::{Aftermath, Cells, Checked, Keeper, Loose, Sleep, Stored, Subscription, Watched};
pub(crate) use self::enclosed::{Access, Enclosed};
pub(crate) use self::entries::Entries;
pub(crate) use self::guarded::Demand;
pub(crate) use self::hand_over::{Handed, Inboxes, Payload};
pub(crate) use self::handle::Handle;
pub(crate) use self::limits::Limits;
pub(crate) use self::mailbox::{Mailbox, Recipient};
pub(crate) use self::names::Names;
pub(crate) use self::outcome::in_turn;
pub(crate) use self::shard::Shard;
use self::shard::{Common, Locked};
pub(crate) use self::timers::Timers;

use crate::machine::{
    Arrival, Effect, Effects, Errand, Leave, Left, MaxHold, Origin, Owners, Parts, Placed, Released, hash, leave,
    sort_and_dedup, spanning,
};
use crate::port::{Confirmed, Settled};
use crate::signature::Signature;
use crate::sync::{Arc, AtomicU32, AtomicU64, Mutex, Ordering, Weak};
use crate::{Clock, Error, Grant, Key, Ticket};

type Tables<'a> = SmallVec<[Locked<'a>; 1]>;

/// Shards by number, in ascending order.
type LockedShards<'a> = Vec<(usize, Locked<'a>)>;

/// A space whose locks are all released keeps room for so many requests, spread over its shards.
const KEPT: u32 = 1024;

/// Where there is no operating system and no atomic memory there is one thread: more than one shard is of no use, and the
/// code for several is left out.
const ONE_SHARD: bool = cfg!(all(target_os = "unknown", not(target_feature = "atomics")));

/// What the maker of a space says about it, for whoever opens it.
pub(crate) type Meta = Arc<dyn std::any::Any + Send + Sync>;

/// Options of a host language, by their names: openings of one name agree on them.
pub(crate) type HostOptions = std::collections::BTreeMap<&'static str, Box<str>>;

/// What a space is made of.
pub(crate) struct Settings {
    pub(crate) shards: usize,
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) clock: Option<Box<dyn Clock>>,
    pub(crate) limits: Limits,
    pub(crate) meta: Option<Meta>,
    pub(crate) host_options: HostOptions,
    pub(crate) cells: Arc<dyn Keeper>,
}

/// Everything that the handles of a space share.
pub(crate) struct Shared {
    shards: Box<[Arc<Shard>]>,
    seed: FixedState,
    clock: Option<Box<dyn Clock>>,
    timers: Timers,
    limits: Limits,
    meta: Option<Meta>,
    host_options: HostOptions,
    /// Of whatever type the values are: the handles know.
    cells: Arc<dyn Keeper>,
    epoch: u64,
    /// The last number given to a request that waits.
    last_order: AtomicU64,
    /// The last one given to a handle or a port.
    last_origin: AtomicU64,
    open_handles: AtomicU32,
    handles: Mutex<Vec<(Origin, Weak<Handle>)>>,
    owners: Mutex<Owners<Recipient>>,
    inboxes: Mutex<Inboxes>,
    alarms: Mutex<Alarms>,
}

/// A request on its way into the tables.
pub(crate) struct Incoming<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) origin: Origin,
    pub(crate) entries: &'a Entries,
    pub(crate) signature: Option<&'a Signature>,
    pub(crate) max_hold: Option<MaxHold>,
}

impl Incoming<'_> {
    fn arrival(&self, order: u64, joined: Option<Duration>, deadline: Option<Duration>) -> Arrival<'_> {
        let Incoming { origin, signature, max_hold, .. } = *self;
        Arrival { origin, signature, order, joined, deadline, max_hold }
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Arc<Shared> {
        let Settings { shards, seed, epoch, clock, limits, meta, host_options, cells } = settings;
        let count = if ONE_SHARD { 1 } else { shards.max(1).next_power_of_two() as u32 };
        let keeps = (KEPT / count) as u16;
        let shards = |common: Arc<Common>| (0..count).map(move |number| Shard::new(number, keeps, common.clone()));
        Arc::new_cyclic(|space| Shared {
            shards: shards(Common::new(space.clone())).collect(),
            seed: FixedState::with_seed(seed),
            clock,
            timers: Timers::default(),
            limits,
            meta,
            host_options,
            cells,
            epoch,
            last_order: AtomicU64::new(0),
            last_origin: AtomicU64::new(0),
            open_handles: AtomicU32::new(0),
            handles: Mutex::default(),
            owners: Mutex::default(),
            inboxes: Mutex::default(),
            alarms: Mutex::default(),
        })
    }

    pub(crate) fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }

    /// The cells, if they hold values of this type.
    pub(crate) fn cells<V: Send + Sync + 'static>(&self) -> Option<Arc<Cells<V>>> {
        self.cells.clone().into_any().downcast().ok()
    }

    pub(crate) fn host_options(&self) -> &HostOptions {
        &self.host_options
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn shard(&self, ticket: Ticket) -> &Arc<Shard> {
        &self.shards[ticket.shard() as usize]
    }

    /// Where the time comes from.
    pub(crate) fn clock(&self) -> Option<&dyn Clock> {
        self.clock.as_deref()
    }

    /// The time, where the space has a clock. Runs the caller's code: never while a shard is locked.
    pub(crate) fn now(&self) -> Option<Duration> {
        self.clock().map(Clock::now)
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Takes all keys if that needs no waiting (clause L6).
    pub(crate) fn attempt(&self, incoming: &Incoming<'_>) -> Result<Option<Grant>, Error> {
        match self.attempt_as_told(incoming)? {
            None if self.end_overdue() => self.attempt_as_told(incoming),
            granted => Ok(granted),
        }
    }

    /// As `attempt`, where a grant lasts until its end is told.
    fn attempt_as_told(&self, incoming: &Incoming<'_>) -> Result<Option<Grant>, Error> {
        let mut tables = self.lock_for(incoming)?;
        let mut owner = self.owner_of(incoming)?;
        if ONE_SHARD || tables.len() == 1 {
            let granted = tables[0].attempt(incoming.entries.all(), incoming.origin, incoming.signature);
            if let Some((ticket, _)) = granted {
                owner.add(ticket);
            }
            drop(owner);
            drop(tables);
            let placed = granted.map(|(ticket, token)| Placed { ticket, token: Some(token) });
            return Ok(placed.and_then(|placed| self.placed(incoming, placed)));
        }
        let groups = incoming.entries.groups(self.mask());
        if !spanning::admits(&tables, &groups) {
            return Ok(None);
        }
        let arrival = incoming.arrival(0, None, None);
        let (placed, _nobody) = spanning::join(&mut tables, &groups, arrival, Recipient::Nobody);
        owner.add(placed.ticket);
        drop(owner);
        drop(tables);
        Ok(self.placed(incoming, placed))
    }

    /// Takes all keys if that needs no waiting.
    ///
    /// # Errors
    ///
    /// `timeout` when it would have to wait (clause L8); before that `deadlock`, if it would wait for ever.
    pub(crate) fn join_or_time_out(&self, incoming: &Incoming<'_>) -> Result<Placed, Error> {
        let mut effects = Effects::new();
        // It waits no time at all, where time can be told.
        let now = self.clock().map(|_| Duration::ZERO);
        let mut tables = self.lock_for(incoming)?;
        // Joining and leaving again at the end of the line disturbs nobody.
        let mut owner = self.owner_of(incoming)?;
        let arrival = incoming.arrival(0, now, None);
        let (placed, _nobody) = self.join_tables(&mut tables, incoming, arrival, Recipient::Nobody);
        owner.add(placed.ticket);
        drop(owner);
        if placed.token.is_some() {
            drop(tables);
            self.placed(incoming, placed);
            return Ok(placed);
        }
        if owned::owner_number(incoming).is_some() {
            drop(tables);
            self.refuse_deadlock(incoming, placed.ticket)?;
            return self.end_wait(incoming, placed.ticket, now);
        }
        let parts = tables[0].parts(placed.ticket);
        leave(&mut tables, &parts, Leave::TimeOut(now), &mut effects);
        drop(tables);
        let mut answer = Err(Error::closed());
        for effect in effects.into_all() {
            if let Effect::Failed { error, .. } = effect {
                answer = Err(error);
            }
        }
        answer
    }

    /// Joins the queues of all keys in one step (clause L1), with a deadline if one is given. Whoever gives one calls
    /// [`Timers::wake_if_sooner`] once the request has its owner.
    pub(crate) fn join(
        &self,
        incoming: &Incoming<'_>,
        recipient: Recipient,
        joined: Option<Duration>,
        deadline: Option<Duration>,
    ) -> Result<Placed, Error> {
        let mut tables = self.lock_for(incoming)?;
        let mut owner = self.owner_of(incoming)?;
        let recipient = match self.find_place(&tables, incoming, recipient) {
            Ok(recipient) => recipient,
            Err((error, unused)) => {
                drop(owner);
                drop(tables);
                drop(unused);
                return Err(error);
            }
        };
        let order = self.next_order();
        let arrival = incoming.arrival(order, joined, deadline);
        let (placed, unused) = self.join_tables(&mut tables, incoming, arrival, recipient);
        owner.add(placed.ticket);
        drop(owner);
        if let (None, Some(at)) = (placed.token, deadline) {
            // Noted while the shards are locked, so that whoever settles the request finds it.
            self.timers.insert((at, order), placed.ticket);
        }
        drop(tables);
        drop(unused);
        self.placed(incoming, placed);
        if placed.token.is_none() {
            self.refuse_deadlock(incoming, placed.ticket)?;
        }
        Ok(placed)
    }

    /// What was granted at once, its time begun. An end that is given is for whoever asks to [set](Shared::end_hold_at): that
    /// runs code of callers, and only who knows of a grant can give it back where that panics.
    fn placed(&self, incoming: &Incoming<'_>, placed: Placed) -> Option<Grant> {
        let grant = at_once((placed.ticket, placed.token?));
        if let Some(max_hold @ MaxHold::For(_)) = incoming.max_hold {
            self.limit_hold(grant.ticket, max_hold);
        }
        Some(grant)
    }

    /// Does what a grant brings with it once everything is unlocked: forgets the end of the wait, begins its time.
    fn granted(&self, ticket: Ticket) {
        let (due, max_hold) = self.shard(ticket).lock_table().begin(ticket);
        if let Some(due) = due {
            self.timers.remove(due);
        }
        if let Some(max_hold) = max_hold {
            self.limit_hold(ticket, max_hold);
        }
    }

    /// Taken under the locks, so that requests that share a key get it in the order in which they stand there.
    fn next_order(&self) -> u64 {
        self.last_order.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Releases a grant. Answers whether it was held. What that settles for `own` is put into it without a wake.
    pub(crate) fn release(&self, ticket: Ticket, own: Option<&Mailbox>) -> bool {
        self.released(ticket, own, |home| home.release(ticket, own))
    }

    /// Releases a grant, and appends what is settled for `own` to `into`. Answers whether it was held, and who has its keys
    /// now and was told that by nobody else.
    #[inline]
    pub(crate) fn release_into(
        &self,
        ticket: Ticket,
        own: &Mailbox,
        into: &mut Vec<Settled>,
    ) -> (bool, Option<Confirmed>) {
        let mut next = None;
        let released = self.released(ticket, Some(own), |home| {
            let (released, confirmed) = home.release_to(ticket, own);
            next = confirmed;
            released
        });
        if own.is_filled() {
            own.take(into);
        }
        (released, next)
    }

    /// Takes a request out of all its queues. `None`, and nothing changed, when it does not stand as `why` demands.
    /// What that settles for `own` is put into it without a wake.
    pub(crate) fn leave(&self, ticket: Ticket, why: Leave, own: Option<&Mailbox>) -> Option<Left> {
        let mut effects = Effects::new();
        let left = self.take_out(ticket, why, &mut effects);
        if !effects.is_empty() {
            outcome::carry_out(self.shards[0].weak_space(), effects, own);
        }
        left
    }

    /// Tells every request that is due that its time is over, and whoever watches a cell that has expired (clause B5).
    pub(crate) fn tick(&self, own: Option<&Mailbox>) {
        let Some(now) = self.now() else { return };
        while let Some((due, errand)) = self.timers.pop_due(now) {
            match errand {
                Errand::Sweep(shard) => self.cells.sweep(self, shard, now, own),
                Errand::Alarm(number) => self.ring(number, own),
                Errand::TimeOut(ticket) => {
                    self.leave(ticket, Leave::TimeOut(Some(now)), own);
                }
                Errand::End(ticket) => self.end_hold(ticket, due, own),
            }
        }
    }

    pub(crate) fn entries(&self, spec: &crate::LockSpec) -> Result<Entries, Error> {
        if spec.owner_ref().is_some_and(|owner| !owner.belongs_to(self)) {
            return Err(Error::invalid("owner", "is of another space"));
        }
        Entries::of_spec(spec, &self.seed, self.mask())
    }

    /// The entries of keys that are wanted exclusively.
    pub(crate) fn entries_of(&self, keys: &[Key]) -> Result<Entries, Error> {
        keys.iter().try_for_each(Key::check)?;
        Ok(Entries::of_keys(keys, &self.seed, self.mask()))
    }

    /// The entries of the turn of some cells, or of the whole space.
    pub(crate) fn entries_of_turn(&self, cells: Option<&[Key]>) -> Entries {
        Entries::of_turn(cells, &self.seed, self.mask())
    }

    pub(crate) fn hash_of(&self, key: &Key) -> u64 {
        hash(&self.seed, key)
    }

    /// Whether a request has keys in several shards.
    pub(crate) fn spans(&self, entries: &Entries) -> bool {
        !ONE_SHARD && entries.all().len() > 1 && entries.groups(self.mask()).len() > 1
    }

    /// Which bits of a number name a shard.
    fn mask(&self) -> usize {
        if ONE_SHARD { 0 } else { self.shards.len() - 1 }
    }

    #[inline]
    fn released(&self, ticket: Ticket, own: Option<&Mailbox>, at_home: impl FnOnce(&Shard) -> Released) -> bool {
        let Some(home) = self.shards.get(ticket.shard() as usize) else {
            return false;
        };
        match at_home(home) {
            Released::Done => true,
            Released::Spans if self.release_lone(ticket) => true,
            Released::Spans => self.leave(ticket, Leave::Release, own).is_some_and(|left| left.held),
            Released::Ends => {
                self.end_overdue();
                self.leave(ticket, Leave::Release, own).is_some_and(|left| left.held)
            }
            Released::NotHeld => false,
        }
    }

    /// Locks the shards of a request that comes in, and refuses it when its handle is closed. Checked under the locks:
    /// whoever closes goes through all shards afterwards, and so finds what joined before.
    fn lock_for(&self, incoming: &Incoming<'_>) -> Result<Tables<'_>, Error> {
        let tables = self.lock_shards(incoming.entries);
        if incoming.handle.is_closed() || tables.iter().any(|table| table.exhausted()) {
            return Err(Error::closed());
        }
        Ok(tables)
    }

    fn lock_shards(&self, entries: &Entries) -> Tables<'_> {
        match entries.all() {
            _ if self.mask() == 0 => SmallVec::from_buf([self.shards[0].lock_table()]),
            [] => SmallVec::from_buf([self.shards[0].lock_table()]),
            [entry] => SmallVec::from_buf([self.shards[Entries::shard(entry.hash, self.mask())].lock_table()]),
            _ => {
                let groups = entries.groups(self.mask());
                let shards = groups.iter().map(|group| Entries::shard(group[0].hash, self.mask()));
                shards.map(|shard| self.shards[shard].lock_table()).collect()
            }
        }
    }

    /// Locks the shards of these keys, and all those in which a request for one of them has a part: else such a request
    /// could be granted while it is looked at.
    fn lock_around(&self, entries: &Entries) -> LockedShards<'_> {
        let mut needed: Vec<usize> =
            entries.all().iter().map(|entry| Entries::shard(entry.hash, self.mask())).collect();
        loop {
            sort_and_dedup(&mut needed);
            let tables = self.lock_all(&needed);
            if ONE_SHARD {
                return tables;
            }
            let mut spanned = Vec::new();
            for (number, table) in &tables {
                let here = entries.all().iter().filter(|entry| Entries::shard(entry.hash, self.mask()) == *number);
                here.for_each(|entry| table.spanned(entry.hash, &entry.key, &mut spanned));
            }
            spanned.retain(|number| needed.binary_search(number).is_err());
            if spanned.is_empty() {
                return tables;
            }
            needed.append(&mut spanned);
            // Unlocked before the next round: locks are taken in ascending order.
        }
    }

    /// Locks these shards, which are in ascending order.
    fn lock_all(&self, numbers: &[usize]) -> LockedShards<'_> {
        numbers.iter().map(|&number| (number, self.shards[number].lock_table())).collect()
    }

    /// Locks all shards in which a request has a part; home is the first of them.
    fn lock_parts<'a>(&'a self, home: &'a Shard, ticket: Ticket) -> (Tables<'a>, Parts) {
        let mut first = home.lock_table();
        let parts = first.parts(ticket);
        let mut tables: Tables<'a> = SmallVec::from_buf([first]);
        if !ONE_SHARD {
            tables.extend(parts.iter().skip(1).map(|part| self.shards[part.shard() as usize].lock_table()));
        }
        (tables, parts)
    }

    fn join_tables(
        &self,
        tables: &mut Tables<'_>,
        incoming: &Incoming<'_>,
        arrival: Arrival<'_>,
        recipient: Recipient,
    ) -> (Placed, Option<Recipient>) {
        if ONE_SHARD || tables.len() == 1 {
            return tables[0].join(incoming.entries.all(), arrival, recipient);
        }
        spanning::join(tables, &incoming.entries.groups(self.mask()), arrival, recipient)
    }

    /// Takes a request out of all its queues, and tells nobody yet.
    fn take_out(&self, ticket: Ticket, why: Leave, effects: &mut Effects<Recipient>) -> Option<Left> {
        let home = self.shards.get(ticket.shard() as usize)?;
        let left = {
            let (mut tables, parts) = self.lock_parts(home, ticket);
            leave(&mut tables, &parts, why, effects)
        }?;
        if let Some(due) = left.due {
            self.timers.remove(due);
        }
        Some(left)
    }
}

/// One of the shards that are locked.
fn find<'t, 'l>(tables: &'t mut LockedShards<'l>, number: usize) -> Option<&'t mut (usize, Locked<'l>)> {
    tables.iter_mut().find(|(other, _)| *other == number)
}
