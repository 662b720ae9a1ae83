//! The name of one request and of its grant.

/// Names one request, and the grant that it became. Never used again for another in the same space (clause L9); another
/// space has tickets of its own, so keep a ticket with its space.
// Two words: a processor passes them in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// Rises with every request of the shard; below 2^53. First, so that tickets of a shard sort by arrival.
    pub(crate) number: u64,
    /// The shard, then the slot.
    place: u64,
}

/// How many bits of the place name the slot; the shard takes those above.
const SLOT_BITS: u32 = 32;

impl Ticket {
    #[inline]
    pub(crate) const fn new(shard: u32, slot: u32, number: u64) -> Ticket {
        Ticket { number, place: (shard as u64) << SLOT_BITS | slot as u64 }
    }

    #[inline]
    pub(crate) fn shard(self) -> u32 {
        (self.place >> SLOT_BITS) as u32
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        self.place as u32
    }

    /// What it names, whatever the place: a request that had a place of its own in a queue may be given another.
    pub(crate) fn identity(self) -> (u32, u64) {
        (self.shard(), self.number)
    }

    /// Two numbers below 2^53 that name the ticket, for languages whose numbers end there. The first is small where the
    /// table is: engines of JavaScript keep small integers without an allocation.
    pub fn to_parts(self) -> (u64, u64) {
        // The highest bit of a slot tells two kinds apart.
        (u64::from(self.shard()) << SLOT_BITS | u64::from(self.slot().rotate_left(1)), self.number)
    }

    /// The ticket of [`to_parts`](Ticket::to_parts). Other numbers make a ticket that names nothing.
    pub fn from_parts(place: u64, number: u64) -> Ticket {
        Ticket::new((place >> SLOT_BITS) as u32, (place as u32).rotate_right(1), number)
    }
}
