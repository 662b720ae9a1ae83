//! The anomalies of weak isolation: none of them with transactions, each of them with the naive method beside it.
//!
//! Two bodies are led step by step, in the order in which the anomaly shows. The naive method reads and writes the cells of
//! the space directly, as its steps come.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt};
use latchwork::{Error, KeyRange, Space, Tx};
use latchwork_tests::poll::Task;

use super::{set, spaces, value};

/// What a body does with cells, with transactions or without.
#[derive(Clone)]
enum Hands {
    Tx(Tx<i64>),
    /// The naive method.
    Bare(Space<i64>),
}

impl Hands {
    async fn get(&self, key: &'static str) -> Result<i64, Error> {
        let entry = match self {
            Hands::Tx(tx) => tx.get(key).await?,
            Hands::Bare(space) => space.get(key).await?,
        };
        Ok(entry.value.unwrap_or(0))
    }

    async fn set(&self, key: &'static str, value: i64) -> Result<(), Error> {
        match self {
            Hands::Tx(tx) => tx.set(key, value),
            Hands::Bare(space) => space.set(key, value).await.map(drop),
        }
    }

    async fn sum(&self, prefix: &'static str) -> Result<i64, Error> {
        let range = KeyRange::prefix(prefix);
        let entries = match self {
            Hands::Tx(tx) => tx.list(range).await?,
            Hands::Bare(space) => space.list(range).await?,
        };
        Ok(entries.iter().filter_map(|entry| entry.value).sum())
    }

    /// The body gives up. The naive method has nothing to undo with.
    fn abort(&self) -> Error {
        match self {
            Hands::Tx(tx) => tx.abort("given up"),
            Hands::Bare(_) => Error::invalid("body", "given up"),
        }
    }
}

/// Where a body waits until it is let on.
type Gate<'a> = &'a RefCell<futures::channel::mpsc::UnboundedReceiver<()>>;

async fn pass(gate: Gate<'_>) {
    poll_fn(|cx| gate.borrow_mut().poll_next_unpin(cx)).await;
}

/// One actor: a body that passes its gate between its steps. In its later runs the gate is open.
type Body = for<'a> fn(Hands, Gate<'a>) -> LocalBoxFuture<'a, Result<i64, Error>>;

/// Runs two bodies; `order` says which of them makes its next step. Answers what they returned.
fn lead(space: &Space<i64>, naive: bool, bodies: [Body; 2], order: &[usize]) -> [Result<i64, Error>; 2] {
    let channels = [futures::channel::mpsc::unbounded(), futures::channel::mpsc::unbounded()];
    let [(one, first), (other, second)] = channels;
    let gates = [RefCell::new(first), RefCell::new(second)];
    let mut doors = [Some(one), Some(other)];
    let run = |at: usize| {
        let (gate, body) = (&gates[at], bodies[at]);
        async move {
            if naive {
                return body(Hands::Bare(space.clone()), gate).await;
            }
            Ok(space.transact(|tx| body(Hands::Tx(tx), gate)).await?.value)
        }
    };
    let mut tasks = [Task::new(run(0)), Task::new(run(1))];
    let mut ended: [Option<Result<i64, Error>>; 2] = [None, None];
    let mut begun = [false; 2];
    for &at in order {
        if std::mem::replace(&mut begun[at], true)
            && let Some(door) = &doors[at]
        {
            door.unbounded_send(()).expect("it listens");
        }
        if ended[at].is_none()
            && let Poll::Ready(outcome) = tasks[at].poll()
        {
            ended[at] = Some(outcome);
        }
    }
    // Whatever is left runs to its end.
    doors = [None, None];
    drop(doors);
    for _ in 0..10 {
        for at in [0, 1] {
            if ended[at].is_none()
                && let Poll::Ready(outcome) = tasks[at].poll()
            {
                ended[at] = Some(outcome);
            }
        }
    }
    drop(tasks);
    ended.map(|outcome| outcome.expect("it ended"))
}

/// Whether the anomaly shows in what is left, or in what the bodies returned.
type Shows = fn(&Space<i64>, &[Result<i64, Error>; 2]) -> bool;

/// Tries an anomaly in all spaces: absent with transactions, present with the naive method.
fn absent(bodies: [Body; 2], order: &[usize], anomalous: Shows) {
    for (naive, expected) in [(false, false), (true, true)] {
        for space in spaces() {
            for key in ["x", "y"] {
                set(&space, key, 50);
            }
            let outcomes = lead(&space, naive, bodies, order);
            assert_eq!(anomalous(&space, &outcomes), expected, "naive={naive} {outcomes:?}");
        }
    }
}

