//! What threads saw of each other, recorded and judged.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::executor::block_on;
use latchwork::{Change, Entry, Error, Key, Space, Tx};
use latchwork_tests::history::{Call, Seen, Wrong, judge};
use latchwork_tests::stage::{Numbers, Stage, suspend};

use super::assert_empty;

const CELLS: usize = 6;

#[derive(Default)]
struct Recorder {
    count: AtomicU64,
    calls: Mutex<Vec<Call>>,
    most: AtomicU32,
}

impl Recorder {
    fn stamp(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, began: u64, reads: Vec<Seen>, writes: Vec<Seen>, attempts: u32) {
        let ended = self.stamp();
        self.most.fetch_max(attempts, Ordering::SeqCst);
        self.calls.lock().expect("whole").push(Call { began, ended, reads, writes });
    }
}

fn seen(cell: usize, entry: &Entry<u64>) -> Seen {
    Seen { cell, version: entry.version, value: entry.value.unwrap_or(0) }
}

/// A transaction over some of the cells: reads them all, writes some of them.
async fn transact(space: &Space<u64>, recorder: &Recorder, read: &[usize], write: &[usize]) -> Result<(), Error> {
    let began = recorder.stamp();
    let done = space
        .transact(async |tx: Tx<u64>| {
            let mut reads = Vec::new();
            for &cell in read {
                reads.push(seen(cell, &tx.get(Key::from(cell)).await?));
                suspend().await;
            }
            for &cell in write {
                tx.set(Key::from(cell), began + 1)?;
            }
            Ok::<_, Error>(reads)
        })
        .await?;
    let writes = write.iter().map(|&cell| Seen { cell, version: done.version, value: began + 1 }).collect();
    recorder.note(began, done.value, writes, done.attempts);
    Ok(())
}

/// The same with a body that is a plain function.
async fn transact_sync(space: &Space<u64>, recorder: &Recorder, read: &[usize], write: &[usize]) -> Result<(), Error> {
    let began = recorder.stamp();
    let done = space
        .transact_sync(|tx| {
            let reads = read.iter().map(|&cell| Ok(seen(cell, &tx.get(Key::from(cell))?)));
            let reads = reads.collect::<Result<Vec<_>, Error>>()?;
            write.iter().try_for_each(|&cell| tx.set(Key::from(cell), began + 1))?;
            Ok::<_, Error>(reads)
        })
        .await?;
    let writes = write.iter().map(|&cell| Seen { cell, version: done.version, value: began + 1 }).collect();
    recorder.note(began, done.value, writes, done.attempts);
    Ok(())
}

async fn update(space: &Space<u64>, recorder: &Recorder, cell: usize) -> Result<(), Error> {
    let (began, mut reads) = (recorder.stamp(), Vec::new());
    let done = space
        .update(Key::from(cell), |entry: Entry<u64>| {
            reads = vec![seen(cell, &entry)];
            Change::Set(began + 1)
        })
        .await?;
    let writes = vec![Seen { cell, version: done.version, value: began + 1 }];
    recorder.note(began, reads, writes, done.attempts);
    Ok(())
}

#[test]
fn some_order_explains_what_all_of_them_saw() {
    for stage in Stage::ALL {
        for shards in [1, 4, 1024] {
            let space: Space<u64> = Space::builder().cells().shards(shards).build();
            let recorder = Arc::new(Recorder::default());
            let actor = |seed| {
                let (space, recorder) = (space.clone(), recorder.clone());
                async move {
                    let mut numbers = Numbers::new(seed);
                    for _ in 0..30 {
                        let kind = numbers.below(4);
                        match kind {
                            0 => update(&space, &recorder, numbers.below(CELLS)).await.expect("it succeeds"),
                            _ => {
                                let read = numbers.pick(1 + numbers.clone().below(3), CELLS);
                                let write = numbers.pick(numbers.clone().below(3), CELLS);
                                let done = match kind {
                                    1 => transact_sync(&space, &recorder, &read, &write).await,
                                    _ => transact(&space, &recorder, &read, &write).await,
                                };
                                done.expect("it succeeds");
                            }
                        }
                    }
                }
                .boxed()
            };
            stage.run((1..=8).map(actor).collect());
            let history = recorder.calls.lock().expect("whole").clone();
            assert_eq!(history.len(), 240);
            assert_eq!(judge(&history), Ok(()), "{stage:?} shards={shards}");
            assert!(recorder.most.load(Ordering::SeqCst) <= 5);
            assert_empty_of(&space);
        }
    }
}

/// The control: the same with reads and writes of their own, which lose updates.
#[test]
fn control_reads_and_writes_by_themselves_are_explained_by_no_order() {
    let (space, recorder) = (Space::<u64>::with_cells(), Arc::new(Recorder::default()));
    let actor = |_| {
        let (space, recorder) = (space.clone(), recorder.clone());
        async move {
            for _ in 0..5 {
                let began = recorder.stamp();
                let entry = space.get(Key::from(0)).await.expect("open");
                suspend().await;
                let version = space.set(Key::from(0), began + 1).await.expect("open");
                let write = Seen { cell: 0, version, value: began + 1 };
                recorder.note(began, vec![seen(0, &entry)], vec![write], 1);
            }
        }
        .boxed()
    };
    Stage::OneThread.run((0..4).map(actor).collect());
    let history = recorder.calls.lock().expect("whole").clone();
    assert!(matches!(judge(&history), Err(Wrong::Circle(_))));
}

#[test]
fn two_hundred_concurrent_updates_run_four_times_at_most() {
    for stage in Stage::ALL {
        let (space, most) = (Space::<i64>::with_cells(), Arc::new(AtomicU32::new(0)));
        let actor = |_| {
            let (space, most) = (space.clone(), most.clone());
            async move {
                let done = space
                    .update_async("count", async |entry: Entry<i64>| {
                        suspend().await;
                        Change::Set(entry.value.unwrap_or(0) + 1)
                    })
                    .await
                    .expect("all succeed");
                most.fetch_max(done.attempts, Ordering::SeqCst);
                done.value.expect("it was set")
            }
            .boxed()
        };
        let mut answers = stage.run((0..200).map(actor).collect());
        answers.sort_unstable();
        assert_eq!(answers, (1..=200).collect::<Vec<i64>>(), "{stage:?}");
        assert!(most.load(Ordering::SeqCst) <= 4, "{stage:?}");
        assert_empty(&space);
    }
}

fn assert_empty_of(space: &Space<u64>) {
    let query = block_on(space.query()).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty(), "{query}");
}
