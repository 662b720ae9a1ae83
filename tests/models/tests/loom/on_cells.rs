//! The cells of a space: commits against guards, watches, scans and the sweep. The control of each is a host that does in
//! two steps what the space does in one, or that forgets to wake.

use std::sync::Arc;
use std::time::Duration;

use latchwork::{Commit, Expiry, Guard, Key, KeyRange, ManualClock, Port, Scan, Space, Watch, key};
use latchwork_models::checker::{block_on, thread};

use super::NEVER_WOKEN;
use super::hosts::{Host, check, control, port_of, space_with_cells};

const MS: Duration = Duration::from_millis(1);

fn set(port: &Port<u32>, key: &Key, value: u32, guard: Option<(latchwork::Ticket, u64)>) -> bool {
    let mut commit = Commit::new();
    commit.set(key.clone(), None, value, Expiry::Never);
    if let Some((ticket, token)) = guard {
        commit.guard(Some(ticket), token, None);
    }
    port.commit(commit).is_ok()
}

fn value(port: &Port<u32>, key: &Key) -> Option<u32> {
    port.get(key).expect("open").value.map(|value| *value)
}

fn lock(space: &Space<u32>, keys: &[Key; 2]) -> Guard {
    block_on(space.lock(keys)).expect("open")
}

/// A holder writes while its guard ends: once a successor holds the keys, nothing is written under it (clause C14).
fn guarded_commit(
    shards: usize,
    keys: &[Key; 2],
    host: Host,
    end: impl FnOnce(&Space<u32>, Guard, &[Key; 2]) -> Option<Guard>,
) {
    let space = space_with_cells(shards);
    let guard = lock(&space, keys);
    let (ticket, token, cell) = (guard.ticket(), guard.token(), keys[1].clone());
    let (port, reader) = (space.port(|| {}), space.port(|| {}));
    let writes = {
        let cell = cell.clone();
        thread::spawn(move || match host {
            Host::Good => set(&port, &cell, 1, Some((ticket, token))),
            Host::Careless => port.held(ticket) && set(&port, &cell, 1, None),
        })
    };
    let kept = end(&space, guard, keys);
    let seen = value(&reader, &cell);
    let written = writes.join().expect("no panic");
    assert_eq!(value(&reader, &cell), seen, "nothing is written under the successor");
    assert_eq!(written, seen.is_some());
    drop(kept);
}

fn commit_against_release(shards: usize, keys: &[Key; 2], host: Host) {
    guarded_commit(shards, keys, host, |space, guard, keys| {
        drop(guard);
        Some(lock(space, keys))
    });
}

fn commit_against_revoke(shards: usize, keys: &[Key; 2], host: Host) {
    guarded_commit(shards, keys, host, |space, guard, keys| {
        assert_eq!(space.revoke(keys[1].clone()).expect("open"), 1);
        Some(guard)
    });
}

#[test]
fn a_guarded_commit_against_its_release() {
    check("commit_against_release", 5, commit_against_release);
}

#[test]
fn a_guarded_commit_against_its_release_control() {
    control(
        "on_cells::a_guarded_commit_against_its_release",
        commit_against_release,
        "nothing is written under the successor",
    );
}

#[test]
fn a_guarded_commit_against_revoke() {
    check("commit_against_revoke", 5, commit_against_revoke);
}

#[test]
fn a_guarded_commit_against_revoke_control() {
    control(
        "on_cells::a_guarded_commit_against_revoke",
        commit_against_revoke,
        "nothing is written under the successor",
    );
}

