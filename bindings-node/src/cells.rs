//! The calls on cells. Numbers of single reads and writes cross in the scratch, where their lanes are those of
//! `CellLane` in `native.ts`; values cross as bytes, which are copied.

use std::ptr;
use std::sync::Arc;

use latchwork::{Commit, Conflict, Entry, Error, Expiry, Key, KeyRange, Scan, Ticket, Watch};
use napi::bindgen_prelude::{ToNapiValue, Uint8Array};
use napi::{Env, sys};
use napi_derive::napi;

use crate::clock::{from_milliseconds, milliseconds};
use crate::convert::{self, KeyValue, RawKey};
use crate::environment::{Environment, Value};
use crate::numbered::Numbered;
use crate::scratch::{DEFERRED, MAX_HOLD, NUMBER, Outcome, PLACE, TIMEOUT, TOKEN};

/// In: the version that the cell must have, below zero for any. Out: the version that it has.
pub(crate) const VERSION: usize = TOKEN;
/// In and out: milliseconds until it expires, Infinity for never.
pub(crate) const EXPIRES_IN: usize = MAX_HOLD;
/// In: the fencing token of the guard that the write names.
const GUARD: usize = TIMEOUT;
/// In: 0 for a write that names no guard, 1 for one with a guard, 2 where the guard was released. Out, of a delete: 1 where
/// the cell was there.
pub(crate) const FLAG: usize = DEFERRED;

/// A value on its way to JavaScript.
pub(crate) struct Bytes(pub(crate) Arc<Value>);

/// A cell, as `native.ts` describes it.
#[napi(object, object_from_js = false)]
pub(crate) struct RawEntry {
    pub key: KeyValue,
    pub value: Option<Bytes>,
    pub version: f64,
    /// Milliseconds.
    pub expires_in: Option<f64>,
}

/// A condition that was not met.
#[napi(object, object_from_js = false)]
pub(crate) struct RawConflict {
    pub expected: f64,
    pub entry: RawEntry,
}

/// A range of keys: a prefix, or where it begins and ends.
#[napi(object, object_to_js = false)]
pub(crate) struct RawRange {
    pub prefix: Option<RawKey>,
    pub start: Option<RawKey>,
    pub end: Option<RawKey>,
    /// The prefixes of the sub-space whose keys these are.
    pub within: Option<Vec<RawKey>>,
}

/// A condition, a write, or both: one with a value sets the cell.
#[napi(object, object_to_js = false)]
pub(crate) struct RawChange {
    pub key: RawKey,
    /// The version that it must have.
    pub expected: Option<f64>,
    pub value: Option<Uint8Array>,
    /// Milliseconds.
    pub expire_in: Option<f64>,
    pub deletes: bool,
}

/// A guard that a commit names.
#[napi(object, object_to_js = false)]
pub(crate) struct RawDemand {
    pub place: f64,
    pub number: f64,
    pub token: f64,
    /// Whether it was released or handed over.
    pub released: bool,
    pub keys: Option<Vec<RawKey>>,
}

/// What is watched in one environment.
pub(crate) type Watches = Numbered<Watched>;

#[derive(Debug)]
pub(crate) struct Watched {
    handle: u64,
    watch: Watch<Value>,
}

/// Cells at one instant, in the order asked.
#[napi(catch_unwind, js_name = "getCells")]
pub(crate) fn get_many(env: &Env, handle: f64, keys: Vec<RawKey>) -> napi::Result<Option<Vec<RawEntry>>> {
    let environment = Environment::of(env)?;
    let got = RawKey::keys(keys).and_then(|keys| environment.with(handle as u64, |port| port.get_many(&keys)));
    Ok(environment.answer(got).map(entries))
}

/// The cells of a range at one instant, in key order.
#[napi(catch_unwind, js_name = "listCells")]
pub(crate) fn list(
    env: &Env,
    handle: f64,
    range: RawRange,
    limit: f64,
    reverse: bool,
) -> napi::Result<Option<Vec<RawEntry>>> {
    let environment = Environment::of(env)?;
    let asked = scan(range, limit, reverse);
    let got = asked.and_then(|scan| environment.with(handle as u64, |port| port.list(&scan)));
    Ok(environment.answer(got).map(entries))
}

