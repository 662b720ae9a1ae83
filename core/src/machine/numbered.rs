//! Values by number, for numbers that are never given twice.
//!
//! One map for all of them: a general one costs some eight kilobytes of code for every type of value that it is made for,
//! which a page has to load.

use super::index::{Index, Indexed};
use super::places::Places;
use crate::Ticket;

/// What a value is found by: what a ticket names, or the number of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    shard: u32,
    number: u64,
}

/// Values by number; in no order that means anything, but in the same one wherever the same was done.
pub(crate) struct Numbered<T> {
    numbers: Numbers,
    /// At the places of their numbers.
    values: Vec<Option<T>>,
}

/// The places of numbers.
#[derive(Default)]
struct Numbers {
    all: Places<Number>,
    index: Index,
}

impl<T> Numbered<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.all.is_empty()
    }

    pub(crate) fn get(&self, number: impl Into<Number>) -> Option<&T> {
        self.values[self.numbers.find(number.into())?].as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: impl Into<Number>) -> Option<&mut T> {
        self.values[self.numbers.find(number.into())?].as_mut()
    }

    /// The value of a number, made by `value` if there is none.
    pub(crate) fn get_or_insert_with(&mut self, number: impl Into<Number>, value: impl FnOnce() -> T) -> &mut T {
        self.place(number.into()).get_or_insert_with(value)
    }

    /// Gives a number a value. Answers the one that it had.
    pub(crate) fn insert(&mut self, number: impl Into<Number>, value: T) -> Option<T> {
        self.place(number.into()).replace(value)
    }

    pub(crate) fn remove(&mut self, number: impl Into<Number>) -> Option<T> {
        let at = self.numbers.find(number.into())?;
        let value = self.values[at].take();
        self.numbers.remove(at);
        if self.is_empty() {
            // Room for many is not kept for nobody.
            *self = Numbered::default();
        }
        value
    }

    /// Takes out the values that are asked for.
    pub(crate) fn take_if(&mut self, is_asked: impl Fn(&T) -> bool) -> Vec<T> {
        let asked = |(at, value): (usize, &Option<T>)| value.as_ref().is_some_and(&is_asked).then_some(at);
        let asked: Vec<usize> = self.values.iter().enumerate().filter_map(asked).collect();
        let numbers: Vec<Number> =
            asked.into_iter().filter_map(|at| self.numbers.all.get(at as u32).copied()).collect();
        numbers.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut().flatten()
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.values.into_iter().flatten()
    }

    /// The place of a number, made if there is none.
    fn place(&mut self, number: Number) -> &mut Option<T> {
        let at = self.numbers.find_or_add(number);
        if at == self.values.len() {
            self.values.push(None);
        }
        &mut self.values[at]
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { numbers: Numbers::default(), values: Vec::new() }
    }
}

impl Numbers {
    fn find(&self, number: Number) -> Option<usize> {
        self.index.find(&self.all, number.hash(), |other| *other == number).map(|at| at as usize)
    }

    fn find_or_add(&mut self, number: Number) -> usize {
        self.find(number).unwrap_or_else(|| {
            let at = self.all.insert(number);
            self.index.added(&self.all, number.hash(), at);
            at as usize
        })
    }

    fn remove(&mut self, at: usize) {
        if let Some(number) = self.all.remove(at as u32) {
            self.index.removed(number.hash(), at as u32);
        }
    }
}

impl Indexed for Number {
    /// Numbers are counted up, and nobody chooses them: to spread them is enough.
    fn hash(&self) -> u64 {
        let spread = (self.number ^ u64::from(self.shard) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        spread ^ spread >> 32
    }
}

impl From<Ticket> for Number {
    /// Whichever form the ticket has.
    fn from(ticket: Ticket) -> Number {
        let (shard, number) = ticket.identity();
        Number { shard, number }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Number {
        Number { shard: 0, number }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn few_and_many_are_found_until_they_are_removed() {
        let mut numbered = Numbered::default();
        let mut known = BTreeMap::new();
        let rounds: u64 = if cfg!(miri) { 60 } else { 2_000 };
        for round in 0..rounds {
            // Up to some hundred at once, and none again in the end.
            let number = round * round % 701;
            match round < rounds / 4 * 3 && round % 3 < 2 {
                true => assert_eq!(numbered.insert(number, round), known.insert(number, round)),
                false => assert_eq!(numbered.remove(number), known.remove(&number)),
            }
            assert_eq!(numbered.get(number), known.get(&number));
            assert_eq!(numbered.values().count(), known.len());
        }
        for (number, value) in known {
            assert_eq!(*numbered.get_or_insert_with(number, || 0), value);
            assert_eq!(numbered.remove(number), Some(value));
        }
        assert!(numbered.is_empty() && numbered.values.capacity() == 0);
    }

    #[test]
    fn what_a_ticket_names_is_found_by_each_of_its_tickets() {
        let mut numbered = Numbered::default();
        let ticket = Ticket::new(1, 2, 7);
        numbered.insert(ticket, 'a');
        numbered.insert(Ticket::new(2, 2, 7), 'b');
        assert_eq!(numbered.get(Ticket::new(1, 9, 7)), Some(&'a'));
        assert_eq!(numbered.get(7), None);
        assert_eq!(numbered.into_values().collect::<Vec<_>>(), ['a', 'b']);
    }
}
