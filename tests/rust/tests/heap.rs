//! What many held keys, many waiters and many cells took is given back when they have gone: the heap is where it was before.
//!
//! A binary of its own, with one test, since the counter counts what every thread allocates.

use std::alloc::System;
use std::mem::forget;
use std::task::Poll;
use std::time::Duration;

use latchwork::{Answer, Error, Guard, Key, KeyRange, LockSpec, ManualClock, Mode, Space, Watch};
use latchwork_tests::poll::{Task, now};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MANY: u64 = 100_000;

/// What may stay: the same for one key as for a hundred thousand.
const CONSTANT: usize = 64 << 10;

/// Bytes on the heap.
fn heap() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

type Waiters<'a> = Vec<Task<'a, Result<Guard, Error>>>;

fn held(space: &Space) -> Vec<Guard> {
    (0..MANY).map(|key| now(space.lock(key)).expect("free")).collect()
}

/// A request for each key of a list, none of which is free.
fn waiting<'a, const N: usize>(space: &'a Space, keys: impl Fn(u64) -> [u64; N]) -> Waiters<'a> {
    let mut waiters: Waiters<'a> = (0..MANY).map(|at| Task::new(space.lock(keys(at)))).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
    waiters
}

fn keys_are_released(space: &Space) {
    drop(held(space));
}

fn keys_are_released_newest_first(space: &Space) {
    let mut guards = held(space);
    while guards.pop().is_some() {}
}

fn shared_keys_are_released(space: &Space) {
    drop((0..MANY).map(|_| now(space.lock("k").mode(Mode::Shared)).expect("shared")).collect::<Vec<_>>());
}

fn waiters_are_cancelled_oldest_first(space: &Space) {
    let holder = now(space.lock(0)).expect("free");
    waiting(space, |_| [0]).into_iter().for_each(drop);
    drop(holder);
}

fn waiters_are_cancelled_newest_first(space: &Space) {
    let holder = now(space.lock(0)).expect("free");
    let mut waiters = waiting(space, |_| [0]);
    while waiters.pop().is_some() {}
    drop(holder);
}

fn waiters_are_granted(space: &Space) {
    let mut guard = now(space.lock(0)).expect("free");
    for mut waiter in waiting(space, |_| [0]) {
        guard.release().expect("held");
        guard = match waiter.poll_if_woken() {
            Poll::Ready(next) => next.expect("granted"),
            Poll::Pending => panic!("the next in line was not told"),
        };
    }
}

fn a_waiter_for_each_key_is_cancelled(space: &Space) {
    let guards = held(space);
    drop(waiting(space, |at| [at]));
    drop(guards);
}

fn pairs_are_cancelled(space: &Space) {
    let holder = now(space.lock(0)).expect("free");
    drop(waiting(space, |at| [0, at + 1]));
    drop(holder);
}

/// Who lost all its keys need not let go of them: a binding without finalisers forgets the ticket.
fn keys_are_taken_away_and_their_holders_forgotten(space: &Space) {
    let port = space.port(|| {});
    let owner = port.owner(None);
    for key in 0..MANY {
        let spec = LockSpec::new([key, key + MANY]).owner(&owner);
        assert!(matches!(port.lock(&spec, key), Ok(Answer::Granted(_))));
        let lost = [key, key + MANY].map(|key| port.revoke(&[Key::from(key)]).expect("open"));
        assert_eq!(lost, [1, 0]);
    }
}

/// The same of those that had not seen their grant when it was taken away, and see it then.
fn keys_are_taken_away_before_they_are_seen(space: &Space) {
    let port = space.port(|| {});
    let mut settled = Vec::new();
    for key in 0..MANY {
        let holder = now(space.lock(key)).expect("free");
        let Ok(Answer::Waiting(ticket)) = port.lock_keys(&[Key::from(key)], key) else { panic!("it is held") };
        drop(holder);
        assert_eq!(port.revoke(&[Key::from(key)]).expect("open"), 1);
        assert!(port.confirm(ticket).is_ok() && !port.held(ticket));
        port.take_settled(&mut settled);
        settled.clear();
    }
}

/// The control: of whom one key is left the rest stays reserved.
fn some_keys_are_taken_away(space: &Space) {
    let port = space.port(|| {});
    for key in 0..MANY {
        assert!(matches!(port.lock_keys(&[Key::from(key), Key::from(key + MANY)], key), Ok(Answer::Granted(_))));
        assert_eq!(port.revoke(&[Key::from(key)]).expect("open"), 1);
    }
    // Else it lets go of them at its end.
    forget(port);
}

/// The control: what is not released stays.
fn keys_are_forgotten(space: &Space) {
    held(space).into_iter().for_each(forget);
}

fn holds_end_and_their_holders_are_forgotten(space: &Space<u64>, clock: &ManualClock) {
    let port = space.port(|| {});
    for key in 0..MANY {
        let hold = Duration::from_millis(1 + key % 7);
        assert!(matches!(port.lock(&LockSpec::new(key).max_hold(hold), key), Ok(Answer::Granted(_))));
    }
    clock.advance(Duration::from_millis(7));
    assert_eq!(now(space.query()).expect("open").held.len(), 0);
    assert_eq!(space.next_deadline(), None);
}

