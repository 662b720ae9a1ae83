//! The clauses, told of the reference: what judges the machine is itself looked at.

use std::collections::BTreeSet;

use super::operations::{Answer, Event, Keys, Name, Operation, Owner};
use super::reference::{Reference, S, Stage, X};
use crate::Mode;

const A: u8 = 0;
const B: u8 = 1;
const C: u8 = 2;
const ANN: Option<Owner> = Some(0);
const BEN: Option<Owner> = Some(1);
const CID: Option<Owner> = Some(2);

fn keys(keys: &[(u8, Mode)]) -> Keys {
    keys.iter().copied().collect()
}

fn set(keys: &[u8]) -> BTreeSet<u8> {
    keys.iter().copied().collect()
}

impl Reference {
    fn does(&mut self, operation: Operation) -> Answer {
        let answer = self.apply(&operation).0;
        assert!(!self.is_torn() && !self.is_stuck(), "after {operation:?}");
        answer
    }

    fn tells(&mut self, operation: Operation) -> Vec<Event> {
        self.apply(&operation).1
    }

    fn asks(&mut self, owner: Option<Owner>, asked: &[(u8, Mode)]) -> Answer {
        self.does(Operation::Join { owner, keys: keys(asked) })
    }

    fn granted(&mut self, owner: Option<Owner>, asked: &[(u8, Mode)]) -> Name {
        match self.asks(owner, asked) {
            Answer::Granted(name) => name,
            other => panic!("{other:?}"),
        }
    }

