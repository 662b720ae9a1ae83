//! The case `buyer-seller`: each purchase needs two accounts, and two people buy from each other at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use latchwork::Space;
use serde::{Deserialize, Serialize};
use tokio::sync::{Barrier, Mutex};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio::try_join;

use crate::report::{Count, print_outcome};
use crate::service::Service;
use crate::store::Store;

const PAIRS: usize = 10;
const PURCHASES_EACH: usize = 10;
const PURCHASES: usize = PAIRS * 2 * PURCHASES_EACH;
const PRICE: i64 = 5;
const BALANCE: i64 = 1000;

#[derive(Debug, Deserialize, Serialize)]
struct Account {
    balance: i64,
    entries: Vec<i64>,
}

/// One of the two: the name of the account, and the mutex that one gives it without Latchwork.
#[derive(Debug)]
struct Actor {
    name: String,
    account: Mutex<()>,
}

/// Two who buy from each other.
#[derive(Debug)]
struct Pair {
    anna: Actor,
    ben: Actor,
    both_hold_one: Barrier,
}

/// How a pair takes the two accounts of a purchase.
#[derive(Clone, Debug)]
enum Locking {
    OneByOne,
    Together(Space),
}

/// Runs the case, first without Latchwork, then with it.
pub(crate) async fn run_case(host: &str, service: &Service) -> Result<()> {
    println!("{PAIRS} pairs buy from each other, {PURCHASES_EACH} purchases each, two accounts for each");
    let without = trade(&service.store, Locking::OneByOne, Duration::from_millis(500)).await?;
    println!("  without Latchwork: {} pairs stuck, each of the two with one account", without.stuck);
    let together = Locking::Together(service.space.clone());
    let locked = trade(&service.store, together, Duration::from_secs(30)).await?;
    let done = PURCHASES - locked.lost.unwrap_or(0);
    println!("  with Latchwork   : {} pairs stuck, {done} purchases done", locked.stuck);
    print_outcome(host, "buyer-seller", PURCHASES, without, locked);
    Ok(())
}

/// Has all pairs trade, and counts those who have not ended within `patience`.
async fn trade(store: &Store, locking: Locking, patience: Duration) -> Result<Count> {
    let pairs: Vec<Arc<Pair>> = (0..PAIRS).map(|number| Arc::new(Pair::new(number))).collect();
    for actor in pairs.iter().flat_map(|pair| pair.actors()) {
        store.save(&actor.name, &Account { balance: BALANCE, entries: Vec::new() }).await?;
    }
    let start = Instant::now();
    let mut trades = JoinSet::new();
    for pair in &pairs {
        let (pair, store, locking) = (pair.clone(), store.clone(), locking.clone());
        trades.spawn(async move { timeout(patience, pair.trade_both_ways(&store, &locking)).await });
    }
    let mut stuck = 0;
    while let Some(ended) = trades.join_next().await {
        match ended? {
            Ok(traded) => traded?,
            Err(_) => stuck += 1,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let done = purchases_in_the_books(store, &pairs).await?;
    let ended = stuck == 0;
    Ok(Count { lost: ended.then(|| PURCHASES - done), stuck, per_second: ended.then_some(done as f64 / seconds) })
}

/// Counts them; no money may have been made or lost.
async fn purchases_in_the_books(store: &Store, pairs: &[Arc<Pair>]) -> Result<usize> {
    let (mut balance, mut entries) = (0, 0);
    for actor in pairs.iter().flat_map(|pair| pair.actors()) {
        let account: Account = store.load(&actor.name).await?;
        balance += account.balance;
        entries += account.entries.len();
    }
    ensure!(balance == BALANCE * 2 * PAIRS as i64, "money was made or lost balance={balance}");
    Ok(entries / 2)
}

impl Pair {
    fn new(number: usize) -> Pair {
        let actor = |name: &str| Actor { name: format!("{name}-{number}"), account: Mutex::new(()) };
        Pair { anna: actor("anna"), ben: actor("ben"), both_hold_one: Barrier::new(2) }
    }

    fn actors(&self) -> [&Actor; 2] {
        [&self.anna, &self.ben]
    }

    async fn trade_both_ways(&self, store: &Store, locking: &Locking) -> Result<()> {
        try_join!(
            self.buy_all(store, locking, &self.anna, &self.ben),
            self.buy_all(store, locking, &self.ben, &self.anna),
        )?;
        Ok(())
    }

    async fn buy_all(&self, store: &Store, locking: &Locking, buyer: &Actor, seller: &Actor) -> Result<()> {
        for _ in 0..PURCHASES_EACH {
            match locking {
                Locking::OneByOne => self.buy_without_latchwork(store, buyer, seller).await?,
                Locking::Together(space) => buy_with_latchwork(store, space, buyer, seller).await?,
            }
        }
        Ok(())
    }

    /// One account after the other. Two who hold one each wait for ever; the barrier makes it certain.
    async fn buy_without_latchwork(&self, store: &Store, buyer: &Actor, seller: &Actor) -> Result<()> {
        let _buyer = buyer.account.lock().await;
        self.both_hold_one.wait().await;
        let _seller = seller.account.lock().await;
        purchase(store, &buyer.name, &seller.name).await
    }
}

/// Both accounts in one request: it holds nothing while it waits.
async fn buy_with_latchwork(store: &Store, space: &Space, buyer: &Actor, seller: &Actor) -> Result<()> {
    let _both = space.lock([&buyer.name, &seller.name]).await?;
    purchase(store, &buyer.name, &seller.name).await
}

/// Loads both accounts, moves the price, saves both.
async fn purchase(store: &Store, buyer: &str, seller: &str) -> Result<()> {
    let (mut payer, mut payee) = try_join!(store.load::<Account>(buyer), store.load::<Account>(seller))?;
    for (account, amount) in [(&mut payer, -PRICE), (&mut payee, PRICE)] {
        account.balance += amount;
        account.entries.push(amount);
    }
    try_join!(store.save(buyer, &payer), store.save(seller, &payee))?;
    Ok(())
}
