"""Stories of owners on both APIs: one that dies (S7), one that asks for what it has (S10); each with its control."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import latchwork
import latchwork.aio
import pytest
from latchwork import OwnerName, Query

from loop_thread import LIMIT, until

NOTHING = Query([], [])
WAITERS = (("a",), ("b",), ("c",), ("b", "c"))
ROUNDS = 1000


@contextmanager
def flat_memory() -> Iterator[None]:
    """Nothing that the interpreter allocates is left over; and nobody is warned of the dead, of whom there are many."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_s7_owner_dies() -> None:
    """A task dies with {a,b,c} after it has released a: who is queued on b and c is told, the one on a is not."""

    async def once(space: latchwork.aio.Space) -> None:
        order: list[str] = []

        async def wait(*keys: str) -> bool:
            async with space.lock(*keys) as guard:
                order.append("".join(keys))
                return guard.abandoned

        released, go = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            guard = await space.owner("worker").lock("a", "b", "c")
            await go.wait()
            guard.release("a")
            released.set()
            await go.wait()
            raise KeyError("it dies")

        dies = asyncio.create_task(work())
        await asyncio.sleep(0)
        waits = [asyncio.create_task(wait(*keys)) for keys in WAITERS]
        await asyncio.sleep(0)
        assert [wait.keys for wait in (await space.query()).pending] == [*WAITERS]
        go.set()
        await released.wait()
        go.clear()
        assert await waits[0] is False and order == ["a"]
        (hold,) = (await space.query()).held
        assert hold.keys == ("b", "c") and hold.owner is not None and hold.owner.label == "worker"
        go.set()
        # Whoever keeps its error keeps its frame, and with that the guard.
        assert isinstance((await asyncio.wait([dies]))[0].pop().exception(), KeyError)
        del dies
        assert await asyncio.gather(*waits[1:]) == [True, True, True]
        assert order[3] == "bc"
        assert await wait("b") is False, "no marks are kept"
        assert await space.query() == NOTHING

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            with pytest.warns(ResourceWarning):
                await once(space)
            with flat_memory():
                for _ in range(ROUNDS):
                    await once(space)

    asyncio.run(main())


def test_s7_owner_dies_in_a_thread() -> None:
    """The same with threads."""
    with latchwork.open() as space, ThreadPoolExecutor(5) as pool:

        def once() -> None:
            order: list[str] = []
            go, died = threading.Semaphore(0), threading.Event()

            def wait(*keys: str) -> bool:
                with space.lock(*keys) as guard:
                    order.append("".join(keys))
                    return guard.abandoned

            def work() -> None:
                guard = space.owner("worker").lock("a", "b", "c")
                go.acquire()
                guard.release("a")
                go.acquire()

            def live() -> None:
                work()
                died.set()

            pool.submit(live)
            until(lambda: space.query().held)
            waits: list[Future[bool]] = []
            for keys in WAITERS:
                waits.append(pool.submit(wait, *keys))
                until(lambda: len(space.query().pending) == len(waits))
            go.release()
            assert waits[0].result(LIMIT) is False and order == ["a"]
            assert [hold.keys for hold in space.query().held] == [("b", "c")] and not died.is_set()
            go.release()
            assert [wait.result(LIMIT) for wait in waits[1:]] == [True, True, True]
            assert order[3] == "bc" and died.wait(LIMIT)
            assert wait("b") is False, "no marks are kept"
            assert space.query() == NOTHING

        with pytest.warns(ResourceWarning):
            once()
        with flat_memory():
            for _ in range(ROUNDS):
                once()


def test_s7_control_locks_of_the_standard_library() -> None:
    """One whose task died, or whose thread, stays locked, and nobody is told."""

    async def main() -> None:
        lock = asyncio.Lock()

        async def work() -> None:
            await lock.acquire()
            raise KeyError("it dies")

        with pytest.raises(KeyError):
            await work()
        waiting = asyncio.create_task(lock.acquire())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(main())
    lock = threading.Lock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    assert not lock.acquire(blocking=False)


