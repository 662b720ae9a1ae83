//! How a call goes on from one attempt to the next: turns, time-outs, and its end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::CallSpec;
use super::teller::Teller;
use crate::engine::{MemoryCells, Queued};
use crate::error::TimedOut;
use crate::machine::{Clash, Doom, Next, Origin, Progress, Rank};
use crate::shared::{Alarm, Checked, Demand, Sleep};
use crate::{Error, ErrorKind, Key, Stale};

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not begun.
    New,
    /// It waits for its turn.
    Queued,
    /// Its body runs.
    Running,
    /// It waits for a change of what it read.
    Asleep,
    /// It is over.
    Ended,
}

/// What a call does next.
#[derive(Debug)]
pub(crate) enum Go {
    /// It runs its body.
    Run,
    /// It waits to be told.
    Wait,
}

/// One call, from its beginning to its end. It must be [ended](Course::end).
pub(crate) struct Course {
    spec: CallSpec,
    origin: Origin,
    pub(crate) phase: Phase,
    progress: Progress,
    /// When it began, and when its time is over, where it has a time-out.
    times: Option<(Duration, Duration)>,
    /// All cells that its attempts touched, as the space knows them.
    cells: BTreeSet<Key>,
    /// Whether any attempt scanned.
    scanned: bool,
    turn: Option<Queued>,
    sleep: Option<Sleep>,
    /// Whether it is told of what ends it before its body does.
    watches: bool,
    alarm: Option<Alarm>,
    /// The number by which it is told of the end of its owner.
    owner_watch: Option<u64>,
}

/// Where a call is carried on: the space, and who is told.
pub(crate) struct Site<'a, V> {
    pub(crate) engine: &'a MemoryCells<V>,
    pub(crate) teller: Teller<'a>,
}

impl Course {
    pub(crate) fn new(spec: CallSpec, origin: Origin) -> Course {
        let progress = Progress::new(spec.attempts);
        Course {
            spec,
            origin,
            phase: Phase::New,
            progress,
            times: None,
            cells: BTreeSet::new(),
            scanned: false,
            turn: None,
            sleep: None,
            watches: false,
            alarm: None,
            owner_watch: None,
        }
    }

    /// All that a search has to know of where it is.
    #[cfg(test)]
    pub(super) fn sketch(&self) -> String {
        format!("{:?} {:?} {:?} {}", self.phase, self.progress, self.cells, self.scanned)
    }

    /// How often the body has run.
    pub(crate) fn runs(&self) -> u32 {
        self.progress.runs()
    }

    /// The number by which its turn is known beside the cells; 0 without one.
    pub(crate) fn number(&self) -> u64 {
        self.turn.as_ref().map_or(0, |turn| turn.call)
    }

    /// The guards that a commit is to demand.
    pub(crate) fn guards(&self) -> &[Demand] {
        &self.spec.guards
    }

