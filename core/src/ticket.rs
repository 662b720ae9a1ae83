//! The name of one request and of its grant.

/// Names one request, and the grant that it became. Never used again for another in the same space (clause L9); another
/// space has tickets of its own, so keep a ticket with its space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// Rises with every request of the shard; below 2^53. First, so that tickets of a shard sort by arrival.
    pub(crate) number: u64,
    pub(crate) shard: u32,
    pub(crate) slot: u32,
}

/// How many bits of the first part name the slot; the shard takes those above.
const SLOT_BITS: u32 = 32;

impl Ticket {
    /// What it names, whatever the place: a request that had a place of its own in a queue may be given another.
    pub(crate) fn identity(self) -> (u32, u64) {
        (self.shard, self.number)
    }

    /// Two numbers below 2^53 that name the ticket, for languages whose numbers end there. The first is small where the
    /// table is: engines of JavaScript keep small integers without an allocation.
    pub fn to_parts(self) -> (u64, u64) {
        // The highest bit of a slot tells two kinds apart.
        (u64::from(self.shard) << SLOT_BITS | u64::from(self.slot.rotate_left(1)), self.number)
    }

    /// The ticket of [`to_parts`](Ticket::to_parts). Other numbers make a ticket that names nothing.
    pub fn from_parts(place: u64, number: u64) -> Ticket {
        Ticket { shard: (place >> SLOT_BITS) as u32, slot: (place as u32).rotate_right(1), number }
    }
}
