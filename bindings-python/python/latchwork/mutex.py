"""A key as a lock of `threading`, for code that expects one."""

from __future__ import annotations

import threading
from types import TracebackType

from . import _native
from .errors import Closed, LockTimeout
from .keys import Key

__all__ = ["Mutex", "state_of"]


class Mutex:
    """One key of a space as a `threading.Lock`. `space.mutex` makes it.

    Whoever asks for the key in another way, through another mutex, by `lock`, in another thread or event loop, stands
    in the same queue. A mutex is released through the very object by which it was acquired, from any thread. It is not
    reentrant, it says nothing when it is dropped while it is held, and it has neither token nor owner: prefer `lock`,
    where nothing expects a lock of `threading`.

    >>> import latchwork
    >>> space = latchwork.open()
    >>> mutex = space.mutex("printer")
    >>> with mutex:
    ...     mutex.locked(), space.try_lock("printer")
    (True, None)
    >>> mutex.acquire(timeout=0.5)
    True
    >>> mutex.release()
    """

    def __init__(self, space: _native.Space, key: Key) -> None:
        _native._encode_key(key)
        self._space = space
        self._key = key
        self._guard: _native.Guard | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; block until that is done, for `timeout` seconds at most. Answers whether it was taken.

        Raises `ValueError` for a time-out with ``blocking=False`` or a negative one that is not -1, `OverflowError` for
        one beyond `threading.TIMEOUT_MAX`, as `threading.Lock` does; `Closed` if the space is closed.
        """
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if timeout > threading.TIMEOUT_MAX:
            raise OverflowError("timeout value is too large")
        guard: _native.Guard | None
        if not blocking:
            guard = self._space.try_lock(self._key)
        else:
            try:
                guard = self._space.lock(self._key, timeout=None if timeout == -1 else timeout)
            except LockTimeout:
                guard = None
        if guard is None:
            return False
        self._guard = guard
        return True

    def release(self) -> None:
        """Release the lock, from any thread; the next in line has it before this returns.

        Raises `RuntimeError` if it is not held through this mutex.
        """
        # Let go of first: the next one to acquire it notes its own.
        guard, self._guard = self._guard, None
        if guard is None:
            raise RuntimeError("release unlocked lock")
        guard.release()

    def locked(self) -> bool:
        """Whether somebody has the lock, through this mutex or in another way."""
        return state_of(self._space, self._key)[0]

    def __enter__(self) -> bool:
        """Take the lock."""
        return self.acquire()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Release the lock."""
        self.release()

    def __repr__(self) -> str:
        """As a lock of `threading` shows itself, with the key."""
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} latchwork.Mutex object at {id(self):#x} key={self._key!r}>"


def state_of(space: _native.Space | _native.AioSpace, key: Key) -> tuple[bool, int]:
    """Whether somebody has a key and knows it, and how many wait for it."""
    try:
        found = space._look(key)
    except Closed:
        return False, 0
    return any(hold.claimed for hold in found.held), len(found.pending)
