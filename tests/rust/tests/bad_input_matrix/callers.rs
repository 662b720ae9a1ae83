//! How each parameter of the table is given a value in this language.

use std::time::Duration;

use latchwork::{Error, Key, LockSpec, ManualClock, Space, Url};
use latchwork_tests::poll::now;

use super::values::{bytes, duration, keys, text};

/// Gives one value to one parameter, on a space where nothing of it is held. What was taken is given back.
pub(crate) type Caller = fn(&Space, &str) -> Result<(), Error>;

/// Calls an operation that needs nothing but its receiver.
pub(crate) type ReceiverCaller = fn(&Space) -> Result<(), Error>;

/// The caller of a parameter; none where the compiler takes nothing but right values that cannot be told apart.
pub(crate) fn caller(operation: &str, parameter: &str) -> Option<Caller> {
    Some(match (operation, parameter) {
        ("lock", "keys") => |space, value| {
            drop(now(space.lock(keys(value)?))?);
            now(space.lock([vec![Key::from("b")], keys(value)?].concat())).map(drop)
        },
        ("lock", "shared") => |space, value| {
            drop(now(space.lock("b").shared(keys(value)?))?);
            now(space.lock("b").shared([vec![Key::from("c")], keys(value)?].concat())).map(drop)
        },
        ("lock", "spec keys") => |space, value| {
            drop(now(space.request(LockSpec::new(keys(value)?)))?);
            now(space.request(LockSpec::new("b").shared(keys(value)?).label("l"))).map(drop)
        },
        ("lock", "label") => |space, value| {
            drop(now(space.lock("b").label(text(value)))?);
            now(space.request(LockSpec::new("b").label(text(value)))).map(drop)
        },
        ("lock", "timeout") => |space, value| {
            drop(now(space.lock("b").timeout(duration(value)))?);
            now(space.request(LockSpec::new("b").timeout(duration(value)))).map(drop)
        },
        ("try lock", "keys") => |space, value| now(space.try_lock(keys(value)?)).map(taken),
        ("try lock", "shared") => |space, value| now(space.try_lock("b").shared(keys(value)?)).map(taken),
        ("try lock", "label") => |space, value| now(space.try_lock("b").label(text(value))).map(taken),
        ("with lock", "keys") => |space, value| {
            let scope = space.with_lock(keys(value)?, async |guard| assert!(guard.held()));
            now(scope)?;
            now(space.lock(keys(value)?).run(async |guard| assert!(guard.held())))
        },
        ("query", "keys") => |space, value| now(space.query_keys(keys(value)?)).map(drop),
        ("open", "url") => |_, value| Url::parse(Some(&text(value))).map(drop),
        ("key", "part") => |_, value| keys(value)?.iter().try_for_each(Key::check),
        ("decode key", "encoded") => |_, value| Key::from_bytes(&bytes(value)).map(drop),
        ("advance", "by") => |_, value| {
            let clock = ManualClock::new();
            clock.advance(duration(value));
            clock.advance(duration(value));
            let least = duration(value).min(Duration::from_nanos(u64::MAX));
            assert!(latchwork::Clock::now(&clock) >= least);
            Ok(())
        },
        ("ports and tickets", "lock") => |space, value| {
            let port = space.port(|| {});
            let spec = LockSpec::new(keys(value)?);
            port.lock(&spec, 1).map(|_| port.abandon())
        },
        ("ports and tickets", "lock_keys") => |space, value| {
            let port = space.port(|| {});
            port.lock_keys(&keys(value)?, 1)?;
            port.abandon();
            port.lock_keys(&[vec![Key::from("b")], keys(value)?].concat(), 2).map(|_| port.abandon())
        },
        ("ports and tickets", "try_lock") => |space, value| {
            let port = space.port(|| {});
            let spec = LockSpec::new(keys(value)?);
            port.try_lock(&spec).map(|grant| grant.map(|_| port.abandon()).expect("free"))
        },
        ("ports and tickets", "query") => |space, value| space.port(|| {}).query(Some(&keys(value)?)).map(drop),
        _ => return None,
    })
}

/// The same operation on a receiver that cannot serve it any more.
pub(crate) fn receiver_caller(operation: &str, receiver: &str) -> Option<ReceiverCaller> {
    Some(match (operation, receiver) {
        ("lock", "closed space") => |space| now(space.lock("b")).map(drop),
        ("try lock", "closed space") => |space| now(space.try_lock("b")).map(drop),
        ("with lock", "closed space") => |space| now(space.with_lock("b", async |_| panic!("the body does not run"))),
        ("query", "closed space") => |space| {
            now(space.query_keys("b")).expect_err("closed");
            now(space.query()).map(drop)
        },
        ("close", "closed space") => |space| {
            space.close();
            Ok(())
        },
        ("release", "released guard") => |_| {
            let space = Space::new();
            let mut guard = now(space.lock("b"))?;
            guard.release()?;
            guard.release()
        },
        ("release", "guard of a closed space") => |_| {
            let space = Space::new();
            let mut guard = now(space.lock("b"))?;
            space.close();
            guard.release()
        },
        _ => return None,
    })
}

fn taken(guard: Option<latchwork::Guard>) {
    drop(guard.expect("free"));
}
