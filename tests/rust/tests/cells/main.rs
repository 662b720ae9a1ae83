//! Cells through the public surface: versions, conditions, expiry, scans, watches and guarded commits.

mod callers_code;
mod expiry;
mod guarded;
mod scans;
mod versions;
mod watches;
mod within;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use latchwork::{Builder, Entry, Error, ManualClock, Space};

/// The same space with one shard, a few, and as many as usual.
fn spaces() -> [Space<u32>; 3] {
    [1, 4, 1024].map(|shards| Space::builder().cells().shards(shards).build())
}

/// The same space with a clock.
fn timed() -> [(Space<u32>, ManualClock); 2] {
    [1, 64].map(|shards| {
        let clock = ManualClock::new();
        let settings: Builder<u32> = Space::builder().cells();
        (settings.shards(shards).clock(clock.clone()).build(), clock)
    })
}

fn get(space: &Space<u32>, key: impl Into<latchwork::Key>) -> Entry<u32> {
    block_on(space.get(key)).expect("open")
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.expect_err("refused").code()
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