/// What is done with a space.
type Story = fn(&Space);

/// By how much the heap has grown when it is over.
fn growth(shards: Option<usize>, story: Story) -> usize {
    let space = shards.map_or_else(Space::builder, |shards| Space::builder().shards(shards)).build();
    let before = heap();
    story(&space);
    heap().saturating_sub(before)
}

fn cells_are_deleted(space: &Space<u64>, _: &ManualClock) {
    for key in 0..MANY {
        now(space.set(key, key)).expect("open");
    }
    for key in 0..MANY {
        assert!(now(space.delete(key)).expect("open"));
    }
}

fn cells_are_deleted_at_once(space: &Space<u64>, _: &ManualClock) {
    for key in 0..MANY {
        now(space.insert(key, key)).expect("open").expect("absent");
    }
    assert_eq!(now(space.delete_all(KeyRange::all())).expect("open").len() as u64, MANY);
}

fn cells_expire(space: &Space<u64>, clock: &ManualClock) {
    for key in 0..MANY {
        now(space.set(key, key).expire_in(Duration::from_millis(1 + key % 7))).expect("open");
    }
    clock.advance(Duration::from_millis(7));
    space.tick();
    assert_eq!(space.next_deadline(), None);
}

fn watches_are_dropped(space: &Space<u64>, _: &ManualClock) {
    let watches = (0..MANY).map(|at| if at % 2 == 0 { space.watch(at % 100) } else { space.watch_prefix("") });
    let mut watches: Vec<Watch<u64>> = watches.collect();
    let port = space.port(|| {});
    for watch in &mut watches {
        assert!(port.next_of(watch, 1).expect("open").is_some());
    }
    // Newest and oldest in turn.
    while watches.pop().is_some() {
        drop((!watches.is_empty()).then(|| watches.swap_remove(0)));
    }
}

/// The control: what is not deleted stays.
fn cells_stay(space: &Space<u64>, _: &ManualClock) {
    for key in 0..MANY {
        now(space.set(key, key)).expect("open");
    }
}

/// By how much the heap has grown when a story of cells is over.
fn growth_of_cells(shards: Option<usize>, story: fn(&Space<u64>, &ManualClock)) -> usize {
    let clock = ManualClock::new();
    let builder = shards.map_or_else(Space::builder, |shards| Space::builder().shards(shards));
    let space = builder.cells().clock(clock.clone()).build();
    // The shards are made with the first cell.
    now(space.set("first", 0)).expect("open");
    now(space.delete("first")).expect("open");
    let before = heap();
    story(&space, &clock);
    heap().saturating_sub(before)
}

#[test]
fn the_heap_is_back_at_the_start() {
    let stories: [(&str, Story); 10] = [
        ("keys are released", keys_are_released),
        ("keys are released newest first", keys_are_released_newest_first),
        ("shared keys are released", shared_keys_are_released),
        ("waiters are cancelled oldest first", waiters_are_cancelled_oldest_first),
        ("waiters are cancelled newest first", waiters_are_cancelled_newest_first),
        ("waiters are granted", waiters_are_granted),
        ("a waiter for each key is cancelled", a_waiter_for_each_key_is_cancelled),
        ("pairs are cancelled", pairs_are_cancelled),
        ("keys are taken away and their holders forgotten", keys_are_taken_away_and_their_holders_forgotten),
        ("keys are taken away before they are seen", keys_are_taken_away_before_they_are_seen),
    ];
    let mut kept = Vec::new();
    for shards in [None, Some(1)] {
        for (name, story) in stories {
            let growth = growth(shards, story);
            if growth > CONSTANT {
                kept.push(format!("{name}, shards={shards:?}: {growth} bytes are kept"));
            }
        }
        for (name, story) in [
            ("cells are deleted", cells_are_deleted as fn(&_, &_)),
            ("cells are deleted at once", cells_are_deleted_at_once),
            ("cells expire", cells_expire),
            ("watches are dropped", watches_are_dropped),
            ("holds end and their holders are forgotten", holds_end_and_their_holders_are_forgotten),
        ] {
            let growth = growth_of_cells(shards, story);
            if growth > CONSTANT {
                kept.push(format!("{name}, shards={shards:?}: {growth} bytes are kept"));
            }
        }
        let stay = growth_of_cells(shards, cells_stay);
        assert!(stay > 20 * MANY as usize, "the counter sees cells: {stay} bytes");
        let reserved = growth(shards, some_keys_are_taken_away);
        assert!(reserved > 20 * MANY as usize, "the counter sees what is reserved: {reserved} bytes");
        let forgotten = growth(shards, keys_are_forgotten);
        assert!(forgotten > 20 * MANY as usize, "the counter sees what is held: {forgotten} bytes");
    }
    assert!(kept.is_empty(), "\n{}", kept.join("\n"));
}
