"""The asyncio API with each actor in an event loop of its own, in a thread of its own, on handles that all share."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import latchwork
import latchwork.aio

from loop_thread import LIMIT, LoopThread

from .host import AioHost, AioResult, Outcome, Result

T = TypeVar("T")


class LoopsResult(AioResult):
    """A task of an actor's loop."""

    def __init__(self, kind: str, home: LoopThread) -> None:
        super().__init__(kind)
        self.home = home
        self.given_up = False

    def end(self, answer: Outcome) -> None:
        self.home.call(lambda: self.ended.set_result(answer))

    def cancel(self) -> None:
        self.given_up = True
        self.home.call(super().cancel)

    def done(self) -> bool:
        return self.task is None or self.task.done()

    def waits(self) -> bool:
        return not self.done() and (self.body_guard is None or self.ended.done())


class LoopsHost(AioHost):
    """The asyncio API in several loops at once."""

    name = "python-loops"
    provides = frozenset({"cancel", "cancel-body", "handles", "signed-timeout"})

    def __init__(self) -> None:
        super().__init__()
        self.observer = latchwork.open(self.url, clock=self.clock)
        self.loops: dict[str, LoopThread] = {}
        self.results: list[LoopsResult] = []
        self.actor = ""

    def on(self, actor: str, call: Callable[[], T]) -> T:
        self.actor = actor
        return self.home().call(call)

    def home(self) -> LoopThread:
        """The loop of the actor whose turn it is."""
        if self.actor not in self.loops:
            self.loops[self.actor] = LoopThread()
        return self.loops[self.actor]

    def start(self, kind: str, call: Callable[[AioResult], Coroutine[Any, Any, Any]]) -> Result:
        result = LoopsResult(kind, self.home())
        self.results.append(result)
        return self.begin(result, call)

    async def settle(self) -> None:
        """Wait until every call has ended, runs a body, or stands in `pending`, and what was given up has ended."""
        last = time.monotonic() + LIMIT
        while not self.quiet():
            for loop in self.loops.values():
                loop.call(lambda: None)
            assert time.monotonic() < last, "a call neither ended nor waits"

    def quiet(self) -> bool:
        if any(result.given_up and not result.done() for result in self.results):
            return False
        return sum(result.waits() for result in self.results) == len(self.observer.query().pending)

    def finish(self) -> None:
        for loop in self.loops.values():
            loop.stop()
            loop.loop.close()
