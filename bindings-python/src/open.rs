//! Opening a space: by URL, with the host's clock and a random seed.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use latchwork::{Builder, Url};
use pyo3::prelude::*;

use crate::ambient::Ambient;
use crate::bytes::{self, Value};
use crate::clock::{HostClock, ManualClock, Tick};
use crate::codec::Codec;
use crate::fork::{self, Own};
use crate::{convert, error};

/// The keyword arguments of `open`, as they came.
pub(crate) struct Settings<'a, 'py> {
    pub(crate) clock: Option<&'a Bound<'py, PyAny>>,
    pub(crate) ambient_owner: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_waiters: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_waiters_per_key: Option<&'a Bound<'py, PyAny>>,
    pub(crate) meta: Option<&'a Bound<'py, PyAny>>,
    pub(crate) codec: Option<&'a Bound<'py, PyAny>>,
}

/// What a space was opened with; enough to open it again in a forked child.
pub(crate) struct Opening {
    url: Option<String>,
    clock: Option<Py<ManualClock>>,
    ambient: Option<Ambient>,
    max_waiters: Option<usize>,
    max_waiters_per_key: Option<usize>,
    meta: Option<Py<PyAny>>,
    codec: Codec,
}

impl Opening {
    /// Checks what a caller gave.
    pub(crate) fn new(
        py: Python<'_>,
        url: Option<&Bound<'_, PyAny>>,
        settings: &Settings<'_, '_>,
    ) -> PyResult<Opening> {
        let url = url.map(|url| convert::text("url", url).map(str::to_owned)).transpose()?;
        let clock = settings.clock.map(ManualClock::given).transpose()?;
        let ambient = settings.ambient_owner.map(|on| convert::switch("ambient_owner", on)).transpose()?;
        let ambient = ambient.filter(|&on| on).map(|_| Ambient::new(py, url.as_deref())).transpose()?;
        let limit = |what, limit: Option<&_>| limit.map(|limit| convert::limit(what, limit)).transpose();
        Ok(Opening {
            url,
            clock,
            ambient,
            max_waiters: limit("max_waiters", settings.max_waiters)?,
            max_waiters_per_key: limit("max_waiters_per_key", settings.max_waiters_per_key)?,
            meta: settings.meta.map(|meta| meta.clone().unbind()),
            codec: Codec::new(py, settings.codec)?,
        })
    }

    /// Where the owner of the scope is found that runs; `None` unless that was asked for.
    #[inline]
    pub(crate) fn ambient(&self) -> Option<&Ambient> {
        self.ambient.as_ref()
    }

    /// The owner of the scope that runs, if the space has such, and a call named none.
    #[inline]
    pub(crate) fn ambient_owner<'py>(
        &self,
        py: Python<'py>,
        named: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.ambient() {
            Some(ambient) if named.is_none() => ambient.owner(py),
            _ => Ok(None),
        }
    }

    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The clock that a test moves, if there is one: then no timer of the host's is armed.
    pub(crate) fn clock(&self) -> Option<&Py<ManualClock>> {
        self.clock.as_ref()
    }

    /// Has a handle ticked when a test moves its clock.
    pub(crate) fn watch_clock<T: Tick + 'static>(&self, handle: &Arc<T>) {
        if let Some(clock) = self.clock() {
            let watched: Weak<T> = Arc::downgrade(handle);
            clock.get().watch(watched);
        }
    }

    /// How values become bytes and come back.
    #[inline]
    pub(crate) fn codec(&self) -> &Codec {
        &self.codec
    }

    /// A new handle.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<Own<bytes::Space>> {
        let space = match Url::parse(self.url()).map_err(|error| error::raise(py, &error))? {
            Url::Private => self.builder(py)?.build(),
            Url::Memory(name) => {
                let opened = fork::registry().open(name, self.builder(py)?);
                opened.map_err(|error| error::raise(py, &error))?
            }
            _ => {
                return Err(error::wrong_value(py, "url", "this package has no such engine"));
            }
        };
        Ok(Own::new(space))
    }

    fn builder(&self, py: Python<'_>) -> PyResult<Builder<Value>> {
        let builder = latchwork::Space::builder().seed(seed()).epoch(epoch()).shards(shards(py)?);
        // Whoever opens the space finds its scopes in the same way.
        let builder = builder.host_option("ambient_owner", if self.ambient.is_some() { "on" } else { "off" });
        let mut builder = builder.codec(self.codec.name()).cells();
        if let Some(limit) = self.max_waiters {
            builder = builder.max_waiters(limit);
        }
        if let Some(limit) = self.max_waiters_per_key {
            builder = builder.max_waiters_per_key(limit);
        }
        if let Some(meta) = &self.meta {
            builder = builder.meta(Meta(meta.clone_ref(py)));
        }
        Ok(match &self.clock {
            Some(clock) => builder.clock(clock.get().clock.clone()),
            None => builder.clock(HostClock),
        })
    }
}

/// What a space says about itself.
struct Meta(Py<PyAny>);

/// What whoever opened a space first said about it.
pub(crate) fn meta<'py>(py: Python<'py>, space: &bytes::Space) -> Option<Bound<'py, PyAny>> {
    let meta = space.meta()?.downcast::<Meta>().ok()?;
    Some(meta.0.bind(py).clone())
}

/// Keys are user input, so their hashing must not be predictable; the standard library's hash keys are random.
fn seed() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// Microseconds of wall time, and larger than every epoch that this process gave before: new in each life of a space,
/// also after a restart, and below 2^53 for two centuries.
fn epoch() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = u64::try_from(now).unwrap_or(0);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
    now.max(last.unwrap_or(0) + 1)
}

/// Under a global interpreter lock threads take turns, and one shard is the fastest; without it they run together.
fn shards(py: Python<'_>) -> PyResult<usize> {
    let sys = py.import("sys")?;
    let turns = match sys.getattr_opt("_is_gil_enabled")? {
        Some(enabled) => enabled.call0()?.is_truthy()?,
        None => true,
    };
    Ok(if turns { 1 } else { 1024 })
}
