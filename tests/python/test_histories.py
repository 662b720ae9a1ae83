"""Recorded histories of threads, of loops, and of both at once: cells are linearisable, transactions serialisable."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import KEEP, Entry

from history.cell import Operation, is_linearisable
from history.transactions import Committed, fault
from loop_thread import LIMIT, LoopThread
from meeting import new_url

KEYS = ["a", "b", "c", "d"]
ROUNDS = 25

now = time.perf_counter_ns


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Recorder:
    """What everybody did; every value that is written is another one."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.operations: list[Operation] = []
        self.transactions: list[Committed] = []


def thread_on_a_cell(space: latchwork.Space, recorder: Recorder, seed: int) -> None:
    """Update and read."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        mine, kind = next(recorder.numbers), chance.random()
        seen = 0

        def run(value: int, entry: Entry) -> Any:
            nonlocal seen
            seen = value
            time.sleep(0)
            return mine if kind < 0.6 else KEEP  # noqa: B023

        began = now()
        if kind < 0.8:
            changed = space.update("cell", run).changed
        else:
            seen, changed = space.get("cell").value, False
        recorder.operations.append(Operation(began, now(), seen, mine if changed else None))


async def task_on_a_cell(space: latchwork.aio.Space, recorder: Recorder, seed: int) -> None:
    """The same in a task."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        mine, kind = next(recorder.numbers), chance.random()
        seen = 0

        async def run(value: int, entry: Entry) -> Any:
            nonlocal seen
            seen = value
            await asyncio.sleep(0)
            return mine if kind < 0.6 else KEEP  # noqa: B023

        began = now()
        if kind < 0.8:
            changed = (await space.update("cell", run)).changed
        else:
            seen, changed = (await space.get("cell")).value, False
        recorder.operations.append(Operation(began, now(), seen, mine if changed else None))


def thread_naive(space: latchwork.Space, recorder: Recorder, seed: int) -> None:
    """Read, then write: the control."""
    for _ in range(ROUNDS):
        mine, began = next(recorder.numbers), now()
        seen = space.get("cell").value
        time.sleep(0)
        space.set("cell", mine)
        recorder.operations.append(Operation(began, now(), seen, mine))


def thread_on_many(space: latchwork.Space, recorder: Recorder, seed: int) -> None:
    """Transactions that read two or three cells and write none, one or two of them."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        keys = chance.sample(KEYS, chance.randint(2, 3))
        writes = {key: next(recorder.numbers) for key in keys[: chance.randint(0, 2)]}

        def body(tx: latchwork.Transaction) -> dict[str, int]:
            reads = {}
            for key in keys:  # noqa: B023
                reads[key] = tx.get(key).value
                time.sleep(0)
            for key, value in writes.items():  # noqa: B023
                tx.set(key, value)
            return reads

        began = now()
        reads = space.transact(body).value
        recorder.transactions.append(Committed(began, now(), reads, writes))


async def task_on_many(space: latchwork.aio.Space, recorder: Recorder, seed: int) -> None:
    """The same in a task."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        keys = chance.sample(KEYS, chance.randint(2, 3))
        writes = {key: next(recorder.numbers) for key in keys[: chance.randint(0, 2)]}

        async def body(tx: latchwork.aio.Transaction) -> dict[str, int]:
            reads = {}
            for key in keys:  # noqa: B023
                reads[key] = (await tx.get(key)).value
                await asyncio.sleep(0)
            for key, value in writes.items():  # noqa: B023
                await tx.set(key, value)
            return reads

        began = now()
        reads = (await space.transact(body)).value
        recorder.transactions.append(Committed(began, now(), reads, writes))


def thread_skewed(space: latchwork.Space, recorder: Recorder, seed: int) -> None:
    """Reads at one instant, and a write that is conditional on its own cell only: the control."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        keys = chance.sample(KEYS, 2)
        mine, began = next(recorder.numbers), now()
        entries = space.get_many(*keys)
        time.sleep(0)
        if space.compare_exchange(entries[0], mine):
            reads = {key: entry.value for key, entry in zip(keys, entries, strict=True)}
            recorder.transactions.append(Committed(began, now(), reads, {keys[0]: mine}))


Work = Callable[..., Any]


def record(thread: Work | None, task: Work | None) -> Recorder:
    """Four threads, two loops with three tasks each, or all of these."""
    recorder, url = Recorder(), new_url()

    async def tasks(first: int) -> None:
        assert task is not None
        async with await latchwork.aio.open(url) as space:
            await asyncio.gather(*(task(space, recorder, seed) for seed in range(first, first + 3)))

    with latchwork.open(url) as space, LoopThread() as one, LoopThread() as two:
        for key in ["cell", *KEYS]:
            space.set(key, 0)
        threads = [threading.Thread(target=thread, args=(space, recorder, seed)) for seed in range(4) if thread]
        loops = [loop.start(tasks(first)) for loop, first in ((one, 10), (two, 20)) if task]
        for each in threads:
            each.start()
        for loop in loops:
            loop.result(LIMIT)
        for each in threads:
            each.join(LIMIT)
            assert not each.is_alive()
        assert space.query() == latchwork.Query([], [])
    return recorder


@pytest.mark.parametrize(
    ("thread", "task"),
    [(thread_on_a_cell, None), (None, task_on_a_cell), (thread_on_a_cell, task_on_a_cell)],
    ids=["threads", "loops", "both"],
)
def test_histories_of_a_cell(thread: Work | None, task: Work | None) -> None:
    """Linearisable; most operations overlapped others."""
    recorder = record(thread, task)
    assert len(recorder.operations) == ROUNDS * (4 * bool(thread) + 6 * bool(task))
    assert is_linearisable(recorder.operations, 0)


@pytest.mark.parametrize(
    ("thread", "task"),
    [(thread_on_many, None), (None, task_on_many), (thread_on_many, task_on_many)],
    ids=["threads", "loops", "both"],
)
def test_histories_of_transactions(thread: Work | None, task: Work | None) -> None:
    """Strictly serialisable: nothing lost, nothing from nowhere, no circle."""
    recorder = record(thread, task)
    assert len(recorder.transactions) == ROUNDS * (4 * bool(thread) + 6 * bool(task))
    assert fault(recorder.transactions, dict.fromkeys(KEYS, 0)) is None


def test_control_read_then_write() -> None:
    """The checker finds the fault of the naive method."""
    assert any(not is_linearisable(record(thread_naive, None).operations, 0) for _ in range(10))


def test_control_conditions_on_one_cell() -> None:
    """Write skew: each write was conditional, on too little."""
    found = {fault(record(thread_skewed, None).transactions, dict.fromkeys(KEYS, 0)) for _ in range(10)}
    assert "a circle" in found
