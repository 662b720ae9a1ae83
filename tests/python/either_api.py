"""One test for both APIs: it awaits what asyncio's answers, and takes what the blocking one answers as it is."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from types import ModuleType
from typing import Any, TypeVar

import latchwork
import latchwork.aio
import pytest

T = TypeVar("T")

Body = Callable[[ModuleType], Coroutine[Any, Any, None]]

APIS = {"blocking": latchwork, "aio": latchwork.aio}


async def done(answer: Awaitable[T] | T) -> Any:
    """What a call of either API comes to."""
    return await answer if inspect.isawaitable(answer) else answer


def either(body: Body) -> Any:
    """Run a test with each API, in an event loop."""

    @pytest.mark.parametrize("api", APIS)
    def run(api: str) -> None:
        asyncio.run(body(APIS[api]))

    run.__doc__ = body.__doc__
    run.__name__ = body.__name__
    return run


def plain(api: ModuleType, body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A body written once, for both APIs: the blocking one runs it at once."""
    if api is latchwork.aio:
        return body

    def run(tx: Any) -> Any:
        coroutine = body(tx)
        try:
            while True:
                coroutine.send(None)
        except StopIteration as end:
            return end.value

    return run


async def transact(api: ModuleType, space: Any, body: Callable[[Any], Any], **options: Any) -> Any:
    """One transaction of either API."""
    return await done(space.transact(plain(api, body), **options))
