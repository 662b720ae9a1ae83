"""The stories of locks with every actor in an event loop of its own, in a thread of its own, each with its control."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import itertools
import random
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import LoopThread, until

NOTHING = Query([], [])
NUMBERS = itertools.count()


class Cast:
    """A named space, and as many loops as there are actors."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.url = f"memory:story-{next(NUMBERS)}"
        self.clock = clock
        self.observer = latchwork.open(self.url, clock=clock)
        self.space = asyncio.run(latchwork.aio.open(self.url, clock=clock))
        self.loops: list[LoopThread] = []

    def actor(self) -> LoopThread:
        self.loops.append(LoopThread())
        return self.loops[-1]

    def together(self, *parts: Coroutine[Any, Any, Any]) -> list[Any]:
        """Each part in a loop of its own, at the same time."""
        playing = [self.actor().start(part) for part in parts]
        return [part.result(60) for part in playing]

    def queue(self, *parts: Coroutine[Any, Any, Any]) -> list[Any]:
        """The same, and each stands in a queue before the next one starts."""
        playing = []
        for part in parts:
            before = self.pending()
            playing.append(self.actor().start(part))
            until(lambda before=before: self.pending() == before + 1)  # type: ignore[misc]
        return playing

    def pending(self) -> int:
        return len(self.observer.query().pending)


@contextlib.contextmanager
def cast(clock: ManualClock | None = None) -> Iterator[Cast]:
    """Actors for one story, after which nothing may be held and nobody may wait."""
    actors = Cast(clock)
    try:
        yield actors
        assert actors.observer.query() == NOTHING
    finally:
        for actor in actors.loops:
            actor.stop()
            actor.loop.close()


async def pause() -> None:
    """Let the own loop and the other threads run."""
    await asyncio.sleep(0)


class Document:
    """A store that loads and saves a whole document."""

    def __init__(self) -> None:
        self.saved: dict[str, Any] = {"pages": ["first"]}

    async def add_page(self, wait: Callable[[], Coroutine[Any, Any, Any]] = pause) -> int:
        document = copy.deepcopy(self.saved)
        await wait()
        document["pages"].append("copy")
        await pause()
        self.saved = document
        return len(document["pages"])


def test_s1_buyer_and_seller() -> None:
    """Both take both users' keys, in opposite orders, a thousand times each."""
    inside = entries = most = 0
    with cast() as actors:

        async def trade(*keys: str) -> None:
            nonlocal inside, entries, most
            for _ in range(1000):
                async with actors.space.lock(*keys):
                    inside += 1
                    entries += 1
                    most = max(most, inside)
                    await pause()
                    inside -= 1

        actors.together(trade("u1", "u2"), trade("u2", "u1"))
        assert (entries, most) == (2000, 1)


def test_s1_control_single_locks_in_opposite_orders() -> None:
    """Without the set each waits for the other, for ever: `query` shows it."""
    with cast() as actors:
        met = threading.Barrier(2)

        async def trade(mine: str, theirs: str) -> None:
            async with actors.space.lock(mine, label=mine):
                met.wait(30)
                async with actors.space.lock(theirs):
                    raise AssertionError("it got through")

        playing = [actors.actor().start(trade(*keys)) for keys in (("u1", "u2"), ("u2", "u1"))]
        until(lambda: actors.pending() == 2)
        blocked = [(wait.keys[0], wait.blocked_by[0].label) for wait in actors.observer.query().pending]
        assert sorted(blocked) == [("u1", "u1"), ("u2", "u2")]
        for part in playing:
            part.cancel()
        until(lambda: actors.observer.query() == NOTHING)


@pytest.mark.parametrize("requests", [50, 200])
def test_s2_duplicate_page_spam(requests: int) -> None:
    """Every request adds its page, one after the other; eight loops share the requests."""
    store = Document()
    answers: list[int] = []
    with cast() as actors:

        async def request() -> None:
            async def body(guard: latchwork.aio.Guard) -> None:
                assert guard.held
                answers.append(await store.add_page())

            await actors.space.with_lock(("document", 1), fn=body)

        async def client(count: int) -> None:
            await asyncio.gather(*(request() for _ in range(count)))

        shares = [requests // 8 + (number < requests % 8) for number in range(8)]
        actors.together(*(client(share) for share in shares))
    assert len(store.saved["pages"]) == requests + 1
    assert answers == list(range(2, requests + 2))


def test_s2_control_without_a_lock() -> None:
    """Pages are lost: two load before either saves."""
    store = Document()
    both = threading.Barrier(2)

    async def loaded() -> None:
        both.wait(30)

    with cast() as actors:
        actors.together(store.add_page(loaded), store.add_page(loaded))
    assert len(store.saved["pages"]) == 2


def test_s2_control_with_a_lock_of_asyncio() -> None:
    """`asyncio.Lock` belongs to the first loop that waits for it, and refuses the others."""
    lock = asyncio.Lock()

    async def take() -> None:
        async with lock:
            await asyncio.Event().wait()

    with cast() as actors:
        holder, second = actors.actor(), actors.actor()
        playing = [holder.start(take()), holder.start(take())]
        until(lambda: lock.locked() and lock._waiters)
        with pytest.raises(RuntimeError, match="different event loop"):
            second.run(take())
        for part in playing:
            part.cancel()
        until(lambda: not lock.locked())


def test_s7_owner_dies() -> None:
    """It lets go of `a`, then its guards are forgotten: those queued on b and c are told, the one on a is not."""
    with cast() as actors, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        owner, waiter = actors.actor(), actors.actor()
        order: list[str] = []

        async def take(*keys: str) -> latchwork.aio.Guard:
            return await actors.space.lock(*keys)

        async def wait(*keys: str) -> bool:
            async with actors.space.lock(*keys) as guard:
                order.append("".join(keys))
                return guard.abandoned

        def start(*keys: str) -> Any:
            before = actors.pending()
            part = waiter.start(wait(*keys))
            until(lambda: actors.pending() == before + 1)
            return part

        def once() -> None:
            order.clear()
            held = {key: owner.run(take(key)) for key in "abc"}
            parts = [start("a"), start("b"), start("c"), start("b", "c")]
            owner.call(held["a"].release)
            assert parts[0].result(30) is False
            held.clear()
            assert [part.result(30) for part in parts[1:]] == [True, True, True]
            assert order[0] == "a" and order[3] == "bc"
            assert actors.observer.query() == NOTHING
            assert waiter.run(wait("b")) is False, "no marks are kept"

        for _ in range(100):
            once()
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(900):
                once()
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] - before < 100_000
        finally:
            tracemalloc.stop()


