//! What calls ask of the in-memory engine, beside the operations that everybody has: reads that fit together, commits that
//! respect turns, and the turns themselves.

use std::borrow::Cow;
use std::time::Duration;

use super::MemoryCells;
use crate::commit::Write;
use crate::entry::Told;
use crate::machine::{Doom, Leave, MaxHold, Origin, Rank};
use crate::shared::{Aftermath, Alarm, Checked, Demand, Incoming, Mailbox, Recipient, Sleep, Stored};
use crate::signature::Signature;
use crate::{Entry, Error, Key, Owner, Scan, Ticket};

/// A turn of a call: in the queue, or granted.
pub(crate) struct Queued {
    pub(crate) ticket: Ticket,
    /// Its fencing token, once it is granted.
    pub(crate) token: Option<u64>,
    /// Its cells, as the space knows them; `None` for the whole space.
    pub(crate) cells: Option<Vec<Key>>,
    /// The number by which the call is known beside its cells.
    pub(crate) call: u64,
}

impl Queued {
    pub(crate) fn rank(&self) -> Rank {
        if self.cells.is_some() { Rank::Cells } else { Rank::Space }
    }
}

/// A call that is noted beside the cells whose turn it asks for. Dropped before it stays, it is forgotten there.
struct Noted<'a, V: Send + Sync + 'static> {
    engine: &'a MemoryCells<V>,
    cells: Option<Vec<Key>>,
    call: u64,
    stays: bool,
}

impl<V: Send + Sync + 'static> Noted<'_, V> {
    fn new(engine: &MemoryCells<V>, cells: Option<Vec<Key>>) -> Noted<'_, V> {
        let call = engine.cells.number_call();
        match &cells {
            Some(cells) => engine.cells.queue_for_turn(engine.shared(), cells),
            None => engine.cells.queue_for_space(),
        }
        Noted { engine, cells, call, stays: false }
    }

    fn stay(&mut self) -> Option<Vec<Key>> {
        self.stays = true;
        self.cells.take()
    }
}

impl<V: Send + Sync + 'static> Drop for Noted<'_, V> {
    fn drop(&mut self) {
        if !self.stays {
            self.engine.forget(self.cells.as_deref(), self.call);
        }
    }
}

