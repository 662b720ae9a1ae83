//! Giving a grant to another owner (clause L13).
//!
//! 1. Under the locks of the grant: it is the new owner's from now on, so that whatever the new owner asks for meanwhile
//!    is judged by it, and the giver's end no longer matters.
//! 2. Looking at what the new owner waits for: would it wait for itself, the grant goes back, and nothing has moved.
//! 3. It resolves the new owner's request for some of its keys, or waits in the new owner's inbox to be taken.

use std::any::Any;
use std::collections::VecDeque;

use super::owned::Graph;
use super::{Mailbox, Recipient, Shared, outcome};
use crate::error::CycleStep;
use crate::machine::{Effect, Effects, KeySet, Leave, Numbered, Origin, Standing, Target, chain, keys_of, sort_by};
use crate::port::Settled;
use crate::signature::OwnerTag;
use crate::{Error, Grant, Key, Mode, Ticket};

/// What a giver sends along.
pub(crate) type Payload = Box<dyn Any + Send + Sync>;

/// A grant that was handed over and not yet seen by its new owner.
pub(crate) struct Handed {
    pub(crate) keys: Vec<Key>,
    pub(crate) shared: Vec<Key>,
    pub(crate) payload: Option<Payload>,
    /// How often the grant was handed over, this time included.
    pub(crate) times: u32,
}

/// What was handed over to the owners of a space.
#[derive(Default)]
pub(crate) struct Inboxes {
    /// Not yet seen, whether it is in an inbox or the outcome of a request.
    handed: Numbered<Handed>,
    of_owners: Numbered<Inbox>,
}

#[derive(Default)]
struct Inbox {
    grants: VecDeque<Ticket>,
    /// Who wants to know of the next one.
    taker: Option<Recipient>,
}

/// Who had a grant before.
struct Giver {
    owner: Option<OwnerTag>,
    origin: Origin,
}

impl Shared {
    /// Hands a grant over to the owner with this id. Answers whether it was delivered: to an owner that is closed it is not,
    /// and the keys are released.
    ///
    /// # Errors
    ///
    /// `not_held`, `invalid` to its own owner or where no owner of this space ever had the id, `deadlock` when the new owner
    /// would wait for itself; then nothing has moved.
    pub(crate) fn hand_over(
        &self,
        ticket: Ticket,
        to: &str,
        payload: Option<Payload>,
        own: Option<&Mailbox>,
    ) -> Result<bool, Error> {
        self.end_overdue();
        let Some((owner, keys, giver)) = self.give(ticket, to)? else {
            self.release(ticket, own);
            return Ok(false);
        };
        let resolves = match self.judge(ticket, &owner, &keys) {
            Ok(resolves) => resolves,
            Err(cycle) => {
                self.take_back(ticket, &owner, giver);
                return Err(Error::deadlock(cycle));
            }
        };
        // Who watched for the giver is not told of what the new owner loses.
        let _watched = self.watch(ticket, Recipient::Nobody);
        // To a call that names it, the guard that the giver had is lost.
        let (times, calls) = self.shard(ticket).lock_table().note_handed(ticket);
        let mut lost = Effects::new();
        lost.extend(calls.into_iter().map(Effect::Lost));
        outcome::carry_out(self.shards[0].weak_space(), lost, own);
        let of_mode = |mode: Mode| keys.iter().filter(move |(_, other)| *other == mode).map(|(key, _)| key.clone());
        let (exclusive, shared) = (of_mode(Mode::Exclusive).collect(), of_mode(Mode::Shared).collect());
        self.inboxes.lock().handed.insert(ticket, Handed { keys: exclusive, shared, payload, times });
        if !resolves.is_some_and(|request| self.resolve(request, ticket, own)) {
            self.deliver_to(owner.number, ticket, own);
        }
        Ok(true)
    }

    /// The next grant that was handed over to an owner, claimed.
    pub(crate) fn take_handed_over(&self, owner: u64) -> Option<(Grant, Handed)> {
        loop {
            let ticket = self.inboxes.lock().of_owners.get_mut(owner)?.grants.pop_front()?;
            if let Some(taken) = self.take_handed(ticket).and_then(|handed| Some((self.claim(ticket)?, handed))) {
                return Some(taken);
            }
            // It was taken away meanwhile.
        }
    }

    /// What came along with a grant that was handed over.
    pub(crate) fn take_handed(&self, ticket: Ticket) -> Option<Handed> {
        self.inboxes.lock().handed.remove(ticket)
    }

