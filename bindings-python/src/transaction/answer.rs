//! What the function of an update answered.

use latchwork::Change;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::bytes::Value;
use crate::cells::Cells;
use crate::error;

/// The answers that are no values: `latchwork.KEEP` and `latchwork.DELETE`.
struct Words {
    keep: Py<PyAny>,
    delete: Py<PyAny>,
}

/// What is to become of a cell, and what the result of the update has for its value.
pub(super) enum Answer {
    Set(Py<PyAny>),
    Keep,
    Delete,
}

impl Answer {
    /// What a function answered, and the change of the core's that it is.
    pub(super) fn given(cells: &impl Cells, answer: Bound<'_, PyAny>) -> PyResult<(Answer, Change<Value>)> {
        let py = answer.py();
        if answer.is_none() {
            return Err(error::wrong_value(
                py,
                "value",
                "the function answered None: answer the new value, KEEP or DELETE",
            ));
        }
        let words = words(py)?;
        if answer.is(&words.keep) {
            return Ok((Answer::Keep, Change::Keep));
        }
        if answer.is(&words.delete) {
            return Ok((Answer::Delete, Change::Delete));
        }
        let value = cells.codec().encode(&answer)?;
        Ok((Answer::Set(answer.unbind()), Change::Set(value)))
    }
}

/// Whether an object is `latchwork.KEEP`.
pub(super) fn is_keep(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is(&words(object.py())?.keep))
}

fn words(py: Python<'_>) -> PyResult<&Words> {
    static WORDS: PyOnceLock<Words> = PyOnceLock::new();
    WORDS.get_or_try_init(py, || {
        let module = py.import("latchwork.answer")?;
        Ok(Words { keep: module.getattr("KEEP")?.unbind(), delete: module.getattr("DELETE")?.unbind() })
    })
}
