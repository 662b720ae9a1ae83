//! S5: a session store without sleeps. Who reads after an answer sees it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures::channel::mpsc;
use futures::{FutureExt, SinkExt, StreamExt};
use latchwork::{Key, KeyRange, Space, key};
use latchwork_tests::stage::{Stage, suspend};

const ROUNDS: u32 = 1000;

fn session(user: u32, session: &str) -> Key {
    key!("session", user, session)
}

/// What is there, as the writer was answered.
fn sessions(of: &[(u32, &str)]) -> Vec<Key> {
    of.iter().map(|(user, name)| session(*user, name)).collect()
}

async fn keys(space: &Space<u32>) -> Vec<Key> {
    let entries = space.list(KeyRange::prefix(key!("session"))).await.expect("open");
    entries.into_iter().map(|entry| entry.key).collect()
}

/// Tells the reader what must be there, and waits until it has looked.
struct Told {
    tell: mpsc::Sender<Vec<Key>>,
    looked: mpsc::Receiver<()>,
}

impl Told {
    async fn seen(&mut self, of: &[(u32, &str)]) {
        self.tell.send(sessions(of)).await.expect("the reader lives");
        self.looked.next().await.expect("the reader lives");
    }
}

async fn writer(space: Space<u32>, mut reader: Told) -> u32 {
    let user = |user: u32| KeyRange::prefix(key!("session", user));
    for round in 0..ROUNDS {
        for (user, name) in [(1, "s1"), (1, "s2"), (2, "s3")] {
            space.set(session(user, name), round).await.expect("open");
        }
        reader.seen(&[(1, "s1"), (1, "s2"), (2, "s3")]).await;
        assert_eq!(space.delete_all(user(1)).await.expect("open"), sessions(&[(1, "s1"), (1, "s2")]));
        reader.seen(&[(2, "s3")]).await;
        assert_eq!(space.delete_all(user(1)).await.expect("open"), [], "a second time there is nothing");
        space.set(session(2, "s4"), round).await.expect("open");
        suspend().await;
        let deleted = space.delete_all_except(user(2), session(2, "s4")).await.expect("open");
        assert_eq!(deleted, sessions(&[(2, "s3")]));
        reader.seen(&[(2, "s4")]).await;
        assert!(space.delete(session(2, "s4")).await.expect("open"));
        reader.seen(&[]).await;
    }
    ROUNDS
}

async fn reader(space: Space<u32>, mut told: mpsc::Receiver<Vec<Key>>, mut look: mpsc::Sender<()>) -> u32 {
    let mut looks = 0;
    while let Some(there) = told.next().await {
        assert_eq!(keys(&space).await, there);
        looks += 1;
        // The writer may have ended after its last question.
        let _ = look.send(()).await;
    }
    looks
}

#[test]
fn who_reads_after_an_answer_sees_it() {
    for stage in Stage::ALL {
        let space = Space::with_cells();
        let ((tell, told), (look, looked)) = (mpsc::channel(0), mpsc::channel(0));
        let actors =
            vec![writer(space.clone(), Told { tell, looked }).boxed(), reader(space.attach(), told, look).boxed()];
        assert_eq!(stage.run(actors), [ROUNDS, 4 * ROUNDS], "{stage:?}");
    }
}

/// A store that answers a delete when it is queued.
#[derive(Default)]
struct Queued {
    sessions: Mutex<BTreeMap<Key, u32>>,
    deletes: Mutex<VecDeque<KeyRange>>,
}

impl Queued {
    /// What its worker does when its turn comes.
    fn work(&self) {
        let next = || self.deletes.lock().expect("whole").pop_front();
        while let Some(range) = next() {
            self.sessions.lock().expect("whole").retain(|key, _| !range.contains(key));
        }
    }
}

/// The control: a delete that is only queued leaves something over.
#[test]
fn control_a_queued_delete_leaves_sessions_over() {
    let store = Arc::new(Queued::default());
    let actor = {
        let store = store.clone();
        async move {
            let mut left_over = 0;
            for round in 0..10 {
                store.sessions.lock().expect("whole").insert(session(1, "s1"), round);
                store.deletes.lock().expect("whole").push_back(KeyRange::prefix(key!("session", 1)));
                left_over += store.sessions.lock().expect("whole").len();
                suspend().await;
                store.work();
            }
            left_over
        }
    };
    assert_eq!(Stage::OneThread.run(vec![actor.boxed()]), [10]);
    assert!(store.sessions.lock().expect("whole").is_empty(), "later it is gone");
}
