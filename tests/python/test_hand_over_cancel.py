"""A request that a hand-over resolved is given up unseen: the lock is neither lost nor kept (L7, L13).

Its grant is that of the giver, not the one that the request would have had.
"""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import weakref
from collections.abc import Callable

import latchwork
import latchwork.aio
import pytest
from latchwork import Query

from child import fine
from loop_thread import LIMIT, LoopThread, until
from test_closed_loops import Careless

NOTHING = Query([], [])


class Payload:
    """Something whose end can be seen."""


def throw(request: latchwork.aio.LockRequest) -> None:
    """Raise something in it."""
    with pytest.raises(KeyError):
        request.throw(KeyError())


GIVE_UP: dict[str, Callable[[latchwork.aio.LockRequest], object]] = {
    "close": lambda request: request.close(),
    "throw": throw,
    "drop": lambda request: None,
}


def test_its_task_is_cancelled() -> None:
    """In the very turn of the hand-over: the next in line has the keys, and nobody keeps what went along."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            owner = space.owner()
            guard = await space.lock("a", "b")
            waiting = asyncio.create_task(owner.lock("a"))
            behind = asyncio.create_task(space.lock("b"))
            await asyncio.sleep(0)
            payload = Payload()
            kept = weakref.ref(payload)
            assert await guard.hand_over(owner, payload)
            del payload
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            (await asyncio.wait_for(behind, LIMIT)).release()
            assert await space.query() == NOTHING
            assert await owner.close() == 0
            del waiting
            gc.collect()
            assert kept() is None

    asyncio.run(main())


@pytest.mark.parametrize("how", GIVE_UP)
def test_it_is_given_up_by_hand(how: str) -> None:
    """As a coroutine can be, and by its finaliser."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            owner = space.owner()
            guard = await space.lock("a", "b")
            request = owner.lock("a")
            request.send(None)
            assert await guard.hand_over(owner, "payload")
            GIVE_UP[how](request)
            del request
            gc.collect()
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_it_is_cancelled_before_its_loop_hears_of_it() -> None:
    """Another thread hands over while the loop of the waiter is busy with cancelling it."""
    with LoopThread() as loop, latchwork.open("memory:unheard") as space:
        aio = loop.run(latchwork.aio.open("memory:unheard"))
        owner = space.owner()

        async def wait() -> None:
            task = asyncio.ensure_future(aio.lock("a", owner=owner))
            await asyncio.sleep(0)
            guard = guards.pop()
            thread = threading.Thread(target=guard.hand_over, args=(owner,))
            thread.start()
            thread.join(LIMIT)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        for _ in range(100):
            guards = [space.lock("a", "b")]
            loop.run(wait())
            until(lambda: space.query() == NOTHING)
        loop.run(aio.close())


def test_its_loop_is_closed() -> None:
    """Before or after the hand-over."""
    with latchwork.open("memory:closed hand-over") as space:
        for early in (True, False):
            owner = space.owner()
            careless = Careless("memory:closed hand-over")
            guard = space.lock("a", "b")
            careless.wait(owner=owner)
            if early:
                careless.loop.close()
                assert guard.hand_over(owner)
                next(owner.handed_over).release()
            else:
                assert guard.hand_over(owner)
                careless.loop.close()
            assert space.query() == NOTHING
            careless.forget()


def test_a_hand_over_and_a_cancel_in_two_threads() -> None:
    """Whichever comes first, the lock is taken once or free again."""
    rng = random.Random(4)
    came = {"seen": 0, "given on": 0, "in the inbox": 0}
    with LoopThread() as loop, latchwork.open("memory:race") as space:
        aio = loop.run(latchwork.aio.open("memory:race"))
        owner = space.owner()

        async def wait() -> bool:
            try:
                guard = await aio.lock("a", owner=owner)
            except asyncio.CancelledError:
                return False
            guard.release()
            return True

        for _ in range(500):
            guard = space.lock("a")
            part = loop.start(wait())
            until(lambda: space.query().pending)
            threads = [
                threading.Thread(target=guard.hand_over, args=(owner,)),
                threading.Thread(target=part.cancel),
            ]
            rng.shuffle(threads)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(LIMIT)
            until(lambda: not any(hold.owner is None for hold in space.query().held))
            # What the request did not take is in the inbox, or was given on.
            loop.call(lambda: None)
            loop.call(lambda: None)
            if left := space.query().held:
                assert len(left) == 1
                next(owner.handed_over).release()
                came["in the inbox"] += 1
            else:
                came["given on" if part.cancelled() else "seen"] += 1
            assert space.query() == NOTHING
        assert sum(came.values()) == 500
        loop.run(aio.close())


def test_a_blocking_wait_is_interrupted() -> None:
    """A signal handler hands the lock over to the very wait that it ends."""
    fine(
        """
        import latchwork, os, signal, threading, time
        space = latchwork.open()
        owner = space.owner()
        guards = []

        class Stop(Exception):
            pass

        def handle(*_):
            guards.pop().hand_over(owner, "payload")
            raise Stop

        def interrupt():
            while not space.query().pending:
                time.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)

        signal.signal(signal.SIGTERM, handle)
        for options in ({}, {"timeout": 60}):
            guards.append(space.lock("a", "b"))
            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                owner.lock("a", **options)
            except Stop:
                pass
            else:
                raise SystemExit("it was granted")
            thread.join()
            assert space.query() == latchwork.Query([], []), space.query()
        print("fine")
        """
    )
