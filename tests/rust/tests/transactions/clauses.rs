//! Each clause from C5 to C10, and what C12 and C14 say of updates and transactions.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Change, Error, ErrorKind, Expiry, Key, KeyRange, Space, Tx};
use latchwork_tests::poll::{Task, now};
use latchwork_tests::stage::suspend;

use super::{assert_empty, code, set, spaces, timed, value};

const MS: Duration = Duration::from_millis(1);

/// An error of a body's own.
#[derive(Debug)]
enum Own {
    Mine(u32),
    Space(Error),
}

impl From<Error> for Own {
    fn from(error: Error) -> Own {
        Own::Space(error)
    }
}

fn plus(entry: latchwork::Entry<i64>) -> Change<i64> {
    Change::Set(entry.value.unwrap_or(0) + 1)
}

#[test]
fn an_update_sets_keeps_or_deletes_and_says_which() {
    for space in spaces() {
        let one = now(space.update("a", plus)).expect("open");
        assert_eq!((one.value, one.attempts, one.changed), (Some(1), 1, true));
        let kept = now(space.update("a", |_| Change::Keep)).expect("open");
        assert_eq!((kept.value, kept.version, kept.changed), (Some(1), one.version, false));
        let gone = now(space.update("a", |_| Change::Delete)).expect("open");
        assert!(gone.value.is_none() && gone.changed && gone.version > one.version);
        let awaited = now(space.update_async("a", async |entry| {
            suspend_not().await;
            plus(entry)
        }));
        assert_eq!(awaited.expect("open").value, Some(1));
    }
}

async fn suspend_not() {}

#[test]
fn the_functions_own_error_ends_the_update_unchanged() {
    for space in spaces() {
        let runs = Cell::new(0);
        let failed = now(space.update("a", |_| {
            runs.set(runs.get() + 1);
            Err::<Change<i64>, _>(Own::Mine(7))
        }));
        assert!(matches!(failed, Err(Own::Mine(7))));
        let failed = now(space.transact(async |tx: Tx<i64>| {
            tx.set("a", 1)?;
            Err::<(), _>(Own::Mine(8))
        }));
        assert!(matches!(failed, Err(Own::Mine(8))));
        assert_eq!((runs.get(), value(&space, "a")), (1, None));
        space.close();
        let closed = now(space.update("a", |_| Ok::<_, Own>(Change::Keep)));
        assert!(matches!(closed, Err(Own::Space(error)) if error.kind() == ErrorKind::Closed));
        assert_eq!(code(now(space.transact(async |_: Tx<i64>| Ok::<_, Error>(())))), "closed");
    }
}

#[test]
fn three_conflicts_then_a_turn_and_plain_writes_are_losses() {
    for space in spaces() {
        let seen = RefCell::new(Vec::new());
        let done = now(space.update("a", |entry| {
            // A plain write at each run but the last.
            if seen.borrow().len() < 10 {
                set(&space, "a", -1);
            }
            let turn = block_on(space.query_keys(Key::turn_of("a"))).expect("open").held.len();
            seen.borrow_mut().push(turn);
            plus(entry)
        }));
        assert_eq!(done.expect("in the end").attempts, 11);
        assert_eq!(*seen.borrow(), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
        let lost = now(space.update("a", |entry| {
            set(&space, "a", -1);
            plus(entry)
        }));
        assert_eq!(lost.expect_err("16 losses").attempts(), Some(19));
        let limited = now(space
            .update("a", |entry| {
                set(&space, "a", -1);
                plus(entry)
            })
            .attempts(2));
        assert_eq!(limited.expect_err("2 attempts").attempts(), Some(2));
        assert_eq!(code(now(space.update("a", plus).attempts(0))), "invalid");
        assert_empty(&space);
    }
}

#[test]
fn a_write_of_another_call_during_a_turn_is_its_conflict_and_it_queues() {
    for space in spaces() {
        let holder = in_turn(&space, "a");
        let mut holder = holder;
        let mut other = Task::new(space.update("a", plus));
        assert!(other.poll().is_pending(), "it joins the queue before it runs");
        let mut both = Task::new(space.transact(async |tx: Tx<i64>| {
            let b = tx.get("b").await?.value.unwrap_or(0);
            tx.set("a", 100)?;
            tx.set("b", b + 1)
        }));
        assert!(both.poll().is_pending(), "it has met a turn");
        let reads = now(space.transact(async |tx: Tx<i64>| tx.get("a").await));
        assert_eq!(reads.expect("who only reads waits for nobody").attempts, 1);
        assert!(matches!(holder.poll(), Poll::Ready(Ok(4))));
        let Poll::Ready(Ok(other)) = other.poll_if_woken() else { panic!("it is next") };
        assert_eq!(other.attempts, 1);
        let Poll::Ready(Ok(both)) = both.poll_if_woken() else { panic!("it is next") };
        assert_eq!(both.attempts, 2);
        assert_eq!(value(&space, "a"), Some(100));
        assert_empty(&space);
    }
}

/// An update that is in its turn, and commits when it is polled again. Answers its attempts.
fn in_turn<'a>(space: &'a Space<i64>, key: &'static str) -> Task<'a, Result<u32, Error>> {
    let runs = Cell::new(0);
    let mut task = Task::new(async move {
        let update = space.update_async(key, |entry| {
            runs.set(runs.get() + 1);
            let last = runs.get() == 4;
            if !last {
                set(space, key, 0);
            }
            async move {
                if last {
                    suspend().await;
                }
                plus(entry)
            }
        });
        update.label("holder").await.map(|done| done.attempts)
    });
    assert!(task.poll().is_pending());
    task
}

#[test]
fn a_turn_that_is_given_up_times_out_or_is_revoked_does_not_stop_the_cell() {
    for (space, clock) in timed() {
        drop(in_turn(&space, "a"));
        assert_empty(&space);
        assert_eq!(now(space.update("a", plus)).expect("free").attempts, 1);
        let mut holder = in_turn(&space, "a");
        let mut next = Task::new(space.update("a", plus).timeout(MS));
        assert!(next.poll().is_pending());
        clock.advance(MS);
        space.tick();
        let Poll::Ready(Err(error)) = next.poll_if_woken() else { panic!("it is over") };
        assert_eq!((error.kind(), error.blocked_by()[0].label.as_deref()), (ErrorKind::Timeout, Some("holder")));
        assert!(error.to_string().contains(r#"turn of "a""#), "{error}");
        let mut next = Task::new(space.update("a", plus));
        assert!(next.poll().is_pending());
        assert_eq!(space.revoke(Key::turn_of("a")).expect("open"), 1);
        assert!(next.poll_if_woken().is_ready());
        let Poll::Ready(Err(error)) = holder.poll() else { panic!("its turn was taken") };
        assert_eq!(error.kind(), ErrorKind::Fenced);
        assert_empty(&space);
        // A body that never ends.
        let mut endless = Task::new(space.update_async("a", |_| std::future::pending::<Change<i64>>()).timeout(MS));
        assert!(endless.poll().is_pending());
        clock.advance(MS);
        space.tick();
        assert!(matches!(endless.poll_if_woken(), Poll::Ready(Err(error)) if error.code() == "timeout"));
        assert_eq!(space.next_deadline(), None);
    }
}

#[test]
fn reserved_keys_are_no_keys_of_callers() {
    let space = spaces()[0].clone();
    for turn in [Key::turn_of("a"), Key::turn_of_space()] {
        assert_eq!(code(now(space.get(turn.clone()))), "invalid");
        assert_eq!(code(now(space.lock(turn.clone())).map(drop)), "invalid");
        assert_eq!(code(now(space.update(turn.clone(), plus))), "invalid");
        assert_eq!(code(now(space.transact(async |tx: Tx<i64>| tx.set(turn.clone(), 1)))), "invalid");
        assert_eq!(space.revoke(turn).expect("open"), 0);
    }
}

#[test]
fn an_attempt_that_has_become_stale_is_doomed_whatever_its_body_returns() {
    for space in spaces() {
        set(&space, "a", 1);
        let runs = Cell::new(0);
        let done = now(space.transact(|tx: Tx<i64>| {
            runs.set(runs.get() + 1);
            let (space, first) = (&space, runs.get() == 1);
            async move {
                let a = tx.get("a").await?.value;
                if first {
                    set(space, "a", 2);
                    set(space, "b", 2);
                    let stale = tx.get("b").await.expect_err("a has changed");
                    assert_eq!((stale.kind(), tx.set("c", 9).is_err()), (ErrorKind::Conflict, true));
                    return Ok(a);
                }
                Ok::<_, Error>(a)
            }
        }));
        let done = done.expect("open");
        assert_eq!((done.value, done.attempts, done.version), (Some(2), 2, 0));
        assert_eq!(value(&space, "c"), None);
    }
}

#[test]
fn writes_are_read_back_and_appear_at_one_instant() {
    for space in spaces() {
        let done = now(space.transact(async |tx: Tx<i64>| {
            tx.set("a", 1)?;
            tx.delete("b")?;
            assert_eq!(tx.get("a").await?.value, Some(1));
            assert_eq!(tx.insert("a", 5).await?.expect_err("it is there").value, Some(1));
            tx.insert("c", 3).await?.expect("it is absent");
            let all = tx.get_many(["a", "b", "c"]).await?;
            assert_eq!(all.iter().map(|entry| entry.value).collect::<Vec<_>>(), [Some(1), None, Some(3)]);
            assert_eq!(tx.list(KeyRange::all()).await?.len(), 2);
            assert_eq!(value(&space, "a"), None, "nobody else sees them");
            Ok::<_, Error>(())
        }));
        let version = done.expect("open").version;
        let all = block_on(space.get_many(["a", "b", "c"])).expect("open");
        assert_eq!(all.iter().map(|entry| entry.version).collect::<Vec<_>>(), [version, 0, version]);
    }
}

#[test]
fn an_inner_transaction_is_a_savepoint() {
    for space in spaces() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let call = |name: &'static str| {
            let called = called.clone();
            move || called.lock().expect("whole").push(name)
        };
        now(space.transact(async |tx: Tx<i64>| {
            tx.set("a", 1)?;
            tx.on_commit(call("outer"))?;
            let kept = tx.transact(async |inner| {
                inner.set("b", 2)?;
                inner.on_commit(call("kept"))?;
                assert_eq!(tx.get("a").await.expect_err("the outer one").what(), Some("tx"));
                let refused = tx.set("a", 2).expect_err("the outer one");
                assert_eq!(refused.what(), Some("tx"));
                assert!(refused.to_string().contains("a savepoint inside its body is open"), "{refused}");
                Ok::<_, Error>(inner.get("a").await?.value)
            });
            assert_eq!(kept.await?, Some(1));
            let undone = tx.transact(async |inner| {
                inner.set("a", 9)?;
                inner.set("c", 9)?;
                inner.on_commit(call("undone"))?;
                inner.transact(async |deep| deep.set("d", 9)).await?;
                Err::<(), _>(Own::Mine(3))
            });
            assert!(matches!(undone.await, Err(Own::Mine(3))));
            let aborted = tx.transact(async |inner| {
                inner.set("a", 8)?;
                // The mark decides, whatever the body does next.
                let _error = inner.abort("no");
                Ok::<_, Error>(())
            });
            assert_eq!(aborted.await.expect_err("aborted").reason(), Some("no"));
            {
                let mut dropped = Task::new(tx.transact(async |inner: Tx<i64>| {
                    inner.set("a", 7)?;
                    std::future::pending::<Result<(), Error>>().await
                }));
                assert!(dropped.poll().is_pending());
            }
            assert_eq!(tx.get("a").await?.value, Some(1));
            Ok::<_, Error>(())
        }))
        .expect("open");
        assert_eq!([value(&space, "a"), value(&space, "b"), value(&space, "c")], [Some(1), Some(2), None]);
        assert_eq!(value(&space, "d"), None);
        assert_eq!(*called.lock().expect("whole"), ["outer", "kept"]);
    }
}

#[test]
fn reads_of_a_savepoint_that_was_undone_stay_in_the_read_set() {
    for space in spaces() {
        let runs = Cell::new(0);
        let done = now(space.transact(|tx: Tx<i64>| {
            runs.set(runs.get() + 1);
            let (space, first) = (&space, runs.get() == 1);
            async move {
                let undone: Result<(), Error> = tx
                    .transact(async |inner| {
                        inner.get("a").await?;
                        Err(inner.abort("no"))
                    })
                    .await;
                assert_eq!(undone.expect_err("aborted").kind(), ErrorKind::Aborted);
                if first {
                    set(space, "a", 1);
                }
                tx.set("b", 1)
            }
        }));
        assert_eq!(done.expect("open").attempts, 2);
    }
}

#[test]
fn a_handle_is_of_no_use_after_its_body_or_elsewhere() {
    for space in spaces() {
        let kept = RefCell::new(None);
        now(space.transact(|tx: Tx<i64>| {
            kept.replace(Some(tx.clone()));
            async move { tx.set("a", 1) }
        }))
        .expect("open");
        let tx = kept.take().expect("kept");
        assert_eq!(now(tx.get("a")).expect_err("over").what(), Some("tx"));
        let refused = tx.set("a", 2).expect_err("over");
        assert_eq!(refused.to_string(), "invalid tx: its body is over");
        assert_eq!(tx.abort("late").what(), Some("tx"));
        assert_eq!(tx.retry().what(), Some("tx"));
        assert_eq!(tx.on_commit(|| ()).expect_err("over").what(), Some("tx"));
        assert_eq!(now(tx.transact(async |_| Ok::<_, Error>(()))).expect_err("over").what(), Some("tx"));
        // In the body of another transaction it is as useless.
        now(space.transact(|_other| {
            let tx = tx.clone();
            async move {
                assert_eq!(tx.set("a", 2).expect_err("of another").what(), Some("tx"));
                Ok::<_, Error>(())
            }
        }))
        .expect("open");
        assert_eq!(value(&space, "a"), Some(1));
    }
}

#[test]
fn abort_and_retry_are_marks() {
    for space in spaces() {
        let aborted = now(space.transact(async |tx: Tx<i64>| {
            tx.set("a", 1)?;
            let _ignored = tx.abort("changed my mind");
            assert_eq!(tx.set("b", 1).expect_err("aborted").kind(), ErrorKind::Aborted);
            Ok::<_, Error>(())
        }));
        assert_eq!(aborted.expect_err("the mark decides").reason(), Some("changed my mind"));
        assert_eq!(value(&space, "a"), None);
        let nothing = now(space.transact(async |tx: Tx<i64>| Err::<(), _>(tx.retry())));
        assert_eq!(nothing.expect_err("nothing was read").what(), Some("retry"));
        let mut waits = Task::new(space.transact(async |tx: Tx<i64>| {
            let entry = tx.get("door").await?;
            if entry.value.is_none() {
                let _ignored = tx.retry();
            }
            Ok::<_, Error>(entry.value)
        }));
        assert!(waits.poll().is_pending());
        set(&space, "window", 1);
        assert!(waits.poll_if_woken().is_pending());
        set(&space, "door", 1);
        let Poll::Ready(Ok(done)) = waits.poll_if_woken() else { panic!("it has changed") };
        assert_eq!((done.value, done.attempts), (Some(1), 2));
        // Dropped, closed, timed out: it waits no more.
        let mut waits = Task::new(space.transact(async |tx: Tx<i64>| {
            tx.get("door").await?;
            Err::<(), _>(tx.retry())
        }));
        assert!(waits.poll().is_pending());
        space.close();
        assert!(matches!(waits.poll_if_woken(), Poll::Ready(Err(error)) if error.code() == "closed"));
    }
}

#[test]
fn callbacks_run_once_in_order_before_the_answer() {
    for space in spaces() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let runs = Cell::new(0);
        let done = now(space.transact(|tx: Tx<i64>| {
            runs.set(runs.get() + 1);
            let (space, called, run) = (&space, called.clone(), runs.get());
            async move {
                tx.get("a").await?;
                for name in [1, 2] {
                    let called = called.clone();
                    tx.on_commit(move || called.lock().expect("whole").push((run, name)))?;
                }
                if run == 1 {
                    set(space, "a", 1);
                }
                assert!(called.lock().expect("whole").is_empty());
                tx.set("b", 1)
            }
        }));
        assert_eq!(done.expect("open").attempts, 2);
        assert_eq!(*called.lock().expect("whole"), [(2, 1), (2, 2)]);
        let never = called.clone();
        let aborted = now(space.transact(async |tx: Tx<i64>| {
            let never = never.clone();
            tx.on_commit(move || never.lock().expect("whole").clear())?;
            Err::<(), _>(tx.abort("no"))
        }));
        assert_eq!((code(aborted), called.lock().expect("whole").len()), ("aborted", 2));
    }
}

