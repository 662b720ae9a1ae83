//! The settings of a space.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use crate::shared::{Cells, HostOptions, Limits, Meta, Settings, Shared};
use crate::sync::Arc;
use crate::{Clock, Space};

/// The settings of a space, each with a usual value. Made by [`Space::builder`].
///
/// # Examples
///
/// ```
/// let start = std::time::Instant::now();
/// let space = latchwork::Space::builder().clock(move || start.elapsed()).seed(0x5eed).build();
/// # drop(space);
/// ```
pub struct Builder<V = ()> {
    shards: usize,
    seed: u64,
    epoch: u64,
    clock: Option<Box<dyn Clock>>,
    max_waiters: Option<usize>,
    max_waiters_per_key: Option<usize>,
    meta: Option<Meta>,
    host_options: HostOptions,
    values: PhantomData<fn() -> V>,
}

/// So many small shards that two threads seldom share a cache line; see `costs` in the design notes.
const SHARDS: usize = 1024;

/// An array of shards is never larger than this. An interpreter takes seconds to walk through thousands of them.
const MOST_SHARDS: usize = if cfg!(miri) { 16 } else { 1 << 16 };

impl<V: Send + Sync + 'static> Builder<V> {
    /// Sets how many shards the keys are spread over, rounded up to a power of two, 65,536 at most. Usually 1,024, so
    /// that threads on different keys seldom meet; where many threads share some hundreds of keys, 4,096 let them meet less, and
    /// cost who uses thousands of keys more. A program with one thread is best served by 1, and where there can be
    /// only one, it is 1.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Builder<V> {
        self.shards = shards.clamp(1, MOST_SHARDS);
        self
    }

    /// Sets the seed of the hash that spreads the keys. Where keys come from users, give a random one, so that nobody
    /// can choose keys that fall together.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Builder<V> {
        self.seed = seed;
        self
    }

    /// Sets what [`Space::epoch`] answers: a number that is larger in each later life of the space, such as the time of
    /// the start. Usually 0: then fencing tokens tell earlier from later holders only within one life of the space.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Builder<V> {
        self.epoch = epoch;
        self
    }

    /// Sets where the time comes from. Usually there is none.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Builder<V> {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Sets how many requests may wait in the space at once: one more is refused with
    /// [`Busy`](crate::ErrorKind::Busy). Usually there is no limit.
    #[must_use]
    pub fn max_waiters(mut self, limit: usize) -> Builder<V> {
        self.max_waiters = Some(limit);
        self
    }

    /// Sets how many requests may stand behind others for one key: one more is refused with
    /// [`Busy`](crate::ErrorKind::Busy). Usually there is no limit.
    #[must_use]
    pub fn max_waiters_per_key(mut self, limit: usize) -> Builder<V> {
        self.max_waiters_per_key = Some(limit);
        self
    }

    /// Sets what [`Space::meta`] answers to whoever opens the space. Usually nothing.
    #[must_use]
    pub fn meta(mut self, meta: impl Any + Send + Sync) -> Builder<V> {
        self.meta = Some(Arc::new(meta));
        self
    }

    /// Names how the values of the cells are written: openings of a name must agree on it. For bindings, whose values are
    /// bytes. Usually there is none.
    #[must_use]
    pub fn codec(self, name: &str) -> Builder<V> {
        self.host_option("codec", name)
    }

    /// Notes an option of a host language's own, on which openings of one name must agree as they must on the limits.
    #[must_use]
    pub fn host_option(mut self, name: &'static str, value: &str) -> Builder<V> {
        self.host_options.insert(name, value.into());
        self
    }

    /// Gives the space cells that hold values of type `W`.
    #[must_use]
    pub fn cells<W: Send + Sync + 'static>(self) -> Builder<W> {
        let Builder { shards, seed, epoch, clock, max_waiters, max_waiters_per_key, meta, host_options, values: _ } =
            self;
        Builder {
            shards,
            seed,
            epoch,
            clock,
            max_waiters,
            max_waiters_per_key,
            meta,
            host_options,
            values: PhantomData,
        }
    }

    /// The limits that openings of one name must agree on.
    pub(crate) fn limits(&self) -> (Option<usize>, Option<usize>) {
        (self.max_waiters, self.max_waiters_per_key)
    }

    /// The options of a host language that openings of one name must agree on.
    pub(crate) fn host_options(&self) -> &HostOptions {
        &self.host_options
    }

    pub(crate) fn clock_identity(&self) -> Option<usize> {
        self.clock.as_deref().map(Clock::identity)
    }

    /// The space.
    pub fn build(self) -> Space<V> {
        let Builder { shards, seed, epoch, clock, max_waiters, max_waiters_per_key, meta, host_options, values: _ } =
            self;
        let limits = Limits::new(max_waiters, max_waiters_per_key);
        let cells = Cells::<V>::new();
        Space::first(Shared::new(Settings { shards, seed, epoch, clock, limits, meta, host_options, cells }))
            .expect("made with cells of this type")
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            shards: SHARDS.min(MOST_SHARDS),
            seed: 0,
            epoch: 0,
            clock: None,
            max_waiters: None,
            max_waiters_per_key: None,
            meta: None,
            host_options: HostOptions::new(),
            values: PhantomData,
        }
    }
}

impl<V> fmt::Debug for Builder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Builder");
        shown.field("shards", &self.shards).field("epoch", &self.epoch).field("clock", &self.clock.is_some());
        shown.finish_non_exhaustive()
    }
}
