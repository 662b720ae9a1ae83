"""Loops that are closed under their tasks: what those waited for, or were granted and did not see, goes on."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import LoopThread, until

NOTHING = Query([], [])


class Careless:
    """A loop that runs only for as long as it is told to, with tasks that take lock `a` of a named space."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or asyncio.new_event_loop()
        self.space = self.loop.run_until_complete(latchwork.aio.open(url))
        self.seen: list[latchwork.aio.Guard] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def take(self, options: dict[str, Any]) -> None:
        self.seen.append(await self.space.lock("a", **options))

    def wait(self, count: int = 1, **options: Any) -> None:
        """Let so many tasks join."""

        async def start() -> None:
            self.tasks += [asyncio.ensure_future(self.take(options)) for _ in range(count)]
            await asyncio.sleep(0)

        self.loop.run_until_complete(start())

    def turn(self) -> None:
        """Let the loop run what is ready."""
        self.loop.run_until_complete(asyncio.sleep(0))

    def forget(self) -> None:
        """Let go of the tasks, which can never run again. asyncio logs that; the test is not about it."""
        self.loop.set_exception_handler(lambda loop, context: None)
        self.tasks.clear()
        gc.collect()


def test_waiters_leave_when_their_loop_is_closed() -> None:
    """At once, and before anybody releases."""
    with latchwork.open("memory:leave") as space, space.lock("a"):
        careless = Careless("memory:leave")
        careless.wait(3)
        assert len(space.query().pending) == 3
        careless.loop.close()
        assert space.query().pending == []
        with pytest.raises(RuntimeError, match="closed"):
            careless.tasks[0].cancel()
        careless.forget()


def test_grant_to_a_loop_that_is_closed_before_it_is_seen() -> None:
    """It is not held for ever: the next in line has it, a thread or another loop, or the key is free."""
    with latchwork.open("memory:unseen") as space, LoopThread() as good:
        aio = good.run(latchwork.aio.open("memory:unseen"))
        served: list[str] = []

        def in_thread() -> None:
            with space.lock("a"):
                served.append("thread")

        async def in_loop() -> None:
            async with aio.lock("a"):
                served.append("loop")

        guard = space.lock("a")
        careless = Careless("memory:unseen")
        careless.wait(3)
        thread = threading.Thread(target=in_thread)
        thread.start()
        until(lambda: len(space.query().pending) == 4)
        other = good.start(in_loop())
        until(lambda: len(space.query().pending) == 5)
        guard.release()
        assert [hold.claimed for hold in space.query().held] == [False]
        careless.loop.close()
        thread.join(30)
        other.result(30)
        assert served == ["thread", "loop"]
        assert (careless.seen, space.query()) == ([], NOTHING)
        careless.forget()


def test_grant_that_the_loop_was_told_of_and_its_task_was_not() -> None:
    """The future is resolved; the task's step is what the close throws away."""
    with latchwork.open("memory:told") as space:
        careless = Careless("memory:told")
        guard = space.lock("a")
        careless.wait()

        def release_and_stop() -> None:
            guard.release()
            careless.loop.stop()

        careless.loop.call_soon(release_and_stop)
        careless.loop.run_forever()
        assert [hold.claimed for hold in space.query().held] == [False]
        careless.loop.close()
        assert space.query() == NOTHING
        careless.forget()
        assert careless.seen == []


def test_a_stopped_loop_keeps_its_places() -> None:
    """The control: it may run again, so its grant is not given on."""
    with latchwork.open("memory:stopped") as space:
        careless = Careless("memory:stopped")
        guard = space.lock("a")
        careless.wait()
        guard.release()
        assert [hold.claimed for hold in space.query().held] == [False]
        careless.loop.run_until_complete(careless.tasks[0])
        assert careless.seen[0].held
        careless.seen[0].release()
        careless.loop.close()


def test_what_was_seen_stays_held() -> None:
    """A close takes nothing from a task that has its guard; that ends with the guard, by whoever has it."""
    with latchwork.open("memory:seen") as space:
        careless = Careless("memory:seen")
        careless.wait()
        careless.loop.close()
        assert careless.seen[0].held
        careless.seen[0].release()
        assert space.query() == NOTHING


