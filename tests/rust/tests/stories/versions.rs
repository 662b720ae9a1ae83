//! S12: versions tell every change, also one that ends where it began.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use latchwork::{Entry, Key, Space, key};
use latchwork_tests::stage::{Stage, suspend};
use tokio::sync::Barrier;

const PAGES: u32 = 5;

fn page(number: u32) -> Key {
    key!("page", number)
}

async fn load(space: &Space<String>) -> Vec<Entry<String>> {
    space.get_many((0..PAGES).map(page).collect::<Vec<_>>()).await.expect("open")
}

/// Saves all that was loaded, if nothing has changed since; else answers the keys that have.
async fn save(space: &Space<String>, loaded: &[Entry<String>], text: &str) -> Result<u64, Vec<Key>> {
    let checked = loaded.iter().fold(space.atomic(), |commit, entry| commit.check(entry));
    let commit = (0..PAGES).fold(checked, |commit, number| commit.set(page(number), text.to_owned()));
    let outcome = commit.commit().await.expect("open");
    outcome.map_err(|conflicts| conflicts.into_iter().map(|conflict| conflict.key).collect())
}

/// Changes some pages so that their values are what they were.
async fn there_and_back(space: &Space<String>) {
    let same = || "text".to_owned();
    // An equal value, a deletion and a creation, another value and back, and all again at once.
    space.set(page(0), same()).await.expect("open");
    assert!(space.delete(page(1)).await.expect("open"));
    suspend().await;
    space.insert(page(1), same()).await.expect("open").expect("deleted");
    let other = space.set(page(2), "other".to_owned()).await.expect("open");
    space.compare_exchange((page(2), other), same()).await.expect("open").expect("nobody else writes");
}

#[test]
fn every_stale_save_fails_and_names_every_stale_page() {
    for stage in Stage::ALL {
        let space = Space::with_cells();
        futures::executor::block_on(async {
            for number in 0..PAGES {
                space.set(page(number), "text".to_owned()).await.expect("open");
            }
        });
        let savers = 20;
        let barrier = Arc::new(Barrier::new(savers + 1));
        let saver = |number: usize| {
            let (space, barrier) = (space.clone(), barrier.clone());
            async move {
                let loaded = load(&space).await;
                barrier.wait().await;
                // Here somebody changes them and puts them back.
                barrier.wait().await;
                assert_eq!(
                    load(&space).await.iter().map(|entry| &entry.value).collect::<Vec<_>>(),
                    loaded.iter().map(|entry| &entry.value).collect::<Vec<_>>(),
                    "the values are what they were"
                );
                let stale = save(&space, &loaded, &format!("stale {number}")).await.expect_err("stale");
                let exchanged = space.compare_exchange(&loaded[1], "stale".to_owned()).await.expect("open");
                assert!(exchanged.expect_err("stale").version > loaded[1].version, "created again, with a new version");
                stale
            }
            .boxed()
        };
        let changer = {
            let (space, barrier) = (space.clone(), barrier.clone());
            async move {
                barrier.wait().await;
                there_and_back(&space).await;
                barrier.wait().await;
                Vec::new()
            }
            .boxed()
        };
        let actors = (0..savers).map(saver).chain([changer]).collect();
        for stale in &stage.run(actors)[..savers] {
            assert_eq!(*stale, [page(0), page(1), page(2)], "{stage:?}");
        }
        futures::executor::block_on(async {
            let loaded = load(&space).await;
            assert!(loaded.iter().all(|entry| entry.value.as_deref() == Some("text")));
            let version = save(&space, &loaded, "fresh").await.expect("not stale");
            assert!(load(&space).await.iter().all(|entry| entry.version == version));
        });
    }
}

/// The control: who compares values does not see what came and went.
#[test]
fn control_by_values_a_stale_save_passes() {
    let store = Mutex::new(BTreeMap::from([(page(1), "text")]));
    let loaded = store.lock().expect("whole").get(&page(1)).copied();
    store.lock().expect("whole").remove(&page(1));
    store.lock().expect("whole").insert(page(1), "text");
    let mut store = store.lock().expect("whole");
    assert_eq!(store.get(&page(1)).copied(), loaded, "nothing tells that it was deleted and created again");
    store.insert(page(1), "stale");
    assert_eq!(store[&page(1)], "stale");
}
