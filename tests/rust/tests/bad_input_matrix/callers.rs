//! How each parameter of the table is given a value in this language.

use std::time::Duration;

use latchwork::{Error, Guard, Key, LockSpec, ManualClock, Space, Url};
use latchwork_tests::poll::now;

use super::cell_callers::cell_caller;
use super::values::{bytes, duration, keys, text};

/// Gives one value to one parameter, on a space where nothing of it is held. What was taken is given back.
pub(crate) type Caller = fn(&Space, &str) -> Result<(), Error>;

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
        ("lock", "max_hold") => |space, value| {
            drop(now(space.lock("b").max_hold(duration(value)))?);
            now(space.request(LockSpec::new(["b", "c"]).max_hold(duration(value)))).map(drop)
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
        ("owner", "label") => |space, value| {
            assert_eq!(space.owner(text(value)).label(), Some(&*text(value)));
            Ok(())
        },
        ("lock of an owner", "keys") => |space, value| now(space.unnamed_owner().lock(keys(value)?)).map(drop),
        ("lock of an owner", "shared") => {
            |space, value| now(space.unnamed_owner().lock("b").shared(keys(value)?)).map(drop)
        }
        ("try lock of an owner", "keys") => |space, value| now(space.unnamed_owner().try_lock(keys(value)?)).map(taken),
        ("try lock of an owner", "shared") => {
            |space, value| now(space.unnamed_owner().try_lock("b").shared(keys(value)?)).map(taken)
        }
        ("with lock of an owner", "keys") => |space, value| {
            let owner = space.unnamed_owner();
            now(owner.with_lock(keys(value)?, async |guard| assert!(guard.held())))
        },
        ("release some keys", "keys") => |space, value| holding(space, value)?.release_keys(keys(value)?),
        ("downgrade a guard", "keys") => |space, value| {
            let mut guard = holding(space, value)?;
            guard.downgrade_keys(keys(value)?)?;
            guard.downgrade()
        },
        ("hand a guard over", "owner_id") => |space, value| {
            let mut guard = now(space.lock("b"))?;
            let refused = guard.hand_over_to(&text(value), 5);
            assert!(guard.held(), "nothing has moved");
            refused.map(drop)
        },
        ("revoke keys", "keys") => |space, value| space.revoke(keys(value)?).map(|lost| assert_eq!(lost, 0)),
        ("steal a key", "key") => |space, value| space.steal(one(value)?).map(drop),
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
        ("ports and tickets", "wait_each") => |space, value| {
            let (port, key) = (space.port(|| {}), one(value)?);
            // Nobody is to wait for it, so each is to ask by itself.
            assert!(!port.wait_each(&key, [1].into_iter()));
            port.lock_keys(std::slice::from_ref(&key), 1).map(|_| port.abandon())
        },
        ("ports and tickets", "try_lock") => |space, value| {
            let port = space.port(|| {});
            let spec = LockSpec::new(keys(value)?);
            port.try_lock(&spec).map(|grant| grant.map(|_| port.abandon()).expect("free"))
        },
        ("ports and tickets", "query") => |space, value| space.port(|| {}).query(Some(&keys(value)?)).map(drop),
        ("ports and tickets", "revoke") => |space, value| {
            let port = space.port(|| {});
            let granted = port.lock_keys(&keys(value)?, 1);
            let lost = port.revoke(&keys(value)?)?;
            assert_eq!(lost, usize::from(granted.is_ok() && !keys(value)?.is_empty()));
            Ok(())
        },
        ("ports and tickets", "steal") => |space, value| space.port(|| {}).steal(&one(value)?, None).map(drop),
        ("ports and tickets", "release_keys") => |space, value| {
            let ticket = holding(space, value)?.into_ticket();
            let given = space.port(|| {}).release_keys(ticket, &keys(value)?);
            let _nothing_left = space.release(ticket);
            given
        },
        ("ports and tickets", "downgrade") => |space, value| {
            let ticket = holding(space, value)?.into_ticket();
            let given = space.port(|| {}).downgrade(ticket, Some(&keys(value)?));
            space.release(ticket)?;
            given
        },
        ("ports and tickets", "hand_over") => |space, value| {
            let ticket = now(space.lock("b"))?.into_ticket();
            let refused = space.port(|| {}).hand_over(ticket, &text(value), None);
            space.release(ticket)?;
            refused.map(drop)
        },
        ("ports and tickets", "label") => |space, value| {
            let port = space.port(|| {});
            assert_eq!(port.owner(Some(&text(value))).label(), Some(&*text(value)));
            Ok(())
        },
        _ => return cell_caller(operation, parameter),
    })
}

/// A guard of these keys, where they can be asked for; else of another.
pub(crate) fn holding(space: &Space, value: &str) -> Result<Guard, Error> {
    now(space.lock(keys(value)?)).or_else(|_| now(space.lock("b")))
}

/// A value that is one key.
pub(crate) fn one(value: &str) -> Result<Key, Error> {
    keys(value).map(|mut keys| keys.remove(0))
}

fn taken(guard: Option<Guard>) {
    drop(guard.expect("free"));
}
