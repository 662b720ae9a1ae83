//! Each race answers whether it was won.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use latchwork::{Entry, Error, Key, KeyRange, ManualClock, Space, key};

use crate::{naive, recipe};

pub(crate) const THREADS: usize = 8;

/// Rounds of each of the two who pay, and jobs of each worker.
const ROUNDS: usize = 50;

#[test]
fn two_requests_edit_one_document() {
    use recipe::two_requests_edit_one_document::add_page;
    assert!(edits(|space, page| block_on(add_page(space, page))));
    assert!(!edits(naive::add_page()));
}

fn edits(add_page: impl Fn(&Space<Vec<String>>, &str) -> Result<usize, Error> + Sync) -> bool {
    let space = Space::with_cells();
    let mut counts = together(|number| add_page(&space, &number.to_string()).expect("it is added"));
    counts.sort_unstable();
    counts == (1..=THREADS).collect::<Vec<_>>()
}

#[test]
fn two_sign_ups_want_one_name() {
    use recipe::two_sign_ups_want_one_name::sign_up;
    assert!(sign_ups(|space, name, hash| block_on(sign_up(space, name, hash))));
    assert!(!sign_ups(naive::sign_up()));
}

fn sign_ups(sign_up: impl Fn(&Space<String>, &str, &str) -> Result<bool, Error> + Sync) -> bool {
    let space = Space::with_cells();
    let told = together(|number| sign_up(&space, "ada", &number.to_string()).expect("it is answered"));
    let winners: Vec<String> = (0..THREADS).filter(|&number| told[number]).map(|number| number.to_string()).collect();
    let stored = block_on(space.get(key!("account", "ada"))).expect("open").value;
    winners.len() == 1 && stored.as_deref() == Some(&*winners[0])
}

#[test]
fn log_out_everywhere() {
    use recipe::log_out_everywhere::{log_in, log_out_everywhere};
    assert!(log_outs(
        |space, checked, session| block_on(log_in(space, "ada", checked, session)),
        |space| block_on(log_out_everywhere(space, "ada")),
    ));
    assert!(!log_outs(naive::log_in, naive::log_out_everywhere));
}

fn log_outs(
    log_in: impl Fn(&Space<String>, &Entry<String>, &str) -> Result<(), Error> + Sync,
    log_out: impl Fn(&Space<String>) -> Result<usize, Error>,
) -> bool {
    let space = Space::with_cells();
    let account = || block_on(space.get(key!("account", "ada"))).expect("open");
    let sessions = || block_on(space.list(KeyRange::prefix(key!("session", "ada"))).into_future()).expect("open").len();
    block_on(space.set(key!("account", "ada"), "hash".to_owned())).expect("open");
    let checked = account();
    together(|number| log_in(&space, &checked, &number.to_string()).expect("log-ins are not in each other's way"));
    let ended = log_out(&space).expect("it is answered");
    let late = log_in(&space, &checked, "late");
    let left = sessions();
    log_in(&space, &account(), "after").expect("who begins after it is in");
    let refused = late.is_err_and(|error| error.reason() == Some("the account has changed"));
    (ended, left, sessions()) == (THREADS, 0, 1) && refused
}

#[test]
fn a_buyer_and_a_seller() {
    use recipe::a_buyer_and_a_seller::{pay, total};
    let audit = |space: &Space<i64>| block_on(total(space)).expect("open");
    assert!(sales(|space, buyer, seller, price| block_on(pay(space, buyer, seller, price)), audit));
    assert!(!sales(naive::pay(), audit));
}

fn sales(
    pay: impl Fn(&Space<i64>, &Key, &Key, i64) -> Result<(), Error> + Sync,
    total: impl Fn(&Space<i64>) -> i64,
) -> bool {
    let space = Space::with_cells();
    let accounts = ["ada", "bob", "cleo"].map(|name| key!("account", name));
    for account in &accounts {
        block_on(space.set(account.clone(), 100)).expect("open");
    }
    let [ada, bob, cleo] = &accounts;
    let audits = thread::scope(|scope| {
        let (space, pay) = (&space, &pay);
        let buyers = [ada, cleo].map(|buyer| {
            scope.spawn(move || (0..ROUNDS).for_each(|_| pay(space, buyer, bob, 1).expect("there is enough")))
        });
        let mut right = true;
        while !buyers.iter().all(thread::ScopedJoinHandle::is_finished) {
            right &= total(space) == 300;
        }
        right
    });
    audits && total(&space) == 300
}