#[test]
fn an_owner_that_needs_its_own_turn_is_a_deadlock() {
    for space in spaces() {
        let owner = space.owner("handler");
        let outcomes = RefCell::new(Vec::new());
        let mut task = Task::new(async {
            let runs = Cell::new(0);
            let update = space.update_async("a", |entry| {
                runs.set(runs.get() + 1);
                let (space, owner, outcomes, run) = (&space, &owner, &outcomes, runs.get());
                async move {
                    // A helper that updates the same cell: it makes the outer one conflict, until that has its turn.
                    let helped = space.update("a", plus).owner(owner).await;
                    outcomes.borrow_mut().push((run, helped.err().map(|error| error.kind())));
                    plus(entry)
                }
            });
            update.owner(&owner).await
        });
        let Poll::Ready(Ok(done)) = task.poll() else { panic!("nothing to wait for") };
        assert_eq!(done.attempts, 4);
        assert_eq!(*outcomes.borrow(), [(1, None), (2, None), (3, None), (4, Some(ErrorKind::Deadlock))]);
        drop(task);
        assert_empty(&space);
        owner.close();
        assert_eq!(code(now(space.update("a", plus).owner(&owner))), "cancelled");
    }
}

#[test]
fn an_update_keeps_when_a_cell_expires_unless_it_is_told_otherwise() {
    for (space, clock) in timed() {
        block_on(async { space.set("s", 1).expire_in(10 * MS).await }).expect("open");
        let expires = || block_on(space.get("s")).expect("open").expires_in;
        now(space.update("s", plus)).expect("open");
        assert_eq!(expires(), Some(10 * MS));
        now(space.transact(async |tx: Tx<i64>| {
            let entry = tx.get("s").await?;
            assert_eq!(entry.expires_in, Some(10 * MS));
            tx.set("s", entry.value.unwrap_or(0) + 1)
        }))
        .expect("open");
        assert_eq!(expires(), Some(10 * MS));
        now(space.update("s", plus).expire_in(5 * MS)).expect("open");
        assert_eq!(expires(), Some(5 * MS));
        now(space.update("s", plus).never_expire()).expect("open");
        assert_eq!(expires(), None);
        now(space.transact(async |tx: Tx<i64>| tx.set_expiring("s", 1, Expiry::In(MS)))).expect("open");
        now(space.transact(async |tx: Tx<i64>| tx.set("s", 1))).expect("open");
        assert_eq!(expires(), None, "what was not read is set anew");
        // What was read and expires meanwhile dooms the attempt.
        now(space.update("s", plus).expire_in(MS)).expect("open");
        let runs = Cell::new(0);
        let seen = now(space.transact(|tx: Tx<i64>| {
            runs.set(runs.get() + 1);
            let (clock, first) = (&clock, runs.get() == 1);
            async move {
                let there = tx.get("s").await?.value;
                if first {
                    clock.advance(MS);
                    assert_eq!(tx.get("t").await.expect_err("it has expired").kind(), ErrorKind::Conflict);
                }
                Ok::<_, Error>(there)
            }
        }));
        assert_eq!(seen.expect("open").value, None);
        space.tick();
        assert_eq!(space.next_deadline(), None);
    }
}

