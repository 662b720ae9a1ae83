"""Cancelling a task at every point gives the lock on, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

NOTHING = Query([], [])


def run(main: Callable[[latchwork.aio.Space], Coroutine[Any, Any, None]]) -> None:
    """Run a test on a space of its own; nothing may be left of it."""

    async def whole() -> None:
        async with await latchwork.aio.open() as space:
            await main(space)
            gc.collect()
            await turns()
            assert await space.query() == NOTHING

    asyncio.run(whole())


async def turns(count: int = 5) -> None:
    """Let the loop run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def take(space: latchwork.aio.Space, *keys: latchwork.Key) -> str:
    """Hold the keys for a moment."""
    async with space.lock(*keys):
        return "had it"


def test_before_the_first_step() -> None:
    """A task that never ran never joined."""

    async def main(space: latchwork.aio.Space) -> None:
        with await space.lock("a"):
            task = asyncio.ensure_future(take(space, "a"))
            task.cancel()
            await turns()
            assert task.cancelled()
            assert (await space.query()).pending == []

    run(main)


def test_request_as_a_task_before_its_first_step() -> None:
    """The same where the request itself is the task's coroutine."""

    async def main(space: latchwork.aio.Space) -> None:
        task = asyncio.create_task(space.lock("a"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_while_it_waits() -> None:
    """Followers move up."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        second, third = (asyncio.ensure_future(take(space, "a")) for _ in range(2))
        await turns()
        second.cancel()
        await turns()
        assert second.cancelled()
        assert len((await space.query("a")).pending) == 1
        guard.release()
        assert await third == "had it"

    run(main)


def test_in_the_turn_of_its_grant() -> None:
    """Cancelled after the release granted it, before it ran: the keys go on."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        second, third = (asyncio.ensure_future(take(space, "a")) for _ in range(2))
        await turns()
        guard.release()
        assert [hold.claimed for hold in (await space.query("a")).held] == [False]
        second.cancel()
        assert await third == "had it"
        assert second.cancelled()

    run(main)


def test_before_the_release_of_the_same_turn() -> None:
    """Cancelled first, granted next, and then thrown into: the keys go on."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        second, third = (asyncio.ensure_future(take(space, "a")) for _ in range(2))
        await turns()
        second.cancel()
        guard.release()
        assert await third == "had it"
        assert second.cancelled()

    run(main)


def test_inside_the_block() -> None:
    """A body that is cancelled releases."""

    async def main(space: latchwork.aio.Space) -> None:
        async def body() -> None:
            async with space.lock("a"):
                await asyncio.Event().wait()

        task = asyncio.ensure_future(body())
        await turns()
        assert await space.try_lock("a") is None
        task.cancel()
        await turns()
        guard = await space.try_lock("a")
        assert guard is not None
        guard.release()

    run(main)


def test_with_lock_while_its_body_runs() -> None:
    """The same for the call with a function."""

    async def main(space: latchwork.aio.Space) -> None:
        task = asyncio.ensure_future(space.with_lock("a", fn=lambda guard: asyncio.Event().wait()))
        await turns()
        assert len((await space.query()).held) == 1
        task.cancel()
        await turns()
        assert task.cancelled()

    run(main)


def test_shared_join_when_an_exclusive_is_cancelled() -> None:
    """Every queue it stood in is looked at again."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a", mode="shared")
        writer = asyncio.ensure_future(take(space, "a", "b"))
        await turns()
        readers = [asyncio.ensure_future(space.lock("a", mode="shared")) for _ in range(3)]
        await turns()
        assert not any(reader.done() for reader in readers)
        writer.cancel()
        for reader in readers:
            (await reader).release()
        guard.release()

    run(main)


@pytest.mark.parametrize("steps", range(8))
def test_at_each_step_of_a_contended_task(steps: int) -> None:
    """Whatever the turn in which the cancel comes, the others get through."""

    async def main(space: latchwork.aio.Space) -> None:
        tasks = [asyncio.ensure_future(take(space, "a", "b")) for _ in range(4)]
        await turns(steps)
        tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in done if result == "had it"] == ["had it"] * (3 + (done[1] == "had it"))

    run(main)


