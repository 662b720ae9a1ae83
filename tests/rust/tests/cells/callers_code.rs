//! Code of callers that runs in the middle: wakers and values that panic or call back, and what others are owed all the
//! same (B1, C13).

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt};
use latchwork::{Builder, KeyRange, ManualClock, Settled, Space};

use super::{spaces, timed};

/// Counts its wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Panics when it is woken.
struct Bad;

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

fn poll_with<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn poll_next_with<S: Stream + Unpin>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(waker))
}

fn panics(run: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

#[test]
fn a_reader_that_panics_keeps_no_news_from_whoever_keeps_time() {
    for (space, clock) in timed() {
        let (count, bad) = (Arc::new(Count::default()), Waker::from(Arc::new(Bad)));
        let waker = Waker::from(count.clone());
        let mut drive = pin!(space.drive(|_| std::future::pending::<()>()));
        assert!(poll_with(drive.as_mut(), &waker).is_pending());
        let mut watch = space.watch("a");
        assert!(poll_next_with(&mut watch, &bad).is_ready());
        assert!(poll_next_with(&mut watch, &bad).is_pending());
        assert!(panics(|| drop(block_on(space.set("a", 1).expire_in(Duration::from_millis(5))))));
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "told that something is due");
        clock.advance(Duration::from_millis(5));
        assert!(poll_with(drive.as_mut(), &waker).is_pending());
        assert_eq!(space.next_deadline(), None, "swept");
    }
}

#[test]
fn a_waiter_that_panics_keeps_no_reader_from_the_end_of_the_handle() {
    for space in spaces() {
        let other = space.attach();
        let _held = block_on(space.lock("a")).expect("free");
        let (count, bad) = (Arc::new(Count::default()), Waker::from(Arc::new(Bad)));
        let waker = Waker::from(count.clone());
        let mut waits = pin!(other.lock("a").into_future());
        assert!(poll_with(waits.as_mut(), &bad).is_pending());
        let mut watch = other.watch("a");
        assert!(poll_next_with(&mut watch, &waker).is_ready());
        assert!(poll_next_with(&mut watch, &waker).is_pending());
        assert!(panics(|| other.close()));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(matches!(poll_next_with(&mut watch, &waker), Poll::Ready(Some(Err(_)))));
    }
}

/// Panics when it is dropped, if it is told to.
#[derive(Clone, Debug)]
struct Touchy(bool);

impl Drop for Touchy {
    fn drop(&mut self) {
        if self.0 && !std::thread::panicking() {
            panic!("a value that panics");
        }
    }
}

#[test]
fn a_value_that_panics_as_it_goes_stops_nothing() {
    let clock = ManualClock::new();
    let settings: Builder<Touchy> = Space::builder().cells();
    let space = settings.shards(4).clock(clock.clone()).build();
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut drive = pin!(space.drive(|_| std::future::pending::<()>()));
    assert!(poll_with(drive.as_mut(), &waker).is_pending());
    block_on(space.set("a", Touchy(true))).expect("open");
    assert!(panics(|| drop(block_on(space.set("a", Touchy(false)).expire_in(Duration::from_millis(5))))));
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "told that something is due");
    block_on(space.set("a", Touchy(true)).expire_in(Duration::from_millis(1))).expect("open");
    block_on(space.set("b", Touchy(false))).expect("open");
    clock.advance(Duration::from_millis(1));
    assert!(panics(|| space.tick()));
    assert_eq!(block_on(space.list(KeyRange::all()).into_future()).expect("open").len(), 1);
    assert_eq!(space.next_deadline(), None);
}

/// Asks the space for something when it is dropped; its clones do not.
#[derive(Debug)]
struct Curious(Option<std::sync::Weak<Space<Curious>>>);

impl Clone for Curious {
    fn clone(&self) -> Curious {
        Curious(None)
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(space) = self.0.take().and_then(|space| space.upgrade()) {
            let asks = async {
                let all = space.list(KeyRange::all()).await.expect("open");
                space.atomic().set("log", Curious(None)).delete("b").commit().await.expect("open").expect("free");
                drop(space.try_lock("a").await.expect("open"));
                drop(all);
            };
            // It may be dropped inside an executor.
            asks.now_or_never().expect("at once");
        }
    }
}

#[test]
fn a_value_that_calls_back_as_it_goes_finds_nothing_locked() {
    for shards in [1, 1024] {
        let clock = ManualClock::new();
        let settings: Builder<Curious> = Space::builder().cells();
        let space = Arc::new(settings.shards(shards).clock(clock.clone()).build());
        let curious = || Curious(Some(Arc::downgrade(&space)));
        let log = || block_on(space.delete("log")).expect("open");
        block_on(space.set("a", curious())).expect("open");
        block_on(space.set("a", curious())).expect("open");
        assert!(log(), "replaced");
        block_on(space.delete("a")).expect("open");
        assert!(log(), "deleted");
        assert!(block_on(space.compare_exchange(("a", 7), curious())).expect("open").is_err());
        assert!(log(), "never written");
        block_on(space.set("a", curious()).expire_in(Duration::from_millis(1))).expect("open");
        clock.advance(Duration::from_millis(1));
        space.tick();
        assert!(log(), "expired");
        block_on(space.set("a", curious())).expect("open");
        block_on(space.delete_all(KeyRange::all())).expect("open");
        assert!(log(), "deleted with others");
    }
}

/// Whoever has its item is told of nothing until it asks again; and then misses nothing.
#[test]
fn a_reader_with_something_to_read_is_not_woken() {
    for space in spaces() {
        for what in ["keys", "prefix"] {
            let count = Arc::new(Count::default());
            let waker = Waker::from(count.clone());
            let mut watch = if what == "keys" { space.watch("a") } else { space.watch_prefix("a") };
            assert!(poll_next_with(&mut watch, &waker).is_ready());
            block_on(space.set("a", 1)).expect("open");
            block_on(space.set("a", 2)).expect("open");
            assert_eq!(count.0.load(Ordering::Relaxed), 0);
            let item = block_on(watch.next()).expect("open").expect("open");
            assert_eq!(item[0].value, Some(2));
            assert!(poll_next_with(&mut watch, &waker).is_pending());
            block_on(space.set("a", 3)).expect("open");
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
            block_on(space.delete("a")).expect("open");
        }
        let port = space.port(|| {});
        let mut watch = space.watch("a");
        assert!(port.next_of(&mut watch, 1).expect("open").is_some());
        block_on(space.set("a", 1)).expect("open");
        let mut settled = Vec::new();
        port.take_settled(&mut settled);
        assert!(settled.is_empty(), "{settled:?}");
        assert!(port.next_of(&mut watch, 2).expect("open").is_some());
        assert!(port.next_of(&mut watch, 3).expect("open").is_none());
        block_on(space.set("a", 2)).expect("open");
        port.take_settled(&mut settled);
        assert!(matches!(settled[..], [Settled::Changed { tag: 3 }]));
    }
}
