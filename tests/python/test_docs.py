"""The examples of the documentation, and that everything public has some."""

from __future__ import annotations

import asyncio
import doctest
import inspect
from pathlib import Path
from typing import Any

import latchwork
import latchwork.aio
import latchwork.answer
import latchwork.codec
import latchwork.errors
import latchwork.keys
import latchwork.query
import latchwork.space
import latchwork.testing
import latchwork.turn
import pytest
from latchwork import _native

ROOT = Path(__file__).parents[2]

MODULES = [
    latchwork,
    latchwork.aio,
    latchwork.answer,
    latchwork.codec,
    latchwork.errors,
    latchwork.keys,
    latchwork.query,
    latchwork.space,
    latchwork.testing,
    latchwork.turn,
]
CLASSES = [
    latchwork.Space,
    latchwork.Guard,
    latchwork.aio.Space,
    latchwork.aio.Guard,
    latchwork.aio.LockRequest,
    latchwork.Atomic,
    latchwork.aio.Atomic,
    latchwork.Watch,
    latchwork.aio.Watch,
    latchwork.Transaction,
    latchwork.aio.Transaction,
    latchwork.Updated,
    latchwork.Committed,
    latchwork.Inserted,
    latchwork.Entry,
    latchwork.Written,
    latchwork.Deleted,
    latchwork.Refused,
    latchwork.Conflicted,
    latchwork.CellConflict,
    latchwork.testing.ManualClock,
    *_native._error_classes().values(),
]


def documented() -> dict[str, Any]:
    """Everything public, by name."""
    found: dict[str, Any] = {module.__name__: module for module in MODULES}
    for module in (latchwork, latchwork.aio):
        for name in module.__all__:
            if inspect.isroutine(member := getattr(module, name)) or inspect.isclass(member):
                found[f"{module.__name__}.{name}"] = member
    for cls in CLASSES:
        for name in dir(cls):
            member = inspect.getattr_static(cls, name)
            own = any(name in vars(base) for base in cls.__mro__ if base.__module__.startswith("latchwork"))
            if own and not name.startswith("_") and not isinstance(member, str):
                found[f"{cls.__module__}.{cls.__name__}.{name}"] = getattr(cls, name)
    return found


@pytest.mark.parametrize("name", sorted(documented()))
def test_documented_and_true(name: str) -> None:
    """It has a docstring, and the examples in it run."""
    thing = documented()[name]
    doc = inspect.getdoc(thing)
    assert doc, f"{name} has no docstring"
    run(name, doc, dict(vars(inspect.getmodule(thing) or latchwork)))


def run(name: str, text: str, names: dict[str, Any]) -> None:
    """Run the examples of a text."""
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_calls_have_examples() -> None:
    """What people look up has an example."""
    for call in (
        latchwork.Space.lock,
        latchwork.Space.try_lock,
        latchwork.Space.with_lock,
        latchwork.Space.query,
        latchwork.aio.Space.lock,
        latchwork.aio.Space.with_lock,
        latchwork.Space.get,
        latchwork.Space.insert,
        latchwork.Space.compare_exchange,
        latchwork.Space.list,
        latchwork.Space.delete_all,
        latchwork.Space.watch,
        latchwork.Atomic,
        latchwork.aio.Space.get,
        latchwork.aio.Space.insert,
        latchwork.aio.Space.compare_exchange,
        latchwork.aio.Space.list,
        latchwork.aio.Space.delete_all,
        latchwork.aio.Space.watch,
        latchwork.aio.Atomic,
        latchwork.Space.update,
        latchwork.Space.transact,
        latchwork.Transaction.transact,
        latchwork.aio.Space.update,
        latchwork.aio.Space.transact,
        latchwork.aio.Transaction.transact,
        latchwork.open,
        latchwork.aio.open,
    ):
        assert doctest.DocTestParser().get_examples(inspect.getdoc(call) or ""), call


@pytest.mark.parametrize("page", ["bindings-python/README.md", "README.md"])
def test_pages(page: str) -> None:
    """The Python blocks of a page run as they stand."""
    text = (ROOT / page).read_text("utf-8")
    blocks = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    assert blocks, page
    for block in blocks:
        code = compile(block, page, "exec", flags=0)
        exec(code, {"__name__": "__main__", "asyncio": asyncio})


def test_signatures() -> None:
    """`help` shows what can be given."""
    signature = str(inspect.signature(latchwork.Space.lock))
    options = "mode='exclusive', shared=(), timeout=None, label=None, owner=None, max_hold=None"
    assert signature == f"(self, /, *keys, {options})"
    assert str(inspect.signature(latchwork.aio.Space.lock)) == signature
