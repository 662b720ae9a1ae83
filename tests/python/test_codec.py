"""How values become bytes and come back, against the vectors that every language checks."""

from __future__ import annotations

import collections
import enum
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import latchwork
import pytest
from latchwork.codec import SpaceCodec, codec_name

from codec_values import VECTORS, described, value_of

CBOR = SpaceCodec()
JSON = SpaceCodec("json")
BYTES = SpaceCodec("bytes")


def refused(call: Callable[[Any], object], argument: Any, what: str | None = None) -> latchwork.Invalid:
    """The call is refused, with an error that is complete."""
    with pytest.raises(latchwork.Invalid) as caught:
        call(argument)
    error = caught.value
    assert isinstance(error, ValueError | TypeError)
    assert str(error) == f"invalid {error.what}: {error.why}"
    assert len(str(error)) < 300
    if what is not None:
        assert error.what == what
    return error


def test_values_have_the_bytes_that_are_recorded() -> None:
    """See tests/codec/README.md if this is the only one to fail."""
    assert len(VECTORS["cbor"]) > 60
    for entry in VECTORS["cbor"]:
        assert CBOR.encode(value_of(entry["value"])).hex() == entry["python"], entry["name"]


def test_what_each_language_wrote_is_read_as_the_same() -> None:
    """And what others may write."""
    for entry in VECTORS["cbor"]:
        own, theirs = (CBOR.decode(bytes.fromhex(entry[language])) for language in ("python", "javascript"))
        assert described(own) == described(value_of(entry["value"])), entry["name"]
        assert described(theirs) == described(value_of(entry.get("pythonReads", entry["value"]))), entry["name"]
    for entry in VECTORS["reads"]:
        assert described(CBOR.decode(bytes.fromhex(entry["hex"]))) == described(value_of(entry["reads"])), entry["name"]


@pytest.mark.parametrize("entry", VECTORS["refusedBytes"], ids=lambda entry: entry["name"])
def test_bytes_that_hold_no_value_are_refused(entry: dict[str, str]) -> None:
    """Whoever wrote them."""
    refused(CBOR.decode, bytes.fromhex(entry["hex"]), "value")


def test_nothing_cut_short_is_a_value() -> None:
    """Nor anything with a byte behind it."""
    assert len(VECTORS["refusedBytes"]) > 60
    for entry in VECTORS["cbor"]:
        for hexed in (entry["javascript"], entry["python"]):
            data = bytes.fromhex(hexed)
            for end in range(len(data)):
                refused(CBOR.decode, data[:end], "value")
            refused(CBOR.decode, data + b"\0", "value")


def test_bytes_that_were_changed_are_a_value_or_refused() -> None:
    """Never another error; and what can be read can be written."""
    seeded = random.Random(5)
    read = missed = 0
    for _ in range(5000):
        data = bytearray.fromhex(seeded.choice(VECTORS["cbor"])["javascript"])
        for _ in range(seeded.randint(1, 3)):
            data[seeded.randrange(len(data))] = seeded.randrange(256)
        try:
            value = CBOR.decode(bytes(data))
        except latchwork.Invalid as error:
            assert error.what == "value"
            missed += 1
            continue
        read += 1
        assert described(CBOR.decode(CBOR.encode(value))) == described(value)
    assert read > 500
    assert missed > 500


@pytest.mark.parametrize("entry", VECTORS["refusedValues"], ids=lambda entry: entry["name"])
def test_what_no_language_takes_is_refused_and_named(entry: dict[str, Any]) -> None:
    """Before anything is written."""
    refused(CBOR.encode, value_of(entry["value"]), entry.get("what"))


class Colour(enum.IntEnum):
    """A number that is more than one."""

    RED = 1


@dataclass
class Account:
    """An instance of a class."""

    name: str


class Name(str):
    """A text that is more than one."""


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024

CIRCLE: dict[str, Any] = {"list": [1]}
CIRCLE["list"].append({"circle": CIRCLE})