def test_a_block_that_never_goes_on() -> None:
    """The loop is closed inside of `async with`: the lock is released when the task goes."""
    with latchwork.open("memory:block") as space:
        careless = Careless("memory:block")

        async def hold() -> None:
            async with careless.space.lock("a"):
                await asyncio.get_running_loop().create_future()

        async def start() -> None:
            careless.tasks.append(asyncio.ensure_future(hold()))
            await asyncio.sleep(0)

        careless.loop.run_until_complete(start())
        careless.loop.close()
        assert len(space.query().held) == 1
        careless.forget()
        assert space.query() == NOTHING


def test_deadlines_of_a_closed_loop() -> None:
    """They go with their requests, and disturb nobody else's."""
    clock = ManualClock()
    with latchwork.open("memory:closed-deadline", clock=clock) as space, space.lock("a"):
        loop = asyncio.new_event_loop()
        aio = loop.run_until_complete(latchwork.aio.open("memory:closed-deadline", clock=clock))

        async def start() -> asyncio.Task[latchwork.aio.Guard]:
            task = asyncio.create_task(aio.lock("a", timeout=1))
            await asyncio.sleep(0)
            return task

        task = loop.run_until_complete(start())
        loop.set_exception_handler(lambda loop, context: None)
        loop.close()
        assert space.query().pending == []
        clock.advance(2)
        assert not task.done()
        with pytest.raises(latchwork.LockTimeout):
            space.lock("a", timeout=0)


class KeepsTimers(asyncio.SelectorEventLoop):
    """A loop that does not let go of its timers when it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[object] = []

    def call_at(self, *arguments: Any, **options: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        handle = super().call_at(*arguments, **options)
        self.kept.append(handle)
        return handle


@pytest.mark.parametrize("ask", ["query", "try_lock", "release"])
def test_loops_that_do_not_tell_that_they_are_closed(ask: str) -> None:
    """The next use of the handle in another loop, or the next release, finds it out."""
    url = f"memory:silent-{ask}"
    with latchwork.open(url) as space:
        guard = space.lock("a")
        careless = Careless(url, KeepsTimers())
        careless.wait()
        careless.loop.close()
        assert len(space.query().pending) == 1
        if ask == "query":
            asyncio.run(careless.space.query())
        elif ask == "try_lock":
            assert asyncio.run(try_lock(careless.space)) is None
        else:
            guard.release()
        assert space.query().pending == []
        assert len(space.query().held) == (ask != "release")
        if guard.held:
            guard.release()
        careless.forget()


async def try_lock(space: latchwork.aio.Space) -> latchwork.aio.Guard | None:
    """Make a call that never waits."""
    return await space.try_lock("a")


def test_closed_loop_does_not_stop_the_others() -> None:
    """Waiters of a loop that was closed under them are passed over."""
    with latchwork.open("memory:closed-loop") as space, LoopThread() as good:
        guard = space.lock("a")
        bad = LoopThread()
        aio = bad.run(latchwork.aio.open("memory:closed-loop"))

        async def wait() -> str:
            async with aio.lock("a"):
                return "had it"

        dead = [bad.start(wait()) for _ in range(3)]
        until(lambda: len(space.query().pending) == 3)
        alive = good.start(wait())
        until(lambda: len(space.query().pending) == 4)
        bad.stop()
        bad.loop.close()
        guard.release()
        assert alive.result(30) == "had it"
        del dead
        gc.collect()
        assert space.query() == NOTHING


def test_guard_outlives_its_loop() -> None:
    """A lock is held until it is released, also after its loop is gone, and can be released from another."""
    loop = asyncio.new_event_loop()
    space = loop.run_until_complete(latchwork.aio.open())

    async def take() -> latchwork.aio.Guard:
        return await space.lock("a")

    guard = loop.run_until_complete(take())
    loop.close()
    assert guard.held

    async def main() -> None:
        waiter = asyncio.create_task(space.lock("a"))
        await asyncio.sleep(0)
        assert len((await space.query()).pending) == 1
        guard.release()
        (await waiter).release()
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_loops_one_after_the_other() -> None:
    """Nothing is tied to the first loop, and closed loops are let go."""
    space = asyncio.run(latchwork.aio.open())
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def contend() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))

        async def take() -> None:
            async with space.lock("a"):
                await asyncio.sleep(0)

        await asyncio.gather(*(take() for _ in range(5)))
        assert await space.query() == NOTHING

    for _ in range(20):
        asyncio.run(contend())
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1