    /// What came along with those of some grants that end before anybody has seen them.
    pub(super) fn unseen(&self, grants: &[Ticket]) -> Vec<Handed> {
        let mut inboxes = self.inboxes.lock();
        if inboxes.handed.is_empty() {
            return Vec::new();
        }
        grants.iter().filter_map(|ticket| inboxes.handed.remove(*ticket)).collect()
    }

    /// Whom to tell when something is handed over to an owner; told at once when that is closed.
    pub(crate) fn watch_inbox(&self, owner: u64, taker: Recipient) {
        // Dropped once it is unlocked.
        let _old = self.inboxes.lock().of_owners.get_or_insert_with(owner, Inbox::default).taker.replace(taker);
        if !self.owner_is_open(owner) {
            self.close_inbox(owner, None);
        }
    }

    /// Ends an inbox: tells who waits for it, and gives up what nobody took.
    pub(super) fn close_inbox(&self, owner: u64, own: Option<&Mailbox>) {
        let inbox = self.inboxes.lock().of_owners.remove(owner);
        let Some(Inbox { grants, taker }) = inbox else { return };
        for ticket in grants {
            self.release(ticket, own);
            drop(self.take_handed(ticket));
        }
        outcome::tell_now(taker, own, |tag| Settled::HandedOver { tag });
    }

    /// Makes a grant the new owner's. `None` when that is closed.
    fn give(&self, ticket: Ticket, to: &str) -> Result<Option<(OwnerTag, KeySet, Giver)>, Error> {
        let not_held = || Error::not_held(Vec::new());
        let home = self.shards.get(ticket.shard() as usize).ok_or_else(not_held)?;
        if !home.held(ticket) {
            return Err(not_held());
        }
        let (mut tables, parts) = self.lock_parts(home, ticket);
        if !matches!(tables[0].standing(ticket), Standing::Granted) || tables[0].is_lost(ticket) {
            return Err(not_held());
        }
        let mut owners = self.owners.lock();
        let giver = Giver {
            owner: tables[0].signature(ticket).and_then(|signature| signature.owner),
            origin: tables[0].origin(ticket).ok_or_else(not_held)?,
        };
        let stranger = || Error::invalid("owner", "is not the id of an owner of this space");
        let number = self.number_of(&owners, to).ok_or_else(stranger)?;
        let Some((owner, origin)) = owners.find(number) else { return Ok(None) };
        if giver.owner.as_ref().is_some_and(|giver| giver.number == owner.number) {
            return Err(Error::invalid("owner", "has the guard already"));
        }
        for (table, &part) in tables.iter_mut().zip(&parts) {
            table.pass_on(part, Some(&owner), origin);
        }
        if let Some(giver) = &giver.owner {
            owners.remove(giver.number, ticket);
        }
        owners.add(owner.number, ticket);
        let keys = keys_of(&mut tables, &parts);
        Ok(Some((owner, keys, giver)))
    }

    fn take_back(&self, ticket: Ticket, owner: &OwnerTag, giver: Giver) {
        let mut effects = Effects::new();
        let (mut tables, parts) = self.lock_parts(self.shard(ticket), ticket);
        for (table, &part) in tables.iter_mut().zip(&parts) {
            table.pass_on(part, giver.owner.as_ref(), giver.origin);
        }
        let mut stands = false;
        if let Some(table) = tables.first_mut() {
            // All of it may have been lost meanwhile: then it goes with this.
            let _claimed = table.claim(ticket, &mut effects);
            stands = table.token_of(ticket).is_some();
        }
        let mut owners = self.owners.lock();
        owners.remove(owner.number, ticket);
        if let (Some(giver), true) = (&giver.owner, stands) {
            owners.add(giver.number, ticket);
        }
    }

