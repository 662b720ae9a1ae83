//! How the models of a space run whose control is its host: on every schedule with a host that does its part, and once with
//! one that does not, which has to be found.

use std::sync::Arc;

use latchwork::{Key, Port, Space};
use latchwork_models::checker::{Signal, block_on};
use latchwork_models::explore::{every_schedule, finds_a_fault, run};

use super::on_spaces::keys;

/// What the host does, or how it goes wrong: it forgets its part, or does in two steps what the space does in one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Good,
    Careless,
}

/// Takes the number of shards and two keys.
pub(crate) type Model = fn(usize, &[Key; 2], Host);

/// Runs a model on a space with one shard, and on one with two.
pub(crate) fn check(name: &'static str, preemptions: usize, model: Model) {
    for shards in [1, 2] {
        check_on(shards, name, preemptions, model);
    }
}

/// Runs a model on a space with so many shards.
pub(crate) fn check_on(shards: usize, name: &'static str, preemptions: usize, model: Model) {
    let keys = keys();
    let name = format!("{name}/shards={shards}");
    every_schedule(&name, preemptions, move || model(shards, &keys, Host::Good));
}

/// Has a careless host found out, by the words `why`. The control of the test `of`, which is named with its module, is
/// called as it is, with `_control` after it.
pub(crate) fn control(of: &str, model: Model, why: &str) {
    let keys = keys();
    finds_a_fault(&format!("{of}_control"), why, || {
        run(2, move || model(2, &keys, Host::Careless));
    });
}

/// A port whose wakes can be waited for; a careless host does not pass them on.
pub(crate) fn port_of<V: Send + Sync + 'static>(space: &Space<V>, host: Host) -> (Port<V>, Arc<Signal>) {
    let woken = Signal::new();
    let wake = woken.clone();
    let port = space.port(move || {
        if host == Host::Good {
            wake.give();
        }
    });
    (port, woken)
}

/// Its shards of cells are made already: by a `OnceLock`, of which the checker does not see who comes after whom.
pub(crate) fn space_with_cells(shards: usize) -> Space<u32> {
    let space: Space<u32> = Space::builder().cells().shards(shards).build();
    assert!(block_on(space.get("nothing")).expect("open").value.is_none());
    space
}
