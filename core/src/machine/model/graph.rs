//! Who waits for whom: a plain search through the requests of the reference (clause L12).
//!
//! A request that waits waits for every earlier request that it clashes with, holder or not. And an owner is one line of
//! work: whatever waits for a request of an owner waits for everything that this owner waits for.

use std::collections::BTreeSet;

use super::operations::{KeyNumber, Keys, Owner};
use super::reference::{Reference, S, X, clash};

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

    /// Whether these steps are a cycle that a request of `owner` for `keys` would close: each names who waits and for
    /// which key; whoever stands in the way there is the next to wait, or its owner is; and the last waits for the first.
    pub(super) fn has_cycle(&self, owner: Option<Owner>, keys: &Keys, steps: &[(Option<Owner>, KeyNumber)]) -> bool {
        let with = self.with_waiting(owner, keys);
        let last = with.requests.len() - 1;
        let mut waiting = BTreeSet::from([last]);
        let mut in_front = BTreeSet::new();
        for &(owner, key) in steps {
            waiting.retain(|&at| with.requests[at].owner == owner);
            in_front.clear();
            for at in std::mem::take(&mut waiting) {
                in_front.extend(with.blockers(at).into_iter().filter(|&other| with.clash_on(key, other, at)));
            }
            for &at in &in_front {
                let request = &with.requests[at];
                waiting.extend(request.waits().then_some(at));
                waiting.extend(request.owner.into_iter().flat_map(|owner| with.waiting_of(owner)));
            }
        }
        in_front.into_iter().any(|at| with.requests[at].owner == owner)
    }

    fn clash_on(&self, key: KeyNumber, one: usize, other: usize) -> bool {
        let mode = |at: usize| self.requests[at].keys.get(&key).copied();
        mode(one).zip(mode(other)).is_some_and(|(one, other)| one == X || other == X)
    }

    /// Who is named as standing in the way of a request that waits, by key: those at the front of the line; for a shared
    /// one behind shared ones, the exclusive one that waits between them.
    pub(super) fn fronts(&self, at: usize) -> Vec<(KeyNumber, usize)> {
        let mut named = Vec::new();
        for (&key, &mode) in &self.requests[at].keys {
            let line: Vec<usize> = (0..at).filter(|&other| self.requests[other].keys.contains_key(&key)).collect();
            let shared = |other: usize| self.requests[other].keys[&key] == S;
            let front = match line.first() {
                Some(&first) if shared(first) => line.iter().take_while(|&&other| shared(other)).count(),
                first => first.into_iter().count(),
            };
            let shares = mode == S && line.first().is_some_and(|&first| shared(first));
            match shares {
                true => named.extend(line.get(front).map(|&other| (key, other))),
                false => named.extend(line[..front].iter().map(|&other| (key, other))),
            }
        }
        named
    }

    /// The largest number of requests that wait for one of its keys up to a request, itself included.
    pub(super) fn place(&self, at: usize) -> usize {
        let waits_for = |other: usize, key| self.requests[other].waits() && self.requests[other].keys.contains_key(key);
        let keys = self.requests[at].keys.keys();
        keys.map(|key| (0..=at).filter(|&other| waits_for(other, key)).count()).max().unwrap_or(0)
    }
}
