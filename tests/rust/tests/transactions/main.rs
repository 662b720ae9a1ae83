//! Updates and transactions through the public surface: clauses C5 to C10, anomalies, histories.

mod anomalies;
mod clauses;
mod histories;
mod plain_bodies;
mod reads;

use futures::executor::block_on;
use latchwork::{Builder, Error, Key, ManualClock, Space};

/// The same space with one shard, a few, and as many as usual.
fn spaces() -> [Space<i64>; 3] {
    [1, 4, 1024].map(|shards| Space::builder().cells().shards(shards).build())
}

/// The same space with a clock.
fn timed() -> [(Space<i64>, ManualClock); 2] {
    [1, 64].map(|shards| {
        let clock = ManualClock::new();
        let settings: Builder<i64> = Space::builder().cells();
        (settings.shards(shards).clock(clock.clone()).build(), clock)
    })
}

fn value(space: &Space<i64>, key: impl Into<Key>) -> Option<i64> {
    block_on(space.get(key)).expect("open").value
}

fn set(space: &Space<i64>, key: impl Into<Key>, value: i64) {
    block_on(async { space.set(key, value).await }).expect("open");
}

fn assert_empty(space: &Space<i64>) {
    let query = block_on(space.query()).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.expect_err("refused").code()
}
