//! What a body does with cells, as one attempt.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Deref;
use std::time::Duration;

use crate::engine::MemoryCells;
use crate::entry::Told;
use crate::machine::{Attempt, Doom, Inner, Mark, Pending, Refused, sort_by};
use crate::shared::{Access, Aftermath, Checked, Demand, Enclosed, Loose, Mailbox, Stored};
use crate::sync::Arc;
use crate::{Entry, Error, Expiry, Key, Scan};

/// The attempts of one call, one after the other. Every operation names the scope that it comes from. `E` is a handle on the
/// engine, `A` where the attempt is.
pub(crate) struct Body<E, A> {
    pub(crate) engine: E,
    attempt: A,
}

/// With handles that go to other tasks and threads.
pub(crate) type SharedBody<V> = Body<Arc<MemoryCells<V>>, Enclosed<Checked<V>>>;

/// With one handle, which stays where the body runs.
pub(super) type LocalBody<'a, V> = Body<&'a MemoryCells<V>, RefCell<Checked<V>>>;

/// What the end of a transaction's body comes to.
pub(super) enum Over<V> {
    /// It has committed, or needed no commit: the version of what it wrote, 0 for nothing.
    Done(u64),
    Threw,
    Rest(Box<Rest<V>>),
}

/// What few ends come to: apart, so that the usual answer passes in registers.
pub(super) enum Rest<V> {
    /// It is done, and these are to be called.
    Called(u64, Vec<u64>),
    /// This attempt did not commit.
    Clashed(Doom, Checked<V>),
    /// It is to wait until something changes that this attempt read.
    Retry(Checked<V>),
}

/// How a body has ended.
pub(super) struct End {
    pub(super) returned: bool,
    /// What has ended its call meanwhile.
    pub(super) call: Result<(), Error>,
}

impl<V> SharedBody<V> {
    pub(crate) fn new(engine: Arc<MemoryCells<V>>) -> SharedBody<V> {
        Body { engine, attempt: Enclosed::new(Attempt::new()) }
    }

    /// With the first attempt begun, whose scope is [`Attempt::FIRST`].
    #[inline(always)]
    pub(super) fn begun(engine: Arc<MemoryCells<V>>) -> SharedBody<V> {
        Body { engine, attempt: Enclosed::new(Attempt::begun()) }
    }
}

