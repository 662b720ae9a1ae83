"""A key as a lock of `threading` or asyncio: what is expected of those, and what both sorts of code share."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import weakref
from collections.abc import Awaitable, Callable

import latchwork
import latchwork.aio
import pytest

from loop_thread import LIMIT, LoopThread, until

Body = Callable[[latchwork.aio.Space, latchwork.aio.Mutex], Awaitable[None]]


def run(body: Body) -> None:
    """On a space of its own."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            await body(space, space.mutex("k"))
            assert await space.query() == latchwork.Query([], [])

    asyncio.run(main())


async def turn() -> None:
    """Let every task that can go on do so once."""
    await asyncio.sleep(0)


def test_acquire_and_release() -> None:
    """`acquire` answers true; a second release, and one without an acquire, is a `RuntimeError`."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        with pytest.raises(RuntimeError):
            mutex.release()
        assert await mutex.acquire() is True
        assert mutex.locked()
        mutex.release()
        assert not mutex.locked()
        with pytest.raises(RuntimeError):
            mutex.release()
        async with mutex as nothing:
            assert nothing is None and mutex.locked()
        with pytest.raises(ZeroDivisionError):
            async with mutex:
                raise ZeroDivisionError
        assert not mutex.locked()
        assert not hasattr(mutex, "__enter__") and not hasattr(mutex, "__await__")

    run(body)


def test_how_it_shows_itself() -> None:
    """As one of asyncio, with the key: state, and how many wait."""
    form = re.compile(r"<latchwork\.aio\.Mutex object at 0x[0-9a-f]+ key='k' \[(.*)\]>\Z")

    def state(mutex: latchwork.aio.Mutex) -> str:
        match = form.match(repr(mutex))
        assert match, repr(mutex)
        return match[1]

    async def body(space: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        assert state(mutex) == "unlocked"
        await mutex.acquire()
        assert state(mutex) == "locked"
        waiting = asyncio.create_task(mutex.acquire())
        await turn()
        assert state(mutex) == "locked, waiters:1" == state(space.mutex("k"))
        assert len(mutex._waiters) == 1
        mutex.release()
        await waiting
        mutex.release()
        assert mutex._waiters == []

    run(body)
    with latchwork.open() as space:
        blocking = space.mutex(("k", 1))
        assert re.match(r"<unlocked latchwork\.Mutex object at 0x[0-9a-f]+ key=\('k', 1\)>\Z", repr(blocking))
        with blocking:
            assert repr(blocking).startswith("<locked ")
    assert repr(blocking).startswith("<unlocked ")


def test_tasks_are_served_in_order() -> None:
    """However they are made of it: `create_task`, `gather`, `wait_for`; each release lets one in."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        served: list[int] = []

        async def worker(number: int) -> None:
            async with mutex:
                served.append(number)
                await turn()

        await mutex.acquire()
        workers = asyncio.gather(*(worker(number) for number in range(5)))
        task = asyncio.create_task(mutex.acquire())
        await turn()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(mutex.acquire(), 0)
        for _turn in range(3):
            await turn()
        assert served == []
        mutex.release()
        assert await task is True
        assert served == [0, 1, 2, 3, 4]
        mutex.release()
        await workers
        assert await asyncio.wait_for(mutex.acquire(), LIMIT) is True
        mutex.release()

    run(body)


def test_nobody_barges_in() -> None:
    """Who releases and takes again at once stands behind those who wait."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        order: list[str] = []

        async def greedy(name: str) -> None:
            for _ in range(3):
                async with mutex:
                    order.append(name)

        await mutex.acquire()
        both = asyncio.gather(greedy("a"), greedy("b"))
        await turn()
        mutex.release()
        await both
        assert order == ["a", "b", "a", "b", "a", "b"]

    run(body)


@pytest.mark.parametrize("release_first", [True, False])
def test_cancel_and_release_in_one_turn(release_first: bool) -> None:
    """In either order: the one who waits behind gets it, once, and nothing is left."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        entered: list[int] = []

        async def enter(number: int) -> None:
            await mutex.acquire()
            entered.append(number)

        await mutex.acquire()
        tasks = [asyncio.create_task(enter(number)) for number in range(3)]
        await turn()
        steps: list[Callable[[], object]] = (
            [mutex.release, tasks[0].cancel] if release_first else [tasks[0].cancel, mutex.release]
        )
        for step in steps:
            step()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        await tasks[1]
        assert entered == [1] and not tasks[2].done()
        tasks[2].cancel()
        await turn()
        assert tasks[2].cancelled()
        mutex.release()

    run(body)


def test_a_cancelled_first_in_line_is_passed_over_at_once() -> None:
    """A release that comes while the first in line is cancelled, but has not run: a newcomer finds the lock free."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        await mutex.acquire()
        first = asyncio.create_task(mutex.acquire())
        await turn()
        newcomer = asyncio.create_task(mutex.acquire())
        first.cancel()
        assert mutex._waiters[0].cancelled()
        mutex.release()
        await turn()
        assert newcomer.done() and first.cancelled() and mutex.locked()
        mutex.release()

    run(body)


def test_control_a_lock_that_forgets_the_cancelled() -> None:
    """A lock that wakes its first waiter, dead or alive, leaves the others standing: the test above would see it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        waiters = [loop.create_future() for _ in range(2)]
        tasks = [asyncio.ensure_future(waiter) for waiter in waiters]
        tasks[0].cancel()
        if not waiters[0].cancelled():
            waiters[0].set_result(None)
        await turn()
        assert not tasks[1].done()
        tasks[1].cancel()

    asyncio.run(main())


