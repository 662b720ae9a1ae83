"""Lock and unlock one key that nobody else wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import latchwork.aio
from asyncio_keyed_lock import AsyncioKeyedLock  # type: ignore[import-not-found, unused-ignore]
from rounds import Section, Side

KEYS = [f"user:{number}" for number in range(2_000)]


def ambient(space: latchwork.aio.Space, plain: latchwork.aio.Space) -> list[Side]:
    """The same where each block has an owner that is found by the context, beside a space without that."""

    def locks(space: latchwork.aio.Space) -> Callable[[Section, int], Awaitable[None]]:
        async def run(section: Section, operations: int) -> None:
            with section.counted():
                for key in KEYS[:operations]:
                    async with space.lock(key):
                        pass

        return run

    return [Side("latchwork", locks(space)), Side("without an ambient owner", locks(plain))]


def keyed(space: latchwork.aio.Space) -> list[Side]:
    """A key that was not used before, with ``async with``."""

    async def ours(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                async with space.lock(key):
                    pass

    async def dict_of_locks(section: Section, operations: int) -> None:
        locks: dict[str, asyncio.Lock] = {}
        with section.counted():
            for key in KEYS[:operations]:
                lock = locks.get(key)
                if lock is None:
                    lock = locks[key] = asyncio.Lock()
                async with lock:
                    pass

    kept = {key: asyncio.Lock() for key in KEYS}

    async def dict_of_locks_kept(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                async with kept[key]:
                    pass

    bare = asyncio.Lock()

    async def bare_lock(section: Section, operations: int) -> None:
        with section.counted():
            for _ in KEYS[:operations]:
                async with bare:
                    pass

    keyed_lock = AsyncioKeyedLock()

    async def asyncio_keyed_lock(section: Section, operations: int) -> None:
        with section.counted():
            for key in KEYS[:operations]:
                async with keyed_lock(key):
                    pass

    nothing = Nothing()

    async def protocol(section: Section, operations: int) -> None:
        with section.counted():
            for _ in KEYS[:operations]:
                async with nothing:
                    pass

    return [
        Side("Latchwork", ours),
        Side("dict of asyncio.Lock", dict_of_locks),
        Side("dict of asyncio.Lock, made before", dict_of_locks_kept),
        Side("one bare asyncio.Lock", bare_lock),
        Side("asyncio-keyed-lock", asyncio_keyed_lock),
        Side("no lock at all", protocol),
    ]


class Nothing:
    """What `async with` itself takes."""

    __slots__ = ()

    async def __aenter__(self) -> Nothing:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass
