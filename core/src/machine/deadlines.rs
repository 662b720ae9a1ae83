//! What is due when.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Ticket;

/// The waiting requests that have a deadline, soonest first.
#[derive(Default)]
pub(crate) struct Deadlines(BTreeSet<(Duration, Ticket)>);

impl Deadlines {
    /// Notes a deadline. Answers whether it is now the soonest.
    pub(crate) fn insert(&mut self, at: Duration, ticket: Ticket) -> bool {
        self.0.insert((at, ticket));
        self.0.first() == Some(&(at, ticket))
    }

    pub(crate) fn remove(&mut self, at: Duration, ticket: Ticket) {
        self.0.remove(&(at, ticket));
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes out the soonest request, if it is due.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Ticket> {
        let &(at, ticket) = self.0.first()?;
        if at > now {
            return None;
        }
        self.0.pop_first();
        Some(ticket)
    }
}
