//! What was asked for and what was granted: the parts that both guards share.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use latchwork::{Answer, Error, Grant, Key, LockSpec, Mode, Ticket, Within};
use pyo3::exceptions::PyResourceWarning;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::bytes::Port;
use crate::holding::Holding;
use crate::owner::AnyOwner;
use crate::{convert, error, fork, place};

/// The keyword arguments of a lock call, as they came.
pub(crate) struct Options<'a, 'py> {
    pub(crate) mode: Option<&'a Bound<'py, PyAny>>,
    pub(crate) shared: Option<&'a Bound<'py, PyAny>>,
    pub(crate) timeout: Option<&'a Bound<'py, PyAny>>,
    pub(crate) label: Option<&'a Bound<'py, PyAny>>,
    pub(crate) owner: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_hold: Option<&'a Bound<'py, PyAny>>,
    /// Where the keys are, if it is a call of a sub-space.
    pub(crate) within: Option<&'a Within>,
}

impl Options<'_, '_> {
    const NONE: Self =
        Options { mode: None, shared: None, timeout: None, label: None, owner: None, max_hold: None, within: None };
}

/// The first key of a lock call. Apart from the others, since one argument needs no tuple to be made.
pub(crate) enum FirstKey<'py> {
    Absent,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for FirstKey<'py> {
    type Error = PyErr;

    #[inline]
    fn extract(key: Borrowed<'_, 'py, PyAny>) -> PyResult<FirstKey<'py>> {
        Ok(FirstKey::Given(key.to_owned()))
    }
}

/// No text of so many bytes is too long for a key, however it is encoded.
const SHORT: usize = Key::MAX_LEN / 2 - 16;

/// The arguments of a lock call, checked. A guard answers from them what it holds.
pub(crate) enum Call {
    /// One text, as it came: the common case, in which making a key is left to when it is asked for.
    One(Py<PyString>),
    Full(Box<Full>),
}

pub(crate) struct Full {
    spec: LockSpec,
    label: Option<String>,
    timeout: Option<Duration>,
    ends: bool,
    /// Not in `spec`: in a forked child it is another one.
    owner: Option<AnyOwner>,
    /// In `spec` too; here for what the core does not ask it about.
    within: Option<Within>,
}

impl Full {
    /// What the core is asked.
    fn spec(&self, py: Python<'_>) -> PyResult<Cow<'_, LockSpec>> {
        match &self.owner {
            None => Ok(Cow::Borrowed(&self.spec)),
            Some(owner) => Ok(Cow::Owned(self.spec.clone().owner(owner.core(py)?))),
        }
    }
}

impl Call {
    // Inlined, so that the common case passes its arguments in registers.
    #[inline(always)]
    pub(crate) fn new(first: FirstKey<'_>, others: &Bound<'_, PyTuple>, options: &Options<'_, '_>) -> PyResult<Call> {
        let plain = matches!(
            options,
            Options { mode: None, shared: None, timeout: None, label: None, owner: None, max_hold: None, within: None }
        );
        match first {
            FirstKey::Given(first) if plain && others.is_empty() => Call::of_one(first),
            first => Call::of_many(first, others, options),
        }
    }

    #[inline]
    fn of_one(key: Bound<'_, PyAny>) -> PyResult<Call> {
        match key.cast_into_exact::<PyString>() {
            Ok(text) if text.to_str().is_ok_and(|text| text.len() <= SHORT) => Ok(Call::One(text.unbind())),
            Ok(text) => Call::of_other(text.into_any()),
            Err(other) => Call::of_other(other.into_inner()),
        }
    }

    fn of_other(key: Bound<'_, PyAny>) -> PyResult<Call> {
        Call::full(convert::key_arguments(None, 1, std::iter::once(key))?, &Options::NONE)
    }

    #[inline(never)]
    fn of_many(first: FirstKey<'_>, others: &Bound<'_, PyTuple>, options: &Options<'_, '_>) -> PyResult<Call> {
        let FirstKey::Given(first) = first else {
            return Call::full(Vec::new(), options);
        };
        let keys = std::iter::once(first).chain(others.iter());
        Call::full(convert::key_arguments(options.within, 1 + others.len(), keys)?, options)
    }

    /// The same where the keys come as a tuple.
    pub(crate) fn of_tuple(keys: &Bound<'_, PyTuple>, options: &Options<'_, '_>) -> PyResult<Call> {
        Call::full(convert::key_arguments(options.within, keys.len(), keys.iter())?, options)
    }

    /// What the core is asked.
    pub(crate) fn spec(&self, py: Python<'_>) -> PyResult<LockSpec> {
        match self {
            Call::One(text) => Ok(LockSpec::new(text.bind(py).to_str()?)),
            Call::Full(full) => full.spec(py).map(Cow::into_owned),
        }
    }

