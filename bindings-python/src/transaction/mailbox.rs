//! Where a call is told that it can go on.

use std::sync::Arc;

use pyo3::prelude::*;

use super::Resumptions;
use crate::aio::LoopPort;
use crate::bytes::Port;

/// The port of a call: one for all threads that block, or that of an event loop.
pub(crate) enum Mailbox {
    Blocking(Arc<Resumptions>),
    Aio(Arc<LoopPort>),
}

impl Mailbox {
    pub(super) fn port(&self) -> &Port {
        match self {
            Mailbox::Blocking(resumptions) => resumptions.port(),
            Mailbox::Aio(port) => port.port(),
        }
    }

    /// Tells those whom a call of this port's own has settled, for whom there is no wake.
    pub(super) fn settle(&self, py: Python<'_>) {
        match self {
            Mailbox::Blocking(resumptions) => resumptions.settle(),
            Mailbox::Aio(port) => port.settle(py),
        }
    }
}
