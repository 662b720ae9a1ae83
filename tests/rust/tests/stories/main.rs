//! The stories of locks and cells, on threads, on one thread, and on a runtime. Each has a control that shows the fault
//! without the library.

mod all_or_nothing;
mod bank;
mod buyer_and_seller;
mod drop_outs;
mod duplicate_page;
mod hand_over;
mod handle_hygiene;
mod log_out;
mod one_name;
mod own_key;
mod owner_dies;
mod retry_discipline;
mod session_store;
mod token_refresh;
mod two_edits;
mod versions;

use latchwork::{Query, Space};
use latchwork_tests::poll::now;

/// What is held and what waits.
fn query(space: &Space) -> Query {
    now(space.query()).expect("the space is open")
}

/// Nothing is held and nothing waits.
fn assert_empty(space: &Space) {
    let query = query(space);
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query:?}");
}
