//! Bad input and faults: each is a typed error or a harmless no-op, and leaves the tables empty.

mod arguments;
mod endings;
mod futures_misused;
mod many_waiters;
mod panics;
mod ports;
mod time;

use latchwork::{Error, Guard, LockRequest, Space};
use latchwork_tests::poll::{Task, now};

/// A request as a task that can be polled by hand.
fn task(request: LockRequest<'_>) -> Task<'_, Result<Guard, Error>> {
    Task::new(request.into_future())
}

/// Nothing is held and nothing waits.
fn assert_empty(space: &Space) {
    let query = now(space.query()).expect("the space is open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query:?}");
    assert_eq!(space.next_deadline(), None);
}
