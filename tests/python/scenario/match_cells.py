"""Comparing what a file expects of cells with what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from latchwork import CellConflict, Entry

from . import file


class Mismatch(Exception):
    """Something is not what the file expects."""


class CellMatcher:
    """Compares entries and what carries them; versions are asked for by their names."""

    def __init__(self, version: Callable[[str | int], int]) -> None:
        self.version = version

    def outcome(self, kind: str, fields: Any, value: Any, what: str) -> None:
        """One outcome of an operation on cells; others are let through."""
        if kind in ("entry", "conflict"):
            self.entry(fields, value, what)
        elif kind == "entries":
            self.entries(fields, value, what)
        elif kind == "committed":
            self.versions(fields, value.version, what)
        elif kind == "conflicts":
            self.conflicts(fields, value, what)
        elif kind == "deleted" and [*map(repr, file.keys(fields))] != [*map(repr, value)]:
            raise Mismatch(f"{what}: expected {fields}, came {value}")

    def entries(self, expected: list[Any], actual: Sequence[Entry], what: str) -> None:
        """Exactly these, in this order."""
        if len(expected) != len(actual):
            raise Mismatch(f"{what}: expected {len(expected)} entries, came {actual}")
        for number, (fields, entry) in enumerate(zip(expected, actual, strict=True)):
            self.entry(fields, entry, f"{what}[{number}]")

    def entry(self, fields: dict[str, Any], entry: Entry, what: str) -> None:
        """One entry."""
        if fields.get("absent"):
            if (entry.value, entry.version, entry.expires_in) != (None, 0, None):
                raise Mismatch(f"{what}: expected an absent cell, came {entry}")
        # By `repr`, since 1 and True are equal to Python.
        # What a transaction has written itself has no version yet.
        elif (entry.version == 0 and entry.value is None) or repr(fields["value"]) != repr(entry.value):
            raise Mismatch(f"{what}: expected {fields['value']!r}, came {entry}")
        if "key" in fields and repr(file.key(fields["key"])) != repr(entry.key):
            raise Mismatch(f"{what}: expected key {fields['key']}, came {entry}")
        if "expiresIn" in fields and fields["expiresIn"] != milliseconds(entry.expires_in):
            raise Mismatch(f"{what}: expected to expire in {fields['expiresIn']}, came {entry}")
        self.versions(fields, entry.version, what)

    def versions(self, fields: dict[str, Any], version: int, what: str) -> None:
        """The same as one with a name, or newer than others."""
        if "version" in fields and self.version(fields["version"]) != version:
            raise Mismatch(f"{what}: expected version {fields['version']}, came {version}")
        for name in fields.get("newerThan", ()):
            if version <= self.version(name):
                raise Mismatch(f"{what}: its version is not newer than {name}")

    def conflicts(self, expected: list[Any], actual: Sequence[CellConflict], what: str) -> None:
        """Exactly these, in this order."""
        if len(expected) != len(actual):
            raise Mismatch(f"{what}: expected {len(expected)} conflicts, came {actual}")
        for fields, conflict in zip(expected, actual, strict=True):
            if repr(file.key(fields["key"])) != repr(conflict.key):
                raise Mismatch(f"{what}: expected key {fields['key']}, came {conflict}")
            if self.version(fields["expected"]) != conflict.expected:
                raise Mismatch(f"{what}: expected {fields['expected']} to be expected, came {conflict}")
            self.entry(fields["entry"], conflict.entry, what)


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)
