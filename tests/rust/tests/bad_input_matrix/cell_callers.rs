//! How each parameter of the table that is about cells is given a value in this language.

use latchwork::{Commit, Error, Expiry, Key, KeyRange, LockSpec, Port, Scan, Space, Within};
use latchwork_tests::poll::{Task, now};

use super::call_callers::{transact_caller, update_caller};
use super::callers::{Caller, holding, one};
use super::values::{count, duration, keys};

/// The caller of a parameter of an operation on cells. What was set is deleted again.
pub(crate) fn cell_caller(operation: &str, parameter: &str) -> Option<Caller> {
    Some(match (operation, parameter) {
        ("get", "key") => |space, value| now(space.get(one(value)?)).map(drop),
        ("get many", "keys") => |space, value| {
            now(space.get_many(keys(value)?))?;
            now(space.get_many([vec![Key::from("b")], keys(value)?].concat())).map(drop)
        },
        ("set", "key") => |space, value| {
            now(space.set(one(value)?, ()))?;
            now(space.delete(one(value)?)).map(|existed| assert!(existed))
        },
        ("set", "expire_in") => |space, value| {
            now(space.set("b", ()).expire_in(duration(value)))?;
            now(space.delete("b")).map(drop)
        },
        ("set", "keys") => |space, value| {
            let guard = holding(space, value)?;
            now(space.set("b", ()).guard_keys(&guard, keys(value)?))?;
            now(space.delete("b").guard_keys(&guard, keys(value)?)).map(drop)
        },
        ("insert", "key") => |space, value| {
            now(space.insert(one(value)?, ()))?.expect("absent");
            now(space.delete(one(value)?)).map(drop)
        },
        ("insert", "expire_in") => |space, value| {
            now(space.insert("b", ()).expire_in(duration(value)))?.expect("absent");
            now(space.delete("b")).map(drop)
        },
        ("compare exchange", "key") => |space, value| {
            now(space.compare_exchange((one(value)?, 0), ()))?.expect("absent");
            now(space.delete(one(value)?)).map(drop)
        },
        ("compare exchange", "version") => |space, value| {
            let outcome = now(space.compare_exchange(("kept", count(value)), ()))?;
            assert_eq!(outcome.expect_err("of another version").key, Key::from("kept"));
            Ok(())
        },
        ("compare exchange", "expire_in") => |space, value| {
            now(space.compare_exchange(("b", 0), ()).expire_in(duration(value)))?.expect("absent");
            now(space.delete("b")).map(drop)
        },
        ("delete", "key") => |space, value| now(space.delete(one(value)?)).map(|existed| assert!(!existed)),
        ("delete", "expected") => |space, value| {
            let existed = now(space.compare_delete((one(value)?, 0)))?.expect("absent");
            assert!(!existed);
            Ok(())
        },
        ("delete", "version") => |space, value| {
            now(space.compare_delete(("kept", count(value))))?.expect_err("of another version");
            Ok(())
        },
        ("atomic", parameter) => return atomic_caller(parameter),
        ("list" | "delete all", "prefix") => |space, value| over(space, KeyRange::prefix(one(value)?)),
        ("list" | "delete all", "start") => |space, value| {
            // Nothing comes after the end, so that nothing is deleted.
            over(space, KeyRange::between(one(value)?, Key::from(false)))?;
            now(space.list(KeyRange::from(one(value)?))).map(drop)
        },
        ("list" | "delete all", "end") => |space, value| {
            over(space, KeyRange::between(endless(), one(value)?))?;
            now(space.list(KeyRange::before(one(value)?))).map(drop)
        },
        ("list", "limit") => |space, value| {
            let limit = usize::try_from(count(value)).expect("64 bits");
            let found = now(space.list(KeyRange::all()).limit(limit))?.len();
            assert_eq!(found, limit.min(1));
            assert_eq!(now(space.list(KeyRange::all()).limit(limit).reverse())?.len(), found);
            Ok(())
        },
        ("delete all", "except") => |space, value| {
            let except = [vec![Key::from("kept")], keys(value)?].concat();
            now(space.delete_all_except(KeyRange::all(), except)).map(|deleted| assert_eq!(deleted, []))
        },
        ("watch", "keys") => |space, value| {
            first(space.watch(keys(value)?))?;
            first(space.watch([vec![Key::from("b")], keys(value)?].concat()))
        },
        ("watch", "prefix") => |space, value| first(space.watch_prefix(one(value)?)),
        ("update", parameter) => return update_caller(parameter),
        ("transact", parameter) => return transact_caller(parameter),
        ("sub-space", parameter) => return sub_space_caller(parameter),
        ("cells of a port", parameter) => return port_caller(parameter),
        _ => return None,
    })
}

fn atomic_caller(parameter: &str) -> Option<Caller> {
    Some(match parameter {
        "check" => |space, value| {
            now(space.atomic().check((one(value)?, 0)).commit())?.expect("absent");
            Ok(())
        },
        "version" => |space, value| {
            now(space.atomic().set("b", ()).check(("kept", count(value))).commit())?.expect_err("of another version");
            Ok(())
        },
        "set" => |space, value| {
            now(space.atomic().set("b", ()).set(one(value)?, ()).commit())?.expect("no condition");
            now(space.atomic().delete("b").delete(one(value)?).commit())?.expect("no condition");
            Ok(())
        },
        "insert" => |space, value| {
            now(space.atomic().insert(one(value)?, ()).commit())?.expect("absent");
            now(space.atomic().delete(one(value)?).commit())?.expect("no condition");
            Ok(())
        },
        "delete" => |space, value| {
            now(space.atomic().set("b", ()).delete(one(value)?).delete("b").commit())?.expect("no condition");
            Ok(())
        },
        "expire_in" => |space, value| {
            now(space.atomic().set("b", ()).expire_in(duration(value)).commit())?.expect("no condition");
            now(space.delete("b")).map(drop)
        },
        "keys" => |space, value| {
            let guard = holding(space, value)?;
            let set = space.atomic().set("b", ()).guard(&guard).guard_keys(&guard, keys(value)?);
            now(set.commit())?.expect("no condition");
            now(space.delete("b")).map(drop)
        },
        _ => return None,
    })
}

