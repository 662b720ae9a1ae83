//! Reads inside a body: what scans and cells show together, and what many scans cost.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Clock, Error, Key, KeyRange, ManualClock, Scan, Space, Tx, key};
use latchwork_tests::poll::now;

use super::{set, spaces, value};

const MS: Duration = Duration::from_millis(1);

/// The numbers under a name, as far as the limit.
fn numbers(tx: &Tx<i64>, name: &str, limit: usize) -> Result<Vec<i64>, Error> {
    let listed = now(tx.scan(Scan::new(KeyRange::prefix(key!(name))).limit(limit)))?;
    Ok(listed.into_iter().filter_map(|entry| entry.value).collect())
}

type Look<'a, T> = &'a dyn Fn(&Tx<i64>) -> Result<T, Error>;

/// What two looks of one body saw, in the run that committed, and how many runs there were. In the first run `meanwhile`
/// happens between them.
fn look_twice<T>(space: &Space<i64>, meanwhile: impl Fn(), looks: [Look<'_, T>; 2]) -> ([T; 2], u32) {
    let runs = Cell::new(0);
    let done = now(space.transact(async |tx: Tx<i64>| {
        runs.set(runs.get() + 1);
        let first = looks[0](&tx)?;
        if runs.get() == 1 {
            meanwhile();
        }
        let second = looks[1](&tx)?;
        tx.set("seen", 1)?;
        Ok::<_, Error>([first, second])
    }));
    let done = done.expect("open");
    assert_eq!(done.attempts, runs.get());
    (done.value, runs.get())
}

#[test]
fn two_scans_of_a_body_are_of_one_instant() {
    for space in spaces() {
        set(&space, key!("a", 1), 1);
        let moves = || {
            let moved = space.atomic().delete(key!("a", 1)).set(key!("b", 1), 1);
            block_on(moved.commit()).expect("open").expect("no condition");
        };
        let sum = |name: &'static str| move |tx: &Tx<i64>| Ok(numbers(tx, name, usize::MAX)?.iter().sum::<i64>());
        assert_eq!(look_twice(&space, moves, [&sum("a"), &sum("b")]), ([0, 1], 2), "never none, nor two");
        // A cell after a scan, and a scan after a cell.
        let moves_back = || {
            let moved = space.atomic().delete(key!("b", 1)).set(key!("a", 1), 1);
            block_on(moved.commit()).expect("open").expect("no condition");
        };
        let gets = |tx: &Tx<i64>| Ok(now(tx.get(key!("a", 1)))?.value.unwrap_or(0));
        assert_eq!(look_twice(&space, moves_back, [&sum("b"), &gets]), ([0, 1], 2));
        assert_eq!(look_twice(&space, moves, [&gets, &sum("b")]), ([0, 1], 2));
        // The same scan again.
        assert_eq!(look_twice(&space, moves_back, [&sum("b"), &sum("b")]), ([0, 0], 2));
        // What is written elsewhere ends nobody.
        assert_eq!(look_twice(&space, || set(&space, "elsewhere", 1), [&sum("a"), &sum("b")]), ([1, 0], 1));
    }
}

#[test]
fn the_widest_of_several_scans_of_a_range_counts() {
    for space in spaces() {
        for limits in [[1, 2], [2, 1], [2, 2]] {
            block_on(space.delete_all(KeyRange::all())).expect("open");
            (1..=3).for_each(|at| set(&space, key!("a", 10 * at), 10 * at));
            let look = |limit: usize| move |tx: &Tx<i64>| numbers(tx, "a", limit);
            // Behind what was looked at: no conflict.
            let (seen, runs) =
                look_twice(&space, || set(&space, key!("a", 25), 25), [&look(limits[0]), &look(limits[1])]);
            assert_eq!((seen, runs), (limits.map(|limit| [10, 20][..limit].to_vec()), 1));
            let runs = Cell::new(0);
            let done = now(space.transact(async |tx: Tx<i64>| {
                runs.set(runs.get() + 1);
                numbers(&tx, "a", limits[0])?;
                let last = numbers(&tx, "a", limits[1])?;
                if runs.get() == 1 {
                    set(&space, key!("a", 15), 15);
                }
                tx.set("seen", 2)?;
                Ok::<_, Error>(last)
            }));
            assert_eq!(done.expect("open").value, [10, 15][..limits[1]].to_vec());
            assert_eq!(runs.get(), 2, "the second of the range was looked at, and is another now");
        }
    }
}

/// A body that lists and writes by turns, and one whose scan finds many cells: what they cost must not go with the square of
/// what they did before, or this takes minutes.
#[test]
fn many_scans_and_writes_of_one_body() {
    const MANY: i64 = 1_000;
    for space in spaces() {
        (0..MANY).for_each(|at| set(&space, key!("many", at), at));
        let done = now(space.transact(async |tx: Tx<i64>| {
            let mut listed = 0;
            for at in 0..MANY {
                tx.set(key!("many", -1 - at), at)?;
                tx.set(key!("order", at, 1), at)?;
                listed += numbers(&tx, "many", 10)?.len();
                listed += now(tx.list(KeyRange::prefix(key!("order", at))))?.len();
            }
            Ok::<_, Error>(listed)
        }));
        assert_eq!(done.expect("open").value, 11 * MANY as usize);
        assert_eq!(value(&space, key!("many", -MANY)), Some(MANY - 1));
    }
}

/// A commit that finds its scan changed says what has come, and what has changed, once each.
#[test]
fn a_scan_of_many_cells_that_changed_is_told_cell_by_cell() {
    const MANY: i64 = 20_000;
    for space in spaces() {
        let made = (0..MANY).fold(space.atomic(), |atomic, at| atomic.set(key!("many", at), at));
        block_on(made.commit()).expect("open").expect("no condition");
        let done = now(space
            .transact(async |tx: Tx<i64>| {
                let all = now(tx.list(KeyRange::all()))?;
                now(tx.list(KeyRange::prefix(key!("many"))))?;
                // From outside, at every run: it never commits.
                let last = all.last().and_then(|entry| entry.value).unwrap_or(0);
                set(&space, key!("many", MANY + last), last + 1);
                tx.set("seen", 1)?;
                Ok::<_, Error>(())
            })
            .attempts(1));
        let error = done.expect_err("it lost");
        assert_eq!(error.code(), "conflict");
        let come: Vec<(&Key, u64)> = error.conflicts().iter().map(|stale| (&stale.key, stale.expected)).collect();
        assert_eq!(come, [(&key!("many", MANY + MANY - 1), 0)]);
    }
}

#[test]
fn a_scan_of_nothing_is_nothing_to_wait_for() {
    for space in spaces() {
        let waits = now(space.transact(async |tx: Tx<i64>| {
            numbers(&tx, "a", 0)?;
            Err::<(), Error>(tx.retry())
        }));
        assert_eq!(waits.expect_err("nothing was read").code(), "invalid");
    }
}

/// A read that is put off between asking for the time and looking: meanwhile a cell that was read expires, and another
/// transaction writes because it has.
#[test]
fn what_was_written_since_a_cell_that_was_read_expired_is_not_seen_beside_it() {
    type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;
    for (shards, scans) in [(1, false), (1, true), (64, false), (64, true)] {
        let (time, meanwhile) = (ManualClock::new(), Meanwhile::default());
        let clock = {
            let (time, meanwhile) = (time.clone(), meanwhile.clone());
            move || {
                let now = Clock::now(&time);
                let run = meanwhile.lock().expect("nobody panics").take();
                run.into_iter().for_each(|run| run());
                now
            }
        };
        let space: Space<i64> = Space::builder().cells().shards(shards).clock(clock).build();
        block_on(async { space.set("x", 1).expire_in(2 * MS).await }).expect("open");
        let done = now(space.transact(async |tx: Tx<i64>| {
            let x = tx.get("x").await?.value;
            if x.is_some() {
                let (space, time) = (space.clone(), time.clone());
                *meanwhile.lock().expect("nobody panics") = Some(Box::new(move || {
                    time.advance(2 * MS);
                    let written = now(space.transact(async |tx: Tx<i64>| {
                        assert!(tx.get("x").await?.value.is_none(), "it has expired");
                        tx.set("y", 1)
                    }));
                    written.expect("open");
                }));
            }
            let y = match scans {
                true => tx.list(KeyRange::prefix("y")).await?.into_iter().find_map(|entry| entry.value),
                false => tx.get("y").await?.value,
            };
            Ok::<_, Error>((x, y))
        }));
        let done = done.expect("open");
        assert_eq!((done.value, done.attempts), ((None, Some(1)), 2), "{shards} shards");
    }
}
