//! Sub-spaces: locks and cells under a prefix, and nothing else, whatever is asked.

use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use latchwork::{Key, KeyRange, key};

use super::{code, get, poll, spaces, timed};

#[test]
fn its_cells_are_those_under_the_prefix() {
    for space in spaces() {
        let (seven, eight) = (space.within(key!("t", 7)), space.within(key!("t", 8)));
        let deep = seven.within("docs");
        block_on(seven.set("doc", 1)).expect("open");
        block_on(eight.set("doc", 2)).expect("open");
        block_on(deep.set(key!("a", 1), 3)).expect("open");
        block_on(space.set(key!("t", 7, "doc", "more"), 4)).expect("open");
        assert_eq!(get(&space, key!("t", 7, "doc")).value, Some(1));
        assert_eq!(get(&space, key!("t", 7, key!("docs", key!("a", 1)))).value, Some(3));
        let keys = |entries: Vec<latchwork::Entry<u32>>| entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>();
        let all = block_on(seven.list(KeyRange::all()).into_future()).expect("open");
        assert_eq!(keys(all), [Key::from("doc"), key!("docs", key!("a", 1))]);
        let entry = get(&seven, "doc");
        assert_eq!(entry.key, Key::from("doc"));
        let conflicts =
            block_on(seven.atomic().check(&entry).insert("doc", 5).commit()).expect("open").expect_err("there");
        assert_eq!((conflicts[0].key.clone(), conflicts[0].entry.key.clone()), (Key::from("doc"), Key::from("doc")));
        let stale = block_on(seven.compare_exchange(("doc", 0), 5)).expect("open").expect_err("there");
        assert_eq!(stale.key, Key::from("doc"));
        let deleted = block_on(seven.delete_all_except(KeyRange::all(), "doc")).expect("open");
        assert_eq!(deleted, [key!("docs", key!("a", 1))]);
        assert_eq!(block_on(deep.list(KeyRange::all()).into_future()).expect("open").len(), 0);
        assert_eq!(block_on(eight.delete_all(KeyRange::all())).expect("open"), [Key::from("doc")]);
        assert_eq!(block_on(space.list(KeyRange::all()).into_future()).expect("open").len(), 2);
        assert_eq!(code(block_on(seven.get("x".repeat(2047)))), "invalid", "too long with the prefix");
        assert_eq!(code(block_on(seven.list(KeyRange::prefix(true)).into_future())), "invalid");
    }
}

#[test]
fn its_locks_are_those_under_the_prefix() {
    for space in spaces() {
        let sub = space.within("t");
        let mut guard = block_on(sub.lock(["a", "b"]).shared("c").label("inside")).expect("free");
        assert_eq!((guard.keys(), guard.shared()), (&["a", "b"].map(Key::from)[..], &[Key::from("c")][..]));
        assert!(block_on(space.try_lock("a").into_future()).expect("open").is_some());
        assert!(block_on(space.try_lock(key!("t", "a")).into_future()).expect("open").is_none());
        let outside = block_on(space.lock(["a", "other"])).expect("free");
        let mut behind = space.lock([key!("elsewhere"), key!("t", "a")]);
        assert!(poll(&mut behind).is_pending());

        let seen = block_on(sub.query()).expect("open");
        assert_eq!(seen.held.len(), 1);
        assert_eq!(seen.held[0].keys, ["a", "b"].map(Key::from));
        assert_eq!(seen.pending[0].keys, [Key::from("a")]);
        assert_eq!(seen.pending[0].blocked_by[0].key, Key::from("a"));
        assert_eq!(block_on(sub.query_keys("other")).expect("open").held.len(), 0);

        let error = block_on(sub.lock("a").timeout(Duration::ZERO)).expect_err("held");
        assert_eq!((error.keys(), &error.blocked_by()[0].key), (&[Key::from("a")][..], &Key::from("a")));
        let error = guard.release_keys(["a", "x"]).expect_err("not held");
        assert_eq!(error.keys(), [Key::from("x")]);
        guard.release_keys("b").expect("held");
        guard.downgrade_keys("a").expect("held");
        assert_eq!((guard.keys().len(), guard.shared().len()), (0, 2));
        assert!(block_on(sub.try_lock("b").into_future()).expect("open").is_some());

        block_on(sub.set("x", 1).guard_keys(&guard, "a")).expect("held");
        assert_eq!(code(block_on(sub.set("x", 1).guard_keys(&outside, "a"))), "fenced", "that is another key");
        assert_eq!(sub.revoke("other").expect("open"), 0);
        assert_eq!(sub.revoke("a").expect("open"), 1);
        assert!(!guard.held() && outside.held());
        drop(guard);
        drop(sub.steal("c").expect("open"));
        sub.close();
        assert!(!space.is_closed(), "it has nothing of its own to close");
    }
}

#[test]
fn its_owners_stay_inside() {
    for space in spaces() {
        let sub = space.within("t");
        let (one, job) = (sub.owner("one"), sub.owner("job"));
        let _held = block_on(one.lock("a")).expect("free");
        assert!(block_on(space.try_lock(key!("t", "a")).into_future()).expect("open").is_none());
        let error = block_on(one.lock("a")).expect_err("its own key");
        assert_eq!((error.code(), &error.cycle()[0].key), ("deadlock", &Key::from("a")));
        let mut given = block_on(sub.lock(["b", "c"])).expect("free");
        assert!(given.hand_over(&job, ()).expect("held"));
        assert_eq!(block_on(job.handed_over()).expect("open").keys(), ["b", "c"].map(Key::from));
        let scope = sub.with_lock("s", async |guard| {
            let inner = guard.owner().expect("of the scope");
            inner.lock("d").await.map(|guard| (guard.keys().to_vec(), guard.held()))
        });
        assert_eq!(block_on(scope).expect("free").expect("free"), (vec![Key::from("d")], true));
    }
}

#[test]
fn its_watches_see_what_is_inside() {
    for (space, _) in timed() {
        let sub = space.within("t");
        let (mut one, mut all) = (sub.watch("a"), sub.watch_prefix(""));
        assert!(matches!(poll(&mut all.next()), Poll::Ready(Some(Ok(entries))) if entries.is_empty()));
        assert!(matches!(poll(&mut one.next()), Poll::Ready(Some(Ok(entries))) if entries[0].version == 0));
        block_on(space.set("a", 1)).expect("open");
        block_on(space.set(key!("t", "a", "b"), 1)).expect("open");
        assert!(poll(&mut one.next()).is_pending() && poll(&mut all.next()).is_pending());
        block_on(space.set(key!("t", "a"), 2)).expect("open");
        for watch in [&mut one, &mut all] {
            let Poll::Ready(Some(Ok(entries))) = poll(&mut watch.next()) else { panic!("no item") };
            assert_eq!((entries[0].key.clone(), entries[0].value), (Key::from("a"), Some(2)));
        }
    }
}

#[test]
fn another_handle_on_it_stays_inside() {
    for space in spaces() {
        block_on(space.set("secret", 1)).expect("open");
        let other = space.within("t").within(key!("u", 1)).attach();
        assert_eq!(get(&other, "secret").version, 0);
        block_on(other.set("a", 2)).expect("open");
        assert_eq!(get(&space, key!("t", key!("u", 1, "a"))).value, Some(2));
        let _held = block_on(other.lock("b")).expect("free");
        assert!(block_on(space.try_lock("b").into_future()).expect("open").is_some());
    }
}
