//! Keyed multi-locks and versioned cells with the same semantics in Rust, Node, Python and the browser.
//!
//! A [`Space`] holds lock queues and cells by [`Key`]. A request names several keys at once and gets all of them or waits for
//! all of them, first come first served, holding nothing meanwhile; dropping it cancels. There is no runtime in here:
//! a [`LockRequest`] is a plain future.
//!
//! ```
//! use latchwork::{Space, key};
//!
//! # futures::executor::block_on(async {
//! let space = Space::new();
//! let guard = space.lock([key!("account", 1), key!("account", 2)]).await?; // both or none
//! // … load, change, save …
//! drop(guard); // the next in line has both
//! # Ok::<_, latchwork::Error>(()) }).unwrap();
//! ```
//!
//! A cell holds a value and its version: [`insert`](Space::insert), [`compare_exchange`](Space::compare_exchange) and
//! [`atomic`](Space::atomic) write only what nobody has changed, [`update`](Space::update) and [`transact`](Space::transact)
//! run again until that is so, and a write that names a [`Guard`] only while that is held. Which one is for which race says
//! the chapter `docs::choosing`, and `docs::recipes` has code for eight of them.
//!
//! # How it is built
//!
//! ```text
//!  handles    Space, LockRequest, Guard, Port, Drive    public; no rules in here
//!  calls      `update` and `transact`: what is next, in `transaction`
//!  engine     what a handle needs of the place where locks live; `Memory` is the first
//!  shared     shards, each a mutex around a table; tells everyone concerned after unlocking
//!  machine    the rules, pure: who waits, who is granted, what is due
//! ```
//!
//! Everything about order is in `machine`, and who is granted next in its `queue`. It is synchronous, changes under
//! `&mut self`, and returns what follows for others as values. What it promises is listed, clause by clause and with
//! the tests that show it, in `docs::semantics`; why it is built so in `docs::decisions`.
//!
//! # Time
//!
//! Nothing here reads a clock. A space that is to know time is given one, and somebody has to tell it when time has
//! passed:
//!
//! ```
//! let start = std::time::Instant::now();
//! let space = latchwork::Space::builder().clock(move || start.elapsed()).build();
//! // tokio::spawn(space.drive(tokio::time::sleep));
//! let request = space.lock("report").timeout(std::time::Duration::from_secs(2));
//! # drop(request);
//! ```

#![forbid(unsafe_code)]

mod atomic;
mod builder;
mod cells;
mod clock;
mod commit;
#[cfg(any(doc, doctest))]
pub mod docs;
mod drive;
mod engine;
mod entry;
mod error;
mod guard;
mod key;
mod key_range;
mod list;
mod lock_request;
mod lock_spec;
mod machine;
mod owner;
mod port;
mod query;
mod registry;
mod scan;
mod shared;
mod signature;
mod space;
mod sync;
mod ticket;
mod transaction;
mod try_lock;
mod watch;
mod within;
mod write_request;

pub use crate::atomic::Atomic;
pub use crate::builder::Builder;
pub use crate::clock::{Clock, ManualClock};
pub use crate::commit::{Commit, Committed, Conflict, Expected, Expiry, Outcome};
pub use crate::drive::Drive;
pub use crate::entry::Entry;
pub use crate::error::{CycleStep, Error, ErrorKind, Stale};
pub use crate::guard::Guard;
pub use crate::key::{IntoKeys, Key, KeyPart, Turn};
pub use crate::key_range::KeyRange;
pub use crate::list::List;
pub use crate::lock_request::LockRequest;
pub use crate::lock_spec::LockSpec;
pub use crate::machine::Mode;
pub use crate::owner::Owner;
pub use crate::port::{Answer, Cancelled, Confirmed, Grant, HandedOver, Port, Settled};
pub use crate::query::{Blocker, Hold, Query, Wait};
pub use crate::registry::{Registry, Url};
pub use crate::scan::Scan;
pub use crate::signature::OwnerName;
pub use crate::space::Space;
pub use crate::ticket::Ticket;
pub use crate::transaction::{AtOnce, Awaited, IntoChange, LocalTx, Transact, Transacted, Tx, Update, Updated};
pub use crate::transaction::{Call, CallSpec, Change, Done, Run, Step};
pub use crate::try_lock::TryLock;
pub use crate::watch::Watch;
pub use crate::within::Within;
pub use crate::write_request::WriteRequest;

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
