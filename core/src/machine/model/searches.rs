//! How far the searches go.

use std::time::Instant;

use super::reference::{KeyNumber, Operation, S, X};
use super::search::{Scope, explore, tell, wander};
use super::spaces::Spaces;
use crate::Mode;

const SHAPES: &[&[(KeyNumber, Mode)]] =
    &[&[(0, X)], &[(0, S)], &[(1, X)], &[(0, X), (1, X)], &[(0, S), (1, X)], &[(0, X), (1, S), (2, X)], &[(2, X)]];

const SCOPE: Scope = Scope {
    name: "a space",
    shapes: SHAPES,
    keys: 3,
    owners: 3,
    most: 4,
    states: if cfg!(miri) { 5 } else { 5_000 },
    takes,
    limits: (None, None),
};

fn takes(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::Take(_)
            | Operation::HandOver(..)
            | Operation::Steal(_)
            | Operation::Expire(_)
    )
}

fn search(scope: &Scope, shards: usize) {
    let start = Instant::now();
    let extent = explore(scope, || Spaces::new(shards, scope.owners));
    tell(scope, &extent, start.elapsed());
    assert_eq!(extent.states, scope.states, "the search has shrunk");
}

#[test]
fn every_state_of_a_space_of_one_shard_is_that_of_the_reference() {
    search(&Scope { name: "one shard", ..SCOPE }, 1);
}

#[test]
fn every_state_of_a_space_of_many_shards_is_that_of_the_reference() {
    search(&Scope { name: "many shards", ..SCOPE }, 64);
}

#[test]
fn long_programs_come_to_what_the_reference_says() {
    let scope = Scope { most: 10, ..SCOPE };
    for shards in [1, 2, 64] {
        wander(&scope, 0..40, 300, || Spaces::new(shards, scope.owners));
    }
}