/// Makes all changes, or none and answers the conditions that were not met, with `Refused`. Settles.
#[napi(catch_unwind, js_name = "commitCells")]
pub(crate) fn commit(
    env: &Env,
    handle: f64,
    changes: Vec<RawChange>,
    demands: Vec<RawDemand>,
) -> napi::Result<Option<Vec<RawConflict>>> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let handle = handle as u64;
    let done = several(changes, demands).and_then(|commit| environment.with(handle, |port| port.commit(commit)));
    let conflicts = match environment.answer(done) {
        Some(Ok(done)) => {
            environment.scratch.set_whole(VERSION, done.version);
            None
        }
        Some(Err(conflicts)) => {
            environment.scratch.answer(Outcome::Refused);
            Some(conflicts.into_iter().map(RawConflict::from).collect())
        }
        None => None,
    };
    environment.report(env.raw(), handle);
    Ok(conflicts)
}

/// Deletes all cells of a range but some; answers the keys. Settles.
#[napi(catch_unwind, js_name = "deleteCells")]
pub(crate) fn delete_all(
    env: &Env,
    handle: f64,
    range: RawRange,
    except: Vec<RawKey>,
) -> napi::Result<Option<Vec<KeyValue>>> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let handle = handle as u64;
    let deleted = || -> Result<Vec<Key>, Error> {
        let (range, except) = (range.range()?, RawKey::keys(except)?);
        environment.with(handle, |port| port.delete_all(&range, &except))
    };
    let keys = environment.answer(deleted()).map(|keys| keys.iter().map(KeyValue::from).collect());
    environment.report(env.raw(), handle);
    Ok(keys)
}

/// Prepares to watch these cells; answers the number of the watch. Nothing is watched before the first look.
#[napi(catch_unwind, js_name = "watchCells")]
pub(crate) fn watch(env: &Env, handle: f64, keys: Vec<RawKey>) -> napi::Result<Option<f64>> {
    let environment = Environment::of(env)?;
    let handle = handle as u64;
    let watch = RawKey::keys(keys).map(|keys| environment.with(handle, |port| port.space().watch(keys)));
    Ok(environment.answer(watch).map(|watch| environment.watches.add(Watched { handle, watch })))
}

/// As [`watch`], of all cells of a range.
#[napi(catch_unwind, js_name = "watchCellsOf")]
pub(crate) fn watch_range(env: &Env, handle: f64, range: RawRange) -> napi::Result<Option<f64>> {
    let environment = Environment::of(env)?;
    let handle = handle as u64;
    let watch = range.range().map(|range| environment.with(handle, |port| port.watch_range(range)));
    Ok(environment.answer(watch).map(|watch| environment.watches.add(Watched { handle, watch })))
}

/// The next state of what is watched, if there is one; else `Changed` with this tag is told when it is worth asking again.
#[napi(catch_unwind, js_name = "nextOfCells")]
pub(crate) fn next_of(env: &Env, number: f64, tag: f64) -> napi::Result<Option<Vec<RawEntry>>> {
    let environment = Environment::of(env)?;
    let Some(Watched { handle, mut watch }) = environment.watches.take(number) else { return Ok(None) };
    let next = environment.with(handle, |port| port.next_of(&mut watch, tag as u64));
    environment.watches.put_back(number, Watched { handle, watch });
    Ok(environment.answer(next).flatten().map(entries))
}

/// Ends a watch.
#[napi(catch_unwind, js_name = "endWatch")]
pub(crate) fn end_watch(env: &Env, number: f64) -> napi::Result<()> {
    let ended = Environment::of(env)?.watches.take(number);
    drop(ended);
    Ok(())
}

/// Somebody waits for a change. Answers whether another thread can make one: then the process stays.
#[napi(catch_unwind, js_name = "awaitChange")]
pub(crate) fn await_change(env: &Env, handle: f64) -> napi::Result<bool> {
    let environment = Environment::of(env)?;
    environment.waits(env.raw(), handle as u64);
    Ok(environment.is_named(handle as u64))
}

/// The opposite of [`await_change`] where that kept the process.
#[napi(catch_unwind, js_name = "awaitedChange")]
pub(crate) fn awaited_change(env: &Env) -> napi::Result<()> {
    Environment::of(env)?.waited(env.raw(), true);
    Ok(())
}

/// The commit of one write, on the conditions that the scratch has.
pub(crate) fn single(environment: &Environment, key: Key, value: Option<Value>) -> Commit<Value> {
    let scratch = &environment.scratch;
    let mut commit = Commit::new();
    let expected = scratch.lane(VERSION);
    let expected = (expected >= 0.0).then_some(expected as u64);
    let expiry = expiry(scratch.lane(EXPIRES_IN)).unwrap_or(Expiry::Never);
    match value {
        Some(value) => commit.set(key, expected, value, expiry),
        None => commit.delete(key, expected),
    }
    match scratch.whole(FLAG) {
        0 => {}
        guarded => {
            let ticket = (guarded == 1).then(|| Ticket::from_parts(scratch.whole(PLACE), scratch.whole(NUMBER)));
            commit.guard(ticket, scratch.whole(GUARD), None);
        }
    }
    commit
}

