//! `update` and `transact`: what a body does, and how its call goes on until it commits.
//!
//! Nothing here waits. A [`Course`](course::Course) says what is next: run the body, wait to be told, or it is over.
//! Futures and bindings drive it; every limit, order and rule about turns is below, in one place for all of them:
//!
//! | file | what it settles |
//! |---|---|
//! | `course` | from one attempt to the next: turns, time-outs, ends |
//! | `one_cell` | the way of an update: read, run, write |
//! | `body` | what a body does with cells, as one attempt |
//! | `call` | both for a binding: one object, asked step by step |
//! | `update`, `transact`, `tx` | both for Rust, as futures; `ride` is what they share |
//!
//! How often a body runs is in `machine/progress.rs`, what an attempt keeps in `machine/attempt.rs`.

mod body;
mod call;
mod call_spec;
mod course;
#[cfg(test)]
mod ends;
mod one_cell;
mod ride;
#[cfg(test)]
mod search;
mod step;
mod teller;
#[cfg(test)]
mod tests;
mod transact;
mod tx;
mod update;

pub use self::call::Call;
pub use self::call_spec::CallSpec;
pub use self::step::{Change, Done, Run, Step};
pub use self::transact::{Transact, Transacted};
pub use self::tx::Tx;
pub use self::update::{AtOnce, Awaited, IntoChange, Update, Updated};
