"""Updates and transactions of a run: their bodies, and what is done through the handles of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import latchwork

from . import file

CALLS = ("update", "transact")

Outcome = dict[str, Any]
"""What a call came to: a dict with one field, as the files write it."""


class BodyError(Exception):
    """What a body raises when a file says so."""


@dataclass
class Seen:
    """What a body has read."""

    read: Callable[[], Any]
    """Reads it again, outside of the transaction."""
    versions: list[tuple[str, int]]

    def is_due(self) -> bool:
        """Whether it has changed, so that whoever waits for that goes on."""
        try:
            return versions(self.read()) != self.versions
        except latchwork.LatchworkError:
            return True


def versions(answer: Any) -> list[tuple[str, int]]:
    """What tells one state from another."""
    entries = answer if isinstance(answer, list) else [answer]
    return [(repr(entry.key), entry.version) for entry in entries]


@dataclass
class Body:
    """A body that runs."""

    attempt: int
    entry: latchwork.Entry | None


def answered(end: Outcome) -> Any:
    """What a body answers, or raises, at its end."""
    if "throw" in end:
        raise BodyError(end["throw"])
    if "answer" in end:
        return {"keep": latchwork.KEEP, "delete": latchwork.DELETE}[end["answer"]]
    return end["return"]


def done(kind: str, value: Any) -> Outcome:
    """What a call that has ended is to a file."""
    if kind == "savepoint":
        return {"returned": value}
    changed = value.changed if kind == "update" else value.version != 0
    numbers = {"version": value.version, "attempts": value.attempts, "changed": changed}
    return {"done": SimpleNamespace(value=value.value, **numbers)}


def options(args: dict[str, Any], guard: Callable[[str], Any]) -> dict[str, Any]:
    """The keyword arguments that a step spells."""
    given: dict[str, Any] = {name: args[name] for name in ("label", "attempts") if name in args}
    if "timeout" in args:
        given["timeout"] = args["timeout"] / 1000
    if "expireIn" in args:
        given["expire_in"] = None if args["expireIn"] is None else args["expireIn"] / 1000
    if "guard" in args:
        given["guard"] = guard(args["guard"])
    if "guardKeys" in args:
        given["guard_keys"] = file.keys(args["guardKeys"])
    return given


def mark(op: str, tx: Any, args: dict[str, Any], called: list[Any]) -> Outcome:
    """What a body does that ends its attempt, or is done after its commit."""
    if op == "onCommit":
        tx.on_commit(lambda: called.append(args["value"]))
        return {"ok": {}}
    try:
        tx.abort(args["reason"]) if op == "abort" else tx.retry()
    except latchwork.Aborted as aborted:
        assert aborted.reason == args["reason"]
    except latchwork.Conflict:
        if op == "abort":
            raise
    return {"ok": {}}
