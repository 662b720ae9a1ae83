//! What is due when.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Ticket;

/// When a request is due, and the order of arrival that decides between equal times.
pub(crate) type Due = (Duration, u64);

/// What is to be done when something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A request has waited long enough.
    TimeOut(Ticket),
    /// A grant has lasted long enough.
    End(Ticket),
    /// A cell expires in the shard with this number.
    Sweep(u32),
    /// Somebody wanted to know, by this number.
    Alarm(u64),
}

/// What is due: soonest first, and among equal deadlines in order of arrival, whatever
/// tables they stand in (clause B4: as many shards as a host has, the outcomes are the same).
#[derive(Default)]
pub(crate) struct Deadlines {
    /// The ends of grants, which count as soon as somebody asks (clause B5).
    ends: BTreeMap<Due, Errand>,
    /// What counts when it is told.
    others: BTreeMap<Due, Errand>,
}

impl Deadlines {
    /// Notes a deadline. Answers whether it is now the soonest.
    pub(crate) fn insert(&mut self, due: Due, errand: Errand) -> bool {
        match errand {
            Errand::End(_) => self.ends.insert(due, errand),
            _ => self.others.insert(due, errand),
        };
        self.first() == Some(due)
    }

    pub(crate) fn remove(&mut self, due: Due) {
        if self.ends.remove(&due).is_none() {
            self.others.remove(&due);
        }
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.first().map(|(at, _)| at)
    }

    /// Whether some grant has an end.
    pub(crate) fn has_ends(&self) -> bool {
        !self.ends.is_empty()
    }

    /// The soonest errand, if it is due, taken out: but the end of a grant, until that has ended and it is
    /// [removed](Deadlines::remove), so that whoever asks meanwhile finds it.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(Due, Errand)> {
        let first = self.first().filter(|(at, _)| *at <= now)?;
        let errand = self.ends.get(&first).copied().or_else(|| self.others.remove(&first))?;
        Some((first, errand))
    }

    /// The grant that ends soonest, if its time is over; it stays as for [`pop_due`](Deadlines::pop_due).
    pub(crate) fn due_end(&self, now: Duration) -> Option<(Due, Ticket)> {
        match self.ends.first_key_value().filter(|((at, _), _)| *at <= now)? {
            (&due, &Errand::End(ticket)) => Some((due, ticket)),
            _ => None,
        }
    }

    fn first(&self) -> Option<Due> {
        let [end, other] = [&self.ends, &self.others].map(|due| due.first_key_value().map(|(first, _)| *first));
        [end, other].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn equal_deadlines_are_due_in_order_of_arrival() {
        let mut deadlines = Deadlines::default();
        let tickets = [3, 1, 2].map(|shard| Errand::TimeOut(Ticket::new(shard, 0, 1)));
        for (order, ticket) in (1..).zip(tickets) {
            deadlines.insert((5 * MS, order), ticket);
        }
        let sooner = Errand::Sweep(7);
        assert!(deadlines.insert((4 * MS, 4), sooner));
        assert_eq!(deadlines.next(), Some(4 * MS));
        deadlines.remove((5 * MS, 2));
        assert_eq!(deadlines.pop_due(3 * MS), None);
        let due: Vec<Errand> = std::iter::from_fn(|| deadlines.pop_due(5 * MS)).map(|(_, errand)| errand).collect();
        assert_eq!(due, [sooner, tickets[0], tickets[2]]);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn the_ends_of_grants_are_found_before_the_rest_and_stay_until_removed() {
        let mut deadlines = Deadlines::default();
        let ticket = |shard| Ticket::new(shard, 0, 1);
        assert!(deadlines.insert((MS, 1), Errand::TimeOut(ticket(1))));
        for (order, at) in [(2, 3), (3, 2), (4, 9)] {
            assert!(!deadlines.insert((at * MS, order), Errand::End(ticket(at))));
        }
        assert_eq!(deadlines.due_end(MS), None);
        for (due, ended) in [((2 * MS, 3), ticket(2)), ((3 * MS, 2), ticket(3))] {
            assert_eq!(deadlines.due_end(3 * MS), Some((due, ended)));
            deadlines.remove(due);
        }
        assert_eq!((deadlines.due_end(3 * MS), deadlines.has_ends()), (None, true));
        assert_eq!(deadlines.pop_due(9 * MS), Some(((MS, 1), Errand::TimeOut(ticket(1)))));
        for _ in 0..2 {
            assert_eq!(deadlines.pop_due(9 * MS), Some(((9 * MS, 4), Errand::End(ticket(9)))));
        }
        deadlines.remove((9 * MS, 4));
        assert_eq!((deadlines.pop_due(9 * MS), deadlines.has_ends()), (None, false));
    }
}
