"""`retry` waits until something that the attempt has read changes (C10)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import LIMIT, until

NOTHING = Query([], [])


def test_retry_waits_for_what_was_read() -> None:
    """Woken by a change of it, not by others; in tasks and threads (C10)."""

    async def main() -> None:
        blocking = latchwork.open("memory:retry")
        space = await latchwork.aio.open("memory:retry")
        runs: list[int] = []

        async def body(tx: latchwork.aio.Transaction) -> int:
            runs.append(tx.attempt)
            value: int | None = (await tx.get("go")).value
            if value is None:
                tx.retry()
            return value

        def blocked(tx: latchwork.Transaction) -> int:
            value: int | None = tx.get("go").value
            if value is None:
                try:
                    tx.retry()
                except latchwork.Conflict:
                    return -1
            assert value is not None
            return value

        task = asyncio.create_task(space.transact(body))
        thread = asyncio.create_task(asyncio.to_thread(blocking.transact, blocked))
        for number in range(20):
            await space.set("other", number)
            await asyncio.sleep(0)
        assert runs == [1] and not thread.done()
        await space.set("go", 5)
        assert ((await task).value, (await thread).value) == (5, 5)
        assert runs == [1, 2]
        assert await space.query() == NOTHING
        await space.close()
        blocking.close()

    asyncio.run(main())


def test_a_commit_is_told_before_its_callbacks_run() -> None:
    """It has taken effect: a thread of the same handle that waits for it goes on, however long a callback lasts."""
    space = latchwork.open()
    waits, went_on = threading.Event(), threading.Event()
    found: list[Any] = []

    def wait(tx: latchwork.Transaction) -> Any:
        entry = tx.get("job")
        if entry.version == 0:
            waits.set()
            tx.retry()
        return entry.value

    def other() -> None:
        found.append(space.transact(wait).value)
        went_on.set()

    def body(tx: latchwork.Transaction) -> None:
        tx.set("job", "paint")
        tx.on_commit(lambda: found.append(went_on.wait(LIMIT)))

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    assert waits.wait(LIMIT)
    space.transact(body)
    thread.join(LIMIT)
    assert found == ["paint", True]


def test_a_turn_given_back_is_told_before_the_body_runs_again() -> None:
    """A call whose `retry` finds a change at once gives its turn to the next, and its body may wait for that one."""
    space = latchwork.open()
    went_on = threading.Event()
    runs: list[Any] = []

    def other() -> None:
        space.update("cell", lambda value, entry: "theirs")
        went_on.set()

    thread = threading.Thread(target=other, daemon=True)

    def body(tx: latchwork.Transaction) -> None:
        tx.get("cell")
        runs.append(tx.attempt)
        if len(runs) <= 3:
            space.set("cell", len(runs))
            tx.set("cell", "lost")
        elif len(runs) == 4:
            thread.start()
            until(lambda: len(space.query().pending) == 1)
            space.set("cell", "changed")
            tx.retry()
        else:
            runs.append(went_on.wait(LIMIT))

    space.transact(body)
    thread.join(LIMIT)
    assert runs == [1, 2, 3, 4, 5, True] and runs[-1] is True


def test_retry_waits_for_an_expiry() -> None:
    """A cell that expires changes: told at the tick."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        await space.set("busy", 1, expire_in=10)

        async def body(tx: latchwork.aio.Transaction) -> str:
            if (await tx.get("busy")).version:
                tx.retry()
            return "free"

        task = asyncio.create_task(space.transact(body))
        for _ in range(5):
            await asyncio.sleep(0)
        clock.advance(9)
        await asyncio.sleep(0)
        assert not task.done()
        clock.advance(1)
        assert (await asyncio.wait_for(task, LIMIT)).value == "free"

    asyncio.run(main())


def test_retry_waits_for_an_expiry_on_the_host_s_clock() -> None:
    """The timer of the space tells it, to tasks and to threads."""
    space = latchwork.open()
    space.set("busy", 1, expire_in=0.05)

    def body(tx: latchwork.Transaction) -> int:
        if tx.get("busy").version:
            tx.retry()
        return tx.attempt

    assert space.transact(body, timeout=LIMIT).value == 2


def test_retry_ends_with_the_space() -> None:
    """`Closed`, in a task and in a thread."""

    async def main() -> None:
        blocking = latchwork.open("memory:retry end")
        space = await latchwork.aio.open("memory:retry end")
        waits = threading.Event()

        async def body(tx: latchwork.aio.Transaction) -> None:
            await tx.get("go")
            tx.retry()

        def blocked(tx: latchwork.Transaction) -> None:
            tx.get("go")
            waits.set()
            tx.retry()

        task = asyncio.create_task(space.transact(body))
        thread = asyncio.create_task(asyncio.to_thread(blocking.transact, blocked))
        while not waits.is_set():
            await asyncio.sleep(0)
        await space.close()
        blocking.close()
        for waiting in (task, thread):
            with pytest.raises(latchwork.Closed):
                await asyncio.wait_for(waiting, LIMIT)

    asyncio.run(main())