fn several(changes: Vec<RawChange>, demands: Vec<RawDemand>) -> Result<Commit<Value>, Error> {
    let mut commit = Commit::new();
    for RawChange { key, expected, value, expire_in, deletes } in changes {
        let (key, expected) = (key.key()?, expected.map(|version| version as u64));
        match (value, expected) {
            (Some(value), _) => {
                commit.set(key, expected, Box::from(&*value), expire_in.and_then(expiry).unwrap_or(Expiry::Never));
            }
            (None, Some(version)) if !deletes => commit.check(key, version),
            (None, _) => commit.delete(key, expected),
        }
    }
    for RawDemand { place, number, token, released, keys } in demands {
        let ticket = (!released).then(|| Ticket::from_parts(place as u64, number as u64));
        commit.guard(ticket, token as u64, keys.map(RawKey::keys).transpose()?);
    }
    Ok(commit)
}

/// When a cell expires: infinity for never; nothing where it is not said.
pub(crate) fn expiry(milliseconds: f64) -> Option<Expiry> {
    match milliseconds {
        said if said.is_nan() => None,
        never if never.is_infinite() => Some(Expiry::Never),
        after => Some(Expiry::In(from_milliseconds(after))),
    }
}

/// A scan of a range: at most so many cells, infinity for all.
pub(crate) fn scan(range: RawRange, limit: f64, reverse: bool) -> Result<Scan, Error> {
    let mut scan = Scan::new(range.range()?);
    if limit.is_finite() {
        scan = scan.limit(limit as usize);
    }
    Ok(if reverse { scan.reverse() } else { scan })
}

/// Writes a cell to the scratch, and answers its value.
pub(crate) fn tell(environment: &Environment, entry: Entry<Arc<Value>>) -> Option<Bytes> {
    environment.scratch.set_whole(VERSION, entry.version);
    environment.scratch.set(EXPIRES_IN, entry.expires_in.map_or(f64::INFINITY, milliseconds));
    entry.value.map(Bytes)
}

pub(crate) fn entries(all: Vec<Entry<Arc<Value>>>) -> Vec<RawEntry> {
    all.into_iter().map(RawEntry::from).collect()
}

impl RawRange {
    fn range(self) -> Result<KeyRange, Error> {
        let RawRange { prefix, start, end, within } = self;
        let range = match (prefix, start, end) {
            (Some(prefix), _, _) => KeyRange::prefix(prefix.key()?),
            (None, Some(start), Some(end)) => KeyRange::between(start.key()?, end.key()?),
            (None, Some(start), None) => KeyRange::from(start.key()?),
            (None, None, Some(end)) => KeyRange::before(end.key()?),
            (None, None, None) => KeyRange::all(),
        };
        Ok(match convert::place(within)? {
            Some(place) => place.range(&range),
            None => range,
        })
    }
}

impl From<Entry<Arc<Value>>> for RawEntry {
    fn from(entry: Entry<Arc<Value>>) -> RawEntry {
        RawEntry {
            key: KeyValue::from(&entry.key),
            version: entry.version as f64,
            expires_in: entry.expires_in.map(milliseconds),
            value: entry.value.map(Bytes),
        }
    }
}

impl From<Conflict<Arc<Value>>> for RawConflict {
    fn from(conflict: Conflict<Arc<Value>>) -> RawConflict {
        RawConflict { expected: conflict.expected as f64, entry: RawEntry::from(conflict.entry) }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes(Arc::new(Box::from(bytes)))
    }
}

impl ToNapiValue for Bytes {
    unsafe fn to_napi_value(env: sys::napi_env, Bytes(value): Bytes) -> napi::Result<sys::napi_value> {
        let mut memory = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut array = ptr::null_mut();
        // SAFETY: the caller promises a live environment; the out pointers are to locals. The new buffer has room for the
        // value, and nobody else knows it yet.
        unsafe {
            crate::check(sys::napi_create_arraybuffer(env, value.len(), &mut memory, &mut buffer))?;
            if !value.is_empty() {
                ptr::copy_nonoverlapping(value.as_ptr(), memory.cast(), value.len());
            }
            let kind = sys::TypedarrayType::uint8_array;
            crate::check(sys::napi_create_typedarray(env, kind, value.len(), buffer, 0, &mut array))?;
        }
        Ok(array)
    }
}
