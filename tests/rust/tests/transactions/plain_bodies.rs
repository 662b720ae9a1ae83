//! Transactions whose bodies are plain functions: what they do with cells, and what has their calls go on or end.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use latchwork::{Error, ErrorKind, Expiry, Key, KeyRange, LocalTx, Scan, Space, key};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::suspend;

use super::{assert_empty, code, set, spaces, timed, value};

const MS: Duration = Duration::from_millis(1);

fn add(tx: &mut LocalTx<'_, i64>, key: &str, more: i64) -> Result<(), Error> {
    let before = tx.get(key)?.value.unwrap_or(0);
    tx.set(key, before + more)
}

#[test]
fn writes_are_read_back_and_appear_at_one_instant() {
    for space in spaces() {
        set(&space, "b", 2);
        let done = now(space.transact_sync(|tx| {
            tx.set("a", 1)?;
            tx.delete("b")?;
            assert_eq!(tx.get("a")?.value, Some(1));
            assert_eq!(tx.insert("a", 5)?.expect_err("it is there").value, Some(1));
            tx.insert("c", 3)?.expect("it is absent");
            let all = tx.get_many(["a", "b", "c"])?;
            assert_eq!(all.iter().map(|entry| entry.value).collect::<Vec<_>>(), [Some(1), None, Some(3)]);
            assert_eq!(tx.list(KeyRange::all())?.len(), 2);
            assert_eq!(tx.scan(Scan::new(KeyRange::all()).limit(1).reverse())?[0].key, Key::from("c"));
            assert_eq!((value(&space, "a"), value(&space, "b")), (None, Some(2)), "nobody else sees them");
            Ok::<_, Error>(tx.attempt())
        }));
        let done = done.expect("open");
        assert_eq!((done.value, done.attempts), (1, 1));
        let all = now(space.get_many(["a", "b", "c"])).expect("open");
        assert_eq!(all.iter().map(|entry| entry.version).collect::<Vec<_>>(), [done.version, 0, done.version]);
        let read = now(space.transact_sync(|tx| tx.get("a"))).expect("open");
        assert_eq!((read.value.value, read.version), (Some(1), 0));
    }
}

#[test]
fn a_part_is_undone_by_an_error_an_abort_or_a_panic_and_kept_else() {
    for space in spaces() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let called = called.clone();
            move || called.lock().expect("whole").push(name)
        };
        let done = now(space.transact_sync(|tx| {
            tx.set("a", 1)?;
            tx.on_commit(note("outer"))?;
            tx.transact(|inner| {
                inner.on_commit(note("kept"))?;
                inner.set("kept", 1)
            })?;
            let failed = tx.transact(|inner| {
                inner.set("a", 2)?;
                inner.on_commit(note("undone"))?;
                Err::<(), _>(inner.abort("no"))
            });
            assert_eq!(failed.expect_err("aborted").reason(), Some("no"));
            let failed = tx.transact(|inner| {
                inner.set("a", 3)?;
                inner.transact(|innermost| innermost.set("b", 3))?;
                Err::<(), _>(inner.get("x".repeat(3_000)).expect_err("too long"))
            });
            assert_eq!(code(failed), "invalid");
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                tx.transact(|inner| -> Result<(), Error> {
                    inner.set("a", 4)?;
                    panic!("in a part")
                })
            }));
            assert!(panicked.is_err());
            Ok::<_, Error>((tx.get("a")?.value, tx.get("b")?.value))
        }));
        assert_eq!(done.expect("open").value, (Some(1), None));
        assert_eq!((value(&space, "a"), value(&space, "b"), value(&space, "kept")), (Some(1), None, Some(1)));
        assert_eq!(*called.lock().expect("whole"), ["outer", "kept"]);
    }
}

