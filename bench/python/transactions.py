"""Change a cell by a function of what it holds, alone and among others; and two cells in one transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import latchwork
import latchwork.aio
from cells import VALUE, Copies
from rounds import Runs, Section, Side

KEY = "cell"
MOST_PAUSE = 32
"""Back-off: at most so many turns of the loop."""


def step(value: dict[str, Any] | None, entry: object = None) -> dict[str, Any]:
    """The change that all make."""
    value = value or dict(VALUE)
    value["visits"] += 1
    return value


async def alone(space: latchwork.aio.Space) -> Sequence[Side]:
    """Update a cell that nobody else wants."""
    await space.set(KEY, VALUE)
    await space.set("by exchange", VALUE)
    copies, guarded, lock = Copies(), Copies(), asyncio.Lock()
    for store in (copies, guarded):
        store.set(KEY, VALUE)

    async def step_later(value: dict[str, Any] | None, entry: object) -> dict[str, Any]:
        return step(value)

    async def ours() -> None:
        await space.update(KEY, step)

    async def ours_later() -> None:
        await space.update(KEY, step_later)

    async def exchange() -> None:
        entry = await space.get("by exchange")
        if not await space.compare_exchange(entry, step(entry.value)):
            raise AssertionError("nobody else writes")

    async def by_hand() -> None:
        while True:
            value, version = copies.get(KEY)
            if copies.compare_exchange(KEY, version, step(value)):
                return

    async def locked() -> None:
        async with lock:
            value, _ = guarded.get(KEY)
            guarded.set(KEY, step(value))

    return [
        often("Latchwork, update", ours),
        often("Latchwork, update with a coroutine function", ours_later),
        often("Latchwork, get + compare_exchange", exchange),
        often("dict with versions and copies", by_hand),
        often("dict with copies under an asyncio.Lock", locked),
    ]


async def contended(space: latchwork.aio.Space, tasks: int) -> Sequence[Side]:
    """So many tasks change one cell, each with an await in between."""
    await space.set(KEY, VALUE)
    await space.set("by exchange", VALUE)
    guarded, lock = Copies(), asyncio.Lock()
    guarded.set(KEY, VALUE)
    updates, exchanges = Runs(), Runs()

    async def body(value: dict[str, Any] | None, entry: object) -> dict[str, Any]:
        await asyncio.sleep(0)
        return step(value)

    async def ours() -> None:
        updates.note((await space.update(KEY, body)).attempts)

    async def exchange() -> None:
        attempts, most = 0, 1
        while True:
            attempts += 1
            entry = await space.get("by exchange")
            await asyncio.sleep(0)
            if await space.compare_exchange(entry, step(entry.value)):
                return exchanges.note(attempts)
            for _ in range(random.randint(1, most)):
                await asyncio.sleep(0)
            most = min(2 * most, MOST_PAUSE)

    async def locked() -> None:
        async with lock:
            value, _ = guarded.get(KEY)
            await asyncio.sleep(0)
            guarded.set(KEY, step(value))

    return [
        together("Latchwork, update", ours, tasks, updates),
        together("Latchwork, compare_exchange in a loop with back-off", exchange, tasks, exchanges),
        together("dict with copies under an asyncio.Lock", locked, tasks),
    ]


async def two_cells(space: latchwork.aio.Space) -> Sequence[Side]:
    """Read two cells and write both."""
    copies, lock = Copies(), asyncio.Lock()
    for key in ("payer", "payee", "payer by exchange", "payee by exchange"):
        await space.set(key, VALUE)
        copies.set(key, VALUE)

    async def body(tx: latchwork.aio.Transaction) -> None:
        payer, payee = await tx.get("payer"), await tx.get("payee")
        await tx.set("payer", step(payer.value))
        await tx.set("payee", step(payee.value))

    def plain(tx: latchwork.Transaction) -> None:
        payer, payee = tx.get("payer"), tx.get("payee")
        tx.set("payer", step(payer.value))
        tx.set("payee", step(payee.value))

    blocking = latchwork.open()
    for key in ("payer", "payee"):
        blocking.set(key, VALUE)

    async def ours() -> None:
        await space.transact(body)

    async def ours_blocking() -> None:
        blocking.transact(plain)

    async def atomic() -> None:
        payer, payee = await space.get_many("payer by exchange", "payee by exchange")
        batch = space.atomic().check(payer).check(payee)
        if not await batch.set(payer.key, step(payer.value)).set(payee.key, step(payee.value)).commit():
            raise AssertionError("nobody else writes")

    async def locked() -> None:
        async with lock:
            payer, payee = copies.get("payer")[0], copies.get("payee")[0]
            copies.set("payer", step(payer))
            copies.set("payee", step(payee))

    return [
        often("Latchwork, transact", ours),
        often("Latchwork, transact, blocking", ours_blocking),
        often("Latchwork, get_many + atomic", atomic),
        often("dict with copies under an asyncio.Lock", locked),
    ]


def often(name: str, change: Callable[[], Awaitable[None]]) -> Side:
    """One after the other."""

    async def run(section: Section, operations: int) -> None:
        with section.counted():
            for _ in range(operations):
                await change()

    return Side(name, run)


def together(name: str, change: Callable[[], Awaitable[None]], tasks: int, runs: Runs | None = None) -> Side:
    """By so many tasks at once."""

    async def work(times: int) -> None:
        for _ in range(times):
            await change()

    async def run(section: Section, operations: int) -> None:
        with section.counted():
            await asyncio.gather(*(work(operations // tasks) for _ in range(tasks)))

    return Side(name, run, runs)