#[test]
fn a_guard_that_is_lost_ends_the_call() {
    for space in spaces() {
        let mut guard = now(space.lock("l")).expect("free");
        now(space.update("a", plus).guard(&guard)).expect("held");
        let mut runs = Task::new(space.update_async("a", |_| std::future::pending::<Change<i64>>()).guard(&guard));
        let mut body =
            Task::new(space.transact(|_: Tx<i64>| std::future::pending::<Result<(), Error>>()).guard_keys(&guard, "l"));
        assert!(runs.poll().is_pending() && body.poll().is_pending());
        space.revoke("l").expect("open");
        for outcome in
            [runs.poll_if_woken().map(|done| done.map(drop)), body.poll_if_woken().map(|done| done.map(drop))]
        {
            let Poll::Ready(Err(error)) = outcome else { panic!("it is lost") };
            assert_eq!((error.kind(), error.token()), (ErrorKind::Fenced, Some(guard.token())));
        }
        assert_eq!(code(now(space.update("a", plus).guard(&guard))), "fenced");
        assert_eq!(code(now(space.transact(async |tx: Tx<i64>| tx.set("a", 9)).guard(&guard))), "fenced");
        drop(guard.release());
        let other = spaces()[0].clone();
        let foreign = now(other.lock("l")).expect("free");
        assert_eq!(code(now(space.update("a", plus).guard(&foreign))), "invalid");
        // Handed over while the call runs, it is not the giver's any more.
        let mut guard = now(space.lock("m")).expect("free");
        let mut runs = Task::new(space.update_async("a", |_| std::future::pending::<Change<i64>>()).guard(&guard));
        assert!(runs.poll().is_pending());
        let owner = space.owner("other");
        guard.hand_over(&owner, ()).expect("held");
        assert!(matches!(runs.poll_if_woken(), Poll::Ready(Err(error)) if error.code() == "fenced"));
        owner.close();
        assert_eq!(value(&space, "a"), Some(1));
        assert_empty(&space);
    }
}

