"""Several event loops, threads and both APIs on one named space."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable

import latchwork
import latchwork.aio
import pytest
from latchwork import Query

from loop_thread import LoopThread, until

NOTHING = Query([], [])


def test_one_queue_for_loops_and_threads() -> None:
    """First come, first served, whoever waits."""
    order: list[str] = []
    with latchwork.open("memory:one-queue") as space, LoopThread() as one, LoopThread() as two:
        aio = one.run(latchwork.aio.open("memory:one-queue"))

        async def wait_in_loop(name: str) -> None:
            async with aio.lock("a"):
                order.append(name)

        def wait_in_thread(name: str) -> None:
            with space.lock("a"):
                order.append(name)

        guard = space.lock("a")
        threads = []
        futures = []
        for number in range(6):
            name = f"w{number}"
            if number % 3 == 0:
                threads.append(threading.Thread(target=wait_in_thread, args=(name,)))
                threads[-1].start()
            else:
                futures.append((one if number % 3 == 1 else two).start(wait_in_loop(name)))
            until(lambda number=number: len(space.query("a").pending) == number + 1)  # type: ignore[misc]
        guard.release()
        for thread in threads:
            thread.join()
        for future in futures:
            future.result(30)
        assert order == [f"w{number}" for number in range(6)]
        assert space.query() == NOTHING


def test_exclusion_across_loops_and_threads() -> None:
    """A counter that is read and written apart, with a suspension between."""
    counter = 0
    with latchwork.open("memory:exclusion") as space, LoopThread() as one, LoopThread() as two:
        aio = one.run(latchwork.aio.open("memory:exclusion"))

        async def in_loop() -> None:
            nonlocal counter
            for _ in range(100):
                async with aio.lock("a", "b"):
                    seen = counter
                    await asyncio.sleep(0)
                    counter = seen + 1

        def in_thread() -> None:
            nonlocal counter
            for _ in range(100):
                with space.lock("b", "a"):
                    seen = counter
                    time.sleep(0)
                    counter = seen + 1

        threads = [threading.Thread(target=in_thread) for _ in range(2)]
        for thread in threads:
            thread.start()
        futures = [loop.start(in_loop()) for loop in (one, two) for _ in range(3)]
        for thread in threads:
            thread.join()
        for future in futures:
            future.result(60)
        assert counter == 800
        assert space.query() == NOTHING


def test_released_on_another_loop() -> None:
    """The waiter's own loop resumes it."""
    with LoopThread() as one, LoopThread() as two:
        space = one.run(latchwork.aio.open())

        async def take() -> latchwork.aio.Guard:
            guard: latchwork.aio.Guard = await space.lock("a")
            return guard

        async def release(guard: latchwork.aio.Guard) -> None:
            guard.release()

        async def thread() -> int:
            async with space.lock("a"):
                return threading.get_ident()

        guard = one.run(take())
        waiter = one.start(thread())
        until(lambda: two.run(space.query("a")).pending)
        two.run(release(guard))
        assert waiter.result(30) == one.thread.ident


def test_a_loop_that_moves_to_another_thread() -> None:
    """A waiter follows its loop: who releases looks where the loop runs now, not where it ran when the waiter came."""
    space = latchwork.open("memory:moving")
    loop = asyncio.new_event_loop()
    aio = loop.run_until_complete(latchwork.aio.open("memory:moving"))

    async def wait() -> int:
        async with aio.lock("a"):
            return threading.get_ident()

    async def start() -> asyncio.Task[int]:
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        return task

    guard = space.lock("a")
    waiter = loop.run_until_complete(start())
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(loop.run_until_complete(waiter)))
    thread.start()
    until(loop.is_running)
    guard.release()
    thread.join(30)
    assert done == [thread.ident]
    loop.close()


def test_abandoned_across_loops_and_threads() -> None:
    """Whoever was queued when a holder was forgotten is told, in whatever loop or thread; who came later is not."""
    with latchwork.open("memory:abandoned") as space, LoopThread() as one:
        aio = one.run(latchwork.aio.open("memory:abandoned"))
        seen: dict[str, bool] = {}

        async def wait_in_loop() -> None:
            async with aio.lock("a") as guard:
                seen["loop"] = guard.abandoned

        def wait_in_thread() -> None:
            with space.lock("a") as guard:
                seen["thread"] = guard.abandoned

        def die() -> None:
            guard = space.lock("a")
            started.set()
            until(lambda: len(space.query("a").pending) == 2)
            assert not guard.abandoned

        started = threading.Event()
        with pytest.warns(ResourceWarning, match=r"keys=\('a',\)"):
            dying = threading.Thread(target=die)
            dying.start()
            started.wait()
            waiting = threading.Thread(target=wait_in_thread)
            waiting.start()
            future = one.start(wait_in_loop())
            dying.join()
            waiting.join()
            future.result(30)
        assert seen == {"loop": True, "thread": True}
        with space.lock("a") as later:
            assert not later.abandoned
            assert "abandoned" not in repr(later)


