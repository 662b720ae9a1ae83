//! `update` and `transact` of the blocking API.

use std::sync::Arc;
use std::time::Instant;

use latchwork::Step;
use pyo3::prelude::*;

use super::{AnySpace, Body, Driver, Lifetime, Mailbox, Pause, Resumptions, Settings};
use crate::bytes::Value;
use crate::space::Space;
use crate::{convert, wait};

impl Space {
    /// Makes a call, and blocks until it has ended.
    fn call(
        slf: &Bound<'_, Self>,
        body: (Body, &Bound<'_, PyAny>),
        settings: &Settings<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        let (py, space) = (slf.py(), slf.get());
        let resumptions = space.resumptions(py)?;
        let tag = resumptions.next_tag();
        // A manual clock tells time-outs itself, when it is moved.
        let timeout = settings.timeout()?.filter(|_| space.opening().clock().is_none());
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mailbox = Mailbox::Blocking(Arc::clone(resumptions));
        let driver = Driver::begin(py, AnySpace::Blocking(slf.clone().unbind()), mailbox, tag, body, settings)?;
        let ended = follow(py, &driver, resumptions, tag, deadline);
        if ended.is_err() {
            driver.cancel(py);
        }
        ended
    }
}

/// Does whatever the call asks for, to its end.
fn follow(
    py: Python<'_>,
    driver: &Arc<Driver>,
    resumptions: &Resumptions,
    tag: u64,
    deadline: Option<Instant>,
) -> PyResult<Py<PyAny>> {
    let mut step = driver.go_on(py)?;
    loop {
        step = match driver.proceed(py, step)? {
            Pause::Done(result) => return Ok(result),
            Pause::Body(scope, answer) => driver.ended(py, scope, Ok(answer.into_bound(py)))?,
            Pause::Waiting => blocked(py, driver, resumptions, tag, deadline)?,
        };
    }
}

/// Blocks until the call has something to go on with. The thread is not attached meanwhile.
fn blocked(
    py: Python<'_>,
    driver: &Driver,
    resumptions: &Resumptions,
    tag: u64,
    deadline: Option<Instant>,
) -> PyResult<Step<Value>> {
    let waiting = resumptions.wait(tag);
    loop {
        let step = driver.go_on(py)?;
        if !matches!(step, Step::Wait) {
            return Ok(step);
        }
        resumptions.settle();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        wait::block_on(py, Some(resumptions.space()), left, waiting.told())?;
    }
}

#[pymethods]
impl Space {
    /// Change a cell by a function of what it holds: call `fn(value, entry)` and set the cell to what it answers, if nobody
    /// has changed the cell meanwhile; else call it again with what the cell holds then.
    ///
    /// `fn` answers the new value, `KEEP` to leave the cell as it is, or `DELETE`. `None` is refused: a forgotten `return`
    /// must not change data. `value` is that of the entry, `None` if the cell is absent; `fn` may change it and return it. The
    /// result has the `value` of the cell, its `version`, how many `attempts` it took, and whether the cell was `changed`.
    ///
    /// However many update a cell, all of them succeed, and none calls its function more than four times: after three
    /// conflicts a call takes its turn, in which other calls wait for it. What carries no function, such as `set`, never waits
    /// for a turn; a call that loses against such writes 16 times in its turn gives up.
    ///
    /// Without `expire_in` the cell keeps the time at which it expires; with it, it expires after so many seconds, with
    /// `None` never. `guard` is that of `set`, `guard_keys` are those that it must hold, where that is not all. `attempts` is
    /// how often `fn` is called at most, `timeout` how many seconds it all may take: both end the call with nothing written, a
    /// time-out of 0 where it would wait for others. `fn` runs to its end then, and the call's turn passes on before.
    /// `label` is shown by `query` while the call has a turn, or waits for one. Calls inside `fn` are calls of their own: one
    /// that needs this cell can wait for the turn that it runs in. With the `owner` passed on, that is a `Deadlock` at once.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> def add(pages, entry):
    /// ...     pages = pages or []
    /// ...     pages.append("page")
    /// ...     return pages
    /// >>> result = space.update("document", add)
    /// >>> result.value, result.attempts, result.changed
    /// (['page'], 1, True)
    /// >>> space.update("document", lambda pages, entry: latchwork.KEEP if pages else latchwork.DELETE).changed
    /// False
    ///
    /// An exception of `fn` ends the call at once, and passes through unchanged. Raises `Invalid` if an argument cannot be
    /// what it must be, or `fn` answers what no cell can hold; `Conflict` when `attempts` are used up, or the losses in a
    /// turn; `LockTimeout` when `timeout` passes, `Fenced` if the guard is lost, `Closed` if the space is closed, `Busy` if it
    /// would have to wait and too many do; with an owner `Deadlock` if it would wait for itself, `Cancelled` if the owner is
    /// closed. Then nothing was written.
    #[pyo3(
        signature = (
            key, r#fn, *, expire_in = Lifetime::Kept, guard = None, guard_keys = None, owner = None, attempts = None,
            timeout = None, label = None
        ),
        text_signature = "($self, key, fn, *, expire_in=..., guard=None, guard_keys=None, owner=None, attempts=None, timeout=None, label=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn update<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        r#fn: &Bound<'py, PyAny>,
        expire_in: Lifetime<'py>,
        guard: Option<&Bound<'py, PyAny>>,
        guard_keys: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        attempts: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let body = Body::update(slf.get(), key, r#fn, &expire_in)?;
        Space::call(slf, (body, r#fn), &Settings { guard, guard_keys, owner, attempts, timeout, label })
    }

    /// Read and change several cells as if nobody else did anything meanwhile: call `fn(tx)`, and commit what it wrote if
    /// nothing that it read has changed; else call it again.
    ///
    /// `tx` is a `Transaction`: `tx.get`, `tx.set` and so on. Nothing is written before `fn` returns, then everything at one
    /// instant. The result has what `fn` returned as `value`, the `version` of what was written, and how many `attempts` it
    /// took. `fn` may run several times, so what it does besides must be harmless; `tx.on_commit` calls a function once.
    ///
    /// However many transactions touch a cell, all of them succeed, and none calls its body more than five times, as in
    /// `update`, of which the keyword arguments are. Calls that end in `tx.retry` come besides: `attempts=` does not limit them,
    /// `attempts` of the result has them.
    ///
    /// >>> import latchwork
    /// >>> space = latchwork.open()
    /// >>> space.atomic().set("from", 5).set("to", 0).commit().ok
    /// True
    /// >>> def transfer(tx):
    /// ...     payer, payee = tx.get_many("from", "to")
    /// ...     if payer.value < 2:
    /// ...         tx.abort("too little")
    /// ...     tx.set("from", payer.value - 2)
    /// ...     tx.set("to", payee.value + 2)
    /// ...     return payer.value - 2
    /// >>> space.transact(transfer).value
    /// 3
    ///
    /// An exception of `fn` ends the call at once, and passes through unchanged. Raises `Aborted` after `tx.abort`, and what
    /// `update` raises. Then nothing was written.
    #[pyo3(signature = (r#fn, *, guard = None, guard_keys = None, owner = None, attempts = None, timeout = None, label = None))]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn transact<'py>(
        slf: &Bound<'py, Self>,
        r#fn: &Bound<'py, PyAny>,
        guard: Option<&Bound<'py, PyAny>>,
        guard_keys: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        attempts: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        convert::function("fn", r#fn)?;
        Space::call(slf, (Body::Transact, r#fn), &Settings { guard, guard_keys, owner, attempts, timeout, label })
    }
}
