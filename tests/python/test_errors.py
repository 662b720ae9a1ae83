"""The exceptions: one class for each kind of the core."""

from __future__ import annotations

import asyncio
import copy
import pickle

import latchwork
import latchwork.aio
import pytest
from latchwork import _native, errors


def test_every_kind_has_its_class() -> None:
    """Walks all kinds that the core knows."""
    classes = _native._error_classes()
    assert len(classes) == 12
    for code, cls in classes.items():
        assert issubclass(cls, latchwork.LatchworkError)
        assert cls.code == code
        assert cls.__name__ in latchwork.__all__
        assert cls.__doc__


def test_python_bases() -> None:
    """What Python users expect of them."""
    assert issubclass(latchwork.LockTimeout, TimeoutError)
    assert issubclass(latchwork.InvalidValue, ValueError)
    assert issubclass(latchwork.InvalidType, TypeError)
    assert issubclass(latchwork.NotHeld, RuntimeError)
    assert latchwork.InvalidType.code == latchwork.InvalidValue.code == latchwork.Invalid.code == "invalid"


def test_all_are_exported() -> None:
    """The package offers every class of the module."""
    assert set(errors.__all__) <= set(latchwork.__all__)


def test_timeout_names_who_stood_in_the_way() -> None:
    """Keys, blockers and position."""
    with latchwork.open() as space, space.lock("a", label="first") as guard:
        with pytest.raises(latchwork.LockTimeout) as error:
            space.lock("a", ("b", 1), timeout=0)
        assert set(error.value.keys) == {"a", ("b", 1)}
        assert error.value.waited == 0
        assert error.value.position == 1
        assert error.value.blocked_by == (latchwork.Blocker("a", "first", guard.token),)
        assert str(error.value) == str(error.value).lower()


@pytest.mark.parametrize("timeout", [0, 0.001])
def test_timeout_carries_the_label(timeout: float) -> None:
    """The request's own, on both APIs, whether it waited or not."""

    async def aio() -> latchwork.LockTimeout:
        async with await latchwork.aio.open() as space, space.lock("a"):
            with pytest.raises(latchwork.LockTimeout) as error:
                await space.lock("a", label="nightly job", timeout=timeout)
            with pytest.raises(latchwork.LockTimeout) as other:
                await space.lock("a", timeout=timeout)
            assert other.value.label is None
            return error.value

    with latchwork.open() as space, space.lock("a"):
        with pytest.raises(latchwork.LockTimeout) as error:
            space.lock("a", label="nightly job", timeout=timeout)
        with pytest.raises(latchwork.LockTimeout) as other:
            space.lock("a", timeout=timeout)
        assert other.value.label is None
    for each in (error.value, asyncio.run(aio())):
        assert each.label == "nightly job"
        assert str(each).endswith(' label="nightly job"')


def test_not_held_names_the_keys() -> None:
    """A second release says what is not held."""
    with latchwork.open() as space:
        guard = space.lock("a", shared=["b"])
        guard.release()
        with pytest.raises(latchwork.NotHeld) as error:
            guard.release()
        assert error.value.keys == ("a", "b")


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_travel(duplicate: object) -> None:
    """They can be copied, and sent to another process, with their fields."""
    assert callable(duplicate)
    with latchwork.open() as space, space.lock("a"):
        with pytest.raises(latchwork.LockTimeout) as error:
            space.lock("a", timeout=0, label="mine")
        twin = duplicate(error.value)
    assert type(twin) is latchwork.LockTimeout
    assert (str(twin), twin.keys, twin.position, twin.label) == (str(error.value), ("a",), 1, "mine")