#[test]
fn a_handle_that_is_closed_ends_calls_with_a_time_out_while_their_bodies_run() {
    for (space, _clock) in timed() {
        let update = || space.update_async("a", |_| std::future::pending::<Change<i64>>());
        let (mut runs, mut unnamed) = (Task::new(update().timeout(MS)), Task::new(update()));
        let body = space.transact(|_: Tx<i64>| std::future::pending::<Result<(), Error>>()).timeout(MS);
        let mut body = Task::new(body);
        assert!(runs.poll().is_pending() && unnamed.poll().is_pending() && body.poll().is_pending());
        let other = space.attach();
        space.close();
        assert!(matches!(runs.poll_if_woken(), Poll::Ready(Err(error)) if error.code() == "closed"));
        assert!(matches!(body.poll_if_woken(), Poll::Ready(Err(error)) if error.code() == "closed"));
        assert!(unnamed.poll_if_woken().is_pending(), "it has nothing to be told of");
        assert_eq!(other.next_deadline(), None);
    }
}

#[test]
fn a_sub_space_updates_its_own_cells() {
    for space in spaces() {
        let tenant = space.within(latchwork::key!("tenant", 7));
        now(tenant.update("a", plus)).expect("open");
        now(tenant.transact(async |tx: Tx<i64>| {
            let entry = tx.get("a").await?;
            assert_eq!(entry.key, Key::from("a"));
            assert_eq!(tx.list(KeyRange::all()).await?.len(), 1);
            tx.set("b", 2)
        }))
        .expect("open");
        assert_eq!(value(&space, latchwork::key!("tenant", 7, "b")), Some(2));
        assert_eq!(value(&space, "a"), None);
        let holder = in_turn(&tenant, "a");
        let held = block_on(tenant.query()).expect("open").held;
        assert_eq!(held[0].keys, [Key::turn_of("a")]);
        let error = now(tenant.update("a", plus).timeout(Duration::ZERO)).expect_err("it would wait");
        assert_eq!(error.keys(), [Key::turn_of("a")]);
        assert_eq!(tenant.revoke(Key::turn_of("a")).expect("open"), 1);
        drop(holder);
        assert_empty(&space);
    }
}
