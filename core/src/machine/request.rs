//! The record of a request, and what goes with it.

use std::time::Duration;

use smallvec::SmallVec;

use super::spanning::SpanningRef;
use super::{Due, Effect, Effects, Mode, Numbered};
use crate::signature::{OwnerTag, Signature};
use crate::{Error, Key, Ticket};

/// One key of a request, with its hash.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: u64,
    pub(crate) key: Key,
    pub(crate) mode: Mode,
}

/// Where a request came from: what ends with it releases what came from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) u64);

/// A request that has joined, and its token if it holds its keys already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) ticket: Ticket,
    pub(crate) token: Option<u64>,
}

/// What a release found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// It was held, and has left.
    Done,
    /// Nothing changed: it has keys in other tables, which [`leave`](super::leave) takes together.
    Spans,
    /// Nothing changed: its time is limited, and only who knows the time can tell whether it is held.
    Ends,
    /// Nothing changed: it is not held.
    NotHeld,
}

/// A grant that its caller has seen.
pub(crate) struct Claimed {
    pub(crate) token: u64,
    pub(crate) abandoned: bool,
}

/// Where a request stands.
pub(crate) enum Standing<'a, R> {
    Waiting(&'a mut R),
    Granted,
    Ended,
    Became(Ticket),
    Gone,
}

/// The record of a request in one table.
pub(super) struct Request<R> {
    pub(super) number: u64,
    pub(super) origin: Origin,
    pub(super) nodes: SmallVec<[u32; 2]>,
    pub(super) missing: u32,
    pub(super) state: State<R>,
    /// When it began to wait.
    pub(super) joined: Option<Duration>,
    /// Rises with every request of the space that waits.
    pub(super) order: u64,
    /// Whether a holder of one of its keys went away without a word while it was queued (clause L11).
    pub(super) abandoned: bool,
    /// Whether its keys, or some, were taken away (clause L15).
    lost: bool,
    /// What most requests do without, apart, so that the record of an uncontended one is small.
    more: Option<Box<More<R>>>,
}

pub(super) struct More<R> {
    pub(super) signature: Signature,
    /// When it gives up waiting; once granted, when its time is over.
    pub(super) due: Option<Due>,
    /// Whether it is the end of its time that is due.
    pub(super) ends: bool,
    /// How long it may hold its keys.
    pub(super) max_hold: Option<MaxHold>,
    pub(super) span: Option<SpanningRef>,
    /// Whom to tell when the grant is lost.
    pub(super) watcher: Option<R>,
    /// Calls that name the grant, by number: to be told as well.
    pub(super) calls: Option<Box<Numbered<R>>>,
    /// How often it was handed over.
    pub(super) handed: u32,
}

impl<R> Default for More<R> {
    fn default() -> More<R> {
        More {
            signature: Signature::default(),
            due: None,
            ends: false,
            max_hold: None,
            span: None,
            watcher: None,
            calls: None,
            handed: 0,
        }
    }
}

impl<R> Request<R> {
    pub(super) fn new(number: u64, origin: Origin, state: State<R>) -> Request<R> {
        Request {
            number,
            origin,
            nodes: SmallVec::new(),
            missing: 0,
            state,
            joined: None,
            order: 0,
            abandoned: false,
            lost: false,
            more: None,
        }
    }

    /// One for one key, which is to wait.
    #[inline]
    pub(super) fn arrived(number: u64, node: u32, arrival: Arrival<'_>) -> Request<R> {
        let mut more = None;
        sign(&mut more, arrival.signature);
        arrival.limit(&mut more);
        Request {
            number,
            origin: arrival.origin,
            nodes: SmallVec::from_buf_and_len([node, 0], 1),
            missing: 1,
            joined: arrival.joined,
            order: arrival.order,
            abandoned: false,
            lost: false,
            more,
            state: State::Away,
        }
    }

    /// Notes that its caller has seen its grant, where the record knows all about that.
    #[inline]
    pub(super) fn claim_told(&mut self) -> Option<Claimed> {
        match &mut self.state {
            State::Granted { token, claimed } if self.more.is_none() && !self.lost => {
                *claimed = true;
                Some(Claimed { token: *token, abandoned: self.abandoned })
            }
            _ => None,
        }
    }

    /// The node of a request for one key of which nothing else is to be told.
    #[inline]
    pub(super) fn plain_node(&self) -> Option<u32> {
        match self.nodes[..] {
            [node] if self.more.is_none() => Some(node),
            _ => None,
        }
    }

    /// What it says of itself.
    pub(super) fn signature(&self) -> Option<&Signature> {
        self.more.as_ref().map(|more| &more.signature)
    }

    pub(super) fn owner(&self) -> Option<&OwnerTag> {
        self.signature()?.owner.as_ref()
    }

    /// How often it was handed over.
    pub(super) fn handed(&self) -> u32 {
        self.more.as_ref().map_or(0, |more| more.handed)
    }

    /// What its owner is to be told now that the request, named by this ticket, has left.
    pub(super) fn departed(&self, ticket: Ticket) -> Option<Effect<R>> {
        self.owner().map(|owner| Effect::Departed { owner: owner.number, ticket })
    }

