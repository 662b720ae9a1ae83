"""The table of bad input as Python reads it: see `tests/bad-input/README.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).parents[2] / "bad-input"
HOST = "python"


@dataclass(frozen=True)
class Case:
    """One call with its arguments, and what must become of it."""

    call: str
    value: str
    code: str
    what: str | None = None
    given: dict[str, str] = field(default_factory=dict)
    """Names in the call and what they stand for, as expressions."""


@dataclass(frozen=True)
class Operation:
    """One operation with all its cases."""

    name: str
    members: list[str]
    receivers: dict[str, str]
    calls: list[Case]
    """Each call with right arguments."""
    cases: list[Case]


class Table:
    """The table, checked against its schema."""

    def __init__(self) -> None:
        self.content = json.loads((ROOT / "table.json").read_text("utf-8"))
        schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(self.content)

    def operations(self) -> list[Operation]:
        """The operations that this language has."""
        return [self.operation(listed) for listed in self.content["operations"] if HOST in listed]

    def exempt(self) -> set[str]:
        """What has no arguments that could be wrong."""
        return {name for names in self.content["exempt"][HOST].values() for name in names}

    def unspelled(self) -> int:
        """How many values this language does not have."""
        return sum(not isinstance(spelled[HOST], str) for spelled in self.content["values"].values())

    def operation(self, listed: dict[str, Any]) -> Operation:
        """One operation: every value at every parameter of every call, and what is written beside."""
        own = listed[HOST]
        cases = [case for call in own["calls"] for case in self.cases(call, own["parameters"])]
        for beside in own.get("also", []):
            cases.append(Case(beside["call"], "as written", beside["code"], beside.get("what")))
        calls = [Case(call, "right", "accepted", None, self.defaults(call, own["parameters"])) for call in own["calls"]]
        return Operation(listed["name"], own["members"], listed.get("receivers", {}), calls, cases)

    def cases(self, call: str, parameters: dict[str, Any]) -> Iterator[Case]:
        """Every value at every parameter that this call names."""
        defaults = self.defaults(call, parameters)
        for name, parameter in parameters.items():
            if not names(call, name):
                continue
            if "kind" in parameter:
                what = parameter.get("what", name)
                for value, text, code in self.values(parameter["kind"], set(parameter.get("right", []))):
                    yield Case(call, value, code, what, {**defaults, name: text})
            if "bag" in parameter:
                yield from self.options(parameter["bag"], call, lambda text, at=name: {**defaults, at: text})  # type: ignore[misc]

    def options(self, bag: str, call: str, given: Callable[[str], dict[str, str]]) -> Iterator[Case]:
        """Every value at every option, and options that are none."""
        known = {}
        for name, option in self.content["bags"][bag].items():
            kind = option if isinstance(option, str) else option["kind"]
            if isinstance(option, str) or HOST in option["hosts"]:
                known[name] = kind
        for name, kind in known.items():
            for value, text, code in self.values(kind, set()):
                yield Case(call, value, code, name, given(f"{{{name!r}: {text}}}"))
        every = {name for other in self.content["bags"].values() for name in other} | {"wait", "keys"}
        for name in sorted(every - set(known)):
            yield Case(call, "unknown option", "TypeError", None, given(f"{{{name!r}: 1}}"))

    def values(self, kind: str, more: set[str]) -> Iterator[tuple[str, str, str]]:
        """Each value that can be spelled, its text, and what becomes of it at a parameter of this kind."""
        right = set(self.expand(self.content["kinds"][kind]["right"][HOST])) | more
        for value, spelled in self.content["values"].items():
            if isinstance(spelled[HOST], str):
                yield value, spelled[HOST], "accepted" if value in right else "invalid"

    def defaults(self, call: str, parameters: dict[str, Any]) -> dict[str, str]:
        """A right value for every parameter of the call."""
        given = {}
        for name, parameter in parameters.items():
            if not names(call, name):
                continue
            right = self.expand(self.content["kinds"][parameter["kind"]]["right"][HOST]) if "kind" in parameter else []
            given[name] = self.content["values"][right[0]][HOST] if right else "{}"
        return given

    def expand(self, listed: list[str]) -> list[str]:
        """Names of values, those of sets put in their place."""
        sets = self.content["sets"]
        return [value for name in listed for value in (self.expand(sets[name]) if name in sets else [name])]


def names(call: str, name: str) -> bool:
    """Whether a call uses the name of a parameter as a value, not as the name of an argument."""
    return re.search(rf"\b{name}\b(?!=)", call) is not None
