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

from typing import TYPE_CHECKING, TypeVar

from . import _native
from ._native import AioGuard as Guard
from ._native import LockRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Literal

    from typing_extensions import Self

    from .keys import Key
    from .query import Query
    from .testing import ManualClock

__all__ = ["Guard", "LockRequest", "Space", "open"]

T = TypeVar("T")


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


class Space(_native.AioSpace):
    """One handle on a space, for asyncio. `open` makes it.

    ``async with`` closes it at the end of the block:

        async with await latchwork.aio.open() as space:
            ...
    """

    __slots__ = ()

    async def try_lock(
        self,
        *keys: Key,
        mode: Literal["exclusive", "shared"] = "exclusive",
        shared: Iterable[Key] = (),
        label: str | None = None,
    ) -> Guard | None:
        """Take all keys if that is possible now; `None` if not. It never waits, joins or overtakes.

        A guard is true: ``if guard := await space.try_lock("a"):`` reads as it should.

        Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
        """
        return self._try_lock(keys, mode, shared, label)

    async def with_lock(
        self,
        *keys: Key,
        fn: Callable[[Guard], Awaitable[T]],
        mode: Literal["exclusive", "shared"] = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
    ) -> T:
        """Await ``fn(guard)`` while all keys are held, and return what it returns.

        The keys are released however `fn` ends, also by cancellation; its exception passes through unchanged. It is
        equal to:

            async with space.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label) as guard:
                return await fn(guard)

        >>> import asyncio
        >>> async def rename(guard):
        ...     return len(guard.keys)
        >>> async def main():
        ...     space = await open()
        ...     return await space.with_lock("a", "b", fn=rename)
        >>> asyncio.run(main())
        2

        Raises what `lock` raises.
        """
        async with self.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label) as guard:
            return await fn(guard)

    async def query(self, *keys: Key) -> Query:
        """What is held and what waits, at one instant, for these keys or for all.

        Without keys it stops every operation of the space for that instant; with keys, those of the keys' part only.
        It disturbs nothing else.

        Raises `Invalid` if a key cannot be one, `Closed` if the space is closed.
        """
        return self._query(keys)

    async def close(self) -> None:
        """Close this handle: its waits fail with `Closed`, its locks are released. A second call does nothing.

        Other handles on a named space are not touched; the space ends with its last handle.
        """
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
