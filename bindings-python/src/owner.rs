//! A line of work that takes locks, as the blocking API sees it.

use latchwork::{ErrorKind, Within};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::aio::AioOwner;
use crate::bytes::Port;
use crate::fork::PerProcess;
use crate::guard::Guard;
use crate::lease::{Call, FirstKey, Options};
use crate::space::{Space, grant_of, key_set_of};
use crate::{convert, error, place, wait};

/// One line of work, named explicitly: what it locks is its own, so that a wait for itself is refused instead of lasting
/// for ever. `space.owner` makes it, and `guard.owner` inside a block.
///
/// A request of an owner fails at once with `Deadlock` when it asks for a key that the owner has already, or when those it
/// would wait for wait, directly or through others, for the owner. What the owner holds stays held. Without owners nobody
/// is refused, since nobody can tell whose lock is whose.
///
/// It may be used by any number of threads and event loops, by both APIs of a space, and by every handle on it. `with`
/// closes it at the end of the block:
///
///     with space.owner("checkout") as owner:
///         cart = owner.lock("cart")
///         ...
///
/// which is equal to:
///
///     owner = space.owner("checkout")
///     try:
///         cart = owner.lock("cart")
///         ...
///     finally:
///         owner.close()
///
/// One that is merely forgotten ends nothing: what it holds is held by its guards.
#[pyclass(frozen, weakref, module = "latchwork")]
pub(crate) struct Owner {
    space: Py<Space>,
    line: Line,
}

impl Owner {
    pub(crate) fn new(space: Py<Space>, core: latchwork::Owner) -> Owner {
        Owner { space, line: Line::new(core) }
    }

    fn core(&self, py: Python<'_>) -> PyResult<&latchwork::Owner> {
        self.line.core(|| self.space.get().port(py))
    }

    /// Where its keys are, if it is an owner of a sub-space.
    fn within(&self) -> Option<&Within> {
        self.space.get().within()
    }
}

#[pymethods]
impl Owner {
    /// A text that names it: different for each owner, across threads and processes.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<&str> {
        self.core(py).map(latchwork::Owner::id)
    }

    /// What its maker calls it, or `None`.
    #[getter]
    fn label(&self, py: Python<'_>) -> PyResult<Option<&str>> {
        self.core(py).map(latchwork::Owner::label)
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.is_closed())
    }

    /// The space that it takes locks of.
    #[getter]
    fn space(&self, py: Python<'_>) -> Py<Space> {
        self.space.clone_ref(py)
    }

    /// As `Space.lock`, as a request of this owner.
    ///
    /// >>> import latchwork
    /// >>> owner = latchwork.open().owner("checkout")
    /// >>> with owner.lock("cart") as cart:
    /// ...     try:
    /// ...         owner.lock("cart", "stock")
    /// ...     except latchwork.Deadlock as error:
    /// ...         print(error.cycle[0].owner.label, "waits for", error.cycle[0].key)
    /// checkout waits for cart
    ///
    /// Raises what `Space.lock` raises, `Deadlock` if it would wait for its own owner, `Cancelled` if the owner is closed,
    /// also while it waits.
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, mode = None, shared = None, timeout = None, label = None, max_hold = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), timeout=None, label=None, max_hold=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Guard> {
        let options =
            Options { mode, shared, timeout, label, owner: Some(slf.as_any()), max_hold, within: slf.get().within() };
        Space::wait(slf.get().space.bind(slf.py()), Call::new(key, keys, &options)?)
    }

    /// As `Space.try_lock`, as a request of this owner. It never waits, so it is never a deadlock.
    ///
    /// Raises what `Space.try_lock` raises, `Cancelled` if the owner is closed.
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, mode = None, shared = None, label = None, max_hold = None),
        text_signature = "($self, *keys, mode='exclusive', shared=(), label=None, max_hold=None)"
    )]
    fn try_lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Guard>> {
        let options = Options {
            mode,
            shared,
            timeout: None,
            label,
            owner: Some(slf.as_any()),
            max_hold,
            within: slf.get().within(),
        };
        Space::attempt(slf.get().space.bind(slf.py()), Call::new(key, keys, &options)?)
    }

    /// As `Space.with_lock`, as a request of this owner.
    ///
    /// Raises what `lock` raises.
    #[pyo3(
        signature = (key = FirstKey::Absent, /, *keys, r#fn, mode = None, shared = None, timeout = None, label = None, max_hold = None),
        text_signature = "($self, *keys, fn, mode='exclusive', shared=(), timeout=None, label=None, max_hold=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "those of the Python method")]
    fn with_lock<'py>(
        slf: &Bound<'py, Self>,
        key: FirstKey<'py>,
        keys: &Bound<'py, PyTuple>,
        r#fn: &Bound<'py, PyAny>,
        mode: Option<&Bound<'py, PyAny>>,
        shared: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        label: Option<&Bound<'py, PyAny>>,
        max_hold: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        convert::function("fn", r#fn)?;
        let options =
            Options { mode, shared, timeout, label, owner: Some(slf.as_any()), max_hold, within: slf.get().within() };
        Space::run(slf.get().space.bind(slf.py()), Call::new(key, keys, &options)?, r#fn)
    }

    /// The guards that are handed over to this owner and resolve no request of it, first come, first served: an iterator
    /// that blocks until the next one, and ends when the owner is closed.
    #[getter]
    fn handed_over(slf: Py<Self>) -> Inbox {
        Inbox(slf)
    }

    /// End the owner: what it holds is released, what it waits for fails with `Cancelled`, and so does what it asks for
    /// from now on. Answers how many locks and waits that ended; a second call ends nothing.
    ///
    /// >>> import latchwork
    /// >>> owner = latchwork.open().owner()
    /// >>> guard = owner.lock("a")
    /// >>> owner.close(), guard.held
    /// (1, False)
    fn close(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.core(py)?.close())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Close the owner.
    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc, traceback);
        self.close(py).map(drop)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr(py, "latchwork", self.core(py)?)
    }
}