#[test]
fn what_the_body_ends_with_passes_through_and_commits_nothing() {
    for space in spaces() {
        let aborted = now(space.transact_sync(|tx| {
            tx.set("a", 1)?;
            // The mark decides, whatever the body does.
            let _ = tx.abort("changed my mind");
            assert_eq!(tx.set("a", 2).expect_err("marked").kind(), ErrorKind::Aborted);
            Ok::<_, Error>(())
        }));
        assert_eq!(aborted.expect_err("aborted").reason(), Some("changed my mind"));
        let failed = now(space.transact_sync(|tx| {
            tx.set("a", 1).map_err(|error| error.to_string())?;
            Err::<(), _>(Own("mine".into()))
        }));
        assert_eq!(failed.expect_err("its own"), Own("mine".into()));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            now(space.transact_sync(|tx| -> Result<(), Error> {
                tx.set("a", 1)?;
                panic!("in the body")
            }))
        }));
        assert!(panicked.is_err());
        assert_eq!(value(&space, "a"), None);
        assert_eq!(code(now(space.transact_sync(|tx| Err::<(), _>(tx.retry())))), "invalid", "nothing was read");
        assert_empty(&space);
        let handle = space.clone();
        handle.close();
        assert_eq!(code(now(handle.transact_sync(|_| Ok::<_, Error>(())))), "closed");
    }
}

/// An error of a body's own.
#[derive(Debug, PartialEq)]
struct Own(String);

impl From<Error> for Own {
    fn from(error: Error) -> Own {
        Own(error.to_string())
    }
}

impl From<String> for Own {
    fn from(text: String) -> Own {
        Own(text)
    }
}

#[test]
fn a_stale_attempt_is_doomed_and_plain_writes_in_a_turn_are_losses() {
    for space in spaces() {
        let called = Arc::new(Mutex::new(0));
        let runs = RefCell::new(Vec::new());
        let done = now(space.transact_sync(|tx| {
            let run = tx.attempt();
            runs.borrow_mut().push(run);
            let called = called.clone();
            tx.on_commit(move || *called.lock().expect("whole") += 1)?;
            let a = tx.get("a")?.value.unwrap_or(0);
            if run <= 5 {
                set(&space, "a", i64::from(run));
                set(&space, "b", i64::from(run));
                let stale = tx.get("b").expect_err("a has changed");
                assert_eq!((stale.kind(), tx.set("c", 9).is_err()), (ErrorKind::Conflict, true));
                // Whatever it answers is discarded.
                return Ok(-1);
            }
            assert_eq!(tx.get("b")?.value, Some(a));
            tx.set("c", a)?;
            Ok::<_, Error>(a)
        }));
        let done = done.expect("it succeeds");
        assert_eq!((done.value, done.attempts, value(&space, "c")), (5, 6, Some(5)));
        assert_eq!((&runs.borrow()[..], *called.lock().expect("whole")), (&[1, 2, 3, 4, 5, 6][..], 1));
        let lost = now(space.transact_sync(|tx| {
            add(tx, "a", 1)?;
            set(&space, "a", 0);
            Ok::<_, Error>(())
        }));
        let lost = lost.expect_err("sixteen writes in its turn");
        assert_eq!((lost.kind(), lost.attempts()), (ErrorKind::Conflict, Some(19)));
        let limited = now(space
            .transact_sync(|tx| {
                add(tx, "a", 1)?;
                set(&space, "a", 0);
                Ok::<_, Error>(())
            })
            .attempts(2));
        assert_eq!(limited.expect_err("as often as it may").attempts(), Some(2));
        assert_empty(&space);
    }
}