/// Two threads write what somebody watches who sleeps in between: the last state of both is seen (clause C13).
fn watched(space: &Space<u32>, keys: &[Key; 2], mut watch: Watch<u32>, host: Host) {
    let (port, woken) = port_of(space, host);
    let threads = keys.clone().map(|key| {
        let port = space.port(|| {});
        thread::spawn(move || assert!(set(&port, &key, 1, None)))
    });
    let mut settled = Vec::new();
    loop {
        settled.clear();
        port.take_settled(&mut settled);
        let item = port.next_of(&mut watch, 1).expect("open");
        let last = |entries: &[latchwork::Entry<Arc<u32>>]| {
            let one = |key: &Key| entries.iter().any(|entry| entry.key == *key && entry.value.as_deref() == Some(&1));
            keys.iter().all(one)
        };
        match item {
            Some(entries) if last(&entries) => break,
            Some(_) => {}
            None => woken.wait(),
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

fn watch_of_keys(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    watched(&space, keys, space.watch(&keys[..]), host);
}

/// One cell is changed, the other one is made.
fn watch_of_a_prefix(shards: usize, _: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let keys = [key!("p", 1), key!("p", 2)];
    assert!(set(&space.port(|| {}), &keys[0], 0, None));
    watched(&space, &keys, space.watch_prefix(key!("p")), host);
}

#[test]
fn who_watches_keys_sees_the_last_state() {
    check("watch_of_keys", 2, watch_of_keys);
}

#[test]
fn who_watches_keys_sees_the_last_state_control() {
    control("on_cells::who_watches_keys_sees_the_last_state", watch_of_keys, NEVER_WOKEN);
}

#[test]
fn who_watches_a_prefix_sees_the_last_state() {
    check("watch_of_a_prefix", 2, watch_of_a_prefix);
}

#[test]
fn who_watches_a_prefix_sees_the_last_state_control() {
    control("on_cells::who_watches_a_prefix_sees_the_last_state", watch_of_a_prefix, NEVER_WOKEN);
}

/// A commit makes one cell and deletes another while somebody scans: one of them is there, never both, never none (C11).
fn scan_against_commit(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, reader) = (space.port(|| {}), space.port(|| {}));
    assert!(set(&port, &keys[0], 1, None));
    let [gone, made] = keys.clone();
    let moves = thread::spawn(move || {
        let mut commit = Commit::new();
        commit.delete(gone, None);
        commit.set(made, Some(0), 1, Expiry::Never);
        assert!(port.commit(commit).expect("open").is_ok());
    });
    let scan = || match host {
        Host::Good => {
            reader.list(&Scan::new(KeyRange::all())).expect("open").into_iter().map(|entry| entry.key).collect()
        }
        Host::Careless => keys.iter().filter(|key| value(&reader, key).is_some()).cloned().collect::<Vec<Key>>(),
    };
    let (first, second) = (scan(), scan());
    for seen in [&first, &second] {
        assert_eq!(seen.len(), 1, "half of a commit is seen");
    }
    assert!(first == second || second == keys[1..], "an older state after a newer");
    moves.join().expect("no panic");
    assert_eq!(scan(), keys[1..]);
}

#[test]
fn a_scan_against_a_commit() {
    check("scan_against_commit", 5, scan_against_commit);
}

#[test]
fn a_scan_against_a_commit_control() {
    control("on_cells::a_scan_against_a_commit", scan_against_commit, "half of a commit is seen");
}

/// An expired cell is swept while somebody sets it again, with a later end: it is there, it is listed, and it is due when
/// it should be; deleted, nothing is due any more.
fn sweep_against_set(shards: usize, keys: &[Key; 2], host: Host) {
    let clock = ManualClock::new();
    let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
    let (port, other) = (space.port(|| {}), space.port(|| {}));
    let key = keys[0].clone();
    let expiring = |port: &Port<u32>, key: &Key, value: u32| {
        let mut commit = Commit::new();
        commit.set(key.clone(), None, value, Expiry::In(5 * MS));
        assert!(port.commit(commit).expect("open").is_ok());
    };
    expiring(&port, &key, 1);
    clock.advance(5 * MS);
    let sweeps = {
        let (space, key) = (space.clone(), key.clone());
        thread::spawn(move || match host {
            Host::Good => space.tick(),
            Host::Careless => {
                if value(&other, &key).is_none() {
                    assert!(block_on(space.delete(key)).is_ok());
                }
            }
        })
    };
    expiring(&port, &key, 2);
    sweeps.join().expect("no panic");
    assert_eq!(value(&port, &key), Some(2), "what was set after its time is there");
    assert_eq!(port.list(&Scan::new(KeyRange::all())).expect("open").len(), 1);
    assert_eq!(space.next_deadline(), Some(5 * MS));
    assert!(block_on(space.delete(key)).expect("open"));
    assert_eq!(space.next_deadline(), None, "nothing is due any more");
}

#[test]
fn a_sweep_against_a_set() {
    check("sweep_against_set", 5, sweep_against_set);
}

#[test]
fn a_sweep_against_a_set_control() {
    control("on_cells::a_sweep_against_a_set", sweep_against_set, "what was set after its time is there");
}

/// Two commits write the same two cells in opposite orders: neither waits for the other for ever, and in the end both
/// cells are of one of them (clause C1).
fn commits_in_opposite_orders(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let threads = [[0, 1], [1, 0]].map(|order| {
        let (port, keys) = (space.port(|| {}), order.map(|at| keys[at].clone()));
        thread::spawn(move || match host {
            Host::Good => {
                let mut commit = Commit::new();
                for key in keys {
                    commit.set(key, None, order[0] as u32, Expiry::Never);
                }
                assert!(port.commit(commit).expect("open").is_ok());
            }
            Host::Careless => assert!(keys.iter().all(|key| set(&port, key, order[0] as u32, None))),
        })
    });
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let entries = space.port(|| {}).get_many(keys).expect("open");
    assert_eq!(entries[0].value, entries[1].value, "both cells are of one commit");
    assert_eq!(entries[0].version, entries[1].version);
}

#[test]
fn two_commits_in_opposite_orders() {
    check("commits_in_opposite_orders", 3, commits_in_opposite_orders);
}

#[test]
fn two_commits_in_opposite_orders_control() {
    control("on_cells::two_commits_in_opposite_orders", commits_in_opposite_orders, "both cells are of one commit");
}

/// A commit through a handle that is being closed: when `close` has returned, all that ever comes through it is there.
fn commit_against_close(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let closing = space.attach();
    let (port, reader) = (closing.port(|| {}), space.port(|| {}));
    let key = keys[0].clone();
    let commits = thread::spawn(move || {
        set(&port, &key, 1, None);
        // Dropped by the thread that closes.
        port
    });
    let present = || reader.list(&Scan::new(KeyRange::all())).expect("open").len();
    let seen = match host {
        Host::Good => {
            closing.close();
            present()
        }
        Host::Careless => present(),
    };
    drop(commits.join().expect("no panic"));
    assert_eq!(present(), seen, "nothing comes through a handle that is closed");
}

#[test]
fn a_commit_against_a_close() {
    check("commit_against_close", 3, commit_against_close);
}

#[test]
fn a_commit_against_a_close_control() {
    control(
        "on_cells::a_commit_against_a_close",
        commit_against_close,
        "nothing comes through a handle that is closed",
    );
}

/// Two cells begin to expire, and do, while somebody reads them: what a reader sees is of one time (clause C12).
fn read_while_it_begins_to_expire(shards: usize, keys: &[Key; 2], host: Host) {
    let clock = ManualClock::new();
    let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock.clone()).build();
    let (port, reader) = (space.port(|| {}), space.port(|| {}));
    let mut commit = Commit::new();
    keys.iter().for_each(|key| commit.set(key.clone(), None, 1, Expiry::Never));
    assert!(port.commit(commit).expect("open").is_ok());
    clock.advance(MS);
    let both = keys.clone();
    let expires = thread::spawn(move || {
        let mut commit = Commit::new();
        both.iter().for_each(|key| commit.set(key.clone(), None, 2, Expiry::In(MS)));
        assert!(port.commit(commit).expect("open").is_ok());
        clock.advance(MS);
    });
    let ends = |entry: latchwork::Entry<Arc<u32>>| (entry.version, entry.expires_in);
    let read = || match host {
        Host::Good => reader.get_many(keys).expect("open").into_iter().map(ends).collect::<Vec<_>>(),
        Host::Careless => keys.iter().map(|key| ends(reader.get(key).expect("open"))).collect(),
    };
    let seen = read();
    assert_eq!(seen[0], seen[1], "both are of one time");
    expires.join().expect("no panic");
    assert_eq!(read(), [(0, None), (0, None)]);
}

#[test]
fn a_read_of_cells_that_begin_to_expire() {
    check("read_while_it_begins_to_expire", 3, read_while_it_begins_to_expire);
}

#[test]
fn a_read_of_cells_that_begin_to_expire_control() {
    control("on_cells::a_read_of_cells_that_begin_to_expire", read_while_it_begins_to_expire, "both are of one time");
}
