//! How many requests may wait.

use super::Recipient;
use super::shard::Locked;
use super::{Incoming, Shared};
use crate::Error;
use crate::machine::spanning;
use crate::sync::{Arc, AtomicU64, Ordering};

/// Upper bounds on waiting requests, and how many there are, counted where there is a bound on all.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// In the whole space.
    pub(crate) waiters: Option<usize>,
    /// Behind others for one key.
    pub(crate) per_key: Option<usize>,
    waiting: Arc<AtomicU64>,
}

/// The place of a request among those that may wait, until it is dropped.
pub(crate) struct Place(Arc<AtomicU64>);

impl Limits {
    pub(crate) fn new(waiters: Option<usize>, per_key: Option<usize>) -> Limits {
        Limits { waiters, per_key, waiting: Arc::default() }
    }

    #[inline]
    pub(super) fn are_set(&self) -> bool {
        self.waiters.is_some() || self.per_key.is_some()
    }

    fn place(&self) -> Result<Option<Place>, Error> {
        let Some(limit) = self.waiters else { return Ok(None) };
        let more = |waiting: u64| (waiting < limit as u64).then_some(waiting + 1);
        match self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => Ok(Some(Place(self.waiting.clone()))),
            Err(_) => Err(Error::busy(limit)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    /// Finds a request a place to wait, where it would have to and places are counted. The tables of its keys are locked.
    ///
    /// # Errors
    ///
    /// `busy` when a limit is reached.
    pub(super) fn find_place(
        &self,
        tables: &[Locked<'_>],
        incoming: &Incoming<'_>,
        recipient: Recipient,
    ) -> Result<Recipient, (Error, Recipient)> {
        if !self.limits.are_set() {
            return Ok(recipient);
        }
        let groups = incoming.entries.groups(self.mask());
        if spanning::admits(tables, &groups) {
            return Ok(recipient);
        }
        if let Some(limit) = self.limits.per_key
            && tables.iter().zip(&groups).any(|(table, group)| table.is_full(group, limit))
        {
            return Err((Error::busy(limit), recipient));
        }
        match self.limits.place() {
            Ok(None) => Ok(recipient),
            Ok(Some(place)) => Ok(Recipient::Counted { recipient: Box::new(recipient), place }),
            Err(error) => Err((error, recipient)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use futures::executor::block_on;

    use crate::{Error, Mode, Registry, Space};

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn refused<T: std::fmt::Debug>(poll: Poll<Result<T, Error>>) -> Option<usize> {
        match poll {
            Poll::Ready(Err(error)) if error.code() == "busy" => error.limit(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn so_many_may_wait_in_a_space() {
        for shards in [1, 1024] {
            let space = Space::builder().shards(shards).max_waiters(2).build();
            let held = block_on(space.lock(["a", "b"])).expect("free");
            let mut first = space.lock("a");
            assert!(poll(&mut first).is_pending());
            {
                let mut second = space.lock(["b", "c"]).label("second");
                assert!(poll(&mut second).is_pending());
                assert_eq!(refused(poll(&mut space.lock("a"))), Some(2));
                assert_eq!(refused(poll(&mut space.lock("c"))), Some(2), "reserved: it would wait");
                assert!(poll(&mut space.lock("d")).is_ready(), "who need not wait is let in");
            }
            // A place for each that gave up, was granted or was refused.
            let mut third = space.lock("b");
            assert!(poll(&mut third).is_pending());
            drop(held);
            assert!(poll(&mut first).is_ready() && poll(&mut third).is_ready());
            let _held = block_on(space.lock("z")).expect("free");
            let mut waits = [space.lock("z"), space.lock("z")];
            assert!(waits.iter_mut().all(|wait| poll(wait).is_pending()));
            assert_eq!(refused(poll(&mut space.lock("z"))), Some(2));
        }
    }

    #[test]
    fn so_many_may_stand_behind_others_for_a_key() {
        let space = Space::builder().shards(1).max_waiters_per_key(1).build();
        let held = block_on(space.lock("a")).expect("free");
        let mut first = space.lock("a");
        assert!(poll(&mut first).is_pending());
        assert_eq!(refused(poll(&mut space.lock(["b", "a"]))), Some(1));
        assert!(poll(&mut space.lock("b")).is_ready(), "nothing is left of what was refused");
        drop(first);
        let mut shared = space.lock("a").mode(Mode::Shared);
        assert!(poll(&mut shared).is_pending());
        drop(held);
        let guard = match poll(&mut shared) {
            Poll::Ready(Ok(guard)) => guard,
            other => panic!("not granted: {other:?}"),
        };
        let mut other = space.lock("a").mode(Mode::Shared);
        assert!(poll(&mut other).is_ready());
        let mut exclusive = space.lock("a");
        assert!(poll(&mut exclusive).is_pending());
        assert_eq!(refused(poll(&mut space.lock("a"))), Some(1));
        drop(guard);
    }

    #[test]
    fn openings_agree_on_the_limits_and_see_the_meta_of_the_first() {
        let spaces = Registry::new();
        let first = spaces.open("a", Space::builder().max_waiters(5).meta(7_u32)).expect("new");
        let again = spaces.open("a", Space::builder().max_waiters(5).meta(8_u32)).expect("the same limits");
        assert_eq!(again.meta().and_then(|meta| meta.downcast_ref::<u32>().copied()), Some(7));
        for other in [Space::builder(), Space::builder().max_waiters(6)] {
            let error = spaces.open("a", other).expect_err("another limit");
            assert_eq!(error.what(), Some("max_waiters"));
            assert!(error.to_string().ends_with("another limit: open=5"), "{error}");
        }
        let other = Space::builder().max_waiters(5).max_waiters_per_key(1);
        let error = spaces.open("a", other).expect_err("another limit");
        assert_eq!(error.what(), Some("max_waiters_per_key"));
        assert!(error.to_string().ends_with("another limit: open=none"), "{error}");
        drop(first);
    }
}
