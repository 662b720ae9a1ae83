//! The comparison must be able to see a fault: whatever is told wrongly is caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::operations::{Answer, Event, Operation};
use super::reference::Reference;
use super::search::{Scope, States, Subject, explore};
use super::searches::SCOPE;
use super::spaces::Spaces;

/// A space of which something else is expected than the reference says.
struct Misled {
    space: Spaces,
    mislead: fn(&mut Answer, &mut Vec<Event>),
}

impl Subject for Misled {
    fn apply(&mut self, states: States<'_>, operation: &Operation, answer: &Answer, events: &[Event]) {
        let (mut answer, mut events) = (answer.clone(), events.to_vec());
        (self.mislead)(&mut answer, &mut events);
        self.space.apply(states, operation, &answer, &events);
    }

    fn check(&mut self, reference: &Reference) {
        self.space.check(reference);
    }
}

fn is_seen(mislead: fn(&mut Answer, &mut Vec<Event>)) -> bool {
    let scope = Scope { states: 500, ..SCOPE };
    let space = || Misled { space: Spaces::new(2, &scope), mislead };
    catch_unwind(AssertUnwindSafe(|| explore(&scope, space))).is_err()
}

#[test]
fn what_is_as_expected_is_not_taken_for_a_fault() {
    assert!(!is_seen(|_, _| {}));
}

#[test]
fn a_deadlock_that_is_not_seen_is() {
    assert!(is_seen(|answer, _| {
        if *answer == Answer::Deadlock {
            *answer = Answer::TimedOut;
        }
    }));
}

#[test]
fn a_grant_that_is_not_told_is() {
    assert!(is_seen(|_, events| events.retain(|event| !matches!(event, Event::Granted(_)))));
}

#[test]
fn a_loss_that_is_not_told_is() {
    assert!(is_seen(|_, events| events.retain(|event| !matches!(event, Event::Lost(_)))));
}

#[test]
fn a_wait_that_ends_and_is_not_told_is() {
    assert!(is_seen(|_, events| events.retain(|event| !matches!(event, Event::Ended(_)))));
}

#[test]
fn a_wrong_count_is() {
    assert!(is_seen(|answer, _| {
        if let Answer::Count(count) = answer {
            *count += 1;
        }
    }));
}

#[test]
fn keys_that_are_not_held_and_not_named_are() {
    assert!(is_seen(|answer, _| {
        if let Answer::NotHeld(keys) = answer {
            keys.clear();
        }
    }));
}
