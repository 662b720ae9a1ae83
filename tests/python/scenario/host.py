"""What the runner asks of an API, and the asyncio API in one loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import latchwork
import latchwork.aio
from latchwork.testing import ManualClock

from .calls import Body, BodyError, Outcome, Seen, answered, done
from .changes import Changes
from .watches import Watched

T = TypeVar("T")

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

    def waits(self) -> bool:
        """Whether it waits for somebody, or is on its way."""

    def sleeps(self) -> bool:
        """Whether it waits, after `retry`, for a change, which is seen nowhere."""

    tx: Any
    """The handle of its body, if it is a transaction."""

    retried: bool
    """Whether its body has called `retry`."""

    outer: Result | None
    """The transaction that it is a savepoint of, if it is one."""

    seen: list[Seen]
    """What its body has read."""

    takes_for: Any
    """The owner whose guards it waits for, if it is a wait for a hand-over."""

    reads: Watched | None
    """The watch whose next state it waits for, if it does."""


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

    def __init__(
        self,
        changes: Changes,
        kind: str,
        takes_for: latchwork.aio.Owner | None = None,
        reads: Watched | None = None,
    ) -> None:
        self.changes = changes
        self.kind = kind
        self.takes_for = takes_for
        self.reads = reads
        self.task: asyncio.Task[Any] | None = None
        self.answer: Outcome = {}
        self.body_guard: Any = None
        self.ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.runs = 0
        self.tx: Any = None
        self.retried = False
        self.outer: Result | None = None
        self.seen: list[Seen] = []

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
        self.changes.tell()
        return answer(await self.ended)

    async def function(self, value: Any, entry: latchwork.Entry) -> Any:
        """The function of an update."""
        return await self.run(entry)

    async def transaction(self, tx: Any) -> Any:
        """The body of a transaction, or of a savepoint."""
        self.tx = tx
        return await self.run(None)

    async def run(self, entry: latchwork.Entry | None) -> Any:
        self.runs += 1
        self.retried, self.seen = False, []
        self.ended = asyncio.get_running_loop().create_future()
        self.body_guard = Body(self.runs if self.tx is None else self.tx.attempt, entry)
        self.changes.tell()
        try:
            return answered(await self.ended)
        finally:
            self.body_guard = None
            self.changes.tell()

    def sleeps(self) -> bool:
        """Whether it waits, after `retry`, for a change, which is seen nowhere."""
        return self.retried and self.body_guard is None and self.task is not None and not self.task.done()

    def end(self, answer: Outcome) -> None:
        self.ended.set_result(answer)

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def waits(self) -> bool:
        if self.task is None or self.task.done():
            return False
        return self.body_guard is None or self.ended.done()


class AioHost:
    """The asyncio API: every call that may wait is a task of one loop."""

    name = "python"
    provides = frozenset(
        {"cancel", "cancel-body", "turn", "handles", "signed-timeout", "cells", "transactions", "interrupt"}
    )

    def __init__(self, limits: dict[str, Any]) -> None:
        self.clock = ManualClock()
        self.changes = Changes()
        self.limits = limits
        self.url = f"memory:scenario-{next(NUMBERS)}"

    def on(self, actor: str, call: Callable[[], T]) -> T:
        """Let an actor make a call."""
        return call()

    def finish(self) -> None:
        """The run is over."""

    async def open(self) -> latchwork.aio.Space:
        return await latchwork.aio.open(self.url, clock=self.clock, **self.limits)

    def lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        async def call() -> Any:
            return await space.lock(*keys, **options)

        return self.start("lock", lambda result: call())

    def with_lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("withLock", lambda result: space.with_lock(*keys, fn=result.body, **options))

    def handed_over(self, owner: latchwork.aio.Owner) -> Result:
        async def call() -> latchwork.aio.Guard:
            async for guard in owner.handed_over:
                return guard
            raise latchwork.Cancelled("the owner is closed")

        return self.begin(self.new_result("handedOver", owner), lambda result: call())

    def next(self, watched: Watched) -> Result:
        async def call() -> Any:
            async for entries in watched.states:
                return entries
            return None

        return self.begin(self.new_result("next", reads=watched), lambda result: call())

    def start(self, kind: str, call: Callable[[AioResult], Coroutine[Any, Any, Any]]) -> Result:
        return self.begin(self.new_result(kind), call)

    def new_result(
        self, kind: str, takes_for: latchwork.aio.Owner | None = None, reads: Watched | None = None
    ) -> AioResult:
        return AioResult(self.changes, kind, takes_for, reads)

    def begin(self, result: AioResult, call: Callable[[AioResult], Coroutine[Any, Any, Any]]) -> Result:
        result.task = asyncio.ensure_future(call(result))
        result.task.add_done_callback(lambda task: self.changes.tell())
        return result

    def try_lock(self, space: latchwork.aio.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        result = self.new_result("tryLock")
        result.answer = settled(lambda: at_once(space.try_lock(*keys, **options)))
        return result

    def may_be_on_its_way(self, result: Any) -> bool:
        """Whether nobody can tell if it waits or goes on: in one loop that has nothing ready, it waits."""
        return False

    def update(self, space: latchwork.aio.Space, key: Any, options: dict[str, Any]) -> Result:
        return self.start("update", lambda result: space.update(key, result.function, **options))

    def transact(self, space: latchwork.aio.Space, options: dict[str, Any]) -> Result:
        return self.start("transact", lambda result: space.transact(result.transaction, **options))

    def savepoint(self, tx: latchwork.aio.Transaction) -> Result:
        return self.start("savepoint", lambda result: tx.transact(result.transaction))

    def query(self, space: latchwork.aio.Space, keys: list[Any]) -> latchwork.Query:
        query: latchwork.Query = at_once(space.query(*keys))
        return query

    def revoke(self, space: latchwork.aio.Space, keys: list[Any]) -> int:
        count: int = at_once(space.revoke(*keys))
        return count

    def hand_over(self, guard: latchwork.aio.Guard, to: latchwork.aio.Owner | str, payload: Any) -> bool:
        return bool(at_once(guard.hand_over(to, payload)))

    def close_owner(self, owner: latchwork.aio.Owner) -> int:
        count: int = at_once(owner.close())
        return count

    def close(self, space: latchwork.aio.Space) -> None:
        at_once(space.close())

    def answer(self, call: Any) -> Any:
        """What a call that never waits comes to."""
        return at_once(call)

    async def settle(self) -> None:
        """Run the loop until nothing is ready in it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        while loop._ready:  # type: ignore[attr-defined]
            await asyncio.sleep(0)


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
    if kind in ("update", "transact", "savepoint"):
        return done(kind, value)
    if kind == "next":
        return {"ended": {}} if value is None else {"entries": value}
    return {"none": {}} if value is None else {"granted": value}
