"""The blocking API: every call that may wait is a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import latchwork
from latchwork.testing import ManualClock

from loop_thread import until

from .calls import CALLS, Body, Outcome, Seen, answered
from .changes import Changes
from .host import NUMBERS, Result, answer, named, settled
from .quiet import quiet
from .watches import Watched

T = TypeVar("T")


class BlockingResult:
    """A call in a thread of its own."""

    def __init__(
        self,
        host: BlockingHost,
        kind: str,
        takes_for: latchwork.Owner | None = None,
        reads: Watched | None = None,
    ) -> None:
        self.host = host
        self.kind = kind
        self.takes_for = takes_for
        self.reads = reads
        self.outcome: Outcome = {}
        self.body_guard: Any = None
        self.ended = threading.Event()
        self.answer: Outcome = {}
        self.runs = 0
        self.tx: Any = None
        self.retried = False
        self.outer: Result | None = None
        self.seen: list[Seen] = []

    def run(self, call: Callable[[], Any]) -> None:
        outcome = settled(call)
        with self.host.change():
            self.outcome = outcome

    def now(self) -> Outcome:
        if self.outcome:
            return named(self.kind, self.outcome)
        return {"running": self.body_guard} if self.body_guard else {"pending": {}}

    def guard(self) -> Any:
        return self.body_guard or self.now()["granted"]

    def body(self, guard: Any) -> Any:
        with self.host.change():
            self.body_guard = guard
        self.ended.wait()
        return answer(self.answer)

    def function(self, value: Any, entry: latchwork.Entry) -> Any:
        """The function of an update."""
        return self.run_body(entry)

    def transaction(self, tx: latchwork.Transaction) -> Any:
        """The body of a transaction, or of a savepoint."""
        self.tx = tx
        return self.run_body(None)

    def run_body(self, entry: latchwork.Entry | None) -> Any:
        """Wait until the body is to end."""
        with self.host.change():
            self.runs += 1
            self.retried, self.seen = False, []
            self.ended = threading.Event()
            self.body_guard = Body(self.runs if self.tx is None else self.tx.attempt, entry)
        self.ended.wait()
        with self.host.change():
            self.body_guard = None
        return answered(self.answer)

    def end(self, answer: Outcome) -> None:
        self.answer = answer
        self.ended.set()

    def cancel(self) -> None:
        raise AssertionError("a blocking call cannot be cancelled")

    def sleeps(self) -> bool:
        return self.retried and self.ended.is_set() and not self.outcome

    def waits(self) -> bool:
        return not self.outcome and (self.body_guard is None or self.ended.is_set())


class BlockingHost:
    """The blocking API: every call that may wait is a thread."""

    name = "python-blocking"
    provides = frozenset({"handles", "signed-timeout", "cells", "transactions"})

    def __init__(self, limits: dict[str, Any]) -> None:
        self.clock = ManualClock()
        self.limits = limits
        self.url = f"memory:scenario-{next(NUMBERS)}"
        self.observer = latchwork.open(self.url, clock=self.clock, **limits)
        self.changes = Changes()
        self.moving = threading.Lock()
        """What came of calls does not change while somebody has it."""
        self.results: list[BlockingResult] = []

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Change what came of a call, and tell of it."""
        with self.moving:
            yield
        self.changes.tell()

    def on(self, actor: str, call: Callable[[], T]) -> T:
        """Let an actor make a call."""
        return call()

    def finish(self) -> None:
        """The run is over."""

    async def open(self) -> latchwork.Space:
        return latchwork.open(self.url, clock=self.clock, **self.limits)

    def lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("lock", lambda result: space.lock(*keys, **options))

    def with_lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        return self.start("withLock", lambda result: space.with_lock(*keys, fn=result.body, **options))

    def handed_over(self, owner: latchwork.Owner) -> Result:
        def call() -> latchwork.Guard:
            for guard in owner.handed_over:
                return guard
            raise latchwork.Cancelled("the owner is closed")

        return self.begin(BlockingResult(self, "handedOver", owner), lambda result: call())

    def next(self, watched: Watched) -> Result:
        def call() -> Any:
            for entries in watched.states:
                return entries
            return None

        return self.begin(BlockingResult(self, "next", reads=watched), lambda result: call())

    def answer(self, call: Any) -> Any:
        """What a call that never waits comes to."""
        return call

    def start(self, kind: str, call: Callable[[BlockingResult], Any]) -> Result:
        return self.begin(BlockingResult(self, kind), call)

    def begin(self, result: BlockingResult, call: Callable[[BlockingResult], Any]) -> Result:
        self.results.append(result)
        threading.Thread(target=result.run, args=(lambda: call(result),), daemon=True).start()
        return result

    def try_lock(self, space: latchwork.Space, keys: list[Any], options: dict[str, Any]) -> Result:
        result = BlockingResult(self, "tryLock")
        self.results.append(result)
        result.run(lambda: space.try_lock(*keys, **options))
        return result

    def may_be_on_its_way(self, result: Any) -> bool:
        """A call that was told of its end waits in the query until its thread runs; after `retry` it stands nowhere."""
        return bool(result.sleeps()) or (result.kind in CALLS and result.waits())

    def update(self, space: latchwork.Space, key: Any, options: dict[str, Any]) -> Result:
        return self.start("update", lambda result: space.update(key, result.function, **options))

    def transact(self, space: latchwork.Space, options: dict[str, Any]) -> Result:
        return self.start("transact", lambda result: space.transact(result.transaction, **options))

    def savepoint(self, tx: latchwork.Transaction) -> Result:
        return self.start("savepoint", lambda result: tx.transact(result.transaction))

    def query(self, space: latchwork.Space, keys: list[Any]) -> latchwork.Query:
        return space.query(*keys)

    def revoke(self, space: latchwork.Space, keys: list[Any]) -> int:
        return space.revoke(*keys)

    def hand_over(self, guard: latchwork.Guard, to: latchwork.Owner | str, payload: Any) -> bool:
        return guard.hand_over(to, payload).delivered

    def close_owner(self, owner: latchwork.Owner) -> int:
        return owner.close()

    def close(self, space: latchwork.Space) -> None:
        space.close()

    async def settle(self) -> None:
        """Wait until every thread has returned, runs a body, stands in `pending`, or waits for something else."""

        def are_quiet() -> bool:
            with self.moving:
                return quiet(self.results, self.observer)

        until(are_quiet, "a thread neither returned nor waits")
