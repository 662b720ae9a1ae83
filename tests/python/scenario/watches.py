"""Watches of a run, and whether there is something to read in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import latchwork

from . import file


@dataclass
class Watched:
    """A watch, and what it looks at."""

    space: Any
    states: Any
    within: list[Any]
    """The keys under which the sub-space lies that it looks at, one in the other."""
    keys: list[Any] | None
    prefix: Any
    has_ended: bool = False
    """It was ended, or its space was closed."""

    @classmethod
    def of(cls, space: Any, within: list[Any], args: dict[str, Any]) -> Watched:
        """That of a step."""
        if "prefix" in args:
            prefix = file.key(args["prefix"])
            return cls(space, space.watch(prefix=prefix), within, None, prefix)
        keys = file.keys(args["keys"])
        return cls(space, space.watch(*keys), within, keys, None)

    def is_due(self, said: list[latchwork.Entry] | None, observer: latchwork.Space) -> bool:
        """Whether a reader that waits will be told something, without anybody doing more; `said` is the last item."""
        if said is None or self.has_ended:
            return True
        observer = reduce(lambda space, key: space.within(key), self.within, observer)
        entries = observer.list(prefix=self.prefix) if self.keys is None else observer.get_many(*self.keys)
        return versions(entries) != versions(said)


def versions(entries: list[latchwork.Entry]) -> list[tuple[str, int]]:
    """What tells one state from another."""
    return [(repr(entry.key), entry.version) for entry in entries]