def test_s10_own_key_asked_again() -> None:
    """A helper that is called with the lock held asks for it: it is refused at once, and its caller goes on."""

    async def main() -> None:
        async with await latchwork.aio.open() as space, await latchwork.aio.open() as other:

            async def helper(owner: latchwork.aio.Owner, *keys: str) -> str:
                try:
                    async with owner.lock(*keys):
                        return "ran"
                except latchwork.Deadlock as error:
                    (step,) = error.cycle
                    assert step.owner == OwnerName(owner.id, owner.label) and step.key in keys
                    return "refused"

            owner = space.owner("checkout")
            async with owner.lock("cart", shared=["prices"]) as guard:
                assert guard.owner is owner
                for keys in (("cart",), ("stock", "cart"), ("prices",)):
                    assert await asyncio.wait_for(helper(owner, *keys), LIMIT) == "refused"
                assert await helper(owner, "stock") == "ran"
                assert await owner.try_lock("cart") is None
                assert guard.held and (await space.query()).pending == []
                with pytest.raises(latchwork.Invalid):
                    await other.lock("cart", owner=owner)
                # Free, and kept for one who waits for the cart: to wait for it is to wait for oneself.
                behind = asyncio.create_task(space.lock("cart", "stock"))
                await asyncio.sleep(0)
                with pytest.raises(latchwork.Deadlock) as error:
                    await asyncio.wait_for(owner.lock("stock"), LIMIT)
                assert [(step.owner is None, step.key) for step in error.value.cycle] == [
                    (False, "stock"),
                    (True, "cart"),
                ]
            (await behind).release()
            assert await owner.close() == 0
            with pytest.raises(latchwork.Cancelled):
                await helper(owner, "cart")
            async with space.lock("cart") as guard:
                assert guard.owner is not None
                assert await asyncio.wait_for(helper(guard.owner, "cart"), LIMIT) == "refused"
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_s10_own_key_asked_again_in_a_thread() -> None:
    """The same with threads."""
    with latchwork.open() as space, latchwork.open() as other:

        def helper(owner: latchwork.Owner, *keys: str) -> str:
            try:
                with owner.lock(*keys, timeout=LIMIT):
                    return "ran"
            except latchwork.Deadlock as error:
                (step,) = error.cycle
                assert step.owner == OwnerName(owner.id, owner.label) and step.key in keys
                return "refused"

        owner = space.owner("checkout")
        with owner.lock("cart", shared=["prices"]) as guard:
            assert guard.owner is owner
            for keys in (("cart",), ("stock", "cart"), ("prices",)):
                assert helper(owner, *keys) == "refused"
            assert helper(owner, "stock") == "ran"
            assert owner.try_lock("cart") is None
            assert guard.held and space.query().pending == []
            with pytest.raises(latchwork.Invalid):
                other.lock("cart", owner=owner)
            behind = threading.Thread(target=lambda: space.lock("cart", "stock").release())
            behind.start()
            until(lambda: space.query().pending)
            with pytest.raises(latchwork.Deadlock) as error:
                owner.lock("stock", timeout=LIMIT)
            assert [(step.owner is None, step.key) for step in error.value.cycle] == [(False, "stock"), (True, "cart")]
        behind.join(LIMIT)
        assert owner.close() == 0
        with pytest.raises(latchwork.Cancelled):
            helper(owner, "cart")
        assert space.with_lock("cart", fn=lambda guard: guard.owner and helper(guard.owner, "cart")) == "refused"
        assert space.query() == NOTHING


def test_s10_control_a_helper_that_does_not_say_whose_it_is() -> None:
    """It waits for its own caller, for ever: `query` shows it; and so does a lock of the standard library."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            async with space.lock("cart", label="caller"):
                helper = asyncio.create_task(space.lock("cart"))
                for _ in range(10):
                    await asyncio.sleep(0)
                (wait,) = (await space.query()).pending
                assert [by.label for by in wait.blocked_by] == ["caller"]
                assert not helper.done()
            (await helper).release()
            assert await space.query() == NOTHING

    asyncio.run(main())
    with latchwork.open() as space:
        with space.lock("cart"):
            helper = threading.Thread(target=lambda: space.lock("cart").release())
            helper.start()
            until(lambda: space.query().pending)
            assert helper.is_alive()
        helper.join(LIMIT)
    lock = threading.Lock()
    with lock:
        assert not lock.acquire(blocking=False)
