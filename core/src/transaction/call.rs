//! A call as a binding drives it.

use std::borrow::Cow;
use std::fmt;

use super::body::{End, Over, Rest, SharedBody};
use super::course::{Course, Go, Phase, Site};
use super::one_cell::{self, Written};
use super::teller::Teller;
use super::{CallSpec, Change, Done, Run, Step};
use crate::engine::MemoryCells;
use crate::entry::Told;
use crate::machine::{Inner, Origin};
use crate::shared::{Access, Enclosed, Mailbox, Stored};
use crate::sync::Arc;
use crate::{Entry, Error, Expiry, Key, Scan};

/// An update or a transaction that a binding carries on, step by step. Made by [`Port::update`](crate::Port::update) and
/// [`Port::transact`](crate::Port::transact).
///
/// Each step says what is next: run the body and pass its end on with [`answer`](Call::answer),
/// [`returned`](Call::returned) or [`threw`](Call::threw), or wait for [`Settled::Resumed`](crate::Settled::Resumed) and ask
/// [`go_on`](Call::go_on). It can come while a body runs too, when a time-out, the end of the owner or the loss of a guard
/// ends the call before its body does.
///
/// What a step settles for others of the same port is in [`take_settled`](crate::Port::take_settled) when it returns, without
/// a wake. Pass it on before anything of the caller's runs, the next body or the [callbacks](Done::callbacks) of the commit:
/// that may last, or wait for those others.
///
/// Clones are the same call. Its steps are made one at a time: one that is asked for while another thread makes one is not
/// made, and answers [`Step::Wait`]. [`cancel`](Call::cancel) and the operations of a body can come at any time. When the last
/// clone is dropped, it is cancelled.
///
/// # What a binding does with a step
///
/// What a step has settled for others can be told by running code of the caller's, which makes calls and ends them. So there is
/// one order:
///
/// 1. **Take** the step whole; of the last one the outcome and the numbers of its callbacks. The call is over with it: nothing
///    that is told from then on is how it ended.
/// 2. **Settle**: tell who waits what the step has settled, before a body or a callback runs, which may wait for them.
/// 3. **End** what was made for the call, such as an owner of its own.
/// 4. Run the **callbacks**, and then answer.
pub struct Call<V: Send + Sync + 'static>(Arc<Inside<V>>);

struct Inside<V: Send + Sync + 'static> {
    body: SharedBody<V>,
    mailbox: Arc<Mailbox>,
    tag: u64,
    /// Of an update: its cell, as the space knows it.
    cell: Option<Key>,
    driver: Enclosed<Driver>,
}

/// What carries the call on. Taken out while a step is made, so that nothing is locked meanwhile.
struct Driver {
    course: Option<Box<Going>>,
    /// It was cancelled while a step was made.
    cancelled: bool,
}

struct Going {
    course: Course,
    /// The run whose end is awaited.
    scope: u64,
    /// Of an update: the version that the function was given.
    seen: u64,
}

