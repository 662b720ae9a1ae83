"""The asyncio API: the same spaces, guards and errors, awaited.

>>> import asyncio, latchwork.aio
>>> async def main():
...     space = await latchwork.aio.open()
...     async with space.lock("account-1", ("user", 7)) as guard:
...         return guard.keys
>>> asyncio.run(main())
('account-1', ('user', 7))

A space may be used by several event loops, in any threads. Nothing is tied to the loop that used it first.
"""

from __future__ import annotations

from ._native import AioGuard as Guard
from ._native import AioSpace as Space
from ._native import ManualClock
from .lock_request import LockRequest

__all__ = ["Guard", "LockRequest", "Space", "open"]


async def open(url: str | None = None, *, clock: ManualClock | None = None) -> Space:
    """Open a space for asyncio.

    Without a URL the space is private to this handle. ``"memory:orders"`` names one space of this process: every
    call with that URL gives another handle on it, in every thread and event loop and for both APIs. A named space
    ends with its last handle.

    Close the handle when it is no longer needed; the preferred way is ``async with``:

    >>> import asyncio
    >>> async def main():
    ...     async with await open("memory:orders") as space:
    ...         return space.epoch > 0
    >>> asyncio.run(main())
    True

    After `os.fork` the child starts clean: handles open their spaces anew there, with nothing held, and guards of the
    parent are not held in the child.

    `clock` is a `latchwork.testing.ManualClock`, for tests.

    Raises `Invalid` if the URL has an unknown scheme or an empty name.
    """
    return Space(url, clock=clock)
