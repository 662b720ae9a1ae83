//! A request that holds a few keys, each as the lone holder of its table.
//!
//! Its parts have no record: each knows the tables of all of them, and all have the same number, the token. Only when
//! somebody comes to stand beside or behind one of them do they need what parts share, a [`Spanning`]. Whoever is the first
//! to need it makes it, and it is kept in [`Roused`] until all of them have it.

use std::ops::DerefMut;

use super::lock_table::SOLO;
use super::spanning::{Spanning, SpanningRef};
use super::{Numbered, Origin, Recipient, ShardTable};
use crate::{Key, Ticket};

/// At most so many keys are held together so.
const FEW: usize = 4;

/// The tables of a lone holder's parts, in ascending order; the last one fills the rest.
// Small: each shard has room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joint([u16; FEW]);

impl Joint {
    /// Of a holder with one key.
    #[inline]
    pub(super) fn alone(table: u32) -> Joint {
        Joint([table as u16; FEW])
    }

    /// Of some tables, at most [`FEW`], in ascending order.
    #[inline]
    fn of(tables: impl Iterator<Item = u32>) -> Joint {
        let mut joint = [0; FEW];
        for (at, table) in tables.enumerate() {
            joint[at..].fill(table as u16);
        }
        Joint(joint)
    }

    #[inline]
    pub(super) fn is_alone(self) -> bool {
        self.0[0] == self.0[FEW - 1]
    }

    /// The first table.
    pub(super) fn home(self) -> u32 {
        u32::from(self.0[0])
    }

    /// The tables after the first.
    #[inline]
    pub(crate) fn rest(self) -> [Option<u16>; FEW - 1] {
        let Joint([first, second, third, fourth]) = self;
        [(first, second), (second, third), (third, fourth)].map(|(before, table)| (before != table).then_some(table))
    }

    /// Each table once, in ascending order.
    pub(crate) fn tables(self) -> impl Iterator<Item = u32> {
        [Some(self.0[0])].into_iter().chain(self.rest()).flatten().map(u32::from)
    }
}

/// What the parts of requests share of which some parts are lone holders still, and others not any more.
#[derive(Default)]
pub(crate) struct Roused(Numbered<Shared>);

struct Shared {
    span: SpanningRef,
    /// How many parts do not have it yet.
    left: usize,
}

impl Roused {
    /// What a part that is no lone holder any more shares with the others; `home` is the ticket of the request.
    pub(crate) fn share(&mut self, home: Ticket, joint: Joint) -> SpanningRef {
        let shared = self.0.get_or_insert_with(home, || {
            let parts = joint.tables().map(|table| Ticket::new(table, SOLO, home.number)).collect();
            Shared { span: Spanning::granted(parts, home.number), left: joint.tables().count() }
        });
        shared.left -= 1;
        let (span, left) = (shared.span.clone(), shared.left);
        if left == 0 {
            self.0.remove(home);
        }
        span
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Takes one key in each of a few tables, all locked, if they are vacant; claims the grant. The keys are in the order of
/// their tables.
#[inline]
pub(crate) fn attempt_vacant<'k, R: Recipient, T: DerefMut<Target = ShardTable<R>>>(
    tables: &mut [T],
    keys: impl Iterator<Item = (u64, &'k Key)>,
    origin: Origin,
) -> Option<(Ticket, u64)> {
    if !tables.iter().all(|table| table.is_vacant()) {
        return None;
    }
    let token = 1 + tables.iter().map(|table| table.clock()).max()?;
    let joint = Joint::of(tables.iter().map(|table| table.number()));
    for (table, (hash, key)) in tables.iter_mut().zip(keys) {
        table.take_in(hash, key, origin, token, joint);
    }
    Some((tables[0].lone_ticket(token), token))
}

/// Releases a request whose parts are all lone holders of their tables, which are all locked. `false`, and nothing changed,
/// when they are not.
#[inline]
pub(crate) fn release_lone<R: Recipient, T: DerefMut<Target = ShardTable<R>>>(
    tables: &mut [Option<T>],
    number: u64,
) -> bool {
    let lone = tables.iter().flatten().all(|table| table.is_lone(table.lone_ticket(number)) == Some(true));
    if lone {
        tables.iter_mut().flatten().for_each(|table| table.take_out());
    }
    lone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_named_once() {
        for tables in [&[7][..], &[0, 1], &[3, 4, 900], &[0, 1, 2, 65_535]] {
            let joint = Joint::of(tables.iter().copied());
            assert_eq!(joint.tables().collect::<Vec<_>>(), tables);
            assert_eq!(joint.rest().into_iter().flatten().map(u32::from).collect::<Vec<_>>(), tables[1..]);
            assert_eq!((joint.home(), joint.is_alone()), (tables[0], tables.len() == 1));
        }
        assert_eq!(Joint::alone(65_535), Joint::of([65_535].into_iter()));
    }

    #[test]
    fn what_parts_share_is_kept_until_all_have_it() {
        let mut roused = Roused::default();
        let joint = Joint::of([2, 5, 6].into_iter());
        let home = Ticket::new(2, SOLO, 11);
        let other = roused.share(Ticket::new(2, SOLO, 12), Joint::of([2, 3].into_iter()));
        let shared = [(); 3].map(|()| roused.share(home, joint));
        assert!(shared.iter().all(|span| SpanningRef::ptr_eq(span, &shared[0])));
        assert_eq!(shared[0].parts(), [2, 5, 6].map(|table| Ticket::new(table, SOLO, 11)));
        assert_eq!((shared[0].home(), shared[0].token(), shared[0].claimed()), (home, Some(11), true));
        assert!(!roused.is_empty());
        assert!(SpanningRef::ptr_eq(&other, &roused.share(other.home(), Joint::of([2, 3].into_iter()))));
        assert!(roused.is_empty());
    }
}
