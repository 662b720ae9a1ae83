//! How each parameter of the table that is about updates and transactions is given a value in this language.

use latchwork::{Call, CallSpec, Change, Error, Expiry, Key, KeyRange, LocalTx, Scan, Space, Step, Tx};
use latchwork_tests::poll::now;

use super::callers::{Caller, holding, one};
use super::values::{count, duration, keys, text};

/// The caller of a parameter of an update. What was set is deleted again.
pub(crate) fn update_caller(parameter: &str) -> Option<Caller> {
    Some(match parameter {
        "key" => |space, value| {
            now(space.update(one(value)?, |_| Change::Set(())))?;
            now(space.update_async(one(value)?, async |_| Change::Delete))?;
            let port = space.port(|| {});
            let call = port.update(&one(value)?, &CallSpec::new(), 1)?;
            answered(&call)
        },
        "attempts" => |space, value| {
            let limit = u32::try_from(count(value)).expect("small");
            now(space.update("b", |_| Change::Keep).attempts(limit)).map(drop)?;
            space.port(|| {}).update(&Key::from("b"), &CallSpec::new().attempts(limit), 1).map(drop)
        },
        "timeout" => |space, value| {
            now(space.update("b", |_| Change::Keep).timeout(duration(value)))?;
            let port = space.port(|| {});
            answered(&port.update(&Key::from("b"), &CallSpec::new().timeout(duration(value)), 1)?)
        },
        "label" => |space, value| now(space.update("b", |_| Change::Keep).label(text(value))).map(drop),
        "keys" => |space, value| {
            let guard = holding(space, value)?;
            now(space.update("b", |_| Change::Keep).guard_keys(&guard, keys(value)?)).map(drop)
        },
        "expire_in" => |space, value| {
            now(space.update("b", |_| Change::Set(())).expire_in(duration(value)))?;
            now(space.delete("b")).map(drop)
        },
        _ => return None,
    })
}

/// The caller of a parameter of a transaction, whose writes are not kept.
pub(crate) fn transact_caller(parameter: &str) -> Option<Caller> {
    Some(match parameter {
        "key" => |space, value| {
            in_body(space, async |tx| {
                let key = one(value)?;
                tx.get(&key).await?;
                tx.set(&key, ())?;
                tx.delete(&key)?;
                tx.insert(&key, ()).await?.expect("absent");
                tx.transact(async |inner| inner.delete(&key)).await
            })?;
            let key = one(value)?;
            in_plain_body(space, |tx| {
                tx.get(&key)?;
                tx.set(&key, ())?;
                tx.delete(&key)?;
                tx.insert(&key, ())?.expect("absent");
                tx.transact(|inner| inner.delete(&key))
            })?;
            in_call(space, |call, scope| {
                call.get(scope, &key)?;
                call.set(scope, &key, (), None)?;
                call.delete(scope, &key)?;
                assert!(call.insert(scope, &key, (), None)?.is_none());
                let inner = call.enter(scope)?;
                call.undo(inner)
            })
        },
        "several" => |space, value| {
            in_body(space, async |tx| tx.get_many(keys(value)?).await.map(drop))?;
            let keys = keys(value)?;
            in_plain_body(space, |tx| tx.get_many(&keys[..]).map(drop))?;
            in_call(space, |call, scope| call.get_many(scope, &keys).map(drop))
        },
        "prefix" => |space, value| {
            let range = KeyRange::prefix(one(value)?);
            in_body(space, async |tx| tx.list(range.clone()).await.map(drop))?;
            in_plain_body(space, |tx| tx.list(range.clone()).map(drop))?;
            in_call(space, |call, scope| call.list(scope, &Scan::new(range.clone()).limit(1)).map(drop))
        },
        "attempts" => |space, value| {
            let limit = u32::try_from(count(value)).expect("small");
            now(space.transact(async |_: Tx<()>| Ok::<_, Error>(())).attempts(limit)).map(drop)
        },
        "timeout" => {
            |space, value| now(space.transact(async |_: Tx<()>| Ok::<_, Error>(())).timeout(duration(value))).map(drop)
        }
        "label" => {
            |space, value| now(space.transact(async |_: Tx<()>| Ok::<_, Error>(())).label(text(value))).map(drop)
        }
        "keys" => |space, value| {
            let guard = holding(space, value)?;
            let transact = space.transact(async |_: Tx<()>| Ok::<_, Error>(()));
            now(transact.guard_keys(&guard, keys(value)?)).map(drop)
        },
        "expire_in" => |space, value| {
            in_plain_body(space, |tx| tx.set_expiring("b", (), Expiry::In(duration(value))))?;
            in_body(space, async |tx| tx.set_expiring("b", (), Expiry::In(duration(value))))
        },
        "reason" => |space, value| {
            let aborted = now(space.transact(async |tx: Tx<()>| Err::<(), _>(tx.abort(&text(value)))));
            assert_eq!(aborted.expect_err("aborted").reason(), Some(&*text(value)));
            let aborted = now(space.transact_sync(|tx| Err::<(), _>(tx.abort(&text(value)))));
            assert_eq!(aborted.expect_err("aborted").reason(), Some(&*text(value)));
            in_call(space, |call, scope| {
                let inner = call.enter(scope)?;
                assert_eq!(call.abort(inner, &text(value)).reason(), Some(&*text(value)));
                call.keep(inner).expect_err("aborted");
                call.on_commit(scope, u64::MAX)
            })
        },
        _ => return None,
    })
}

/// An update through a port that keeps what is there.
fn answered(call: &Call<()>) -> Result<(), Error> {
    match call.go_on() {
        Step::Run(run) => {
            assert!(matches!(call.answer(run.scope, Change::Keep, Expiry::Keep), Step::Done(_)));
            call.cancel();
            Ok(())
        }
        Step::Failed(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// Does something in a transaction that is given up then.
fn in_body(space: &Space<()>, body: impl AsyncFn(&Tx<()>) -> Result<(), Error>) -> Result<(), Error> {
    let given_up = now(space.transact(async |tx: Tx<()>| {
        body(&tx).await?;
        Err::<(), _>(tx.abort("given up"))
    }));
    let error = given_up.expect_err("it was given up");
    if error.reason() == Some("given up") { Ok(()) } else { Err(error) }
}

/// The same with a body that is a plain function.
fn in_plain_body(space: &Space<()>, body: impl Fn(&mut LocalTx<'_, ()>) -> Result<(), Error>) -> Result<(), Error> {
    let given_up = now(space.transact_sync(|tx| {
        body(tx)?;
        Err::<(), _>(tx.abort("given up"))
    }));
    let error = given_up.expect_err("it was given up");
    if error.reason() == Some("given up") { Ok(()) } else { Err(error) }
}

/// The same through a port.
fn in_call(space: &Space<()>, body: impl Fn(&Call<()>, u64) -> Result<(), Error>) -> Result<(), Error> {
    let port = space.port(|| {});
    let call = port.transact(&CallSpec::new(), 1)?;
    let Step::Run(run) = call.go_on() else { panic!("it begins") };
    let outcome = body(&call, run.scope);
    assert!(matches!(call.threw(run.scope), Step::Threw));
    assert!(matches!(call.returned(run.scope), Step::Wait));
    outcome
}
