//! The models on a space: one key, and two keys in one shard or in two.

use std::sync::OnceLock;

use latchwork::{Key, Space};
use latchwork_models::explore::every_schedule;
use latchwork_models::shell::{keys_in_two_shards, space};

use super::models;

/// The same keys on every schedule: looked for in a model of its own.
pub(crate) fn keys() -> [Key; 2] {
    static KEYS: OnceLock<[Key; 2]> = OnceLock::new();
    let look = || {
        let found = std::sync::Arc::new(OnceLock::new());
        let put = found.clone();
        loom::model(move || drop(put.set(keys_in_two_shards())));
        found.get().expect("the model ran").clone()
    };
    KEYS.get_or_init(look).clone()
}

fn on(name: &str, model: fn(&Space, &[Key]), variants: &[(usize, usize, usize)]) {
    let keys = keys();
    for &(shards, count, preemptions) in variants {
        let keys = keys[..count].to_vec();
        let name = format!("{name}/shards={shards}/keys={count}");
        every_schedule(&name, preemptions, move || model(&space(shards), &keys));
    }
}

#[test]
fn grant_against_cancel() {
    on("grant_against_cancel", models::grant_against_cancel, &[(1, 1, 4), (2, 2, 4)]);
}

#[test]
fn release_against_enqueue() {
    on("release_against_enqueue", models::release_against_enqueue, &[(1, 1, 3), (2, 2, 3)]);
}

#[test]
fn exclusion() {
    on("exclusion", models::exclusion, &[(1, 1, 4), (2, 2, 4)]);
}

#[test]
fn waker_changed_between_polls() {
    on("waker_changed_between_polls", models::waker_changed_between_polls, &[(1, 1, 4), (2, 2, 4)]);
}

#[test]
fn close_against_grant() {
    on("close_against_grant", models::close_against_grant, &[(1, 1, 3), (2, 2, 3)]);
}

#[test]
fn close_against_enqueue() {
    on("close_against_enqueue", models::close_against_enqueue, &[(1, 1, 4), (2, 2, 4)]);
}

#[test]
fn two_releases_against_one_wait() {
    on("two_releases_against_one_wait", models::two_releases_against_one_wait, &[(1, 2, 3), (2, 2, 3)]);
}

#[test]
fn two_releases_against_cancel() {
    on("two_releases_against_cancel", models::two_releases_against_cancel, &[(1, 2, 3), (2, 2, 3)]);
}
