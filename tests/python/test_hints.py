"""What tools find out about the package while it runs: annotations, signatures, what it says of itself."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from importlib import metadata
from typing import Any

import latchwork
import latchwork.aio
import pytest

MODULES = [
    "",
    ".aio",
    ".aio_mutex",
    ".codec",
    ".coroutines",
    ".errors",
    ".keys",
    ".lock_request",
    ".mutex",
    ".query",
    ".space",
    ".testing",
]


def public() -> dict[str, Any]:
    """Every public function and class, and the methods of the classes, by name."""
    found: dict[str, Any] = {}
    for name in MODULES:
        module = importlib.import_module(f"latchwork{name}")
        for name in module.__all__:
            thing = getattr(module, name)
            found[f"{module.__name__}.{name}"] = thing
            if inspect.isclass(thing):
                found.update({f"{module.__name__}.{name}.{each}": getattr(thing, each) for each in vars(thing)})
    return {name: thing for name, thing in found.items() if inspect.isclass(thing) or inspect.isroutine(thing)}


@pytest.mark.parametrize("name", sorted(public()))
def test_type_hints(name: str) -> None:
    """Each annotation can be evaluated."""
    typing.get_type_hints(public()[name])


def test_hints_are_what_they_say() -> None:
    """Some of them, so that the test above cannot pass by finding none."""
    hints = typing.get_type_hints(latchwork.open)
    assert (hints["url"], hints["return"]) == (str | None, latchwork.Space)
    assert typing.get_type_hints(latchwork.aio.open)["return"] is latchwork.aio.Space
    assert typing.get_type_hints(latchwork.aio.Space.try_lock)["return"] == latchwork.aio.Guard | None
    assert typing.get_type_hints(latchwork.aio.LockRequest.__aenter__)["return"] is latchwork.aio.Guard
    assert typing.get_type_hints(latchwork.Hold)["claimed"] is bool
    assert typing.get_type_hints(latchwork.LockTimeout)["label"] == str | None
    assert len(public()) > 60


def test_free_threading_is_declared() -> None:
    """The package says it; on such a build the import must not bring the interpreter lock back."""
    classifiers = metadata.metadata("latchwork").get_all("Classifier") or []
    assert any(each.startswith("Programming Language :: Python :: Free Threading") for each in classifiers)
    is_enabled = getattr(sys, "_is_gil_enabled", lambda: None)()
    built_without = bool(importlib.import_module("sysconfig").get_config_var("Py_GIL_DISABLED"))
    assert not (built_without and is_enabled)