@pytest.mark.parametrize(
    ("value", "what", "kind"),
    [
        (object(), "value", TypeError),
        ({"user": {"tags": ["a", object()]}}, 'value["user"]["tags"][1]', TypeError),
        (("a", Account("Ada")), "value[1]", TypeError),
        (Account, "value", TypeError),
        (len, "value", TypeError),
        (Colour.RED, "value", TypeError),
        (Name("x"), "value", TypeError),
        ({Name("x"): 1}, "value[Name]", TypeError),
        (Point(1, 2), "value", TypeError),
        (collections.OrderedDict(), "value", TypeError),
        (collections.defaultdict(int), "value", TypeError),
        (range(3), "value", TypeError),
        ((number for number in (1, 2)), "value", TypeError),
        (memoryview(b"x"), "value", TypeError),
        (1j, "value", TypeError),
        (Decimal(1), "value", TypeError),
        (UUID(int=0), "value", TypeError),
        ([date(2000, 1, 1)], "value[0]", TypeError),
        (time(1), "value", TypeError),
        (timedelta(1), "value", TypeError),
        (datetime(2000, 1, 1), "value", ValueError),
        ({"at": datetime(2000, 1, 1)}, 'value["at"]', ValueError),
        (CIRCLE, 'value["list"][1]["circle"]', ValueError),
        ({b"x": 1}, "value[bytes]", TypeError),
        ({("a", 1): 1}, "value[tuple]", TypeError),
        ({5: [object()]}, "value[5][0]", TypeError),
        ({b"x"}, "value", TypeError),
        ([frozenset([("a",)])], "value[0]", TypeError),
        ({"n" * 100: object()}, f'value["{"n" * 40}…"]', TypeError),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_value_in_python_is_refused_and_named(value: Any, what: str, kind: type[Exception]) -> None:
    """Types are exactly those that are read back."""
    assert isinstance(refused(CBOR.encode, value, what), kind)


def test_odd_values() -> None:
    """What looks odd and is right."""
    shared = {"deep": [1]}
    east = timezone(timedelta(hours=5, minutes=30))
    cases: list[tuple[Any, Any]] = [
        ((1, ("a",)), [1, ["a"]]),
        (frozenset({1}), {1}),
        (bytearray(b"x"), b"x"),
        ([shared, shared], [{"deep": [1]}, {"deep": [1]}]),
        (datetime(2020, 1, 1, 5, 30, tzinfo=east), datetime(2020, 1, 1, tzinfo=timezone.utc)),
        ({"b": 1, "a": 2}, {"b": 1, "a": 2}),
    ]
    for value, expected in cases:
        assert described(CBOR.decode(CBOR.encode(value))) == described(expected)
    moment = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=east)
    read = CBOR.decode(CBOR.encode(moment))
    assert read == moment
    assert read.utcoffset() == moment.utcoffset()
    assert CBOR.decode(CBOR.encode({"a", "b", 3, -(2**70)})) == {"a", "b", 3, -(2**70)}


def test_a_value_that_is_read_is_the_readers_own() -> None:
    """C15."""
    value = {"list": [1], "bytes": bytearray(b"xy"), "set": {1}}
    data = CBOR.encode(value)
    value["list"].append(2)  # type: ignore[attr-defined]
    one, other = CBOR.decode(data), CBOR.decode(data)
    one["list"].append(3)
    one["set"].add(5)
    assert other == {"list": [1], "bytes": b"xy", "set": {1}}
    source = bytearray(b"xy")
    raw = BYTES.encode(source)
    source[0] = 0
    assert raw == b"xy"


def test_json() -> None:
    """What JSON has, and nothing else."""
    for entry in VECTORS["json"]:
        assert JSON.encode(value_of(entry["value"])) == entry["text"].encode()
        assert described(JSON.decode(entry["text"].encode())) == described(value_of(entry["value"]))
    for entry in VECTORS["refusedJson"]:
        refused(JSON.encode, value_of(entry["value"]), entry.get("what"))
    for text in VECTORS["refusedTexts"]:
        refused(JSON.decode, text.encode("utf-8", "surrogatepass"), "value")
    for data in (b'"\xff"', b"[" * 100_000, b"\xff\xfe1\0", b"9" * 5000):
        refused(JSON.decode, data, "value")
    for value in (b"x", {1: 2}, {1}, -(2**53) - 1, 10**400, Colour.RED, [Decimal(1)], object()):
        refused(JSON.encode, value)
    assert JSON.decode(JSON.encode([2**60, -(2**53), (1,)])) == [2**60, -(2**53), [1]]


def test_bytes_as_they_are() -> None:
    """And nothing that is no bytes."""
    assert BYTES.encode(b"\0\xff") == b"\0\xff"
    assert BYTES.decode(b"\0\xff") == b"\0\xff"
    for value in (None, "text", [1], memoryview(b"x"), 5):
        refused(BYTES.encode, value, "value")


class Upper:
    """A codec of one's own."""

    name = "upper"

    def encode(self, value: str) -> bytes:
        """In capitals."""
        return value.upper().encode()

    def decode(self, data: bytes) -> str:
        """In small letters."""
        return data.decode().lower()


def test_a_callers_own_pair() -> None:
    """As an object or as two functions."""
    pair: tuple[Callable[[Any], bytes], Callable[[bytes], Any]] = (Upper().encode, Upper().decode)
    for option, name in ((Upper(), "upper"), (pair, "custom")):
        codec = SpaceCodec(option)
        assert (codec.name, codec_name(option)) == (name, name)
        assert codec.encode("text") == b"TEXT"
        assert codec.decode(b"TEXT") == "text"
        with pytest.raises(AttributeError):
            codec.encode(5)
    answers: list[Any] = [None, "text", [1], memoryview(b"x")]
    for answer in answers:
        refused(SpaceCodec((lambda value, answer=answer: answer, bytes)).encode, 1, "codec.encode")
    changeable: Any = (lambda value: bytearray(b"x"), bytes)
    assert type(SpaceCodec(changeable).encode(1)) is bytes


@pytest.mark.parametrize(
    "option",
    ["CBOR", "", "msgpack", "\ud800", 5, True, b"cbor", [], {}, len, Upper, (len,), (len, 5), object(), [len, len]],
    ids=lambda option: repr(option)[:24],
)
def test_what_is_no_codec_is_refused(option: Any) -> None:
    """Before a space is opened."""
    refused(SpaceCodec, option, "codec")
    refused(codec_name, option, "codec")


@pytest.mark.parametrize("name", [5, None, b"x", "\ud800", "cbor", "json", "bytes"])
def test_what_is_no_name_of_a_codec_is_refused(name: Any) -> None:
    """Those that are here are taken."""
    codec = Upper()
    codec.name = name
    refused(SpaceCodec, codec, "codec.name")


def test_names() -> None:
    """By which openings agree."""
    assert [codec_name(option) for option in (None, "cbor", "json", "bytes")] == ["cbor", "cbor", "json", "bytes"]


def test_control() -> None:
    """Descriptions tell apart what must not be taken for one another."""
    values: list[Any] = [0, 0.0, -0.0, math.nan, "0", None, False, [], [0], {}, {"a": 1}, {1: "a"}, set(), b"", {0}]
    assert len({repr(described(value)) for value in values}) == len(values)
    assert described({"a": 1, "b": 2}) != described({"b": 2, "a": 1})