impl<'a, V> LocalBody<'a, V> {
    /// With one attempt, which has begun, with [`Attempt::FIRST`] for its scope.
    #[inline(always)]
    pub(super) fn local(engine: &'a MemoryCells<V>) -> LocalBody<'a, V> {
        Body { engine, attempt: RefCell::new(Attempt::begun()) }
    }
}

impl<V, E, A> Body<E, A>
where
    V: Send + Sync + 'static,
    E: Deref<Target = MemoryCells<V>>,
    A: Access<Checked<V>>,
{
    /// Begins the next attempt. Answers its scope.
    pub(crate) fn begin(&self) -> u64 {
        let (scope, old) = self.attempt.with(Attempt::begin);
        drop(old);
        scope
    }

    /// Ends the attempt: every handle on it is of no use. Answers what there was, to be dropped once the call is over: that
    /// runs the caller's code.
    #[must_use]
    pub(crate) fn end(&self) -> Vec<Loose<V>> {
        let mut left = Vec::new();
        self.attempt.with(|attempt| attempt.end(&mut left));
        left
    }

    /// The body has ended, and with it the attempt: what that comes to, for the call with this number.
    ///
    /// # Errors
    ///
    /// `aborted`, `fenced`, `closed`.
    pub(super) fn over(&self, end: End, by: (u64, &[Demand]), own: Option<&Mailbox>) -> Result<Over<V>, Error> {
        // Asked for in any case: until the attempt is locked, another handle may set the first cell that expires.
        let now = self.engine.clock_time().unwrap_or_default();
        let mut after = Aftermath::default();
        let over = self.attempt.with(|attempt| settle(&self.engine, attempt, end, (by, now), &mut after))?;
        self.engine.carry_out(after, own);
        self.check_unchanged(&over, by.1)?;
        Ok(over)
    }

    /// The same, where no other handle is left.
    pub(super) fn over_alone(&mut self, end: End, by: (u64, &[Demand])) -> Result<Over<V>, Error> {
        let now = self.engine.commit_time(by.1);
        let mut after = Aftermath::default();
        let over = settle(&self.engine, self.attempt.get_mut(), end, (by, now), &mut after)?;
        self.engine.carry_out(after, None);
        self.check_unchanged(&over, by.1)?;
        Ok(over)
    }

    /// Where nothing was to be written, the guards are to be held, and the handle open, all the same.
    #[inline]
    fn check_unchanged(&self, over: &Over<V>, guards: &[Demand]) -> Result<(), Error> {
        let unchanged = match over {
            Over::Done(version) => *version == 0,
            Over::Threw => false,
            Over::Rest(rest) => matches!(**rest, Rest::Called(0, _)),
        };
        if unchanged {
            self.engine.check_guards(guards)?;
            self.engine.check_open()?;
        }
        Ok(())
    }

    #[inline(never)]
    pub(crate) fn get(&self, scope: u64, key: &Key) -> Result<Told<Stored<V>>, Error> {
        let known = self.engine.placed(key);
        let now = self.engine.time();
        self.during(scope, |attempt| {
            known.check()?;
            self.read(attempt, &known, now)
        })
    }

    pub(crate) fn get_many(&self, scope: u64, keys: &[Key]) -> Result<Vec<Entry<Stored<V>>>, Error> {
        self.check(scope)?;
        let known: Vec<Cow<'_, Key>> = keys.iter().map(|key| self.engine.known(key)).collect::<Result<_, _>>()?;
        let hashed: Vec<(u64, &Key)> = known.iter().map(|key| (self.engine.hash_of(key), &**key)).collect();
        let now = self.engine.time();
        let all = self.during(scope, |attempt| {
            let mut own = Vec::with_capacity(hashed.len());
            for &(hash, key) in &hashed {
                own.push(attempt.find(hash, key).and_then(|at| own_write(attempt, at)));
            }
            let unwritten: Vec<_> =
                hashed.iter().zip(&own).filter(|(_, own)| own.is_none()).map(|(key, _)| *key).collect();
            let read = match unwritten.is_empty() {
                true => Vec::new(),
                false => self
                    .engine
                    .read_together(attempt, &unwritten, now)
                    .map_err(|doom| doomed(attempt, Mark::Doomed(doom)))?,
            };
            let mut read = read.into_iter();
            Ok(own.into_iter().filter_map(|own| own.or_else(|| read.next())).collect::<Vec<_>>())
        })?;
        Ok(keys.iter().zip(all).map(|(key, told)| told.of(key.clone())).collect())
    }

    /// The cells of a range, with own writes laid over what is there.
    pub(crate) fn list(&self, scope: u64, scan: &Scan) -> Result<Vec<Entry<Stored<V>>>, Error> {
        self.check(scope)?;
        let scan = self.engine.known_scan(scan)?;
        let now = self.engine.time();
        let (entries, unused) = self.during(scope, |attempt| {
            let touched = attempt.touched.iter().enumerate();
            let mut own: Vec<(Key, usize)> = touched
                .filter(|(_, touched)| touched.write.is_some() && scan.range.contains(&touched.key))
                .map(|(at, touched)| (touched.key.clone(), at))
                .collect();
            sort_by(&mut own, |(a, _), (b, _)| a.cmp(b));
            // Some of what is there may be deleted here.
            let asked = Scan { limit: scan.limit.saturating_add(own.len()), ..scan.clone() };
            let mut entries =
                self.engine.list_checked(attempt, &asked, now).map_err(|doom| doomed(attempt, Mark::Doomed(doom)))?;
            let is_own = |entry: &Entry<_>| own.binary_search_by(|(key, _)| key.cmp(&entry.key)).is_ok();
            let covered;
            (covered, entries) = entries.into_iter().partition(is_own);
            for (key, at) in &own {
                let written = own_write(attempt, *at).filter(|written| written.value.is_some());
                entries.extend(written.map(|written| written.of(key.clone())));
            }
            if !own.is_empty() {
                sort_by(&mut entries, |a, b| match scan.reverse {
                    false => a.key.cmp(&b.key),
                    true => b.key.cmp(&a.key),
                });
            }
            // What is of no use is dropped with nothing locked.
            let mut unused: Vec<Entry<Stored<V>>> = covered;
            unused.extend(entries.split_off(scan.limit.min(entries.len())));
            Ok((entries, unused))
        })?;
        drop(unused);
        Ok(entries.into_iter().map(|entry| self.engine.named(entry)).collect())
    }

    /// Sets a cell. Without an expiry it keeps what this attempt has last given it, else the one that was read.
    pub(crate) fn set(&self, scope: u64, key: &Key, value: V, expiry: Option<Expiry>) -> Result<(), Error> {
        let known = self.engine.placed(key);
        // Dropped with nothing locked, if it is refused.
        let mut value = Some(value);
        let replaced = self.during(scope, |attempt| {
            self.check_settable(&known, expiry)?;
            let at = attempt.place(self.engine.hash_of(&known), &known);
            let expiry = expiry.unwrap_or_else(|| kept(attempt, at));
            let write = value.take().map(|value| Pending::Set { value: Loose::Own(value), expiry });
            Ok(write.and_then(|write| attempt.write(at, write)))
        })?;
        drop(replaced);
        Ok(())
    }

    /// Sets a cell that is absent. Answers the one that is there.
    pub(crate) fn insert(
        &self,
        scope: u64,
        key: &Key,
        value: V,
        expiry: Option<Expiry>,
    ) -> Result<Option<Entry<Stored<V>>>, Error> {
        let known = self.engine.placed(key);
        let now = self.engine.time();
        let mut value = Some(value);
        // Read and written at once: of two threads of one body, one inserts.
        let (there, replaced) = self.during(scope, |attempt| {
            self.check_settable(&known, expiry)?;
            let there = self.read(attempt, &known, now)?;
            if there.value.is_some() {
                return Ok((Some(there.of(key.clone())), None));
            }
            let expiry = expiry.unwrap_or(Expiry::Never);
            let write = value.take().map(|value| Pending::Set { value: Loose::Own(value), expiry });
            let at = attempt.place(self.engine.hash_of(&known), &known);
            Ok((None, write.and_then(|write| attempt.write(at, write))))
        })?;
        drop(replaced);
        Ok(there)
    }

    pub(crate) fn delete(&self, scope: u64, key: &Key) -> Result<(), Error> {
        let known = self.engine.known(key);
        let replaced = self.during(scope, |attempt| {
            let key = &*known?;
            let at = attempt.place(self.engine.hash_of(key), key);
            Ok(attempt.write(at, Pending::Delete))
        })?;
        drop(replaced);
        Ok(())
    }

    /// Opens a savepoint. Answers its scope.
    pub(crate) fn enter(&self, scope: u64) -> Result<u64, Error> {
        self.during(scope, |attempt| Ok(attempt.enter()))
    }

    /// Leaves a savepoint.
    pub(crate) fn leave(&self, scope: u64, how: Inner) -> Result<(), Error> {
        let (dropped, left) = self.attempt.with(|attempt| attempt.leave(scope, how));
        drop(dropped);
        left.map_err(refused)
    }

    pub(crate) fn on_commit(&self, scope: u64, callback: u64) -> Result<(), Error> {
        self.during(scope, |attempt| {
            attempt.add_callback(callback);
            Ok(())
        })
    }

    /// Marks the scope as aborted. Answers what to throw.
    pub(crate) fn abort(&self, scope: u64, reason: &str) -> Error {
        let aborted = self.during(scope, |attempt| {
            attempt.abort(reason);
            Ok(Error::aborted(reason))
        });
        aborted.unwrap_or_else(|error| error)
    }

    /// Marks the attempt as one that waits for a change of what it read. Answers what to throw.
    pub(crate) fn retry(&self, scope: u64) -> Error {
        self.attempt.with(|attempt| match attempt.check(scope) {
            Err(why) => refused(why),
            Ok(()) if attempt.has_read_nothing() => {
                Error::invalid("retry", "nothing was read, so that there is nothing to wait for")
            }
            Ok(()) => doomed(attempt, Mark::Retry),
        })
    }

    /// A cell as the attempt has written it, or as it is.
    #[inline]
    fn read(&self, attempt: &mut Checked<V>, key: &Key, now: Duration) -> Result<Told<Stored<V>>, Error> {
        let hash = self.engine.hash_of(key);
        let at = attempt.find(hash, key);
        if let Some(own) = at.and_then(|at| own_write(attempt, at)) {
            return Ok(own);
        }
        self.engine.read_checked(attempt, (hash, key), at, now)
    }

    /// Refuses a key that is not to be set, or not to expire.
    #[inline]
    fn check_settable(&self, key: &Key, expiry: Option<Expiry>) -> Result<(), Error> {
        key.check()?;
        if let Some(Expiry::In(_)) = expiry {
            self.engine.will_expire()?;
        }
        Ok(())
    }

    /// Does something with the attempt, if the scope is that of a body that runs.
    fn during<R>(&self, scope: u64, what: impl FnOnce(&mut Checked<V>) -> Result<R, Error>) -> Result<R, Error> {
        self.attempt.with(|attempt| {
            attempt.check(scope).map_err(refused)?;
            what(attempt)
        })
    }

    /// Refuses at once what would be refused, before the arguments are looked at.
    pub(super) fn check(&self, scope: u64) -> Result<(), Error> {
        self.attempt.with(|attempt| attempt.check(scope)).map_err(refused)
    }
}

/// Ends an attempt: by its marks it is settled what that comes to, then by whether its body returned. What the body ended with
/// itself counts before what has ended its call meanwhile.
#[inline]
fn settle<V: Send + Sync + 'static>(
    engine: &MemoryCells<V>,
    attempt: &mut Checked<V>,
    end: End,
    (by, now): ((u64, &[Demand]), Duration),
    after: &mut Aftermath<V>,
) -> Result<Over<V>, Error> {
    attempt.close_savepoints(after);
    let over = match (attempt.take_mark(), attempt.aborted(), end.call) {
        (None, Some(reason), _) => Err(Error::aborted(reason)),
        (None, None, _) if !end.returned => Ok(Over::Threw),
        (_, _, Err(error)) => Err(error),
        (Some(Mark::Doomed(doom)), ..) => Ok(Rest::Clashed(doom, attempt.take()).into()),
        (Some(Mark::Retry), ..) => Ok(Rest::Retry(attempt.take()).into()),
        (None, None, Ok(())) if attempt.is_read_only() => Ok(done(attempt, 0)),
        (None, None, Ok(())) => match engine.commit_checked(attempt, (by.0, by.1, now), after) {
            Ok(Ok(version)) => Ok(done(attempt, version)),
            Ok(Err(doom)) => Ok(Rest::Clashed(doom, attempt.take()).into()),
            Err(error) => Err(error),
        },
    };
    attempt.end(after);
    over
}

