//! Who waits for whom: a plain search through the requests of the reference (clause L12).
//!
//! A request that waits waits for every earlier request that it clashes with, holder or not. And an owner is one line of
//! work: whatever waits for a request of an owner waits for everything that this owner waits for.

use std::collections::BTreeSet;

use super::reference::{Owner, Reference, clash};

impl Reference {
    /// Those that stand in the way of a request.
    pub(super) fn blockers(&self, at: usize) -> Vec<usize> {
        (0..at).filter(|&earlier| clash(&self.requests[earlier].keys, &self.requests[at].keys)).collect()
    }

    /// What an owner waits for, in order of arrival.
    pub(super) fn waiting_of(&self, owner: Owner) -> impl Iterator<Item = usize> {
        (0..self.requests.len()).filter(move |&at| self.requests[at].owner == Some(owner) && self.requests[at].waits())
    }

    /// Whether one of `from`, or somebody for whom one of them waits, is a goal.
    pub(super) fn reaches(&self, from: Vec<usize>, goal: impl Fn(usize) -> bool) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = from;
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            if goal(at) {
                return true;
            }
            if self.requests[at].waits() {
                open.extend(self.blockers(at));
            }
            if let Some(owner) = self.requests[at].owner {
                open.extend(self.waiting_of(owner));
            }
        }
        false
    }

    /// Whether a request waits for another one of its owner.
    pub(super) fn closes_a_cycle(&self, at: usize) -> bool {
        let own = self.requests[at].owner;
        own.is_some() && self.reaches(self.blockers(at), |other| other != at && self.requests[other].owner == own)
    }

    /// Whether anybody waits for himself: no state may show that.
    pub(super) fn is_stuck(&self) -> bool {
        (0..self.requests.len()).any(|at| self.requests[at].waits() && self.closes_a_cycle(at))
    }

    /// Whether two hold at once what they cannot both have: no state may show that.
    pub(super) fn is_torn(&self) -> bool {
        (0..self.requests.len()).any(|at| !self.requests[at].waits() && !self.eligible(at))
    }
}
