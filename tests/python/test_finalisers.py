"""A guard that is forgotten: its finaliser gives up the lock, warns, and runs nothing of the host's inline (L11)."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query

from child import child
from loop_thread import LoopThread, until

NOTHING = Query([], [])


def test_dropped_guard() -> None:
    """Its finaliser releases and warns; a dead thread's guard goes the same way."""
    with latchwork.open() as space:
        guard: latchwork.Guard | None = space.lock("a")
        with pytest.warns(ResourceWarning, match="dropped while it was held"):
            guard = None
            gc.collect()
        assert guard is None
        assert space.query() == NOTHING

        def hold_and_die() -> None:
            held = space.lock("a")
            assert held.held

        with pytest.warns(ResourceWarning):
            thread = threading.Thread(target=hold_and_die)
            thread.start()
            thread.join()
            gc.collect()
        assert space.query() == NOTHING


def test_dropped_guard_in_an_exception() -> None:
    """The finaliser leaves an exception on its way alone."""
    with latchwork.open() as space:

        def fail() -> None:
            held = space.lock("a")
            raise KeyError(held.token)

        with pytest.warns(ResourceWarning):
            with pytest.raises(KeyError):
                fail()
            gc.collect()
        assert space.query() == NOTHING


def test_a_warning_that_is_an_error_frees_the_lock() -> None:
    """As with files: it cannot be raised from a finaliser, and is reported."""
    code = """
        import latchwork, warnings
        warnings.simplefilter("error")
        space = latchwork.open()
        space.lock("a")
        assert space.query() == latchwork.Query([], [])
    """
    answer = child(code)
    assert answer.returncode == 0, answer.stderr
    assert "ResourceWarning" in answer.stderr


def test_what_dies_with_its_thread() -> None:
    """A guard that only a thread knew is released when the thread has gone; who waits is told that it was abandoned."""
    seen: list[bool] = []
    with latchwork.open() as space:
        local = threading.local()

        def hold_and_die() -> None:
            local.guard = space.lock("a")
            held.set()
            until(lambda: space.query("a").pending)

        def wait() -> None:
            held.wait()
            with space.lock("a") as guard:
                seen.append(guard.abandoned)

        held = threading.Event()
        with pytest.warns(ResourceWarning, match=r"keys=\('a',\)"):
            threads = [threading.Thread(target=target) for target in (hold_and_die, wait)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        assert seen == [True]
        assert space.query() == NOTHING


def test_a_thread_that_dies_with_its_loop() -> None:
    """Its tasks were holding and waiting; whoever closes the loop later frees the places."""
    with latchwork.open("memory:dead-thread") as space:
        loops: list[asyncio.AbstractEventLoop] = []
        tasks: list[asyncio.Task[None]] = []

        async def take(aio: latchwork.aio.Space, *keys: str) -> None:
            async with aio.lock(*keys):
                await asyncio.get_running_loop().create_future()

        async def main() -> None:
            aio = await latchwork.aio.open("memory:dead-thread")
            tasks.extend(asyncio.ensure_future(take(aio, *keys)) for keys in ("b", "a", "ab"))
            await asyncio.sleep(0)
            raise KeyError("the thread dies here")

        def live() -> None:
            loops.append(asyncio.new_event_loop())
            with pytest.raises(KeyError):
                loops[0].run_until_complete(main())

        with space.lock("a"):
            thread = threading.Thread(target=live)
            thread.start()
            thread.join(30)
            assert len(space.query().pending) == 2
            loops[0].set_exception_handler(lambda loop, context: None)
            loops[0].close()
            assert space.query().pending == []
        assert [hold.keys for hold in space.query().held] == [("b",)]
        tasks.clear()
        gc.collect()
        assert space.query() == NOTHING


class Watched(asyncio.Future[None]):
    """A future that notes who resolves it."""

    inside = False
    resolved: list[bool] = []  # noqa: RUF012

    def set_result(self, result: None) -> None:
        """Note whether a finaliser does it."""
        Watched.resolved.append(Watched.inside)
        super().set_result(result)


class OwnFutures(asyncio.SelectorEventLoop):
    """A loop with futures of its own: to resolve one runs code of the host's."""

    def create_future(self) -> Any:
        """Make one."""
        return Watched(loop=self)


@pytest.mark.parametrize("cycle", [False, True], ids=["at once", "collected"])
@pytest.mark.parametrize("kind", ["held", "waiting"])
def test_no_code_of_the_host_runs_inside(kind: str, cycle: bool) -> None:
    """Whoever gets the lock by it is resolved in its loop's next turn, also where that loop runs the finaliser."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            Watched.resolved.clear()
            holder = await space.lock("a", mode="shared" if kind == "waiting" else "exclusive")
            dropped: Any = holder
            if kind == "waiting":
                # An exclusive request that is given up lets the shared one behind it join the holder.
                dropped = space.lock("a")
                dropped.send(None)
            follower = asyncio.ensure_future(space.lock("a", mode="shared"))
            await asyncio.sleep(0)
            assert not follower.done()
            if kind == "held":
                del holder
            ring: list[Any] = [dropped]
            del dropped
            if cycle:
                ring.append(ring)
            Watched.inside = True
            with expected(kind):
                del ring
                gc.collect()
            Watched.inside = False
            assert Watched.resolved == []
            guard = await follower
            assert guard.abandoned == (kind == "held")
            assert Watched.resolved == [False]
            guard.release()

    loop = OwnFutures()
    loop.run_until_complete(main())
    loop.close()


def expected(kind: str) -> Any:
    """Only a lock that was held is warned of."""
    return pytest.warns(ResourceWarning) if kind == "held" else warnings.catch_warnings()


def test_a_finaliser_in_another_thread() -> None:
    """The collection may run anywhere: the waiter still goes on in its own loop."""
    with latchwork.open("memory:elsewhere") as space, LoopThread() as one:
        aio = one.run(latchwork.aio.open("memory:elsewhere"))

        async def wait() -> tuple[bool, int]:
            async with aio.lock("a") as guard:
                return guard.abandoned, threading.get_ident()

        ring: list[Any] = [space.lock("a")]
        ring.append(ring)
        waiting = one.start(wait())
        until(lambda: space.query("a").pending)
        with pytest.warns(ResourceWarning):
            del ring
            collecting = threading.Thread(target=gc.collect)
            collecting.start()
            collecting.join(30)
            assert waiting.result(30) == (True, one.thread.ident)
        assert space.query() == NOTHING
