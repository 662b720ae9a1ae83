//! The lock machine against slow, obvious models: every state that small programs can reach, and long programs beyond.
//!
//! | file | what it is |
//! |---|---|
//! | `operations` | what a program may do, and what that answers and tells |
//! | `reference` | the clauses written down, every operation: a list of requests in order of arrival |
//! | `graph` | who waits for whom in it: a plain search |
//! | `examples` | the clauses, told of the reference |
//! | `own` | the reference looked at by somebody who looks ahead |
//! | `search` | breadth-first through the states, and at random through long programs |
//! | `spaces` | a space with its owners, as the searches drive it |
//! | `searches` | how far the searches go |
//! | `controls` | that a search sees a fault |
//! | `tables` | the tables alone, with deliveries that come late |

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the searches tell how far they went and how long it took, and note where they have been"
)]

// An interpreter takes minutes for these two, which try the comparison and the reference and not the machine.
#[cfg(not(miri))]
mod controls;
mod examples;
mod graph;
mod operations;
#[cfg(not(miri))]
mod own;
mod reference;
mod search;
mod searches;
mod spaces;
mod tables;

pub(crate) use search::show;
