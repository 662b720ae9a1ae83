//! S13: a bank with transfers, some of which fail midway, and auditors; two doctors on call; nested aborts.

use futures::FutureExt;
use futures::future::BoxFuture;
use latchwork::{Error, KeyRange, Space, Tx, key};
use latchwork_tests::poll::now;
use latchwork_tests::stage::{Numbers, Stage, suspend};

const ACCOUNTS: usize = 10;
const ACTORS: u64 = 20;
const EACH: usize = 50;
const TOTAL: i64 = 1_000;

fn bank() -> Space<i64> {
    let space = Space::with_cells();
    for account in 0..ACCOUNTS {
        now(space.set(key!("account", account), TOTAL / ACCOUNTS as i64)).expect("open");
    }
    space
}

/// A transfer that the body itself ended in the middle.
#[derive(Debug)]
enum Failed {
    Midway,
    Space,
}

impl From<Error> for Failed {
    fn from(_: Error) -> Failed {
        Failed::Space
    }
}

async fn transfer(space: &Space<i64>, (from, to): (usize, usize), midway: bool) -> Result<(), Failed> {
    let moved = space.transact(async |tx: Tx<i64>| {
        let had = tx.get(key!("account", from)).await?.value.unwrap_or(0);
        tx.set(key!("account", from), had - 1)?;
        suspend().await;
        if midway {
            return Err(Failed::Midway);
        }
        // A fee that is not taken after all.
        let fee: Result<(), Error> = tx
            .transact(async |inner| {
                inner.set(key!("account", to), -1_000)?;
                Err(inner.abort("no fee today"))
            })
            .await;
        if fee.is_err_and(|error| error.reason().is_none()) {
            return Err(Failed::Space);
        }
        let has = tx.get(key!("account", to)).await?.value.unwrap_or(0);
        tx.set(key!("account", to), has + 1)?;
        Ok(())
    });
    moved.await.map(drop)
}

async fn audit(space: &Space<i64>) -> i64 {
    let sum = space.transact(async |tx: Tx<i64>| {
        let mut sum = 0;
        for account in 0..ACCOUNTS {
            sum += tx.get(key!("account", account)).await?.value.unwrap_or(0);
            suspend().await;
        }
        Ok::<_, Error>(sum)
    });
    sum.await.expect("it succeeds").value
}

#[test]
fn every_audit_sums_to_the_total() {
    for stage in Stage::ALL {
        let space = bank();
        let mut actors: Vec<BoxFuture<'static, ()>> = Vec::new();
        for seed in 1..=ACTORS {
            let space = space.clone();
            let actor = async move {
                let mut numbers = Numbers::new(seed);
                for round in 0..EACH {
                    let pair = numbers.pick(2, ACCOUNTS);
                    match (transfer(&space, (pair[0], pair[1]), round % 10 == 9).await, round % 10) {
                        (Ok(()), 0..9) | (Err(Failed::Midway), 9) => {}
                        (other, _) => panic!("{other:?}"),
                    }
                }
            };
            actors.push(actor.boxed());
        }
        for _ in 0..5 {
            let space = space.clone();
            let auditor = async move {
                for _ in 0..20 {
                    assert_eq!(audit(&space).await, TOTAL);
                }
            };
            actors.push(auditor.boxed());
        }
        stage.run(actors);
        let left = now(space.list(KeyRange::prefix(key!("account")))).expect("open");
        assert_eq!(left.iter().filter_map(|entry| entry.value).sum::<i64>(), TOTAL, "{stage:?}");
        let query = now(space.query()).expect("open");
        assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
    }
}

/// The control: read, then write. Money is lost, or made.
#[test]
fn control_read_then_write_loses_money() {
    let space = bank();
    let actor = |seed| {
        let space = space.clone();
        async move {
            let mut numbers = Numbers::new(seed);
            for _ in 0..EACH {
                let pair = numbers.pick(2, ACCOUNTS);
                for (account, more) in [(pair[0], -1), (pair[1], 1)] {
                    let has = space.get(key!("account", account)).await.expect("open").value.unwrap_or(0);
                    suspend().await;
                    space.set(key!("account", account), has + more).await.expect("open");
                }
            }
        }
        .boxed()
    };
    Stage::OneThread.run((1..=ACTORS).map(actor).collect());
    let left = now(space.list(KeyRange::prefix(key!("account")))).expect("open");
    assert_ne!(left.iter().filter_map(|entry| entry.value).sum::<i64>(), TOTAL);
}

/// Two doctors are on call; each may leave if the other stays.
fn doctors(stage: Stage, careful: bool) -> i64 {
    let space: Space<i64> = Space::with_cells();
    for doctor in ["ada", "bob"] {
        now(space.set(key!("on call", doctor), 1)).expect("open");
    }
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let leave = |doctor: &'static str| {
        let (space, barrier) = (space.clone(), barrier.clone());
        async move {
            let on_call =
                |entries: Vec<latchwork::Entry<i64>>| entries.iter().filter_map(|entry| entry.value).sum::<i64>();
            if !careful {
                let there = on_call(space.list(KeyRange::prefix(key!("on call"))).await.expect("open"));
                barrier.wait().await;
                if there > 1 {
                    space.set(key!("on call", doctor), 0).await.expect("open");
                }
                return;
            }
            let left = space.transact(|tx: Tx<i64>| {
                let barrier = barrier.clone();
                async move {
                    let there = on_call(tx.list(KeyRange::prefix(key!("on call"))).await?);
                    if tx.attempt() == 1 {
                        barrier.wait().await;
                    }
                    if there > 1 { tx.set(key!("on call", doctor), 0) } else { Ok(()) }
                }
            });
            left.await.expect("it succeeds");
        }
        .boxed()
    };
    stage.run(vec![leave("ada"), leave("bob")]);
    let left = now(space.list(KeyRange::prefix(key!("on call")))).expect("open");
    left.iter().filter_map(|entry| entry.value).sum()
}

#[test]
fn one_doctor_leaves_and_one_stays() {
    for stage in Stage::ALL {
        assert_eq!(doctors(stage, true), 1, "{stage:?}");
    }
}

/// The control: both look, and both leave.
#[test]
fn control_look_then_leave_leaves_nobody() {
    for stage in Stage::ALL {
        assert_eq!(doctors(stage, false), 0, "{stage:?}");
    }
}
