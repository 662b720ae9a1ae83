//! What ports are told: grants, failures, losses, and guards that are handed over.

use latchwork::{Cancelled, Grant, HandedOver, Key, LockSpec, Owner, Settled};

use super::{LOSS, Ports};
use crate::host::{Seen, State};

impl Ports {
    /// Takes what a port was told.
    pub(super) fn take(&mut self, settled: Settled) {
        let (tag, outcome) = match settled {
            Settled::Granted { tag, grant } => (tag, Ok(grant)),
            Settled::Failed { tag, error } => (tag, Err(error)),
            Settled::HandedOver { tag } => return self.take_over(tag),
            Settled::Changed { tag } => return self.look(tag),
            Settled::Resumed { tag } => return self.go_on(tag),
            Settled::Lost { tag } => {
                let slot = self.results.get_mut(&self.names[(tag - LOSS) as usize]);
                if let Some(State::Granted(seen) | State::Running(seen)) = slot.map(|slot| &mut slot.state) {
                    (seen.held, seen.lost) = (false, true);
                }
                return;
            }
        };
        let name = self.names[tag as usize].clone();
        let slot = &self.results[&name];
        let (place, scope) = (slot.place.clone(), slot.scope);
        if let (State::Cancelled, Ok(grant)) = (&slot.state, &outcome) {
            // Granted and given up in one turn: the grant has gone on.
            assert!(self.ports[&place].port.confirm(grant.ticket).is_err(), "{name} was given up");
            return;
        }
        assert!(
            matches!(slot.state, State::Pending),
            "{name} is settled once, and with a grant at most after a cancel"
        );
        let port = &self.ports[&place].port;
        let moved = outcome.as_ref().is_ok_and(|grant| slot.ticket != Some(grant.ticket));
        let owner = slot.owner.as_ref().and_then(|owner| self.owners.get(owner)).map(|(_, owner)| owner.clone());
        let ticket = outcome.as_ref().map_or(slot.ticket, |grant| Some(grant.ticket));
        let state = match outcome {
            Ok(grant) if moved && slot.given_up => {
                assert_eq!(port.cancel(grant.ticket), Cancelled::GrantGivenOn, "{name} was given up");
                State::Cancelled
            }
            Ok(grant) => match port.confirm(grant.ticket) {
                Ok(()) => {
                    port.watch_lost(grant.ticket, tag + LOSS);
                    match (port.take_handed(grant).filter(|_| moved), owner) {
                        (Some(taken), Some(owner)) => handed(self.taken(&place.0, taken), &owner),
                        (_, owner) => granted(grant, scope, owner.map(|owner| owner.id().to_owned())),
                    }
                }
                Err(error) => State::Failed(self.told(&place.0, error)),
            },
            Err(error) => State::Failed(self.told(&place.0, error)),
        };
        if let Some(slot) = self.results.get_mut(&name) {
            (slot.ticket, slot.state) = (ticket, state);
        }
    }

    /// Takes what was handed over to an owner, or asks to be told.
    pub(super) fn take_over(&mut self, tag: u64) {
        let name = self.names[tag as usize].clone();
        let slot = &self.results[&name];
        if !matches!(slot.state, State::Pending) {
            return;
        }
        let (place, owner) = self.owners[slot.owner.as_deref().unwrap_or_default()].clone();
        let port = &self.at(&place).port;
        port.watch_handed_over(&owner, tag);
        let taken = port.take_handed_over(&owner);
        let port = &self.ports[&place].port;
        let (ticket, state) = match taken {
            Some(taken) => {
                port.watch_lost(taken.grant.ticket, tag + LOSS);
                (Some(taken.grant.ticket), handed(self.taken(&place.0, taken), &owner))
            }
            // What the owner's requests come to from now on is what the wait for a hand-over comes to.
            None => match port.try_lock(&LockSpec::new(Vec::<Key>::new()).owner(&owner)) {
                Err(error) => (None, State::Failed(error)),
                Ok(nothing) => {
                    nothing.map(|grant| port.release(grant.ticket));
                    (None, State::Pending)
                }
            },
        };
        if let Some(slot) = self.results.get_mut(&name) {
            (slot.ticket, slot.state) = (ticket, state);
        }
    }

    /// What was handed over as a handle tells it.
    fn taken(&self, handle: &str, mut taken: HandedOver) -> HandedOver {
        if let Some(within) = self.within.get(handle) {
            for keys in [&mut taken.keys, &mut taken.shared] {
                *keys = keys.iter().filter_map(|key| within.unwrap(key)).collect();
            }
        }
        taken
    }
}

/// A guard of the own request.
pub(super) fn granted(grant: Grant, scope: bool, owner: Option<String>) -> State {
    let Grant { token, abandoned, .. } = grant;
    let seen = Seen { keys: None, label: None, token, held: true, lost: false, owner, payload: None, abandoned };
    if scope { State::Running(seen) } else { State::Granted(seen) }
}

/// The guard of what was handed over.
fn handed(taken: HandedOver, owner: &Owner) -> State {
    let Grant { token, abandoned, .. } = taken.grant;
    State::Granted(Seen {
        keys: Some((taken.keys, taken.shared)),
        label: None,
        token,
        held: true,
        lost: false,
        owner: Some(owner.id().to_owned()),
        payload: taken.payload.and_then(|payload| payload.downcast().ok()).map(|payload| *payload),
        abandoned,
    })
}
