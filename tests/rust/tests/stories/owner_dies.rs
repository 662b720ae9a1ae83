//! S7: whoever holds {a, b, c} dies after it has released a.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Answer, Guard, Key, LockSpec, Port, Space, Ticket};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::within;

use super::{assert_empty, query};

const ROUNDS: usize = 1_000;

/// One that can die in each way that there is.
enum Holder<'a> {
    /// Unwound while it has a guard.
    Unwound(Guard),
    /// A scope whose future is dropped before its body has ended.
    Dropped(Task<'a, ()>, Ticket),
    /// A host that goes away with its port.
    Gone(Port, Ticket),
}

impl<'a> Holder<'a> {
    fn all(space: &'a Space) -> [fn(&'a Space) -> Holder<'a>; 3] {
        let _same_space = space;
        [Holder::unwound, Holder::dropped, Holder::gone]
    }

    fn unwound(space: &'a Space) -> Holder<'a> {
        Holder::Unwound(now(space.lock(["a", "b", "c"])).expect("free"))
    }

    fn dropped(space: &'a Space) -> Holder<'a> {
        let ticket = std::rc::Rc::new(Cell::new(None));
        let tell = ticket.clone();
        let mut scope = Task::new(async move {
            let body = async |guard: &Guard| {
                tell.set(Some(guard.ticket()));
                pending::<()>().await;
            };
            space.with_lock(["a", "b", "c"], body).await.expect("free");
        });
        assert!(scope.poll().is_pending());
        Holder::Dropped(scope, ticket.get().expect("the body runs"))
    }

    fn gone(space: &'a Space) -> Holder<'a> {
        let port = space.port(|| {});
        match port.lock(&LockSpec::new(["a", "b", "c"]), 1).expect("open") {
            Answer::Granted(grant) => Holder::Gone(port, grant.ticket),
            Answer::Waiting(_) => panic!("the keys are free"),
        }
    }

    fn release_a(&mut self, space: &Space) {
        let a = Key::from("a");
        match self {
            Holder::Unwound(guard) => guard.release_keys(a).expect("held"),
            Holder::Dropped(_, ticket) => space.port(|| {}).release_keys(*ticket, &[a]).expect("held"),
            Holder::Gone(port, ticket) => port.release_keys(*ticket, &[a]).expect("held"),
        }
    }

    fn die(self) {
        match self {
            Holder::Unwound(guard) => drop(unwound_with(guard)),
            Holder::Dropped(scope, _) => drop(scope),
            Holder::Gone(port, _) => port.abandon(),
        }
    }
}

/// A panic without a word on the way.
fn unwound_with<T>(held: T) -> thread::Result<()> {
    catch_unwind(AssertUnwindSafe(move || {
        let _held = held;
        resume_unwind(Box::new("it dies"))
    }))
}

fn granted(waiter: &mut Task<'_, Result<Guard, latchwork::Error>>) -> Option<Guard> {
    match waiter.poll_if_woken() {
        Poll::Ready(granted) => Some(granted.expect("open")),
        Poll::Pending => None,
    }
}

#[test]
fn the_others_go_on_in_order_and_are_told() {
    for shards in [1, 64] {
        let space = Space::builder().shards(shards).build();
        for holder in Holder::all(&space) {
            for _ in 0..ROUNDS {
                let mut holder = holder(&space);
                let ask = |keys: &[&str]| Task::new(space.lock(keys.to_vec()).into_future());
                let mut waiters = [ask(&["a"]), ask(&["b"]), ask(&["c"]), ask(&["b", "c"])];
                assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
                let [a, b, c, both] = &mut waiters;
                holder.release_a(&space);
                let for_a = granted(a).expect("served at the release");
                assert!(!for_a.abandoned());
                assert!(b.poll().is_pending() && c.poll().is_pending() && both.poll().is_pending());
                holder.die();
                let (for_b, for_c) = (granted(b).expect("after the death"), granted(c).expect("after the death"));
                assert!(for_b.abandoned() && for_c.abandoned() && for_a.held());
                assert!(granted(both).is_none(), "its turn comes after those before it");
                drop(for_b);
                assert!(granted(both).is_none());
                drop(for_c);
                assert!(granted(both).expect("the last one").abandoned(), "it was queued when the holder died");
                assert!(!now(space.lock(["b", "c"])).expect("free").abandoned(), "who comes later is not");
                drop(for_a);
                assert_empty(&space);
            }
        }
    }
}

/// The same with the holder and the waiters on threads of their own.
#[test]
fn a_thread_that_dies() {
    for shards in [1, 64] {
        within(Duration::from_secs(120), move || {
            let space = Space::builder().shards(shards).build();
            for _ in 0..ROUNDS / 10 {
                let mut holder = now(space.lock(["a", "b", "c"])).expect("free");
                let waits = |keys: &[&'static str]| {
                    let (space, keys) = (space.clone(), keys.to_vec());
                    thread::spawn(move || block_on(space.lock(keys)).expect("open").abandoned())
                };
                let waiters = [waits(&["a"]), waits(&["b"]), waits(&["c"]), waits(&["b", "c"])];
                while query(&space).pending.len() < waiters.len() {
                    thread::yield_now();
                }
                let dies = thread::spawn(move || {
                    holder.release_keys("a").expect("held");
                    resume_unwind(Box::new("it dies"))
                });
                let dead: thread::Result<()> = dies.join();
                assert!(dead.is_err());
                let told = waiters.map(|waiter| waiter.join().expect("it ended well"));
                assert_eq!(told, [false, true, true, true]);
                assert_empty(&space);
            }
        });
    }
}

/// The control: a set of the names that are taken, as it is often written. What the dead had is taken for ever, and nobody
/// is told.
#[test]
fn control_a_set_of_names_keeps_what_the_dead_had() {
    let taken: Arc<Mutex<BTreeSet<&str>>> = Arc::default();
    let lock = |taken: &Mutex<BTreeSet<&'static str>>, key| taken.lock().expect("whole").insert(key);
    let dies = {
        let taken = taken.clone();
        thread::spawn(move || {
            assert!(["a", "b", "c"].into_iter().all(|key| lock(&taken, key)));
            taken.lock().expect("whole").remove("a");
            resume_unwind(Box::new("it dies"))
        })
    };
    let dead: thread::Result<()> = dies.join();
    assert!(dead.is_err());
    assert!(lock(&taken, "a"), "released before");
    assert!(!lock(&taken, "b") && !lock(&taken, "c"), "nobody holds them, and nobody can have them");
}
