//! Lock and unlock one key that nobody else wants.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures::executor::block_on;
use keyed_lock::r#async::KeyedLock;
use latchwork::Space;
use lockable::LockPool;
use tokio::sync::Mutex;

use super::Case;
use crate::key_names::key_names;
use crate::rounds::Side;
use crate::section::section;

/// What people write by hand: one mutex for each key, kept for ever.
pub(super) type MutexMap = DashMap<String, Arc<Mutex<()>>>;

const OPERATIONS: usize = 8192;
const FEW: usize = 512;

/// Each key is used once, so whoever never forgets a key has to make a place for it each time.
pub(super) fn fresh_key() -> Case {
    let names = || key_names("user", OPERATIONS);
    let (space, pool, keyed) = (Space::new(), LockPool::<String>::new(), KeyedLock::<String>::new());
    Case {
        name: "lock + unlock, fresh string key",
        operations: OPERATIONS as u64,
        sides: vec![
            over_keys("Latchwork", names(), async move |key| drop(space.lock(key).await.expect("the space is open"))),
            dash_map_each_time_anew(names()),
            over_keys("lockable", names(), async move |key| drop(pool.async_lock(key.to_owned()).await)),
            over_keys("keyed-lock", names(), async move |key| drop(keyed.lock(key.to_owned()).await)),
        ],
    }
}

/// The same few keys again and again: best for whoever never forgets one.
pub(super) fn key_seen_before() -> Case {
    let names = || key_names("user", FEW);
    let (space, map) = (Space::new(), MutexMap::default());
    Case {
        name: "lock + unlock, string key seen before",
        operations: OPERATIONS as u64,
        sides: vec![
            over_keys("Latchwork", names(), async move |key| drop(space.lock(key).await.expect("the space is open"))),
            over_keys("DashMap + tokio Mutex", names(), async move |key| {
                let mutex = mutex_of(&map, key);
                drop(mutex.lock().await);
            }),
        ],
    }
}

/// The key's mutex, made where it is not there yet.
pub(super) fn mutex_of(map: &MutexMap, key: &str) -> Arc<Mutex<()>> {
    if let Some(mutex) = map.get(key) {
        return mutex.clone();
    }
    map.entry(key.to_owned()).or_default().clone()
}

/// Every round has a new map, since this one never forgets a key.
fn dash_map_each_time_anew(names: Vec<String>) -> Side {
    Side::new("DashMap + tokio Mutex", move |operations| {
        let map = MutexMap::default();
        in_turn(&names, operations, async |key| {
            let mutex = map.entry(key.to_owned()).or_default().clone();
            drop(mutex.lock().await);
        })
    })
}

fn over_keys(name: &str, names: Vec<String>, job: impl AsyncFn(&str) + 'static) -> Side {
    Side::new(name, move |operations| in_turn(&names, operations, &job))
}

fn in_turn(names: &[String], operations: u64, job: impl AsyncFn(&str)) -> Duration {
    section(|| {
        block_on(async {
            for name in names.iter().cycle().take(operations as usize) {
                job(name).await;
            }
        });
    })
    .1
}
