//! The extension module `latchwork._native`: the core's spaces, ports and errors as Python objects.
//!
//! It is thin: arguments are converted, the core is called once, the answer is converted back. Who waits, who is
//! granted and what times out is decided in the core alone. `aio` turns a core port into awaitables of one asyncio
//! event loop; `wait` blocks a thread, detached from the interpreter.

#![forbid(unsafe_code)]

mod aio;
mod ambient;
mod bytes;
mod cells;
mod clock;
mod codec;
mod convert;
mod error;
mod fork;
mod guard;
mod holding;
mod lease;
mod open;
mod owner;
mod place;
mod scope;
mod space;
mod timer;
mod transaction;
mod wait;
mod watch;

use pyo3::prelude::*;

/// The compiled part of `latchwork`. Use the names of `latchwork` and `latchwork.aio` instead.
#[pymodule(gil_used = false)]
mod _native {
    use super::*;

    #[pymodule_export]
    use crate::{
        cells::{Atomic, CellConflict, CellWatch, Conflicted, Deleted, Entry, Refused, Written},
        clock::ManualClock,
        convert::{decode_key, encode_key},
        error::error_classes,
        fork::after_fork,
        guard::Guard,
        owner::{Inbox, Owner},
        space::Space,
        transaction::{Committed, Inserted, Transaction, Updated},
        watch::Watch,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Both APIs call their classes alike; here those of `latchwork.aio` need names of their own.
        let py = module.py();
        module.add("AioAtomic", py.get_type::<aio::AioAtomic>())?;
        module.add("AioCall", py.get_type::<aio::AioCall>())?;
        module.add("AioGuard", py.get_type::<aio::AioGuard>())?;
        module.add("AioOwner", py.get_type::<aio::AioOwner>())?;
        module.add("AioSpace", py.get_type::<aio::AioSpace>())?;
        module.add("AioTransaction", py.get_type::<aio::AioTransaction>())?;
        module.add("AioWatch", py.get_type::<aio::AioCellWatch>())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