fn writes_both(value: i64, hands: Hands, gate: Gate<'_>) -> LocalBoxFuture<'_, Result<i64, Error>> {
    async move {
        hands.set("x", value).await?;
        pass(gate).await;
        hands.set("y", value).await?;
        Ok(value)
    }
    .boxed_local()
}

#[test]
fn dirty_write() {
    let bodies: [Body; 2] = [|hands, gate| writes_both(1, hands, gate), |hands, gate| writes_both(2, hands, gate)];
    absent(bodies, &[0, 1, 1, 0], |space, _| value(space, "x") != value(space, "y"));
}

#[test]
fn aborted_read() {
    let bodies: [Body; 2] = [
        |hands, gate| {
            async move {
                hands.set("x", 101).await?;
                pass(gate).await;
                Err(hands.abort())
            }
            .boxed_local()
        },
        |hands, _| async move { hands.get("x").await }.boxed_local(),
    ];
    absent(bodies, &[0, 1, 0], |_, outcomes| matches!(outcomes[1], Ok(101)));
}

#[test]
fn intermediate_read() {
    let bodies: [Body; 2] = [
        |hands, gate| {
            async move {
                hands.set("x", 101).await?;
                pass(gate).await;
                hands.set("x", 11).await?;
                Ok(0)
            }
            .boxed_local()
        },
        |hands, _| async move { hands.get("x").await }.boxed_local(),
    ];
    absent(bodies, &[0, 1, 0], |_, outcomes| matches!(outcomes[1], Ok(101)));
}

#[test]
fn circular_information_flow() {
    let bodies: [Body; 2] = [
        |hands, gate| {
            async move {
                hands.set("x", 11).await?;
                pass(gate).await;
                hands.get("y").await
            }
            .boxed_local()
        },
        |hands, gate| {
            async move {
                hands.set("y", 22).await?;
                pass(gate).await;
                hands.get("x").await
            }
            .boxed_local()
        },
    ];
    absent(bodies, &[0, 1, 0, 1], |_, outcomes| matches!(outcomes, [Ok(22), Ok(11)]));
}

fn adds(more: i64, hands: Hands, gate: Gate<'_>) -> LocalBoxFuture<'_, Result<i64, Error>> {
    async move {
        let x = hands.get("x").await?;
        pass(gate).await;
        hands.set("x", x + more).await?;
        Ok(x)
    }
    .boxed_local()
}

#[test]
fn lost_update() {
    let bodies: [Body; 2] = [|hands, gate| adds(1, hands, gate), |hands, gate| adds(10, hands, gate)];
    absent(bodies, &[0, 1, 0, 1], |space, _| value(space, "x") != Some(61));
}

/// One moves from x to y while the other reads both, in the middle of it.
fn reads_both(hands: Hands, gate: Gate<'_>) -> LocalBoxFuture<'_, Result<i64, Error>> {
    async move {
        let x = hands.get("x").await?;
        pass(gate).await;
        Ok(x + hands.get("y").await?)
    }
    .boxed_local()
}

fn moves(hands: Hands, _gate: Gate<'_>) -> LocalBoxFuture<'_, Result<i64, Error>> {
    async move {
        let (x, y) = (hands.get("x").await?, hands.get("y").await?);
        hands.set("x", x - 40).await?;
        hands.set("y", y + 40).await?;
        Ok(0)
    }
    .boxed_local()
}

#[test]
fn read_skew() {
    absent([reads_both, moves], &[0, 1, 0], |_, outcomes| !matches!(outcomes[0], Ok(100)));
}

/// Not only what a body returns: what it sees on its way fits together, also in a run that is thrown away.
#[test]
fn inconsistent_reads_within_a_body() {
    thread_local!(static SEEN: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) });
    let bodies: [Body; 2] = [
        |hands, gate| {
            async move {
                let x = hands.get("x").await?;
                pass(gate).await;
                let y = hands.get("y").await?;
                SEEN.with_borrow_mut(|seen| seen.push(x + y));
                Ok(x + y)
            }
            .boxed_local()
        },
        moves,
    ];
    absent(bodies, &[0, 1, 0], |_, _| SEEN.take().iter().any(|sum| *sum != 100));
}

fn withdraws<'a>(from: &'static str, hands: Hands, gate: Gate<'a>) -> LocalBoxFuture<'a, Result<i64, Error>> {
    async move {
        let both = hands.get("x").await? + hands.get("y").await?;
        pass(gate).await;
        if both >= 100 {
            hands.set(from, -50).await?;
        }
        Ok(both)
    }
    .boxed_local()
}

#[test]
fn write_skew() {
    let bodies: [Body; 2] = [|hands, gate| withdraws("x", hands, gate), |hands, gate| withdraws("y", hands, gate)];
    absent(bodies, &[0, 1, 0, 1], |space, _| value(space, "x") == Some(-50) && value(space, "y") == Some(-50));
}

#[test]
fn phantom() {
    let bodies: [Body; 2] = [
        |hands, gate| {
            async move {
                let before = hands.sum("p").await?;
                pass(gate).await;
                Ok(hands.sum("p").await? - before)
            }
            .boxed_local()
        },
        |hands, _| async move { hands.set("p1", 7).await.map(|()| 0) }.boxed_local(),
    ];
    absent(bodies, &[0, 1, 0], |_, outcomes| !matches!(outcomes[0], Ok(0)));
}

fn books<'a>(slot: &'static str, hands: Hands, gate: Gate<'a>) -> LocalBoxFuture<'a, Result<i64, Error>> {
    async move {
        let booked = hands.sum("room").await?;
        pass(gate).await;
        if booked == 0 {
            hands.set(slot, 1).await?;
        }
        Ok(booked)
    }
    .boxed_local()
}

#[test]
fn write_skew_on_a_predicate() {
    let bodies: [Body; 2] = [|hands, gate| books("room1", hands, gate), |hands, gate| books("room2", hands, gate)];
    absent(bodies, &[0, 1, 0, 1], |space, _| {
        block_on(async { space.list(KeyRange::prefix("room")).await }).expect("open").len() != 1
    });
}
