"""Everything at once, across threads and loops and both APIs, with checkers of exclusion and of order."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query

from loop_thread import LoopThread, until

NOTHING = Query([], [])
KEYS = ["a", "b", "c", "d", ("e", 1), 6]


class Checker:
    """Who is inside of what, and the largest token of each key. Every visit tells it; it finds what must not be."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.writers: dict[Any, int] = {}
        self.readers: dict[Any, int] = {}
        self.tokens: dict[Any, int] = {}
        self.visits = 0
        self.wrong: list[str] = []

    @contextlib.contextmanager
    def inside(self, guard: latchwork.Guard | latchwork.aio.Guard) -> Iterator[None]:
        """The holder of a guard is in its block."""
        self.change(guard, 1)
        yield
        self.change(guard, -1)

    def change(self, guard: latchwork.Guard | latchwork.aio.Guard, by: int) -> None:
        with self.mutex:
            for count, keys in ((self.writers, guard.keys), (self.readers, guard.shared)):
                for key in keys:
                    count[key] = count.get(key, 0) + by
            if by < 0:
                return
            self.visits += 1
            for key in guard.keys:
                if self.writers[key] > 1 or self.readers.get(key, 0):
                    self.wrong.append(f"not alone with {key!r}")
                if guard.token <= self.tokens.get(key, 0):
                    self.wrong.append(f"an old token for {key!r}")
            for key in guard.shared:
                if self.writers.get(key, 0):
                    self.wrong.append(f"a reader beside a writer of {key!r}")
            for key in (*guard.keys, *guard.shared):
                self.tokens[key] = max(self.tokens.get(key, 0), guard.token)


def arguments(rng: random.Random) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of some lock call."""
    keys = rng.sample(KEYS, rng.randint(1, 3))
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        options["mode"] = "shared"
    if rng.random() < 0.3:
        options["shared"] = rng.sample(KEYS, 2)
    if rng.random() < 0.2:
        options["timeout"] = rng.choice([0, 0.0005, 5])
    return keys, options


@pytest.fixture(params=[None, 1e-6], ids=["usual", "eager"])
def switching(request: pytest.FixtureRequest) -> Iterator[None]:
    """How soon the interpreter makes threads take turns; eager, it does so in the midst of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param or before)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_exclusion() -> None:
    """Four threads and three loops with four tasks each; some give up, some are cancelled, some forget their guards."""
    url = "memory:stress"
    checker = Checker()
    errors: list[BaseException] = []

    def in_thread(seed: int) -> None:
        rng = random.Random(seed)
        with latchwork.open(url) as space:
            for _ in range(300):
                keys, options = arguments(rng)
                with contextlib.suppress(latchwork.LockTimeout):
                    guard = space.lock(*keys, **options)
                    with checker.inside(guard):
                        time.sleep(0)
                    if rng.random() < 0.95:
                        guard.release()
                    del guard

    async def visit(space: latchwork.aio.Space, rng: random.Random) -> None:
        keys, options = arguments(rng)
        async with space.lock(*keys, **options) as guard:
            with checker.inside(guard):
                time.sleep(0)
            await asyncio.sleep(0)

    async def in_task(space: latchwork.aio.Space, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(150):
            task = asyncio.ensure_future(visit(space, rng))
            for _ in range(rng.randint(0, 4)):
                await asyncio.sleep(0)
            if rng.random() < 0.2:
                task.cancel()
            with contextlib.suppress(latchwork.LockTimeout, asyncio.CancelledError):
                await task

    async def in_loop(seed: int) -> None:
        async with await latchwork.aio.open(url) as space:
            await asyncio.gather(*(in_task(space, seed * 10 + number) for number in range(4)))

    def noting(call: Callable[[], object]) -> Callable[[], None]:
        def noted() -> None:
            try:
                call()
            except BaseException as error:
                errors.append(error)

        return noted

    with latchwork.open(url) as observer, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        calls: list[Callable[[], object]] = [lambda seed=seed: in_thread(seed) for seed in range(4)]  # type: ignore[misc]
        calls += [lambda seed=seed: asyncio.run(in_loop(seed)) for seed in range(4, 7)]  # type: ignore[misc]
        threads = [threading.Thread(target=noting(call)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert errors == []
        assert checker.wrong == []
        assert checker.visits > 1000
        assert observer.query() == NOTHING


def test_checker_sees_faults() -> None:
    """The control: without the lock the same visits are found out."""
    checker = Checker()
    with latchwork.open() as one, latchwork.open() as other:
        with one.lock("a") as first, other.lock("a") as second, checker.inside(first), checker.inside(second):
            pass
        first, second = one.lock("b"), other.lock("b", mode="shared")
        with first, second, checker.inside(first), checker.inside(second):
            pass
    assert checker.wrong == ["not alone with 'a'", "an old token for 'a'", "a reader beside a writer of 'b'"]


@pytest.mark.parametrize("seed", range(5))
def test_order(seed: int) -> None:
    """Waiters of both APIs join one by one, some leave again, one loop is closed under its own: the rest in order."""
    rng = random.Random(seed)
    url = f"memory:order-{seed}"
    served: list[str] = []
    with latchwork.open(url) as observer, LoopThread() as one, LoopThread() as two:
        careless = LoopThread()
        aio = one.run(latchwork.aio.open(url))

        async def in_loop(name: str) -> None:
            async with aio.lock("a", label=name):
                served.append(name)

        def in_thread(name: str) -> None:
            with observer.lock("a", label=name):
                served.append(name)

        def queue() -> list[str | None]:
            return [wait.label for wait in observer.query("a").pending]

        def join(name: str) -> Any:
            place = rng.choice([None, one, two, careless])
            part: Any = threading.Thread(target=in_thread, args=(name,)) if place is None else None
            if place is None:
                part.start()
            else:
                part = place.start(in_loop(name))
            until(lambda: queue()[-1:] == [name])
            return place, part

        with observer.lock("a"):
            joined = {name: join(name) for name in map(str, range(60))}
            assert queue() == list(joined)
            gone = {name for name, (place, _) in joined.items() if place in (one, two) and rng.random() < 0.3}
            for name in gone:
                joined[name][1].cancel()
            until(lambda: queue() == [name for name in joined if name not in gone])
            careless.stop()
            # Its tasks are lost, which asyncio would log.
            careless.loop.set_exception_handler(lambda loop, context: None)
            careless.loop.close()
        stay = [name for name, (place, _) in joined.items() if place is not careless and name not in gone]
        until(lambda: len(served) == len(stay))
        assert served == stay
        for place, part in joined.values():
            if place is None:
                part.join(30)
        until(lambda: observer.query() == NOTHING)
