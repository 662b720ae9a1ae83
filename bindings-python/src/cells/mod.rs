//! Cells: what the spaces of both APIs do with them.

mod api;
mod atomic;
mod bond;
mod entry;
mod outcome;
mod range;
mod watch;
mod watched;

use std::sync::Arc;

use latchwork::{Commit, Committed, Expiry, Key, Outcome, Scan, Within};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(crate) use self::atomic::{Atomic, Steps};
pub(crate) use self::bond::Bond;
pub(crate) use self::entry::{Entry, Expected};
pub(crate) use self::outcome::{CellConflict, Conflicted, Deleted, Refused, Written, decides};
pub(crate) use self::range::Range;
pub(crate) use self::watch::CellWatch;
pub(crate) use self::watched::Watched;

use crate::bytes::{Port, Value};
use crate::codec::Codec;
use crate::place::{self, Place};
use crate::{convert, error};

/// A space whose cells can be read and written: what the two APIs share.
///
/// Every key goes in by [`inward`](Cells::inward) and comes out by [`outward`](Cells::outward): a sub-space has to say no
/// more than where its keys are.
pub(crate) trait Cells: Sized {
    /// The port of this process.
    fn cell_port(&self, py: Python<'_>) -> PyResult<&Port>;

    /// How values become bytes.
    fn codec(&self) -> &Codec;

    /// Sees to it that somebody tells what expires.
    fn keep_time(&self, py: Python<'_>) -> PyResult<()>;

    /// Where its keys are, if it is a sub-space.
    fn place(&self) -> Option<&Place>;

    /// The same as requests name it.
    #[inline]
    fn within(&self) -> Option<&Within> {
        self.place().map(Place::within)
    }

    /// The key of the core's space that a caller's key is.
    #[inline]
    fn inward(&self, key: Key) -> Key {
        match self.within() {
            None => key,
            Some(within) => within.wrap(&key),
        }
    }

    /// The caller's key that a key of the core's space is.
    #[inline]
    fn outward(&self, key: Key) -> Key {
        match self.within() {
            None => key,
            Some(within) => within.unwrap(&key).unwrap_or(key),
        }
    }

    /// The key that a caller gave.
    #[inline]
    fn key(&self, key: &Bound<'_, PyAny>) -> PyResult<Key> {
        Ok(self.inward(convert::one_key(self.within(), "key", key)?))
    }

    /// The keys that a caller gave as arguments.
    fn keys(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Key>> {
        let keys = convert::key_arguments(self.within(), keys.len(), keys.iter())?;
        Ok(place::wrapped(self.within(), keys))
    }

    /// An entry that the core answered.
    #[inline]
    fn entry<V: AsBytes>(&self, py: Python<'_>, mut entry: latchwork::Entry<V>) -> PyResult<Entry> {
        entry.key = self.outward(entry.key);
        self.own_entry(py, entry)
    }

    /// The same where the key is the caller's already.
    #[inline]
    fn own_entry<V: AsBytes>(&self, py: Python<'_>, entry: latchwork::Entry<V>) -> PyResult<Entry> {
        let value = entry.value.map(|value| self.codec().decode(py, value.as_bytes())).transpose()?;
        Ok(Entry::new(entry.key, value, entry.version, entry.expires_in))
    }

    /// Entries that the core answered.
    fn entries<V: AsBytes>(&self, py: Python<'_>, entries: Vec<latchwork::Entry<V>>) -> PyResult<Vec<Entry>> {
        entries.into_iter().map(|entry| self.entry(py, entry)).collect()
    }

    /// One cell as it is now.
    #[inline]
    fn read(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        let py = key.py();
        let key = self.key(key)?;
        let entry = self.cell_port(py)?.get(&key).map_err(|error| error::raise(py, &error))?;
        self.entry(py, entry)
    }

    /// Several cells at one instant.
    fn read_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        let py = keys.py();
        let keys = self.keys(keys)?;
        let entries = self.cell_port(py)?.get_many(&keys).map_err(|error| error::raise(py, &error))?;
        self.entries(py, entries)
    }

    /// The scan that a caller asks for.
    fn asked_scan(
        &self,
        range: &Range<'_, '_>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Scan> {
        let mut scan = Scan::new(range.keys(self.within())?);
        if let Some(limit) = limit {
            scan = scan.limit(convert::limit("limit", limit)?);
        }
        if reverse.map(|reverse| convert::switch("reverse", reverse)).transpose()? == Some(true) {
            scan = scan.reverse();
        }
        Ok(scan)
    }

    /// The cells of a range at one instant.
    fn scan(
        &self,
        py: Python<'_>,
        range: &Range<'_, '_>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Entry>> {
        let scan = self.asked_scan(range, limit, reverse)?;
        let entries = self.cell_port(py)?.list(&scan).map_err(|error| error::raise(py, &error))?;
        self.entries(py, entries)
    }

    /// Deletes the cells of a range. Answers their keys.
    fn sweep<'py>(
        &self,
        py: Python<'py>,
        range: &Range<'_, 'py>,
        except: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        if range.is_all() {
            return Err(error::wrong_value(py, "prefix", "must be there, or start, or end"));
        }
        let range = range.keys(self.within())?;
        let except = except.map(|except| convert::key_list(self.within(), "except_", except)).transpose()?;
        let except = place::wrapped(self.within(), except.unwrap_or_default());
        let gone = self.cell_port(py)?.delete_all(&range, &except).map_err(|error| error::raise(py, &error))?;
        gone.into_iter().map(|key| convert::key_to_py(py, &self.outward(key))).collect()
    }

    /// Sets a cell, whatever it is.
    #[inline]
    fn put(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        options: &WriteOptions<'_, '_>,
    ) -> PyResult<Written> {
        let done = self.write(Expected { key: self.key(key)?, version: None }, value, options)?;
        Ok(Written { version: done.map_or(0, |done| done.version) })
    }

    /// Sets a cell that is absent.
    #[inline]
    fn put_absent<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        options: &WriteOptions<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let done = self.write(Expected { key: self.key(key)?, version: Some(0) }, value, options)?;
        outcome::written(key.py(), done.map(|done| done.version))
    }

    /// Sets a cell that still has the version of an entry, or the one given with its key.
    #[inline]
    fn put_over<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        value: &Bound<'py, PyAny>,
        options: &WriteOptions<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let done = self.write(Expected::demanded(self, key, version)?, value, options)?;
        outcome::written(key.py(), done.map(|done| done.version))
    }

    /// Deletes a cell; given an entry or a version, only if it still has that.
    fn take<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        version: Option<&Bound<'py, PyAny>>,
        guard: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Expected { key, version } = Expected::given(self, key, version)?;
        let bond = guard.map(|guard| Bond::given(self.cell_port(py)?, guard, None)).transpose()?;
        let mut commit = Commit::new();
        commit.delete(key, version);
        let done = self.change_one(py, commit, bond.as_ref())?;
        outcome::deleted(py, done.map(|done| done.existed))
    }

