//! Keys that a holder gives up one by one, and locks that are taken away while their holder runs.

use std::time::Duration;

use super::{Entries, Handle, LockedShards, Mailbox, Recipient, Shared, at_once, find, outcome};
use crate::machine::{Due, Effects, GiveUp, Leave, MaxHold, Origin, give_up, sort_and_dedup, take_away};
use crate::signature::Signature;
use crate::{Error, Grant, Key, Ticket};

impl Shared {
    /// Gives up some keys of a grant, or all, or their exclusiveness.
    ///
    /// # Errors
    ///
    /// `not_held` with those that are not; then nothing has changed.
    pub(crate) fn give_up(
        &self,
        ticket: Ticket,
        keys: Option<&[Key]>,
        what: GiveUp,
        own: Option<&Mailbox>,
    ) -> Result<(), Error> {
        keys.unwrap_or_default().iter().try_for_each(Key::check)?;
        self.end_overdue();
        let not_held = |keys| Err(Error::not_held(keys));
        let Some(home) = self.shards.get(ticket.shard() as usize) else {
            return not_held(keys.unwrap_or_default().to_vec());
        };
        let mut effects = Effects::new();
        let given = {
            let (mut tables, parts) = self.lock_parts(home, ticket);
            give_up(&mut tables, &parts, keys, what, &mut effects)
        };
        match given {
            Ok(Some(due)) => self.timers.remove(due),
            Ok(None) => {}
            Err(missing) => return not_held(missing),
        }
        outcome::carry_out(self.shards[0].weak_space(), effects, own);
        Ok(())
    }

    /// Takes these keys away from everybody who holds them. Answers how many grants were lost by it.
    pub(crate) fn revoke(&self, keys: &[Key], own: Option<&Mailbox>) -> usize {
        self.end_overdue();
        let entries = Entries::of_keys(keys, &self.seed, self.mask());
        let mut taken = Taken::default();
        {
            let mut tables = self.lock_around(&entries);
            let mut holders = Vec::new();
            for entry in entries.all() {
                if let Some((_, table)) = find(&mut tables, Entries::shard(entry.hash, self.mask())) {
                    table.holders(entry.hash, &entry.key, &mut holders);
                }
            }
            sort_and_dedup(&mut holders);
            taken.from(&mut tables, &holders, keys);
        }
        self.finish(taken, own)
    }

    /// Takes a key, exclusively, away from whoever holds it and before everybody who is queued for it.
    pub(crate) fn steal(
        &self,
        handle: &Handle,
        origin: Origin,
        key: &Key,
        signature: Option<&Signature>,
        own: Option<&Mailbox>,
    ) -> Result<Grant, Error> {
        key.check()?;
        self.end_overdue();
        let keys = std::slice::from_ref(key);
        let entries = Entries::of_keys(keys, &self.seed, self.mask());
        let mut taken = Taken::default();
        let grant = {
            let mut tables = self.lock_around(&entries);
            let number = Entries::shard(entries.all()[0].hash, self.mask());
            let Some((_, table)) = find(&mut tables, number) else { return Err(Error::closed()) };
            if handle.is_closed() || table.exhausted() {
                return Err(Error::closed());
            }
            let hash = entries.all()[0].hash;
            let mut holders = Vec::new();
            table.holders(hash, key, &mut holders);
            let grant = at_once(table.steal(hash, key, origin, signature));
            taken.from(&mut tables, &holders, keys);
            grant
        };
        self.finish(taken, own);
        Ok(grant)
    }

    /// Tells those who lost something. Answers how many grants were lost.
    fn finish(&self, taken: Taken, own: Option<&Mailbox>) -> usize {
        let Taken { effects, lost, ended } = taken;
        ended.into_iter().for_each(|due| self.timers.remove(due));
        outcome::carry_out(self.shards[0].weak_space(), effects, own);
        lost
    }

    /// Whom to tell when a grant is lost. `false` when there is nothing to lose: it is lost already, or not held.
    pub(crate) fn watch_lost(&self, ticket: Ticket, watcher: Recipient) -> bool {
        self.held(ticket) && self.watch(ticket, watcher)
    }

