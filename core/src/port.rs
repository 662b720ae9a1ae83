//! How an event loop of a host language speaks to a space.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::engine::Memory;
use crate::machine::{GiveUp, Leave, Origin, Placed};
use crate::shared::{Entries, Granted, Handed, Incoming, Mailbox, Recipient, Stored, Watched};
use crate::signature::Signature;
use crate::sync::Arc;
use crate::{
    Call, CallSpec, Commit, Conflict, Entry, Error, Key, KeyRange, LockSpec, Outcome, Owner, Query, Scan, Space,
    Ticket, Watch,
};

/// Connects one event loop of a host language to a space: requests go in by call, outcomes come back in batches.
///
/// Every method returns at once and is called on the port's own loop. What such a call settles for requests of the same
/// port is in [`take_settled`](Port::take_settled) when it returns, without a wake; what others settle is announced by
/// one wake for each batch. So a grant within one loop crosses no thread. Who calls from elsewhere sees to it that the loop
/// looks there.
///
/// Dropping the port ends what was asked for through it: waits are cancelled, grants released. Nobody begins to wake it
/// afterwards; what outlives it, as a [`Watch`] does, tells it nothing any more.
///
/// # Sub-spaces
///
/// The port of a [sub-space](Space::within) takes and gives the sub-space's keys in everything about cells: `get`,
/// `get_many`, `list`, `commit`, `delete_all`, `next_of`. In everything about locks its keys are those of the whole space,
/// which a binding maps where keys cross its border: [`LockSpec::within`] for a request, and [`Within`](crate::Within)
/// for the keys of a release, a query, a grant that was handed over, and an error.
pub struct Port<V = ()> {
    space: Space<V>,
    origin: Origin,
    mailbox: Arc<Mailbox>,
}

/// The answer to a request of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Granted at once, and claimed.
    Granted(Grant),
    /// It waits; the outcome will be in [`Port::take_settled`].
    Waiting(Ticket),
}

/// A grant of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names the grant.
    pub ticket: Ticket,
    /// The fencing token.
    pub token: u64,
    /// Whether a holder of one of its keys went away without a word while the request was queued (clause L11).
    pub abandoned: bool,
}

/// A grant of a request that waited, which is [confirmed](Port::confirm) already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The number that the request was given.
    pub tag: u64,
    /// The grant.
    pub grant: Grant,
}

/// The outcome of a request that waited.
#[derive(Clone, Debug)]
pub enum Settled {
    /// It holds its keys. [`Port::confirm`] when its caller sees the grant, or [`Port::cancel`].
    Granted {
        /// The number that the request was given.
        tag: u64,
        /// The grant.
        grant: Grant,
    },
    /// Something was handed over to an owner, or the owner was closed; told once to whoever
    /// [watches](Port::watch_handed_over) it.
    HandedOver {
        /// The number that the watch was given.
        tag: u64,
    },
    /// A grant was taken away while its holder runs; told to whoever [watches](Port::watch_lost) it.
    Lost {
        /// The number that the watch was given.
        tag: u64,
    },
    /// Cells that are watched have changed, or the handle was closed; told once to whoever
    /// [watches](Port::next_of) them.
    Changed {
        /// The number that the watch was given.
        tag: u64,
    },
    /// A [call](crate::Call) has something to go on with: ask [`go_on`](crate::Call::go_on). It may come for nothing.
    Resumed {
        /// The number that the call was given.
        tag: u64,
    },
    /// It has ended without its keys.
    Failed {
        /// The number that the request was given.
        tag: u64,
        /// Why.
        error: Error,
    },
}

/// A grant that was handed over.
#[derive(Debug)]
#[non_exhaustive]
pub struct HandedOver {
    /// The grant.
    pub grant: Grant,
    /// The keys held exclusively, in key order.
    pub keys: Vec<Key>,
    /// The keys held in shared mode, in key order.
    pub shared: Vec<Key>,
    /// What the giver sent along.
    pub payload: Option<Box<dyn Any + Send + Sync>>,
}

impl HandedOver {
    fn new(grant: Grant, handed: Handed) -> HandedOver {
        let Handed { keys, shared, payload, .. } = handed;
        HandedOver { grant, keys, shared, payload }
    }
}

