//! The matrix of bad input: every public operation, every parameter, every value, from one table for all hosts.
//!
//! Most wrong values cannot be written in this language; those are counted as what the compiler refuses.

mod call_callers;
mod callers;
mod cell_callers;
mod owners;
mod receivers;
mod surface;
mod table;
mod values;

use std::collections::BTreeSet;
use std::io::Write;

use callers::{Caller, caller};
use latchwork::{
    Error, ErrorKind, Grant, Key, KeyRange, LockSpec, ManualClock, Port, Registry, Settled, Space, Ticket,
};
use latchwork_tests::poll::{Task, now};
use receivers::receiver_caller;
use table::{Operation, Table};

/// Messages do not repeat what they were given, at most an address.
const LONGEST_MESSAGE: usize = 2500;

/// The receivers that cannot be had in this language: a method belongs to a value of its type.
const NOT_SPELLED: [&str; 3] = ["no space", "no guard", "no owner"];

#[derive(Default)]
struct Count {
    cases: usize,
    refused_by_the_compiler: usize,
}

#[test]
fn every_operation_refuses_what_it_must() {
    let table = Table::read();
    let operations = table.operations();
    let mut count = Count::default();
    let mut failures = Vec::new();
    for operation in &operations {
        for (parameter, kind) in &operation.parameters {
            let values = table.values_at(kind);
            count.refused_by_the_compiler += table.values.len() - values.len();
            let Some(caller) = caller(&operation.name, parameter) else {
                assert!(values.is_empty(), "nobody gives {parameter} of {} its values", operation.name);
                continue;
            };
            assert!(!values.is_empty(), "{parameter} of {} is given nothing", operation.name);
            count.cases += values.len();
            failures.extend(try_values(&values, caller).map(|why| format!("{}({parameter}): {why}", operation.name)));
        }
        count.cases += try_receivers(operation, &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let Count { cases, refused_by_the_compiler } = count;
    assert!(cases > 200, "only {cases} cases");
    // Past the capture of test output: a person reads this line.
    let operations = operations.len();
    let line = format!("bad-input host=rust operations={operations} cases={cases}");
    let _ = writeln!(std::io::stdout().lock(), "{line} refused-by-the-compiler={refused_by_the_compiler}");
}

/// Tries each value on a space that is held and waited for; tells what went wrong.
fn try_values(values: &[(String, bool)], caller: Caller) -> impl Iterator<Item = String> {
    let mut failures = Vec::new();
    for shards in [1, 4] {
        let space = Space::builder().clock(ManualClock::new()).shards(shards).build();
        let _held = now(space.lock("held")).expect("free");
        let mut waiting = Task::new(space.lock(["held", "behind"]).into_future());
        assert!(waiting.poll().is_pending());
        now(space.set("kept", ())).expect("open");
        let seen = || {
            let cells = now(space.list(KeyRange::all())).expect("open");
            format!("{:?} {cells:?}", now(space.query()).expect("open"))
        };
        let before = seen();
        for (value, right) in values {
            let why = match caller(&space, value) {
                Ok(()) if *right => None,
                Ok(()) => Some("accepted".to_owned()),
                Err(error) if *right => Some(format!("refused: {error}")),
                Err(error) => wrong_refusal(&error),
            };
            let why = why.or_else(|| (seen() != before).then(|| format!("it changed {before} to {}", seen())));
            failures.extend(why.map(|why| format!("{value}: {why}")));
            assert!(now(space.try_lock(["works", "still"])).expect("open").is_some(), "after {value}");
        }
    }
    failures.into_iter()
}

fn wrong_refusal(error: &Error) -> Option<String> {
    let message = error.to_string();
    if error.kind() != ErrorKind::Invalid {
        return Some(format!("the code is {}: {message}", error.code()));
    }
    let (Some(what), Some(why)) = (error.what(), error.why()) else {
        return Some(format!("it names nothing: {message}"));
    };
    if !message.contains(what) || !message.contains(why) || why.is_empty() {
        return Some(format!("the message does not say what and why: {message}"));
    }
    if !message.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some(format!("the message is not lower-case: {message}"));
    }
    // Keys are named by their kind here: several are one argument.
    let named = ["key", "prefix", "url", "timeout", "max_hold", "clock", "attempts", "owner"].contains(&what)
        && message.len() <= LONGEST_MESSAGE;
    (!named).then(|| format!("it names {what}, in {} bytes", message.len()))
}

fn try_receivers(operation: &Operation, failures: &mut Vec<String>) -> usize {
    let mut tried = 0;
    for (receiver, code) in &operation.receivers {
        if NOT_SPELLED.contains(&receiver.as_str()) {
            continue;
        }
        let call = receiver_caller(&operation.name, receiver);
        let call = call.unwrap_or_else(|| panic!("nobody calls {} on a {receiver}", operation.name));
        let space = Space::new();
        space.close();
        let ended = call(&space).map_or_else(|error| error.code(), |()| "accepted");
        if ended != code {
            failures.push(format!("{} on a {receiver}: {ended}, not {code}", operation.name));
        }
        tried += 1;
    }
    tried
}

#[test]
fn every_public_function_is_in_the_table() {
    let table = Table::read();
    let found = surface::public_functions();
    assert!(found.len() > 80, "found only {found:?}");
    let listed: BTreeSet<String> = table.operations().into_iter().flat_map(|operation| operation.members).collect();
    let exempt: BTreeSet<String> = table.exempt().into_iter().collect();
    let missing: Vec<_> = found.iter().filter(|name| !listed.contains(*name) && !exempt.contains(*name)).collect();
    assert!(missing.is_empty(), "not in tests/bad-input/table.json: {missing:?}");
    let stale: Vec<_> = listed.union(&exempt).filter(|name| !found.contains(*name)).collect();
    assert!(stale.is_empty(), "in the table and not in the crate: {stale:?}");
}

#[test]
fn every_value_is_spelled_or_says_why_not() {
    let table = Table::read();
    let spelled: BTreeSet<&String> =
        table.values.iter().filter(|(_, value)| value.rust.is_string()).map(|(name, _)| name).collect();
    let kinds: BTreeSet<String> =
        table.operations().into_iter().flat_map(|operation| operation.parameters.into_values()).collect();
    let used: BTreeSet<String> = kinds.iter().flat_map(|kind| table.values_at(kind)).map(|(value, _)| value).collect();
    let unknown: Vec<_> = used.iter().filter(|value| !spelled.contains(value)).collect();
    assert!(unknown.is_empty(), "used and not spelled: {unknown:?}");
    let unused: Vec<_> = spelled.iter().filter(|value| !used.contains(**value)).collect();
    assert!(unused.is_empty(), "spelled and not used: {unused:?}");
}

/// The control: a lock that takes anything for a key.
#[test]
fn a_caller_that_takes_anything_fails() {
    let values = Table::read().values_at("keys");
    let wrong = values.iter().filter(|(_, right)| !right).count();
    let lenient: Caller = |space, _| now(space.lock("any")).map(drop);
    assert_eq!(try_values(&values, lenient).count(), 2 * wrong);
    let forgetful: Caller = |space, value| {
        now(space.lock("any")).map(std::mem::forget)?;
        values::keys(value).map(drop)
    };
    let changed = try_values(&values[..1], forgetful).collect::<Vec<_>>();
    assert!(changed.iter().all(|why| why.contains("it changed")) && changed.len() == 2, "{changed:?}");
}

#[test]
fn a_clock_that_is_not_the_one_of_the_name() {
    let spaces = Registry::new();
    let open = |clock: ManualClock| spaces.open("orders", Space::builder().clock(clock));
    let clock = ManualClock::new();
    let space = open(clock.clone()).expect("the first");
    let error = open(ManualClock::new()).expect_err("another clock");
    assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some("clock")));
    let error = spaces.open("orders", Space::builder()).expect_err("no clock");
    assert_eq!((error.kind(), error.what()), (ErrorKind::Invalid, Some("clock")));
    open(clock).expect("the same clock").close();
    assert!(now(space.try_lock("k")).expect("open").is_some());
}

