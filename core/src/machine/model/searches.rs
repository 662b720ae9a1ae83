//! How far the searches go.

use std::time::Instant;

use super::operations::{KeyNumber, Operation};
use super::reference::{S, X};
use super::search::{Scope, explore, tell, wander};
use super::spaces::Spaces;
use crate::Mode;

const TWO_KEYS: &[&[(KeyNumber, Mode)]] = &[&[(0, X)], &[(0, S)], &[(1, X)], &[(0, X), (1, X)], &[(0, S), (1, X)]];

const THREE_KEYS: &[&[(KeyNumber, Mode)]] =
    &[&[(0, X)], &[(0, S)], &[(1, X)], &[(2, X)], &[(0, X), (1, X)], &[(1, S), (2, X)], &[(0, X), (1, S), (2, X)], &[]];

/// Miri is some hundred times slower: there a search looks at the first states only.
const fn states(count: usize) -> usize {
    if cfg!(miri) { 5 } else { count }
}

/// Every operation.
pub(super) const SCOPE: Scope = Scope {
    name: "every operation",
    shapes: THREE_KEYS,
    keys: 3,
    owners: 3,
    most: 4,
    states: states(6_000),
    takes,
    limits: (None, None),
    holds: &[],
    late: false,
};

/// Few requests on few keys, so that the programs are longer.
const LONG: Scope =
    Scope { name: "long programs", shapes: TWO_KEYS, keys: 2, owners: 2, most: 3, states: states(12_000), ..SCOPE };

/// Many owners that only take, let go and wait, so that the circles are longer.
const CIRCLES: Scope = Scope {
    name: "long circles",
    shapes: &[&[(0, X)], &[(1, X)], &[(2, X)], &[(0, X), (1, X)], &[(2, S)]],
    owners: 4,
    most: 6,
    states: states(12_000),
    takes: |operation| takes(operation) && takes_part_in_circles(operation),
    ..SCOPE
};

/// Locks that end by themselves, while time goes on.
const TIMED: Scope = Scope {
    name: "longest holds",
    shapes: &[&[(0, X)], &[(0, S)], &[(0, X), (1, X)]],
    holds: &[1, 2],
    states: states(12_000),
    ..LONG
};

/// Grants over several tables that have not reached their own while everything else goes on.
const LATE: Scope =
    Scope { name: "late deliveries", shapes: ACROSS, late: true, most: 4, states: states(12_000), ..LONG };

/// Most of them over both keys, which are in different tables.
const ACROSS: &[&[(KeyNumber, Mode)]] = &[&[(0, X)], &[(1, S)], &[(0, X), (1, X)], &[(0, S), (1, X)]];

/// No more than three wait, and two for a key.
const LIMITED: Scope = Scope { name: "limits", limits: (Some(3), Some(2)), most: 6, states: states(5_000), ..LONG };

fn takes_part_in_circles(operation: &Operation) -> bool {
    use Operation::{Cancel, Claim, HandOver, Join, Release, ReleaseKeys, Take};
    matches!(operation, Join { .. } | Claim(_) | Cancel(_) | Release(_) | ReleaseKeys(..) | HandOver(..) | Take(_))
}

fn takes(operation: &Operation) -> bool {
    match operation {
        // One key is taken at a time.
        Operation::Steal(keys) => keys.len() == 1,
        _ => true,
    }
}

fn search(scope: &Scope, shards: usize) {
    let start = Instant::now();
    let extent = explore(scope, || Spaces::new(shards, scope));
    tell(scope, shards, &extent, start.elapsed());
    assert_eq!(extent.states, scope.states, "the search has shrunk");
    assert_eq!(extent.late > extent.states / 40, scope.late, "late={}", extent.late);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_that_any_operation_leads_to_in_one_shard() {
    search(&SCOPE, 1);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_that_any_operation_leads_to_in_many_shards() {
    search(&SCOPE, 64);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_that_longer_programs_lead_to_in_one_shard() {
    search(&LONG, 1);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_that_longer_programs_lead_to_in_two_shards() {
    search(&LONG, 2);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_with_long_circles() {
    search(&CIRCLES, 64);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_where_few_may_wait() {
    search(&LIMITED, 2);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_that_time_leads_to() {
    search(&TIMED, 2);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each state; the other tests run the same code")]
fn every_state_with_late_deliveries() {
    search(&LATE, 64);
}

#[test]
#[cfg_attr(miri, ignore = "an interpreter takes minutes for each program; the other tests run the same code")]
fn long_programs_at_random() {
    for (most, shards) in [(6, 1), (6, 64), (12, 2), (12, 64), (30, 4)] {
        let scope = Scope { most, ..SCOPE };
        wander(&scope, 0..60, 300, || Spaces::new(shards, &scope));
    }
    for scope in [Scope { most: 8, ..TIMED }, Scope { most: 8, ..LATE }] {
        wander(&scope, 0..60, 300, || Spaces::new(64, &scope));
    }
}
