//! How the values of a space become bytes and come back.

use pyo3::IntoPyObjectExt;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::bytes::Value;

/// The codec of a handle. What it does is written in Python.
pub(crate) struct Codec {
    name: String,
    option: Option<Py<PyAny>>,
    /// Loaded when a value is written or read first: who only locks does without.
    functions: PyOnceLock<Functions>,
}

struct Functions {
    encode: Py<PyAny>,
    decode: Py<PyAny>,
}

/// What the option means when it is left out.
const USUAL: &str = "cbor";

impl Codec {
    /// The codec that a caller gave.
    pub(crate) fn new(py: Python<'_>, option: Option<&Bound<'_, PyAny>>) -> PyResult<Codec> {
        let name = match option {
            None => String::from(USUAL),
            Some(option) => py.import("latchwork.codec")?.call_method1("codec_name", (option,))?.extract()?,
        };
        Ok(Codec { name, option: option.map(|option| option.clone().unbind()), functions: PyOnceLock::new() })
    }

    /// What openings of one name agree on.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of a value as it is now. Whatever the codec raises passes through.
    #[inline]
    pub(crate) fn encode(&self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        let encoded = self.functions(value.py())?.encode.bind(value.py()).call1((value,))?;
        Ok(Value::from(encoded.cast::<PyBytes>()?.as_bytes()))
    }

    /// The value of these bytes, new each time (clause C15).
    #[inline]
    pub(crate) fn decode<'py>(&self, py: Python<'py>, value: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        self.functions(py)?.decode.bind(py).call1((PyBytes::new(py, value),))
    }

    #[inline]
    fn functions(&self, py: Python<'_>) -> PyResult<&Functions> {
        self.functions.get_or_try_init(py, || {
            let option = self.option.as_ref().into_py_any(py)?;
            let codec = py.import("latchwork.codec")?.call_method1("SpaceCodec", (option,))?;
            let encode = codec.getattr(intern!(py, "encode"))?.unbind();
            let decode = codec.getattr(intern!(py, "decode"))?.unbind();
            Ok(Functions { encode, decode })
        })
    }
}
