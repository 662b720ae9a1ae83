"""The codec of a space at its cells: which openings agree, what is refused before anything changes (B6, C15)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import codec_cbor

from codec_values import VECTORS, described, value_of
from either_api import done, either


class Upper:
    """A codec of one's own."""

    name = "upper"

    def encode(self, value: str) -> bytes:
        """The bytes of a text."""
        return value.upper().encode()

    def decode(self, data: bytes) -> str:
        """The text."""
        return data.decode()


PAIR = (str.encode, bytes.decode)


@either
async def test_openings_of_a_name_agree(api: ModuleType) -> None:
    """On the name of the codec, in both APIs; the usual one is `cbor`."""
    codecs: list[Any] = ["cbor", "json", "bytes", PAIR, Upper()]
    for codec in codecs:
        space = await done(api.open("memory:agree", codec=codec))
        for other in (None, *codecs):
            same = other is codec or (other is None and codec == "cbor")
            opens: list[Any] = [latchwork.open, latchwork.aio.open]
            for open in opens:
                if same:
                    again = await done(open("memory:agree", codec=other))
                    await done(again.close())
                    continue
                with pytest.raises(latchwork.Invalid) as refused:
                    await done(open("memory:agree", codec=other))
                assert refused.value.what == "codec"
        # A refused opening leaves nothing behind: the name is free as soon as this handle is closed.
        await done(space.close())
    # Two objects of one name, or two pairs, agree.
    one, two = await done(api.open("memory:agree", codec=Upper())), latchwork.open("memory:agree", codec=Upper())
    await done(one.set("a", "text"))
    assert two.get("a").value == "TEXT"
    await done(one.close())
    two.close()


@either
async def test_what_cannot_be_a_codec(api: ModuleType) -> None:
    """Refused by `open`."""
    for codec in (5, "xml", Upper, (str.encode,), object(), (1, 2)):
        with pytest.raises(latchwork.Invalid) as refused:
            await done(api.open(codec=codec))
        assert refused.value.what == "codec"


@either
async def test_a_value_that_cannot_be_written(api: ModuleType) -> None:
    """Refused before anything changes, naming the part."""
    space = await done(api.open())
    await done(space.set("a", 1))
    entry = await done(space.get("a"))
    value = {"user": {"tags": ["x", object()]}}
    calls: list[Any] = [
        lambda: space.set("a", value),
        lambda: space.insert("b", value),
        lambda: space.compare_exchange(entry, value),
        lambda: space.atomic().delete("a").set("b", value).commit(),
    ]
    for call in calls:
        with pytest.raises(latchwork.InvalidType) as refused:
            await done(call())
        assert refused.value.what == 'value["user"]["tags"][1]'
    assert await done(space.list()) == [entry]


@either
async def test_the_codecs(api: ModuleType) -> None:
    """What each takes, and reads back; what one of one's own raises passes through unchanged."""
    text = await done(api.open(codec="json"))
    await done(text.set("a", {"b": [1, None, 0.5]}))
    assert (await done(text.get("a"))).value == {"b": [1, None, 0.5]}
    with pytest.raises(latchwork.Invalid):
        await done(text.set("a", b"bytes"))
    raw = await done(api.open(codec="bytes"))
    await done(raw.set("a", bytearray(b"\x00\xff")))
    assert (await done(raw.get("a"))).value == b"\x00\xff"
    with pytest.raises(latchwork.Invalid):
        await done(raw.set("a", "text"))

    class Own(Exception):
        pass

    def fail(_: object) -> Any:
        raise Own

    writes = await done(api.open(codec=(fail, bytes.decode)))
    with pytest.raises(Own):
        await done(writes.set("a", "text"))
    assert (await done(writes.get("a"))).version == 0
    reads = await done(api.open(codec=(str.encode, fail)))
    assert await done(reads.set("a", "text"))
    calls: list[Any] = [lambda: reads.get("a"), lambda: reads.list(), lambda: reads.insert("a", "other")]
    for call in calls:
        with pytest.raises(Own):
            await done(call())


@either
async def test_a_codec_that_uses_its_own_space(api: ModuleType) -> None:
    """Nothing is locked while it runs."""
    blocking = latchwork.open("memory:own", codec=(str.encode, bytes.decode))

    def encode(value: str) -> bytes:
        blocking.set("log", "encoded")
        return value.encode()

    def decode(data: bytes) -> str:
        blocking.set("log", "decoded")
        return data.decode()

    space = await done(api.open("memory:own", codec=(encode, decode)))
    await done(space.set("a", "text"))
    assert blocking.get("log").value == "encoded"
    assert (await done(space.get("a"))).value == "text"
    assert blocking.get("log").value == "decoded"
    for each in (space, blocking):
        await done(each.close())


@either
async def test_bytes_of_other_languages_are_read(api: ModuleType) -> None:
    """What JavaScript wrote is a value here, and what is written here has the bytes that JavaScript reads."""
    wire: dict[str, bytes] = {}

    def encode(value: Any) -> bytes:
        """A value, or the bytes of one that came from elsewhere."""
        return value.data if isinstance(value, Written) else codec_cbor.encode(value)

    class Written:
        def __init__(self, data: bytes) -> None:
            self.data = data

    def decode(data: bytes) -> Any:
        wire["last"] = data
        return codec_cbor.decode(data)

    space = await done(api.open(codec=(encode, decode)))
    count = 0
    for vector in VECTORS["cbor"]:
        for language in ("javascript", "python"):
            read = vector["value"] if language == "python" else vector.get("pythonReads", vector["value"])
            if language not in vector:
                continue
            count += 1
            await done(space.set("a", Written(bytes.fromhex(vector[language]))))
            assert described((await done(space.get("a"))).value) == described(value_of(read)), vector["name"]
        if "python" in vector:
            await done(space.set("a", value_of(vector["value"])))
            await done(space.get("a"))
            assert wire["last"].hex() == vector["python"], vector["name"]
    assert count > 50
