//! What was asked for and what was granted: the parts that both guards share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork::{Grant, Key, LockSpec, Mode, Ticket};
use pyo3::exceptions::PyResourceWarning;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::{convert, error};

/// The arguments of a lock call. A guard answers from them what it holds.
pub(crate) struct Asked {
    keys: Py<PyTuple>,
    /// `None` in the common case: all exclusive and without a label.
    more: Option<Box<More>>,
}

struct More {
    mode: Mode,
    shared: Vec<Key>,
    label: Option<String>,
}

/// The keyword arguments of a lock call, as they came.
pub(crate) struct Options<'a, 'py> {
    pub(crate) mode: Option<&'a Bound<'py, PyAny>>,
    pub(crate) shared: Option<&'a Bound<'py, PyAny>>,
    pub(crate) timeout: Option<&'a Bound<'py, PyAny>>,
    pub(crate) label: Option<&'a Bound<'py, PyAny>>,
}

/// A lock call, checked: what the core is asked, what a guard remembers, how long to wait.
pub(crate) struct Call {
    pub(crate) spec: LockSpec,
    pub(crate) asked: Asked,
    pub(crate) timeout: Option<Duration>,
}

impl Call {
    #[inline]
    pub(crate) fn new(keys: &Bound<'_, PyTuple>, options: &Options<'_, '_>) -> PyResult<Call> {
        let spec = if keys.len() == 1 {
            LockSpec::new(convert::key(&keys.get_item(0)?)?)
        } else {
            LockSpec::new(keys.iter().map(|key| convert::key(&key)).collect::<PyResult<Vec<Key>>>()?)
        };
        let mut call = Call { spec, asked: Asked { keys: keys.clone().unbind(), more: None }, timeout: None };
        if options.mode.is_some() || options.shared.is_some() || options.label.is_some() {
            let more = More::new(options)?;
            call.spec = call.spec.mode(more.mode).shared(more.shared.clone());
            if let Some(label) = &more.label {
                call.spec = call.spec.label(label.as_str());
            }
            call.asked.more = Some(Box::new(more));
        }
        if let Some(timeout) = options.timeout {
            let timeout = convert::seconds("timeout", timeout)?;
            call.spec = call.spec.timeout(timeout);
            call.timeout = Some(timeout);
        }
        Ok(call)
    }
}

impl More {
    fn new(options: &Options<'_, '_>) -> PyResult<More> {
        let mode = match options.mode {
            None => Mode::Exclusive,
            Some(mode) => match convert::text("mode", mode)? {
                "exclusive" => Mode::Exclusive,
                "shared" => Mode::Shared,
                _ => {
                    return Err(error::wrong_value(mode.py(), "mode", "neither 'exclusive' nor 'shared'"));
                }
            },
        };
        let shared = options.shared.map_or_else(|| Ok(Vec::new()), |shared| convert::keys("shared", shared))?;
        let label = options.label.map(|label| convert::text("label", label).map(str::to_owned)).transpose()?;
        Ok(More { mode, shared, label })
    }
}

impl Asked {
    /// The keys held exclusively.
    pub(crate) fn exclusive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        convert::keys_to_py(py, &self.keys(py)?.0)
    }

    /// The keys held in shared mode.
    pub(crate) fn shared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        convert::keys_to_py(py, &self.keys(py)?.1)
    }

    /// The error of a guard that does not hold what was asked any more.
    #[cold]
    pub(crate) fn not_held(&self, py: Python<'_>) -> PyErr {
        let keys = self.keys(py).map(|(exclusive, shared)| [exclusive, shared].concat());
        keys.map_or_else(|error| error, |keys| error::not_held(py, &keys))
    }

    pub(crate) fn label(&self) -> Option<&str> {
        self.more.as_ref()?.label.as_deref()
    }

    /// How the guard of a lease shows itself.
    pub(crate) fn repr(&self, py: Python<'_>, module: &str, lease: &Lease, held: bool) -> PyResult<String> {
        let (keys, shared) = (self.exclusive(py)?.repr()?, self.shared(py)?);
        let shared = if shared.is_empty() { String::new() } else { format!(" shared={}", shared.repr()?) };
        let label = self.label().map(|label| format!(" label={label:?}")).unwrap_or_default();
        let state = if held { "held" } else { "released" };
        Ok(format!("<{module}.Guard {state} keys={keys}{shared}{label} token={}>", lease.token))
    }

    /// Says that a guard was dropped while it was held, as Python says it of files. Its lock is free by now.
    #[cold]
    pub(crate) fn warn_dropped(&self, py: Python<'_>, lease: &Lease) {
        // A finaliser can run while an exception is on its way; that one must stay.
        let pending = PyErr::take(py);
        let warned = self.exclusive(py).and_then(|keys| keys.repr()).and_then(|keys| {
            let message = format!("a lock guard was dropped while it was held: keys={keys} token={}", lease.token);
            let message = std::ffi::CString::new(message.replace('\0', "\\0")).unwrap_or_default();
            PyErr::warn(py, &py.get_type::<PyResourceWarning>(), &message, 1)
        });
        if let Err(error) = warned {
            error.write_unraisable(py, None);
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    }

    /// The keys held exclusively and those held shared, in the order asked. Duplicates are one key, and a key asked
    /// in both modes is exclusive (L1).
    fn keys(&self, py: Python<'_>) -> PyResult<(Vec<Key>, Vec<Key>)> {
        let mut exclusive = self.keys.bind(py).iter().map(|key| convert::key(&key)).collect::<PyResult<Vec<_>>>()?;
        let mut shared = Vec::new();
        if let Some(more) = &self.more {
            if more.mode == Mode::Shared {
                shared.append(&mut exclusive);
            }
            shared.extend_from_slice(&more.shared);
        }
        let mut seen = BTreeSet::new();
        exclusive.retain(|key| seen.insert(key.clone()));
        shared.retain(|key| seen.insert(key.clone()));
        Ok((exclusive, shared))
    }
}

/// A grant, until it is given back.
pub(crate) struct Lease {
    pub(crate) ticket: Ticket,
    pub(crate) token: u64,
    given_back: AtomicBool,
}

impl Lease {
    #[inline]
    pub(crate) fn new(grant: Grant) -> Lease {
        Lease { ticket: grant.ticket, token: grant.token, given_back: AtomicBool::new(false) }
    }

    /// Marks it as given back; false when it was already.
    #[inline]
    pub(crate) fn give_back(&self) -> bool {
        !self.given_back.swap(true, Ordering::AcqRel)
    }

    #[inline]
    pub(crate) fn is_given_back(&self) -> bool {
        self.given_back.load(Ordering::Acquire)
    }
}
