//! S6: log out everywhere, while others log in. A session is a record and an entry in an index.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use latchwork::{Error, Key, KeyRange, Space, Tx, key};
use latchwork_tests::poll::now;
use latchwork_tests::stage::{Stage, suspend};

const MANY: usize = 50;

fn record(session: usize) -> Key {
    key!("session", session)
}

fn listed(session: usize) -> Key {
    key!("of", "ada", session)
}

/// The user's sessions: by their records, and by the index.
async fn both(tx: &Tx<usize>) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let values = |entries: Vec<latchwork::Entry<usize>>| entries.into_iter().filter_map(|entry| entry.value).collect();
    let records = tx.list(KeyRange::prefix(key!("session"))).await?;
    suspend().await;
    Ok((values(records), values(tx.list(KeyRange::prefix(key!("of", "ada"))).await?)))
}

async fn log_in(space: &Space<usize>, session: usize) {
    let made = space.transact(async |tx: Tx<usize>| {
        tx.set(record(session), session)?;
        suspend().await;
        tx.set(listed(session), session)
    });
    Result::<_, Error>::expect(made.await, "it succeeds");
}

async fn log_out_everywhere(space: &Space<usize>) -> Vec<usize> {
    let gone = space.transact(async |tx: Tx<usize>| {
        let (_, index) = both(&tx).await?;
        for &session in &index {
            tx.delete(record(session))?;
            tx.delete(listed(session))?;
        }
        Ok::<_, Error>(index)
    });
    gone.await.expect("it succeeds").value
}

#[test]
fn what_was_there_before_is_gone_and_what_came_after_is_there() {
    for stage in Stage::ALL {
        let space: Space<usize> = Space::with_cells();
        // So many had ended before the log-out began, and after it had ended the rest begins.
        let (ended, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut actors: Vec<BoxFuture<'static, (bool, bool, Vec<usize>)>> = Vec::new();
        for session in 0..MANY {
            let (space, ended, over) = (space.clone(), ended.clone(), over.clone());
            let actor = async move {
                let after = over.load(Ordering::SeqCst) == 1;
                log_in(&space, session).await;
                let before = over.load(Ordering::SeqCst) == 0 && ended.load(Ordering::SeqCst) == 0;
                (before, after, Vec::new())
            };
            actors.push(actor.boxed());
        }
        let (one, began, done) = (space.clone(), ended.clone(), over.clone());
        let leaver = async move {
            suspend().await;
            began.store(1, Ordering::SeqCst);
            let gone = log_out_everywhere(&one).await;
            done.store(1, Ordering::SeqCst);
            (false, false, gone)
        };
        actors.insert(MANY / 2, leaver.boxed());
        let watcher = space.clone();
        let watch = async move {
            for _ in 0..20 {
                let seen = watcher.transact(async |tx: Tx<usize>| both(&tx).await).await.expect("it succeeds");
                assert_eq!(seen.value.0, seen.value.1, "index and records agree");
            }
            (false, false, Vec::new())
        };
        actors.push(watch.boxed());
        let mut answers = stage.run(actors);
        let gone = answers.remove(MANY / 2).2;
        answers.truncate(MANY);
        let left: Vec<usize> = now(space.list(KeyRange::prefix(key!("session"))))
            .expect("open")
            .into_iter()
            .filter_map(|entry| entry.value)
            .collect();
        for (session, (before, after, _)) in answers.into_iter().enumerate() {
            assert_ne!(left.contains(&session), gone.contains(&session), "{session} is here or was logged out");
            assert!(!before || gone.contains(&session), "{session} was there before");
            assert!(!after || left.contains(&session), "{session} came after");
        }
    }
}

/// The control: records and index written and read by themselves. Somebody sees one without the other.
#[test]
fn control_without_transactions_index_and_records_disagree() {
    let space: Space<usize> = Space::with_cells();
    let seen = Arc::new(AtomicUsize::new(0));
    let (one, found) = (space.clone(), seen.clone());
    let login = async move {
        one.set(record(1), 1).await.expect("open");
        suspend().await;
        one.set(listed(1), 1).await.expect("open");
    };
    let look = async move {
        for _ in 0..2 {
            let records = space.list(KeyRange::prefix(key!("session"))).await.expect("open").len();
            let index = space.list(KeyRange::prefix(key!("of", "ada"))).await.expect("open").len();
            found.fetch_add(usize::from(records != index), Ordering::SeqCst);
            suspend().await;
        }
    };
    Stage::OneThread.run(vec![login.boxed(), look.boxed()]);
    assert!(seen.load(Ordering::SeqCst) > 0);
}
