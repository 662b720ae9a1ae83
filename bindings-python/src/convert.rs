//! Python values as core values and back: keys, seconds, labels, the answers of `query`.

use std::time::Duration;

use latchwork::{Blocker, CycleStep, Key, KeyPart, OwnerName, Query, Stale, Within};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyMemoryView, PyModule, PyString, PyTuple};

use crate::aio::AioGuard;
use crate::error;

/// Deeper than any key may nest, so that a deep tuple is refused by the core and not by the stack.
const DEPTH: usize = 40;

/// What an error calls a key: one of several is told by its number.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The only one, by the name of its argument.
    Named(&'a str),
    OneOf(&'a str, usize),
}

impl Place<'_> {
    /// The part that an error names: `key`, or `keys[2][0]` for a part of one of several.
    fn name(self, path: &[usize]) -> String {
        let key = match self {
            Place::Named(what) => String::from(what),
            Place::OneOf(what, number) => format!("{what}[{number}]"),
        };
        path.iter().fold(key, |name, index| format!("{name}[{index}]"))
    }
}

/// The keys that a call has as arguments, so many of them. Within a sub-space they must not be too long for its space.
pub(crate) fn key_arguments<'py>(
    within: Option<&Within>,
    count: usize,
    keys: impl Iterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Vec<Key>> {
    let several = count > 1;
    let place = |number| if several { Place::OneOf("keys", number) } else { Place::Named("key") };
    keys.enumerate().map(|(number, value)| key(within, &value, place(number))).collect()
}

/// The same of a call that takes turns too: those of `latchwork.Turn`.
pub(crate) fn keys_or_turns(within: Option<&Within>, keys: &Bound<'_, PyTuple>) -> PyResult<Vec<Key>> {
    let class = turn_class(keys.py())?;
    let several = keys.len() > 1;
    let place = |number| if several { Place::OneOf("keys", number) } else { Place::Named("key") };
    let one = |(number, value): (usize, Bound<'_, PyAny>)| {
        if !value.is_instance(class)? {
            return key(within, &value, place(number));
        }
        let cell = value.getattr("cell")?;
        Ok(if cell.is_none() { Key::turn_of_space() } else { Key::turn_of(key(within, &cell, place(number))?) })
    };
    keys.iter().enumerate().map(one).collect()
}

/// The key of an argument of this name.
#[inline]
pub(crate) fn one_key(within: Option<&Within>, what: &str, value: &Bound<'_, PyAny>) -> PyResult<Key> {
    key(within, value, Place::Named(what))
}

/// The keys of an iterable argument. Text, bytes and tuples iterate too, but are one key each, and nobody can tell what
/// was meant; they are refused. The empty tuple is the usual way to say that there are none.
pub(crate) fn key_list(within: Option<&Within>, what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<Key>> {
    let py = value.py();
    let tuple = value.cast::<PyTuple>().is_ok_and(|tuple| !tuple.is_empty());
    if tuple || value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        let why = format!("a {} is one key, give a list of keys", type_name(value));
        return Err(error::wrong_type(py, what, &why));
    }
    // Bytes that can change iterate as integers, which nobody means; to iterate a call of `lock` is to make it.
    let listless = value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
        || value.is_instance_of::<AioGuard>();
    let Some(items) = value.try_iter().ok().filter(|_| !listless) else {
        let why = format!("{} is not a list of keys", type_name(value));
        return Err(error::wrong_type(py, what, &why));
    };
    items.enumerate().map(|(number, item)| key(within, &item?, Place::OneOf(what, number))).collect()
}

/// A key: `str`, `int`, `bytes`, `bool`, or a tuple of such.
#[inline]
fn key(within: Option<&Within>, value: &Bound<'_, PyAny>, place: Place<'_>) -> PyResult<Key> {
    let key = match value.cast::<PyString>().map(|text| text.to_str()) {
        Ok(Ok(text)) => Ok(Key::from(text)),
        _ => Key::try_from(part(value, place, &mut Vec::new())?),
    };
    let checked = key.and_then(|key| match within {
        None => key.check().map(|()| key),
        Some(within) => within.wrap(&key).check().map(|()| key),
    });
    checked.map_err(|error| error::wrong_value(value.py(), &place.name(&[]), error.why().unwrap_or_default()))
}

