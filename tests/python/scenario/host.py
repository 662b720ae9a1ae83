"""What the runner asks of an API: one class for each of the two."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import latchwork
import latchwork.aio
from latchwork.testing import ManualClock

T = TypeVar("T")

Outcome = dict[str, Any]
"""What a call came to: a dict with one field, as the files write it."""

NUMBERS = itertools.count()


class Result(Protocol):
    """A call that was made and may still wait."""

    def now(self) -> Outcome:
        """What it is now."""

    def guard(self) -> Any:
        """Its guard, or that of its body."""

    def end(self, answer: Outcome) -> None:
        """Let the body of a `with_lock` end."""

    def cancel(self) -> None:
        """Give the call up."""


class BodyError(Exception):
    """What the body of a `with_lock` raises when a file says so."""


def settled(call: Callable[[], Any]) -> Outcome:
    """What a call that ended came to, apart from its value."""
    try:
        value = call()
    except latchwork.LatchworkError as error:
        return {"error": error}
    except asyncio.CancelledError:
        return {"cancelled": {}}
    except BodyError as error:
        return {"threw": str(error)}
    return {"value": value}


class AioResult:
    """A task, or the answer of a call that was made within a turn."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.task: asyncio.Task[Any] | None = None
        self.answer: Outcome = {}
        self.body_guard: Any = None
        self.ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def now(self) -> Outcome:
        if self.task is None:
            outcome = self.answer
        elif self.task.done():
            outcome = settled(self.task.result)
        else:
            return {"running": self.body_guard} if self.body_guard else {"pending": {}}
        return named(self.kind, outcome)

    def guard(self) -> Any:
        return self.body_guard or self.now()["granted"]

    async def body(self, guard: Any) -> Any:
        self.body_guard = guard
        return answer(await self.ended)

    def end(self, answer: Outcome) -> None:
        self.ended.set_result(answer)

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class AioHost:
    """The asyncio API: every call that may wait is a task of one loop."""

    name = "python"
    provides = frozenset({"cancel", "cancel-body", "turn", "handles", "signed-timeout"})

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.url = f"memory:scenario-{next(NUMBERS)}"

    def on(self, actor: str, call: Callable[[], T]) -> T:
        """Let an actor make a call."""
        return call()

    def finish(self) -> None:
        """The run is over."""

    async def open(self) -> latchwork.aio.Space:
        return await latchwork.aio.open(self.url, clock=self.clock)

    def lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        async def call() -> Any:
            return await space.lock(*keys, **options)

        return self.start("lock", lambda result: call())

    def with_lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("withLock", lambda result: space.with_lock(*keys, fn=result.body, **options))

    def start(self, kind: str, call: Callable[[AioResult], Coroutine[Any, Any, Any]]) -> Result:
        return self.begin(AioResult(kind), call)

    def begin(self, result: AioResult, call: Callable[[AioResult], Coroutine[Any, Any, Any]]) -> Result:
        result.task = asyncio.ensure_future(call(result))
        return result

    def try_lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        result = AioResult("tryLock")
        result.answer = settled(lambda: at_once(space.try_lock(*keys, **options)))
        return result

    def query(self, space: latchwork.aio.Space, keys: list[Any]) -> latchwork.Query:
        query: latchwork.Query = at_once(space.query(*keys))
        return query

    def close(self, space: latchwork.aio.Space) -> None:
        at_once(space.close())

    async def settle(self) -> None:
        """Run the loop until nothing is ready in it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        while loop._ready:  # type: ignore[attr-defined]
            await asyncio.sleep(0)


class BlockingResult:
    """A call in a thread of its own."""

    def __init__(self, host: BlockingHost, kind: str) -> None:
        self.host = host
        self.kind = kind
        self.outcome: Outcome = {}
        self.body_guard: Any = None
        self.ended = threading.Event()
        self.answer: Outcome = {}

    def run(self, call: Callable[[], Any]) -> None:
        outcome = settled(call)
        with self.host.changed:
            self.outcome = outcome
            self.host.changed.notify()

    def now(self) -> Outcome:
        if self.outcome:
            return named(self.kind, self.outcome)
        return {"running": self.body_guard} if self.body_guard else {"pending": {}}

    def guard(self) -> Any:
        return self.body_guard or self.now()["granted"]

    def body(self, guard: Any) -> Any:
        with self.host.changed:
            self.body_guard = guard
            self.host.changed.notify()
        self.ended.wait()
        return answer(self.answer)

    def end(self, answer: Outcome) -> None:
        self.answer = answer
        self.ended.set()

    def cancel(self) -> None:
        raise AssertionError("a blocking call cannot be cancelled")

    def waits(self) -> bool:
        return not self.outcome and (self.body_guard is None or self.ended.is_set())


class BlockingHost:
    """The blocking API: every call that may wait is a thread."""

    name = "python-blocking"
    provides = frozenset({"handles", "signed-timeout"})

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.url = f"memory:scenario-{next(NUMBERS)}"
        self.observer = latchwork.open(self.url, clock=self.clock)
        self.changed = threading.Condition()
        self.results: list[BlockingResult] = []

    def on(self, actor: str, call: Callable[[], T]) -> T:
        """Let an actor make a call."""
        return call()

    def finish(self) -> None:
        """The run is over."""

    async def open(self) -> latchwork.Space:
        return latchwork.open(self.url, clock=self.clock)

    def lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("lock", lambda result: space.lock(*keys, **options))

    def with_lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("withLock", lambda result: space.with_lock(*keys, fn=result.body, **options))

    def start(self, kind: str, call: Callable[[BlockingResult], Any]) -> Result:
        result = BlockingResult(self, kind)
        self.results.append(result)
        threading.Thread(target=result.run, args=(lambda: call(result),), daemon=True).start()
        return result

    def try_lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        result = BlockingResult(self, "tryLock")
        result.run(lambda: space.try_lock(*keys, **options))
        return result

    def query(self, space: latchwork.Space, keys: list[Any]) -> latchwork.Query:
        return space.query(*keys)

    def close(self, space: latchwork.Space) -> None:
        space.close()

    async def settle(self) -> None:
        """Wait until every thread has returned, runs a body, or stands in `pending`."""
        last = time.monotonic() + 20
        with self.changed:
            while sum(result.waits() for result in self.results) != len(self.observer.query().pending):
                self.changed.wait(0.001)
                assert time.monotonic() < last, "a thread neither returned nor waits"


Host = AioHost | BlockingHost


def at_once(call: Awaitable[Any]) -> Any:
    """The answer of a coroutine that never waits, within the turn of its caller."""
    steps = call.__await__()
    try:
        next(steps)
    except StopIteration as answer:
        return answer.value
    raise AssertionError("the call waited")


def answer(end: Outcome) -> Any:
    """What a body does at its end."""
    if "throw" in end:
        raise BodyError(end["throw"])
    return end["return"]


def named(kind: str, outcome: Outcome) -> Outcome:
    """The value of a call by the name that it has for this kind of call."""
    if "value" not in outcome:
        return outcome
    value = outcome["value"]
    if kind == "withLock":
        return {"returned": value}
    return {"none": {}} if value is None else {"granted": value}
