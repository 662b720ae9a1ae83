//! The block that a guard was entered for, and the owner that the block has for the asking.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use latchwork::Ticket;
use pyo3::prelude::*;

use crate::ambient::Ambient;
use crate::bytes::Port;
use crate::fork::Own;

/// Whether the block of a guard runs, and its owner: made when somebody first asks for it, closed at the end of the block
/// (clause L11).
#[derive(Default)]
pub(crate) struct Scope {
    stage: AtomicU8,
    // Apart, since most blocks have none.
    more: OnceLock<Box<More>>,
}

#[derive(Default)]
struct More {
    owner: OnceLock<ScopeOwner>,
    /// What takes the ambient owner back.
    back: Mutex<Option<Py<PyAny>>>,
}

struct ScopeOwner {
    core: Own<latchwork::Owner>,
    /// As the guard shows it.
    object: OnceLock<Py<PyAny>>,
}

mod stage {
    pub(super) const OUTSIDE: u8 = 0;
    pub(super) const INSIDE: u8 = 1;
}

impl Scope {
    /// The block begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.stage.store(stage::INSIDE, Ordering::Release);
    }

    /// The block ends: its owner is closed.
    #[inline]
    pub(crate) fn end(&self) {
        self.stage.store(stage::OUTSIDE, Ordering::Release);
        if let Some(owner) = self.known()
            && !owner.core.is_stale()
        {
            owner.core.close();
        }
    }

    /// The owner of the block. `adopt` names the grant that becomes its own; `object` makes what shows it.
    pub(crate) fn owner<'py>(
        &self,
        py: Python<'py>,
        port: Option<&Port>,
        ticket: Option<Ticket>,
        object: impl FnOnce(latchwork::Owner) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (Some(port), true) = (port, self.stage.load(Ordering::Acquire) == stage::INSIDE) else {
            // What somebody asked for in the block stays what it was.
            let object = self.known().and_then(|owner| owner.object.get());
            return Ok(object.map(|object| object.bind(py).clone()));
        };
        // No code of the interpreter's runs meanwhile: another thread may wait for it.
        let owner = self.more.get_or_init(Box::default).owner.get_or_init(|| {
            let core = port.owner(None);
            if let Some(ticket) = ticket {
                port.adopt(ticket, &core);
            }
            ScopeOwner { core: Own::new(core), object: OnceLock::new() }
        });
        let object = match owner.object.get() {
            Some(object) => object,
            None => {
                let made = object(owner.core.clone())?;
                owner.object.get_or_init(|| made)
            }
        };
        Ok(Some(object.bind(py).clone()))
    }

    /// Makes `owner` the one of whatever runs in the block, as far as the async context tells.
    #[cold]
    pub(crate) fn begin_ambient(&self, ambient: &Ambient, owner: &Bound<'_, PyAny>) -> PyResult<()> {
        let token = ambient.enter(owner.py(), owner)?;
        self.more.get_or_init(Box::default).back().replace(token);
        Ok(())
    }

    /// Takes that back.
    #[cold]
    pub(crate) fn end_ambient(&self, py: Python<'_>, ambient: &Ambient) {
        let token = self.more.get().and_then(|more| more.back().take());
        if let Some(token) = token {
            ambient.leave(py, &token);
        }
    }

    fn known(&self) -> Option<&ScopeOwner> {
        self.more.get()?.owner.get()
    }
}

impl More {
    fn back(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
