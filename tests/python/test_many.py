"""Very many waiters on one key, settled in one turn."""

from __future__ import annotations

import asyncio

import latchwork.aio
from latchwork import Query

WAITERS = 100_000


def test_shared_waiters_in_one_turn() -> None:
    """One release grants all of them; no stack overflows, and the order is that of the queue."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        order: list[int] = []

        async def wait(number: int) -> None:
            async with space.lock("a", mode="shared"):
                order.append(number)

        tasks = [asyncio.ensure_future(wait(number)) for number in range(WAITERS)]
        await asyncio.sleep(0)
        assert len((await space.query("a")).pending) == WAITERS
        guard.release()
        await asyncio.gather(*tasks)
        assert order == list(range(WAITERS))
        assert await space.query() == Query([], [])

    asyncio.run(main())


def test_exclusive_waiters_one_after_the_other() -> None:
    """Each release grants the next."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        order: list[int] = []

        async def wait(number: int) -> None:
            async with space.lock("a"):
                order.append(number)

        tasks = [asyncio.ensure_future(wait(number)) for number in range(WAITERS)]
        await asyncio.sleep(0)
        guard.release()
        await asyncio.gather(*tasks)
        assert order == list(range(WAITERS))
        assert await space.query() == Query([], [])

    asyncio.run(main())


def test_close_fails_all_of_them() -> None:
    """Every waiter gets `closed`."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        tasks = [asyncio.create_task(space.lock("a")) for _ in range(WAITERS)]
        await asyncio.sleep(0)
        await space.close()
        failed = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(error) for error in failed} == {latchwork.Closed}
        assert not guard.held

    asyncio.run(main())