    /// Whether the new owner may have a grant of these keys: the request of it that the grant resolves, if there is one.
    ///
    /// # Errors
    ///
    /// The circle in which it would wait for itself.
    fn judge(&self, ticket: Ticket, owner: &OwnerTag, keys: &KeySet) -> Result<Option<Ticket>, Vec<CycleStep>> {
        let mut waits = Vec::new();
        // Not asked for in the loop's head: the owners would stay locked while shards are, against the order of locks.
        let requests = self.owners.lock().requests(owner.number);
        for request in requests {
            let (mut tables, parts) = self.lock_parts(self.shard(request), request);
            if let Standing::Waiting(_) = tables[0].standing(request) {
                waits.push((tables[0].order(request), request, keys_of(&mut tables, &parts)));
            }
        }
        sort_by(&mut waits, |(a, ..), (b, ..)| a.cmp(b));
        let mut resolves = None;
        let mut others = Vec::new();
        for (_, request, wanted) in waits {
            let clash = wanted.iter().find(|(key, _)| keys.iter().any(|(other, _)| other == key));
            let Some((key, _)) = clash else {
                others.push(request);
                continue;
            };
            if resolves.is_some() || !is_within(&wanted, keys) {
                return Err(vec![self.step(request, key)]);
            }
            resolves = Some(request);
        }
        while let Some(links) = chain(&mut Graph(self), &others, Target::Request(ticket)) {
            if let Some(cycle) = self.look_again(&links) {
                return Err(cycle);
            }
        }
        Ok(resolves)
    }

    fn step(&self, request: Ticket, key: &Key) -> CycleStep {
        let signature = self.shard(request).lock_table().signature(request).unwrap_or_default();
        CycleStep { owner: signature.owner.map(|owner| owner.name), label: signature.label, key: key.clone() }
    }

    /// Gives a grant to the request of its owner that it resolves. `false` when that has left meanwhile.
    fn resolve(&self, request: Ticket, ticket: Ticket, own: Option<&Mailbox>) -> bool {
        let mut effects = Effects::new();
        let left = self.take_out(request, Leave::Become(ticket), &mut effects);
        if left.is_none() {
            return false;
        }
        let token = self.shard(ticket).lock_table().token_of(ticket);
        // Who waited is told of the grant that it gets instead of its own, or that it has ended with the owner meanwhile.
        let effects = effects.into_all().map(|effect| match (effect, token) {
            (Effect::Withdrawn(recipient), Some(token)) => {
                Effect::Granted { ticket, recipient, token, abandoned: false, timed: false }
            }
            (Effect::Withdrawn(recipient), None) => Effect::Failed { recipient, error: Error::cancelled() },
            (effect, _) => effect,
        });
        outcome::carry_out(self.shards[0].weak_space(), effects.collect(), own);
        if token.is_none() {
            drop(self.take_handed(ticket));
        }
        true
    }

    fn deliver_to(&self, owner: u64, ticket: Ticket, own: Option<&Mailbox>) {
        let taker = {
            let mut inboxes = self.inboxes.lock();
            let inbox = inboxes.of_owners.get_or_insert_with(owner, Inbox::default);
            inbox.grants.push_back(ticket);
            inbox.taker.take()
        };
        if !self.owner_is_open(owner) {
            // It was closed after the grant became its own, which has been released with it.
            self.close_inbox(owner, own);
        }
        outcome::tell_now(taker, own, |tag| Settled::HandedOver { tag });
    }
}