/// The guards that are handed over to an owner; `owner.handed_over` answers it.
#[pyclass(frozen, module = "latchwork", name = "HandedOver")]
pub(crate) struct Inbox(Py<Owner>);

#[pymethods]
impl Inbox {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Guard>> {
        let owner = self.0.get();
        let port = owner.space.get().port(py)?;
        let handed = match wait::block_on(py, Some(port.space()), None, Box::pin(owner.core(py)?.handed_over()))? {
            Ok(handed) => handed,
            Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(None),
            Err(error) => return Err(error::raise(py, &error)),
        };
        let mut handed = handed;
        let call = Call::of_owner(AnyOwner::Blocking(self.0.clone_ref(py)), owner.within());
        let guard = Guard::new(owner.space.clone_ref(py), grant_of(&handed), call);
        let keys = place::unwrapped(owner.within(), key_set_of(&handed));
        guard.note_handed(py, &mut handed, keys)?;
        handed.into_ticket();
        Ok(Some(guard))
    }
}

/// The core's owner: in a forked child, where nothing is held, another one of the same label.
pub(crate) struct Line {
    label: Option<Box<str>>,
    owner: PerProcess<latchwork::Owner>,
}

impl Line {
    pub(crate) fn new(owner: latchwork::Owner) -> Line {
        Line { label: owner.label().map(Box::from), owner: PerProcess::new(owner) }
    }

    pub(crate) fn core<'a>(&self, port: impl FnOnce() -> PyResult<&'a Port>) -> PyResult<&latchwork::Owner> {
        self.owner.get(|| Ok(port()?.owner(self.label.as_deref())))
    }
}

/// How an owner shows itself.
pub(crate) fn repr(py: Python<'_>, module: &str, owner: &latchwork::Owner) -> PyResult<String> {
    let label = match owner.label() {
        Some(label) => format!(" {}", PyString::new(py, label).repr()?),
        None => String::new(),
    };
    let closed = if owner.is_closed() { " closed" } else { "" };
    Ok(format!("<{module}.Owner{label} id={}{closed}>", owner.id()))
}

/// An owner of either API: they name the same thing.
pub(crate) enum AnyOwner {
    Blocking(Py<Owner>),
    Aio(Py<AioOwner>),
}

impl AnyOwner {
    /// The owner that a caller gave.
    pub(crate) fn given(owner: &Bound<'_, PyAny>) -> PyResult<AnyOwner> {
        if let Ok(owner) = owner.cast::<Owner>() {
            return Ok(AnyOwner::Blocking(owner.clone().unbind()));
        }
        if let Ok(owner) = owner.cast::<AioOwner>() {
            return Ok(AnyOwner::Aio(owner.clone().unbind()));
        }
        Err(error::wrong_type(owner.py(), "owner", &format!("{} is not an Owner", convert::type_name(owner))))
    }

    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<&latchwork::Owner> {
        match self {
            AnyOwner::Blocking(owner) => owner.get().core(py),
            AnyOwner::Aio(owner) => owner.get().core(py),
        }
    }

    /// The id of an owner that a caller named, by itself or by its id.
    pub(crate) fn id_given(to: &Bound<'_, PyAny>) -> PyResult<String> {
        if to.is_instance_of::<PyString>() {
            return convert::text("owner", to).map(str::to_owned);
        }
        let owner = AnyOwner::given(to).map_err(|_| {
            let why = format!("{} is neither an Owner nor the id of one", convert::type_name(to));
            error::wrong_type(to.py(), "owner", &why)
        })?;
        Ok(owner.core(to.py())?.id().to_owned())
    }

    pub(crate) fn is_open(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(!self.core(py)?.is_closed())
    }

    /// As the blocking API shows it.
    pub(crate) fn blocking<'py>(&self, py: Python<'py>, space: &Py<Space>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            AnyOwner::Blocking(owner) => Ok(owner.bind(py).as_any().clone()),
            AnyOwner::Aio(owner) => {
                let core = owner.get().core(py)?.clone();
                Ok(Bound::new(py, Owner::new(space.clone_ref(py), core))?.into_any())
            }
        }
    }
}
