//! S3: two unrelated edits of one document, loaded before either is saved.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use latchwork::{Change, Entry, Error, Space, Tx};
use latchwork_tests::poll::now;
use latchwork_tests::stage::Stage;
use tokio::sync::Barrier;

/// A title, and pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Document {
    title: String,
    pages: Vec<String>,
}

type Edit = fn(&mut Document);

const EDITS: [Edit; 2] =
    [|document| document.title = "new title".into(), |document| document.pages.push("page".into())];

/// How an edit is saved; the first run of each waits for the other at the barrier. Answers the attempts.
type Save = fn(Space<Document>, Edit, Arc<Barrier>) -> BoxFuture<'static, u32>;

fn by_update(space: Space<Document>, edit: Edit, barrier: Arc<Barrier>) -> BoxFuture<'static, u32> {
    async move {
        let mut first = true;
        let saved = space.update_async("doc", |entry: Entry<Document>| {
            let (barrier, waits) = (barrier.clone(), std::mem::take(&mut first));
            async move {
                if waits {
                    barrier.wait().await;
                }
                let mut document = entry.value.unwrap_or_default();
                edit(&mut document);
                Change::Set(document)
            }
        });
        saved.await.expect("it succeeds").attempts
    }
    .boxed()
}

fn by_transaction(space: Space<Document>, edit: Edit, barrier: Arc<Barrier>) -> BoxFuture<'static, u32> {
    async move {
        let saved = space.transact(|tx: Tx<Document>| {
            let barrier = barrier.clone();
            async move {
                let mut document = tx.get("doc").await?.value.unwrap_or_default();
                if tx.attempt() == 1 {
                    barrier.wait().await;
                }
                edit(&mut document);
                tx.set("doc", document)
            }
        });
        Result::<_, Error>::expect(saved.await, "it succeeds").attempts
    }
    .boxed()
}

fn load_then_save(space: Space<Document>, edit: Edit, barrier: Arc<Barrier>) -> BoxFuture<'static, u32> {
    async move {
        let mut document = space.get("doc").await.expect("open").value.unwrap_or_default();
        barrier.wait().await;
        edit(&mut document);
        space.set("doc", document).await.expect("open");
        1
    }
    .boxed()
}

/// The attempts of both, in ascending order, the document, and how many versions there were after the first.
fn edit(stage: Stage, save: Save) -> (Vec<u32>, Document, u64) {
    let space: Space<Document> = Space::with_cells();
    let first = now(space.set("doc", Document::default())).expect("open");
    let barrier = Arc::new(Barrier::new(2));
    let mut attempts = stage.run(EDITS.map(|edit| save(space.clone(), edit, barrier.clone())).into());
    attempts.sort_unstable();
    let entry = now(space.get("doc")).expect("open");
    (attempts, entry.value.expect("it is there"), entry.version - first)
}

#[test]
fn both_edits_are_in_the_document() {
    let both = Document { title: "new title".into(), pages: vec!["page".into()] };
    for stage in Stage::ALL {
        for save in [by_update as Save, by_transaction] {
            // The second saver saw one conflict and ran once more.
            assert_eq!(edit(stage, save), (vec![1, 2], both.clone(), 2), "{stage:?}");
        }
    }
}

/// The control: whoever saves last overwrites the other's edit.
#[test]
fn control_load_then_save_loses_one() {
    for stage in Stage::ALL {
        let (_, document, _) = edit(stage, load_then_save);
        assert!(document.title.is_empty() || document.pages.is_empty(), "{stage:?}: {document:?}");
    }
}
