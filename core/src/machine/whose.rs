//! Whose a request is: its owner, and the handle or port that it came through.

use super::request::State;
use super::{LockTable, Origin, Recipient};
use crate::Ticket;
use crate::signature::{OwnerTag, Signature};

impl<R: Recipient> LockTable<R> {
    /// What a request says of itself, if it stands here.
    pub(crate) fn signature(&mut self, part: Ticket) -> Option<Signature> {
        let slot = self.slot(part)?;
        Some(self.requests[slot].signature().cloned().unwrap_or_default())
    }

    /// Where a request came from, if it stands here.
    pub(crate) fn origin(&mut self, ticket: Ticket) -> Option<Origin> {
        let slot = self.slot(ticket)?;
        Some(self.requests[slot].origin)
    }

    /// Makes the part of a grant somebody else's, who has not seen it yet.
    pub(crate) fn pass_on(&mut self, part: Ticket, owner: Option<&OwnerTag>, origin: Origin) {
        let Some(slot) = self.slot(part) else { return };
        let request = &mut self.requests[slot];
        request.more().signature.owner = owner.cloned();
        request.origin = origin;
        if let State::Granted { claimed, .. } = &mut request.state {
            *claimed = false;
        }
        if let Some(span) = request.span() {
            span.unclaim();
        }
    }

    /// Gives the part of a request an owner.
    pub(crate) fn adopt(&mut self, part: Ticket, owner: &OwnerTag) {
        if let Some(slot) = self.slot(part) {
            self.requests[slot].more().signature.owner = Some(owner.clone());
        }
    }

    /// The tickets of the requests from these origins whose home is here.
    pub(crate) fn of_origins(&self, origins: &[Origin]) -> Vec<Ticket> {
        let from = |origin: Origin| origins.contains(&origin);
        let requests = self.requests.iter();
        let own = requests.filter(|(_, request)| from(request.origin) && !matches!(request.state, State::Away));
        let solo = self.queues.iter().filter_map(|queue| Some((queue, self.queues.queue(queue).solo()?)));
        let own_solo = solo.filter(|(_, solo)| from(solo.origin));
        let tickets = own.map(|(slot, _)| self.ticket(slot));
        tickets.chain(own_solo.map(|(queue, solo)| self.solo_ticket(queue, solo.number))).collect()
    }
}