    /// The owner that the call named.
    pub(crate) fn owner(&self) -> Option<&AnyOwner> {
        match self {
            Call::One(_) => None,
            Call::Full(full) => full.owner.as_ref(),
        }
    }

    /// Where its keys are, if it is a call of a sub-space.
    pub(crate) fn within(&self) -> Option<&Within> {
        match self {
            Call::One(_) => None,
            Call::Full(full) => full.within.as_ref(),
        }
    }

    /// Takes all keys if that needs no waiting.
    #[inline]
    pub(crate) fn try_lock(&self, py: Python<'_>, port: &Port) -> PyResult<Option<Grant>> {
        let granted = match self {
            Call::One(text) => port.try_lock(&LockSpec::new(text.bind(py).to_str()?)),
            Call::Full(full) => {
                port.try_lock(&*full.spec(py)?).map_err(|error| place::told(full.within.as_ref(), error))
            }
        };
        granted.map_err(|error| error::raise(py, &error))
    }

    /// Joins the queues of all keys, in one step.
    #[inline]
    pub(crate) fn lock(&self, py: Python<'_>, port: &Port, tag: u64) -> PyResult<Result<Answer, Error>> {
        Ok(match self {
            Call::One(text) => port.lock_keys(&[Key::from(text.bind(py).to_str()?)], tag),
            Call::Full(full) => {
                port.lock(&*full.spec(py)?, tag).map_err(|error| place::told(full.within.as_ref(), error))
            }
        })
    }

    /// What to wait for at most.
    #[inline]
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self {
            Call::One(_) => None,
            Call::Full(full) => full.timeout,
        }
    }

