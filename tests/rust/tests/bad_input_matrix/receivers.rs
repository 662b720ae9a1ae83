//! The operations on a receiver that cannot serve them any more.

use std::pin::Pin;

use futures::Stream;
use latchwork::{CallSpec, Change, Commit, Error, Guard, KeyRange, Owner, Scan, Space, Tx};
use latchwork_tests::poll::now;

/// Calls an operation that needs nothing but its receiver, which is this closed space or made on another one.
pub(crate) type ReceiverCaller = Box<dyn Fn(&Space) -> Result<(), Error>>;

type GuardCall = fn(&mut Guard) -> Result<(), Error>;
type OwnerCall = fn(&Owner) -> Result<(), Error>;

/// The same operation on a receiver that cannot serve it any more.
pub(crate) fn receiver_caller(operation: &str, receiver: &str) -> Option<ReceiverCaller> {
    if receiver == "closed space" {
        return Some(Box::new(space_call(operation)?));
    }
    if receiver.contains("guard") {
        let (made, call) = (ended_guard(receiver)?, guard_call(operation)?);
        return Some(Box::new(move |_| call(&mut made()?)));
    }
    let (made, call) = (ended_owner(receiver)?, owner_call(operation)?);
    Some(Box::new(move |_| call(&made())))
}

/// A call on a space.
type SpaceCall = fn(&Space) -> Result<(), Error>;

fn space_call(operation: &str) -> Option<SpaceCall> {
    Some(match operation {
        "lock" => |space| now(space.lock("b")).map(drop),
        "try lock" => |space| now(space.try_lock("b")).map(drop),
        "with lock" => |space| now(space.with_lock("b", async |_| panic!("the body does not run"))),
        "query" => |space| {
            now(space.query_keys("b")).expect_err("closed");
            now(space.query()).map(drop)
        },
        "close" => |space| {
            space.close();
            Ok(())
        },
        "owner" => |space| {
            assert_eq!(space.owner("o").close(), 0);
            assert_eq!(space.unnamed_owner().close(), 0);
            Ok(())
        },
        "revoke keys" => |space| {
            space.port(|| {}).revoke(&["b".into()]).expect_err("closed");
            space.revoke("b").map(drop)
        },
        "steal a key" => |space| {
            space.port(|| {}).steal(&"b".into(), None).expect_err("closed");
            space.steal("b").map(drop)
        },
        _ => return cell_call(operation),
    })
}

/// A call on the cells of a space.
fn cell_call(operation: &str) -> Option<SpaceCall> {
    Some(match operation {
        "update" => |space| {
            space.port(|| {}).update(&"b".into(), &CallSpec::new(), 1).expect_err("closed");
            now(space.update("b", |_| Change::Keep)).map(drop)
        },
        "transact" => |space| {
            space.port(|| {}).transact(&CallSpec::new(), 1).expect_err("closed");
            now(space.transact_sync(|_| Ok::<_, Error>(()))).expect_err("closed");
            now(space.transact(async |_: Tx<()>| Ok::<_, Error>(()))).map(drop)
        },
        "get" => |space| {
            space.port(|| {}).get(&"b".into()).expect_err("closed");
            now(space.get("b")).map(drop)
        },
        "get many" => |space| {
            space.port(|| {}).get_many(&[]).expect_err("closed");
            now(space.get_many("b")).map(drop)
        },
        "set" => |space| now(space.set("b", ())).map(drop),
        "insert" => |space| now(space.insert("b", ())).map(drop),
        "compare exchange" => |space| now(space.compare_exchange(("b", 0), ())).map(drop),
        "delete" => |space| {
            now(space.compare_delete(("b", 0))).expect_err("closed");
            now(space.delete("b")).map(drop)
        },
        "atomic" => |space| {
            space.port(|| {}).commit(Commit::new()).expect_err("closed");
            now(space.atomic().commit()).map(drop)
        },
        "list" => |space| {
            space.port(|| {}).list(&Scan::new(KeyRange::all())).expect_err("closed");
            now(space.list(KeyRange::all())).map(drop)
        },
        "delete all" => |space| {
            space.port(|| {}).delete_all(&KeyRange::all(), &[]).expect_err("closed");
            now(space.delete_all(KeyRange::all())).map(drop)
        },
        "watch" => |space| {
            space.port(|| {}).next_of(&mut space.watch_prefix(""), 1).expect_err("closed");
            let mut watch = space.watch("b");
            let first = now(std::future::poll_fn(|cx| Pin::new(&mut watch).poll_next(cx)));
            first.expect("the error is an item").map(drop)
        },
        "sub-space" => |space| {
            now(space.within("in").get("b")).expect_err("closed");
            now(space.within("in").lock("b")).map(drop)
        },
        _ => return None,
    })
}

fn ended_guard(receiver: &str) -> Option<fn() -> Result<Guard, Error>> {
    Some(match receiver {
        "released guard" => || {
            let mut guard = now(Space::new().lock("b"))?;
            guard.release()?;
            Ok(guard)
        },
        "guard of a closed space" => || {
            let space = Space::new();
            let guard = now(space.lock("b"))?;
            space.close();
            Ok(guard)
        },
        "lost guard" => || {
            let space = Space::new();
            let guard = now(space.lock("c").shared("b"))?;
            assert_eq!(space.revoke("c")?, 1);
            Ok(guard)
        },
        "guard that was handed over" => || {
            let space = Space::new();
            let mut guard = now(space.lock("c").shared("b"))?;
            let closed = space.owner("closed");
            closed.close();
            assert!(!guard.hand_over(&closed, ())?);
            Ok(guard)
        },
        _ => return None,
    })
}

fn guard_call(operation: &str) -> Option<GuardCall> {
    Some(match operation {
        "release" => |guard| guard.release(),
        "release some keys" => |guard| {
            guard.release_keys(Vec::<&str>::new()).expect_err("it is not held");
            guard.release_keys("b")
        },
        "downgrade a guard" => |guard| {
            guard.downgrade_keys(Vec::<&str>::new()).expect_err("it is not held");
            guard.downgrade_keys("b").expect_err("it is not held");
            guard.downgrade()
        },
        "hand a guard over" => |guard| {
            guard.hand_over_to("nobody", ()).expect_err("it is not held");
            guard.hand_over_to("", ()).map(drop)
        },
        _ => return None,
    })
}

fn ended_owner(receiver: &str) -> Option<fn() -> Owner> {
    Some(match receiver {
        "closed owner" => || {
            let owner = Space::new().owner("o");
            assert_eq!(owner.close(), 0);
            owner
        },
        "owner of a closed space" => || {
            let space = Space::new();
            let owner = space.owner("o");
            space.close();
            owner
        },
        _ => return None,
    })
}

fn owner_call(operation: &str) -> Option<OwnerCall> {
    Some(match operation {
        "lock of an owner" => |owner| now(owner.lock("b")).map(drop),
        "try lock of an owner" => |owner| now(owner.try_lock("b")).map(drop),
        "with lock of an owner" => |owner| now(owner.with_lock("b", async |_| panic!("the body does not run"))),
        "close an owner" => |owner| {
            assert_eq!((owner.close(), owner.close()), (0, 0));
            Ok(())
        },
        "next guard handed over" => |owner| now(owner.handed_over()).map(drop),
        _ => return None,
    })
}
