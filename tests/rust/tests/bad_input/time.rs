//! `tick`, `next_deadline` and `drive` (clause B5).

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use latchwork::{ErrorKind, ManualClock, Space};
use latchwork_tests::poll::{Task, now};

use super::{assert_empty, task};

const MS: Duration = Duration::from_millis(1);

fn timed() -> (Space, ManualClock) {
    let clock = ManualClock::new();
    (Space::builder().clock(clock.clone()).build(), clock)
}

#[test]
fn the_next_deadline_follows_the_waits() {
    let (space, clock) = timed();
    assert_eq!(space.next_deadline(), None);
    let holder = now(space.lock("k").timeout(MS)).expect("free");
    assert_eq!(space.next_deadline(), None, "what is granted has no deadline");
    let mut late = task(space.lock("k").timeout(30 * MS));
    let mut soon = task(space.lock(["k", "j"]).timeout(10 * MS));
    let mut never = task(space.lock("k"));
    assert!(late.poll().is_pending() && soon.poll().is_pending() && never.poll().is_pending());
    assert_eq!(space.next_deadline(), Some(10 * MS));
    clock.advance(4 * MS);
    assert_eq!(space.next_deadline(), Some(6 * MS));
    drop(soon);
    assert_eq!(space.next_deadline(), Some(26 * MS));
    clock.advance(100 * MS);
    assert_eq!(space.next_deadline(), Some(Duration::ZERO), "overdue");
    space.tick();
    assert_eq!(space.next_deadline(), None);
    assert!(matches!(late.poll_if_woken(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Timeout));
    drop((holder, never));
    assert_empty(&space);
}

/// Sleeps that end when the test says so.
#[derive(Clone, Default)]
struct Sleeps(Rc<RefCell<Vec<Sleep>>>);

struct Sleep {
    asked: Duration,
    sleeper: Option<Waker>,
    over: bool,
}

impl Sleeps {
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        let all = self.0.clone();
        let at = all.borrow().len();
        all.borrow_mut().push(Sleep { asked: duration, sleeper: None, over: false });
        poll_fn(move |cx| {
            let sleep = &mut all.borrow_mut()[at];
            sleep.sleeper = Some(cx.waker().clone());
            if sleep.over { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    fn end_last(&self) {
        let mut all = self.0.borrow_mut();
        let sleep = all.last_mut().expect("somebody sleeps");
        sleep.over = true;
        let sleeper = sleep.sleeper.take();
        drop(all);
        sleeper.expect("polled").wake();
    }

    fn asked(&self) -> Vec<Duration> {
        self.0.borrow().iter().map(|sleep| sleep.asked).collect()
    }
}

#[test]
fn drive_sleeps_until_something_is_due() {
    let (space, clock) = timed();
    let sleeps = Sleeps::default();
    let (asks, observer) = (sleeps.clone(), space.clone());
    let mut drive = Task::new(space.drive(move |duration| Box::pin(asks.sleep(duration))));
    assert!(drive.poll().is_pending());
    assert!(sleeps.asked().is_empty(), "nothing is due, nobody sleeps");
    let holder = now(space.lock("k")).expect("free");
    let mut late = task(space.lock("k").timeout(20 * MS));
    assert!(late.poll().is_pending());
    assert!(drive.poll_if_woken().is_pending());
    assert_eq!(sleeps.asked(), [20 * MS], "woken by the first deadline");
    let mut soon = task(space.lock("k").timeout(5 * MS));
    assert!(soon.poll().is_pending());
    assert!(drive.poll_if_woken().is_pending());
    assert_eq!(sleeps.asked(), [20 * MS, 5 * MS], "woken by a sooner one");
    clock.advance(5 * MS);
    sleeps.end_last();
    assert!(drive.poll_if_woken().is_pending());
    assert!(matches!(soon.poll_if_woken(), Poll::Ready(Err(_))) && late.poll_if_woken().is_pending());
    assert_eq!(sleeps.asked(), [20 * MS, 5 * MS, 15 * MS]);
    drop((late, holder));
    assert_empty(&observer);
    space.close();
    assert!(drive.poll_if_woken().is_ready(), "it ends with the space");
}

#[test]
fn drive_of_a_space_without_a_clock_or_end() {
    let space = Space::new();
    let mut drive = Task::new(space.drive(|_| std::future::ready(())));
    assert!(drive.poll().is_pending());
    space.close();
    assert!(drive.poll_if_woken().is_ready());
    let mut drive = Task::new(space.drive(|_| std::future::ready(())));
    assert!(drive.poll().is_ready(), "closed already");
}

/// A sleep that ends too early must not make it spin for ever, nor tell anyone too soon.
#[test]
fn drive_with_a_sleep_that_ends_early() {
    let (space, clock) = timed();
    let holder = now(space.lock("k")).expect("free");
    let mut waiter = task(space.lock("k").timeout(10 * MS));
    assert!(waiter.poll().is_pending());
    let mut drive = Task::new(space.drive(move |_| {
        clock.advance(MS);
        std::future::ready(())
    }));
    assert!(drive.poll().is_pending());
    // It gives way after each sleep, so that the thread goes on.
    for _ in 0..20 {
        assert!(drive.poll_if_woken().is_pending());
    }
    assert!(matches!(waiter.poll_if_woken(), Poll::Ready(Err(error)) if error.waited() == Some(10 * MS)));
    drop(holder);
    assert_empty(&space);
}
