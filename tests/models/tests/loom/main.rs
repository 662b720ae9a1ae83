//! Two to four threads on every schedule with few preemptions, each model on a space with one shard and with two, and
//! on a little shell that has the fault the model is there for.

#![cfg(loom)]

mod hosts;
mod models;
mod on_calls;
mod on_cells;
mod on_faults;
mod on_owners;
mod on_ports;
mod on_spaces;

/// What the checker says when somebody waits who is never woken.
const NEVER_WOKEN: &str = "deadlock";
