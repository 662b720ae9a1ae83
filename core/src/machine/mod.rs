//! The pure state machines: every rule about who waits, who is granted and what is due.
//!
//! Nothing here blocks, wakes, calls back, reads a clock or names a mutex. A machine changes under `&mut self`; what
//! follows for others comes back as [`Effect`] values, which the caller carries out after it has unlocked.
//!
//! | file | what it settles |
//! |---|---|
//! | `queue` | the line for one key: **who is granted next** |
//! | `lock_table` | requests over several keys: join, grant, claim |
//! | `request` | the record of a request |
//! | `leave` | how a request leaves: release, cancel, time-out, close |
//! | `partial` | a holder gives up some keys, or their exclusiveness |
//! | `take_away` | a lock is taken away while its holder runs |
//! | `effects` | what follows from a step, in order |
//! | `spanning` | a request whose keys live in several tables |
//! | `joint` | the same, where each key is all that its table has |
//! | `whose` | the owner of a request, and where it came from |
//! | `owners` | what each owner holds and waits for |
//! | `deadlock` | whether a wait would close a circle |
//! | `survey` | what a query sees: positions and blockers |
//! | `shard_table` | what a shard keeps: usually one holder in place, without a table |
//! | `index` | finds a queue by key |
//! | `places` | values at places, which are used again |
//! | `numbered` | values by number |
//! | `sort` | sorting in little code |
//! | `deadlines` | what is due when |
//! | `cell_table` | the cells of a shard: versions and expiry |
//! | `watches` | who watches which cells |
//! | `attempt` | one run of a transaction's body: reads and writes |
//! | `savepoints` | what a part of a body undoes |
//! | `progress` | how often a body runs, and when its call takes a turn |
//! | `turns` | turns, noted beside the cells |

mod attempt;
mod cell_table;
mod deadlines;
mod deadlock;
mod effects;
mod index;
mod joint;
mod leave;
mod lock_table;
mod numbered;
mod owners;
mod partial;
mod places;
mod progress;
mod queue;
mod request;
mod savepoints;
mod shard_table;
mod sort;
pub(crate) mod spanning;
mod survey;
mod take_away;
mod turns;
mod watches;
mod whose;

#[cfg(test)]
pub(crate) mod model;

use std::fmt;

pub(crate) use self::attempt::{Attempt, Doom, Mark, Pending, Ranged, Refused};
pub(crate) use self::cell_table::{CellTable, Found, Kept, Presence, Seen, Written};
pub(crate) use self::deadlines::{Deadlines, Due, Errand};
pub(crate) use self::deadlock::{Link, Target, WaitGraph, chain};
pub(crate) use self::effects::Effects;
pub(crate) use self::joint::{Joint, Roused, attempt_vacant, release_lone};
pub(crate) use self::leave::{Leave, Left, Parts, leave};
pub(crate) use self::lock_table::{LockTable, exhausted};
pub(crate) use self::numbered::Numbered;
pub(crate) use self::owners::Owners;
pub(crate) use self::partial::{GiveUp, KeySet, give_up, holds, keys_of};
pub(crate) use self::progress::{Clash, Next, Progress, Rank};
pub(crate) use self::queue::hash;
pub(crate) use self::request::{Arrival, Claimed, Entry, MaxHold, Origin, Placed, Released, Standing};
pub(crate) use self::savepoints::Inner;
pub(crate) use self::shard_table::ShardTable;
pub(crate) use self::sort::{sort_and_dedup, sort_by};
pub(crate) use self::spanning::SpanningRef;
pub(crate) use self::survey::Survey;
pub(crate) use self::take_away::take_away;
pub(crate) use self::turns::Turns;
pub(crate) use self::watches::{PrefixWatches, Watches};

use crate::{Error, Ticket};

/// How a key is held: exclusive is compatible with nothing, shared with shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// By one holder alone.
    #[default]
    Exclusive,
    /// Together with other shared holders.
    Shared,
}

/// Who is told when a request is settled. The table keeps it and hands it back; it never looks inside.
pub(crate) trait Recipient {
    /// Whether the recipient comes back to collect the outcome, so that the table must keep it until then.
    fn collects(&self) -> bool;
}

/// What follows from a change for somebody else.
#[must_use]
pub(crate) enum Effect<R> {
    /// A waiting request holds its keys now, with this token.
    Granted {
        ticket: Ticket,
        recipient: R,
        token: u64,
        abandoned: bool,
        /// Whether there is something to do about its times: call [`LockTable::begin`].
        timed: bool,
    },
    /// A waiting request has ended without its keys.
    Failed { recipient: R, error: Error },
    /// A grant was taken away while its holder runs.
    Lost(R),
    /// What is due then is not due any more.
    Undue(Due),
    /// Who watched a grant need not do so any more: to be dropped.
    Unwatched(R),
    /// A request was withdrawn by its caller: its recipient is to be dropped.
    Withdrawn(R),
    /// A request of an owner has left: call [`Owners::remove`].
    Departed { owner: u64, ticket: Ticket },
    /// A request whose record is in another table holds its keys now: call [`LockTable::deliver`] there.
    GrantedElsewhere(Ticket),
}

impl<R> fmt::Debug for Effect<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Granted { ticket, token, .. } => write!(f, "Granted({ticket:?}, {token})"),
            Effect::Failed { error, .. } => write!(f, "Failed({error})"),
            Effect::Lost(_) => f.write_str("Lost"),
            Effect::Unwatched(_) => f.write_str("Unwatched"),
            Effect::Undue(due) => write!(f, "Undue({due:?})"),
            Effect::Withdrawn(_) => f.write_str("Withdrawn"),
            Effect::Departed { owner, ticket } => write!(f, "Departed({owner}, {ticket:?})"),
            Effect::GrantedElsewhere(ticket) => write!(f, "GrantedElsewhere({ticket:?})"),
        }
    }
}
