//! What people write. Threads meet between its look and its write, so that it loses each time.

use std::sync::Barrier;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Change, Entry, Error, Key, KeyRange, Space, key};

use crate::races::THREADS;

/// Load, change, save.
pub(crate) fn add_page() -> impl Fn(&Space<Vec<String>>, &str) -> Result<usize, Error> + Sync {
    let meet = Barrier::new(THREADS);
    move |space, page| {
        let mut pages = block_on(space.get("questionnaire"))?.value.unwrap_or_default();
        meet.wait();
        pages.push(page.to_owned());
        let count = pages.len();
        block_on(space.set("questionnaire", pages))?;
        Ok(count)
    }
}

/// Look, then write.
pub(crate) fn sign_up() -> impl Fn(&Space<String>, &str, &str) -> Result<bool, Error> + Sync {
    let meet = Barrier::new(THREADS);
    move |space, name, hash| {
        let is_free = block_on(space.get(key!("account", name)))?.value.is_none();
        meet.wait();
        if is_free {
            block_on(space.set(key!("account", name), hash.to_owned()))?;
        }
        Ok(is_free)
    }
}

/// It does check the account, which a log-out leaves as it is.
pub(crate) fn log_in(space: &Space<String>, checked: &Entry<String>, session: &str) -> Result<(), Error> {
    let made = space.transact(async |tx| {
        if tx.get(key!("account", "ada")).await?.version != checked.version {
            return Err(tx.abort("the account has changed"));
        }
        tx.set(key!("session", "ada", session), "phone".to_owned())
    });
    block_on(made).map(drop)
}

pub(crate) fn log_out_everywhere(space: &Space<String>) -> Result<usize, Error> {
    Ok(block_on(space.delete_all(KeyRange::prefix(key!("session", "ada"))))?.len())
}

/// Load both, save both: two who pay the same seller.
pub(crate) fn pay() -> impl Fn(&Space<i64>, &Key, &Key, i64) -> Result<(), Error> + Sync {
    let meet = Barrier::new(2);
    move |space, buyer, seller, price| {
        let balances = block_on(space.get_many([buyer.clone(), seller.clone()]))?;
        let [from, to] = [0, 1].map(|at| balances[at].value.unwrap_or(0));
        meet.wait();
        block_on(space.set(buyer.clone(), from - price))?;
        block_on(space.set(seller.clone(), to + price))?;
        meet.wait();
        Ok(())
    }
}

/// All succeed, and each of them has fetched one.
pub(crate) fn token() -> impl Fn(&Space<String>, &(dyn Fn() -> String + Sync)) -> Result<String, Error> + Sync {
    let meet = Barrier::new(THREADS);
    move |space, fetch| {
        let there = block_on(space.get("token"))?.value;
        meet.wait();
        if let Some(token) = there {
            return Ok(token);
        }
        let fetched = space.update("token", |_| Change::Set(fetch())).expire_in(Duration::from_secs(3600));
        Ok(block_on(fetched)?.value.unwrap_or_default())
    }
}

/// Look, then take.
pub(crate) fn next_job() -> impl Fn(&Space<String>) -> Result<String, Error> + Sync {
    let meet = Barrier::new(THREADS);
    move |space| {
        let job = loop {
            let jobs = block_on(space.list(KeyRange::prefix(key!("job"))).limit(1).into_future())?;
            match jobs.into_iter().next() {
                Some(job) => break job,
                None => std::thread::yield_now(),
            }
        };
        meet.wait();
        block_on(space.delete(job.key))?;
        Ok(job.value.unwrap_or_default())
    }
}

/// Whoever asks puts off the end of the minute.
pub(crate) fn allowed(space: &Space<u32>) -> Result<bool, Error> {
    let counted = space.update(key!("requests", "ada"), |entry| Change::Set(entry.value.unwrap_or(0) + 1));
    Ok(block_on(counted.expire_in(Duration::from_secs(60)))?.value.is_some_and(|count| count <= 10))
}

/// A lock alone.
pub(crate) async fn edit(
    space: &Space,
    change: impl AsyncFnOnce(),
    save: impl Fn(u64, u64) -> bool,
) -> Result<bool, Error> {
    let _guard = space.lock(key!("document", 7)).await?;
    change().await;
    Ok(save(u64::MAX, u64::MAX))
}