impl<V: Send + Sync + 'static> MemoryCells<V> {
    /// A key as the space knows it.
    ///
    /// # Errors
    ///
    /// `invalid`.
    #[inline]
    pub(crate) fn known<'k>(&self, key: &'k Key) -> Result<Cow<'k, Key>, Error> {
        let key = self.placed(key);
        key.check()?;
        Ok(key)
    }

    /// A key as the space knows it, not checked yet.
    #[inline]
    pub(crate) fn placed<'k>(&self, key: &'k Key) -> Cow<'k, Key> {
        match self.within_ref() {
            None => Cow::Borrowed(key),
            Some(place) => Cow::Owned(place.wrap(key)),
        }
    }

    /// A cell as the handle names it.
    pub(crate) fn named<T>(&self, entry: Entry<T>) -> Entry<T> {
        match self.within_ref() {
            None => entry,
            Some(place) => place.entry(entry),
        }
    }

    /// An error as the handle tells it.
    pub(crate) fn told(&self, error: Error) -> Error {
        match self.within_ref() {
            None => error,
            Some(place) => place.error(error),
        }
    }

    /// A scan as the space knows it.
    pub(crate) fn known_scan(&self, scan: &Scan) -> Result<Scan, Error> {
        Ok(Scan { range: self.range(&scan.range)?.into_owned(), ..*scan })
    }

    /// Of a key that is known.
    pub(crate) fn hash_of(&self, key: &Key) -> u64 {
        self.shared().hash_of(key)
    }

    /// The time for a read. Runs the caller's code.
    pub(crate) fn time(&self) -> Duration {
        self.cells.time(self.shared())
    }

    /// The time, where the space has a clock. Runs the caller's code.
    pub(crate) fn clock_time(&self) -> Option<Duration> {
        self.shared().now()
    }

    pub(crate) fn has_clock(&self) -> bool {
        self.shared().clock().is_some()
    }

    /// A cell as it is now, and whether any call waits for its turn or has it. The key is known.
    pub(crate) fn peek(&self, key: &Key) -> Result<(Told<Stored<V>>, bool), Error> {
        self.check_open()?;
        Ok(self.cells.peek(self.shared(), key))
    }

    /// Writes a cell that is as expected. The key is known.
    pub(crate) fn exchange(
        &self,
        key: &Key,
        (expected, write): (u64, Write<V>),
        (call, guards): (u64, &[Demand]),
        own: Option<&Mailbox>,
    ) -> Result<Result<u64, Doom>, Error> {
        let handle = &self.locks.handle;
        self.cells.exchange(self.shared(), handle, key, (expected, write), (call, guards), own)
    }

    pub(crate) fn check_guards(&self, guards: &[Demand]) -> Result<(), Error> {
        self.cells.check_guards(self.shared(), guards)
    }

    /// Reads a cell for an attempt, which has it there among those that it touched, if it has. The key is known.
    #[inline]
    pub(crate) fn read_checked(
        &self,
        attempt: &mut Checked<V>,
        key: (u64, &Key),
        at: Option<usize>,
        now: Duration,
    ) -> Result<Told<Stored<V>>, Error> {
        self.cells.read_checked(self.shared(), attempt, key, at, now)
    }

    /// Reads cells for an attempt, at one instant. The keys are known.
    pub(crate) fn read_together(
        &self,
        attempt: &mut Checked<V>,
        keys: &[(u64, &Key)],
        now: Duration,
    ) -> Result<Vec<Told<Stored<V>>>, Doom> {
        self.cells.read_again(self.shared(), attempt, keys, now)
    }

    pub(crate) fn list_checked(
        &self,
        attempt: &mut Checked<V>,
        scan: &Scan,
        now: Duration,
    ) -> Result<Vec<Entry<Stored<V>>>, Doom> {
        self.cells.list_checked(self.shared(), attempt, scan, now)
    }

    /// The time for a commit. Runs the caller's code.
    pub(crate) fn commit_time(&self, guards: &[Demand]) -> Duration {
        self.cells.commit_time(self.shared(), guards)
    }

    /// Commits an attempt. What follows is to be [carried out](MemoryCells::carry_out) once everything is unlocked.
    pub(crate) fn commit_checked(
        &self,
        attempt: &mut Checked<V>,
        by: (u64, &[Demand], Duration),
        after: &mut Aftermath<V>,
    ) -> Result<Result<u64, Doom>, Error> {
        self.cells.commit_checked(self.shared(), &self.locks.handle, attempt, by, after)
    }

    /// Does what follows from a change of cells. Runs the caller's code.
    pub(crate) fn carry_out(&self, after: Aftermath<V>, own: Option<&Mailbox>) {
        after.carry_out(self.shared(), own);
    }

    /// Cells that are to expire some time.
    pub(crate) fn will_expire(&self) -> Result<(), Error> {
        self.cells.will_expire(self.shared())
    }

    pub(crate) fn sleep(&self, attempt: &mut Checked<V>, recipient: Recipient) -> Result<Sleep, Doom> {
        let now = self.time();
        self.cells.sleep(self.shared(), attempt, recipient, now)
    }

    pub(crate) fn has_changed(&self, sleep: &Sleep, recipient: Recipient) -> bool {
        self.cells.has_changed(self.shared(), sleep, recipient, || self.time())
    }

    pub(crate) fn end_sleep(&self, sleep: Sleep) {
        self.cells.end_sleep(self.shared(), sleep);
    }

    /// Queues for the turn of some cells, or of the whole space. `at_once`: refuses to wait. `end`: when the wait is over, and the
    /// turn of one that has waited; of one that is granted at once the caller says so ([`tie`](MemoryCells::tie)).
    ///
    /// # Errors
    ///
    /// Those of a request for a lock.
    pub(crate) fn queue(
        &self,
        cells: Option<Vec<Key>>,
        (origin, signature): (Origin, &Signature),
        recipient: Recipient,
        (end, at_once): (Option<Duration>, bool),
    ) -> Result<Queued, Error> {
        let shared = self.shared();
        // A turn that is over is the next one's for whoever asks (clause B5).
        shared.end_overdue();
        // Not while it is noted: the clock is the caller's.
        let now = if at_once { None } else { shared.now() };
        // Beside the cells first, so that whoever begins after this call finds a queue.
        let mut noted = Noted::new(self, cells);
        let (cells, call) = (&noted.cells, noted.call);
        let entries = shared.entries_of_turn(cells.as_deref());
        let signature = Some(signature).filter(|signature| !signature.is_empty());
        let max_hold = end.map(MaxHold::Until);
        let incoming = Incoming { handle: &self.locks.handle, origin, entries: &entries, signature, max_hold };
        let placed = match at_once {
            true => shared.join_or_time_out(&incoming),
            false => shared.join(&incoming, recipient, now, end),
        }?;
        let turn = Queued { ticket: placed.ticket, token: placed.token, cells: noted.stay(), call };
        if turn.token.is_some() {
            self.enter(&turn);
        }
        Ok(turn)
    }

    /// Asks whether a turn is granted, and puts it in force then: unless it was taken away meanwhile, and is the next one's.
    pub(crate) fn ask_for(&self, turn: &mut Queued, waker: &std::task::Waker) -> Option<Result<(), Error>> {
        let outcome = self.shared().poll(&self.locks.handle, turn.ticket, waker)?;
        Some(outcome.and_then(|grant| {
            turn.token = Some(grant.token);
            if !self.holds(turn.ticket) {
                return Err(Error::turn_lost(grant.token));
            }
            self.enter(turn);
            Ok(())
        }))
    }

    /// Lets a wait for a turn time out now, unless it was granted meanwhile.
    pub(crate) fn time_out(&self, turn: &Queued, now: Option<Duration>, own: Option<&Mailbox>) {
        self.shared().leave(turn.ticket, Leave::TimeOut(now), own);
    }

    /// Gives a turn back, or leaves its queue.
    pub(crate) fn give_back(&self, turn: Queued, own: Option<&Mailbox>) {
        self.forget(turn.cells.as_deref(), turn.call);
        match turn.token {
            Some(_) => {
                self.shared().release(turn.ticket, own);
            }
            None => {
                self.shared().leave(turn.ticket, Leave::Cancel, own);
            }
        }
    }

    fn enter(&self, turn: &Queued) {
        let Some(token) = turn.token else { return };
        match &turn.cells {
            Some(cells) => self.cells.enter_turn(self.shared(), cells, (turn.call, token)),
            None => self.cells.enter_space(self.shared(), (turn.call, token)),
        }
    }

    fn forget(&self, cells: Option<&[Key]>, call: u64) {
        match cells {
            Some(cells) => self.cells.leave_turn(self.shared(), cells, call),
            None => self.cells.leave_space(call),
        }
    }

    /// Whether a grant still stands.
    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        self.shared().held(ticket)
    }

    /// Tells somebody when a grant is lost.
    pub(crate) fn watch_lost(&self, ticket: Ticket, recipient: Recipient) -> bool {
        self.shared().watch_lost(ticket, recipient)
    }

    /// Begins to tell a call of the loss of a guard that it names.
    ///
    /// # Errors
    ///
    /// `fenced` when it is not held.
    pub(crate) fn watch_guard(&self, demand: &mut Demand, recipient: Recipient) -> Result<(), Error> {
        let call = self.cells.number_call();
        let watched = demand.ticket.is_some_and(|ticket| self.shared().watch_for_call(ticket, call, recipient));
        if !watched {
            return Err(Error::fenced(demand.token));
        }
        demand.call = Some(call);
        match self.is_still_its(demand) {
            true => Ok(()),
            false => Err(Error::fenced(demand.token)),
        }
    }

    /// From now on the turn, or the wait for it, ends with the guards that the call names, and a turn when its time is over, whether
    /// or not the call is told by then: a body that does not listen, in a thread that it blocks, keeps its cells from nobody for
    /// longer. Tells who keeps time of the end of the wait as well.
    pub(crate) fn tie(
        &self,
        turn: &Queued,
        end: Option<Duration>,
        guards: &[Demand],
        recipient: impl Fn() -> Recipient,
    ) {
        match end {
            Some(end) => self.shared().end_hold_at(turn.ticket, end),
            None => self.shared().timers().wake_if_sooner(),
        }
        for (ticket, call) in guards.iter().filter_map(|demand| demand.ticket.zip(demand.call)) {
            let recipient = Recipient::InTurn { recipient: Box::new(recipient()), turn: turn.ticket };
            // One that is lost already is found when the call looks at its guards: it was told, or has yet to run its body.
            self.shared().watch_otherwise(ticket, call, recipient);
        }
    }

    /// Whether a guard was neither lost nor given away so far.
    pub(crate) fn guard_stands(&self, demand: &Demand) -> bool {
        let Some(ticket) = demand.ticket else { return false };
        let watched = demand.call.is_none_or(|call| self.shared().is_watched_by(ticket, call));
        watched && self.holds(ticket) && self.is_still_its(demand)
    }

    /// Whether a grant was not handed over since its guard was named. Asked once a call watches it, the answer stays.
    fn is_still_its(&self, demand: &Demand) -> bool {
        demand.ticket.zip(demand.handed).is_none_or(|(ticket, times)| self.shared().times_handed(ticket) == times)
    }

    pub(crate) fn unwatch_guard(&self, demand: &mut Demand) {
        if let (Some(ticket), Some(call)) = (demand.ticket, demand.call.take()) {
            self.shared().unwatch_call(ticket, call);
        }
    }

    pub(crate) fn set_alarm(&self, origin: Origin, at: Option<Duration>, recipient: Recipient) -> Result<Alarm, Error> {
        self.shared().set_alarm(&self.locks.handle, origin, at, recipient)
    }

    pub(crate) fn end_alarm(&self, alarm: Alarm) {
        self.shared().end_alarm(alarm);
    }

    /// Tells somebody, once, when an owner ends.
    ///
    /// # Errors
    ///
    /// `cancelled` when it has ended.
    pub(crate) fn watch_owner(&self, owner: &Owner, recipient: Recipient) -> Result<u64, Error> {
        self.shared().watch_owner(owner.tag().number, recipient).ok_or_else(Error::cancelled)
    }

    pub(crate) fn unwatch_owner(&self, owner: &Owner, watch: u64) {
        self.shared().unwatch_owner(owner.tag().number, watch);
    }
}