#[test]
fn it_waits_for_a_turn_and_for_a_change_and_ends_with_what_ends_calls() {
    for (space, clock) in timed() {
        // Behind the turn of an update.
        let mut runs = 0;
        let mut holder = Task::new(space.update_async("a", |entry| {
            runs += 1;
            let last = runs == 4;
            if !last {
                set(&space, "a", 0);
            }
            async move {
                if last {
                    suspend().await;
                }
                latchwork::Change::Set(entry.value.unwrap_or(0) + 1)
            }
        }));
        assert!(holder.poll().is_pending());
        let ran = Cell::new(0);
        let move_one = |tx: &mut LocalTx<'_, i64>| {
            ran.set(ran.get() + 1);
            add(tx, "a", 10)?;
            add(tx, "b", 10)
        };
        assert_eq!(code(now(space.transact_sync(move_one).timeout(Duration::ZERO))), "timeout");
        let mut late = Task::new(space.transact_sync(move_one).timeout(MS));
        let mut patient = Task::new(space.transact_sync(move_one).label("patient"));
        assert!(late.poll().is_pending() && patient.poll().is_pending());
        let query = now(space.query()).expect("open");
        assert_eq!(query.pending.iter().map(|wait| wait.label.as_deref()).collect::<Vec<_>>(), [None, Some("patient")]);
        clock.advance(MS);
        space.tick();
        assert!(matches!(late.poll_if_woken(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Timeout));
        assert!(holder.poll_if_woken().is_ready());
        let Poll::Ready(Ok(done)) = patient.poll_if_woken() else { panic!("its turn has come") };
        assert_eq!((done.attempts, value(&space, "a"), value(&space, "b")), (2, Some(11), Some(10)));
        assert_eq!(ran.get(), 4);
        // For a change of what it read.
        let mut taking = Task::new(space.transact_sync(|tx| match tx.get("inbox")?.value {
            None => Err(tx.retry()),
            Some(message) => tx.delete("inbox").map(|()| message),
        }));
        assert!(taking.poll().is_pending());
        set(&space, "other", 1);
        assert!(taking.poll_if_woken().is_pending());
        set(&space, "inbox", 7);
        let Poll::Ready(Ok(taken)) = taking.poll_if_woken() else { panic!("it is there") };
        assert_eq!((taken.value, taken.attempts, value(&space, "inbox")), (7, 2, None));
        // With its guard, and with its owner.
        let guard = now(space.lock("lock")).expect("free");
        let kept = now(space.transact_sync(|tx| tx.set("c", 1)).guard(&guard)).expect("held");
        assert!(kept.version > 0);
        let fenced = now(space
            .transact_sync(|tx| {
                assert_eq!(space.revoke("lock").expect("open"), 1);
                tx.set("c", 2)
            })
            .guard(&guard));
        assert_eq!((code(fenced), value(&space, "c")), ("fenced", Some(1)));
        let owner = space.owner("request");
        let mut waiting =
            Task::new(space.transact_sync(|tx| tx.get("never").and_then(|_| Err::<(), _>(tx.retry()))).owner(&owner));
        assert!(waiting.poll().is_pending());
        owner.close();
        assert!(matches!(waiting.poll_if_woken(), Poll::Ready(Err(error)) if error.kind() == ErrorKind::Cancelled));
        // With its time, though its body blocks its thread.
        let late = now(space
            .transact_sync(|tx| {
                clock.advance(MS);
                tx.set("c", 3)
            })
            .timeout(MS));
        assert_eq!((code(late), value(&space, "c")), ("timeout", Some(1)));
        // Expiry: kept by a write of what was read.
        now(space.transact_sync(|tx| tx.set_expiring("session", 1, Expiry::In(5 * MS)))).expect("open");
        now(space.transact_sync(|tx| add(tx, "session", 1))).expect("open");
        clock.advance(5 * MS);
        assert_eq!(value(&space, "session"), None);
        assert_empty(&space);
    }
}

#[test]
fn a_call_of_the_same_owner_in_its_turn_is_a_deadlock() {
    for space in spaces() {
        let owner = space.owner("request");
        let done = now(space
            .transact_sync(|tx| {
                add(tx, "a", 1)?;
                if tx.attempt() <= 3 {
                    set(&space, "a", 0);
                    return Ok(None);
                }
                let inner = space.transact_sync(|inner| add(inner, "a", 1)).owner(&owner);
                Ok::<_, Error>(now(inner).err().map(|error| error.kind()))
            })
            .owner(&owner));
        assert_eq!(done.expect("it succeeds").value, Some(ErrorKind::Deadlock));
        assert_eq!(value(&space, "a"), Some(1));
        assert_empty(&space);
    }
}

#[test]
fn a_sub_space_transacts_over_its_own_cells() {
    for root in spaces() {
        let space: Space<i64> = root.within(key!("tenant", 7));
        now(space.transact_sync(|tx| {
            tx.set("a", 1)?;
            assert_eq!(tx.get("a")?.key, Key::from("a"));
            tx.set("b", 2)
        }))
        .expect("open");
        assert_eq!((value(&root, key!("tenant", 7, "a")), value(&root, "a")), (Some(1), None));
        let all = now(space.transact_sync(|tx| tx.list(KeyRange::all()))).expect("open").value;
        assert_eq!(all.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(), [Key::from("a"), Key::from("b")]);
    }
}