fn part(value: &Bound<'_, PyAny>, place: Place<'_>, path: &mut Vec<usize>) -> PyResult<KeyPart> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        let Ok(text) = text.to_str() else {
            return Err(error::wrong_value(py, &place.name(path), "a string with a lone surrogate"));
        };
        Ok(KeyPart::Str(text.to_owned()))
    } else if let Ok(truth) = value.cast::<PyBool>() {
        Ok(KeyPart::Bool(truth.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            Ok(KeyPart::Int(number.into()))
        } else if let Ok(number) = value.extract::<u64>() {
            Ok(KeyPart::Int(number.into()))
        } else {
            Err(error::wrong_value(py, &place.name(path), "an integer outside -2^63 to 2^64-1"))
        }
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        Ok(KeyPart::Bytes(bytes.as_bytes().to_vec()))
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        if path.len() >= DEPTH {
            return Err(error::wrong_value(py, &place.name(&[]), "tuples nest too deep: limit=32"));
        }
        let mut parts = Vec::with_capacity(tuple.len());
        for (index, item) in tuple.iter().enumerate() {
            path.push(index);
            parts.push(part(&item, place, path)?);
            path.pop();
        }
        Ok(KeyPart::Tuple(parts))
    } else {
        let why = format!("{} is not a key (str, int, bytes, bool, or a tuple of these)", type_name(value));
        Err(error::wrong_type(py, &place.name(path), &why))
    }
}

/// What kind of object it is, for a message.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().qualname().map_or_else(|_| String::from("this"), |name| name.to_string())
}

/// A length of time in seconds: an `int` or a `float`, finite and not negative.
pub(crate) fn seconds(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let py = value.py();
    let number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    if !number || value.is_instance_of::<PyBool>() {
        let why = format!("{} is not a number of seconds", type_name(value));
        return Err(error::wrong_type(py, what, &why));
    }
    // An integer too large for a float is out of range too.
    let seconds = value.extract::<f64>().unwrap_or(f64::INFINITY);
    let why = if seconds.is_nan() {
        "not a number"
    } else if seconds < 0.0 {
        "negative"
    } else {
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) => return Ok(duration),
            Err(_) => "too long, leave it out for ever",
        }
    };
    Err(error::wrong_value(py, what, why))
}

/// A longest time in seconds: an `int` or a `float` that is not negative. `None` for infinity, and for what is longer than can
/// be measured: then there is none.
pub(crate) fn longest(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let endless = |value: f64| value > Duration::MAX.as_secs_f64() / 2.0;
    let number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    // An integer too large for a float is longer than that, or shorter than nothing.
    let is_endless = || value.extract::<f64>().map_or_else(|_| value.gt(0), |value| Ok(endless(value)));
    if number && is_endless()? { Ok(None) } else { seconds(what, value).map(Some) }
}

/// Something that can be called.
pub(crate) fn function(what: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_callable() {
        return Ok(());
    }
    Err(error::wrong_type(value.py(), what, &format!("{} is not a function", type_name(value))))
}

/// A number of things: an `int` that is not negative.
pub(crate) fn limit(what: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = value.py();
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(error::wrong_type(py, what, &format!("{} is not an int", type_name(value))));
    }
    if value.lt(0)? {
        return Err(error::wrong_value(py, what, "negative"));
    }
    // More than there can ever be is no limit.
    Ok(value.extract().unwrap_or(usize::MAX))
}

/// A `bool`, and nothing that is merely true.
pub(crate) fn switch(what: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match value.cast::<PyBool>() {
        Ok(truth) => Ok(truth.is_true()),
        Err(_) => Err(error::wrong_type(value.py(), what, &format!("{} is not a bool", type_name(value)))),
    }
}

/// A text that is not a key, such as a label.
pub(crate) fn text<'a>(what: &str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let Ok(text) = value.cast::<PyString>() else {
        let why = format!("{} is not a str", type_name(value));
        return Err(error::wrong_type(value.py(), what, &why));
    };
    text.to_str().map_err(|_| error::wrong_value(value.py(), what, "a string with a lone surrogate"))
}

pub(crate) fn keys_to_py<'py>(py: Python<'py>, keys: &[Key]) -> PyResult<Bound<'py, PyTuple>> {
    let keys: Vec<_> = keys.iter().map(|key| key_to_py(py, key)).collect::<PyResult<_>>()?;
    PyTuple::new(py, keys)
}

/// A key as Python has it.
#[inline]
pub(crate) fn key_to_py<'py>(py: Python<'py>, key: &Key) -> PyResult<Bound<'py, PyAny>> {
    part_to_py(py, &key.part())
}

/// The class `latchwork.Turn`.
fn turn_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static TURN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    TURN.import(py, "latchwork.turn", "Turn")
}

