"""Actors on one event loop or on several, and a point where they meet."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import latchwork.aio

from loop_thread import LIMIT, LoopThread

T = TypeVar("T")

LOOPS = 3

Actor = Callable[[latchwork.aio.Space], Awaitable[T]]

_names = itertools.count()


class Meeting:
    """A point that so many tasks must reach before any goes on, on whichever loops."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.lock = threading.Lock()
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    async def wait(self) -> None:
        """Reach it."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self.lock:
            self.left -= 1
            self.waiting.append((loop, future))
            met = list(self.waiting) if self.left == 0 else []
        for there, waits in met:
            there.call_soon_threadsafe(waits.set_result, None)
        await future


async def on_one_loop(url: str, actors: Sequence[Actor[T]]) -> list[T]:
    """Each a task of this loop, with one handle for all."""
    async with await latchwork.aio.open(url) as space:
        return list(await asyncio.gather(*(actor(space) for actor in actors)))


async def on_several_loops(url: str, actors: Sequence[Actor[T]]) -> list[T]:
    """Dealt out to loops in threads of their own, each with a handle of its own."""
    with contextlib.ExitStack() as stack:
        loops = [stack.enter_context(LoopThread()) for _ in range(LOOPS)]
        shares = [list(range(number, len(actors), LOOPS)) for number in range(LOOPS)]
        runs = [
            loop.start(on_one_loop(url, [actors[at] for at in share]))
            for loop, share in zip(loops, shares, strict=True)
        ]
        # All of them, before the first error of any is raised.
        await asyncio.wait([asyncio.wrap_future(run) for run in runs], timeout=2 * LIMIT)
        results: dict[int, T] = {}
        for share, run in zip(shares, runs, strict=True):
            results.update(zip(share, run.result(0), strict=True))
        return [results[at] for at in range(len(actors))]


PLACES: dict[str, Callable[[str, Sequence[Actor[Any]]], Awaitable[list[Any]]]] = {
    "tasks": on_one_loop,
    "loops": on_several_loops,
}


def new_url() -> str:
    """A name that no other space has."""
    return f"memory:meeting {next(_names)}"
