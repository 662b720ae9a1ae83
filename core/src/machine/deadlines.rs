//! What is due when.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Ticket;

/// The waiting requests that have a deadline: soonest first, and among equal deadlines in order of arrival, whatever
/// tables they stand in (clause B4: as many shards as a host has, the outcomes are the same).
#[derive(Default)]
pub(crate) struct Deadlines {
    due: BTreeMap<(Duration, u64), Ticket>,
    arrivals: BTreeMap<Ticket, u64>,
    arrived: u64,
}

impl Deadlines {
    /// Notes a deadline. Answers whether it is now the soonest.
    pub(crate) fn insert(&mut self, at: Duration, ticket: Ticket) -> bool {
        self.arrived += 1;
        self.arrivals.insert(ticket, self.arrived);
        self.due.insert((at, self.arrived), ticket);
        self.due.first_key_value().map(|(first, _)| *first) == Some((at, self.arrived))
    }

    pub(crate) fn remove(&mut self, at: Duration, ticket: Ticket) {
        if let Some(arrival) = self.arrivals.remove(&ticket) {
            self.due.remove(&(at, arrival));
        }
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes out the soonest request, if it is due.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Ticket> {
        let first = self.due.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ticket = first.remove();
        self.arrivals.remove(&ticket);
        Some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn equal_deadlines_are_due_in_order_of_arrival() {
        let mut deadlines = Deadlines::default();
        let tickets = [3, 1, 2].map(|shard| Ticket { number: 1, shard, slot: 0 });
        for ticket in tickets {
            deadlines.insert(5 * MS, ticket);
        }
        let sooner = Ticket { number: 9, shard: 0, slot: 0 };
        assert!(deadlines.insert(4 * MS, sooner));
        assert_eq!(deadlines.next(), Some(4 * MS));
        deadlines.remove(5 * MS, tickets[1]);
        assert_eq!(deadlines.pop_due(3 * MS), None);
        let due: Vec<Ticket> = std::iter::from_fn(|| deadlines.pop_due(5 * MS)).collect();
        assert_eq!(due, [sooner, tickets[0], tickets[2]]);
        assert!(deadlines.due.is_empty() && deadlines.arrivals.is_empty());
    }
}
