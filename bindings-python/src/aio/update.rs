//! `update` and `transact` of the asyncio API.

use pyo3::prelude::*;

use super::call::AioCall;
use super::space::AioSpace;
use super::transaction_coroutine;
use crate::convert;
use crate::transaction::{Body, Lifetime, Settings};

#[pymethods]
impl AioSpace {
    #[classattr]
    fn update(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "update")
    }

    #[classattr]
    fn transact(py: Python<'_>) -> PyResult<Py<PyAny>> {
        transaction_coroutine(py, "transact")
    }

    /// What `update` awaits: the result, or the call where it has to wait.
    #[pyo3(signature = (key, function, expire_in, guard = None, guard_keys = None, owner = None, attempts = None, timeout = None, label = None))]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn _update<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        function: &Bound<'py, PyAny>,
        expire_in: Lifetime<'py>,
        guard: Option<&Bound<'py, PyAny>>,
        guard_keys: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        attempts: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let body = Body::update(slf.get(), key, function, &expire_in)?;
        AioCall::begin(slf, (body, function), &Settings { guard, guard_keys, owner, attempts, timeout, label })
    }

    /// What `transact` awaits: the result, or the call where it has to wait.
    #[pyo3(signature = (function, guard = None, guard_keys = None, owner = None, attempts = None, timeout = None, label = None))]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn _transact<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        guard: Option<&Bound<'py, PyAny>>,
        guard_keys: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        attempts: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        convert::function("fn", function)?;
        AioCall::begin(
            slf,
            (Body::Transact, function),
            &Settings { guard, guard_keys, owner, attempts, timeout, label },
        )
    }
}