impl<V: Send + Sync + 'static> Call<V> {
    pub(crate) fn new(
        engine: &Arc<MemoryCells<V>>,
        (origin, mailbox, tag): (Origin, &Arc<Mailbox>, u64),
        cell: Option<&Key>,
        spec: &CallSpec,
    ) -> Result<Call<V>, Error> {
        if engine.is_closed() {
            return Err(Error::closed());
        }
        spec.check(engine.has_clock())?;
        let cell = cell.map(|key| engine.known(key)).transpose()?.map(Cow::into_owned);
        let course = Box::new(Going { course: Course::new(spec.clone(), origin), scope: 0, seen: 0 });
        let driver = Enclosed::new(Driver { course: Some(course), cancelled: false });
        Ok(Call(Arc::new(Inside {
            body: SharedBody::new(engine.clone()),
            mailbox: mailbox.clone(),
            tag,
            cell,
            driver,
        })))
    }

    /// Begins, and goes on after each [`Settled::Resumed`](crate::Settled::Resumed).
    pub fn go_on(&self) -> Step<V> {
        self.step(|inside, going, site| match going.course.phase {
            Phase::New => {
                going.course.begin(site.engine)?;
                inside.begin(going, site)
            }
            Phase::Queued => {
                let go = going.course.ask(site)?;
                inside.follow(go, going, site)
            }
            Phase::Asleep => {
                let go = going.course.wake(site)?;
                inside.follow(go, going, site)
            }
            Phase::Running => going.course.check_up(site).map(|()| Step::Wait),
            Phase::Ended => Ok(Step::Wait),
        })
    }

    /// The function of an update has answered. `expiry`: when a cell that it sets expires; usually
    /// [`Keep`](Expiry::Keep).
    pub fn answer(&self, scope: u64, change: Change<V>, expiry: Expiry) -> Step<V> {
        // Dropped with nothing locked, if it is not written.
        let mut change = Some(change);
        self.ended(scope, |inside, going, site| {
            let change = change.take().unwrap_or(Change::Keep);
            inside.answer(change, expiry, going, site)
        })
    }

    /// The body of a transaction has returned.
    pub fn returned(&self, scope: u64) -> Step<V> {
        self.ended(scope, |inside, going, site| inside.over(true, going, site))
    }

    /// The body, or the function, has thrown.
    pub fn threw(&self, scope: u64) -> Step<V> {
        self.ended(scope, |inside, going, site| match inside.cell {
            Some(_) => Ok(Step::Threw),
            None => inside.over(false, going, site),
        })
    }

    /// Gives the call up: nothing commits, and it leaves no turn and no wait.
    pub fn cancel(&self) {
        let taken = self.0.driver.with(|driver| {
            driver.cancelled = true;
            driver.course.take()
        });
        drop(self.0.taken(taken));
    }

    /// A cell, as it fits what was read before; own writes are read back.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when the scope is not that of a body that runs, or a savepoint inside it is
    /// open; [`Conflict`](crate::ErrorKind::Conflict) when the attempt is over, because what it read has changed, or it is to
    /// wait; [`Aborted`](crate::ErrorKind::Aborted) after [`abort`](Call::abort); so do all operations. Besides, those of
    /// [`Port::get`](crate::Port::get).
    pub fn get(&self, scope: u64, key: &Key) -> Result<Entry<Arc<V>>, Error> {
        self.0.body.get(scope, key).map(|told| told.of(key.clone()).shared())
    }

    /// Cells at one instant, in the order asked.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get).
    pub fn get_many(&self, scope: u64, keys: &[Key]) -> Result<Vec<Entry<Arc<V>>>, Error> {
        Ok(self.0.body.get_many(scope, keys)?.into_iter().map(Entry::shared).collect())
    }

    /// The cells of a range at one instant. A commit fails if one has come or gone since.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get) and [`Port::list`](crate::Port::list).
    pub fn list(&self, scope: u64, scan: &Scan) -> Result<Vec<Entry<Arc<V>>>, Error> {
        Ok(self.0.body.list(scope, scan)?.into_iter().map(Entry::shared).collect())
    }

    /// Sets a cell with the commit. Without an expiry it keeps what this body has last given it, or what was read; another
    /// does not expire.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get), and [`Invalid`](crate::ErrorKind::Invalid) for an expiry in a space without a clock.
    pub fn set(&self, scope: u64, key: &Key, value: V, expiry: Option<Expiry>) -> Result<(), Error> {
        self.0.body.set(scope, key, value, expiry)
    }

    /// Sets a cell that is absent. Answers the one that is there, which then stays.
    ///
    /// # Errors
    ///
    /// As for [`set`](Call::set).
    pub fn insert(
        &self,
        scope: u64,
        key: &Key,
        value: V,
        expiry: Option<Expiry>,
    ) -> Result<Option<Entry<Arc<V>>>, Error> {
        Ok(self.0.body.insert(scope, key, value, expiry)?.map(Entry::shared))
    }

    /// Deletes a cell with the commit, if it is there then.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get).
    pub fn delete(&self, scope: u64, key: &Key) -> Result<(), Error> {
        self.0.body.delete(scope, key)
    }

    /// Opens a savepoint. Answers the scope inside; the one around is `invalid` until it is left.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get).
    pub fn enter(&self, scope: u64) -> Result<u64, Error> {
        self.0.body.enter(scope)
    }

    /// Leaves a savepoint whose body returned: its writes and callbacks stay. Those inside it that are still open are
    /// undone.
    ///
    /// # Errors
    ///
    /// Then its body counts as thrown, with this error: [`Aborted`](crate::ErrorKind::Aborted), where it was aborted, and what
    /// it wrote is undone; [`Conflict`](crate::ErrorKind::Conflict) when the attempt is over.
    pub fn keep(&self, scope: u64) -> Result<(), Error> {
        self.0.body.leave(scope, Inner::Keep)
    }

    /// Leaves a savepoint whose body has thrown: what it wrote, and its callbacks, are undone. What it read stays read.
    ///
    /// # Errors
    ///
    /// To be thrown instead of what the body threw: as for [`keep`](Call::keep).
    pub fn undo(&self, scope: u64) -> Result<(), Error> {
        self.0.body.leave(scope, Inner::Undo)
    }

    /// Has this number among the [callbacks](Done::callbacks) of the commit.
    ///
    /// # Errors
    ///
    /// As for [`get`](Call::get).
    pub fn on_commit(&self, scope: u64, callback: u64) -> Result<(), Error> {
        self.0.body.on_commit(scope, callback)
    }

    /// Marks the scope as aborted, whatever its body does from now on. Answers what is to be thrown:
    /// [`Aborted`](crate::ErrorKind::Aborted), or why it is too late.
    pub fn abort(&self, scope: u64, reason: &str) -> Error {
        self.0.body.abort(scope, reason)
    }

    /// Marks the attempt as one that waits until something that it read changes, and then runs again. Answers what is to be
    /// thrown: [`Conflict`](crate::ErrorKind::Conflict); or [`Invalid`](crate::ErrorKind::Invalid) when nothing was read, and
    /// then nothing is marked.
    pub fn retry(&self, scope: u64) -> Error {
        self.0.body.retry(scope)
    }

    /// All that a search has to know of where it is.
    #[cfg(test)]
    pub(super) fn sketch(&self) -> String {
        self.0.driver.with(|driver| driver.course.as_ref().map(|going| going.course.sketch()).unwrap_or_default())
    }

    /// Passes on the end of a run; that of a run that is over is ignored.
    fn ended(
        &self,
        scope: u64,
        then: impl FnOnce(&Inside<V>, &mut Going, &Site<'_, V>) -> Result<Step<V>, Error>,
    ) -> Step<V> {
        self.step(|inside, going, site| {
            if going.course.phase != Phase::Running || going.scope != scope {
                return Ok(Step::Wait);
            }
            then(inside, going, site)
        })
    }

    /// Makes a step, with nothing locked.
    fn step(&self, make: impl FnOnce(&Inside<V>, &mut Going, &Site<'_, V>) -> Result<Step<V>, Error>) -> Step<V> {
        let inside = &*self.0;
        let mut taken = inside.taken(inside.driver.with(|driver| driver.course.take()));
        let Some(going) = &mut taken.going else { return Step::Wait };
        let made = make(inside, going, &inside.site());
        let step = made.unwrap_or_else(|error| Step::Failed(inside.body.engine.told(error)));
        if !matches!(step, Step::Run(_) | Step::Wait) {
            return step;
        }
        inside.driver.with(|driver| {
            if !driver.cancelled {
                driver.course = taken.going.take();
            }
        });
        if taken.going.is_some() { Step::Wait } else { step }
    }
}

/// What carries a call on, taken out. Dropped with it, the call is over, also where a step unwinds.
struct Taken<'a, V: Send + Sync + 'static> {
    inside: &'a Inside<V>,
    going: Option<Box<Going>>,
}

impl<V: Send + Sync + 'static> Drop for Taken<'_, V> {
    fn drop(&mut self) {
        if let Some(mut going) = self.going.take() {
            let last = self.inside.body.end();
            going.course.end(&self.inside.site());
            // Last: its values are the caller's, and may panic.
            drop(last);
        }
    }
}

impl<V: Send + Sync + 'static> Inside<V> {
    fn site(&self) -> Site<'_, V> {
        Site { engine: &self.body.engine, teller: Teller::Port(&self.mailbox, self.tag) }
    }

    fn taken(&self, going: Option<Box<Going>>) -> Taken<'_, V> {
        Taken { inside: self, going }
    }

    /// The first attempt.
    fn begin(&self, going: &mut Going, site: &Site<'_, V>) -> Result<Step<V>, Error> {
        let Some(cell) = &self.cell else { return self.run(going, site) };
        let told = going.course.begin_update(site, cell)?;
        self.run_with((cell, told), going, site)
    }

    fn follow(&self, go: Go, going: &mut Going, site: &Site<'_, V>) -> Result<Step<V>, Error> {
        match (&self.cell, go) {
            (Some(cell), go) => self.run_with((cell, one_cell::read(go, site.engine, cell)?), going, site),
            (None, Go::Wait) => Ok(Step::Wait),
            (None, Go::Run) => self.run(going, site),
        }
    }

    /// Runs the body of a transaction.
    fn run(&self, going: &mut Going, site: &Site<'_, V>) -> Result<Step<V>, Error> {
        going.course.ready(site)?;
        going.scope = self.body.begin();
        let attempt = going.course.run();
        Ok(Step::Run(Run { attempt, scope: going.scope, entry: None, in_turn: going.course.number() != 0 }))
    }

    /// Runs the function of an update, unless it waits.
    fn run_with(
        &self,
        (cell, told): (&Key, Option<Told<Stored<V>>>),
        going: &mut Going,
        site: &Site<'_, V>,
    ) -> Result<Step<V>, Error> {
        let Some(told) = told else { return Ok(Step::Wait) };
        going.course.ready(site)?;
        let attempt = going.course.run();
        (going.scope, going.seen) = (u64::from(attempt), told.version);
        let entry = self.body.engine.named(told.of(cell.clone())).shared();
        let in_turn = going.course.number() != 0;
        Ok(Step::Run(Run { attempt, scope: going.scope, entry: Some(entry), in_turn }))
    }

    /// The function of an update has answered.
    fn answer(
        &self,
        change: Change<V>,
        expiry: Expiry,
        going: &mut Going,
        site: &Site<'_, V>,
    ) -> Result<Step<V>, Error> {
        let Some(cell) = &self.cell else { return Err(Error::invalid("call", "is a transaction")) };
        match going.course.write(site, cell, (going.seen, change.into_write(expiry)))? {
            Ok(Written { version, changed }) => {
                let attempts = going.course.runs();
                Ok(Step::Done(Done { version, changed, attempts, callbacks: Vec::new() }))
            }
            Err(doom) => {
                let go = going.course.clashed(site, doom)?;
                self.follow(go, going, site)
            }
        }
    }

    /// The body of a transaction is over.
    fn over(&self, returned: bool, going: &mut Going, site: &Site<'_, V>) -> Result<Step<V>, Error> {
        let course = &mut going.course;
        let end = End { returned, call: course.check_up(site) };
        match self.body.over(end, (course.number(), course.guards()), site.teller.own())? {
            Over::Done(version) => Ok(done(course, version, Vec::new())),
            Over::Threw => Ok(Step::Threw),
            Over::Rest(rest) => match *rest {
                Rest::Called(version, callbacks) => Ok(done(course, version, callbacks)),
                Rest::Clashed(doom, attempt) => {
                    course.note_touched(&attempt);
                    drop(attempt);
                    let go = course.clashed(site, doom)?;
                    self.follow(go, going, site)
                }
                Rest::Retry(mut attempt) => {
                    course.note_touched(&attempt);
                    let go = course.sleep(site, &mut attempt)?;
                    self.follow(go, going, site)
                }
            },
        }
    }
}

fn done<V>(course: &Course, version: u64, callbacks: Vec<u64>) -> Step<V> {
    Step::Done(Done { version, changed: version > 0, attempts: course.runs(), callbacks })
}

impl<V: Send + Sync + 'static> Clone for Call<V> {
    fn clone(&self) -> Call<V> {
        Call(self.0.clone())
    }
}

impl<V: Send + Sync + 'static> Drop for Inside<V> {
    fn drop(&mut self) {
        drop(self.taken(self.driver.with(|driver| driver.course.take())));
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Call<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("tag", &self.0.tag).field("cell", &self.0.cell).finish_non_exhaustive()
    }
}
