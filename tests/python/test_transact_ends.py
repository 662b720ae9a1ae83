"""Calls of `update` and `transact` whose host goes away: closed loops, forks, signals, forgotten coroutines."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import weakref
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry, Query

from child import fine
from loop_thread import LIMIT, LoopThread, until

NOTHING = Query([], [])


def lost_three_times(other: latchwork.Space, then: Any) -> Any:
    """A function that loses three times, and does `then` in its turn."""
    runs = 0

    async def run(value: Any, entry: Entry) -> Any:
        nonlocal runs
        runs += 1
        if runs <= 3:
            other.set("cell", runs)
            return "lost"
        return await then()

    return run


def test_a_loop_that_is_closed_under_a_turn() -> None:
    """The turn is given up, so that others go on."""
    with latchwork.open("memory:closed turn") as blocking:
        loop = asyncio.new_event_loop()
        space = loop.run_until_complete(latchwork.aio.open("memory:closed turn"))
        inside = asyncio.Event()

        async def stay() -> None:
            inside.set()
            await asyncio.Event().wait()

        async def main() -> list[asyncio.Task[Any]]:
            first = asyncio.create_task(space.update("cell", lost_three_times(blocking, stay)))
            await inside.wait()
            second = asyncio.create_task(space.update("cell", lambda value, entry: 2))
            await asyncio.sleep(0)
            assert (len(blocking.query().held), len(blocking.query().pending)) == (1, 1)
            return [first, second]

        tasks = loop.run_until_complete(main())
        loop.close()
        assert blocking.query() == NOTHING
        assert blocking.update("cell", lambda value, entry: "thread", timeout=LIMIT).value == "thread"
        loop.set_exception_handler(lambda loop, context: None)
        del tasks
        gc.collect()
        assert blocking.get("cell").value == "thread"


def test_a_loop_that_is_closed_under_a_retry() -> None:
    """Nobody is told, nothing is left."""
    with latchwork.open("memory:closed retry") as blocking:
        loop = asyncio.new_event_loop()
        space = loop.run_until_complete(latchwork.aio.open("memory:closed retry"))

        async def body(tx: latchwork.aio.Transaction) -> None:
            await tx.get("go")
            tx.retry()

        async def main() -> asyncio.Task[Any]:
            task = asyncio.create_task(space.transact(body))
            await asyncio.sleep(0)
            return task

        task = loop.run_until_complete(main())
        loop.close()
        blocking.set("go", 1)
        loop.set_exception_handler(lambda loop, context: None)
        del task
        gc.collect()
        assert blocking.query() == NOTHING


def test_a_loop_that_ends_with_a_turn_wakes_a_thread() -> None:
    """A thread that waits for the turn goes on when the loop is closed."""
    with latchwork.open("memory:closed for a thread") as blocking:
        there = LoopThread()
        space = there.run(latchwork.aio.open("memory:closed for a thread"))
        inside = threading.Event()

        async def stay() -> None:
            inside.set()
            await asyncio.Event().wait()

        there.start(space.update("cell", lost_three_times(blocking, stay)))
        assert inside.wait(LIMIT)
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(blocking.update("cell", lambda value, entry: "thread")))
        thread.start()
        until(lambda: blocking.query().pending)
        there.loop.set_exception_handler(lambda loop, context: None)
        there.stop()
        there.loop.close()
        thread.join(LIMIT)
        assert [result.value for result in results] == ["thread"]
        assert blocking.query() == NOTHING
        gc.collect()


def test_a_coroutine_that_is_closed() -> None:
    """Without a task, at each of its awaits: nothing is written, no turn is left."""
    with latchwork.open("memory:closed coroutine") as blocking:

        async def main() -> None:
            space = await latchwork.aio.open("memory:closed coroutine")

            async def stay() -> None:
                await asyncio.sleep(0)

            call = space.update("cell", lost_three_times(blocking, stay))
            call.send(None)
            assert len(blocking.query().held) == 1
            waits = space.update("cell", lambda value, entry: "waits")
            waits.send(None)
            assert len(blocking.query().pending) == 1
            waits.close()
            assert blocking.query().pending == []
            call.close()
            assert blocking.query() == NOTHING
            again = space.update("cell", lost_three_times(blocking, stay))
            again.send(None)
            del again
            gc.collect()
            assert blocking.query() == NOTHING
            assert blocking.get("cell").value == 3

        asyncio.run(main())


def test_nothing_keeps_a_body_alive() -> None:
    """When a call has ended, in whichever way, its function and what it names are let go."""

    class Big:
        pass

    async def run(how: str) -> weakref.ref[Big]:
        space = await latchwork.aio.open()
        big = Big()
        kept: list[Any] = []

        async def body(tx: latchwork.aio.Transaction) -> None:
            kept.append(tx)
            tx.on_commit(lambda: big)
            await asyncio.sleep(0)
            if how == "raised":
                raise KeyError(how)
            if how == "aborted":
                tx.abort(big)
            if how == "cancelled":
                await asyncio.Event().wait()

        task = asyncio.create_task(space.transact(body))
        for _ in range(4):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        handles.extend(kept)
        return weakref.ref(big)

    handles: list[Any] = []
    for how in ("done", "raised", "aborted", "cancelled"):
        gone = asyncio.run(run(how))
        gc.collect()
        assert gone() is None, how
    assert len(handles) == 4


def test_ctrl_c_in_a_thread_that_waits_for_a_turn() -> None:
    """It ends the wait of the main thread, which leaves no wait behind."""
    with latchwork.open("memory:ctrl-c") as space, LoopThread() as there:
        aio = there.run(latchwork.aio.open("memory:ctrl-c"))
        inside, go = threading.Event(), asyncio.Event()

        async def stay() -> str:
            inside.set()
            await go.wait()
            return "turn"

        turn = there.start(aio.update("cell", lost_three_times(space, stay)))
        assert inside.wait(LIMIT)

        def interrupt() -> None:
            until(lambda: space.query().pending)
            os.kill(os.getpid(), signal.SIGINT)

        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            space.update("cell", lambda value, entry: "main")
        interrupter.join()
        assert (len(space.query().held), space.query().pending) == (1, [])
        there.loop.call_soon_threadsafe(go.set)
        assert turn.result(LIMIT).value == "turn"
        assert space.query() == NOTHING
        there.run(aio.close())


def test_ctrl_c_in_a_body() -> None:
    """It passes through at once, also from a stale attempt: nothing is written."""
    space = latchwork.open()
    runs = 0

    def body(tx: latchwork.Transaction) -> None:
        nonlocal runs
        runs += 1
        tx.get("a")
        space.set("a", runs)
        with pytest.raises(latchwork.Conflict):
            tx.set("b", tx.get("b").version)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        space.transact(body)
    assert (runs, space.query()) == (1, NOTHING)
    assert [entry.key for entry in space.list()] == ["a"]


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, KeyboardInterrupt])
def test_exits_in_a_function(error: type[BaseException]) -> None:
    """They are nobody's error to discard."""
    space = latchwork.open()

    def fail(value: Any, entry: Entry) -> Any:
        space.set("a", 1)
        raise error

    with pytest.raises(error):
        space.update("a", fail)
    assert space.query() == NOTHING


