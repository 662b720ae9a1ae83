//! The calls on cells: keys and values by the wire, what a commit came to by the lanes.

use std::cell::RefCell;
use std::sync::Arc;

use latchwork::{Commit, Conflict, Entry, Error, Expiry, Key, KeyRange, Scan, Ticket, Watch};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::numbered::Numbered;
use crate::ports::{self, Value};
use crate::scratch::{self, Lane, Outcome};
use crate::wire::{self, Reader, Writer};
use crate::{clock, convert, error, settle};

/// What a change does: checks only, sets, deletes. The script writes these numbers.
const SETS: f64 = 1.0;
const DELETES: f64 = 2.0;

/// What a demand says of its guard: it was released; the keys that it must hold follow.
const RELEASED: u64 = 1;
const NAMED: u64 = 2;

/// How a range is given: by a prefix, or by where it begins, ends, or both.
const PREFIX: u32 = 0;
const FROM: u32 = 1;
const BEFORE: u32 = 2;
const BETWEEN: u32 = 3;

/// What is watched is no range, but a list of keys.
const KEYS: u32 = 4;

/// The handle of a watch, and the watch.
type Watched = (u64, Watch<Value>);

thread_local! {
    /// What is watched, and through which handle; not there while it is looked at.
    static WATCHES: RefCell<Numbered<Option<Watched>>> = const { RefCell::new(Numbered::new()) };
}

/// In: a list of keys. These cells at one instant, in the order asked; 0 with outcome `Failed`.
#[wasm_bindgen(js_name = getCells)]
pub fn get_cells(handle: f64) -> usize {
    let got = wire::read(convert::raw_keys).and_then(|keys| ports::find(handle as u64).get_many(&keys));
    error::answer(got, entries)
}

/// In: the keys of a range. Its cells at one instant, in key order; 0 with outcome `Failed`. `limit`: infinity for none.
#[wasm_bindgen(js_name = listCells)]
pub fn list_cells(handle: f64, kind: u32, limit: f64, reverse: bool) -> usize {
    let scan = wire::read(|input| scan(input, kind, limit, reverse));
    error::answer(scan.and_then(|scan| ports::find(handle as u64).list(&scan)), entries)
}

/// In: changes and demands. Makes all changes, or none and answers the conditions that were not met, with `Refused`.
#[wasm_bindgen(js_name = commitCells)]
pub fn commit_cells(handle: f64) -> usize {
    let port = ports::find(handle as u64);
    let done = wire::read(commit).and_then(|commit| port.commit(commit));
    let address = match done {
        Ok(Ok(done)) => {
            scratch::set(Lane::Token, done.version);
            scratch::set(Lane::Deferred, done.existed.into());
            scratch::set_outcome(Outcome::Granted);
            0
        }
        Ok(Err(conflicts)) => {
            scratch::set_outcome(Outcome::Refused);
            wire::write(|out| out.list(&conflicts, conflict))
        }
        Err(error) => {
            error::fail(error);
            0
        }
    };
    settle::report(&port);
    address
}

/// In: the keys of a range, and a list of keys. Deletes all cells of the range but these; answers the keys.
#[wasm_bindgen(js_name = deleteCells)]
pub fn delete_cells(handle: f64, kind: u32) -> usize {
    let port = ports::find(handle as u64);
    let asked = wire::read(|input| Ok((range(input, kind)?, convert::raw_keys(input)?)));
    let deleted = asked.and_then(|(range, except)| port.delete_all(&range, &except));
    let address = error::answer(deleted, |out, keys| convert::keys(out, &keys));
    settle::report(&port);
    address
}

/// In: a range, or where the kind says so a list of keys. Prepares to watch these cells; answers the number of the watch, 0
/// with outcome `Failed`. Nothing is watched before the first look.
#[wasm_bindgen(js_name = watchCells)]
pub fn watch_cells(handle: f64, kind: u32) -> f64 {
    let port = ports::find(handle as u64);
    let watch = wire::read(|input| match kind {
        KEYS => Ok(port.space().watch(convert::raw_keys(input)?)),
        kind => Ok(port.watch_range(range(input, kind)?)),
    });
    match watch {
        Ok(watch) => WATCHES.with_borrow_mut(|watches| watches.add(Some((port.number, watch)))),
        Err(error) => {
            error::fail(error);
            0.0
        }
    }
}

/// The next state of what is watched, if there is one; else `Changed` with this tag is told when it is worth asking again.
/// 0 then, and with outcome `Failed`.
#[wasm_bindgen(js_name = nextOfCells)]
pub fn next_of_cells(number: f64, tag: f64) -> usize {
    let taken = WATCHES.with_borrow_mut(|watches| watches.get(number).and_then(Option::take));
    scratch::set_outcome(Outcome::Refused);
    let Some((handle, mut watch)) = taken else { return 0 };
    let next = ports::find(handle).next_of(&mut watch, tag as u64);
    WATCHES.with_borrow_mut(|watches| {
        if let Some(place) = watches.get(number) {
            *place = Some((handle, watch));
        }
    });
    match next.transpose() {
        Some(next) => error::answer(next, entries),
        None => 0,
    }
}

