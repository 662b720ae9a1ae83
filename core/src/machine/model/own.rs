//! The reference itself, in every state that it can reach.
//!
//! The searches look at clauses L2 and L12 as they go: no two hold what they cannot both have, and nobody waits for
//! himself. Here somebody looks ahead, without any graph: everybody who does not wait lets go of all he has, again and
//! again. Whoever was let in gets what he asked for in the end, and whoever was refused would have waited for ever.

use std::time::Instant;

use super::operations::{Answer, Event, Operation, Owner};
use super::reference::{Reference, Request, S, Stage, X};
use super::search::{Scope, States, Subject, explore, tell, wander};

const SCOPE: Scope = Scope {
    name: "the reference alone",
    shapes: &[&[(0, X)], &[(0, S)], &[(1, X)], &[(0, X), (1, X)], &[(0, S), (1, X)], &[(1, X), (2, S)]],
    keys: 3,
    owners: 3,
    most: 4,
    states: 10_000,
    takes: |_| true,
    limits: (None, None),
    holds: &[1],
    late: false,
};

/// Knows of every refusal and every wait how it would have ended.
#[derive(Default)]
struct Foresight(Reference);

impl Foresight {
    /// Whether all who wait are granted when everybody goes on as long as he can.
    fn all_get_there(mut reference: Reference) -> bool {
        loop {
            let waits = |owner: Owner| reference.waiting_of(owner).next().is_some();
            let goes_on = |request: &Request| !request.waits() && !request.owner.is_some_and(waits);
            let Some(at) = reference.requests.iter().position(goes_on) else {
                return reference.requests.is_empty();
            };
            reference.requests.remove(at);
            for at in 0..reference.requests.len() {
                if reference.eligible(at) {
                    reference.requests[at].stage = Stage::Claimed;
                }
            }
        }
    }

    /// The state in which a hand-over that was refused took place all the same.
    fn with_moved(&self, name: usize, to: Owner) -> Reference {
        let mut reference = self.0.clone();
        let overlaps = |request: &Request| request.owner == Some(to) && request.waits();
        let guard = reference.find(name).map(|at| reference.requests[at].keys.clone()).unwrap_or_default();
        let resolved = reference.requests.iter().position(|other| {
            overlaps(other) && other.keys.iter().all(|(key, mode)| guard.get(key).is_some_and(|held| held <= mode))
        });
        resolved.map(|at| reference.requests.remove(at));
        if let Some(at) = reference.find(name) {
            reference.requests[at].owner = Some(to);
        }
        reference
    }
}

impl Subject for Foresight {
    fn apply(&mut self, _: States<'_>, operation: &Operation, answer: &Answer, _: &[Event]) {
        let refused = *answer == Answer::Deadlock;
        match operation {
            Operation::Join { owner, keys } | Operation::JoinNow { owner, keys } if refused => {
                assert!(!Foresight::all_get_there(self.0.with_waiting(*owner, keys)), "a false alarm");
            }
            Operation::HandOver(name, to) if refused => {
                let shares =
                    |request: &Request, guard: &Request| request.keys.keys().any(|key| guard.keys.contains_key(key));
                let guard = self.0.find(*name).map(|at| self.0.requests[at].clone());
                let overlaps =
                    guard.is_some_and(|guard| self.0.waiting_of(*to).any(|at| shares(&self.0.requests[at], &guard)));
                assert!(overlaps || !Foresight::all_get_there(self.with_moved(*name, *to)), "a false alarm");
            }
            _ => {}
        }
        let _ = self.0.apply(operation);
        assert!(Foresight::all_get_there(self.0.clone()), "a cycle that nobody saw: {:?}", self.0);
    }

    fn check(&mut self, reference: &Reference) {
        assert_eq!(self.0, *reference);
    }
}

#[test]
fn no_state_of_the_reference_has_a_cycle_and_no_refusal_is_a_false_alarm() {
    let start = Instant::now();
    let extent = explore(&SCOPE, Foresight::default);
    tell(&SCOPE, 0, &extent, start.elapsed());
    assert_eq!(extent.states, SCOPE.states);
    wander(&Scope { most: 8, ..SCOPE }, 0..50, 200, Foresight::default);
}

/// The foresight sees a cycle when there is one.
#[test]
fn the_foresight_sees_a_cycle() {
    let mut foresight = Foresight::default();
    for (owner, key) in [(0, 0), (1, 1)] {
        let keys = [(key, X)].into();
        let _ = foresight.0.apply(&Operation::Join { owner: Some(owner), keys });
    }
    let _ = foresight.0.apply(&Operation::Join { owner: Some(0), keys: [(1, X)].into() });
    assert!(Foresight::all_get_there(foresight.0.clone()));
    assert!(!Foresight::all_get_there(foresight.0.with_waiting(Some(1), &[(0, X)].into())));
}
