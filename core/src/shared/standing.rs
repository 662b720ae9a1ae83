//! How a request stands: claimed, looked after again, given up, held.

use super::{Handle, Recipient, Shard, Shared};
use crate::machine::{Claimed, Effect, Effects, Leave, Standing};
use crate::sync::Arc;
use crate::{Error, Grant, Ticket};

impl Shared {
    /// Notes that the caller of a request sees its grant.
    pub(crate) fn claim(&self, ticket: Ticket) -> Option<Grant> {
        let shard = self.shards.get(ticket.shard() as usize)?;
        let mut effects = Effects::new();
        let claimed = shard.lock_table().claim(ticket, &mut effects);
        Some(self.claimed(ticket, claimed?, &effects))
    }

    /// Notes that the caller of a port's request sees its grant.
    ///
    /// # Errors
    ///
    /// Why it is not granted.
    pub(crate) fn confirm(&self, handle: &Handle, ticket: Ticket) -> Result<(), Error> {
        if self.claim(ticket).is_some() {
            return Ok(());
        }
        let waits = |shard: &Arc<Shard>| matches!(shard.lock_table().standing(ticket), Standing::Waiting(_));
        match self.shards.get(ticket.shard() as usize).is_some_and(waits) {
            true => Err(Error::not_held(Vec::new())),
            false => Err(gone(handle)),
        }
    }

    #[inline]
    fn claimed(&self, ticket: Ticket, claimed: Claimed, effects: &Effects<Recipient>) -> Grant {
        if !effects.is_empty() {
            self.catch_up(ticket, effects);
        }
        Grant { ticket, token: claimed.token, abandoned: claimed.abandoned }
    }

    /// Does what is left to do when a claim came before the news of the grant, or of a grant that was lost altogether.
    #[cold]
    fn catch_up(&self, claimed: Ticket, effects: &Effects<Recipient>) {
        for effect in effects.iter() {
            match effect {
                Effect::Granted { timed: true, .. } => self.granted(claimed),
                &Effect::Departed { owner, ticket } => self.owners.lock().remove(owner, ticket),
                _ => {}
            }
        }
    }

    /// Notes that a task whose request waited sees its grant. `None` says only that [`poll`](Shared::poll) must look.
    #[inline]
    pub(crate) fn claim_told(&self, ticket: Ticket) -> Option<Grant> {
        let Claimed { token, abandoned } = self.shard(ticket).claim_told(ticket)?;
        Some(Grant { ticket, token, abandoned })
    }

    /// Looks after a task's request again: who is to be woken is `waker` from now on.
    pub(crate) fn poll(
        &self,
        handle: &Handle,
        ticket: Ticket,
        waker: &std::task::Waker,
    ) -> Option<Result<Grant, Error>> {
        let shard = &self.shards[ticket.shard() as usize];
        // Dropped after everything is unlocked.
        let (mut spare, mut effects) = (None, Effects::new());
        loop {
            let mut locked = shard.lock_table();
            if let Some(claimed) = locked.claim(ticket, &mut effects) {
                drop(locked);
                return Some(Ok(self.claimed(ticket, claimed, &effects)));
            }
            match locked.standing(ticket) {
                Standing::Waiting(recipient) if recipient.task().is_some_and(|known| known.will_wake(waker)) => {
                    return None;
                }
                Standing::Waiting(recipient) => {
                    if let Some(newest) = spare.take() {
                        let old = recipient.replace_task(newest);
                        drop(locked);
                        drop(old);
                        return None;
                    }
                }
                Standing::Became(grant) => {
                    let _forgotten = locked.collect_grant(ticket);
                    drop(locked);
                    return Some(self.claim(grant).ok_or_else(|| gone(handle)));
                }
                Standing::Ended => return locked.collect(ticket).map(Err),
                // Another shard's part was the last one, just now.
                Standing::Granted => continue,
                Standing::Gone => return Some(Err(gone(handle))),
            }
            drop(locked);
            spare = Some(waker.clone());
        }
    }

    /// Gives up a task's request: it leaves, and what it was granted goes on.
    pub(crate) fn give_up_wait(&self, ticket: Ticket) {
        if self.leave(ticket, Leave::Cancel, None).is_some() {
            return;
        }
        // Asked second: what has left is not resolved any more.
        let became = self.shard(ticket).lock_table().collect_grant(ticket);
        if let Some(grant) = became {
            self.release(grant, None);
            drop(self.take_handed(grant));
        }
    }

    /// Whether a grant still stands.
    pub(crate) fn held(&self, ticket: Ticket) -> bool {
        self.shards.get(ticket.shard() as usize).is_some_and(|shard| shard.held(ticket))
    }

    /// Whether a request is granted; a grant of which something was lost is one until it is released.
    pub(super) fn is_granted(&self, ticket: Ticket) -> bool {
        let shard = self.shard(ticket);
        let alone = shard.lock().is_lone(ticket);
        alone.unwrap_or_else(|| matches!(shard.lock_table().standing(ticket), Standing::Granted))
    }
}

/// Why a granted request is taken from its caller: only a handle or an owner that was closed does that, or the caller.
fn gone(handle: &Handle) -> Error {
    if handle.is_closed() { Error::closed() } else { Error::cancelled() }
}
