"""Watching cells with asyncio: tasks, several loops, cancelled waits, closed loops (C13)."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry
from latchwork.testing import ManualClock

from loop_thread import LoopThread, until


def values(entries: list[Entry]) -> list[Any]:
    """What is in the cells."""
    return [entry.value for entry in entries]


async def quiet() -> None:
    """Let tasks go as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_states() -> None:
    """As on the blocking API; a wait ends within the loop's next turns."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            watch = space.watch("a", "b")
            assert values(await anext(watch)) == [None, None]
            waiting = asyncio.ensure_future(anext(watch))
            await quiet()
            assert not waiting.done()
            await space.atomic().set("a", 1).set("b", 2).commit()
            await quiet()
            assert values(waiting.result()) == [1, 2]
            found = space.watch(prefix="a")
            assert values(await anext(found)) == [1]
            await space.delete_all(prefix="a")
            assert await anext(found) == []
            assert await anext(space.watch()) == []

    asyncio.run(main())


def test_a_cancelled_wait_loses_nothing() -> None:
    """Also one that is cancelled in the very turn of the change."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            watch = space.watch("a")
            await anext(watch)
            for change_first in (True, False):
                waiting = asyncio.ensure_future(anext(watch))
                await quiet()
                if change_first:
                    await space.set("a", change_first)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                if not change_first:
                    await space.set("a", change_first)
                assert values(await anext(watch)) == [change_first]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(watch), 0.001)
            await space.set("a", "last")
            assert values(await anext(watch)) == ["last"]

    asyncio.run(main())


def test_a_reader_cancelled_late_leaves_the_next_one_alone() -> None:
    """It was told, and cancelled before it ran; meanwhile another took the state and waits for the one after."""

    async def main() -> None:
        space = await latchwork.aio.open()
        watch = space.watch("job")
        await anext(watch)
        late = asyncio.ensure_future(anext(watch))
        await quiet()
        await space.set("job", 1)
        late.cancel()
        assert values(await anext(watch)) == [1]
        # Its first step, before the cancelled one hears of it.
        waiting = watch.__anext__()
        future = waiting.send(None)
        await quiet()
        assert late.cancelled()
        await space.set("job", 2)
        await quiet()
        assert future.done()
        with pytest.raises(StopIteration) as told:
            waiting.send(None)
        assert values(told.value.value) == [2]

    asyncio.run(main())


def test_one_reader_at_a_time() -> None:
    """A second one is refused while the first one waits, and after a cancel may read."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            watch = space.watch("a")
            await anext(watch)
            waiting = asyncio.ensure_future(anext(watch))
            await quiet()
            with pytest.raises(latchwork.Invalid) as refused:
                await anext(watch)
            assert refused.value.what == "watch"
            waiting.cancel()
            await quiet()
            await space.set("a", 1)
            assert values(await anext(watch)) == [1]

    asyncio.run(main())


def test_its_end() -> None:
    """By `aclose`, by `async with`, by the space: who waits is told."""

    async def main() -> None:
        space = await latchwork.aio.open()
        watch = space.watch("a")

        async def read() -> list[Any]:
            return [values(state) async for state in watch]

        reader = asyncio.ensure_future(read())
        await quiet()
        await watch.aclose()
        await watch.aclose()
        assert await reader == [[None]]
        assert await read() == [] and repr(watch) == "<latchwork.aio.Watch ('a',) closed>"
        async with space.watch("a") as states:
            async for _ in states:
                break
        assert [state async for state in states] == []
        watch, late = space.watch("a"), space.watch("a")
        reader = asyncio.ensure_future(read())
        await quiet()
        await space.close()
        with pytest.raises(latchwork.Closed):
            await reader
        with pytest.raises(latchwork.Closed):
            await anext(late)
        assert [state async for state in late] == []

    asyncio.run(main())


def test_changes_from_threads_and_loops() -> None:
    """Readers in several loops see every last state, whichever loop or thread made it."""
    readers = [LoopThread() for _ in range(3)]
    space = latchwork.open("memory:many loops")
    begun = threading.Barrier(4)

    async def read() -> list[int]:
        seen: list[int] = []
        async with await latchwork.aio.open("memory:many loops") as own:
            watch = own.watch(prefix="count")
            await anext(watch)
            await asyncio.to_thread(begun.wait)
            async for state in watch:
                seen.append(sum(entry.value for entry in state))
                if seen[-1] == 400:
                    return seen
        raise AssertionError("it ended")

    async def count(key: str) -> None:
        async with await latchwork.aio.open("memory:many loops") as own:
            for number in range(200):
                await own.set(key, number + 1)

    reading = [thread.start(read()) for thread in readers]
    begun.wait()
    writing = threading.Thread(target=lambda: [space.set("count-a", number + 1) for number in range(200)])
    writing.start()
    asyncio.run(count("count-b"))
    writing.join()
    for future in reading:
        seen = future.result(30)
        assert seen == sorted(seen)
    for thread in readers:
        with thread:
            pass
    space.close()


def test_one_watch_in_several_loops() -> None:
    """Nothing is tied to the loop that read first."""
    with LoopThread() as one, LoopThread() as two:
        space = one.run(latchwork.aio.open())
        watch = space.watch("a")

        async def read() -> list[Any]:
            return values(await anext(watch))

        assert one.run(read()) == [None]
        there = two.start(read())
        two.run(quiet())
        with pytest.raises(latchwork.Invalid):
            one.run(read())
        one.run(space.set("a", 1))
        assert there.result(30) == [1]
        two.run(space.set("a", 2))
        assert one.run(read()) == [2]
        there = two.start(read())
        two.run(quiet())
        one.run(watch.aclose())
        with pytest.raises(StopAsyncIteration):
            there.result(30)


def test_a_loop_that_is_closed_under_its_reader() -> None:
    """It stops no commit, keeps nothing alive, and another loop may go on with the watch."""
    space = latchwork.open("memory:careless")
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    aio = loop.run_until_complete(latchwork.aio.open("memory:careless"))
    watch = aio.watch("a")
    read: Any = watch.__anext__()

    async def start() -> None:
        nonlocal read
        task = asyncio.ensure_future(read)
        await quiet()
        assert task.done() and values(task.result()) == [None]
        read = asyncio.ensure_future(watch.__anext__())
        await quiet()

    loop.run_until_complete(start())
    assert not read.done()
    loop.close()
    dead = weakref.ref(read)
    space.set("a", 1)

    async def go_on() -> list[Any]:
        return values(await anext(watch))

    assert asyncio.run(go_on()) == [1]
    del read
    gc.collect()
    assert dead() is None
    asyncio.run(close(aio))
    space.close()


async def close(space: latchwork.aio.Space) -> None:
    """Close it on the running loop."""
    await space.close()


def test_what_is_forgotten_is_freed() -> None:
    """The watch, and the task that waits in one."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            watch = space.watch("a")
            dead = weakref.ref(watch)
            async for _ in watch:
                break
            del watch
            gc.collect()
            assert dead() is None

    asyncio.run(main())


