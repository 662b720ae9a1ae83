"""Watching cells on the blocking API: states, ends, threads, expiry (C13)."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry
from latchwork.testing import ManualClock

from child import fine
from loop_thread import LIMIT


def values(entries: list[Entry]) -> list[Any]:
    """What is in the cells."""
    return [entry.value for entry in entries]


def test_whole_states_in_order() -> None:
    """The first at once, those in between skipped, the last not; in the order asked, as often as asked."""
    with latchwork.open() as space:
        watch = space.watch("b", "a", "b")
        assert values(next(watch)) == [None, None, None]
        for number in range(5):
            space.set("a", number)
        space.atomic().set("a", "x").set("b", "y").commit()
        state = next(watch)
        assert [entry.key for entry in state] == ["b", "a", "b"]
        assert values(state) == ["y", "x", "y"]
        assert state[0].version == state[1].version
        space.set("a", "x")
        # An equal value is a change.
        assert next(watch)[1].version > state[1].version
        space.delete("a")
        assert [entry.version > 0 for entry in next(watch)] == [True, False, True]
        assert next(space.watch()) == []


def test_a_prefix() -> None:
    """The present entries, in key order; what is outside is no change."""
    with latchwork.open() as space:
        space.set(("user", 2), "b")
        watch = space.watch(prefix=("user",))
        assert values(next(watch)) == ["b"]
        space.set(("users", 1), "other")
        space.set(("user", 1), "a")
        assert values(next(watch)) == ["a", "b"]
        assert space.delete_all(prefix=("user",)) == [("user", 1), ("user", 2)]
        assert next(watch) == []


def test_a_state_is_the_readers_own() -> None:
    """Also that of two watches (C15)."""
    with latchwork.open() as space:
        space.set("a", [])
        one, two = space.watch("a"), space.watch("a")
        next(one)[0].value.append(1)
        assert values(next(two)) == [[]] == values(space.get_many("a"))


def test_it_waits_while_other_threads_write() -> None:
    """Every reader in a thread sees the last state, and none an older one after a newer."""
    with latchwork.open() as space, ThreadPoolExecutor(8) as pool:
        begun = threading.Barrier(5)

        def read() -> list[int]:
            seen: list[int] = []
            begun.wait()
            for [entry] in space.watch("count"):
                seen.append(entry.version)
                if entry.value == 600:
                    return seen
            raise AssertionError("it ended")

        def count() -> None:
            for _ in range(200):
                entry = space.get("count")
                while not (result := space.compare_exchange(entry, (entry.value or 0) + 1)):
                    entry = result.entry

        readers = [pool.submit(read) for _ in range(4)]
        begun.wait()
        writers = [pool.submit(count) for _ in range(3)]
        for writer in writers:
            writer.result(LIMIT)
        for reader in readers:
            seen = reader.result(LIMIT)
            assert seen == sorted(set(seen))


def test_one_reader_at_a_time() -> None:
    """A second one is refused while the first one waits; afterwards any thread may read."""
    with latchwork.open() as space, ThreadPoolExecutor(2) as pool:
        watch = space.watch("a")
        next(watch)
        both = [pool.submit(next, watch) for _ in range(2)]
        refused, waiting = wait(both, LIMIT, FIRST_COMPLETED)
        error = refused.pop().exception()
        assert isinstance(error, latchwork.Invalid) and error.what == "watch"
        space.set("a", 1)
        assert values(waiting.pop().result(LIMIT)) == [1]
        space.set("a", 2)
        assert values(pool.submit(next, watch).result(LIMIT)) == [2]


@pytest.mark.parametrize("how", ["close", "with"])
def test_its_end(how: str) -> None:
    """Ends whoever waits, and whoever comes later, without an error."""
    with latchwork.open() as space, ThreadPoolExecutor(2) as pool:
        watch = space.watch("a")
        next(watch)
        # Two that wait are one too many: the refusal of one shows that the other one waits.
        refused, waiting = wait([pool.submit(list, watch) for _ in range(2)], LIMIT, FIRST_COMPLETED)
        assert isinstance(refused.pop().exception(), latchwork.Invalid)
        if how == "with":
            with watch:
                pass
        else:
            watch.close()
            watch.close()
        assert waiting.pop().result(LIMIT) == []
        assert list(watch) == [] and repr(watch) == "<latchwork.Watch ('a',) closed>"
        space.set("a", 1)
        assert next(watch, None) is None


def test_its_end_before_it_began() -> None:
    """It has no states then."""
    with latchwork.open() as space:
        watch = space.watch("a")
        watch.close()
        assert list(watch) == []


def test_the_end_of_the_space() -> None:
    """Raises `Closed`, also in a thread that waits; then it is at its end."""
    with latchwork.open("memory:end") as other, ThreadPoolExecutor(1) as pool:
        space = latchwork.open("memory:end")
        watch, late = space.watch("a"), space.watch("a")
        next(watch)
        waiting = pool.submit(next, watch)
        space.close()
        with pytest.raises(latchwork.Closed):
            waiting.result(LIMIT)
        with pytest.raises(latchwork.Closed):
            next(late)
        assert list(watch) == list(late) == []
        # Closing one handle is not the end of the others.
        assert values(next(other.watch("a"))) == [None]


def test_a_loop_that_breaks_ends_it() -> None:
    """Nothing is left of it, and a slow reader costs no memory."""
    with latchwork.open() as space:
        watch = space.watch("a")
        dead = weakref.ref(watch)
        for _ in watch:
            break
        for number in range(1000):
            space.set("a", number)
        assert values(next(watch)) == [999]
        del watch
        gc.collect()
        assert dead() is None


def test_expiry_is_told() -> None:
    """At the tick of a manual clock; a later one does not come by itself."""
    clock = ManualClock()
    with latchwork.open(clock=clock) as space:
        watch = space.watch("a", "b")
        space.set("a", 1, expire_in=1)
        space.set("b", 2, expire_in=2)
        assert [entry.expires_in for entry in next(watch)] == [1, 2]
        clock.advance(1)
        assert values(next(watch)) == [None, 2]
        clock.advance(1)
        assert values(next(watch)) == [None, None]


@pytest.mark.parametrize("api", ["blocking", "aio"])
def test_expiry_on_the_hosts_clock(api: str) -> None:
    """The timer of the space tells it, whichever API set the cell: nobody else comes by."""
    with latchwork.open("memory:timer") as space:
        watch = space.watch("a")
        if api == "blocking":
            space.set("a", 1, expire_in=0.02)
        else:
            other = drive(latchwork.aio.open("memory:timer"))
            drive(other.atomic().set("a", 1, expire_in=0.02).commit())
            drive(other.close())
        states = [values(next(watch))]
        if states == [[1]]:
            states.append(values(next(watch)))
        assert states[-1] == [None]


def drive(call: Any) -> Any:
    """The answer of a coroutine that never waits."""
    try:
        call.send(None)
    except StopIteration as answer:
        return answer.value
    raise AssertionError("it waited")


def test_a_handler_of_a_signal_ends_a_wait() -> None:
    """As Ctrl-C does on the main thread; the watch goes on afterwards."""
    code = """
        import latchwork, os, signal, threading
        # What runs in the background of a shell ignores it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        space = latchwork.open()
        watch = space.watch("a")
        next(watch)
        waits = threading.Event()
        def interrupt():
            waits.wait()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        try:
            waits.set()
            next(watch)
        except KeyboardInterrupt:
            space.set("a", 1)
            [entry] = next(watch)
            assert entry.value == 1
            print("fine")
    """
    fine(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_fork() -> None:
    """The child watches its own space from the beginning, though a thread of the parent's waits in the watch."""
    code = """
        import gc, latchwork, latchwork.aio, asyncio, os, threading, traceback, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        space = latchwork.open("memory:f")
        space.set("a", "of the parent", expire_in=3600)
        entry = space.get("a")
        guard = space.lock("a")
        batch = space.atomic().set("b", 1).guard(guard)
        watch, idle, forgotten = space.watch("a"), space.watch(prefix="a"), space.watch("a")
        next(idle), next(watch), next(forgotten)
        async def first(watch): return await anext(watch)
        aio = asyncio.run(latchwork.aio.open("memory:f"))
        states = aio.watch("a")
        assert asyncio.run(first(states))[0].value == "of the parent"
        seen, refused = [], threading.Event()
        def read():
            try:
                seen.extend(next(watch))
            except latchwork.Invalid:
                refused.set()
        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads: thread.start()
        # One of two is refused, since the other one waits.
        refused.wait()
        pid = os.fork()
        if pid == 0:
            try:
                assert space.get("a").version == 0 and space.list() == []
                for own in (watch, idle):
                    assert [each.version for each in next(own)] in ([0], [])
                assert asyncio.run(first(states))[0].version == 0
                for call in (lambda: batch.commit(), lambda: space.set("a", 1, guard=guard)):
                    try:
                        call()
                    except latchwork.Fenced:
                        continue
                    raise AssertionError("not fenced")
                assert not space.compare_exchange(entry, 1)
                space.set("a", "of the child")
                assert [each.value for each in next(watch)] == ["of the child"]
                assert asyncio.run(first(states))[0].value == "of the child"
                watch.close()
                assert list(watch) == []
                del forgotten, idle, states
                gc.collect()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        assert space.get("a") == entry
        assert batch.commit()
        space.set("a", "later")
        for thread in threads: thread.join()
        assert [each.value for each in seen] == ["later"]
        guard.release()
        print("fine")
    """
    fine(code)
