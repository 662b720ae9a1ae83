"""One key that many tasks want: to take it in turn, and to leave the queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import latchwork.aio
from rounds import Section, Side

Lock = Callable[[], AbstractAsyncContextManager[Any]]


def contenders(space: latchwork.aio.Space, tasks: int) -> list[Side]:
    """Each task takes the lock, lets the others run, and gives it back, again and again."""

    def side(name: str, lock: Lock) -> Side:
        async def cycle(times: int) -> None:
            for _ in range(times):
                async with lock():
                    await asyncio.sleep(0)

        async def run(section: Section, operations: int) -> None:
            with section.counted():
                await asyncio.gather(*(cycle(operations // tasks) for _ in range(tasks)))

        return Side(name, run)

    async def by_hand(section: Section, operations: int) -> None:
        loop = asyncio.get_running_loop()
        queue: deque[asyncio.Future[None]] = deque()

        async def cycle(times: int, waits: bool) -> None:
            for _ in range(times):
                if waits:
                    future = loop.create_future()
                    queue.append(future)
                    await future
                await asyncio.sleep(0)
                waits = bool(queue)
                if waits:
                    queue.popleft().set_result(None)

        with section.counted():
            await asyncio.gather(*(cycle(operations // tasks, number > 0) for number in range(tasks)))

    # What the loop itself takes to let so many tasks go on, one after the other.
    return [*(side(name, lock) for name, lock in locks(space)), Side("no lock at all", by_hand)]


def queue(space: latchwork.aio.Space, waiters: int) -> list[Side]:
    """So many tasks wait for a key; then all are served."""

    def side(name: str, lock: Lock) -> Side:
        async def run(section: Section, operations: int) -> None:
            for _ in range(operations // waiters):
                async with lock():
                    tasks = await wait_for(lock, waiters, section)
                with section.counted():
                    await asyncio.gather(*tasks)

        return Side(name, run)

    return [side(name, lock) for name, lock in locks(space)]


def cancel(space: latchwork.aio.Space, waiters: int) -> list[Side]:
    """So many tasks wait for a key; then all are cancelled, the newest first. Only that is counted."""

    def side(name: str, lock: Lock) -> Side:
        async def run(section: Section, operations: int) -> None:
            for _ in range(operations // waiters):
                async with lock():
                    tasks = await wait_for(lock, waiters, Section())
                    with section.counted():
                        for task in reversed(tasks):
                            task.cancel()
                        await asyncio.wait(tasks)

        return Side(name, run)

    async def leave_nothing(section: Section, operations: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(operations // waiters):
            tasks = [asyncio.create_task(wait(loop.create_future())) for _ in range(waiters)]
            await asyncio.sleep(0)
            with section.counted():
                for task in reversed(tasks):
                    task.cancel()
                await asyncio.wait(tasks)

    # What the loop itself takes to cancel so many tasks.
    nothing = Side("no lock at all", leave_nothing)
    return [*(side(name, lock) for name, lock in locks(space)), nothing]


async def wait(future: asyncio.Future[None]) -> None:
    await future


def locks(space: latchwork.aio.Space) -> Sequence[tuple[str, Lock]]:
    bare = asyncio.Lock()
    return [("Latchwork", lambda: space.lock("page")), ("asyncio.Lock", lambda: bare)]


async def wait_for(lock: Lock, waiters: int, section: Section) -> list[asyncio.Task[None]]:
    """Tasks that wait for the lock, which somebody holds."""

    async def once() -> None:
        async with lock():
            pass

    with section.counted():
        tasks = [asyncio.create_task(once()) for _ in range(waiters)]
        await asyncio.sleep(0)
    return tasks
