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

from ._native import AioAtomic as Atomic
from ._native import AioGuard as Guard
from ._native import AioOwner as Owner
from ._native import AioSpace as Space
from ._native import AioTransaction as Transaction
from ._native import AioWatch as Watch
from ._native import ManualClock
from .aio_mutex import Mutex
from .codec import CodecOption
from .handed_over import HandedOver, Lost
from .lock_request import LockRequest

__all__ = [
    "Atomic",
    "Guard",
    "HandedOver",
    "LockRequest",
    "Lost",
    "Mutex",
    "Owner",
    "Space",
    "Transaction",
    "Watch",
    "open",
]


async def open(
    url: str | None = None,
    *,
    clock: ManualClock | None = None,
    ambient_owner: bool = False,
    max_waiters: int | None = None,
    max_waiters_per_key: int | None = None,
    meta: object = None,
    codec: CodecOption = "cbor",
) -> Space:
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

    With `ambient_owner` whatever runs inside a block that holds a lock of this handle belongs to the owner of that
    block, as far as `contextvars` carry it: a lock that waits for one that is held further out is refused with
    `Deadlock` instead of waiting for ever. It is meant for development. A task that is started inside a block and
    outlives it is accused too, though it would be no harm for it to wait: give it a context of its own. It costs an
    owner for each block; see the bench.

    `max_waiters` and `max_waiters_per_key` limit how many requests may wait, in the space and for one key: one more is
    refused with `Busy`. `meta` is any object, which `space.meta` answers to whoever opens the space; it should not
    change. `codec` says how the values of cells become bytes: ``"cbor"``, ``"json"``, ``"bytes"``, or a `Codec` of
    one's own. Openings of one name must agree on all of this but `meta`, also on
    what they do not give: else `Invalid` is raised.

    `clock` is a `latchwork.testing.ManualClock`, for tests.

    Raises `Invalid` if the URL has an unknown scheme or an empty name.
    """
    return Space(
        url,
        clock=clock,
        ambient_owner=ambient_owner,
        max_waiters=max_waiters,
        max_waiters_per_key=max_waiters_per_key,
        meta=meta,
        codec=codec,
    )
