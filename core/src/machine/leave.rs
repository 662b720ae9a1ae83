//! How a request leaves: released, cancelled, timed out or closed.
//!
//! A request leaves all its tables in one step; the caller has locked them. Home is the first of them.

use std::ops::DerefMut;
use std::time::Duration;

use smallvec::SmallVec;

use super::request::State;
use super::{Due, Effect, Effects, LockTable, Recipient, survey};
use crate::{Error, Ticket};

/// Why a request leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Its holder lets go: only if it is granted.
    Release,
    /// Its caller no longer wants it (clause L7): only if it waits, or is granted and not yet seen, and not if what was
    /// handed over resolved it.
    Cancel,
    /// A grant that was handed over to its owner resolves it: only if it waits.
    Become(Ticket),
    /// Its deadline has passed, at this time: only if it waits.
    TimeOut(Option<Duration>),
    /// Its handle was closed: unless it has ended.
    Close,
    /// Its owner was closed: unless it has ended.
    Dismiss,
    /// Its holder has gone away without a word: who is queued for its keys is told that they were abandoned (clause
    /// L11). Only if it is granted.
    Abandon,
}

/// What left.
pub(crate) struct Left {
    /// Whether it was granted.
    pub(crate) granted: bool,
    /// Whether it was granted, and not all its keys had been taken away.
    pub(crate) held: bool,
    /// To be taken off the deadlines.
    pub(crate) due: Option<Due>,
}

/// Takes a request out of all its tables. `None`, and nothing changed, when it does not stand as `why` demands.
pub(crate) fn leave<R: Recipient, T: DerefMut<Target = LockTable<R>>>(
    tables: &mut [T],
    parts: &[Ticket],
    why: Leave,
    effects: &mut Effects<R>,
) -> Option<Left> {
    let home = tables.first_mut()?;
    let slot = home.slot(*parts.first()?)?;
    let token = home.token(slot);
    let claimed = matches!(home.requests[slot].state, State::Granted { claimed: true, .. });
    // A grant that another table decided may not have been told at home yet.
    let untold = matches!(home.requests[slot].state, State::Waiting(_));
    let waits = token.is_none() && untold;
    let lost = home.requests[slot].is_lost();
    let became = matches!(home.requests[slot].state, State::Became(_));
    let error = match why {
        Leave::Release if token.is_none() => return None,
        Leave::Cancel if claimed || became => return None,
        Leave::TimeOut(_) | Leave::Become(_) if !waits => return None,
        Leave::TimeOut(now) => Some(survey::time_out(tables, parts, now)),
        Leave::Abandon if token.is_none() => return None,
        Leave::Close | Leave::Abandon if untold => Some(Error::closed()),
        Leave::Dismiss if untold => Some(Error::cancelled()),
        // It has ended already, and its caller has not asked yet.
        Leave::Close | Leave::Dismiss if token.is_none() => return None,
        _ => None,
    };
    let mut recipient = None;
    let mut due = None;
    let mut departed = None;
    let mut watchers = SmallVec::new();
    let mut keys = 0;
    for (i, (table, part)) in tables.iter_mut().zip(parts).enumerate() {
        let Some(slot) = table.slot(*part) else { continue };
        keys += table.requests[slot].nodes.len();
        if why == Leave::Abandon && token.is_some() {
            table.mark_abandoned(slot);
        }
        if i > 0 {
            table.unlink(slot, token, effects);
            table.forget(slot);
            continue;
        }
        table.unlink(slot, token, effects);
        let request = &mut table.requests[slot];
        due = request.take_due();
        watchers = request.tell_watchers(matches!(why, Leave::Close | Leave::Dismiss));
        departed = request.departed(parts[0]);
        if let (Leave::Become(grant), State::Waiting(waiter)) = (why, &request.state)
            && waiter.collects()
        {
            // The record stays, without keys and parts, until the recipient asks for the grant.
            request.take_span();
            request.nodes.clear();
            recipient = into_recipient(std::mem::replace(&mut request.state, State::Became(grant)));
            continue;
        }
        match (&error, &request.state) {
            (Some(error), State::Waiting(waiter)) if waiter.collects() => {
                // The record stays, without keys and parts, until the recipient asks for the error.
                request.take_span();
                request.nodes.clear();
                let ended = State::Ended(error.clone());
                recipient = into_recipient(std::mem::replace(&mut request.state, ended));
            }
            _ => {
                recipient = into_recipient(std::mem::replace(&mut request.state, State::Away));
                table.forget(slot);
            }
        }
    }
    effects.extend(recipient.map(|recipient| match error {
        Some(error) => Effect::Failed { recipient, error },
        None => Effect::Withdrawn(recipient),
    }));
    effects.extend(departed);
    effects.extend(watchers);
    Some(Left { granted: token.is_some(), held: token.is_some() && !(lost && keys == 0), due })
}

/// The parts of a request as a list, home first.
pub(crate) type Parts = SmallVec<[Ticket; 4]>;

fn into_recipient<R>(state: State<R>) -> Option<R> {
    match state {
        State::Waiting(recipient) => Some(recipient),
        _ => None,
    }
}
