"""After `fork` the child starts clean, whatever the parent holds, waits for, or is in the middle of (L11)."""

from __future__ import annotations

import os

import pytest

from child import fine

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


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
    fine(code)


def test_fork_with_a_loop_that_waits() -> None:
    """The child may close the parent's loop, run its own, and ask the parent's tasks: nothing of the parent's moves."""
    code = """
        import asyncio, gc, latchwork, latchwork.aio, os, threading, traceback, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        NOTHING = latchwork.Query([], [])
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)
        aio = loop.run_until_complete(latchwork.aio.open("memory:f"))
        space = latchwork.open("memory:f")
        async def take(**options):
            async with aio.lock("a", **options) as guard:
                return guard.token
        async def start():
            tasks.extend(asyncio.ensure_future(take(**options)) for options in ({}, {"timeout": 60}, {}))
            await asyncio.sleep(0)
        def of_the_child():
            assert space.query() == NOTHING
            request.close()
            loop.close()
            tasks.clear()
            gc.collect()
            assert not guard.held
            async def contend():
                await asyncio.gather(*(take(timeout=30) for _ in range(10)))
                assert await aio.query() == NOTHING
            asyncio.run(contend())
            thread = threading.Thread(target=lambda: asyncio.run(contend()))
            thread.start()
            thread.join()
            assert space.query() == NOTHING
        tasks = []
        guard = space.lock("a")
        loop.run_until_complete(start())
        request = aio.lock("b")
        pid = os.fork()
        if pid == 0:
            try:
                of_the_child()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        assert guard.held and len(space.query().pending) == 3
        guard.release()
        first, second, third = loop.run_until_complete(asyncio.gather(*tasks))
        assert first < second < third
        request.close()
        loop.close()
        assert space.query() == NOTHING
        print("fine")
    """
    fine(code)


def test_fork_of_a_fork() -> None:
    """Each child begins a life of its own, with its own epoch."""
    code = """
        import latchwork, os, traceback
        space = latchwork.open("memory:f")
        guard = space.lock("a")
        epochs = [space.epoch]
        def descend(depth):
            pid = os.fork()
            if pid == 0:
                try:
                    assert space.query() == latchwork.Query([], []) and not guard.held
                    with space.lock("a"):
                        assert space.epoch > epochs[-1]
                        epochs.append(space.epoch)
                        if depth:
                            descend(depth - 1)
                        assert len(space.query().held) == 1
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        descend(3)
        assert guard.held
        guard.release()
        print("fine")
    """
    fine(code)


def test_fork_in_the_middle_of_others() -> None:
    """Threads are anywhere in the parent when it forks, also inside of an inner lock: no child hangs on it."""
    code = """
        import latchwork, os, random, signal, threading, traceback, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        spaces = [latchwork.open("memory:f"), latchwork.open()]
        done = threading.Event()
        def work(seed):
            rng = random.Random(seed)
            while not done.is_set():
                with rng.choice(spaces).lock(*rng.sample("abc", 2)):
                    pass
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            pid = os.fork()
            if pid == 0:
                try:
                    # A child that hangs is ended by its alarm, which the parent sees.
                    signal.alarm(30)
                    for space in spaces:
                        with space.lock("a", "b", "c", timeout=10):
                            assert len(space.query().held) == 1
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            assert status == 0, status
        done.set()
        for thread in threads:
            thread.join()
        assert all(space.query() == latchwork.Query([], []) for space in spaces)
        print("fine")
    """
    fine(code)


def test_multiprocessing_workers() -> None:
    """Workers that are forked use the module's handle as if they had opened it."""
    code = """
        import latchwork, multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        space = latchwork.open("memory:pool")
        def work(number):
            with space.lock("a", timeout=30) as guard:
                return guard.held
        if __name__ == "__main__":
            with space.lock("a"), multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(work, range(20)) == [True] * 20
            print("fine")
    """
    fine(code)


def test_what_a_guard_and_an_owner_tell_in_a_child() -> None:
    """The lock is not lost there, it never was held; what was handed over in the parent is the parent's to take."""
    code = """
        import asyncio, latchwork, latchwork.aio, os, traceback, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        NOTHING = latchwork.Query([], [])

        space = latchwork.open("memory:told")
        job, guard = space.owner("job"), space.lock("a", max_hold=60)
        lost = guard.lost
        inbox = job.handed_over
        assert space.lock("b").hand_over(job, "the parent's")
        aio = asyncio.run(latchwork.aio.open("memory:told"))
        aio_guard = asyncio.run(aio.try_lock("c"))
        aio_lost, aio_job = aio_guard.lost, aio.owner("aio job")
        assert asyncio.run(asyncio.wait_for(aio_guard.hand_over(job, 7), 30))

        def blocking():
            assert not guard.held and not guard.lost.is_set() and not lost.is_set()
            assert not lost.wait(timeout=0) and not guard.lost.wait(timeout=0)
            assert space.revoke("a") == 0 and not lost.is_set()
            try:
                guard.hand_over(job)
            except latchwork.NotHeld:
                pass
            else:
                raise AssertionError("handed over")
            assert space.lock("a").hand_over(job, "the child's")
            with next(inbox) as taken:
                assert (taken.keys, taken.payload) == (("a",), "the child's")
            assert space.query() == NOTHING
            assert job.close() == 0 and list(inbox) == [] and list(job.handed_over) == []

        async def asynchronous():
            assert not aio_guard.held and not aio_lost.is_set() and not aio_guard.lost.is_set()
            assert await (await aio.lock("c")).hand_over(aio_job, 8)
            async for taken in aio_job.handed_over:
                with taken:
                    assert (taken.keys, taken.payload) == (("c",), 8)
                break
            mine = await aio.lock("c")
            waiting = asyncio.ensure_future(mine.lost.wait())
            await asyncio.sleep(0)
            assert await aio.revoke("c") == 1
            assert await asyncio.wait_for(waiting, 30)
            assert await aio_job.close() == 0
            assert await aio.query() == NOTHING

        pid = os.fork()
        if pid == 0:
            try:
                blocking()
                asyncio.run(asynchronous())
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert guard.held and not lost.is_set() and not job.closed
        for expected in ("the parent's", 7):
            with next(inbox) as taken:
                assert taken.payload == expected
        assert space.revoke("a") == 1 and lost.wait(timeout=30)
        assert space.query() == NOTHING
        print("fine")
    """
    fine(code)


def test_sub_spaces() -> None:
    """In the child a sub-space is one of the child's own space."""
    code = """
        import latchwork, os
        sub = latchwork.open().within("t").within(("u", 1))
        guard = sub.lock("a")
        written = sub.set("a", 1)
        watch = sub.watch("a")
        next(watch)
        pid = os.fork()
        if pid == 0:
            try:
                assert not guard.held
                assert sub.get("a").version == 0 and sub.list() == []
                assert sub.try_lock("a").keys == ("a",)
                assert [entry.version for entry in next(watch)] == [0]
                assert [hold.keys for hold in sub.query().held] == []
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        assert guard.held and sub.get("a").version == written.version
        guard.release()
        print("fine")
    """
    fine(code)