def test_a_condition_takes_it() -> None:
    """Those of the standard library are made with it."""

    async def body(_: latchwork.aio.Space, mutex: latchwork.aio.Mutex) -> None:
        condition = asyncio.Condition(mutex)  # type: ignore[arg-type]
        ready: list[str] = []

        async def wait() -> None:
            async with condition:
                await condition.wait_for(lambda: ready)

        waiting = asyncio.create_task(wait())
        await turn()
        async with condition:
            ready.append("now")
            condition.notify()
        await waiting

    run(body)
    with latchwork.open() as space:
        condition = threading.Condition(space.mutex("k"))  # type: ignore[arg-type]
        seen: list[str] = []

        def wait() -> None:
            with condition:
                condition.wait_for(lambda: seen, LIMIT)

        thread = threading.Thread(target=wait)
        thread.start()
        with condition:
            seen.append("now")
            condition.notify()
        thread.join(LIMIT)
        assert not thread.is_alive()


def test_acquire_of_threads() -> None:
    """Blocking or not, with a time-out or not, with the argument checks of `threading.Lock`."""
    with latchwork.open() as space:
        mutex = space.mutex("k")
        with pytest.raises(RuntimeError):
            mutex.release()
        assert mutex.acquire() is True
        assert mutex.acquire(False) is False
        assert mutex.acquire(blocking=False) is False
        assert mutex.acquire(True, 0.01) is False
        assert mutex.acquire(timeout=0) is False
        for wrong in ((False, 1), (True, -2)):
            with pytest.raises(ValueError):
                mutex.acquire(*wrong)
        for long in (threading.TIMEOUT_MAX * 2, 1e100):
            with pytest.raises(OverflowError):
                mutex.acquire(timeout=long)
        with pytest.raises(TypeError):
            mutex.acquire(timeout="1")  # type: ignore[arg-type]
        thread = threading.Thread(target=mutex.release)
        thread.start()
        thread.join()
        assert not mutex.locked()
        assert mutex.acquire(timeout=threading.TIMEOUT_MAX)
        mutex.release()
        with mutex as entered:
            assert entered is True
            assert mutex.locked()
        assert not mutex.locked()


def test_threads_exclude_each_other() -> None:
    """A counter that is read, and written a while later."""
    with latchwork.open() as space:
        mutex = space.mutex("k")
        count = 0

        def work() -> None:
            nonlocal count
            for _ in range(200):
                with mutex:
                    before = count
                    threading.Event().wait(0)
                    count = before + 1

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert count == 800
        assert space.query() == latchwork.Query([], [])


def test_all_ways_to_a_key_are_one_queue() -> None:
    """Both faces, `lock`, several loops and threads: whoever came first is first."""
    with LoopThread() as here, LoopThread() as there, latchwork.open("memory:faces") as space:
        order: list[str] = []

        async def take(name: str) -> None:
            async with await latchwork.aio.open("memory:faces") as aio:
                mutex = aio.mutex("k")
                async with mutex:
                    order.append(name)

        def block() -> None:
            with space.mutex("k"):
                order.append("thread")

        guard = space.lock("k")
        assert space.mutex("k").locked() and not space.mutex("k").acquire(False)
        with pytest.raises(RuntimeError):
            space.mutex("k").release()
        started = []
        for number, (loop, name) in enumerate(((here, "here"), (there, "there"))):
            started.append(loop.start(take(name)))
            until(lambda number=number: len(space.query("k").pending) == number + 1)  # type: ignore[misc]
        thread = threading.Thread(target=block)
        thread.start()
        until(lambda: len(space.query("k").pending) == 3)
        guard.release()
        thread.join(LIMIT)
        for each in started:
            each.result(LIMIT)
        assert order == ["here", "there", "thread"]


def test_it_can_be_dropped() -> None:
    """Also while it waits or is held; a weak reference to it does not keep it."""
    with latchwork.open() as space:
        mutex = space.mutex("k")
        reference = weakref.ref(mutex)
        del mutex
        gc.collect()
        assert reference() is None


def test_a_lost_one() -> None:
    """After the space is closed a release is a `RuntimeError`, and an acquire is refused."""

    async def main() -> None:
        space = await latchwork.aio.open()
        mutex = space.mutex("k")
        await mutex.acquire()
        waiting = asyncio.create_task(mutex.acquire())
        await turn()
        await space.close()
        with pytest.raises(latchwork.Closed):
            await waiting
        assert not mutex.locked()
        with pytest.raises(RuntimeError):
            mutex.release()
        with pytest.raises(latchwork.Closed):
            await mutex.acquire()

    asyncio.run(main())
