"""The blocking API: threads, their deadlines, signals, and the interpreter's end."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
import warnings

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from child import fine
from loop_thread import LoopThread, until

NOTHING = Query([], [])


def test_threads_exclude_each_other() -> None:
    """Eight threads on two keys; the counter is read and written apart."""
    counter = 0
    with latchwork.open() as space:

        def work() -> None:
            nonlocal counter
            for _ in range(500):
                with space.lock("a", "b"):
                    seen = counter
                    os.sched_yield() if hasattr(os, "sched_yield") else None
                    counter = seen + 1

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter == 4000
        assert space.query() == NOTHING


def test_time_out_of_a_blocked_thread() -> None:
    """Told by the host's clock, not before its time."""
    with latchwork.open() as space, space.lock("a"):
        began = time.monotonic()
        with pytest.raises(latchwork.LockTimeout) as error:
            space.lock("a", timeout=0.05)
        assert time.monotonic() - began >= 0.05
        assert error.value.waited is not None and error.value.waited >= 0.05
        assert space.query().pending == []


def test_time_out_by_hand() -> None:
    """With a manual clock only `advance` tells it."""
    clock = ManualClock()
    failed: list[float | None] = []
    with latchwork.open(clock=clock) as space, space.lock("a"):

        def wait() -> None:
            try:
                space.lock("a", timeout=5)
            except latchwork.LockTimeout as error:
                failed.append(error.waited)

        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: space.query().pending)
        clock.advance(4.5)
        assert len(space.query().pending) == 1
        clock.advance(0.5)
        thread.join()
        assert failed == [5.0]


def test_released_by_another_thread() -> None:
    """A guard may be released anywhere."""
    with latchwork.open() as space:
        guard = space.lock("a")
        thread = threading.Thread(target=guard.release)
        thread.start()
        thread.join()
        assert not guard.held
        with space.lock("a"):
            pass


def test_keyboard_interrupt_ends_the_wait() -> None:
    """Ctrl-C reaches the main thread while it waits; the request is given up, also with a time-out."""
    code = """
        import latchwork, os, signal, threading, time
        # What runs in the background of a shell ignores it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        space = latchwork.open()
        guard = space.lock("a")
        for options in ({}, {"timeout": 60}):
            def interrupt():
                while not space.query().pending:
                    time.sleep(0)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            began = time.monotonic()
            try:
                space.lock("a", **options)
            except KeyboardInterrupt:
                assert time.monotonic() - began < 20
            else:
                raise SystemExit("granted?")
            assert space.query().pending == []
        guard.release()
        with space.lock("a", timeout=0):
            print("fine")
    """
    fine(code)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no interval timer")
def test_signal_handlers_run_during_a_wait() -> None:
    """A handler that returns does not end the wait; it may release what the thread waits for."""
    code = """
        import latchwork, signal
        space = latchwork.open()
        guard = space.lock("a")
        def handle(number, frame):
            with space.lock("b"):
                guard.release()
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with space.lock("a"):
            print("fine")
    """
    fine(code)


def test_interpreter_ends_while_locks_are_held() -> None:
    """No crash and no hang at exit, whatever is held or waits."""
    code = """
        import asyncio, latchwork, latchwork.aio, threading
        space = latchwork.open("memory:end")
        guard = space.lock("a")
        threading.Thread(target=lambda: space.lock("a"), daemon=True).start()
        while not space.query().pending: pass
        async def main():
            global held, aio
            aio = await latchwork.aio.open("memory:end")
            held = await aio.lock("b")
        asyncio.run(main())
        print("fine")
    """
    fine(code)


def test_a_blocked_thread_blocks_nobody() -> None:
    """Whoever waits is detached and holds no lock of the binding: every operation of the same handle goes on."""
    with latchwork.open("memory:blocked") as space, LoopThread() as one:
        aio = one.run(latchwork.aio.open("memory:blocked"))

        def wait() -> None:
            with space.lock("a"):
                pass

        async def wait_in_loop() -> None:
            async with aio.lock("a", timeout=60):
                pass

        async def everything() -> None:
            assert await aio.try_lock("a") is None
            async with aio.lock("b", shared=["c"], timeout=1) as guard:
                assert guard.held and repr(guard) and guard.space is aio
            with pytest.raises(latchwork.LockTimeout):
                await aio.lock("a", timeout=0)
            assert len((await aio.query()).pending) == 5
            await (await latchwork.aio.open("memory:blocked")).close()

        guard = space.lock("a")
        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(space.query().pending) == 4)
        waiting = one.start(wait_in_loop())
        until(lambda: len(space.query().pending) == 5)
        for _ in range(100):
            assert space.try_lock("a") is None
            with space.lock("b", shared=["c"], timeout=1) as other:
                assert other.held and repr(other) and repr(space) and other.space is space
            with pytest.raises(latchwork.LockTimeout):
                space.lock("a", timeout=0)
            assert len(space.query("a").pending) == 5
            latchwork.open("memory:blocked").close()
            one.run(everything())
        guard.release()
        for thread in threads:
            thread.join(30)
        waiting.result(30)
        assert space.query() == NOTHING


def test_an_exception_that_is_thrown_into_a_waiting_thread() -> None:
    """It comes up when the wait is over, and costs nobody the lock."""
    caught: list[str] = []
    with latchwork.open() as space, warnings.catch_warnings():
        # The guard may be on its way to the thread: then its finaliser releases it.
        warnings.simplefilter("ignore", ResourceWarning)

        def wait() -> None:
            try:
                with space.lock("a"):
                    caught.append("granted")
            except KeyError:
                caught.append("thrown")

        guard = space.lock("a")
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: space.query().pending)
        thrown = ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyError)
        )
        assert thrown == 1
        guard.release()
        thread.join(30)
        assert caught[-1] == "thrown"
        assert space.query() == NOTHING
