"""Keys: the vectors that all hosts share, and what Python cannot make a key of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import latchwork
import pytest
from latchwork import _native

from scenario import file

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text("utf-8"))


def spelled(spelling: Any) -> Any:
    """A key of the vectors, with the values that are no keys."""
    if isinstance(spelling, dict):
        ((kind, value),) = spelling.items()
        if kind == "float":
            return float(value)
        if kind == "null":
            return None
        if kind == "object":
            return {}
        if kind == "utf16":
            return "".join(chr(int(value[at : at + 4], 16)) for at in range(0, len(value), 4))
        if kind == "tuple":
            return tuple(spelled(part) for part in value)
    return file.key(spelling)


def exact(key: Any) -> tuple[Any, ...]:
    """A key that is equal to another only if its types are too: to Python, 1 is True."""
    if isinstance(key, tuple):
        return (tuple, *map(exact, key))
    return (type(key), key)


def test_encodings() -> None:
    """Every key has the bytes that it has in every language, and comes back from them."""
    for entry in VECTORS["keys"]:
        key = spelled(entry["key"])
        encoded = _native._encode_key(key)
        assert encoded.hex() == entry["hex"], key
        assert exact(_native._decode_key(encoded)) == exact(key)


def test_order_is_that_of_the_bytes() -> None:
    """The order of the vectors."""
    encoded = [_native._encode_key(spelled(key)) for key in VECTORS["sorted"]]
    assert encoded == sorted(encoded)


def test_look_alikes_differ() -> None:
    """No two keys of a group are the same lock."""
    for group in VECTORS["different"]:
        keys = [spelled(key) for key in group]
        with latchwork.open() as space:
            guards = [space.try_lock(key) for key in keys]
            assert all(guards), group
            for guard in guards:
                assert guard is not None
                guard.release()


def test_invalid_keys() -> None:
    """What no key can be is refused, with nothing queued."""
    with latchwork.open() as space:
        for entry in VECTORS["invalid"]:
            if "python" not in entry.get("hosts", ["python"]):
                continue
            key = spelled(entry["key"])
            for call in (space.lock, space.try_lock, space.query):
                with pytest.raises(latchwork.Invalid) as error:
                    call("fine", key)
                assert error.value.code == "invalid", entry["why"]
            assert space.query() == latchwork.Query([], [])


def test_bytes_that_are_no_key() -> None:
    """Encodings that are not canonical do not decode."""
    for encoded, why in VECTORS["notCanonical"]:
        with pytest.raises(latchwork.Invalid):
            _native._decode_key(bytes.fromhex(encoded))
            pytest.fail(f"decoded: {why}")


@pytest.mark.parametrize(
    ("key", "what", "kind"),
    [
        (1.0, "key", TypeError),
        (math.nan, "key", TypeError),
        (None, "key", TypeError),
        ([], "key", TypeError),
        ({"a"}, "key", TypeError),
        (object(), "key", TypeError),
        (bytearray(b"a"), "key", TypeError),
        (memoryview(b"a"), "key", TypeError),
        (("a", 1.0), "key[1]", TypeError),
        (("a", ("b", None)), "key[1][1]", TypeError),
        ("\ud800", "key", ValueError),
        (("a", "\udc00"), "key[1]", ValueError),
        (2**64, "key", ValueError),
        (-(2**63) - 1, "key", ValueError),
        ((1, 2**64), "key[1]", ValueError),
        ("x" * 2048, "key", ValueError),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_error_names_the_part(key: Any, what: str, kind: type[Exception]) -> None:
    """`what` is the key, or the part of it."""
    with latchwork.open() as space:
        with pytest.raises(latchwork.Invalid) as error:
            space.lock(key)
        assert isinstance(error.value, kind)
        assert error.value.what == what
        assert error.value.why
        assert space.query().pending == []


def test_tuples_as_deep_as_the_stack() -> None:
    """A key that nests very deep is refused and does not overflow the stack."""
    key: tuple[Any, ...] = ()
    for _ in range(100_000):
        key = (key,)
    with latchwork.open() as space, pytest.raises(latchwork.Invalid):
        space.lock(key)
    while key:
        (key,) = key


def test_subclasses_are_their_base() -> None:
    """An IntEnum is its integer, a named tuple its tuple; a bool is not an integer."""
    import enum
    import typing

    class Number(enum.IntEnum):
        ONE = 1

    class User(typing.NamedTuple):
        kind: str
        number: int

    assert _native._encode_key(Number.ONE) == _native._encode_key(1)
    assert _native._encode_key(User("u", 1)) == _native._encode_key(("u", 1))
    assert _native._encode_key(True) != _native._encode_key(1)


def test_one_tuple_is_one_key() -> None:
    """Several keys are several arguments."""
    with latchwork.open() as space, space.lock(("user", 7)) as guard:
        assert guard.keys == (("user", 7),)
        with space.lock("user", 7) as both:
            assert both.keys == ("user", 7)
