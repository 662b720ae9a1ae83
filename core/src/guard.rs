//! A lock that is held.

use std::fmt;

use crate::engine::{Engine, Hold, Memory};
use crate::{Error, Key, LockSpec, Ticket};

/// A lock that is held, on one key or several. Dropping it releases them all in one step.
///
/// Every grant is its own: a guard that was released, or whose space was closed, never touches a newer one (clause L9).
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let space = latchwork::Space::new();
/// let mut guard = space.lock("report").await?;
/// assert!(guard.held());
/// guard.release()?;
/// assert_eq!(guard.release().unwrap_err().code(), "not_held");
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[must_use = "dropping the guard releases the lock"]
pub struct Guard {
    hold: <Memory as Engine>::Hold,
    spec: LockSpec,
    /// Whether dropping it releases.
    releases: bool,
}

impl Guard {
    #[inline]
    pub(crate) fn new(hold: <Memory as Engine>::Hold, mut spec: LockSpec) -> Guard {
        if spec.plain_key().is_none() {
            spec.normalise();
        }
        Guard { hold, spec, releases: true }
    }

    /// The keys held exclusively, in the order asked for, without duplicates.
    pub fn keys(&self) -> &[Key] {
        self.spec.keys().0
    }

    /// The keys held in shared mode, in the order asked for, without duplicates.
    pub fn shared(&self) -> &[Key] {
        self.spec.keys().1
    }

    /// The fencing token: larger than that of every earlier incompatible grant of any of the keys (clause L14).
    pub fn token(&self) -> u64 {
        self.hold.token()
    }

    /// The label that the request gave itself.
    pub fn label(&self) -> Option<&str> {
        self.spec.label_ref().map(|label| &**label)
    }

    /// Whether the lock is still held: not released, and its space handle not closed.
    pub fn held(&self) -> bool {
        self.releases && self.hold.held()
    }

    /// Releases the lock. It has taken effect when this returns: the next in line hold its keys.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when it is not held any more; nothing changes.
    pub fn release(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.releases) && self.hold.release() {
            return Ok(());
        }
        Err(Error::not_held([self.keys(), self.shared()].concat()))
    }

    /// The name of the grant.
    pub fn ticket(&self) -> Ticket {
        self.hold.ticket()
    }

    /// Gives up the guard without releasing the lock: who has the ticket releases it, through
    /// [`Space::release`](crate::Space::release).
    pub fn into_ticket(mut self) -> Ticket {
        self.releases = false;
        self.hold.ticket()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.releases {
            self.hold.release();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Guard");
        shown.field("keys", &self.keys()).field("shared", &self.shared()).field("token", &self.token());
        shown.field("label", &self.label()).field("held", &self.held()).finish()
    }
}