def test_release_and_close_are_no_abandonment() -> None:
    """Only a holder that went away without a word is one."""
    with latchwork.open("memory:in-order") as space, LoopThread() as one:
        aio = one.run(latchwork.aio.open("memory:in-order"))

        async def wait() -> bool:
            async with aio.lock("a") as guard:
                return guard.abandoned

        def after(end: Callable[[], object]) -> bool:
            future = one.start(wait())
            until(lambda: space.query("a").pending)
            end()
            return future.result(30)

        assert not after(space.lock("a").release)
        guard = space.lock("a")
        assert not after(lambda: guard.__exit__(None, None, None))
        other = latchwork.open("memory:in-order")
        held = other.lock("a")
        assert not after(other.close)
        assert not held.held


def test_time_outs_of_a_loop() -> None:
    """One timer serves them all, in the order of their deadlines."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        order: list[float] = []

        async def wait(timeout: float) -> None:
            began = time.monotonic()
            with pytest.raises(latchwork.LockTimeout) as error:
                await space.lock("a", timeout=timeout)
            assert time.monotonic() - began >= timeout
            assert error.value.waited is not None and error.value.waited >= timeout
            order.append(timeout)

        await asyncio.gather(*(wait(timeout) for timeout in (0.06, 0.02, 0.04)))
        assert order == [0.02, 0.04, 0.06]
        assert (await space.query()).pending == []
        guard.release()

    asyncio.run(main())


def test_a_time_out_is_told_by_any_loop() -> None:
    """A thread's deadline passes while only a loop runs, and the other way round."""
    with latchwork.open("memory:deadlines") as space, space.lock("a"), LoopThread() as one:
        aio = one.run(latchwork.aio.open("memory:deadlines"))

        async def wait() -> str:
            try:
                await aio.lock("a", timeout=0.02)
            except latchwork.LockTimeout:
                return "timeout"
            return "granted"

        waiter = one.start(wait())
        with pytest.raises(latchwork.LockTimeout):
            space.lock("a", timeout=0.01)
        assert waiter.result(30) == "timeout"
        assert space.query().pending == []


@pytest.mark.parametrize("first", ["release", "told by another", "close of the loop"])
def test_a_timer_that_is_late(first: str) -> None:
    """A deadline passes while its loop does not run: what comes first decides, once, and nothing stays held."""
    with latchwork.open(f"memory:late-{first}") as space:
        loop = asyncio.new_event_loop()
        aio = loop.run_until_complete(latchwork.aio.open(f"memory:late-{first}"))

        async def start() -> asyncio.Task[latchwork.aio.Guard]:
            task = asyncio.create_task(aio.lock("a", timeout=0.01))
            await asyncio.sleep(0)
            return task

        guard = space.lock("a")
        task = loop.run_until_complete(start())
        passed = time.monotonic() + 0.02
        until(lambda: time.monotonic() > passed)
        if first == "release":
            guard.release()
            late = loop.run_until_complete(task)
            assert late.held
            late.release()
        elif first == "told by another":
            with pytest.raises(latchwork.LockTimeout):
                space.lock("a", timeout=0.001)
            assert space.query().pending == []
            guard.release()
            assert space.query() == NOTHING
            with pytest.raises(latchwork.LockTimeout) as error:
                loop.run_until_complete(task)
            assert error.value.waited is not None and error.value.waited >= 0.01
        else:
            guard.release()
            loop.set_exception_handler(lambda loop, context: None)
        loop.close()
        assert space.query() == NOTHING


def test_waiters_run_in_their_own_context() -> None:
    """Context variables are the waiter's, never the releaser's (L18)."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("a")
        seen: list[str] = []

        async def wait(mine: str) -> None:
            name.set(mine)
            async with space.lock("a"):
                seen.append(name.get())

        tasks = [asyncio.ensure_future(wait(f"w{number}")) for number in range(3)]
        await asyncio.sleep(0)
        name.set("the releaser")
        guard.release()
        await asyncio.gather(*tasks)
        assert seen == ["w0", "w1", "w2"]

    asyncio.run(main())


def test_without_a_running_loop() -> None:
    """What is free needs no loop; to wait without one is a `RuntimeError`, as asyncio raises."""
    space = asyncio.run(latchwork.aio.open())
    first, second = space.lock("a"), space.lock("a")
    with pytest.raises(StopIteration) as granted:
        first.send(None)
    with pytest.raises(RuntimeError, match="no running event loop"):
        second.send(None)
    granted.value.value.release()
    assert asyncio.run(space.query()) == NOTHING


def test_a_space_that_is_dropped_is_free() -> None:
    """Neither loops nor clocks keep it alive; a named space ends with its last handle."""
    space = latchwork.open("memory:dropped")
    epoch = space.epoch
    assert latchwork.open("memory:dropped").epoch == epoch
    del space
    assert latchwork.open("memory:dropped").epoch > epoch
