//! What is due when.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Ticket;

/// When a request is due, and the order of arrival that decides between equal times.
pub(crate) type Due = (Duration, u64);

/// What is to be done when something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A request has waited long enough, or a grant has lasted long enough.
    End(Ticket),
    /// A cell expires in the shard with this number.
    Sweep(u32),
    /// Somebody wanted to know, by this number.
    Alarm(u64),
}

/// What is due: soonest first, and among equal deadlines in order of arrival, whatever
/// tables they stand in (clause B4: as many shards as a host has, the outcomes are the same).
#[derive(Default)]
pub(crate) struct Deadlines(BTreeMap<Due, Errand>);

impl Deadlines {
    /// Notes a deadline. Answers whether it is now the soonest.
    pub(crate) fn insert(&mut self, due: Due, errand: Errand) -> bool {
        self.0.insert(due, errand);
        self.0.first_key_value().map(|(first, _)| *first) == Some(due)
    }

    pub(crate) fn remove(&mut self, due: Due) {
        self.0.remove(&due);
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes out the soonest errand, if it is due.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Errand> {
        let first = self.0.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        Some(first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn equal_deadlines_are_due_in_order_of_arrival() {
        let mut deadlines = Deadlines::default();
        let tickets = [3, 1, 2].map(|shard| Errand::End(Ticket { number: 1, shard, slot: 0 }));
        for (order, ticket) in (1..).zip(tickets) {
            deadlines.insert((5 * MS, order), ticket);
        }
        let sooner = Errand::Sweep(7);
        assert!(deadlines.insert((4 * MS, 4), sooner));
        assert_eq!(deadlines.next(), Some(4 * MS));
        deadlines.remove((5 * MS, 2));
        assert_eq!(deadlines.pop_due(3 * MS), None);
        let due: Vec<Errand> = std::iter::from_fn(|| deadlines.pop_due(5 * MS)).collect();
        assert_eq!(due, [sooner, tickets[0], tickets[2]]);
        assert!(deadlines.0.is_empty());
    }
}