    /// As `watch_lost`, of a grant that lasts until its end is told.
    pub(super) fn watch(&self, ticket: Ticket, watcher: Recipient) -> bool {
        let Some(shard) = self.shards.get(ticket.shard() as usize) else { return false };
        // What it does not keep is dropped once the shard is unlocked.
        let watched = shard.lock_table().watch(ticket, watcher);
        watched.is_ok()
    }

    /// Tells a call, by a number of its own, when a grant that it names is lost. `false` when there is nothing to lose.
    pub(crate) fn watch_for_call(&self, ticket: Ticket, call: u64, watcher: Recipient) -> bool {
        let Some(shard) = self.shards.get(ticket.shard() as usize) else { return false };
        // What it does not keep is dropped once the shard is unlocked.
        let watched = shard.lock_table().watch_for_call(ticket, call, watcher);
        watched.is_ok()
    }

    /// Tells a call in another way, if it is still to be told.
    pub(crate) fn watch_otherwise(&self, ticket: Ticket, call: u64, watcher: Recipient) {
        let Some(shard) = self.shards.get(ticket.shard() as usize) else { return };
        let unused = shard.lock_table().watch_otherwise(ticket, call, watcher);
        drop(unused);
    }

    /// How often a grant was handed over.
    pub(crate) fn times_handed(&self, ticket: Ticket) -> u32 {
        self.shards.get(ticket.shard() as usize).map_or(0, |shard| shard.lock_table().times_handed(ticket))
    }

    /// Whether a grant that a call names was neither lost nor given away since.
    pub(crate) fn is_watched_by(&self, ticket: Ticket, call: u64) -> bool {
        self.shards.get(ticket.shard() as usize).is_some_and(|shard| shard.lock_table().is_watched_by(ticket, call))
    }

    /// Tells a call no more.
    pub(crate) fn unwatch_call(&self, ticket: Ticket, call: u64) {
        let Some(shard) = self.shards.get(ticket.shard() as usize) else { return };
        let watcher = shard.lock_table().unwatch_call(ticket, call);
        drop(watcher);
    }

    /// Lets a grant end by itself; what is granted now.
    pub(super) fn limit_hold(&self, ticket: Ticket, max_hold: MaxHold) {
        let at = match max_hold {
            MaxHold::For(time) => self.now().and_then(|now| now.checked_add(time)),
            MaxHold::Until(at) => Some(at),
        };
        if let Some(at) = at {
            self.end_hold_at(ticket, at);
        }
    }

    /// Lets a grant end by itself at a time.
    pub(crate) fn end_hold_at(&self, ticket: Ticket, at: Duration) {
        let end = (at, self.next_order());
        {
            let mut home = self.shard(ticket).lock_table();
            if home.set_end(ticket, end) {
                // Noted while the shard is locked, so that whoever ends the grant finds it.
                self.timers.insert_end(end, ticket);
            }
        }
        self.timers.wake_if_sooner();
    }

    /// Ends the grants whose time is over, for whoever asks before that is told: what is asked is decided at the asking
    /// (clause B5). Answers whether there were any. Reads no clock where no grant has an end.
    #[inline]
    pub(crate) fn end_overdue(&self) -> bool {
        self.timers.has_ends() && self.end_overdue_now()
    }

    #[cold]
    fn end_overdue_now(&self) -> bool {
        let Some(now) = self.now() else { return false };
        let mut ended = false;
        while let Some((due, ticket)) = self.timers.due_end(now) {
            // Nobody looks after this call for what it settled: even its own port is told by a wake.
            self.end_hold(ticket, due, None);
            ended = true;
        }
        ended
    }

    /// Ends a grant whose time is over, if nobody did yet.
    pub(super) fn end_hold(&self, ticket: Ticket, due: Due, own: Option<&Mailbox>) {
        self.end_grant(ticket, Some(due), own);
    }