def test_a_blocked_thread_is_not_attached() -> None:
    """While one waits for a turn, Python runs on in others, and the interpreter can end."""
    fine("""
        import asyncio, latchwork, latchwork.aio, threading
        space = latchwork.open("memory:daemon")
        inside = threading.Event()
        def stay(value, entry):
            if (value or 0) < 3:
                space.set("cell", (value or 0) + 1)
                return -1
            inside.set()
            threading.Event().wait()
        threading.Thread(target=lambda: space.update("cell", stay), daemon=True).start()
        inside.wait()
        for _ in range(3):
            threading.Thread(target=lambda: space.update("cell", lambda value, entry: 1), daemon=True).start()
        while len(space.query().pending) < 3: pass
        print("fine")
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_fork() -> None:
    """The child knows nothing of its parent's calls, turns and waits; the parent goes on as if nothing had been."""
    fine("""
        import latchwork, os, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        space = latchwork.open("memory:fork")
        children = []

        def in_child(check):
            pid = os.fork()
            if pid:
                children.append(pid)
                return False
            try:
                check()
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)

        inside, go = threading.Event(), threading.Event()
        def stay(value, entry):
            if (value or 0) < 3:
                space.set("cell", (value or 0) + 1)
                return -1
            inside.set()
            go.wait()
            return "turn"
        turn = threading.Thread(target=lambda: space.update("cell", stay))
        turn.start()
        inside.wait()
        waits = threading.Thread(target=lambda: space.update("cell", lambda value, entry: value + "!"))
        waits.start()
        while not space.query().pending: pass

        def clean():
            assert space.query() == latchwork.Query([], [])
            assert space.update("cell", lambda value, entry: [value]).value == [None]
            assert space.transact(lambda tx: tx.get("cell").value).value == [None]
        in_child(clean)

        def body(tx):
            tx.set("a", 1)
            def foreign():
                for call in (lambda: tx.get("a"), lambda: tx.set("a", 2), lambda: tx.abort(1), lambda: tx.retry(),
                             lambda: tx.on_commit(print), lambda: tx.transact(print)):
                    try:
                        call()
                    except latchwork.Invalid as error:
                        assert error.what == "tx", error
                    else:
                        raise AssertionError("used in the child")
            in_child(foreign)
        space.transact(body)
        assert space.get("a").value == 1

        def forking(tx):
            tx.set("b", 1)
            pid = os.fork()
            if pid: children.append(pid)
            return pid
        try:
            pid = space.transact(forking).value
        except latchwork.Invalid as error:
            # The child: its body ends there too, and commits nothing.
            os._exit(0 if error.what == "tx" and space.get("b").version == 0 else 1)
        go.set()
        turn.join()
        waits.join()
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        assert space.get("cell").value == "turn!" and space.get("b").value == 1
        assert space.query() == latchwork.Query([], [])
        print("fine")
    """)