    /// Sets a cell; with an expected version, only if it has that.
    #[inline]
    fn write(
        &self,
        Expected { key, version }: Expected,
        value: &Bound<'_, PyAny>,
        options: &WriteOptions<'_, '_>,
    ) -> PyResult<Result<Committed, Entry>> {
        let py = value.py();
        let expiry = self.expiry(py, options.expire_in)?;
        let bond = options.guard.map(|guard| Bond::given(self.cell_port(py)?, guard, None)).transpose()?;
        let mut commit = Commit::new();
        commit.set(key, version, self.codec().encode(value)?, expiry);
        self.change_one(py, commit, bond.as_ref())
    }

    /// Makes a change of one cell. Answers what it did, or the entry that stood in the way.
    #[inline]
    fn change_one(
        &self,
        py: Python<'_>,
        mut commit: Commit<Value>,
        bond: Option<&Bond>,
    ) -> PyResult<Result<Committed, Entry>> {
        if let Some(bond) = bond {
            bond.demand(&mut commit);
        }
        match self.change(py, commit)? {
            Ok(done) => Ok(Ok(done)),
            Err(mut conflicts) => {
                let conflict = conflicts.pop().expect("a commit fails by a condition");
                self.entry(py, conflict.entry).map(Err)
            }
        }
    }

    /// Makes all changes of a commit at one instant, or none.
    #[inline]
    fn change(&self, py: Python<'_>, commit: Commit<Value>) -> PyResult<Outcome<Arc<Value>>> {
        self.cell_port(py)?.commit(commit).map_err(|error| error::raise(py, &error))
    }

    /// When a cell expires that a caller sets.
    #[inline]
    fn expiry(&self, py: Python<'_>, expire_in: Option<&Bound<'_, PyAny>>) -> PyResult<Expiry> {
        let Some(expire_in) = expire_in else { return Ok(Expiry::Never) };
        let Some(time) = convert::longest("expire_in", expire_in)? else { return Ok(Expiry::Never) };
        self.keep_time(py)?;
        Ok(Expiry::In(time))
    }
}

/// The keyword arguments of a write, as they came.
pub(crate) struct WriteOptions<'a, 'py> {
    pub(crate) expire_in: Option<&'a Bound<'py, PyAny>>,
    pub(crate) guard: Option<&'a Bound<'py, PyAny>>,
}

/// A value as the core answers it.
pub(crate) trait AsBytes {
    fn as_bytes(&self) -> &[u8];
}

impl AsBytes for Value {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

impl AsBytes for Arc<Value> {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self
    }
}