    /// Ends the turn of a call that has lost what it names, or its wait for it: it can commit nothing, and keeps its cells
    /// from nobody.
    pub(super) fn end_turn(&self, ticket: Ticket) {
        // One that the call has not seen goes on at once.
        if self.leave(ticket, Leave::Cancel, None).is_none() {
            self.end_grant(ticket, None, None);
        }
    }

    /// Takes all keys of a grant away: if it ends when that says, where something is said.
    fn end_grant(&self, ticket: Ticket, due: Option<Due>, own: Option<&Mailbox>) {
        let mut effects = Effects::new();
        let taken = {
            let (mut tables, parts) = self.lock_parts(self.shard(ticket), ticket);
            let ends = due.is_none_or(|due| tables[0].end(ticket) == Some(due.0));
            ends.then(|| take_away(&mut tables, &parts, None, &mut effects)).flatten()
        };
        // Last: whoever asks before this looks at the grant as well.
        if let Some(due) = due.or(taken.and_then(|(_, due)| due)) {
            self.timers.remove(due);
        }
        outcome::carry_out(self.shards[0].weak_space(), effects, own);
    }
}

/// What was taken away in one step.
#[derive(Default)]
struct Taken {
    effects: Effects<Recipient>,
    /// How many grants were lost by it.
    lost: usize,
    /// What was due and is not any more.
    ended: Vec<Due>,
}

