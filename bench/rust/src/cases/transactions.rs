//! Updates and transactions: alone, and with others who want the same cell.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use fast_stm::{TVar, atomically};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use latchwork::{Change, Entry, Error, Space, Tx};

use super::cells::{ARC_SWAP, Swaps, over_keys, ready, space, swaps, updated_by};
use super::{Case, key_names};
use crate::rounds::{Runs, Side};
use crate::section::section;

const OPERATIONS: u64 = 8192;
const PAIRS: usize = 256;

/// Adds one to a cell, by a function of what is there.
pub(super) fn update() -> Case {
    let (space, swaps): (_, Swaps) = (space(), swaps());
    let sides = vec![
        over_keys("Latchwork", move |key| {
            ready(space.update(key, |entry| Change::Set(entry.value.unwrap_or_default() + 1))).expect("open").version
        }),
        over_keys(ARC_SWAP, move |key| updated_by(&swaps[key], |value| value + 1)),
    ];
    Case { name: "cell: update", operations: OPERATIONS, sides }
}

/// Moves one from a cell to another, two reads and two writes, in a body that is a plain function, as the peer's is.
pub(super) fn transact_sync() -> Case {
    let space: Space<i64> = Space::with_cells();
    let ours = over_pairs("Latchwork", accounts(), move |from, to| {
        let moved = ready(space.transact_sync(|tx| {
            let (one, other) = (tx.get(from)?.value, tx.get(to)?.value);
            tx.set(from, one.unwrap_or_default() - 1)?;
            tx.set(to, other.unwrap_or_default() + 1)
        }));
        Result::<_, Error>::expect(moved, "open");
    });
    Case { name: "transaction: 2 reads + 2 writes", operations: OPERATIONS, sides: vec![ours, by_fast_stm()] }
}

/// The same in a body that may wait.
pub(super) fn transact() -> Case {
    let space: Space<i64> = Space::with_cells();
    let ours = over_pairs("Latchwork", accounts(), move |from, to| {
        let moved = ready(space.transact(async |tx: Tx<i64>| {
            let (one, other) = (tx.get(from).await?.value, tx.get(to).await?.value);
            tx.set(from, one.unwrap_or_default() - 1)?;
            tx.set(to, other.unwrap_or_default() + 1)
        }));
        Result::<_, Error>::expect(moved, "open");
    });
    let name = "transaction: 2 reads + 2 writes, async body";
    Case { name, operations: OPERATIONS, sides: vec![ours, by_fast_stm()] }
}

fn accounts() -> Vec<String> {
    key_names("account", 2 * PAIRS)
}

/// By transactional variables, in bodies that cannot wait.
fn by_fast_stm() -> Side {
    let vars: HashMap<String, TVar<i64>> = accounts().into_iter().map(|name| (name, TVar::new(0))).collect();
    over_pairs("fast-stm", accounts(), move |from, to| {
        let (from, to) = (&vars[from], &vars[to]);
        atomically(|transaction| {
            let (one, other) = (from.read(transaction)?, to.read(transaction)?);
            from.write(transaction, one - 1)?;
            to.write(transaction, other + 1)
        });
    })
}

/// The longest that the loop by hand stands back, in turns of the others.
const LONGEST: u32 = 64;

/// Adds one to the same cell as all others, who all read it before anybody writes: by `update`, and by a loop of reading
/// and comparing in which who loses stands back for a random while, twice as long each time.
fn contended(name: &'static str, contenders: u64) -> Case {
    let by_update = all_at_once("Latchwork", contenders, |space| async move {
        let done = space.update_async("count", async |entry: Entry<u64>| {
            give_way().await;
            Change::Set(entry.value.unwrap_or_default() + 1)
        });
        done.await.expect("open").attempts
    });
    let dice = Rc::new(Cell::new(1));
    let by_loop = all_at_once("a loop of compare_exchange with back-off", contenders, move |space| {
        let dice = dice.clone();
        async move {
            let (mut attempts, mut longest) = (0, 1);
            loop {
                attempts += 1;
                let seen = space.get("count").await.expect("open");
                give_way().await;
                let value = seen.value.unwrap_or_default() + 1;
                if space.compare_exchange(&seen, value).await.expect("open").is_ok() {
                    return attempts;
                }
                for _ in 0..=thrown(&dice) % longest {
                    give_way().await;
                }
                longest = LONGEST.min(2 * longest);
            }
        }
    });
    Case { name, operations: 2_000, sides: vec![by_update, by_loop] }
}

/// A number that looks random enough to stand back by.
fn thrown(dice: &Cell<u32>) -> u32 {
    dice.set(dice.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    dice.get() >> 16
}

pub(super) fn one_contender() -> Case {
    contended("update: 1 contender", 1)
}

pub(super) fn ten_contenders() -> Case {
    contended("update: 10 contenders", 10)
}

pub(super) fn a_hundred_contenders() -> Case {
    contended("update: 100 contenders", 100)
}

/// `job` answers how often its body ran.
fn all_at_once<F: Future<Output = u32> + 'static>(
    name: &str,
    contenders: u64,
    job: impl Fn(Space<u64>) -> F + 'static,
) -> Side {
    let space: Space<u64> = Space::with_cells();
    let runs = Rc::new(Cell::new(Runs::default()));
    let noted = runs.clone();
    let side = Side::new(name, move |operations| {
        section(|| {
            for _ in 0..operations.div_ceil(contenders) {
                let mut pool = LocalPool::new();
                for _ in 0..contenders {
                    let (job, noted) = (job(space.clone()), noted.clone());
                    let counted = async move { noted.set(noted.get().and(job.await)) };
                    pool.spawner().spawn_local(counted).expect("the pool lives");
                }
                pool.run();
            }
        })
        .1
    });
    side.noting(&runs)
}

/// Lets all others run before this one goes on.
async fn give_way() {
    let mut gave_way = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut gave_way, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn over_pairs(name: &str, names: Vec<String>, mut job: impl FnMut(&str, &str) + 'static) -> Side {
    Side::new(name, move |operations| {
        section(|| {
            for pair in names.chunks(2).cycle().take(operations as usize) {
                job(&pair[0], &pair[1]);
            }
        })
        .1
    })
}
