"""What a value can be made of: each part of one is looked at before it is written, and after it was read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from .errors import InvalidType, InvalidValue

__all__ = ["CBOR", "DEEPEST", "JSON", "Refusal", "Rules", "check", "unreadable"]

DEEPEST = 100
"""How deep lists, dicts and sets may be nested in a value."""

_SHOWN = 40
"""How much is shown of a long name, and of a long path at each end."""

_LARGEST_SAFE = 2**53 - 1


class Refusal(Exception):
    """A part of a value that cannot be in one. On its way out each container adds where it is."""

    def __init__(self, why: str, error: type[InvalidType | InvalidValue] = InvalidValue) -> None:
        super().__init__(why)
        self.why = why
        self.error = error
        self.path = ""


@dataclass(frozen=True)
class Rules:
    """What a codec takes."""

    name: str
    """For people."""

    leaves: dict[type, Callable[[Any], str | None] | None]
    """The types of the parts that contain no others, each with what finds fault with one."""

    sets: bool
    """Whether there are sets, and integers for keys."""

    fine: frozenset[type]
    """Those of the leaves in which there is no fault."""


def check(value: object, rules: Rules, *, read: bool = False) -> None:
    """Refuse a value that the codec does not take, naming the part: ``value["user"]["tags"][2]``.

    Types must be exactly those that are read back: an instance of another class would come back without it. `read`: the
    value comes out of bytes, and its fault is theirs.
    """
    try:
        _walk(value, rules, [])
    except Refusal as refusal:
        path = refusal.path
        if len(path) > 4 * _SHOWN:
            path = f"{path[:_SHOWN]}…{path[-_SHOWN:]}"
        if read:
            unreadable(f"{path} {refusal.why}".lstrip())
        what = f"value{path}"
        raise refusal.error(f"invalid {what}: {refusal.why}", what=what, why=refusal.why) from None


def unreadable(cause: Exception | str) -> NoReturn:
    """Raise `Invalid`: the bytes that were read hold no value."""
    why = f"cannot be read: {cause}"
    error = InvalidValue(f"invalid value: {why}", what="value", why=why)
    raise error from (cause if isinstance(cause, Exception) else None)


def _walk(value: object, rules: Rules, above: list[object]) -> None:
    kind = type(value)
    try:
        fault = rules.leaves[kind]
    except KeyError:
        _container(value, kind, rules, above)
        return
    if fault is not None and (why := fault(value)) is not None:
        raise Refusal(why)


def _container(value: Any, kind: type, rules: Rules, above: list[object]) -> None:
    is_set = rules.sets and (kind is set or kind is frozenset)
    if not (kind is dict or kind is list or kind is tuple or is_set):
        raise Refusal(f"{rules.name} has no {kind.__qualname__}", InvalidType)
    for container in above:
        if container is value:
            raise Refusal("contains itself")
    if len(above) == DEEPEST:
        raise Refusal(f"nested deeper than {DEEPEST}")
    if is_set:
        for member in value:
            _name(member, rules)
        return
    above.append(value)
    part: object = None
    fine = rules.fine
    try:
        for part, item in value.items() if kind is dict else enumerate(value):
            if kind is dict and (type(part) is not str or not part.isascii()):
                _name(part, rules)
            # Most parts are seen to be right without a call.
            of = type(item)
            if of not in fine and not (of is str and item.isascii()):
                _walk(item, rules, above)
    except Refusal as refusal:
        refusal.path = f"[{_spelled(part)}]{refusal.path}"
        raise
    above.pop()


def _name(name: object, rules: Rules) -> None:
    """A key of a dict or a member of a set: those that every language tells apart alike."""
    if type(name) is str:
        if why := _text(name):
            raise Refusal(why)
    elif not (rules.sets and type(name) is int):
        also = " or integers" if rules.sets else ""
        raise Refusal(f"keys of a dict and members of a set must be strings{also}", InvalidType)


def _spelled(part: object) -> str:
    if type(part) is not str:
        return repr(part) if type(part) is int else type(part).__qualname__
    return json.dumps(part if len(part) <= _SHOWN else part[:_SHOWN] + "…", ensure_ascii=not part.isprintable())


def _text(text: str) -> str | None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "a string with a lone surrogate"
    return None


def _aware(moment: datetime) -> str | None:
    return None if moment.utcoffset() is not None else "a datetime without a time zone"


def _finite(number: float) -> str | None:
    return None if math.isfinite(number) else f"JSON has no {number}"


def _exact(integer: int) -> str | None:
    if -_LARGEST_SAFE <= integer <= _LARGEST_SAFE:
        return None
    try:
        if int(float(integer)) == integer:
            return None
    except OverflowError:
        pass
    return "an integer that JavaScript would read as another"


_ANY: dict[type, Callable[[Any], str | None] | None] = {type(None): None, bool: None, str: _text}


def _rules(name: str, leaves: dict[type, Callable[[Any], str | None] | None], *, sets: bool) -> Rules:
    fine = frozenset(kind for kind, fault in leaves.items() if fault is None)
    return Rules(name, leaves, sets, fine)


CBOR = _rules(
    "CBOR of this package",
    {**_ANY, int: None, float: None, bytes: None, bytearray: None, datetime: _aware},
    sets=True,
)
"""What crosses between languages."""

JSON = _rules("JSON", {**_ANY, int: _exact, float: _finite}, sets=False)
"""What JSON has."""
