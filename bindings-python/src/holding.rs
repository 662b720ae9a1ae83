//! What a guard holds now, where that is not what its call asked for.

use std::any::Any;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use latchwork::{Error, ErrorKind, HandedOver, Key};
use pyo3::prelude::*;

use crate::bytes::Port;
use crate::lease::{Call, Lease};
use crate::owner::AnyOwner;
use crate::watch::Watch;
use crate::{error, place};

/// What became of the keys of a guard, and what came with them. Empty for most guards.
#[derive(Default)]
pub(crate) struct Holding(OnceLock<Box<Held>>);

struct Held {
    keys: Mutex<KeySet>,
    payload: Option<Py<PyAny>>,
}

/// The exclusive and the shared keys.
pub(crate) type KeySet = (Vec<Key>, Vec<Key>);

/// What a guard sends along to the next owner.
pub(crate) struct Payload(pub(crate) Py<PyAny>);

impl Holding {
    /// The grant is one that was handed over.
    pub(crate) fn begin(&self, call: &Call, handed: HandedOver) {
        let payload = handed.payload.and_then(|payload| payload.downcast::<Payload>().ok());
        let keys = place::unwrapped(call.within(), (handed.keys, handed.shared));
        self.start(keys, payload.map(|payload| payload.0));
    }

    pub(crate) fn start(&self, keys: KeySet, payload: Option<Py<PyAny>>) {
        let _ = self.0.set(Box::new(Held { keys: Mutex::new(keys), payload }));
    }

    pub(crate) fn payload<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.0.get()?.payload.as_ref().map(|payload| payload.bind(py).clone())
    }

    /// The keys, in the order asked.
    pub(crate) fn key_set(&self, py: Python<'_>, call: &Call) -> PyResult<KeySet> {
        match self.0.get() {
            Some(held) => Ok(held.keys().clone()),
            None => call.key_set(py),
        }
    }

    /// The error of a guard that holds nothing any more.
    #[cold]
    pub(crate) fn not_held(&self, py: Python<'_>, call: &Call) -> PyErr {
        let keys = self.key_set(py, call).map(|keys| <[_; 2]>::from(keys).concat());
        keys.map_or_else(|error| error, |keys| error::not_held(py, &keys, call.label()))
    }

    /// Releases these keys; the rest stays held.
    pub(crate) fn release(
        &self,
        py: Python<'_>,
        call: &Call,
        lease: &Lease,
        port: Option<&Port>,
        keys: &[Key],
    ) -> PyResult<()> {
        let (Some(port), Some(ticket)) = (port, lease.held()) else {
            return Err(error::not_held(py, keys, call.label()));
        };
        let released = port.release_keys(ticket, &place::wrapped(call.within(), keys.to_vec()));
        released.map_err(|error| refused(py, call, &place::told(call.within(), error), keys))?;
        let mut set = self.changing(py, call)?;
        let (exclusive, shared) = &mut *set;
        exclusive.retain(|key| !keys.contains(key));
        shared.retain(|key| !keys.contains(key));
        // One that was handed over may have keys that a sub-space cannot name; they are held until it is released.
        if exclusive.is_empty() && shared.is_empty() && (call.within().is_none() || !port.held(ticket)) {
            lease.give_back();
            if call.within().is_some() {
                // Lost since: then those are still reserved. Else there is nothing to release.
                let _ = port.release(ticket);
            }
        }
        Ok(())
    }

    /// Makes these keys shared ones, or all.
    pub(crate) fn downgrade(
        &self,
        py: Python<'_>,
        call: &Call,
        lease: &Lease,
        port: Option<&Port>,
        keys: Option<&[Key]>,
    ) -> PyResult<()> {
        let (Some(port), Some(ticket)) = (port, lease.held()) else {
            return Err(keys.map_or_else(|| self.not_held(py, call), |keys| error::not_held(py, keys, call.label())));
        };
        let all = match call.within() {
            Some(_) if keys.is_none() => Some(self.key_set(py, call)?.0),
            _ => None,
        };
        let named = keys.or(all.as_deref()).map(|keys| place::wrapped(call.within(), keys.to_vec()));
        port.downgrade(ticket, named.as_deref()).map_err(|error| match keys {
            Some(keys) => refused(py, call, &place::told(call.within(), error), keys),
            None => self.not_held(py, call),
        })?;
        let mut set = self.changing(py, call)?;
        let (exclusive, shared) = &mut *set;
        let all = std::mem::take(exclusive);
        let (moved, kept) = all.into_iter().partition(|key| keys.is_none_or(|keys| keys.contains(key)));
        *exclusive = kept;
        shared.extend::<Vec<Key>>(moved);
        Ok(())
    }

    /// Hands the grant over to an owner, with what goes along.
    pub(crate) fn hand_over<'py>(
        &self,
        call: &Call,
        lease: &Lease,
        port: Option<&Port>,
        owner: &Bound<'py, PyAny>,
        payload: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = owner.py();
        let to = AnyOwner::id_given(owner)?;
        let (Some(port), Some(ticket)) = (port, lease.held()) else { return Err(self.not_held(py, call)) };
        let payload = payload.map(|payload| -> Box<dyn Any + Send + Sync> { Box::new(Payload(payload.unbind())) });
        let delivered = port.hand_over(ticket, &to, payload).map_err(|error| match error.kind() {
            ErrorKind::NotHeld => self.not_held(py, call),
            _ => error::raise(py, &place::told(call.within(), error)),
        })?;
        lease.give_back();
        py.import("latchwork.query")?.getattr("HandOver")?.call1((delivered,))
    }

    fn changing(&self, py: Python<'_>, call: &Call) -> PyResult<MutexGuard<'_, KeySet>> {
        if self.0.get().is_none() {
            self.start(call.key_set(py)?, None);
        }
        Ok(self.0.get().map(|held| held.keys()).expect("it was just made"))
    }
}

/// Told when the grant of a lease is taken away.
pub(crate) fn watch(lease: &Lease, port: Option<&Port>) -> Watch {
    let (Some(port), Some(ticket)) = (port, lease.held()) else { return Watch::never(lease.was_lost()) };
    // Nothing to lose, and not given back: lost already.
    Watch::new(port.space(), |own| if own.watch_lost(ticket, 0) { Ok(()) } else { Err(true) })
}

impl Held {
    fn keys(&self) -> MutexGuard<'_, KeySet> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exception of keys that are not all held: the core names those that are not, where it knows them.
fn refused(py: Python<'_>, call: &Call, error: &Error, keys: &[Key]) -> PyErr {
    match error.kind() {
        ErrorKind::NotHeld if error.keys().is_empty() => error::not_held(py, keys, call.label()),
        ErrorKind::NotHeld => error::not_held(py, error.keys(), call.label()),
        _ => error::raise(py, error),
    }
}
