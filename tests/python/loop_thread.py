"""Event loops in threads of their own, and waiting for what other threads do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from typing_extensions import Self

T = TypeVar("T")

LIMIT = 30
"""So many seconds a test waits for another thread, before it fails."""


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait for it here."""
        return self.start(call).result(LIMIT)

    def start(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it there."""
        return asyncio.run_coroutine_threadsafe(call, self.loop)

    def call(self, function: Callable[[], T]) -> T:
        """Call it there, in a task, and wait for it here."""
        if threading.current_thread() is self.thread:
            return function()

        async def called() -> T:
            return function()

        return self.run(called())

    def stop(self) -> None:
        """End the loop without a look at its tasks, as a careless program does."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.loop.close()


def until(condition: Callable[[], object], otherwise: str = "it never came true") -> None:
    """Wait for other threads, where nobody tells of what they do."""
    last = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < last, otherwise
        time.sleep(0)