    /// What follows for others now that the request, named by this ticket, has been released.
    #[inline]
    pub(super) fn tell_of_its_end(&mut self, ticket: Ticket, effects: &mut Effects<R>) {
        if self.more.is_some() {
            effects.extend(self.departed(ticket));
            effects.extend(self.take_due().map(Effect::Undue));
            effects.extend(self.tell_watchers(false));
        }
    }

    pub(super) fn sign(&mut self, signature: Option<&Signature>) {
        sign(&mut self.more, signature);
    }

    #[inline]
    pub(super) fn span(&self) -> Option<&SpanningRef> {
        self.more.as_ref().and_then(|more| more.span.as_ref())
    }

    /// Whether there is something to do about its times when it is granted.
    pub(super) fn is_timed(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.due.is_some() || more.max_hold.is_some())
    }

    /// When its time is over, once that was set.
    pub(super) fn end(&self) -> Option<Duration> {
        let more = self.more.as_ref().filter(|more| more.ends)?;
        more.due.map(|(at, _)| at)
    }

    pub(super) fn take_due(&mut self) -> Option<Due> {
        self.more.as_mut().and_then(|more| more.due.take())
    }

    /// Tells those who watch the grant that it has ended. That its holder let it go is a loss for the calls alone that name it:
    /// what they wait for, they could not commit any more.
    pub(super) fn tell_watchers(&mut self, lost: bool) -> SmallVec<[Effect<R>; 1]> {
        let Some(more) = &mut self.more else { return SmallVec::new() };
        let calls = more.calls.take().into_iter().flat_map(|calls| calls.into_values()).map(Effect::Lost);
        let watcher = more.watcher.take().map(|watcher| match lost {
            true => Effect::Lost(watcher),
            false => Effect::Unwatched(watcher),
        });
        watcher.into_iter().chain(calls).collect()
    }

    pub(super) fn take_span(&mut self) -> Option<SpanningRef> {
        self.more.as_mut().and_then(|more| more.span.take())
    }

    pub(super) fn more(&mut self) -> &mut More<R> {
        self.more.get_or_insert_default()
    }
}

pub(super) enum State<R> {
    Waiting(R),
    Granted {
        token: u64,
        claimed: bool,
    },
    /// Kept until the recipient collects it.
    Ended(Error),
    /// Kept until the recipient collects it: resolved by a grant that was handed over.
    Became(Ticket),
    /// A part away from home: what holds is at home.
    Away,
}

/// Everything about a new request but its keys and its recipient.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'s> {
    pub(crate) origin: Origin,
    pub(crate) signature: Option<&'s Signature>,
    pub(crate) joined: Option<Duration>,
    /// Rises with every request of the space that waits.
    pub(crate) order: u64,
    pub(crate) deadline: Option<Duration>,
    /// How long it may hold its keys.
    pub(crate) max_hold: Option<MaxHold>,
}

/// How long a grant lasts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxHold {
    /// So long, from the grant on.
    For(Duration),
    /// Until this time.
    Until(Duration),
}

impl Arrival<'_> {
    /// Notes how its time is limited.
    #[inline]
    fn limit<R>(&self, more: &mut Option<Box<More<R>>>) {
        if let Some(at) = self.deadline {
            more.get_or_insert_default().due = Some((at, self.order));
        }
        if self.max_hold.is_some() {
            more.get_or_insert_default().max_hold = self.max_hold;
        }
    }
}

/// Notes what a request says of itself.
#[inline]
fn sign<R>(more: &mut Option<Box<More<R>>>, signature: Option<&Signature>) {
    if let Some(signature) = signature {
        more.get_or_insert_default().signature = signature.clone();
    }
}

impl<R> Request<R> {
    pub(super) fn mark_abandoned(&mut self) {
        match self.span() {
            Some(span) => span.mark_abandoned(),
            None => self.abandoned = true,
        }
    }

    #[inline]
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned || self.span().is_some_and(|span| span.is_abandoned())
    }

    pub(super) fn mark_lost(&mut self) {
        match self.span() {
            Some(span) => span.mark_lost(),
            None => self.lost = true,
        }
    }

    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.lost || self.span().is_some_and(|span| span.is_lost())
    }

    /// Whether it was lost, and no key of it is left.
    #[inline]
    pub(super) fn is_bare(&self) -> bool {
        self.lost && self.nodes.is_empty() && self.span().is_none()
    }

    /// Knows by itself from now on what its parts share: there is no other part any more.
    pub(super) fn gather(&mut self) {
        (self.abandoned, self.lost) = (self.is_abandoned(), self.is_lost());
        self.take_span();
    }

    /// It is not eligible any more on a key.
    pub(super) fn put_off(&mut self) {
        let was_complete = self.missing == 0;
        self.missing += 1;
        if let (true, Some(span)) = (was_complete, self.span()) {
            span.part_put_off();
        }
    }

    /// Begins to wait.
    pub(super) fn wait(&mut self, arrival: Arrival<'_>, recipient: R) {
        self.state = State::Waiting(recipient);
        self.joined = arrival.joined;
        self.order = arrival.order;
        arrival.limit(&mut self.more);
    }
}