fn part_to_py<'py>(py: Python<'py>, part: &KeyPart) -> PyResult<Bound<'py, PyAny>> {
    match part {
        KeyPart::Bool(truth) => truth.into_bound_py_any(py),
        KeyPart::Int(number) => match i64::try_from(*number) {
            Ok(number) => number.into_bound_py_any(py),
            Err(_) => u64::try_from(*number)?.into_bound_py_any(py),
        },
        KeyPart::Bytes(bytes) => PyBytes::new(py, bytes).into_bound_py_any(py),
        KeyPart::Str(text) => text.into_bound_py_any(py),
        KeyPart::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| part_to_py(py, part)).collect::<PyResult<_>>()?;
            PyTuple::new(py, parts)?.into_bound_py_any(py)
        }
        KeyPart::Turn(Some(cell)) => turn_class(py)?.call1((part_to_py(py, cell)?,)),
        KeyPart::Turn(None) => turn_class(py)?.call0(),
    }
}

pub(crate) fn blockers_to_py<'py>(py: Python<'py>, blockers: &[Blocker]) -> PyResult<Bound<'py, PyTuple>> {
    let class = answers(py)?.getattr("Blocker")?;
    let blockers: Vec<_> = blockers
        .iter()
        .map(|by| {
            let owner = owner_to_py(py, by.owner.as_ref())?;
            class.call1((key_to_py(py, &by.key)?, by.label.as_deref(), by.token, owner))
        })
        .collect::<PyResult<_>>()?;
    PyTuple::new(py, blockers)
}

/// The circle of a deadlock: a tuple of `latchwork.CycleStep`.
pub(crate) fn cycle_to_py<'py>(py: Python<'py>, cycle: &[CycleStep]) -> PyResult<Bound<'py, PyTuple>> {
    let class = answers(py)?.getattr("CycleStep")?;
    let steps: Vec<_> = cycle
        .iter()
        .map(|step| {
            let owner = owner_to_py(py, step.owner.as_ref())?;
            class.call1((owner, step.label.as_deref(), key_to_py(py, &step.key)?))
        })
        .collect::<PyResult<_>>()?;
    PyTuple::new(py, steps)
}

/// The cells that stood in the way of an attempt: a tuple of `latchwork.Stale`.
pub(crate) fn stale_to_py<'py>(py: Python<'py>, conflicts: &[Stale]) -> PyResult<Bound<'py, PyTuple>> {
    let class = answers(py)?.getattr("Stale")?;
    let conflicts: Vec<_> = conflicts
        .iter()
        .map(|stale| class.call1((key_to_py(py, &stale.key)?, stale.expected, stale.version)))
        .collect::<PyResult<_>>()?;
    PyTuple::new(py, conflicts)
}

/// A `latchwork.OwnerName`, or `None`.
fn owner_to_py<'py>(py: Python<'py>, owner: Option<&OwnerName>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let class = answers(py)?.getattr("OwnerName")?;
    owner.map(|owner| class.call1((&*owner.id, owner.label.as_deref()))).transpose()
}

/// What `query` answers: a `latchwork.Query`.
pub(crate) fn query_to_py<'py>(py: Python<'py>, query: &Query) -> PyResult<Bound<'py, PyAny>> {
    let answers = answers(py)?;
    let seconds = |age: Option<Duration>| age.map(|age| age.as_secs_f64());
    let (hold, wait) = (answers.getattr("Hold")?, answers.getattr("Wait")?);
    let held = PyList::empty(py);
    for it in &query.held {
        let (keys, shared) = (keys_to_py(py, &it.keys)?, keys_to_py(py, &it.shared)?);
        let owner = owner_to_py(py, it.owner.as_ref())?;
        held.append(hold.call1((keys, shared, it.token, it.label.as_deref(), seconds(it.age), it.claimed, owner))?)?;
    }
    let pending = PyList::empty(py);
    for it in &query.pending {
        let (keys, shared) = (keys_to_py(py, &it.keys)?, keys_to_py(py, &it.shared)?);
        let blocked_by = blockers_to_py(py, &it.blocked_by)?;
        let label = it.label.as_deref();
        let owner = owner_to_py(py, it.owner.as_ref())?;
        pending.append(wait.call1((keys, shared, label, seconds(it.age), it.position, blocked_by, owner))?)?;
    }
    answers.getattr("Query")?.call1((held, pending))
}

fn answers(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static ANSWERS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let answers = ANSWERS.get_or_try_init(py, || PyModule::import(py, "latchwork.query").map(Bound::unbind))?;
    Ok(answers.bind(py))
}

/// The canonical encoding of a key, for the test vectors that all hosts share.
#[pyfunction(name = "_encode_key")]
pub(crate) fn encode_key<'py>(key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = key.py();
    let key = self::key(None, key, Place::Named("key"))?;
    Ok(PyBytes::new(py, key.as_bytes()))
}

/// The key of a canonical encoding, for the test vectors that all hosts share.
#[pyfunction(name = "_decode_key")]
pub(crate) fn decode_key<'py>(py: Python<'py>, encoded: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let key = Key::from_bytes(encoded).map_err(|error| error::raise(py, &error))?;
    key_to_py(py, &key)
}
