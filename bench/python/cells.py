"""Read, write, and compare and exchange small cells that nobody else writes."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

import latchwork.aio
from aiocache import SimpleMemoryCache  # type: ignore[import-not-found, import-untyped, unused-ignore]
from aiocache.lock import OptimisticLock  # type: ignore[import-not-found, import-untyped, unused-ignore]
from aiocache.serializers import PickleSerializer  # type: ignore[import-not-found, import-untyped, unused-ignore]
from rounds import Section, Side

KEYS = [f"user:{number}" for number in range(500)]
SCANNED = 10_000
VALUE = {"name": "ada", "visits": 3, "tags": ["a", "b"]}


class Versions:
    """What people write by hand: a dict of values with versions."""

    def __init__(self) -> None:
        self.cells: dict[str, tuple[Any, int]] = {}
        self.last = 0

    def get(self, key: str) -> tuple[Any, int]:
        """The value and its version."""
        return self.cells.get(key, (None, 0))

    def set(self, key: str, value: Any) -> int:
        """A write, whatever is there."""
        self.last += 1
        self.cells[key] = (value, self.last)
        return self.last

    def compare_exchange(self, key: str, version: int, value: Any) -> bool:
        """A write of what still has this version."""
        if self.cells.get(key, (None, 0))[1] != version:
            return False
        self.set(key, value)
        return True

    def list(self, prefix: str) -> list[tuple[str, tuple[Any, int]]]:
        """The cells whose keys begin so, in key order."""
        return sorted((key, cell) for key, cell in self.cells.items() if key.startswith(prefix))


class Copies(Versions):
    """The same where what is read is the reader's own, as ours is."""

    def get(self, key: str) -> tuple[Any, int]:
        """The value and its version."""
        value, version = super().get(key)
        return copy.deepcopy(value), version

    def set(self, key: str, value: Any) -> int:
        """A write, whatever is there."""
        return super().set(key, copy.deepcopy(value))


async def filled(space: latchwork.aio.Space) -> tuple[latchwork.aio.Space, Versions, Copies, Any, Any]:
    """Every store, with all keys."""
    by_hand, copies = Versions(), Copies()
    plain, pickled = SimpleMemoryCache(), SimpleMemoryCache(serializer=PickleSerializer())
    for key in KEYS:
        await space.set(key, VALUE)
        by_hand.set(key, VALUE)
        copies.set(key, VALUE)
        await plain.set(key, VALUE)
        await pickled.set(key, VALUE)
    return space, by_hand, copies, plain, pickled


async def get(space: latchwork.aio.Space) -> Sequence[Side]:
    """Read a cell."""
    ours, by_hand, copies, plain, pickled = await filled(space)

    async def latchwork_get(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                await ours.get(key)

    def dict_get(store: Versions, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    store.get(key)

        return Side(name, run)

    def cache_get(cache: Any, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    await cache.get(key)

        return Side(name, run)

    return sides(latchwork_get, dict_get, cache_get, (by_hand, copies, plain, pickled))


async def write(space: latchwork.aio.Space) -> Sequence[Side]:
    """Write a cell, whatever is there."""
    ours, by_hand, copies, plain, pickled = await filled(space)

    async def latchwork_set(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                await ours.set(key, VALUE)

    def dict_set(store: Versions, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    store.set(key, VALUE)

        return Side(name, run)

    def cache_set(cache: Any, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    await cache.set(key, VALUE)

        return Side(name, run)

    return sides(latchwork_set, dict_set, cache_set, (by_hand, copies, plain, pickled))


async def compare_exchange(space: latchwork.aio.Space) -> Sequence[Side]:
    """Read a cell, and write it if nobody has meanwhile."""
    ours, by_hand, copies, plain, pickled = await filled(space)

    async def latchwork_exchange(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                entry = await ours.get(key)
                if not await ours.compare_exchange(entry, VALUE):
                    raise AssertionError("nobody else writes")

    def dict_exchange(store: Versions, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    _, version = store.get(key)
                    if not store.compare_exchange(key, version, VALUE):
                        raise AssertionError("nobody else writes")

        return Side(name, run)

    def cache_exchange(cache: Any, name: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    async with OptimisticLock(cache, key) as lock:
                        await lock.cas(VALUE)

        return Side(name, run)

    return sides(latchwork_exchange, dict_exchange, cache_exchange, (by_hand, copies, plain, pickled))


async def watched(space: latchwork.aio.Space) -> Sequence[Side]:
    """Write a cell: somebody reads each state, somebody watches and never looks, nobody watches."""

    def writes(name: str, key: str) -> Side:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for _ in range(operations):
                    await space.set(key, VALUE)
                    # The turn in which a reader runs.
                    await asyncio.sleep(0)

        return Side(name, run)

    reader, idler = space.watch("read"), space.watch("not read")
    await anext(reader)
    await anext(idler)
    read = writes("Latchwork, watched and read", "read")

    async def run(section: Section, operations: int) -> None:
        async def read_to_the_end() -> None:
            while (await anext(reader))[0].version:
                pass

        last = asyncio.ensure_future(read_to_the_end())
        await asyncio.sleep(0)
        await read.run(section, operations)
        await space.delete("read")
        await last

    return [
        Side(read.name, run),
        writes("Latchwork, watched, not read", "not read"),
        writes("Latchwork, not watched", "not watched"),
    ]


async def scan(space: latchwork.aio.Space) -> Sequence[Side]:
    """Read ten thousand cells at one instant."""
    by_hand = Versions()
    for number in range(SCANNED):
        await space.set(f"session:{number}", VALUE)
        by_hand.set(f"session:{number}", VALUE)

    async def latchwork_list(section: Section, operations: int) -> None:
        with section.counted():
            for _ in range(0, operations, SCANNED):
                if len(await space.list(prefix="session:")) != SCANNED:
                    raise AssertionError("not all of them")

    async def dict_list(section: Section, operations: int) -> None:
        with section.counted():
            for _ in range(0, operations, SCANNED):
                if len(by_hand.list("session:")) != SCANNED:
                    raise AssertionError("not all of them")

    return [Side("Latchwork", latchwork_list), Side("dict with versions, sorted", dict_list)]


def sides(ours: Any, by_hand: Any, cached: Any, stores: tuple[Versions, Copies, Any, Any]) -> Sequence[Side]:
    """Ours, and the peers by name."""
    plain, copies, cache, pickled = stores
    return [
        Side("Latchwork", ours),
        by_hand(plain, "dict with versions"),
        by_hand(copies, "dict with versions and copies"),
        cached(cache, "aiocache in memory"),
        cached(pickled, "aiocache in memory, pickled"),
    ]
