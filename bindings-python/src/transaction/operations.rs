//! What a body does through its handle: the same for both APIs.

use std::sync::Arc;

use latchwork::{Call, Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::callbacks::NOBODY_AWAITS;
use super::{AnySpace, Driver, Inserted, Lifetime};
use crate::bytes::Value;
use crate::cells::{Cells, Entry, Range, Refused};
use crate::{convert, error};

/// The operations of one run of a body, or of a savepoint in it.
pub(crate) struct Operations {
    driver: Arc<Driver>,
    scope: u64,
    attempt: u32,
}

impl Operations {
    pub(super) fn new(driver: Arc<Driver>, scope: u64, attempt: u32) -> Operations {
        Operations { driver, scope, attempt }
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// One cell, as the body has left it.
    pub(crate) fn read(&self, key: &Bound<'_, PyAny>) -> PyResult<Entry> {
        let py = key.py();
        let key = self.space().key(key)?;
        let entry = self.call(py)?.get(self.scope, &key).map_err(|error| self.refused(py, error))?;
        self.space().entry(py, entry)
    }

    /// Several cells.
    pub(crate) fn read_many(&self, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Entry>> {
        let py = keys.py();
        let keys = self.space().keys(keys)?;
        let entries = self.call(py)?.get_many(self.scope, &keys).map_err(|error| self.refused(py, error))?;
        self.space().entries(py, entries)
    }

    /// The cells of a range.
    pub(crate) fn scan(
        &self,
        py: Python<'_>,
        range: &Range<'_, '_>,
        limit: Option<&Bound<'_, PyAny>>,
        reverse: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Entry>> {
        let scan = self.space().asked_scan(range, limit, reverse)?;
        let entries = self.call(py)?.list(self.scope, &scan).map_err(|error| self.refused(py, error))?;
        self.space().entries(py, entries)
    }

    /// Sets a cell when the transaction commits.
    pub(crate) fn put(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        expire_in: &Lifetime<'_>,
    ) -> PyResult<()> {
        let py = key.py();
        let key = self.space().key(key)?;
        let expiry = expire_in.expiry(py, self.space())?;
        let value = self.space().codec().encode(value)?;
        self.call(py)?.set(self.scope, &key, value, expiry).map_err(|error| self.refused(py, error))
    }

    /// Sets a cell that is absent, when the transaction commits.
    pub(crate) fn insert<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        expire_in: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let key = self.space().key(key)?;
        let expiry = self.space().expiry(py, expire_in)?;
        let value = self.space().codec().encode(value)?;
        let there = self.call(py)?.insert(self.scope, &key, value, Some(expiry));
        match there.map_err(|error| self.refused(py, error))? {
            None => Ok(Bound::new(py, Inserted)?.into_any()),
            Some(entry) => {
                let entry = Py::new(py, self.space().entry(py, entry)?)?;
                Ok(Bound::new(py, Refused { entry })?.into_any())
            }
        }
    }

    /// Deletes a cell when the transaction commits.
    pub(crate) fn take(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = key.py();
        let key = self.space().key(key)?;
        self.call(py)?.delete(self.scope, &key).map_err(|error| self.refused(py, error))
    }

    /// Marks the scope as aborted. Answers what to raise.
    pub(crate) fn abort(&self, reason: &Bound<'_, PyAny>) -> PyErr {
        let py = reason.py();
        let abort = || {
            let told = self.call(py)?.abort(self.scope, &reason.str()?.to_string_lossy());
            if told.kind() != ErrorKind::Aborted {
                return Err(self.refused(py, told));
            }
            error::aborted(py, &told, reason)
        };
        match abort() {
            Ok(aborted) => self.driver.keep_aborted(py, aborted),
            Err(error) => error,
        }
    }

    /// Marks the attempt as one that waits for what it read. Answers what to raise.
    pub(crate) fn retry(&self, py: Python<'_>) -> PyErr {
        match self.call(py) {
            Ok(call) => self.refused(py, call.retry(self.scope)),
            Err(error) => error,
        }
    }

    /// Has a function called after the commit.
    pub(crate) fn on_commit(&self, function: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = function.py();
        convert::function("fn", function)?;
        let later = py.import("inspect")?.call_method1("iscoroutinefunction", (function,))?;
        if later.is_truthy()? {
            return Err(error::wrong_type(py, "fn", NOBODY_AWAITS));
        }
        let call = self.call(py)?;
        let number = self.driver.keep_callback(function.clone().unbind());
        call.on_commit(self.scope, number).map_err(|error| self.refused(py, error))
    }

    /// Opens a savepoint. Answers what is done in it.
    pub(crate) fn enter(&self, py: Python<'_>) -> PyResult<Operations> {
        let scope = self.call(py)?.enter(self.scope).map_err(|error| self.refused(py, error))?;
        Ok(Operations { driver: Arc::clone(&self.driver), scope, attempt: self.attempt })
    }

    /// Leaves this savepoint: what was written in it stays, or goes where its body raised.
    ///
    /// # Errors
    ///
    /// What is to be raised then, whatever the body raised: it aborted the savepoint, or its attempt is over.
    pub(crate) fn leave(&self, py: Python<'_>, raised: Option<&PyErr>) -> PyResult<()> {
        let call = self.call(py)?;
        match if raised.is_some() { call.undo(self.scope) } else { call.keep(self.scope) } {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Aborted => {
                Err(self.driver.take_aborted().unwrap_or_else(|| self.refused(py, error)))
            }
            Err(error) => Err(self.refused(py, error)),
        }
    }

    /// The space that the transaction is made on.
    pub(crate) fn space(&self) -> &AnySpace {
        self.driver.space()
    }

    fn call(&self, py: Python<'_>) -> PyResult<&Call<Value>> {
        self.driver.call(py)
    }

    fn refused(&self, py: Python<'_>, error: Error) -> PyErr {
        self.driver.refused(py, error)
    }
}