impl Taken {
    /// Takes these keys away from these holders, all of whose tables are locked.
    fn from(&mut self, tables: &mut LockedShards<'_>, holders: &[Ticket], keys: &[Key]) {
        for &ticket in holders {
            let parts = find(tables, ticket.shard() as usize).map(|(_, home)| home.parts(ticket));
            let parts = parts.unwrap_or_default();
            let own = |number: &usize| parts.iter().any(|part| part.shard() as usize == *number);
            let mut own_tables: Vec<_> =
                tables.iter_mut().filter(|(number, _)| own(number)).map(|(_, table)| &mut **table).collect();
            if let Some((was_held, due)) = take_away(&mut own_tables, &parts, Some(keys), &mut self.effects) {
                self.lost += usize::from(was_held);
                self.ended.extend(due);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use futures::executor::block_on;

    use crate::{ErrorKind, Guard, Key, ManualClock, Mode, Space};

    const MS: Duration = Duration::from_millis(1);

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn granted<E: std::fmt::Debug>(poll: Poll<Result<Guard, E>>) -> Guard {
        match poll {
            Poll::Ready(Ok(guard)) => guard,
            other => panic!("not granted: {other:?}"),
        }
    }

    fn spaces() -> [Space; 3] {
        [1, 2, 1024].map(|shards| Space::builder().shards(shards).build())
    }

    fn assert_empty(space: &Space) {
        let query = block_on(space.query()).expect("open");
        assert!(query.held.is_empty() && query.pending.is_empty(), "{query:?}");
    }

    #[test]
    fn some_keys_go_and_the_rest_stays() {
        for space in spaces() {
            let mut guard = block_on(space.lock(["a", "b", "c"])).expect("free");
            let mut for_a = space.lock("a");
            let mut for_b = space.lock(["b", "d"]);
            assert!(poll(&mut for_a).is_pending() && poll(&mut for_b).is_pending());
            let error = guard.release_keys(["a", "x"]).expect_err("x is not held");
            assert_eq!((error.kind(), error.keys()), (ErrorKind::NotHeld, &[Key::from("x")][..]));
            assert!(poll(&mut for_a).is_pending(), "nothing changed");
            guard.release_keys(["a", "a"]).expect("held");
            let a = granted(poll(&mut for_a));
            assert!(a.token() > guard.token());
            assert_eq!(guard.keys(), ["b", "c"].map(Key::from));
            assert!(guard.held() && poll(&mut for_b).is_pending());
            assert_eq!(guard.release_keys("a").expect_err("given up").keys(), [Key::from("a")]);
            let held = block_on(space.query_keys("c")).expect("open").held;
            assert_eq!(held[0].keys, ["b", "c"].map(Key::from));
            guard.release_keys(["b", "c"]).expect("held");
            assert!(!guard.held());
            assert_eq!(guard.release().expect_err("ended").kind(), ErrorKind::NotHeld);
            drop((granted(poll(&mut for_b)), a, guard));
            assert_empty(&space);
            // Whichever key goes first, the guard is still found by the others.
            for first in ["a", "b", "c"] {
                let mut guard = block_on(space.lock(["a", "b", "c"])).expect("free");
                guard.release_keys(first).expect("held");
                assert!(guard.held());
                assert!(poll(&mut space.lock(first)).is_ready());
                guard.release().expect("held");
                assert_empty(&space);
            }
        }
    }

    #[test]
    fn a_downgrade_admits_the_shared_ones_next_in_line() {
        for space in spaces() {
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            let shared = |space: &Space| space.clone();
            let (one, two) = (shared(&space), shared(&space));
            let (mut first, mut second) = (one.lock("a").mode(Mode::Shared), two.lock(["a", "b"]).mode(Mode::Shared));
            let mut exclusive = space.lock("a");
            let mut behind = space.lock("a").mode(Mode::Shared);
            assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
            assert!(poll(&mut exclusive).is_pending() && poll(&mut behind).is_pending());
            guard.downgrade_keys("a").expect("held");
            let first = granted(poll(&mut first));
            assert!(first.token() > guard.token());
            assert!(poll(&mut second).is_pending() && poll(&mut behind).is_pending());
            assert_eq!((guard.keys(), guard.shared()), (&[Key::from("b")][..], &[Key::from("a")][..]));
            guard.downgrade().expect("held");
            guard.downgrade().expect("nothing is left to change");
            let second = granted(poll(&mut second));
            drop((first, second, guard));
            drop(granted(poll(&mut exclusive)));
            drop(granted(poll(&mut behind)));
            assert_empty(&space);
        }
    }

    #[test]
    fn what_is_revoked_is_lost_and_the_rest_stays_reserved() {
        for space in spaces() {
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            let mut other = block_on(space.lock("c")).expect("free");
            let mut for_a = space.lock("a");
            let mut for_b = space.lock("b");
            assert!(poll(&mut for_a).is_pending() && poll(&mut for_b).is_pending());
            let mut lost = Box::pin(guard.lost());
            assert!(poll(&mut lost).is_pending());
            assert_eq!(space.revoke(["a", "x"]).expect("open"), 1);
            assert!(poll(&mut lost).is_ready());
            drop(lost);
            assert!(!guard.held() && other.held());
            let next = granted(poll(&mut for_a));
            assert!(next.token() > guard.token());
            assert!(poll(&mut for_b).is_pending(), "reserved until the guard is released");
            assert_eq!(guard.release_keys("b").expect_err("lost").kind(), ErrorKind::NotHeld);
            guard.release().expect("something was left to release");
            drop((granted(poll(&mut for_b)), next));
            assert_eq!(space.revoke(["c", "c"]).expect("open"), 1);
            assert_eq!(space.revoke("c").expect("open"), 0);
            assert_eq!(other.release().expect_err("nothing is left").kind(), ErrorKind::NotHeld);
            block_on(other.lost());
            assert_empty(&space);
        }
    }

    #[test]
    fn a_grant_that_nobody_has_seen_can_be_revoked() {
        for space in spaces() {
            let guard = block_on(space.lock("a")).expect("free");
            let mut waits = space.lock(["a", "b"]);
            assert!(poll(&mut waits).is_pending());
            drop(guard);
            assert_eq!(space.revoke("b").expect("open"), 1);
            let lost = granted(poll(&mut waits));
            assert!(!lost.held());
            assert!(poll(&mut space.lock("b")).is_ready());
            drop(lost);
            assert_empty(&space);
        }
    }

    /// Who was told that it holds nothing need not let go of it (clause L17).
    #[test]
    fn a_guard_that_lost_its_last_key_leaves_no_record() {
        for space in spaces() {
            let owner = space.owner("o");
            let mut guards =
                [block_on(owner.lock(["a", "b"])).expect("free"), block_on(space.lock("c")).expect("free")];
            let mut lost = Box::pin(guards[1].lost());
            assert!(poll(&mut lost).is_pending());
            assert_eq!(space.revoke("a").expect("open"), 1);
            assert!(!is_vacant(&space), "b stays reserved");
            assert_eq!(space.revoke(["b", "c"]).expect("open"), 1, "the first one was lost before");
            assert!(poll(&mut lost).is_ready());
            drop(lost);
            assert!(is_vacant(&space));
            assert_eq!(owner.close(), 0, "its owner has forgotten it too");
            for guard in &mut guards {
                assert!(!guard.held());
                block_on(guard.lost());
                assert_eq!(guard.release().expect_err("nothing is left").kind(), ErrorKind::NotHeld);
            }
            // One that nobody has seen is kept until then.
            let held = block_on(space.lock("a")).expect("free");
            let mut waits = space.lock(["a", "b"]);
            assert!(poll(&mut waits).is_pending());
            drop(held);
            assert_eq!(space.revoke(["a", "b"]).expect("open"), 1);
            assert!(!is_vacant(&space));
            let unseen = granted(poll(&mut waits));
            assert!(is_vacant(&space) && !unseen.held());
        }
    }

    fn is_vacant(space: &Space) -> bool {
        let shared = &space.engine().shared;
        shared.shards.iter().all(|shard| {
            let mut table = shard.lock();
            table.settle();
            table.is_vacant()
        })
    }

    #[test]
    fn a_body_whose_lock_was_taken_away_still_has_an_owner() {
        for space in spaces() {
            let owner = block_on(space.with_lock("a", async |guard| {
                assert_eq!(space.revoke("a").expect("open"), 1);
                guard.owner().expect("in a scope")
            }));
            assert!(owner.expect("free").is_closed(), "it ends with the scope");
            assert_empty(&space);
        }
    }

    /// Clause B5: what is asked is decided at the asking, before anybody ticks.
    #[test]
    fn whoever_asks_finds_that_a_time_is_over() {
        type Ask = fn(&Space, &mut Guard);
        let asks: [(&str, Ask); 9] = [
            ("held", |_, guard| assert!(!guard.held())),
            ("lost", |_, guard| block_on(guard.lost())),
            ("release", |_, guard| assert_eq!(guard.release().expect_err("over").kind(), ErrorKind::NotHeld)),
            ("release_keys", |_, guard| assert!(guard.release_keys("a").is_err())),
            ("downgrade", |_, guard| assert!(guard.downgrade().is_err())),
            ("try_lock", |space, _| assert!(block_on(space.try_lock("a").into_future()).expect("open").is_some())),
            ("try_lock of several", |space, _| {
                assert!(block_on(space.try_lock(["a", "b"]).into_future()).expect("open").is_some());
            }),
            ("lock", |space, _| assert!(block_on(space.lock("a").timeout(Duration::ZERO)).is_ok())),
            ("query", |space, _| assert!(block_on(space.query_keys("a")).expect("open").held.is_empty())),
        ];
        for (name, ask) in asks {
            for shards in [1, 2, 1024] {
                let clock = ManualClock::new();
                let space = Space::builder().clock(clock.clone()).shards(shards).build();
                let mut guard = block_on(space.lock(["a", "b"]).max_hold(5 * MS)).expect("free");
                let mut other = block_on(space.lock("z").max_hold(6 * MS)).expect("free");
                let mut waits = space.lock("y").timeout(5 * MS);
                let _y = block_on(space.lock("y")).expect("free");
                assert!(poll(&mut waits).is_pending());
                clock.advance(4 * MS);
                assert!(guard.held() && block_on(space.try_lock("a").into_future()).expect("open").is_none(), "{name}");
                clock.advance(MS);
                ask(&space, &mut guard);
                assert_eq!(space.revoke("a").expect("open"), 0, "{name}");
                assert!(!guard.held() && other.held(), "{name}");
                assert!(poll(&mut waits).is_pending(), "{name}: what is told unasked is told at the tick");
                space.tick();
                assert!(poll(&mut waits).is_ready(), "{name}");
                other.release().expect("held");
            }
        }
    }

    #[test]
    fn a_hold_of_no_time_is_over_at_once() {
        for shards in [1, 1024] {
            let space = Space::builder().clock(ManualClock::new()).shards(shards).build();
            let mut guard = block_on(space.lock("a").max_hold(Duration::ZERO)).expect("free");
            let next = block_on(space.lock("a")).expect("free again");
            assert_eq!(guard.release().expect_err("over").kind(), ErrorKind::NotHeld);
            assert!(next.held());
        }
    }

    #[test]
    fn a_guard_with_an_end_outlives_its_space() {
        let space = Space::builder().clock(ManualClock::new()).build();
        let mut guard = block_on(space.lock("a").max_hold(MS)).expect("free");
        drop(space);
        guard.release().expect("nobody can have taken it away");
    }

    #[test]
    fn a_thief_comes_before_all_who_are_queued() {
        for space in spaces() {
            let mut holder = block_on(space.lock(["a", "b"])).expect("free");
            let mut reserved = space.lock(["a", "c"]);
            let c = block_on(space.lock("c")).expect("free");
            assert!(poll(&mut reserved).is_pending());
            let mut thief = space.steal("a").expect("open");
            assert!(!holder.held() && thief.token() > holder.token());
            drop(c);
            assert!(poll(&mut reserved).is_pending(), "the thief has a");
            holder.release().expect("b was left");
            let mut other = space.steal("a").expect("open");
            assert!(!thief.held() && other.held());
            assert_eq!(thief.release().expect_err("nothing is left").kind(), ErrorKind::NotHeld);
            other.release().expect("held");
            drop(granted(poll(&mut reserved)));
            // A key that is free but reserved for one that still waits for another.
            let b = block_on(space.lock("b")).expect("free");
            let mut reserved = space.lock(["a", "b"]);
            assert!(poll(&mut reserved).is_pending());
            let thief = space.steal("a").expect("open");
            drop(b);
            assert!(poll(&mut reserved).is_pending());
            drop(thief);
            drop(granted(poll(&mut reserved)));
            drop(space.steal("free").expect("open"));
            assert_empty(&space);
        }
    }

    #[test]
    fn a_hold_ends_by_itself() {
        for shards in [1, 1024] {
            let clock = ManualClock::new();
            let space = Space::builder().shards(shards).clock(clock.clone()).build();
            let guard = block_on(space.lock(["a", "b"]).max_hold(10 * MS)).expect("free");
            let mut waits = space.lock("b").max_hold(5 * MS);
            assert!(poll(&mut waits).is_pending());
            let mut lost = pin!(guard.lost());
            assert_eq!(space.next_deadline(), Some(10 * MS));
            clock.advance(9 * MS);
            space.tick();
            assert!(guard.held() && poll(&mut lost).is_pending());
            clock.advance(MS);
            assert!(!guard.held(), "decided at the asking");
            assert!(poll(&mut waits).is_pending(), "told at the tick");
            space.tick();
            assert!(poll(&mut lost).is_ready());
            let next = granted(poll(&mut waits));
            assert_eq!(space.next_deadline(), Some(5 * MS), "from its grant on");
            drop(next);
            assert_eq!(space.next_deadline(), None);
            let error = block_on(Space::new().lock("a").max_hold(MS)).expect_err("no clock");
            assert_eq!(error.what(), Some("max_hold"));
        }
    }

    #[test]
    fn closing_an_owner_or_a_handle_is_a_loss() {
        for space in spaces() {
            let owner = space.owner("o");
            let guard = block_on(owner.lock("a")).expect("free");
            let mut lost = pin!(guard.lost());
            assert!(poll(&mut lost).is_pending());
            owner.close();
            assert!(poll(&mut lost).is_ready());
            let handle = space.attach();
            let guard = block_on(handle.lock(["a", "b"])).expect("free");
            let mut lost = pin!(guard.lost());
            assert!(poll(&mut lost).is_pending());
            handle.close();
            assert!(poll(&mut lost).is_ready());
            assert_empty(&space);
        }
    }
}
