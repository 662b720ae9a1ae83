"""A key as a lock of asyncio, for code that expects one."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal, cast

from . import _native
from .keys import Key
from .mutex import state_of

__all__ = ["Mutex"]


class Mutex:
    """One key of a space as an `asyncio.Lock`. `space.mutex` makes it.

    Whoever asks for the key in another way, through another mutex, by `lock`, in another thread or event loop, stands
    in the same queue. A mutex is released through the very object by which it was acquired, from any task. It is not
    reentrant, it says nothing when it is dropped while it is held, and it has neither token nor owner: prefer `lock`,
    where nothing expects a lock of `asyncio`.

    Unlike one of asyncio's it may be used by several event loops, and a release hands it to the next in line at once:
    nobody takes it before that one runs.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     mutex = space.mutex("printer")
    ...     async with mutex:
    ...         return mutex.locked(), await space.try_lock("printer")
    >>> asyncio.run(main())
    (True, None)
    """

    def __init__(self, space: _native.AioSpace, key: Key) -> None:
        _native._encode_key(key)
        self._space = space
        self._key = key
        self._guard: _native.AioGuard | None = None
        self._waiting: dict[asyncio.Future[None], None] = {}

    async def acquire(self) -> Literal[True]:
        """Take the lock, and wait until that is done. Answers true.

        Cancelling it at any point gives up what it asked for or was just granted. Raises `Closed` if the space is
        closed, also while it waits.
        """
        request = cast("_native.AioGuard", self._space.lock(self._key))
        try:
            while (future := request._step()) is not None:
                self._waiting[future] = None
                try:
                    await future
                finally:
                    del self._waiting[future]
        except BaseException:
            request.close()
            raise
        self._guard = request
        return True

    def release(self) -> None:
        """Release the lock, from any task; the next in line has it before this returns.

        Raises `RuntimeError` if it is not held through this mutex.
        """
        # Let go of first: the next one to acquire it notes its own.
        guard, self._guard = self._guard, None
        if guard is None:
            raise RuntimeError("Lock is not acquired.")
        guard.release()

    def locked(self) -> bool:
        """Whether somebody has the lock, through this mutex or in another way, and knows it.

        As with a lock of asyncio, one that was released is not locked until the next in line runs.
        """
        return state_of(self._space, self._key)[0]

    @property
    def _waiters(self) -> list[asyncio.Future[None]]:
        # What a lock of asyncio has by this name, for what looks at it.
        return list(self._waiting)

    async def __aenter__(self) -> None:
        """Take the lock."""
        await self.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Release the lock."""
        self.release()

    def __repr__(self) -> str:
        """As a lock of asyncio shows itself, with the key."""
        locked, waiting = state_of(self._space, self._key)
        state = ("locked" if locked else "unlocked") + (f", waiters:{waiting}" if waiting else "")
        return f"<latchwork.aio.Mutex object at {id(self):#x} key={self._key!r} [{state}]>"