/// Whether all these keys are among those of a grant, in the same or a weaker mode.
fn is_within(wanted: &KeySet, keys: &KeySet) -> bool {
    wanted.iter().all(|(key, mode)| {
        let held = keys.iter().find(|(other, _)| other == key);
        held.is_some_and(|(_, held)| *held == Mode::Exclusive || *mode == Mode::Shared)
    })
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use futures::executor::block_on;

    use crate::{ErrorKind, Guard, Key, LockSpec, Mode, Settled, Space};

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
        let inboxes = space.engine().shared.inboxes.lock();
        assert!(inboxes.handed.is_empty());
        assert!(inboxes.of_owners.values().all(|inbox| inbox.grants.is_empty()));
    }

    #[test]
    fn a_lock_goes_to_another_owner_and_waiters_keep_their_places() {
        for space in spaces() {
            let (giver, taker) = (space.owner("giver"), space.owner("taker"));
            let mut guard = block_on(giver.lock(["a", "b"]).shared("c")).expect("free");
            let token = guard.token();
            let mut waits = space.lock("a");
            assert!(poll(&mut waits).is_pending());
            assert_eq!(guard.hand_over(&giver, ()).expect_err("its own").what(), Some("owner"));
            assert!(guard.held());
            assert!(guard.hand_over(&taker, 7_u32).expect("held"));
            assert!(!guard.held());
            assert_eq!(guard.hand_over(&taker, ()).expect_err("given").kind(), ErrorKind::NotHeld);
            assert_eq!(guard.release().expect_err("given").kind(), ErrorKind::NotHeld);
            drop(guard);
            assert_eq!(giver.close(), 0);
            let held = block_on(space.query_keys("b")).expect("open").held;
            assert_eq!(held[0].owner.as_ref().and_then(|owner| owner.label.as_deref()), Some("taker"));
            assert!(!held[0].claimed);
            let mut mine = granted(poll(&mut pin!(taker.handed_over())));
            assert_eq!((mine.token(), mine.keys()), (token, &["a", "b"].map(Key::from)[..]));
            assert_eq!(mine.shared(), [Key::from("c")]);
            assert_eq!(mine.payload().and_then(|payload| payload.downcast_ref()), Some(&7_u32));
            assert_eq!(mine.owner().expect("given").id(), taker.id());
            assert!(mine.held() && poll(&mut waits).is_pending());
            mine.release().expect("held");
            drop(granted(poll(&mut waits)));
            assert_empty(&space);
        }
    }

    #[test]
    fn a_request_of_the_new_owner_for_some_of_the_keys_is_resolved() {
        for space in spaces() {
            let taker = space.owner("taker");
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            let mut earlier = space.lock("a");
            let mut wants = taker.lock("a").mode(Mode::Shared);
            assert!(poll(&mut earlier).is_pending() && poll(&mut wants).is_pending());
            assert!(guard.hand_over_to(taker.id(), "job").expect("held"));
            let mine = granted(poll(&mut wants));
            assert_eq!((mine.token(), mine.keys().len()), (guard.token(), 2));
            assert_eq!(mine.payload().and_then(|payload| payload.downcast_ref()), Some(&"job"));
            assert!(poll(&mut pin!(taker.handed_over())).is_pending());
            assert!(poll(&mut earlier).is_pending());
            drop(mine);
            drop(granted(poll(&mut earlier)));
            assert_empty(&space);
            // Nobody has seen it when its caller gives up: it goes on.
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            let mut wants = taker.lock("b");
            assert!(poll(&mut wants).is_pending());
            assert!(guard.hand_over(&taker, ()).expect("held"));
            drop(wants);
            assert_empty(&space);
        }
    }

    #[test]
    fn a_hand_over_that_would_close_a_circle_moves_nothing() {
        for space in spaces() {
            let (giver, taker) = (space.owner("giver"), space.owner("taker"));
            let mut guard = block_on(giver.lock(["a", "b"])).expect("free");
            // The taker waits for c, which is reserved for one that waits for a.
            let _c = block_on(space.lock("c")).expect("free");
            let mut between = space.lock(["a", "c"]);
            let mut wants = taker.lock("c");
            assert!(poll(&mut between).is_pending() && poll(&mut wants).is_pending());
            let error = guard.hand_over(&taker, ()).expect_err("a circle");
            assert_eq!((error.kind(), error.cycle().len()), (ErrorKind::Deadlock, 2));
            assert!(guard.held());
            let held = block_on(space.query_keys("b")).expect("open").held;
            assert_eq!(held[0].owner.as_ref().and_then(|owner| owner.label.as_deref()), Some("giver"));
            assert!(held[0].claimed);
            drop((between, wants));
            let mut overlaps = taker.lock(["b", "x"]);
            assert!(poll(&mut overlaps).is_pending());
            assert_eq!(guard.hand_over(&taker, ()).expect_err("overlaps").kind(), ErrorKind::Deadlock);
            drop(overlaps);
            assert!(guard.hand_over(&taker, ()).expect("no circle any more"));
            assert_eq!(taker.close(), 1);
        }
    }

    #[test]
    fn to_a_closed_owner_nothing_is_delivered() {
        for space in spaces() {
            let owner = space.owner("o");
            let mut waiting = Box::pin(owner.handed_over());
            assert!(poll(&mut waiting).is_pending());
            owner.close();
            assert!(matches!(poll(&mut waiting), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Cancelled));
            drop(waiting);
            assert!(matches!(poll(&mut pin!(owner.handed_over())), Poll::Ready(Err(_))), "and again");
            assert!(space.engine().shared.inboxes.lock().of_owners.is_empty());
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            assert!(!guard.hand_over(&owner, ()).expect("held"));
            assert!(!guard.held());
            let mut guard = block_on(space.lock("a")).expect("released");
            assert!(!guard.hand_over_to(owner.id(), ()).expect("held"));
            assert!(block_on(space.try_lock("a").into_future()).expect("open").is_some(), "released");
            // What nobody takes is released with the owner, also when its last handle is dropped.
            for forget in [false, true] {
                let owner = space.owner("o");
                let mut guard = block_on(space.lock(["a", "b"])).expect("free");
                assert!(guard.hand_over(&owner, ()).expect("held"));
                if !forget {
                    assert_eq!(owner.close(), 1);
                }
                drop(owner);
                assert_empty(&space);
            }
        }
    }

    /// A typo must not end the critical section.
    #[test]
    fn an_id_that_no_owner_of_the_space_ever_had_moves_nothing() {
        for space in spaces() {
            let stranger = Space::builder().epoch(1).build().owner("elsewhere");
            let owner = space.owner("o");
            let (life, number) = owner.id().rsplit_once('-').expect("a number");
            let ids = [
                String::new(),
                "nobody".to_owned(),
                "1".to_owned(),
                format!("{life}-{}", u64::MAX),
                format!("{life}-2"),
                format!("{life}-0"),
                format!("{life}-+{number}"),
                format!("{life}-0{number}"),
                format!("{} ", owner.id()),
                life.to_owned(),
                stranger.id().to_owned(),
            ];
            let mut guard = block_on(space.lock(["a", "b"])).expect("free");
            let mut waits = space.lock("a");
            assert!(poll(&mut waits).is_pending());
            for id in ids {
                let error = guard.hand_over_to(&id, ()).expect_err(&id);
                assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some("owner")), "{id}");
                assert!(guard.held() && poll(&mut waits).is_pending(), "{id}");
            }
            assert!(guard.hand_over_to(owner.id(), ()).expect("held"), "the right one");
            assert_eq!(owner.close(), 1);
            drop(granted(poll(&mut waits)));
            assert_empty(&space);
        }
    }

    #[test]
    fn a_thousand_hand_overs() {
        for space in spaces() {
            let owners = [space.owner("one"), space.owner("other")];
            let mut guard = block_on(owners[0].lock(["a", "b"])).expect("free");
            let token = guard.token();
            for round in 1..if cfg!(miri) { 6 } else { 1000_usize } {
                let to = &owners[round % 2];
                assert!(guard.hand_over(to, round).expect("held"));
                guard = block_on(to.handed_over()).expect("delivered");
                assert_eq!(guard.payload().and_then(|payload| payload.downcast_ref()), Some(&round));
            }
            assert_eq!(guard.token(), token);
            drop(guard);
            assert_empty(&space);
        }
    }

    #[test]
    fn a_port_hands_over_and_is_told() {
        for space in spaces() {
            let (here, there) = (space.port(|| {}), space.port(|| {}));
            let owner = there.owner(Some("there"));
            there.watch_handed_over(&owner, 9);
            let crate::Answer::Granted(grant) = here.lock(&LockSpec::new(["a", "b"]), 1).expect("open") else {
                panic!("free");
            };
            assert!(here.hand_over(grant.ticket, owner.id(), Some(Box::new(5_u8))).expect("held"));
            drop(here);
            let mut settled = Vec::new();
            there.take_settled(&mut settled);
            assert!(matches!(settled[..], [Settled::HandedOver { tag: 9 }]), "{settled:?}");
            let handed = there.take_handed_over(&owner).expect("told");
            assert_eq!((handed.grant, handed.keys.len()), (grant, 2));
            assert!(there.take_handed_over(&owner).is_none() && there.held(grant.ticket));
            drop(there);
            assert_empty(&space);
        }
    }

    #[test]
    fn what_came_along_goes_with_a_grant_that_nobody_saw() {
        let ends: [fn(&crate::Port, &crate::Owner, crate::Grant); 4] = [
            |port, _, grant| assert_eq!(port.cancel(grant.ticket), crate::Cancelled::GrantGivenOn),
            |_, owner, _| assert_eq!(owner.close(), 1),
            |port, _, _| port.space().close(),
            |port, _, _| port.abandon(),
        ];
        for space in spaces() {
            for end in ends {
                let port = space.attach().port(|| {});
                let owner = port.owner(None);
                let mut guard = block_on(space.lock("a")).expect("free");
                let Ok(crate::Answer::Waiting(request)) = port.lock(&LockSpec::new("a").owner(&owner), 1) else {
                    panic!("it is held");
                };
                assert!(guard.hand_over(&owner, 5_u8).expect("held"));
                assert_eq!(port.cancel(request), crate::Cancelled::Gone);
                let mut settled = Vec::new();
                port.take_settled(&mut settled);
                let [Settled::Granted { tag: 1, grant }] = settled[..] else { panic!("{settled:?}") };
                end(&port, &owner, grant);
                assert_empty(&space);
            }
        }
    }
}