fn sub_space_caller(parameter: &str) -> Option<Caller> {
    Some(match parameter {
        "prefix" => |space, value| {
            let within = space.within(one(value)?);
            now(within.set("b", ()))?;
            now(within.delete("b"))?;
            now(within.lock(["b", "c"])).map(drop)
        },
        "key" => |space, value| {
            let (within, place) = (space.within("in"), Within::new("in").within("deeper"));
            drop(now(within.lock(one(value)?))?);
            drop(now(space.request(LockSpec::new(one(value)?).within(&place)))?);
            now(within.get(one(value)?)).map(|entry| assert_eq!(entry.version, 0))
        },
        "range" => |space, value| {
            let within = space.within("in").within("deeper");
            let place = Within::new("in");
            now(space.list(place.range(&KeyRange::prefix(one(value)?))))?;
            over(&within, KeyRange::prefix(one(value)?))?;
            assert_eq!(place.unwrap(&place.wrap(&one(value)?)), Some(one(value)?));
            Ok(())
        },
        _ => return None,
    })
}

fn port_caller(parameter: &str) -> Option<Caller> {
    Some(match parameter {
        "get" => |space, value| space.port(|| {}).get(&one(value)?).map(drop),
        "get_many" => |space, value| space.port(|| {}).get_many(&keys(value)?).map(drop),
        "list" => |space, value| space.port(|| {}).list(&Scan::new(KeyRange::prefix(one(value)?))).map(drop),
        "limit" => |space, value| {
            let limit = usize::try_from(count(value)).expect("64 bits");
            let found = space.port(|| {}).list(&Scan::new(KeyRange::all()).limit(limit).reverse())?;
            assert_eq!(found.len(), limit.min(1));
            Ok(())
        },
        "check" => |space, value| {
            committed(space, |commit| {
                commit.check(one(value)?, 0);
                Ok(())
            })
        },
        "set" => |space, value| {
            committed(space, |commit| {
                commit.set(one(value)?, Some(0), (), Expiry::Never);
                Ok(())
            })?;
            committed(space, |commit| {
                commit.delete(one(value)?, None);
                Ok(())
            })
        },
        "delete" => |space, value| {
            committed(space, |commit| {
                commit.delete(one(value)?, Some(0));
                Ok(())
            })
        },
        "version" => |space, value| {
            let mut commit = Commit::new();
            commit.set("kept".into(), Some(count(value)), (), Expiry::Keep);
            let outcome = space.port(|| {}).commit(commit)?;
            assert_eq!(outcome.expect_err("of another version").len(), 1);
            Ok(())
        },
        "expire_in" => |space, value| {
            committed(space, |commit| {
                commit.set("b".into(), None, (), Expiry::In(duration(value)));
                Ok(())
            })?;
            committed(space, |commit| {
                commit.delete("b".into(), None);
                Ok(())
            })
        },
        "guard" => |space, value| {
            let guard = holding(space, value)?;
            let named = Some(keys(value)?);
            committed(space, |commit| {
                commit.guard(Some(guard.ticket()), guard.token(), named);
                Ok(())
            })
        },
        "delete_all" => |space, value| {
            let range = KeyRange::prefix(one(value)?);
            space.port(|| {}).delete_all(&range, &["kept".into()]).map(|deleted| assert_eq!(deleted, []))
        },
        "except" => |space, value| {
            let except = [vec![Key::from("kept")], keys(value)?].concat();
            space.port(|| {}).delete_all(&KeyRange::all(), &except).map(|deleted| assert_eq!(deleted, []))
        },
        "next_of" => |space, value| {
            let (port, mut watch) = (space.port(|| {}), space.watch(keys(value)?));
            assert!(port.next_of(&mut watch, 1)?.is_some() && port.next_of(&mut watch, 2)?.is_none());
            Ok(())
        },
        _ => return None,
    })
}

/// Lists a range and deletes what is in it, but for what is always there.
fn over(space: &Space, range: KeyRange) -> Result<(), Error> {
    now(space.list(range.clone()))?;
    let deleted = now(space.delete_all_except(range, "kept"))?;
    assert_eq!(deleted, []);
    Ok(())
}

/// The first item of a watch.
fn first(mut watch: latchwork::Watch<()>) -> Result<(), Error> {
    let mut first = Task::new(std::future::poll_fn(|cx| {
        futures::Stream::poll_next(std::pin::Pin::new(&mut watch), cx).map(|item| item.expect("not at its end"))
    }));
    let std::task::Poll::Ready(item) = first.poll() else { panic!("the first item comes at once") };
    drop(first);
    watch.end();
    item.map(drop)
}

fn committed(space: &Space, step: impl FnOnce(&mut Commit<()>) -> Result<(), Error>) -> Result<(), Error> {
    let (port, mut commit): (Port, _) = (space.port(|| {}), Commit::new());
    step(&mut commit)?;
    port.commit(commit)?.expect("the conditions are met");
    Ok(())
}

/// A key that comes after all that the table has.
fn endless() -> Key {
    Key::from(vec![u8::MAX; 64])
}
