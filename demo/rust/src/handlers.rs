//! The handlers, without Latchwork and with it. They differ in one line.

use axum::Json;
use axum::extract::{Path, State};
use latchwork::key;
use serde::{Deserialize, Serialize};

use crate::questionnaire::Questionnaire;
use crate::service::{Failure, Service};

/// How many pages there are now.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Pages {
    pub(crate) pages: usize,
}

/// Load, change, save: while one request awaits its file, others load the same document.
pub(crate) async fn without_latchwork(
    State(Service { store, .. }): State<Service>,
    Path((name, position)): Path<(String, usize)>,
) -> Result<Json<Pages>, Failure> {
    let mut document: Questionnaire = store.load(&name).await?;
    if !document.insert_copy(position) {
        return Err(Failure::missing(format!("no such page position={position}")));
    }
    store.save(&name, &document).await?;
    Ok(Json(Pages { pages: document.pages.len() }))
}

/// One request at a time for each document; other documents are not held up.
pub(crate) async fn with_latchwork(
    State(Service { store, space }): State<Service>,
    Path((name, position)): Path<(String, usize)>,
) -> Result<Json<Pages>, Failure> {
    let _guard = space.lock(key!("document", &name)).await?;
    let mut document: Questionnaire = store.load(&name).await?;
    if !document.insert_copy(position) {
        return Err(Failure::missing(format!("no such page position={position}")));
    }
    store.save(&name, &document).await?;
    Ok(Json(Pages { pages: document.pages.len() }))
}