/// What a cancel found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The request waited; it has left its queues.
    Waiting,
    /// The request was granted and not confirmed; its keys have gone on.
    GrantGivenOn,
    /// There was nothing to cancel: confirmed, failed, or released before.
    Gone,
}

impl<V: Send + Sync + 'static> Port<V> {
    pub(crate) fn new(space: Space<V>, wake: Box<dyn Fn() + Send + Sync>) -> Port<V> {
        let Memory { shared, handle } = space.engine();
        let origin = shared.open_port(handle);
        Port { space, origin, mailbox: Mailbox::new(wake) }
    }

    /// Asks for what `spec` says. `tag` comes back with the outcome, if the request waits.
    ///
    /// # Errors
    ///
    /// [`Timeout`](crate::ErrorKind::Timeout) with a time-out of zero, [`Closed`](crate::ErrorKind::Closed),
    /// [`Invalid`](crate::ErrorKind::Invalid).
    pub fn lock(&self, spec: &LockSpec, tag: u64) -> Result<Answer, Error> {
        let engine = self.space.engine();
        engine.check(spec)?;
        if let Some(grant) = self.try_lock(spec)? {
            return Ok(Answer::Granted(grant));
        }
        let entries = engine.shared.entries(spec)?;
        let placed = engine.join(&self.incoming(&entries, spec), spec, self.recipient(tag))?;
        engine.shared.timers().wake_if_sooner();
        Ok(Answer::from(placed))
    }

    /// Asks for these keys, exclusively and without options: as [`lock`](Port::lock), with nothing to be made for it.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Invalid`](crate::ErrorKind::Invalid).
    #[inline]
    pub fn lock_keys(&self, keys: &[Key], tag: u64) -> Result<Answer, Error> {
        let Memory { shared, handle } = self.space.engine();
        if let [key] = keys {
            return shared.join_one(handle, self.origin, key, || self.plain_recipient(tag)).map(Answer::from);
        }
        if let Some(Granted { grant, .. }) = shared.attempt_few(handle, self.origin, keys)? {
            return Ok(Answer::Granted(grant));
        }
        let entries = shared.entries_of(keys)?;
        let incoming = Incoming { handle, origin: self.origin, entries: &entries, signature: None, max_hold: None };
        if let Some(grant) = shared.attempt(&incoming)? {
            return Ok(Answer::Granted(grant));
        }
        shared.join(&incoming, self.plain_recipient(tag), shared.now(), None).map(Answer::from)
    }

    /// Asks for this key, exclusively and without options, once for each of these tags, in this order and in one step, where each
    /// is sure to wait: as so many calls of [`lock_keys`](Port::lock_keys), for less. `false`, and nothing has changed, where
    /// that cannot be told.
    pub fn wait_each(&self, key: &Key, tags: impl Iterator<Item = u64>) -> bool {
        let Memory { shared, handle } = self.space.engine();
        shared.wait_each(handle, self.origin, key, tags.map(|tag| self.plain_recipient(tag)))
    }

    /// Takes all keys of `spec` if that needs no waiting; its time-out is not looked at.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Invalid`](crate::ErrorKind::Invalid).
    pub fn try_lock(&self, spec: &LockSpec) -> Result<Option<Grant>, Error> {
        let Memory { shared, handle } = self.space.engine();
        if let Some([key]) = spec.plain_keys() {
            return shared.attempt_one(handle, self.origin, key);
        }
        self.space.engine().check_hold(spec)?;
        let entries = shared.entries(spec)?;
        shared.attempt(&self.incoming(&entries, spec))
    }

    /// Releases a grant. It has taken effect when this returns.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when it is not held any more; nothing changes.
    pub fn release(&self, ticket: Ticket) -> Result<(), Error> {
        match self.space.engine().shared.release(ticket, Some(&self.mailbox)) {
            true => Ok(()),
            false => Err(Error::not_held(Vec::new())),
        }
    }

    /// Releases a grant as [`release`](Port::release) does, and appends what was settled for requests of this port since
    /// the last call, as [`take_settled`](Port::take_settled) does.
    ///
    /// Where all that came of it is a grant for a request that [`lock_keys`](Port::lock_keys) made, it is the answer, and
    /// confirmed in the same step.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) when it is not held any more; nothing changes.
    #[inline]
    pub fn release_into(&self, ticket: Ticket, into: &mut Vec<Settled>) -> Result<Option<Confirmed>, Error> {
        match self.space.engine().shared.release_into(ticket, &self.mailbox, into) {
            (true, next) => Ok(next),
            (false, _) => Err(Error::not_held(Vec::new())),
        }
    }

    /// Cancels a request whose caller no longer wants it (clause L7). A grant that is given on may still be told in
    /// [`take_settled`](Port::take_settled); [`confirm`](Port::confirm) then says that it does not stand. A request that
    /// a hand-over resolved is [`Gone`](Cancelled::Gone): its grant is told under another ticket, which is to be cancelled.
    pub fn cancel(&self, ticket: Ticket) -> Cancelled {
        let shared = &self.space.engine().shared;
        match shared.leave(ticket, Leave::Cancel, Some(&self.mailbox)) {
            Some(left) if left.granted => {
                drop(shared.take_handed(ticket));
                Cancelled::GrantGivenOn
            }
            Some(_) => Cancelled::Waiting,
            None => Cancelled::Gone,
        }
    }

    /// Ends what was asked for through the port as the end of a host object does that went away without a word: as
    /// dropping the port, and requests queued for what it held are told that it was abandoned (clause L11).
    pub fn abandon(&self) {
        self.space.engine().shared.end(&[self.origin], Leave::Abandon, Some(&self.mailbox));
    }

    /// Notes that the caller sees its grant: from now on only a release ends it.
    ///
    /// # Errors
    ///
    /// Why it does not stand, to be told its caller: [`Closed`](crate::ErrorKind::Closed) when the handle was closed, else
    /// [`Cancelled`](crate::ErrorKind::Cancelled): it was given up, or its owner was closed.
    /// [`NotHeld`](crate::ErrorKind::NotHeld) where it still waits.
    pub fn confirm(&self, ticket: Ticket) -> Result<(), Error> {
        let Memory { shared, handle } = self.space.engine();
        shared.confirm(handle, ticket)
    }

    /// Releases some keys of a grant; the rest stays held. When it is the last ones, the grant ends.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld) with those that are not held; then nothing has changed.
    /// [`Invalid`](crate::ErrorKind::Invalid).
    pub fn release_keys(&self, ticket: Ticket, keys: &[Key]) -> Result<(), Error> {
        self.space.engine().shared.give_up(ticket, Some(keys), GiveUp::Keys, Some(&self.mailbox))
    }

    /// Makes some keys of a grant, or all, shared ones, and admits the shared requests next in line. There is no way
    /// back. Nothing for a key that is held in shared mode already.
    ///
    /// # Errors
    ///
    /// As for [`release_keys`](Port::release_keys).
    pub fn downgrade(&self, ticket: Ticket, keys: Option<&[Key]>) -> Result<(), Error> {
        self.space.engine().shared.give_up(ticket, keys, GiveUp::Exclusiveness, Some(&self.mailbox))
    }

    /// As [`Space::revoke`].
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Invalid`](crate::ErrorKind::Invalid).
    pub fn revoke(&self, keys: &[Key]) -> Result<usize, Error> {
        self.space.engine().revoke_now(keys, Some(&self.mailbox))
    }

    /// As [`Space::steal`], with a label.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Invalid`](crate::ErrorKind::Invalid).
    pub fn steal(&self, key: &Key, label: Option<&str>) -> Result<Grant, Error> {
        let Memory { shared, handle } = self.space.engine();
        let signature = label.map(|label| Signature { label: Some(label.into()), owner: None });
        shared.steal(handle, self.origin, key, signature.as_ref(), Some(&self.mailbox))
    }

    /// Asks to be told, by [`Settled::Lost`] with this `tag`, when a grant is lost. `false` when there is nothing to lose:
    /// it is lost already, or was released.
    pub fn watch_lost(&self, ticket: Ticket, tag: u64) -> bool {
        self.space.engine().shared.watch_lost(ticket, self.recipient(tag))
    }

    /// Hands a grant over to the owner with this id (clause L13). Answers whether it was delivered; to an owner that is
    /// closed it is not, and the keys are released. The outcome of a waiting request can be such a grant:
    /// its ticket is another than that of the request then, and [`take_handed`](Port::take_handed) says what it is.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](crate::ErrorKind::NotHeld), [`Invalid`](crate::ErrorKind::Invalid) to its own owner or to an id that no
    /// owner of this space ever had, [`Deadlock`](crate::ErrorKind::Deadlock); then nothing has moved.
    pub fn hand_over(
        &self,
        ticket: Ticket,
        to: &str,
        payload: Option<Box<dyn Any + Send + Sync>>,
    ) -> Result<bool, Error> {
        self.space.engine().shared.hand_over(ticket, to, payload, Some(&self.mailbox))
    }

    /// The next grant that was handed over to an owner, if there is one; it is claimed. Nothing for an owner of another
    /// space.
    pub fn take_handed_over(&self, owner: &Owner) -> Option<HandedOver> {
        let (grant, handed) = self.space.engine().shared.take_handed_over(self.number_of(owner)?)?;
        Some(HandedOver::new(grant, handed))
    }

    /// What a grant is that resolved a request and was handed over. Once for each.
    pub fn take_handed(&self, grant: Grant) -> Option<HandedOver> {
        let handed = self.space.engine().shared.take_handed(grant.ticket)?;
        Some(HandedOver::new(grant, handed))
    }

    /// Asks to be told once, by [`Settled::HandedOver`] with this `tag`, when something is handed over to an owner or the
    /// owner is closed. Look with [`take_handed_over`](Port::take_handed_over) after asking: it may be there already.
    /// Never of an owner of another space.
    pub fn watch_handed_over(&self, owner: &Owner, tag: u64) {
        if let Some(number) = self.number_of(owner) {
            self.space.engine().shared.watch_inbox(number, self.recipient(tag));
        }
    }

    /// A line of work of this port, with which it ends.
    pub fn owner(&self, label: Option<&str>) -> Owner {
        Owner::new(self.space.engine(), self.origin, label.map(Arc::from))
    }

    /// Gives a grant that has no owner this one: what a binding does when somebody first asks for the owner of a scope.
    /// Nothing when it is not held any more, and nothing with an owner of another space.
    pub fn adopt(&self, ticket: Ticket, owner: &Owner) {
        if self.number_of(owner).is_some() {
            owner.adopt(ticket);
        }
    }

    /// Ends an owner as [`Owner::close`] does; what that settles for requests of this port is in
    /// [`take_settled`](Port::take_settled) when it returns. An owner of another space is left alone.
    pub fn close_owner(&self, owner: &Owner) -> usize {
        let Some(number) = self.number_of(owner) else { return 0 };
        self.space.engine().shared.close_owner(number, Some(&self.mailbox))
    }

    /// Whether a grant still stands.
    pub fn held(&self, ticket: Ticket) -> bool {
        self.space.engine().shared.held(ticket)
    }

    /// Whether [`take_settled`](Port::take_settled) has something: one atomic load.
    pub fn has_settled(&self) -> bool {
        self.mailbox.is_filled()
    }

    /// Appends what was settled since the last call. What one call settled is in the order in which it was decided.
    pub fn take_settled(&self, into: &mut Vec<Settled>) {
        self.mailbox.take(into);
    }

    /// Tells every request of the space that is due that it has timed out (clause B5).
    pub fn tick(&self) {
        self.space.engine().shared.tick(Some(&self.mailbox));
    }

    /// How long from now until something in the space is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.space.next_deadline()
    }

    /// What is held and what waits, on `keys` or at all, at one instant (clause L16).
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long.
    pub fn query(&self, keys: Option<&[Key]>) -> Result<Query, Error> {
        self.space.engine().query_now(keys)
    }

    /// A cell as it is now.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and [`Invalid`](crate::ErrorKind::Invalid) for a key that is too long.
    pub fn get(&self, key: &Key) -> Result<Entry<Arc<V>>, Error> {
        self.space.cells().get_now(key.clone()).map(Entry::shared)
    }

    /// Cells as they are at one instant, in the order asked.
    ///
    /// # Errors
    ///
    /// As for [`get`](Port::get).
    pub fn get_many(&self, keys: &[Key]) -> Result<Vec<Entry<Arc<V>>>, Error> {
        self.space.cells().get_many_now(keys).map(shared)
    }

    /// The cells of a range at one instant.
    ///
    /// # Errors
    ///
    /// As for [`get`](Port::get), and [`Invalid`](crate::ErrorKind::Invalid) for a prefix that no key can begin with.
    pub fn list(&self, scan: &Scan) -> Result<Vec<Entry<Arc<V>>>, Error> {
        self.space.cells().list_now(scan).map(shared)
    }

    /// Checks all conditions of a commit and makes all its changes at one instant, or none: then it answers the
    /// conditions that were not met.
    ///
    /// # Errors
    ///
    /// [`Fenced`](crate::ErrorKind::Fenced) when a guard that it names is not held, [`Closed`](crate::ErrorKind::Closed),
    /// [`Invalid`](crate::ErrorKind::Invalid); then nothing has changed.
    pub fn commit(&self, commit: Commit<V>) -> Result<Outcome<Arc<V>>, Error> {
        let outcome = self.space.cells().commit_now(commit, Some(&self.mailbox))?;
        Ok(outcome.map_err(|all| all.into_iter().map(Conflict::shared).collect()))
    }

    /// Deletes all cells of a range except some, in one step. Answers their keys, in key order.
    ///
    /// # Errors
    ///
    /// As for [`list`](Port::list).
    pub fn delete_all(&self, range: &KeyRange, except: &[Key]) -> Result<Vec<Key>, Error> {
        self.space.cells().delete_all_now(range, except, Some(&self.mailbox))
    }

    /// Prepares to watch the cells of a range, as `Space::watch_prefix` does those under a prefix.
    pub fn watch_range(&self, range: KeyRange) -> Watch<V> {
        Watch::new(self.space.cells(), Watched::Range(range))
    }

    /// The next state of what is watched, if there is one. Else whoever asks is told once, by [`Settled::Changed`] with
    /// this `tag`, when it is worth asking again.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) when the handle was closed.
    pub fn next_of(&self, watch: &mut Watch<V>, tag: u64) -> Result<Option<Vec<Entry<Arc<V>>>>, Error> {
        Ok(watch.next_or_arm(self.recipient(tag))?.map(shared))
    }

    /// Begins an update of a cell, as [`Space::update`](crate::Space::update) does it: ask [`Call::go_on`] for the first step.
    /// `tag` comes back with [`Settled::Resumed`].
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Invalid`](crate::ErrorKind::Invalid).
    pub fn update(&self, key: &Key, spec: &CallSpec, tag: u64) -> Result<Call<V>, Error> {
        Call::new(self.space.cells(), (self.origin, &self.mailbox, tag), Some(key), spec)
    }

    /// Begins a transaction, as [`Space::transact`](crate::Space::transact) does it: ask [`Call::go_on`] for the first step.
    ///
    /// # Errors
    ///
    /// As for [`update`](Port::update).
    pub fn transact(&self, spec: &CallSpec, tag: u64) -> Result<Call<V>, Error> {
        Call::new(self.space.cells(), (self.origin, &self.mailbox, tag), None, spec)
    }

    /// The handle that the port belongs to.
    pub fn space(&self) -> &Space<V> {
        &self.space
    }

    /// The number of an owner of this space. Those of other spaces have the same numbers.
    fn number_of(&self, owner: &Owner) -> Option<u64> {
        owner.belongs_to(&self.space.engine().shared).then(|| owner.tag().number)
    }

    fn recipient(&self, tag: u64) -> Recipient {
        Recipient::Port { mailbox: self.mailbox.clone(), tag, confirms: true }
    }

    fn plain_recipient(&self, tag: u64) -> Recipient {
        Recipient::Port { mailbox: self.mailbox.clone(), tag, confirms: false }
    }

    fn incoming<'a>(&'a self, entries: &'a Entries, spec: &'a LockSpec) -> Incoming<'a> {
        Incoming { origin: self.origin, ..self.space.engine().incoming(entries, spec) }
    }
}

/// With handles on their values.
fn shared<V: 'static>(entries: Vec<Entry<Stored<V>>>) -> Vec<Entry<Arc<V>>> {
    entries.into_iter().map(Entry::shared).collect()
}

impl From<Placed> for Answer {
    fn from(Placed { ticket, token }: Placed) -> Answer {
        match token {
            Some(token) => Answer::Granted(Grant { ticket, token, abandoned: false }),
            None => Answer::Waiting(ticket),
        }
    }
}

impl<V> Drop for Port<V> {
    fn drop(&mut self) {
        let engine = self.space.engine();
        // First, so that nobody wakes it who tells it of a watch.
        self.mailbox.close();
        engine.shared.close_port(&engine.handle, self.origin, &self.mailbox);
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Port<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("space", &self.space).finish_non_exhaustive()
    }
}
