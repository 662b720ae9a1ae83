"""The blocking API: threads, signals, finalisers, fork."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import latchwork
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import until

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


def test_keyboard_interrupt_ends_the_wait() -> None:
    """Ctrl-C reaches the main thread while it waits; the request is given up, also with a time-out."""
    code = """
        import latchwork, os, signal, threading, time
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
    answer = child(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "fine"), answer.stderr


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
    answer = child(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "fine"), answer.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_fork() -> None:
    """The child starts clean; the parent's locks stay the parent's."""
    code = """
        import asyncio, gc, latchwork, latchwork.aio, os, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        shared, private = latchwork.open("memory:f"), latchwork.open()
        guards = [shared.lock("a"), private.lock("a")]
        aio = asyncio.run(latchwork.aio.open("memory:f"))
        async def take(): return await aio.lock("b")
        guards.append(asyncio.run(take()))
        def wait():
            with shared.lock("a"): pass
        waiter = threading.Thread(target=wait)
        waiter.start()
        while not shared.query().pending: pass
        epoch = shared.epoch
        pid = os.fork()
        if pid == 0:
            try:
                assert shared.query() == private.query() == latchwork.Query([], [])
                assert shared.epoch != epoch
                for guard in guards:
                    assert not guard.held
                    try:
                        guard.release()
                    except latchwork.NotHeld as error:
                        assert error.keys in (("a",), ("b",))
                    else:
                        raise AssertionError("released")
                with shared.lock("a"), private.lock("a"):
                    assert latchwork.open("memory:f").try_lock("a") is None
                async def main():
                    async with aio.lock("b"):
                        assert len(shared.query().held) == 1
                asyncio.run(main())
                guards.clear()
                gc.collect()
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        assert all(guard.held for guard in guards)
        for guard in guards: guard.release()
        waiter.join()
        print("fine")
    """
    answer = child(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "fine"), answer.stderr


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
    answer = child(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "fine"), answer.stderr


def child(code: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
