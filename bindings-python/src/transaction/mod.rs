//! `update` and `transact`: what the spaces of both APIs do with them.
//!
//! The core decides when a body runs, whether its changes are made and when it runs again; this runs the bodies and passes
//! their endings back. The blocking API waits in between, the asyncio API answers what to await.

mod answer;
mod any_space;
mod api;
mod callbacks;
mod driver;
mod handle;
mod mailbox;
mod operations;
mod outcome;
mod resumptions;
mod settings;
mod surroundings;

pub(crate) use self::any_space::{AnySpace, ELSEWHERE, refuse_unfinished};
pub(crate) use self::driver::{Body, Driver, Pause, passes_through};
pub(crate) use self::handle::Transaction;
pub(crate) use self::mailbox::Mailbox;
pub(crate) use self::operations::Operations;
pub(crate) use self::outcome::{Committed, Inserted, Updated};
pub(crate) use self::resumptions::Resumptions;
pub(crate) use self::settings::{Lifetime, Settings};