/// Tickets are numbers to bindings: one that names nothing, or something that is gone, changes nothing.
#[test]
fn tickets_that_name_nothing() {
    for shards in [1, 4] {
        let space = Space::builder().shards(shards).build();
        let port = space.port(|| {});
        let held = now(space.lock(["k", "l"])).expect("free");
        let gone = now(space.lock("gone")).expect("free").ticket();
        let mut stale = vec![gone, now(Space::new().lock("k")).expect("free").ticket()];
        stale.retain(|ticket| *ticket != held.ticket());
        let numbers = [(0, 0), (u64::MAX, u64::MAX), (1 << 52, 1), (5, u64::MAX), (u64::from(u32::MAX), 1)];
        stale.extend(numbers.map(|(place, number)| Ticket::from_parts(place, number)));
        for ticket in stale {
            names_nothing(&space, &port, ticket);
            assert!(held.held(), "{ticket:?}");
        }
        assert!(port.lock(&LockSpec::new("free"), 1).is_ok());
    }
}

fn names_nothing(space: &Space, port: &Port, ticket: Ticket) {
    let mut settled: Vec<Settled> = Vec::new();
    for error in [
        space.release(ticket).expect_err("no such ticket"),
        port.release(ticket).expect_err("no such ticket"),
        port.release_into(ticket, &mut settled).expect_err("no such ticket"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotHeld, "{error}");
    }
    assert!(settled.is_empty() && !port.held(ticket));
    assert_eq!(port.confirm(ticket).expect_err("no such ticket").kind(), ErrorKind::Cancelled);
    assert_eq!(port.cancel(ticket), latchwork::Cancelled::Gone);
    space.abandon(ticket);
    owns_nothing(space, port, ticket);
}

/// The same of what can be done with a grant besides.
fn owns_nothing(space: &Space, port: &Port, ticket: Ticket) {
    let key = Key::from("k");
    for keys in [&[][..], std::slice::from_ref(&key)] {
        for error in [
            port.release_keys(ticket, keys).expect_err("no such ticket"),
            port.downgrade(ticket, Some(keys)).expect_err("no such ticket"),
            port.downgrade(ticket, None).expect_err("no such ticket"),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotHeld, "{error}");
        }
    }
    let owner = port.owner(None);
    for to in [owner.id(), "nobody", ""] {
        let error = port.hand_over(ticket, to, Some(Box::new(5))).expect_err("no such ticket");
        assert_eq!(error.kind(), ErrorKind::NotHeld, "{error}");
    }
    assert!(!port.watch_lost(ticket, 1));
    assert!(port.take_handed(Grant { ticket, token: 1, abandoned: false }).is_none());
    assert!(port.take_handed_over(&owner).is_none());
    port.adopt(ticket, &owner);
    assert_eq!(port.close_owner(&owner), 0);
    port.adopt(ticket, &owner);
    assert_eq!((port.close_owner(&owner), space.owner("o").close()), (0, 0));
}