fn done<V>(attempt: &mut Checked<V>, version: u64) -> Over<V> {
    match attempt.take_callbacks() {
        callbacks if callbacks.is_empty() => Over::Done(version),
        callbacks => Rest::Called(version, callbacks).into(),
    }
}

impl<V> From<Rest<V>> for Over<V> {
    fn from(rest: Rest<V>) -> Over<V> {
        Over::Rest(Box::new(rest))
    }
}

fn refused(why: Refused) -> Error {
    match why {
        Refused::Ended => Error::invalid("tx", "its body is over"),
        Refused::Outside => Error::invalid("tx", "a savepoint inside its body is open: use the handle of that"),
        Refused::Doomed => Error::doomed(),
        Refused::Aborted(reason) => Error::aborted(&reason),
    }
}

fn doomed<V>(attempt: &mut Checked<V>, mark: Mark) -> Error {
    attempt.mark(mark);
    Error::doomed()
}

/// When a cell expires that is set without a word about it: as this attempt has written it, else as it was read (clause C12).
fn kept<V>(attempt: &Checked<V>, at: usize) -> Expiry {
    let touched = &attempt.touched[at];
    match (&touched.write, touched.read) {
        (Some(Pending::Set { expiry, .. }), _) => *expiry,
        (None, Some(_)) => Expiry::Keep,
        (Some(Pending::Delete) | None, _) => Expiry::Never,
    }
}

/// A cell as its own attempt has written it: from then on a value that readers have too.
#[inline]
fn own_write<V: 'static>(attempt: &mut Checked<V>, at: usize) -> Option<Told<Stored<V>>> {
    attempt.touched[at].write.as_ref()?;
    read_back(attempt, at)
}

fn read_back<V: 'static>(attempt: &mut Checked<V>, at: usize) -> Option<Told<Stored<V>>> {
    let expires_in = attempt.expires(at).map(|at| at.saturating_sub(attempt.latest));
    let touched = &mut attempt.touched[at];
    match touched.write.take()? {
        Pending::Delete => {
            touched.write = Some(Pending::Delete);
            Some(Told { value: None, version: 0, expires_in: None })
        }
        Pending::Set { value, expiry } => {
            let stored = value.into_stored();
            touched.write = Some(Pending::Set { value: Loose::Stored(stored.clone()), expiry });
            let expires_in = match expiry {
                Expiry::Never => None,
                Expiry::Keep => expires_in,
                Expiry::In(after) => Some(after),
            };
            Some(Told { value: Some(stored), version: touched.read.unwrap_or(0), expires_in })
        }
    }
}
