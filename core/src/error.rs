//! What can go wrong, with one stable code for each kind.

use std::fmt;
use std::time::Duration;

use crate::key::Quoted;
use crate::signature::Label;
use crate::sync::Arc;
use crate::{Blocker, Key, OwnerName};

/// What kind of error it is: each kind is one that a caller would treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A wait passed its deadline.
    Timeout,
    /// The owner was closed while it waited.
    Cancelled,
    /// An own key was asked for again, or the request would close a cycle of waits.
    Deadlock,
    /// The guard named in a commit is no longer held.
    Fenced,
    /// What was to be released is not held.
    NotHeld,
    /// The caller's limit of attempts, or the limit of losses in a turn, is used up; inside a transaction: the attempt is
    /// stale and will run again.
    Conflict,
    /// The transaction was aborted by its body.
    Aborted,
    /// A queue limit that the caller set is reached.
    Busy,
    /// The space is closed.
    Closed,
    /// An argument cannot be what it must be.
    Invalid,
    /// The engine cannot be reached.
    Unavailable,
    /// The engine cannot tell whether the operation took effect.
    UnknownOutcome,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: &[ErrorKind] = &[
        ErrorKind::Timeout,
        ErrorKind::Cancelled,
        ErrorKind::Deadlock,
        ErrorKind::Fenced,
        ErrorKind::NotHeld,
        ErrorKind::Conflict,
        ErrorKind::Aborted,
        ErrorKind::Busy,
        ErrorKind::Closed,
        ErrorKind::Invalid,
        ErrorKind::Unavailable,
        ErrorKind::UnknownOutcome,
    ];

    /// The stable code, the same in every language.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Timeout => "timeout",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Deadlock => "deadlock",
            ErrorKind::Fenced => "fenced",
            ErrorKind::NotHeld => "not_held",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Aborted => "aborted",
            ErrorKind::Busy => "busy",
            ErrorKind::Closed => "closed",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::UnknownOutcome => "unknown_outcome",
        }
    }
}

/// An error of any operation.
///
/// Tell errors apart by [`kind`](Error::kind); the message is for people and may change. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Error(Arc<Detail>);

#[derive(Debug)]
enum Detail {
    Timeout(TimedOut),
    NotHeld {
        keys: Vec<Key>,
    },
    Fenced {
        token: u64,
        /// It was the turn of the call itself.
        turn: bool,
    },
    Cancelled,
    Deadlock {
        cycle: Vec<CycleStep>,
    },
    Busy {
        limit: usize,
    },
    Closed,
    Invalid {
        what: String,
        why: String,
    },
    Conflict {
        attempts: u32,
        conflicts: Vec<Stale>,
    },
    /// Of an attempt that is over, told to its body.
    Doomed,
    Aborted {
        reason: String,
    },
}

/// A wait that has passed its deadline.
#[derive(Clone, Debug)]
pub(crate) struct TimedOut {
    pub(crate) keys: Vec<Key>,
    pub(crate) label: Option<Label>,
    pub(crate) waited: Option<Duration>,
    pub(crate) position: usize,
    pub(crate) blocked_by: Vec<Blocker>,
}

/// A cell that did not have the version that a call had seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stale {
    /// The cell.
    pub key: Key,
    /// The version that was seen; 0: it was absent.
    pub expected: u64,
    /// The version that it has; 0: it is absent.
    pub version: u64,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected={} version={}", self.key, self.expected, self.version)
    }
}

/// One of the waits that form a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CycleStep {
    /// The owner of the request that waits, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that the request gave itself.
    pub label: Option<Arc<str>>,
    /// The key that it waits for: held by the owner of the next step, or reserved for it.
    pub key: Key,
}