    /// Begins: its time runs from now on.
    ///
    /// # Errors
    ///
    /// `closed`, `fenced`, `cancelled`, `invalid`.
    pub(crate) fn begin<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) -> Result<(), Error> {
        self.spec.check(engine.has_clock())?;
        if let Some(owner) = &self.spec.owner {
            if !owner.belongs_to(&engine.locks.shared) {
                return Err(Error::invalid("owner", "is of another space"));
            }
            if owner.is_closed() {
                return Err(Error::cancelled());
            }
        }
        if let Some(place) = engine.within_ref() {
            let named = self.spec.guards.iter_mut().filter_map(|guard| guard.keys.as_mut()).flatten();
            named.for_each(|key| *key = place.wrap(key));
        }
        engine.check_guards(&self.spec.guards)?;
        if let Some(timeout) = self.spec.timeout
            && let Some(now) = engine.clock_time()
        {
            // One that is too far for the clock is none.
            self.times = now.checked_add(timeout).map(|end| (now, end));
        }
        Ok(())
    }

    /// Asks to be told of whatever ends the call before its body or its wait does.
    ///
    /// # Errors
    ///
    /// What ends it already.
    pub(crate) fn watch<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) -> Result<(), Error> {
        if self.watches {
            return Ok(());
        }
        self.watches = true;
        let Site { engine, teller } = site;
        // Owner and guards may be of another handle, whose end tells nothing of this one's.
        let end = self.time_limit();
        if end.is_some() || self.spec.owner.is_some() || !self.spec.guards.is_empty() {
            self.alarm = Some(engine.set_alarm(self.origin, end, teller.recipient())?);
        }
        if let Some(owner) = &self.spec.owner {
            self.owner_watch = Some(engine.watch_owner(owner, teller.recipient())?);
        }
        for demand in &mut self.spec.guards {
            engine.watch_guard(demand, teller.recipient())?;
        }
        if let Some(turn) = self.turn.as_ref().filter(|turn| turn.token.is_some()) {
            engine.watch_lost(turn.ticket, teller.recipient());
        }
        // It was asked for before its guards were watched.
        self.tie(site, None);
        Ok(())
    }

    /// Whether it must be told of anything while its body runs.
    pub(crate) fn is_bound(&self) -> bool {
        self.times.is_some() || self.spec.owner.is_some() || !self.spec.guards.is_empty() || self.turn.is_some()
    }

    /// The body is about to run: asks to be told of what ends the call before it does, and looks whether anything has.
    ///
    /// # Errors
    ///
    /// What has.
    pub(crate) fn ready<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) -> Result<(), Error> {
        if !self.is_bound() {
            return Ok(());
        }
        self.watch(site)?;
        self.check_up(site)
    }

    /// Looks whether anything has ended the call.
    ///
    /// # Errors
    ///
    /// What has.
    pub(crate) fn check_up<V: Send + Sync + 'static>(&self, site: &Site<'_, V>) -> Result<(), Error> {
        let Site { engine, .. } = site;
        if engine.is_closed() {
            return Err(Error::closed());
        }
        if self.spec.owner.as_ref().is_some_and(|owner| owner.is_closed()) {
            return Err(Error::cancelled());
        }
        if let Some(lost) = self.spec.guards.iter().find(|demand| !engine.guard_stands(demand)) {
            return Err(Error::fenced(lost.token));
        }
        // Before the turn, which ends with the time.
        self.check_time(engine)?;
        if let Some((turn, token)) = self.turn.as_ref().and_then(|turn| turn.token.map(|token| (turn, token)))
            && !engine.holds(turn.ticket)
        {
            return Err(Error::turn_lost(token));
        }
        Ok(())
    }

    /// The body runs. Answers which run it is.
    pub(crate) fn run(&mut self) -> u32 {
        self.phase = Phase::Running;
        self.progress.run()
    }

    /// Notes what an attempt of a transaction has touched, for its turn.
    pub(crate) fn note_touched<V>(&mut self, attempt: &Checked<V>) {
        self.cells.extend(attempt.touched.iter().map(|touched| touched.key.clone()));
        self.scanned |= !attempt.ranges().is_empty();
    }

    /// Notes the one cell of an update.
    pub(crate) fn note_cell(&mut self, key: &Key) {
        self.cells.insert(key.clone());
    }

    /// An attempt did not commit.
    ///
    /// # Errors
    ///
    /// `conflict` when it was one too many; those of a request for a lock.
    pub(crate) fn clashed<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>, doom: Doom) -> Result<Go, Error> {
        let Doom { stale, range, met_turn } = doom;
        let of_turn = |key: &Key| match self.turn.as_ref().map(|turn| &turn.cells) {
            Some(Some(cells)) => cells.contains(key),
            Some(None) => true,
            None => false,
        };
        let in_space = self.progress.rank() == Rank::Space;
        let outside = !in_space && (range || !stale.iter().all(|stale| of_turn(&stale.key)));
        match self.progress.clashed(Clash { outside, met_turn, scanned: self.scanned }) {
            Next::Run => Ok(Go::Run),
            Next::Take(rank) => self.take(site, rank),
            Next::GiveUp => Err(self.conflict(stale)),
        }
    }

    /// Takes a turn, and gives back the one that it has: it never holds two.
    pub(crate) fn take<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>, rank: Rank) -> Result<Go, Error> {
        let Site { engine, teller } = site;
        self.give_back(site);
        let cells = match rank {
            Rank::Space => None,
            Rank::Cells | Rank::Free => Some(self.cells.iter().cloned().collect()),
        };
        let from = (self.origin, &self.spec.signature);
        let end = self.time_limit();
        let turn = engine.queue(cells, from, teller.recipient(), (end, self.may_not_wait()))?;
        let granted = turn.token.is_some();
        self.turn = Some(turn);
        self.tie(site, end.filter(|_| granted));
        if granted {
            self.taken(site);
            return Ok(Go::Run);
        }
        self.phase = Phase::Queued;
        self.watch(site)?;
        Ok(Go::Wait)
    }

    /// Asks whether its turn is granted.
    ///
    /// # Errors
    ///
    /// Why it will not be.
    pub(crate) fn ask<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) -> Result<Go, Error> {
        let Site { engine, teller } = site;
        let Some(turn) = &mut self.turn else { return Ok(Go::Run) };
        let mut answer = engine.ask_for(turn, teller.waker());
        if answer.is_none() {
            let ended = self.check_up(site);
            if let (Err(error), Some(turn)) = (ended, &mut self.turn) {
                if error.kind() != ErrorKind::Timeout {
                    return Err(error);
                }
                // The queue says who stands in the way.
                engine.time_out(turn, engine.clock_time(), teller.own());
                answer = engine.ask_for(turn, teller.waker());
            }
        }
        match answer {
            None => Ok(Go::Wait),
            Some(Ok(())) => {
                self.taken(site);
                Ok(Go::Run)
            }
            // The queue says who stood in the way.
            Some(Err(error)) if error.kind() == ErrorKind::Timeout => Err(error),
            // What has ended the call may have taken its place in the line.
            Some(Err(error)) => Err(self.check_up(site).err().unwrap_or(error)),
        }
    }

    /// Waits for a change of what an attempt has read, without a turn.
    ///
    /// # Errors
    ///
    /// What ends the call already.
    pub(crate) fn sleep<V: Send + Sync + 'static>(
        &mut self,
        site: &Site<'_, V>,
        attempt: &mut Checked<V>,
    ) -> Result<Go, Error> {
        self.give_back(site);
        self.progress.wait();
        match site.engine.sleep(attempt, site.teller.recipient()) {
            Err(_changed) => Ok(Go::Run),
            Ok(sleep) => {
                self.sleep = Some(sleep);
                if self.may_not_wait() {
                    return Err(self.timed_out(site.engine.clock_time()));
                }
                self.phase = Phase::Asleep;
                self.watch(site)?;
                Ok(Go::Wait)
            }
        }
    }

    /// Looks whether what it waits for has come.
    ///
    /// # Errors
    ///
    /// What has ended the call.
    pub(crate) fn wake<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) -> Result<Go, Error> {
        self.check_up(site)?;
        let Site { engine, teller } = site;
        if self.sleep.as_ref().is_some_and(|sleep| !engine.has_changed(sleep, teller.recipient())) {
            return Ok(Go::Wait);
        }
        if let Some(sleep) = self.sleep.take() {
            engine.end_sleep(sleep);
        }
        Ok(Go::Run)
    }

    /// Ends the call: it leaves no turn, no watch, no wait.
    pub(crate) fn end<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) {
        self.phase = Phase::Ended;
        let Site { engine, .. } = site;
        if let Some(sleep) = self.sleep.take() {
            engine.end_sleep(sleep);
        }
        if let Some(alarm) = self.alarm.take() {
            engine.end_alarm(alarm);
        }
        if let (Some(owner), Some(watch)) = (&self.spec.owner, self.owner_watch.take()) {
            engine.unwatch_owner(owner, watch);
        }
        self.spec.guards.iter_mut().for_each(|demand| engine.unwatch_guard(demand));
        // Last: it wakes others, and what they run may panic.
        self.give_back(site);
    }

    fn taken<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) {
        if let Some(turn) = &self.turn {
            self.progress.taken(turn.rank());
            if self.watches {
                site.engine.watch_lost(turn.ticket, site.teller.recipient());
            }
        }
    }

    /// Has its turn, or its wait for it, end with the guards that it names; at the `end` as well, where one is given.
    fn tie<V: Send + Sync + 'static>(&self, site: &Site<'_, V>, end: Option<Duration>) {
        if let Some(turn) = &self.turn {
            site.engine.tie(turn, end, &self.spec.guards, || site.teller.recipient());
        }
    }

    fn give_back<V: Send + Sync + 'static>(&mut self, site: &Site<'_, V>) {
        if let Some(turn) = self.turn.take() {
            site.engine.give_back(turn, site.teller.own());
        }
    }

    fn conflict(&self, stale: Vec<Stale>) -> Error {
        Error::conflict(self.progress.runs(), stale)
    }

    /// A time-out of zero: it ends where it would wait, and lasts as long as it likes otherwise.
    fn may_not_wait(&self) -> bool {
        self.spec.timeout == Some(Duration::ZERO)
    }

    /// When its time is over.
    fn time_limit(&self) -> Option<Duration> {
        self.times.filter(|_| !self.may_not_wait()).map(|(_, end)| end)
    }

    fn check_time<V: Send + Sync + 'static>(&self, engine: &MemoryCells<V>) -> Result<(), Error> {
        let Some(end) = self.time_limit() else { return Ok(()) };
        let now = engine.clock_time();
        match now.is_some_and(|now| now >= end) {
            true => Err(self.timed_out(now)),
            false => Ok(()),
        }
    }

    /// A time-out that no queue tells about: that of a body, or of a wait for a change.
    fn timed_out(&self, now: Option<Duration>) -> Error {
        let keys = self.cells.iter().cloned().collect();
        let waited = now.zip(self.times).map(|(now, (from, _))| now.saturating_sub(from));
        let label = self.spec.signature.label.clone();
        Error::timeout(TimedOut { keys, label, waited, position: 0, blocked_by: Vec::new() })
    }
}
