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
//! | `update`, `transact` | both for Rust, as futures; `ride` is what they share |
//! | `tx`, `local` | what the body of a transaction has in hand, as a future and as a plain function; `savepoint` in both |
//!
//! Words that are for one thing each:
//!
//! | word | what it is |
//! |---|---|
//! | call | one `update` or `transact`, from its beginning to its end; its number is known beside cells and guards |
//! | course | where a call is, and what it has: turn, sleep, alarm, watches |
//! | attempt | one run of a body, with what it read and is to write |
//! | scope | the number of an attempt, or of a savepoint in it: what a handle acts through |
//! | site | where a course is carried on: a space, and a teller |
//! | teller | who is told that a call has something to go on with; a bell stands for a future there |
//! | ride | a course that a future carries on, with its bell |
//! | turn | the right to change cells before other calls; its rank says of which: none, its cells, all |
//! | doom | why an attempt cannot commit; a clash is what that means for the next turn |
//! | mark | what ends an attempt whatever its body does: it is doomed, or waits |
//! | step, go | what is next: for a binding, and inside |
//!
//! How often a body runs is in `machine/progress.rs`, what an attempt keeps in `machine/attempt.rs`.

mod body;
mod call;
mod call_spec;
mod course;
#[cfg(test)]
mod ends;
mod local;
mod one_cell;
mod ride;
mod savepoint;
#[cfg(test)]
mod search;
mod step;
mod teller;
#[cfg(test)]
mod tests;
mod transact;
#[cfg(test)]
mod turn_ends;
mod tx;
mod update;

pub use self::call::Call;
pub use self::call_spec::CallSpec;
pub use self::local::LocalTx;
pub use self::step::{Change, Done, Run, Step};
pub use self::transact::{Transact, Transacted};
pub use self::tx::Tx;
pub use self::update::{AtOnce, Awaited, IntoChange, Update, Updated};
