"""What happens to a guard or an owner of the asyncio API, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, Literal

from . import _native

__all__ = ["HandedOver", "Lost"]


class Lost:
    """Whether a lock was taken away while its holder runs; `guard.lost` answers it.

    A lock that is released, handed over or never taken away does not set it. It can be awaited, as its `wait` can.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     guard = await space.lock("report")
    ...     before = guard.lost.is_set()
    ...     await space.revoke("report")
    ...     return before, await guard.lost
    >>> asyncio.run(main())
    (False, True)
    """

    def __init__(self, watch: _native.Lost) -> None:
        self._watch = watch

    def is_set(self) -> bool:
        """Whether it happened."""
        return self._watch.is_set()

    async def wait(self) -> Literal[True]:
        """Wait until it happens. Cancelling it changes nothing."""
        await _told(self._watch)
        return True

    def __await__(self) -> Generator[Any, Any, Literal[True]]:
        return self.wait().__await__()

    def __repr__(self) -> str:
        return f"<latchwork.aio.Lost {'set' if self.is_set() else 'unset'}>"


class HandedOver:
    """The guards that are handed over to an owner; `owner.handed_over` answers it. It ends when the owner is closed.

    Cancelling a wait loses nothing. Of several that wait, the last one is woken.
    """

    def __init__(self, owner: _native.AioOwner) -> None:
        self._owner = owner

    def __aiter__(self) -> HandedOver:
        return self

    async def __anext__(self) -> _native.AioGuard:
        """The next guard."""
        while True:
            # Asked first, so that nothing is missed in between.
            watch = self._owner._watch_handed_over()
            if (guard := self._owner._take_handed_over()) is not None:
                return guard
            if self._owner.closed:
                raise StopAsyncIteration
            await _told(watch)


async def _told(watch: _native.Lost) -> None:
    """Wait on the running loop until it happens."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def tell() -> None:
        if not future.done():
            future.set_result(None)

    def happened() -> None:
        # A loop that was closed has nobody who waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell)

    if watch._tell(happened):
        await future