#[test]
fn a_buyer_who_has_not_enough_and_one_who_is_the_seller() {
    use recipe::a_buyer_and_a_seller::{pay, total};
    let space = Space::with_cells();
    let [ada, bob] = ["ada", "bob"].map(|name| key!("account", name));
    block_on(space.set(ada.clone(), 30)).expect("open");
    assert_eq!(block_on(pay(&space, &ada, &bob, 31)).expect_err("too dear").reason(), Some("not enough"));
    block_on(pay(&space, &ada, &ada, 30)).expect("it is paid");
    assert_eq!(block_on(total(&space)).expect("open"), 30);
}

#[test]
fn one_refresh_for_all_who_wait() {
    use recipe::one_refresh_for_all_who_wait::token;
    assert!(refreshes(|space, fetch| block_on(token(space, async || fetch()))));
    assert!(!refreshes(naive::token()));
}

fn refreshes(token: impl Fn(&Space<String>, &(dyn Fn() -> String + Sync)) -> Result<String, Error> + Sync) -> bool {
    let clock = ManualClock::new();
    let space = Space::builder().cells().clock(clock.clone()).build();
    let fetched = AtomicUsize::new(0);
    let fetch = || format!("token {}", fetched.fetch_add(1, Ordering::SeqCst) + 1);
    let right = [1, 2].map(|life| {
        let told = together(|_| token(&space, &fetch).expect("it is there"));
        clock.advance(Duration::from_secs(3600));
        told.iter().all(|token| *token == format!("token {life}"))
    });
    right == [true, true] && fetched.into_inner() == 2
}

#[test]
fn a_queue_of_jobs() {
    use recipe::a_queue_of_jobs::next_job;
    assert!(queues(|space| block_on(next_job(space))));
    assert!(!queues(naive::next_job()));
}

fn queues(next_job: impl Fn(&Space<String>) -> Result<String, Error> + Sync) -> bool {
    let space = Space::with_cells();
    let all: Vec<String> = (0..THREADS * ROUNDS).map(|job| format!("{job:04}")).collect();
    let added = AtomicBool::new(false);
    let done = together(|number| {
        if number == 0 && !added.swap(true, Ordering::SeqCst) {
            for job in &all {
                block_on(space.set(key!("job", &**job), job.clone())).expect("open");
            }
        }
        (0..ROUNDS).map(|_| next_job(&space).expect("there is one")).collect::<Vec<_>>()
    });
    let mut done = done.concat();
    done.sort_unstable();
    done == all
}

#[test]
fn so_many_requests_a_minute() {
    use recipe::so_many_requests_a_minute::allowed;
    assert!(limits(|space| block_on(allowed(space, "ada", 10))));
    assert!(!limits(naive::allowed));
}

fn limits(allowed: impl Fn(&Space<u32>) -> Result<bool, Error> + Sync) -> bool {
    let clock = ManualClock::new();
    let space = Space::builder().cells().clock(clock.clone()).build();
    let counts = [0, 59, 1].map(|seconds| {
        clock.advance(Duration::from_secs(seconds));
        let ask = |_| (0..ROUNDS).filter(|_| allowed(&space).expect("it is answered")).count();
        together(ask).iter().sum::<usize>()
    });
    counts == [10, 0, 10]
}

#[test]
fn a_store_outside() {
    assert!(stores(false));
    assert!(!stores(true));
}

fn stores(naively: bool) -> bool {
    let space = Space::builder().clock(|| Duration::ZERO).build();
    let store = Mutex::new((0, 0, "empty"));
    let save = |body| {
        let store = &store;
        move |epoch, token| {
            let mut there = store.lock().expect("nobody panics");
            let newer = (there.0, there.1) <= (epoch, token);
            if newer {
                *there = (epoch, token, body);
            }
            newer
        }
    };
    let quick = async || {
        assert_eq!(space.revoke(key!("document", 7)).expect("open"), 1);
        edit(naively, &space, async || {}, save("quick")).await.expect("open")
    };
    let slow = edit(naively, &space, async || assert!(quick().await), save("slow"));
    let saved = block_on(slow).expect("open");
    !saved && store.into_inner().expect("nobody panics").2 == "quick"
}

async fn edit(
    naively: bool,
    space: &Space,
    change: impl AsyncFnOnce(),
    save: impl Fn(u64, u64) -> bool,
) -> Result<bool, Error> {
    match naively {
        true => naive::edit(space, change, save).await,
        false => recipe::a_store_outside::edit(space, 7, change, save).await,
    }
}

/// What so many threads come to, each with its number.
fn together<T: Send>(run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let run = &run;
        let all: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || run(number))).collect();
        all.into_iter().map(|one| one.join().expect("nobody panics")).collect()
    })
}