/// Ends a watch.
#[wasm_bindgen(js_name = endWatch)]
pub fn end_watch(number: f64) {
    let ended = WATCHES.with_borrow_mut(|watches| watches.take(number));
    drop(ended);
}

/// A scan of a range: at most so many cells, infinity for all.
pub(crate) fn scan(input: &mut Reader<'_>, kind: u32, limit: f64, reverse: bool) -> Result<Scan, Error> {
    let mut scan = Scan::new(range(input, kind)?);
    if limit.is_finite() {
        scan = scan.limit(limit as usize);
    }
    Ok(if reverse { scan.reverse() } else { scan })
}

/// The one or two keys of a range, and the prefixes of the sub-space whose keys these are.
fn range(input: &mut Reader<'_>, kind: u32) -> Result<KeyRange, Error> {
    let keys = &convert::raw_keys(input)?[..];
    let range = match (kind, keys) {
        (PREFIX, []) => KeyRange::all(),
        (PREFIX, [prefix]) => KeyRange::prefix(prefix.clone()),
        (FROM, [start]) => KeyRange::from(start.clone()),
        (BEFORE, [end]) => KeyRange::before(end.clone()),
        (BETWEEN, [start, end]) => KeyRange::between(start.clone(), end.clone()),
        _ => return Err(wire::malformed()),
    };
    Ok(match convert::place(input)? {
        Some(place) => place.range(&range),
        None => range,
    })
}

/// Keys; three numbers for each; the values of those that are set; four numbers for each guard; the keys that these name.
fn commit(input: &mut Reader<'_>) -> Result<Commit<Value>, Error> {
    let mut commit = Commit::new();
    let keys = convert::raw_keys(input)?;
    for (key, [kind, expected, expire_in]) in keys.into_iter().zip(numbers(input)?) {
        let expected = (expected >= 0.0).then_some(expected as u64);
        if kind == SETS {
            commit.set(key, expected, Box::from(wire::bytes(input)?), expiry(expire_in).unwrap_or(Expiry::Never));
        } else if kind == DELETES {
            commit.delete(key, expected);
        } else {
            commit.check(key, expected.unwrap_or_default());
        }
    }
    for (ticket, token, keys) in demands(input)? {
        commit.guard(ticket, token, keys);
    }
    Ok(commit)
}

/// A guard that is named: its ticket unless it was released, its token, and the keys that it must hold where these are named.
type Demand = (Option<Ticket>, u64, Option<Vec<Key>>);

/// Four numbers for each guard; the keys that these name.
pub(crate) fn demands(input: &mut Reader<'_>) -> Result<Vec<Demand>, Error> {
    let told: Vec<[f64; 4]> = numbers(input)?;
    let demand = |[place, number, token, flags]: [f64; 4]| {
        let flags = flags as u64;
        let ticket = (flags & RELEASED == 0).then(|| Ticket::from_parts(place as u64, number as u64));
        let keys = (flags & NAMED != 0).then(|| convert::raw_keys(input)).transpose()?;
        Ok((ticket, token as u64, keys))
    };
    told.into_iter().map(demand).collect()
}

/// When a cell expires: infinity for never; nothing where it is not said.
pub(crate) fn expiry(milliseconds: f64) -> Option<Expiry> {
    match milliseconds {
        said if said.is_nan() => None,
        never if never.is_infinite() => Some(Expiry::Never),
        after => Some(Expiry::In(clock::duration(after))),
    }
}

/// Numbers that cross as the bytes of doubles, so many for each item.
fn numbers<const N: usize>(input: &mut Reader<'_>) -> Result<Vec<[f64; N]>, Error> {
    let (doubles, _) = wire::bytes(input)?.as_chunks();
    let doubles: Vec<f64> = doubles.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    Ok(doubles.as_chunks().0.to_vec())
}

pub(crate) fn entries(out: &mut Writer, entries: Vec<Entry<Arc<Value>>>) {
    out.list(&entries, entry);
}

fn entry(out: &mut Writer, entry: &Entry<Arc<Value>>) {
    out.object(4);
    convert::key(out.field("key"), &entry.key);
    out.field("version").number(entry.version as f64);
    out.field("expiresIn").number_or_undefined(entry.expires_in.map(clock::milliseconds));
    let value = out.field("value");
    match &entry.value {
        Some(bytes) => value.bytes(bytes),
        None => value.undefined(),
    }
}

fn conflict(out: &mut Writer, conflict: &Conflict<Arc<Value>>) {
    out.object(2);
    out.field("expected").number(conflict.expected as f64);
    entry(out.field("entry"), &conflict.entry);
}