def test_s7_control_a_lock_without_a_finaliser() -> None:
    """The lock of a thread that died stays locked."""
    lock = threading.Lock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    assert not lock.acquire(blocking=False)


def test_s8_fifo_with_drop_outs() -> None:
    """w2 times out, w4 is cancelled; the others keep their order."""
    clock = ManualClock()
    order: list[str] = []
    with cast(clock) as actors:

        async def wait(name: str) -> None:
            async with actors.space.lock("a", timeout=1 if name == "w2" else None):
                order.append(name)

        with actors.observer.lock("a"):
            playing = actors.queue(*(wait(f"w{number}") for number in range(1, 6)))
            clock.advance(1)
            with pytest.raises(latchwork.LockTimeout):
                playing[1].result(30)
            playing[3].cancel()
            until(lambda: actors.pending() == 3)
        for part in (playing[0], playing[2], playing[4]):
            part.result(30)
        with pytest.raises(CancelledError):
            playing[3].result(30)
        assert order == ["w1", "w3", "w5"]


def test_s8_race_of_release_and_time_out() -> None:
    """One thread releases, another moves the clock: granted or `timeout`, never both or neither."""
    clock = ManualClock()
    came = {"granted": 0, "timeout": 0}
    with cast(clock) as actors:
        holder, ticker = actors.actor(), actors.actor()
        waiter = actors.actor()

        async def take() -> latchwork.aio.Guard:
            return await actors.space.lock("a")

        async def wait() -> str:
            try:
                async with actors.space.lock("a", timeout=1):
                    return "granted"
            except latchwork.LockTimeout:
                return "timeout"

        async def call(function: Callable[[], object]) -> None:
            function()

        for _ in range(1000):
            guard = holder.run(take())
            part = waiter.start(wait())
            until(actors.pending)
            race = [holder.start(call(guard.release)), ticker.start(call(lambda: clock.advance(1)))]
            for runner in race:
                runner.result(30)
            came[part.result(30)] += 1
            free = actors.observer.try_lock("a")
            assert free is not None
            free.release()
    assert sum(came.values()) == 1000


def test_s9_all_or_nothing_is_observable() -> None:
    """While B waits for {k1,k2}, k1 is held by nobody; no snapshot shows half."""
    with cast() as actors:

        async def both() -> None:
            async with actors.space.lock("k1", "k2", label="B"):
                pass

        with actors.observer.lock("k2", label="X"):
            (part,) = actors.queue(both())
            for _ in range(10_000):
                query = actors.observer.query("k1", "k2")
                assert [hold.label for hold in query.held] == ["X"]
                assert [wait.label for wait in query.pending] == ["B"]
        part.result(30)


def test_s9_random_sets_all_finish() -> None:
    """40 tasks in eight loops × 20 rounds on random 3-of-5 keys, and one that wants all five."""
    held: set[int] = set()
    with cast() as actors:

        async def work(seed: int, count: int) -> None:
            rng = random.Random(seed)
            for _ in range(20):
                keys = rng.sample(range(5), count)
                async with actors.space.lock(*keys):
                    assert not held & set(keys)
                    held.update(keys)
                    await pause()
                    held.difference_update(keys)

        async def group(first: int) -> None:
            await asyncio.gather(*(work(first + number, 3) for number in range(5)))

        actors.together(*(group(5 * number) for number in range(8)), work(99, 5))


def test_s10_handle_hygiene() -> None:
    """Guards travel between loops; a stale one touches nothing, and each knows its space."""
    with cast() as actors, cast() as others:
        one, two = actors.actor(), actors.actor()

        async def take(space: latchwork.aio.Space) -> latchwork.aio.Guard:
            return await space.lock("a")

        def release(guard: latchwork.aio.Guard) -> None:
            with pytest.raises(latchwork.NotHeld):
                guard.release()

        guard = one.run(take(actors.space))
        two.call(guard.release)
        newer = two.run(take(actors.space))
        one.call(lambda: release(guard))
        assert newer.held and newer.token > guard.token
        elsewhere = one.run(take(others.space))
        one.call(newer.release)
        assert elsewhere.held and elsewhere.space is others.space
        two.call(elsewhere.release)
