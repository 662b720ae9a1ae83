//! The case `document`: many users press "duplicate page" in one questionnaire at the same time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::routing::{MethodRouter, post};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::Client;
use crate::handlers::{Pages, with_latchwork, without_latchwork};
use crate::questionnaire::{EXAMPLE, Questionnaire};
use crate::report::{Count, lost_updates, print_outcome};
use crate::service::Service;

const REQUESTS: usize = 200;
const AT_ONCE: usize = 50;
const PATIENCE: Duration = Duration::from_secs(30);
const NAME: &str = "stay";

/// Runs the case, first without Latchwork, then with it.
pub(crate) async fn run_case(host: &str, service: &Service) -> Result<()> {
    println!("{REQUESTS} requests \"duplicate page\" for one questionnaire, {AT_ONCE} at once");
    let without = run("without Latchwork", service, post(without_latchwork)).await?;
    let locked = run("with Latchwork   ", service, post(with_latchwork)).await?;
    print_outcome(host, "document", REQUESTS, without, locked);
    Ok(())
}

/// Serves the handler, sends the requests, counts the pages.
async fn run(title: &str, service: &Service, duplicate_page: MethodRouter<Service>) -> Result<Count> {
    service.store.save(NAME, &serde_json::from_str::<Questionnaire>(EXAMPLE)?).await?;
    let running = service.start(duplicate_page).await?;
    let start = Instant::now();
    let answers = send_many(running.address).await?;
    let seconds = start.elapsed().as_secs_f64();

    let document: Questionnaire = service.store.load(NAME).await?;
    let pages = document.pages.len();
    let lost = lost_updates(REQUESTS, pages, &answers);
    println!("  {title}: {pages} of {} pages are there, {lost} updates lost", REQUESTS + 1);
    Ok(Count { lost: Some(lost), stuck: REQUESTS - answers.len(), per_second: Some(answers.len() as f64 / seconds) })
}

/// Sends the requests, `AT_ONCE` under way at a time: the answers that came in time.
async fn send_many(address: SocketAddr) -> Result<Vec<usize>> {
    let sent = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..AT_ONCE {
        senders.spawn(send(address, sent.clone()));
    }
    let mut answers = Vec::new();
    while let Some(answered) = senders.join_next().await {
        answers.extend(answered??);
    }
    Ok(answers)
}

async fn send(address: SocketAddr, sent: Arc<AtomicUsize>) -> Result<Vec<usize>> {
    let mut client = Client::connect(address).await?;
    let path = format!("/documents/{NAME}/pages/0/duplicate");
    let mut answers = Vec::new();
    while sent.fetch_add(1, Ordering::Relaxed) < REQUESTS {
        if let Ok(answer) = timeout(PATIENCE, client.post::<Pages>(&path)).await {
            answers.push(answer?.pages);
        } else {
            client = Client::connect(address).await?;
        }
    }
    Ok(answers)
}
