"""Calls of `update` and `transact` that end before their bodies: time-outs, cancellation, owners, guards (C8, C14)."""

from __future__ import annotations

import asyncio
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry, Query
from latchwork.testing import ManualClock

from loop_thread import LIMIT

NOTHING = Query([], [])


def test_a_time_out_while_the_body_awaits() -> None:
    """Its await is cancelled, as `asyncio.timeout` does it; what the body makes of that does not count (C8)."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        ended: list[Any] = []

        async def passing(tx: latchwork.aio.Transaction) -> None:
            await tx.set("a", 1)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                with pytest.raises(latchwork.Invalid):
                    await tx.get("a")
                ended.append("passing")
                raise

        async def swallowing(tx: latchwork.aio.Transaction) -> str:
            try:
                await passing(tx)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
            return "committed?"

        async def replacing(tx: latchwork.aio.Transaction) -> None:
            try:
                await passing(tx)
            except asyncio.CancelledError:
                raise KeyError("another") from None

        async def shielded(tx: latchwork.aio.Transaction) -> None:
            inner = asyncio.ensure_future(asyncio.Event().wait())
            try:
                await asyncio.shield(inner)
            finally:
                ended.append(inner.cancelled())
                inner.cancel()

        for body in (passing, swallowing, replacing, shielded):
            task = asyncio.create_task(space.transact(body, timeout=5))
            await asyncio.sleep(0)
            clock.advance(5)
            with pytest.raises(latchwork.LockTimeout) as error:
                await task
            assert error.value.waited == 5
            # What the body raised meanwhile is shown with it.
            assert isinstance(error.value.__context__, KeyError) == (body is replacing)
            assert (task.cancelled(), task.cancelling() if hasattr(task, "cancelling") else 0) == (False, 0)
            assert await space.list() == []
        assert ended == ["passing", "passing", "passing", False]

        async def surviving() -> str:
            with pytest.raises(latchwork.LockTimeout):
                await space.transact(passing, timeout=5)
            # The task is as it was: nothing is left of the cancellation.
            await asyncio.sleep(0)
            return "on"

        task2 = asyncio.create_task(surviving())
        await asyncio.sleep(0)
        clock.advance(5)
        assert await task2 == "on"

    asyncio.run(main())


def test_a_time_out_and_a_cancellation_at_once() -> None:
    """The task's own cancellation wins: it is not swallowed."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)

        async def body(tx: latchwork.aio.Transaction) -> None:
            await asyncio.Event().wait()

        for first in ("time-out", "cancellation"):
            task = asyncio.create_task(space.transact(body, timeout=5))
            await asyncio.sleep(0)
            if first == "time-out":
                clock.advance(5)
            task.cancel()
            clock.advance(5)
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_a_body_that_ends_its_own_call() -> None:
    """It closes its owner: its operations fail, and the call ends with `Cancelled`, though the body returns."""

    async def main() -> None:
        space = await latchwork.aio.open()
        owner = space.owner()

        async def body(tx: latchwork.aio.Transaction) -> str:
            await tx.set("a", 1)
            await owner.close()
            return "committed?"

        with pytest.raises(latchwork.Cancelled):
            await space.transact(body, owner=owner)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await space.list() == []

    asyncio.run(main())
    space = latchwork.open()
    owner = space.owner()

    def body(tx: latchwork.Transaction) -> str:
        tx.set("a", 1)
        owner.close()
        return "committed?"

    with pytest.raises(latchwork.Cancelled):
        space.transact(body, owner=owner)
    assert space.list() == []


def test_a_guard_that_is_lost_while_the_body_runs() -> None:
    """The call ends with `Fenced` at once (C14)."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("k")
        task = asyncio.create_task(space.update("a", lambda value, entry: asyncio.Event().wait(), guard=guard))
        await asyncio.sleep(0)
        await space.revoke("k")
        with pytest.raises(latchwork.Fenced) as fenced:
            await task
        assert fenced.value.token == guard.token
        assert await space.list() == []

    asyncio.run(main())


def test_a_function_that_runs_hears_of_the_end_of_its_space() -> None:
    """On a loop at once where the call has a time-out, and at the function's end where it has nothing named."""

    async def main() -> None:
        space = await latchwork.aio.open(clock=ManualClock())
        ended = asyncio.Event()

        async def stay(value: Any, entry: Entry) -> int:
            await ended.wait()
            return 1

        timed = asyncio.create_task(space.update("a", stay, timeout=60))
        unnamed = asyncio.create_task(space.update("b", stay))
        await asyncio.sleep(0)
        await space.close()
        with pytest.raises(latchwork.Closed):
            await timed
        assert not unnamed.done()
        ended.set()
        with pytest.raises(latchwork.Closed):
            await unnamed

    asyncio.run(asyncio.wait_for(main(), LIMIT))
    space = latchwork.open()

    def close(value: Any, entry: Entry) -> int:
        space.close()
        return 1

    with pytest.raises(latchwork.Closed):
        space.update("a", close, timeout=60)


def test_cancelling_leaves_nothing() -> None:
    """At whichever await of whichever part of a call: no turn, no wait, nothing written."""

    async def main() -> None:
        space = await latchwork.aio.open()

        async def slow(value: Any, entry: Entry) -> int:
            for _ in range(3):
                await asyncio.sleep(0)
            return (value or 0) + 1

        async def move(tx: latchwork.aio.Transaction) -> None:
            first = await tx.get("cell")
            await asyncio.sleep(0)
            await tx.set("cell", (first.value or 0) + 1)
            await tx.set("moved", True)

        for steps in range(40):
            before = (await space.get("cell")).value or 0
            tasks: list[asyncio.Task[Any]] = [asyncio.create_task(space.update("cell", slow)) for _ in range(6)]
            tasks += [asyncio.create_task(space.transact(move)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            doomed = tasks[::2]
            finished = [task.done() for task in doomed]
            for task in doomed:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled = [isinstance(result, asyncio.CancelledError) for result in results]
            assert not any(cancelled[1::2])
            assert all(was or is_ for was, is_ in zip(finished, cancelled[::2], strict=True))
            # Each that answered counts once, each that was cancelled not at all.
            assert (await space.get("cell")).value == before + cancelled.count(False)
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_a_cancelled_body_is_not_run_again() -> None:
    """Also where its attempt was stale: a cancellation is never discarded."""

    async def main() -> None:
        space = await latchwork.aio.open()
        runs = 0

        async def body(tx: latchwork.aio.Transaction) -> None:
            nonlocal runs
            runs += 1
            await tx.get("a")
            await space.set("a", runs)
            with pytest.raises(latchwork.Conflict):
                await tx.get("b")
            await asyncio.Event().wait()

        task = asyncio.create_task(space.transact(body))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert runs == 1

    asyncio.run(main())