    /// Whether it is of one key for certain.
    #[inline]
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Call::One(_))
    }

    /// Whether the lock ends by itself, so that somebody has to keep time.
    #[inline]
    pub(crate) fn ends(&self) -> bool {
        match self {
            Call::One(_) => false,
            Call::Full(full) => full.ends,
        }
    }

    pub(crate) fn label(&self) -> Option<&str> {
        match self {
            Call::One(_) => None,
            Call::Full(full) => full.label.as_deref(),
        }
    }

    /// The exclusive and the shared keys, in the order asked.
    pub(crate) fn key_set(&self, py: Python<'_>) -> PyResult<(Vec<Key>, Vec<Key>)> {
        match self {
            Call::One(_) => Ok(self.spec(py)?.key_set()),
            Call::Full(full) => Ok(full.spec.clone().key_set()),
        }
    }

    /// How the guard of a lease shows itself.
    pub(crate) fn repr(
        &self,
        py: Python<'_>,
        module: &str,
        lease: &Lease,
        holding: &Holding,
        held: bool,
    ) -> PyResult<String> {
        let state = if held { "held" } else { "released" };
        let abandoned = if lease.abandoned() { " abandoned" } else { "" };
        let keys = self.wanted(py, holding)?;
        Ok(format!("<{module}.Guard {state} {keys} token={}{abandoned}>", lease.token()))
    }

    /// How what was asked for shows itself.
    pub(crate) fn wanted(&self, py: Python<'_>, holding: &Holding) -> PyResult<String> {
        let (keys, shared) = holding.key_set(py, self)?;
        let (keys, shared) = (convert::keys_to_py(py, &keys)?.repr()?, convert::keys_to_py(py, &shared)?);
        let shared = if shared.is_empty() { String::new() } else { format!(" shared={}", shared.repr()?) };
        let label = self.label().map(|label| format!(" label={label:?}")).unwrap_or_default();
        Ok(format!("keys={keys}{shared}{label}"))
    }

    /// Says that a guard was dropped while it was held, as Python says it of files. Its lock is free by now.
    #[cold]
    pub(crate) fn warn_dropped(&self, py: Python<'_>, lease: &Lease) {
        // A finaliser can run while an exception is on its way; that one must stay.
        let pending = PyErr::take(py);
        let keys = self.key_set(py).and_then(|(keys, _)| convert::keys_to_py(py, &keys));
        let warned = keys.and_then(|keys| keys.repr()).and_then(|keys| {
            let message = format!("a lock guard was dropped while it was held: keys={keys} token={}", lease.token());
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

    /// What stands for the call of a guard that was handed over to `owner`, in a sub-space or not.
    pub(crate) fn of_owner(owner: AnyOwner, within: Option<&Within>) -> Call {
        let (spec, within) = (LockSpec::default(), within.cloned());
        Call::Full(Box::new(Full { spec, label: None, timeout: None, ends: false, owner: Some(owner), within }))
    }

    fn full(keys: Vec<Key>, options: &Options<'_, '_>) -> PyResult<Call> {
        let mut spec = LockSpec::new(keys);
        if let Some(mode) = options.mode {
            spec = spec.mode(match convert::text("mode", mode)? {
                "exclusive" => Mode::Exclusive,
                "shared" => Mode::Shared,
                _ => return Err(error::wrong_value(mode.py(), "mode", "neither 'exclusive' nor 'shared'")),
            });
        }
        if let Some(shared) = options.shared {
            spec = spec.shared(convert::key_list(options.within, "shared", shared)?);
        }
        let label = options.label.map(|label| convert::text("label", label).map(str::to_owned)).transpose()?;
        if let Some(label) = &label {
            spec = spec.label(label.as_str());
        }
        let timeout = options.timeout.map(|timeout| convert::longest("timeout", timeout)).transpose()?.flatten();
        if let Some(timeout) = timeout {
            spec = spec.timeout(timeout);
        }
        let max_hold = options.max_hold.map(|time| convert::longest("max_hold", time)).transpose()?.flatten();
        if let Some(max_hold) = max_hold {
            spec = spec.max_hold(max_hold);
        }
        let ends = max_hold.is_some();
        let owner = options.owner.map(AnyOwner::given).transpose()?;
        let within = options.within.cloned();
        if let Some(within) = &within {
            spec = spec.within(within);
        }
        Ok(Call::Full(Box::new(Full { spec, label, timeout, ends, owner, within })))
    }
}

/// A grant, until it is given back. Empty until there is one.
///
/// Written once, by the thread whose step is granted; the rest is read after `state` says so.
#[derive(Default)]
pub(crate) struct Lease {
    state: AtomicU8,
    abandoned: AtomicBool,
    /// Of the process that has the grant.
    generation: AtomicU32,
    place: AtomicU64,
    number: AtomicU64,
    token: AtomicU64,
}

mod state {
    pub(super) const HELD: u8 = 1;
    pub(super) const GIVEN_BACK: u8 = 2;
    pub(super) const LOST: u8 = 3;
}

impl Lease {
    pub(crate) fn new(grant: Grant) -> Lease {
        let lease = Lease::default();
        lease.begin(grant);
        lease
    }

    #[inline]
    pub(crate) fn begin(&self, grant: Grant) {
        let (place, number) = grant.ticket.to_parts();
        self.place.store(place, Ordering::Relaxed);
        self.number.store(number, Ordering::Relaxed);
        self.token.store(grant.token, Ordering::Relaxed);
        self.abandoned.store(grant.abandoned, Ordering::Relaxed);
        self.generation.store(fork::generation(), Ordering::Relaxed);
        self.state.store(state::HELD, Ordering::Release);
    }

    /// The grant, as long as it was not given back. Not in a forked child, where it never was held.
    #[inline]
    pub(crate) fn held(&self) -> Option<Ticket> {
        let held = self.state.load(Ordering::Acquire) == state::HELD;
        (held && self.generation.load(Ordering::Relaxed) == fork::generation()).then(|| self.ticket())
    }

    /// Marks it as given back, and answers the grant to release: to one caller only.
    #[inline]
    pub(crate) fn give_back(&self) -> Option<Ticket> {
        let held = self.held()?;
        let change = self.state.compare_exchange(state::HELD, state::GIVEN_BACK, Ordering::AcqRel, Ordering::Relaxed);
        change.is_ok().then_some(held)
    }

    /// Gives it back through `port`. Answers whether there was anything to release; keeps whether it was lost.
    #[inline]
    pub(crate) fn release(&self, call: &Call, port: Option<&Port>) -> bool {
        let Some((ticket, port)) = self.give_back().zip(port) else { return false };
        // One of several keys may be lost: the others are still there to be released.
        let whole = call.is_one() || port.held(ticket);
        let released = port.release(ticket).is_ok();
        if !whole || !released {
            self.state.store(state::LOST, Ordering::Release);
        }
        released
    }

    /// Whether it was found lost when it was to be released.
    pub(crate) fn was_lost(&self) -> bool {
        self.state.load(Ordering::Acquire) == state::LOST
    }

    /// Whether there ever was a grant.
    #[inline]
    pub(crate) fn has_begun(&self) -> bool {
        self.state.load(Ordering::Acquire) != 0
    }

    pub(crate) fn token(&self) -> u64 {
        self.token.load(Ordering::Relaxed)
    }

    pub(crate) fn abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    #[inline]
    fn ticket(&self) -> Ticket {
        Ticket::from_parts(self.place.load(Ordering::Relaxed), self.number.load(Ordering::Relaxed))
    }
}