    fn waiting(&mut self, owner: Option<Owner>, asked: &[(u8, Mode)]) -> Name {
        match self.asks(owner, asked) {
            Answer::Waiting(name) => name,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn first_come_first_served_and_sets_reserve() {
    let mut space = Reference::default();
    let first = space.granted(None, &[(A, X)]);
    let both = space.waiting(None, &[(A, X), (B, X)]);
    let behind = space.waiting(None, &[(B, X)]);
    assert_eq!(space.tells(Operation::Release(first)), [Event::Granted(both)]);
    assert_eq!(space.does(Operation::Claim(both)), Answer::Granted(both));
    let partly = Operation::ReleaseKeys(both, set(&[B]));
    assert_eq!(space.tells(partly), [Event::Granted(behind)]);
    assert_eq!(space.does(Operation::ReleaseKeys(both, set(&[A, B]))), Answer::NotHeld(set(&[B])));
    assert_eq!(space.does(Operation::ReleaseKeys(both, set(&[A]))), Answer::Done);
    assert_eq!(space.does(Operation::Release(both)), Answer::NotHeld(set(&[])));
}

#[test]
fn downgrade_admits_the_shared_ones_next_in_line() {
    let mut space = Reference::default();
    let holder = space.granted(None, &[(A, X), (B, X)]);
    let reads = space.waiting(None, &[(A, S)]);
    let writes = space.waiting(None, &[(A, X)]);
    let late = space.waiting(None, &[(A, S)]);
    assert_eq!(space.tells(Operation::Downgrade(holder, Some(set(&[A])))), [Event::Granted(reads)]);
    assert_eq!(space.tells(Operation::TimeOut(writes)), [Event::Granted(late)]);
    assert_eq!(space.does(Operation::Downgrade(holder, Some(set(&[A, C])))), Answer::NotHeld(set(&[C])));
}

#[test]
fn an_own_key_is_a_deadlock_but_not_to_a_try_nor_without_owner() {
    let mut space = Reference::default();
    space.granted(ANN, &[(A, S)]);
    assert_eq!(space.asks(ANN, &[(A, X)]), Answer::Deadlock);
    assert_eq!(space.does(Operation::JoinNow { owner: ANN, keys: keys(&[(A, X)]) }), Answer::Deadlock);
    assert_eq!(space.does(Operation::Try { owner: ANN, keys: keys(&[(A, X)]) }), Answer::None);
    assert!(matches!(space.asks(ANN, &[(A, S)]), Answer::Granted(_)));
    assert!(matches!(space.asks(None, &[(A, X)]), Answer::Waiting(_)));
}

/// The example of clause L12: b is free, but reserved for one who waits for a.
#[test]
fn a_reserved_key_closes_a_cycle() {
    let mut space = Reference::default();
    space.granted(ANN, &[(A, X)]);
    space.waiting(BEN, &[(A, X), (B, X)]);
    assert_eq!(space.asks(ANN, &[(B, X)]), Answer::Deadlock);
    assert_eq!(space.requests.len(), 2);
}

#[test]
fn a_cycle_of_three_has_one_victim() {
    let mut space = Reference::default();
    space.granted(ANN, &[(A, X)]);
    space.granted(BEN, &[(B, X)]);
    let held = space.granted(CID, &[(C, X)]);
    space.waiting(ANN, &[(B, X)]);
    let waits = space.waiting(BEN, &[(C, X)]);
    assert_eq!(space.asks(CID, &[(A, X)]), Answer::Deadlock);
    assert_eq!(space.tells(Operation::Release(held)), [Event::Granted(waits)]);
}

#[test]
fn a_cycle_runs_through_a_stranger() {
    let mut space = Reference::default();
    space.granted(ANN, &[(A, X)]);
    space.waiting(None, &[(B, X), (A, X)]);
    space.waiting(None, &[(C, X), (B, X)]);
    assert_eq!(space.asks(ANN, &[(C, X)]), Answer::Deadlock, "c is reserved for one who waits for one who waits for a");
    space.waiting(BEN, &[(C, X)]);
}

#[test]
fn no_cycle_without_one() {
    let mut space = Reference::default();
    space.granted(ANN, &[(A, X)]);
    space.granted(BEN, &[(B, X)]);
    space.waiting(ANN, &[(B, X)]);
    space.waiting(CID, &[(A, X)]);
    assert!(matches!(space.asks(BEN, &[(C, X)]), Answer::Granted(_)));
    assert_eq!(space.asks(BEN, &[(A, X)]), Answer::Deadlock);
}

#[test]
fn a_guard_is_handed_over_with_its_place() {
    let mut space = Reference::default();
    let guard = space.granted(ANN, &[(A, X), (B, X)]);
    let resolved = space.waiting(BEN, &[(A, S)]);
    let waiting = space.waiting(None, &[(A, X)]);
    assert_eq!(space.does(Operation::HandOver(guard, 0)), Answer::Invalid);
    let (answer, events) = space.apply(&Operation::HandOver(guard, 1));
    assert_eq!((answer, events), (Answer::HandedOver(resolved), vec![Event::Granted(resolved)]));
    assert_eq!(space.does(Operation::Release(guard)), Answer::NotHeld(set(&[])));
    space.does(Operation::Claim(resolved));
    let Answer::HandedOver(guard) = space.does(Operation::HandOver(resolved, 2)) else { panic!("not handed over") };
    assert_eq!(space.requests[0].stage, Stage::Inbox);
    assert_eq!(space.does(Operation::Take(2)), Answer::Granted(guard));
    assert_eq!(space.does(Operation::CloseOwner(1)), Answer::Count(0));
    let (answer, events) = space.apply(&Operation::HandOver(guard, 1));
    assert_eq!((answer, events), (Answer::Undelivered, vec![Event::Granted(waiting)]));
}

#[test]
fn a_hand_over_closes_no_cycle() {
    let mut space = Reference::default();
    let guard = space.granted(ANN, &[(A, X)]);
    space.granted(BEN, &[(B, X)]);
    space.waiting(CID, &[(A, X), (C, X)]);
    assert_eq!(space.does(Operation::HandOver(guard, 2)), Answer::Deadlock, "more than the guard has");
    space.waiting(BEN, &[(C, X)]);
    assert_eq!(space.does(Operation::HandOver(guard, 1)), Answer::Deadlock, "through the earlier request for c");
    assert_eq!(space.requests[0].owner, ANN);
}

#[test]
fn what_is_taken_away_is_lost_and_the_rest_stays_reserved() {
    let mut space = Reference::default();
    let guard = space.granted(None, &[(A, X), (B, X)]);
    let next = space.waiting(None, &[(A, X)]);
    let Answer::Waiting(rest) = space.does(Operation::JoinFor { owner: None, keys: keys(&[(B, X)]), hold: 1 }) else {
        panic!("b is held");
    };
    let revoke = Operation::Revoke(set(&[A, C]));
    assert_eq!(space.apply(&revoke), (Answer::Count(1), vec![Event::Lost(guard), Event::Granted(next)]));
    assert_eq!(space.does(Operation::HandOver(guard, 0)), Answer::NotHeld(set(&[])));
    assert_eq!(space.tells(Operation::Release(guard)), [Event::Granted(rest)]);
    assert_eq!(space.does(Operation::Release(guard)), Answer::NotHeld(set(&[])));
    assert_eq!(space.does(Operation::Pass), Answer::Done);
    assert_eq!(space.tells(Operation::Tick), [Event::Lost(rest)]);
    assert_eq!(space.does(Operation::Release(rest)), Answer::NotHeld(set(&[])), "nothing is left of it");
    assert_eq!(space.requests.len(), 1);
}

#[test]
fn a_guard_that_lost_all_its_keys_is_forgotten_when_its_caller_has_seen_it() {
    let mut space = Reference::default();
    let guard = space.granted(None, &[(A, X), (B, X)]);
    let unseen = space.waiting(None, &[(A, X)]);
    assert_eq!(space.tells(Operation::Revoke(set(&[A]))), [Event::Lost(guard), Event::Granted(unseen)]);
    assert!(space.find(guard).is_some(), "b stays reserved");
    assert_eq!(space.does(Operation::Revoke(set(&[B]))), Answer::Count(0), "it was lost before");
    assert!(space.find(guard).is_none());
    assert_eq!(space.tells(Operation::Revoke(set(&[A]))), [Event::Lost(unseen)]);
    assert!(space.find(unseen).is_some());
    assert_eq!(space.does(Operation::Claim(unseen)), Answer::Granted(unseen));
    assert!(space.requests.is_empty());
}

#[test]
fn who_asks_finds_that_a_time_is_over() {
    let asked = |asked: &[(u8, Mode)]| (None, keys(asked));
    let mut before = Reference::default();
    let Answer::Granted(over) = before.does(Operation::JoinFor { owner: ANN, keys: keys(&[(A, X)]), hold: 1 }) else {
        panic!("a is free");
    };
    let lasts = before.granted(CID, &[(B, X)]);
    let next = before.waiting(None, &[(A, X)]);
    assert_eq!(before.tells(Operation::Pass), []);
    let (owner, wanted) = asked(&[(A, S)]);
    for operation in [
        Operation::Tick,
        Operation::Query,
        Operation::Join { owner, keys: wanted.clone() },
        Operation::JoinNow { owner, keys: wanted.clone() },
        Operation::Try { owner, keys: wanted },
        Operation::Release(over),
        Operation::ReleaseKeys(lasts, set(&[B])),
        Operation::Downgrade(lasts, None),
        Operation::HandOver(lasts, 1),
        Operation::Revoke(set(&[C])),
        Operation::Steal(set(&[C])),
    ] {
        let mut space = before.clone();
        assert_eq!(space.tells(operation.clone()), [Event::Lost(over), Event::Granted(next)], "{operation:?}");
        assert!(space.find(over).is_none());
    }
    let (owner, free) = asked(&[(C, X)]);
    for operation in [Operation::Try { owner, keys: free }, Operation::Release(lasts), Operation::Cancel(next)] {
        let mut space = before.clone();
        assert_eq!(space.tells(operation.clone()), [], "nobody needs the time for this: {operation:?}");
    }
    let mut space = before;
    assert_eq!(space.does(Operation::HandOver(over, 1)), Answer::NotHeld(set(&[])));
    assert_eq!(space.does(Operation::Release(over)), Answer::NotHeld(set(&[])));
}

#[test]
fn a_thief_comes_before_all_who_are_queued() {
    let mut space = Reference::default();
    let guard = space.granted(None, &[(A, X)]);
    let queued = space.waiting(None, &[(A, X), (B, X)]);
    assert_eq!(space.tells(Operation::Steal(set(&[A]))), [Event::Lost(guard)]);
    assert_eq!(space.does(Operation::Try { owner: None, keys: keys(&[(B, X)]) }), Answer::None, "still reserved");
    let thief = space.requests[0].name;
    assert_eq!(space.tells(Operation::Release(thief)), [Event::Granted(queued)]);
}

#[test]
fn an_owner_ends_with_all_that_it_has() {
    let mut space = Reference::default();
    let held = space.granted(ANN, &[(A, X)]);
    space.granted(BEN, &[(B, X)]);
    let waits = space.waiting(ANN, &[(B, X)]);
    let next = space.waiting(None, &[(A, X)]);
    let (answer, events) = space.apply(&Operation::CloseOwner(0));
    assert_eq!(answer, Answer::Count(2));
    assert_eq!(events, [Event::Lost(held), Event::Ended(waits), Event::Granted(next)]);
    assert_eq!(space.asks(ANN, &[(C, X)]), Answer::Cancelled);
}

#[test]
fn a_full_queue_takes_nobody_in() {
    let mut space = Reference::limited(Some(2), Some(1));
    space.granted(ANN, &[(A, X), (B, X), (C, X)]);
    space.waiting(None, &[(A, X)]);
    assert_eq!(space.asks(None, &[(A, X), (B, X)]), Answer::Busy(1));
    assert_eq!(space.asks(ANN, &[(A, X)]), Answer::Busy(1), "it is not even looked for a circle");
    assert_eq!(space.asks(ANN, &[(B, X)]), Answer::Deadlock);
    space.waiting(None, &[(B, X)]);
    assert_eq!(space.asks(None, &[(C, X)]), Answer::Busy(2));
    assert_eq!(space.does(Operation::JoinNow { owner: None, keys: keys(&[(C, X)]) }), Answer::TimedOut);
}

#[test]
fn only_who_was_queued_is_told_of_an_abandoned_lock() {
    let mut space = Reference::default();
    let gone = space.granted(None, &[(A, X), (B, X)]);
    let told = space.waiting(None, &[(A, X)]);
    space.does(Operation::ReleaseKeys(gone, set(&[B])));
    space.granted(None, &[(B, X)]);
    let untold = space.waiting(None, &[(B, X)]);
    space.does(Operation::Abandon(gone));
    let marked = |name| space.requests.iter().any(|request| request.name == name && request.abandoned);
    assert!(marked(told) && !marked(untold));
}