def test_wait_for() -> None:
    """A `wait_for` that gives up gives the lock on."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(space.lock("a"), 0.001)
        assert (await space.query()).pending == []
        guard.release()
        (await asyncio.wait_for(space.lock("a"), 10)).release()

    run(main)


def test_wait_for_whose_grant_and_time_out_meet() -> None:
    """Grant and give-up in one turn: the caller has it or nobody does."""

    async def main(space: latchwork.aio.Space) -> None:
        for number in range(50):
            guard = await space.lock("a")
            task = asyncio.ensure_future(asyncio.wait_for(space.lock("a"), 10))
            await turns(1 + number % 4)
            if number % 2:
                guard.release()
                task.cancel()
            else:
                task.cancel()
                guard.release()
            with contextlib.suppress(asyncio.CancelledError):
                (await task).release()
            free = await space.try_lock("a")
            assert free is not None
            free.release()

    run(main)


def test_coroutine_protocol() -> None:
    """What asyncio asks of a coroutine."""

    async def main(space: latchwork.aio.Space) -> None:
        request = space.lock("a")
        assert asyncio.iscoroutine(request)
        assert asyncio.iscoroutine(iter(request))
        (await request).release()
        for wrap in (asyncio.create_task, asyncio.ensure_future, asyncio.shield):
            (await wrap(space.lock("a"))).release()
        for guard in await asyncio.gather(space.lock("a"), space.lock("b")):
            guard.release()
        with pytest.raises(latchwork.Invalid, match="awaited once"):
            await request

    run(main)


def test_throw_and_close() -> None:
    """By hand, in all spellings."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        request = space.lock("a")
        request.close()
        spellings: list[tuple[Any, ...]] = [
            (ValueError("x"),),
            (ValueError,),
            (ValueError, "x"),
            (ValueError, ValueError("x")),
            (ValueError, ("x", "y")),
            (ValueError, None, None),
        ]
        for spelling in spellings:
            request = space.lock("a")
            request.send(None)
            assert len((await space.query()).pending) == 1
            with pytest.raises(ValueError):
                request.throw(*spelling)
            assert (await space.query()).pending == []
        request = space.lock("a")
        with pytest.raises(TypeError):
            request.throw(7)  # type: ignore[arg-type]
        request.close()
        request = space.lock("a")
        request.send(None)
        request.close()
        request.close()
        guard.release()

    run(main)


def test_spurious_steps_wait_on() -> None:
    """A step without the grant waits for the same future again."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        request = space.lock("a")
        assert request.send(None) is request.send(None)
        assert len((await space.query()).pending) == 1
        request.close()
        guard.release()

    run(main)


def test_never_awaited() -> None:
    """It holds nothing, and warns as a coroutine does."""

    async def main(space: latchwork.aio.Space) -> None:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            space.lock("a")
        assert await space.query() == NOTHING

    run(main)


def test_dropped_while_it_waits() -> None:
    """A request that goes away without a word is taken out of its queues."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        request = space.lock("a")
        request.send(None)
        third = asyncio.ensure_future(take(space, "a"))
        await turns()
        del request
        guard.release()
        assert await third == "had it"

    run(main)


def test_dropped_guard() -> None:
    """Its finaliser releases, warns, and runs no waiter inside itself."""

    async def main(space: latchwork.aio.Space) -> None:
        guard: latchwork.aio.Guard | None = await space.lock("a")
        waiter = asyncio.ensure_future(take(space, "a"))
        await turns()
        with pytest.warns(ResourceWarning, match=r"keys=\('a',\)"):
            guard = None
        assert guard is None
        assert await waiter == "had it"
        guard = await space.lock("a")
        guard.release()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            guard = None

    run(main)


def test_time_out_races_cancel() -> None:
    """The clock, a cancel and a release in one turn, in every order: one of them wins, nothing is left."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        actions: list[Callable[[asyncio.Task[Any], latchwork.aio.Guard], object]] = [
            lambda task, guard: task.cancel(),
            lambda task, guard: guard.release(),
            lambda task, guard: clock.advance(1),
        ]
        import itertools

        for order in itertools.permutations(actions):
            guard = await space.lock("a")
            task: asyncio.Task[Any] = asyncio.create_task(space.lock("a", timeout=1))
            await turns()
            for action in order:
                action(task, guard)
            outcome = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(outcome[0], asyncio.CancelledError)
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_many_cancelled_newest_first() -> None:
    """Mass cancel is not quadratic, and leaves nothing."""

    async def main(space: latchwork.aio.Space) -> None:
        guard = await space.lock("a")
        tasks: list[Awaitable[Any]] = [asyncio.create_task(space.lock("a")) for _ in range(20_000)]
        await turns()
        for task in reversed(tasks):
            assert isinstance(task, asyncio.Task)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        guard.release()

    run(main)
