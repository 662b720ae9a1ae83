//! S15: many requests find an expired token together; one refreshes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use latchwork::{ManualClock, Space};
use latchwork_tests::poll::now;
use latchwork_tests::stage::{Stage, suspend};
use tokio::sync::Barrier;

const WORKERS: usize = 3;
const REQUESTS: usize = 10;
const LIFE: Duration = Duration::from_secs(60);

/// Gives out tokens, each with a larger number.
#[derive(Default)]
struct Issuer {
    begun: AtomicU32,
    issued: AtomicU32,
    /// So many refreshers die half-way.
    deaths: u32,
}

struct Service {
    space: Space<u32>,
    issuer: Issuer,
    barrier: Barrier,
}

impl Service {
    /// A service whose token has just expired; nobody has swept it.
    fn new(deaths: u32) -> Arc<Service> {
        let clock = ManualClock::new();
        let space = Space::builder().cells().clock(clock.clone()).build();
        now(space.set("token", 0).expire_in(LIFE)).expect("open");
        clock.advance(LIFE);
        let issuer = Issuer { deaths, ..Issuer::default() };
        Arc::new(Service { space, issuer, barrier: Barrier::new(WORKERS * REQUESTS) })
    }

    async fn token(&self) -> Option<u32> {
        self.space.get("token").await.expect("open").value
    }

    /// What a request does that needs a token.
    async fn request(&self) -> u32 {
        let found = self.token().await;
        self.barrier.wait().await;
        assert_eq!(found, None, "expired before any sweep");
        loop {
            let (die, death) = oneshot::channel();
            let refreshing = self.space.with_lock("refresh", async |guard| match self.token().await {
                Some(token) => token,
                None => {
                    let token = self.refresh(Some(die)).await;
                    self.space.set("token", token).expire_in(LIFE).guard(guard).await.expect("held");
                    token
                }
            });
            match select(Box::pin(refreshing), death).await {
                Either::Left((token, _)) => return token.expect("open"),
                // The refresher is gone with what it held: its caller asks again.
                Either::Right((Ok(()), refreshing)) => drop(refreshing),
                Either::Right((Err(oneshot::Canceled), refreshing)) => return refreshing.await.expect("open"),
            }
        }
    }

    async fn refresh(&self, die: Option<oneshot::Sender<()>>) -> u32 {
        let number = self.issuer.begun.fetch_add(1, Ordering::SeqCst);
        suspend().await;
        if number < self.issuer.deaths
            && let Some(die) = die
        {
            die.send(()).expect("its caller lives");
            futures::future::pending::<()>().await;
        }
        self.issuer.issued.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The same without the lock.
    async fn request_alone(&self) -> u32 {
        let found = self.token().await;
        self.barrier.wait().await;
        match found {
            Some(token) => token,
            None => {
                let token = self.refresh(None).await;
                self.space.set("token", token).expire_in(LIFE).await.expect("open");
                token
            }
        }
    }
}

fn run<F: Future<Output = u32> + Send>(
    stage: Stage,
    service: &Arc<Service>,
    request: impl Fn(Arc<Service>) -> F + Copy + Send + 'static,
) -> Vec<u32> {
    let worker = |_| {
        let service = service.clone();
        async move { join_all((0..REQUESTS).map(|_| request(service.clone()))).await }.boxed()
    };
    stage.run((0..WORKERS).map(worker).collect()).concat()
}

#[test]
fn one_refreshes_and_all_go_on_with_the_new_token() {
    for stage in Stage::ALL {
        for deaths in [0, 1, 3] {
            let service = Service::new(deaths);
            let tokens = run(stage, &service, |service| async move { service.request().await });
            assert_eq!(tokens, [1; WORKERS * REQUESTS], "{stage:?} deaths={deaths}");
            assert_eq!(service.issuer.issued.load(Ordering::SeqCst), 1);
            assert_eq!(service.issuer.begun.load(Ordering::SeqCst), deaths + 1, "a successor took over");
            let query = now(service.space.query()).expect("open");
            assert!(query.held.is_empty() && query.pending.is_empty(), "{query:?}");
        }
    }
}

/// The control: everyone who found it expired refreshes it.
#[test]
fn control_without_the_lock_everyone_refreshes() {
    for stage in Stage::ALL {
        let service = Service::new(0);
        run(stage, &service, |service| async move { service.request_alone().await });
        assert_eq!(service.issuer.issued.load(Ordering::SeqCst) as usize, WORKERS * REQUESTS, "{stage:?}");
    }
}