impl fmt::Display for CycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.owner, &self.label) {
            (Some(owner), Some(label)) => write!(f, "{owner} as {}", Quoted(label))?,
            (Some(owner), None) => owner.fmt(f)?,
            (None, Some(label)) => Quoted(label).fmt(f)?,
            (None, None) => f.write_str("a request without an owner")?,
        }
        write!(f, " waits for {}", self.key)
    }
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match *self.0 {
            Detail::Timeout(_) => ErrorKind::Timeout,
            Detail::NotHeld { .. } => ErrorKind::NotHeld,
            Detail::Fenced { .. } => ErrorKind::Fenced,
            Detail::Cancelled => ErrorKind::Cancelled,
            Detail::Deadlock { .. } => ErrorKind::Deadlock,
            Detail::Busy { .. } => ErrorKind::Busy,
            Detail::Closed => ErrorKind::Closed,
            Detail::Invalid { .. } => ErrorKind::Invalid,
            Detail::Conflict { .. } | Detail::Doomed => ErrorKind::Conflict,
            Detail::Aborted { .. } => ErrorKind::Aborted,
        }
    }

    /// The stable code of the kind, the same in every language.
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// `timeout`: the keys that were asked for. `not_held`: the keys that are not held, where they are known.
    pub fn keys(&self) -> &[Key] {
        match &*self.0 {
            Detail::Timeout(TimedOut { keys, .. }) | Detail::NotHeld { keys } => keys,
            _ => &[],
        }
    }

    /// `timeout`: the label that the request gave itself.
    pub fn label(&self) -> Option<&str> {
        match &*self.0 {
            Detail::Timeout(timed_out) => timed_out.label.as_deref(),
            _ => None,
        }
    }

    /// `timeout`: how long the request waited; `None` where the space has no clock.
    pub fn waited(&self) -> Option<Duration> {
        match &*self.0 {
            Detail::Timeout(timed_out) => timed_out.waited,
            _ => None,
        }
    }

    /// `timeout`: the place in the longest of its queues, 1 for the next in line; counted up to 1,000, which stands for
    /// that or more.
    pub fn position(&self) -> Option<usize> {
        match &*self.0 {
            Detail::Timeout(timed_out) => Some(timed_out.position),
            _ => None,
        }
    }

    /// `timeout`: who stood in the way, at most sixteen for each key.
    pub fn blocked_by(&self) -> &[Blocker] {
        match &*self.0 {
            Detail::Timeout(timed_out) => &timed_out.blocked_by,
            _ => &[],
        }
    }

    /// `deadlock`: the circle of waits that the request would have closed. The first step is the request itself; each waits
    /// for a key that the next one's owner has, and the last for one that the first one's owner has.
    pub fn cycle(&self) -> &[CycleStep] {
        match &*self.0 {
            Detail::Deadlock { cycle } => cycle,
            _ => &[],
        }
    }

    /// `fenced`: the token of the guard that is no longer held.
    pub fn token(&self) -> Option<u64> {
        match &*self.0 {
            Detail::Fenced { token, .. } => Some(*token),
            _ => None,
        }
    }

    /// `busy`: the limit that is reached.
    pub fn limit(&self) -> Option<usize> {
        match &*self.0 {
            Detail::Busy { limit } => Some(*limit),
            _ => None,
        }
    }

    /// `conflict`: how often the body has run; `None` for the error that a body is told whose attempt is over.
    pub fn attempts(&self) -> Option<u32> {
        match &*self.0 {
            Detail::Conflict { attempts, .. } => Some(*attempts),
            _ => None,
        }
    }

    /// `conflict`: the cells that stood in the way of the last attempt, where they are known.
    pub fn conflicts(&self) -> &[Stale] {
        match &*self.0 {
            Detail::Conflict { conflicts, .. } => conflicts,
            _ => &[],
        }
    }

    /// `aborted`: the reason that the body gave.
    pub fn reason(&self) -> Option<&str> {
        match &*self.0 {
            Detail::Aborted { reason } => Some(reason),
            _ => None,
        }
    }

    /// `invalid`: the argument that was refused.
    pub fn what(&self) -> Option<&str> {
        match &*self.0 {
            Detail::Invalid { what, .. } => Some(what),
            _ => None,
        }
    }

    /// `invalid`: what is wrong with the argument.
    pub fn why(&self) -> Option<&str> {
        match &*self.0 {
            Detail::Invalid { why, .. } => Some(why),
            _ => None,
        }
    }

    /// The error of an argument that cannot be what it must be, for bindings that refuse one themselves.
    pub fn invalid(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::from(Detail::Invalid { what: what.into(), why: why.into() })
    }

    /// The same error with other keys, or without those for which there is none.
    pub(crate) fn map_keys(self, mut map: impl FnMut(&Key) -> Option<Key>) -> Error {
        Error::from(match &*self.0 {
            Detail::Timeout(timed_out) => Detail::Timeout(TimedOut {
                keys: timed_out.keys.iter().filter_map(&mut map).collect(),
                label: timed_out.label.clone(),
                blocked_by: timed_out
                    .blocked_by
                    .iter()
                    .filter_map(|by| Some(Blocker { key: map(&by.key)?, ..by.clone() }))
                    .collect(),
                ..*timed_out
            }),
            Detail::NotHeld { keys } => Detail::NotHeld { keys: keys.iter().filter_map(map).collect() },
            Detail::Deadlock { cycle } => Detail::Deadlock {
                cycle: cycle
                    .iter()
                    .filter_map(|step| Some(CycleStep { key: map(&step.key)?, ..step.clone() }))
                    .collect(),
            },
            Detail::Conflict { attempts, conflicts } => Detail::Conflict {
                attempts: *attempts,
                conflicts: conflicts
                    .iter()
                    .filter_map(|stale| Some(Stale { key: map(&stale.key)?, ..stale.clone() }))
                    .collect(),
            },
            _ => return self,
        })
    }

    pub(crate) fn timeout(timed_out: TimedOut) -> Error {
        Error::from(Detail::Timeout(timed_out))
    }

    pub(crate) fn not_held(keys: Vec<Key>) -> Error {
        Error::from(Detail::NotHeld { keys })
    }

    pub(crate) fn fenced(token: u64) -> Error {
        Error::from(Detail::Fenced { token, turn: false })
    }

    /// Of a call whose turn was taken away.
    pub(crate) fn turn_lost(token: u64) -> Error {
        Error::from(Detail::Fenced { token, turn: true })
    }

    pub(crate) fn cancelled() -> Error {
        Error::from(Detail::Cancelled)
    }

    pub(crate) fn deadlock(cycle: Vec<CycleStep>) -> Error {
        Error::from(Detail::Deadlock { cycle })
    }

    pub(crate) fn busy(limit: usize) -> Error {
        Error::from(Detail::Busy { limit })
    }

    pub(crate) fn conflict(attempts: u32, conflicts: Vec<Stale>) -> Error {
        Error::from(Detail::Conflict { attempts, conflicts })
    }

    /// What the operations of an attempt answer that will be run again, or not at all.
    pub(crate) fn doomed() -> Error {
        Error::from(Detail::Doomed)
    }

    pub(crate) fn aborted(reason: &str) -> Error {
        Error::from(Detail::Aborted { reason: reason.to_owned() })
    }

    pub(crate) fn closed() -> Error {
        Error::from(Detail::Closed)
    }
}

