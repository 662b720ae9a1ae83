//! The scenario runner of the Rust host, and what the stories share.
//!
//! | module | what it is |
//! |---|---|
//! | [`scenario`] | a scenario file: its grammar, its keys, the folders and the index |
//! | [`host`] | the public API as the runner sees it: [`host::Futures`] and [`host::Ports`] |
//! | [`runner`] | runs one file on one host |
//! | [`orders`] | runs one file in every interleaving, against [`model`] |
//! | [`model`] | the slow, obvious lock table that judges an interleaving |
//! | [`stage`] | runs the actors of a story: on threads, on one thread, on a runtime |
//! | [`poll`] | futures polled by hand, only when they were woken |
//! | [`history`] | judges what concurrent transactions saw |
//! | [`refused`] | programs with bad input that do not compile |

pub mod history;
pub mod host;
mod matching;
pub mod model;
pub mod orders;
pub mod poll;
pub mod refused;
pub mod runner;
pub mod scenario;
pub mod stage;
