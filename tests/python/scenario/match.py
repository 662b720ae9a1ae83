"""Comparing what a file expects with what came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import latchwork
from latchwork import Blocker, CycleStep, Hold, Query, Wait

from . import file
from .calls import Body
from .match_cells import CellMatcher, Mismatch, milliseconds

Guard = Any
"""A guard of either API."""

Tokens = Callable[[str], int]
"""The token of a result."""

Ids = Callable[[str], str]
"""The id of an owner."""

Versions = Callable[[str | int], int]
"""The version of a name."""


class Matcher:
    """Compares outcomes; tokens of earlier results, ids of owners and versions are asked for by their names."""

    def __init__(self, token: Tokens, owner_id: Ids, version: Versions) -> None:
        self.token = token
        self.owner_id = owner_id
        self.cells = CellMatcher(version)

    def outcome(self, expected: Any, actual: dict[str, Any], what: str) -> None:
        """One outcome, which is a dict with one field."""
        if isinstance(expected, str):
            expected = {expected: {}}
        ((kind, fields),) = expected.items()
        if kind not in actual:
            raise Mismatch(f"{what}: expected {expected}, came {actual}")
        value = actual[kind]
        if kind == "running" and isinstance(value, Body):
            self.body(fields, value, what)
        elif kind == "done":
            self.done(fields, value, what)
        elif kind in ("granted", "running"):
            self.guard(fields, value, what)
        elif kind == "error":
            self.error(fields, value, what)
        elif kind == "query":
            self.table(fields, value, what)
        elif kind in ("returned", "threw", "count", "delivered", "existed") and fields != value:
            raise Mismatch(f"{what}: expected {fields!r}, came {value!r}")
        else:
            self.cells.outcome(kind, fields, value, what)

    def body(self, fields: dict[str, Any], body: Body, what: str) -> None:
        """A body that runs."""
        self.same(fields, "attempt", body.attempt, what)
        if "entry" in fields:
            assert body.entry is not None, what
            self.cells.entry(fields["entry"], body.entry, what)

    def done(self, fields: dict[str, Any], done: Any, what: str) -> None:
        """A call that has committed."""
        if "value" in fields and repr(fields["value"]) != repr(done.value):
            raise Mismatch(f"{what}: expected {fields['value']!r}, came {done.value!r}")
        for field in ("attempts", "changed"):
            if field in fields:
                self.same(fields, field, getattr(done, field), what)
        if fields.keys() & {"version", "newerThan"}:
            self.cells.versions(fields, done.version, what)

    def stale(self, fields: dict[str, Any], stale: latchwork.Stale, what: str) -> None:
        """A cell that stood in the way."""
        self.key_sets({"keys": [fields["key"]]}, (stale.key,), (), what)
        for field in ("expected", "version"):
            if field in fields and self.cells.version(fields[field]) != getattr(stale, field):
                raise Mismatch(f"{what}: expected {field} {fields[field]}, came {stale}")

    def guard(self, fields: dict[str, Any], guard: Guard, what: str) -> None:
        """The fields of a guard."""
        self.key_sets(fields, guard.keys, guard.shared, what)
        self.same(fields, "label", guard.label, what)
        self.same(fields, "held", guard.held, what)
        self.same(fields, "abandoned", guard.abandoned, what)
        self.same(fields, "payload", guard.payload, what)
        if "lost" in fields:
            self.same(fields, "lost", guard.lost.is_set(), what)
        if "owner" in fields:
            # Only where it is asked for: asking is what makes the owner of a scope.
            self.owner(fields, guard.owner, what)
        for name in fields.get("token", {}).get("greaterThan", ()):
            if guard.token <= self.token(name):
                raise Mismatch(f"{what}: its token is not greater than that of {name}")

    def error(self, fields: dict[str, Any], error: latchwork.LatchworkError, what: str) -> None:
        """The fields of an error."""
        self.same(fields, "code", error.code, what)
        self.same(fields, "position", getattr(error, "position", None), what)
        self.same(fields, "what", getattr(error, "what", None), what)
        self.same(fields, "limit", getattr(error, "limit", None), what)
        self.same(fields, "attempts", getattr(error, "attempts", None), what)
        self.same(fields, "reason", getattr(error, "reason", None), what)
        if "conflicts" in fields:
            self.each(fields["conflicts"], getattr(error, "conflicts", ()), self.stale, f"{what}: conflicts")
        self.same(fields, "waited", milliseconds(getattr(error, "waited", None)), what)
        self.key_sets(fields, getattr(error, "keys", ()), (), what)
        if "blockedBy" in fields:
            self.blockers(fields["blockedBy"], getattr(error, "blocked_by", ()), what)
        if "cycle" in fields:
            self.cycle(fields["cycle"], getattr(error, "cycle", ()), what)

    def cycle(self, expected: list[Any], actual: Sequence[CycleStep], what: str) -> None:
        """Who waits for whom, in this order."""
        if len(expected) != len(actual):
            raise Mismatch(f"{what}: expected a circle of {len(expected)}, came {actual}")
        for fields, step in zip(expected, actual, strict=True):
            self.key_sets({"keys": [fields["key"]]}, (step.key,), (), f"{what}: cycle")
            self.same(fields, "label", step.label, f"{what}: cycle")
            self.owner(fields, step.owner, f"{what}: cycle")

    def table(self, fields: dict[str, Any], query: Query, what: str) -> None:
        """What is held and what waits."""
        self.each(fields["held"], query.held, self.hold, f"{what}: held")
        self.each(fields["pending"], query.pending, self.wait, f"{what}: pending")

    def hold(self, fields: dict[str, Any], hold: Hold, what: str) -> None:
        """One entry of `held`."""
        self.key_sets({"keys": [], "shared": []} | fields, hold.keys, hold.shared, what)
        self.same(fields, "label", hold.label, what)
        self.owner(fields, hold.owner, what)
        self.same(fields, "age", milliseconds(hold.age), what)
        self.same(fields, "claimed", hold.claimed, what)
        if "token" in fields and self.token(fields["token"]) != hold.token:
            raise Mismatch(f"{what}: it is not the lock of {fields['token']}")

    def wait(self, fields: dict[str, Any], wait: Wait, what: str) -> None:
        """One entry of `pending`."""
        self.key_sets({"keys": [], "shared": []} | fields, wait.keys, wait.shared, what)
        self.same(fields, "label", wait.label, what)
        self.owner(fields, wait.owner, what)
        self.same(fields, "age", milliseconds(wait.age), what)
        self.same(fields, "position", wait.position, what)
        if "blockedBy" in fields:
            self.blockers(fields["blockedBy"], wait.blocked_by, what)

    def blockers(self, expected: list[Any], actual: Sequence[Blocker], what: str) -> None:
        """Who stands in the way."""
        self.each(expected, actual, self.blocker, f"{what}: blockedBy")

    def blocker(self, fields: dict[str, Any], blocker: Blocker, what: str) -> None:
        """One that stands in the way."""
        self.key_sets({"keys": [fields["key"]]}, (blocker.key,), (), what)
        self.same(fields, "label", blocker.label, what)
        self.owner(fields, blocker.owner, what)
        if "token" in fields:
            token = None if fields["token"] is None else self.token(fields["token"])
            if token != blocker.token:
                raise Mismatch(f"{what}: expected the token of {fields['token']}, came {blocker.token}")

    def owner(self, fields: dict[str, Any], owner: Any, what: str) -> None:
        """Whose it is; the file names owners as it made them."""
        if "owner" in fields:
            expected = None if fields["owner"] is None else self.owner_id(fields["owner"])
            if expected != (None if owner is None else owner.id):
                raise Mismatch(f"{what}: expected the owner {fields['owner']}, came {owner}")

    def each(self, expected: list[Any], actual: Sequence[Any], match: Callable[..., None], what: str) -> None:
        """As many entries, and each expected one takes the first left that fits it."""
        if len(expected) != len(actual):
            raise Mismatch(f"{what}: expected {len(expected)} entries, came {actual}")
        left = list(actual)
        for fields in expected:
            for entry in left:
                try:
                    match(fields, entry, what)
                except Mismatch:
                    continue
                left.remove(entry)
                break
            else:
                raise Mismatch(f"{what}: expected {fields}, left are {left}")

    def key_sets(self, fields: dict[str, Any], keys: Sequence[Any], shared: Sequence[Any], what: str) -> None:
        """Keys in any order, but with their number."""
        for field, actual in (("keys", keys), ("shared", shared)):
            if field in fields and counted(file.keys(fields[field])) != counted(actual):
                raise Mismatch(f"{what}: expected {field} {fields[field]}, came {actual}")

    def same(self, fields: dict[str, Any], field: str, actual: Any, what: str) -> None:
        """A plain field."""
        if field in fields and fields[field] != actual:
            raise Mismatch(f"{what}: expected {field} {fields[field]!r}, came {actual!r}")


def counted(keys: Sequence[Any]) -> Counter[str]:
    """How often each key is there. By `repr`, since 1 and True are equal to Python."""
    return Counter(map(repr, keys))
