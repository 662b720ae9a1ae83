"""The operations on cells: from the names of a file to calls, and from answers to outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import latchwork

from . import file
from .calls import Outcome
from .watches import Watched

OPERATIONS = frozenset(
    {"get", "getMany", "set", "insert", "compareExchange", "delete", "atomic", "list", "deleteAll", "watch", "endWatch"}
)
"""Those of the closed list that end at once."""


class Cells:
    """What the cells of one run are called."""

    def __init__(self, within: dict[str, list[Any]], answer: Callable[[Any], Any], guard: Callable[[str], Any]) -> None:
        self.within = within
        """Where the sub-spaces of actors lie."""
        self.answer = answer
        """What a call of the API comes to that never waits."""
        self.guard = guard
        """The guard of a result."""
        self.entries: dict[str, Any] = {}
        self.versions: dict[str, int] = {}
        self.watches: dict[str, Watched] = {}

    def version(self, name: str | int) -> int:
        """The version of a name; 0 is that of an absent cell."""
        return 0 if name == 0 else self.versions[str(name)]

    def call(self, op: str, space: Any, step: dict[str, Any]) -> Outcome:
        """Make the call of a step, and note what it names."""
        args = step.get("args", {})
        if op == "watch":
            self.watches[step["as"]] = Watched.of(space, self.within.get(step["actor"], []), args)
            return {"ok": {}}
        if op == "endWatch":
            self.end(self.watches[args["watch"]])
            return {"ok": {}}
        answer = self.answer(getattr(self, op)(space, args))
        if "as" in step:
            if op == "get":
                self.entries[step["as"]] = answer
            if hasattr(answer, "version"):
                self.versions[step["as"]] = answer.version
        return self.outcome(op, answer)

    def end(self, watched: Watched) -> None:
        """End a watch."""
        watched.has_ended = True
        end = watched.states.close if isinstance(watched.states, latchwork.Watch) else watched.states.aclose
        self.answer(end())

    def closed(self, space: Any) -> None:
        """Note that a handle was closed."""
        for watched in self.watches.values():
            watched.has_ended = watched.has_ended or watched.space is space

    def outcome(self, op: str, answer: Any) -> Outcome:
        """What an answer is to a file."""
        if isinstance(answer, list):
            return {"deleted" if op == "deleteAll" else "entries": answer}
        if answer is None or isinstance(answer, latchwork.Inserted):
            # Made when its transaction commits.
            return {"ok": {}}
        if isinstance(answer, latchwork.Entry):
            return {"entry": answer}
        if isinstance(answer, latchwork.Written):
            return {"committed": answer}
        if isinstance(answer, latchwork.Deleted):
            return {"existed": answer.existed}
        if isinstance(answer, latchwork.Refused):
            return {"conflict": answer.entry}
        assert isinstance(answer, latchwork.Conflicted), answer
        # A write of one cell that names keys of its guard has to be asked for in this way.
        single = op != "atomic"
        return {"conflict": answer.conflicts[0].entry} if single else {"conflicts": answer.conflicts}

    def get(self, space: Any, args: dict[str, Any]) -> Any:
        """One cell."""
        return space.get(file.key(args["key"]))

    def getMany(self, space: Any, args: dict[str, Any]) -> Any:
        """Several."""
        return space.get_many(*file.keys(args["keys"]))

    def set(self, space: Any, args: dict[str, Any]) -> Any:
        """A write, whatever is there."""
        if "guardKeys" in args:
            batch = space.atomic().set(file.key(args["key"]), args["value"], **self.expiry(args))
            return batch.guard(self.guard(args["guard"]), *file.keys(args["guardKeys"])).commit()
        return space.set(file.key(args["key"]), args["value"], **self.options(args))

    def insert(self, space: Any, args: dict[str, Any]) -> Any:
        """A write of what is absent."""
        if "guardKeys" in args:
            batch = space.atomic().insert(file.key(args["key"]), args["value"], **self.expiry(args))
            return batch.guard(self.guard(args["guard"]), *file.keys(args["guardKeys"])).commit()
        return space.insert(file.key(args["key"]), args["value"], **self.options(args))

    def compareExchange(self, space: Any, args: dict[str, Any]) -> Any:
        """A write of what has this version."""
        assert "guardKeys" not in args, "only with a check of its own in atomic"
        at, version = self.at(args)
        return space.compare_exchange(at, args["value"], **version, **self.options(args))

    def delete(self, space: Any, args: dict[str, Any]) -> Any:
        """A deletion, with or without a condition."""
        assert "guardKeys" not in args, "atomic does not say what existed"
        at, version = self.at(args)
        return space.delete(at, **version, **self.options(args))

    def atomic(self, space: Any, args: dict[str, Any]) -> Any:
        """Several steps."""
        batch = space.atomic()
        for part in args["steps"]:
            if "entry" in part:
                batch.check(self.entries[part["entry"]])
            elif "check" in part:
                batch.check(file.key(part["check"]), self.version(part["version"]))
            elif "guard" in part:
                batch.guard(self.guard(part["guard"]), *file.keys(part.get("keys", ())))
            elif "delete" in part:
                batch.delete(file.key(part["delete"]))
            else:
                write = "set" if "set" in part else "insert"
                getattr(batch, write)(file.key(part[write]), part["value"], **self.expiry(part))
        return batch.commit()

    def list(self, space: Any, args: dict[str, Any]) -> Any:
        """A scan."""
        more = {name: args[name] for name in ("limit", "reverse") if name in args}
        return space.list(**bounds(args), **more)

    def deleteAll(self, space: Any, args: dict[str, Any]) -> Any:
        """A deletion of a range."""
        # All cells have to be asked for: no key comes before this one.
        asked = bounds(args) or {"start": False}
        return space.delete_all(**asked, except_=file.keys(args.get("except", [])))

    def at(self, args: dict[str, Any]) -> tuple[Any, dict[str, int]]:
        """An entry, or a key and perhaps a version."""
        if "entry" in args:
            return self.entries[args["entry"]], {}
        return file.key(args["key"]), {"version": self.version(args["version"])} if "version" in args else {}

    def options(self, args: dict[str, Any]) -> dict[str, Any]:
        """The options of a write."""
        return self.expiry(args) | ({"guard": self.guard(args["guard"])} if "guard" in args else {})

    def expiry(self, args: dict[str, Any]) -> dict[str, Any]:
        """When it expires."""
        after = args.get("expireIn")
        return {"expire_in": None if after is None else after / 1000} if "expireIn" in args else {}


def bounds(args: dict[str, Any]) -> dict[str, Any]:
    """A range of keys."""
    return {name: file.key(args[name]) for name in ("prefix", "start", "end") if name in args}
