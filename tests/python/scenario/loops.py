"""The asyncio API with each actor in an event loop of its own, in a thread of its own, on handles that all share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import latchwork
import latchwork.aio

from loop_thread import LIMIT, LoopThread

from .calls import Body, Outcome
from .host import AioHost, AioResult
from .quiet import quiet
from .watches import Watched

T = TypeVar("T")

HOPS = 4
"""So many turns of a loop lie between the end of a call and that of its body: told, interrupted, raised, ended."""


class LoopsResult(AioResult):
    """A task of an actor's loop."""

    def __init__(
        self,
        host: LoopsHost,
        kind: str,
        takes_for: latchwork.aio.Owner | None,
        reads: Watched | None,
    ) -> None:
        super().__init__(host.changes, kind, takes_for, reads)
        self.home = host.home()
        self.given_up = False

    def end(self, answer: Outcome) -> None:
        self.home.call(lambda: self.ended.set_result(answer))

    def cancel(self) -> None:
        self.given_up = True
        self.home.call(super().cancel)

    def leaves(self) -> bool:
        """Whether it was given up and has not ended yet."""
        return self.given_up and self.task is not None and not self.task.done()


class LoopsHost(AioHost):
    """The asyncio API in several loops at once."""

    name = "python-loops"
    provides = frozenset({"cancel", "cancel-body", "handles", "signed-timeout", "cells", "transactions", "interrupt"})

    def __init__(self, limits: dict[str, Any]) -> None:
        super().__init__(limits)
        self.observer = latchwork.open(self.url, clock=self.clock, **limits)
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

    def new_result(
        self, kind: str, takes_for: latchwork.aio.Owner | None = None, reads: Watched | None = None
    ) -> AioResult:
        result = LoopsResult(self, kind, takes_for, reads)
        self.results.append(result)
        return result

    def may_be_on_its_way(self, result: Any) -> bool:
        """What waits after `retry` stands nowhere."""
        return bool(result.sleeps())

    async def settle(self) -> None:
        """Wait until every call has ended, runs a body, stands in `pending`, waits for a hand-over or for a state."""
        last = time.monotonic() + LIMIT
        if any(isinstance(result.body_guard, Body) for result in self.results):
            # A body whose call has ended looks like any other: what was sent to its loop before now arrives first.
            for _ in range(HOPS):
                for loop in self.loops.values():
                    loop.call(lambda: None)
        while any(result.leaves() for result in self.results) or not quiet(self.results, self.observer):
            for loop in self.loops.values():
                loop.call(lambda: None)
            assert time.monotonic() < last, "a call neither ended nor waits"

    def finish(self) -> None:
        for loop in self.loops.values():
            loop.stop()
            loop.loop.close()