impl From<Detail> for Error {
    fn from(detail: Detail) -> Error {
        Error(Arc::new(detail))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Detail::Timeout(TimedOut { keys, label, waited, position, blocked_by }) => {
                // Of a call that waited in no queue.
                let while_running = if *position == 0 { " while its function ran, or waited for a change" } else { "" };
                write!(f, "timed out{while_running}: keys={}", List(keys))?;
                if let Some(waited) = waited {
                    write!(f, " waited={}ms", waited.as_millis() as u64)?;
                }
                if *position > 0 {
                    write!(f, " position={position} blocked_by={}", List(blocked_by))?;
                }
                match label {
                    Some(label) => write!(f, " label={}", Quoted(label)),
                    None => Ok(()),
                }
            }
            Detail::NotHeld { keys } if keys.is_empty() => f.write_str("the lock is not held"),
            Detail::NotHeld { keys } => write!(f, "the lock is not held: keys={}", List(keys)),
            Detail::Fenced { token, turn: true } => write!(f, "the turn of the call was taken away: token={token}"),
            Detail::Fenced { token, .. } => write!(f, "the guard named in the commit is no longer held: token={token}"),
            Detail::Cancelled => f.write_str("the owner is closed"),
            Detail::Deadlock { cycle } => {
                write!(f, "the request would wait for its own owner: cycle={}", List(cycle))
            }
            Detail::Busy { limit } => write!(f, "too many requests wait: limit={limit}"),
            Detail::Closed => f.write_str("the space is closed"),
            Detail::Invalid { what, why } => write!(f, "invalid {what}: {why}"),
            Detail::Conflict { attempts, conflicts } => {
                write!(f, "others were faster each time: attempts={attempts} conflicts={}", List(conflicts))
            }
            Detail::Doomed => f.write_str("the attempt is over: what it read has changed, or it waits for that"),
            Detail::Aborted { reason } => write!(f, "the transaction was aborted: reason={}", Quoted(reason)),
        }
    }
}

impl std::error::Error for Error {}

/// A list in a message: the first few, then how many more.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        f.write_str("[")?;
        for (i, item) in self.0.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => f.write_str("]"),
            more => write!(f, ", and {more} more]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use futures::executor::block_on;

    use super::*;
    use crate::{ManualClock, Space};

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn messages_name_what_is_wrong() {
        let keys = (0..7).map(Key::from).collect();
        assert_eq!(Error::not_held(keys).to_string(), "the lock is not held: keys=[0, 1, 2, 3, 4, and 2 more]");
        assert_eq!(Error::invalid("timeout", "is negative").to_string(), "invalid timeout: is negative");
    }

    #[test]
    fn a_time_out_carries_the_label_of_its_request() {
        let ms = Duration::from_millis(1);
        for shards in [1, 1024] {
            let clock = ManualClock::new();
            let space = Space::builder().clock(clock.clone()).shards(shards).build();
            let _held = block_on(space.lock("a").label("holder")).expect("free");
            let mut named = pin!(space.lock(["a", "b", "c"]).label("nightly job").timeout(ms));
            let mut unnamed = pin!(space.lock("a").timeout(ms));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(named.as_mut().poll(&mut cx).is_pending() && unnamed.as_mut().poll(&mut cx).is_pending());
            clock.advance(ms);
            space.tick();
            let late = block_on(named).expect_err("held");
            let at_once = block_on(space.lock("a").label("nightly job").timeout(Duration::ZERO)).expect_err("held");
            let outside = late.clone().map_keys(|_| None);
            for error in [late, at_once, outside] {
                assert_eq!((error.kind(), error.label()), (ErrorKind::Timeout, Some("nightly job")));
                assert!(error.to_string().ends_with(" label=\"nightly job\""), "{error}");
            }
            let unnamed = block_on(unnamed).expect_err("held");
            assert_eq!(unnamed.label(), None);
            assert!(!unnamed.to_string().contains("label"), "{unnamed}");
        }
    }
}
