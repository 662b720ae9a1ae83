//! The main job in Rust: a questionnaire service on axum, its documents in files, its clients on loopback.
//!
//! `cargo run --release -p latchwork-demo`

mod buyer_seller;
mod client;
mod duplicate_page;
mod handlers;
mod questionnaire;
mod report;
mod service;
mod store;

use anyhow::Result;
use latchwork::Space;

use crate::service::Service;
use crate::store::Store;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("latchwork-demo-").tempdir()?;
    let service = Service { store: Store::new(folder.path()), space: Space::new() };
    println!("axum on tokio, one JSON file for each document");
    duplicate_page::run_case("rust", &service).await?;
    buyer_seller::run_case("rust", &service).await?;
    folder.close()?;
    Ok(())
}