def test_a_reader_runs_in_its_own_context() -> None:
    """Never in that of whoever made the change (L18)."""
    whose = contextvars.ContextVar("whose", default="nobody")

    async def main() -> None:
        async with await latchwork.aio.open() as space:

            async def read() -> str:
                whose.set("reader")
                watch = space.watch("a")
                await anext(watch)
                await anext(watch)
                return whose.get()

            async def write() -> None:
                whose.set("writer")
                await space.set("a", 1)

            reader = asyncio.ensure_future(read())
            await quiet()
            await asyncio.ensure_future(write())
            assert await reader == "reader"

    asyncio.run(main())


def test_expiry() -> None:
    """At the tick of a manual clock, and by the timer of the host's."""

    async def main() -> None:
        clock = ManualClock()
        async with await latchwork.aio.open(clock=clock) as space:
            watch = space.watch("a")
            await space.set("a", 1, expire_in=1)
            assert values(await anext(watch)) == [1]
            waiting = asyncio.ensure_future(anext(watch))
            await quiet()
            clock.advance(1)
            await quiet()
            assert values(waiting.result()) == [None]
        async with await latchwork.aio.open() as space:
            watch = space.watch("a")
            await anext(watch)
            await space.insert("a", 1, expire_in=0.02)
            while values(await anext(watch)) != [None]:
                pass

    asyncio.run(main())


def test_a_thousand_watchers_of_one_commit() -> None:
    """Each is told, within a few turns of the loop."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            watches = [space.watch("a") for _ in range(1000)]
            for watch in watches:
                await anext(watch)
            waiting = [asyncio.ensure_future(anext(watch)) for watch in watches]
            await quiet()
            await space.set("a", 1)
            await quiet()
            assert all(values(future.result()) == [1] for future in waiting)

    asyncio.run(main())


def test_a_change_is_told_to_a_loop_that_sleeps() -> None:
    """By a thread: the loop is woken for it."""
    with latchwork.open("memory:sleeper") as space, LoopThread() as sleeper:
        aio = sleeper.run(latchwork.aio.open("memory:sleeper"))
        watch = aio.watch("a")

        async def read() -> list[Any]:
            return values(await anext(watch))

        assert sleeper.run(read()) == [None]
        waiting = sleeper.start(read())
        space.set("a", 1)
        assert waiting.result(30) == [1]
        until(waiting.done)
        sleeper.run(aio.close())
