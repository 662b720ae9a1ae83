//! S2, the queue form and the cell form: many requests load a document, add a page, save it whole.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use latchwork::{Change, Entry, Space, key};
use latchwork_tests::poll::now;
use latchwork_tests::stage::{Stage, suspend};
use tokio::sync::Barrier;

use super::assert_empty;

/// A store that loads and saves whole documents.
struct Store {
    document: Mutex<Vec<String>>,
    runs: AtomicUsize,
    answers: Mutex<Vec<usize>>,
}

impl Store {
    fn new() -> Arc<Store> {
        let document = Mutex::new(vec!["page 1".to_owned()]);
        Arc::new(Store { document, runs: AtomicUsize::new(0), answers: Mutex::default() })
    }

    async fn load(&self) -> Vec<String> {
        suspend().await;
        self.document.lock().expect("whole").clone()
    }

    async fn save(&self, document: Vec<String>) {
        suspend().await;
        *self.document.lock().expect("whole") = document;
    }

    /// What a handler of the "duplicate page" button does.
    async fn duplicate_page(&self, meanwhile: impl Future<Output = ()>) -> usize {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let mut document = self.load().await;
        meanwhile.await;
        let page = document.last().expect("a page").clone();
        document.push(page);
        let pages = document.len();
        self.save(document).await;
        self.answers.lock().expect("whole").push(pages);
        pages
    }

    fn pages(&self) -> usize {
        self.document.lock().expect("whole").len()
    }
}

#[test]
fn every_page_arrives() {
    for stage in Stage::ALL {
        for requests in [50, 200] {
            let (space, store) = (Space::new(), Store::new());
            let request = |_| {
                let (space, store) = (space.clone(), store.clone());
                async move {
                    let body = async |_guard: &_| store.duplicate_page(suspend()).await;
                    space.with_lock(key!("document", 1), body).await.expect("granted")
                }
                .boxed()
            };
            let mut answers = stage.run((0..requests).map(request).collect());
            assert_eq!(store.pages(), requests + 1, "{stage:?}");
            assert_eq!(store.runs.load(Ordering::SeqCst), requests);
            let expected: Vec<usize> = (2..=requests + 1).collect();
            assert_eq!(*store.answers.lock().expect("whole"), expected, "rising in completion order");
            answers.sort_unstable();
            assert_eq!(answers, expected);
            assert_empty(&space);
        }
    }
}

/// The cell form: the same pages and answers, no errors, no body more than four times.
#[test]
fn every_page_arrives_in_a_cell() {
    for stage in Stage::ALL {
        for requests in [50, 200] {
            let space: Space<Vec<String>> = Space::with_cells();
            now(space.set(key!("document", 1), vec!["page 1".to_owned()])).expect("open");
            let request = |_| {
                let space = space.clone();
                async move {
                    let update = space.update_async(key!("document", 1), async |entry: Entry<Vec<String>>| {
                        let mut document = entry.value.unwrap_or_default();
                        suspend().await;
                        document.extend(document.last().cloned());
                        suspend().await;
                        Change::Set(document)
                    });
                    let done = update.await.expect("all succeed");
                    assert!(done.attempts <= 4, "{} runs", done.attempts);
                    (done.version, done.value.map_or(0, |document| document.len()))
                }
                .boxed()
            };
            let mut answers = stage.run((0..requests).map(request).collect());
            answers.sort_unstable();
            let pages: Vec<usize> = answers.iter().map(|(_, pages)| *pages).collect();
            assert_eq!(pages, (2..=requests + 1).collect::<Vec<_>>(), "rising in the order of commits");
            assert_eq!(
                now(space.get(key!("document", 1))).expect("open").value.map(|all| all.len()),
                Some(requests + 1)
            );
        }
    }
}

/// The control: everyone has loaded before anyone saves. Pages are lost.
#[test]
fn control_without_the_lock_pages_are_lost() {
    for stage in Stage::ALL {
        let requests = 50;
        let (store, barrier) = (Store::new(), Arc::new(Barrier::new(requests)));
        let request = |_| {
            let (store, barrier) = (store.clone(), barrier.clone());
            async move { store.duplicate_page(barrier.wait().map(|_| ())).await }.boxed()
        };
        let answers = stage.run((0..requests).map(request).collect());
        assert!(answers.iter().all(|pages| *pages == 2), "{stage:?}: {answers:?}");
        assert!(store.pages() < requests + 1);
    }
}
