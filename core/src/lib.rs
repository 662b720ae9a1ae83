//! Keyed multi-locks with the same semantics in Rust, Node, Python and the browser.
#![forbid(unsafe_code)]

mod builder;
mod clock;
mod drive;
mod engine;
mod error;
mod guard;
mod key;
mod lock_request;
mod lock_spec;
mod machine;
mod port;
mod query;
mod registry;
mod shared;
mod space;
mod sync;
mod ticket;
mod try_lock;

pub use crate::builder::Builder;
pub use crate::clock::{Clock, ManualClock};
pub use crate::drive::Drive;
pub use crate::error::{Error, ErrorKind};
pub use crate::guard::Guard;
pub use crate::key::{IntoKeys, Key, KeyPart};
pub use crate::lock_request::LockRequest;
pub use crate::lock_spec::LockSpec;
pub use crate::machine::Mode;
pub use crate::port::{Answer, Cancelled, Grant, Port, Settled};
pub use crate::query::{Blocker, Hold, Query, Wait};
pub use crate::registry::{Registry, Url};
pub use crate::space::Space;
pub use crate::ticket::Ticket;
pub use crate::try_lock::TryLock;
