//! A guard that a write names.

use latchwork::{CallSpec, Commit, Key};
use pyo3::prelude::*;

use crate::aio::AioGuard;
use crate::bytes::{Port, Value};
use crate::guard::Guard;
use crate::lease::Lease;
use crate::{convert, error};

/// A guard of either API, and the keys that it must hold at the instant of the write (clause C14).
pub(crate) struct Bond {
    guard: AnyGuard,
    /// `None`: all that it was granted, except those that it released itself.
    keys: Option<Vec<Key>>,
}

enum AnyGuard {
    Blocking(Py<Guard>),
    Aio(Py<AioGuard>),
}

impl Bond {
    /// The guard that a caller gave, which must be one of this space.
    pub(crate) fn given(port: &Port, guard: &Bound<'_, PyAny>, keys: Option<Vec<Key>>) -> PyResult<Bond> {
        let py = guard.py();
        let (guard, theirs) = if let Ok(guard) = guard.cast::<Guard>() {
            (AnyGuard::Blocking(guard.clone().unbind()), guard.get().port(py)?)
        } else if let Ok(guard) = guard.cast::<AioGuard>() {
            (AnyGuard::Aio(guard.clone().unbind()), guard.get().port(py)?)
        } else {
            let why = format!("{} is not a Guard", convert::type_name(guard));
            return Err(error::wrong_type(py, "guard", &why));
        };
        // No two lives of any spaces of a process have the same epoch.
        if theirs.space().epoch() != port.space().epoch() {
            return Err(error::wrong_value(py, "guard", "a guard of another space"));
        }
        let bond = Bond { guard, keys };
        if !bond.lease().has_begun() {
            return Err(error::wrong_value(py, "guard", "a request that was not awaited"));
        }
        Ok(bond)
    }

    /// Demands of a commit that it is held. Not earlier: what is held may change until then.
    pub(crate) fn demand(&self, commit: &mut Commit<Value>) {
        let lease = self.lease();
        commit.guard(lease.held(), lease.token(), self.keys.clone());
    }

    /// The same of a call of `update` or `transact`.
    pub(crate) fn bind(&self, spec: CallSpec) -> CallSpec {
        let lease = self.lease();
        spec.guard(lease.held(), lease.token(), self.keys.clone())
    }

    fn lease(&self) -> &Lease {
        match &self.guard {
            AnyGuard::Blocking(guard) => guard.get().lease(),
            AnyGuard::Aio(guard) => guard.get().lease(),
        }
    }
}
