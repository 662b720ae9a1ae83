//! A call as a future carries it on.

use std::task::{Context, Waker};

use super::course::{Course, Go, Phase, Site};
use super::teller::{Bell, Teller};
use crate::Error;
use crate::engine::MemoryCells;
use crate::sync::Arc;

/// A call that a future carries on. It must be [ended](Ride::end).
pub(super) struct Ride {
    pub(super) course: Course,
    /// Made when there is something to be told.
    bell: Option<(Arc<Bell>, Waker)>,
}

impl Ride {
    pub(super) fn new(course: Course) -> Ride {
        Ride { course, bell: None }
    }

    /// Whom to wake from now on. Answers whether there was something to be told.
    pub(super) fn listen(&mut self, cx: &Context<'_>) -> bool {
        let Some((bell, _)) = &self.bell else { return false };
        bell.watch(cx.waker());
        bell.was_rung()
    }

    /// Carries the call on, where it may have to be told of something later.
    pub(super) fn with<V: Send + Sync + 'static, R>(
        &mut self,
        engine: &MemoryCells<V>,
        then: impl FnOnce(&mut Course, &Site<'_, V>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (_, waker) = self.bell.get_or_insert_with(|| {
            let bell = Arc::new(Bell::default());
            let waker = Waker::from(bell.clone());
            (bell, waker)
        });
        then(&mut self.course, &Site { engine, teller: Teller::Task(waker) })
    }

    /// Carries the call on, where nothing is to be told later.
    pub(super) fn without<V: Send + Sync + 'static, R>(
        &mut self,
        engine: &MemoryCells<V>,
        then: impl FnOnce(&mut Course, &Site<'_, V>) -> R,
    ) -> R {
        then(&mut self.course, &Site { engine, teller: Teller::Task(Waker::noop()) })
    }

    /// Looks whether what it waits for has come.
    pub(super) fn go_on<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) -> Result<Go, Error> {
        self.with(engine, |course, site| match course.phase {
            Phase::Queued => course.ask(site),
            Phase::Asleep => course.wake(site),
            Phase::New | Phase::Running | Phase::Ended => Ok(Go::Wait),
        })
    }

    /// The body is about to run, and may take its time.
    pub(super) fn ready<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) -> Result<(), Error> {
        match self.course.is_bound() {
            true => self.with(engine, Course::ready),
            false => Ok(()),
        }
    }

    /// As [`ready`](Ride::ready), of a body that does not wait: it listens to nobody, but others wait for the end of its turn.
    pub(super) fn ready_at_once<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) -> Result<(), Error> {
        match self.course.number() {
            0 => self.check_up(engine),
            _ => self.ready(engine),
        }
    }

    /// Looks whether anything has ended the call.
    pub(super) fn check_up<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) -> Result<(), Error> {
        self.without(engine, |course, site| course.check_up(site))
    }

    pub(super) fn end<V: Send + Sync + 'static>(&mut self, engine: &MemoryCells<V>) {
        self.without(engine, Course::end);
    }
}
