"""The methods about cells of the compiled asyncio classes that are coroutines, written as the interpreter's own.

See `coroutines` for why.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

# The module, not its names: it is just being made when it imports this one.
from . import _native
from .keys import Key

__all__ = [
    "close_watch",
    "commit",
    "compare_exchange",
    "delete",
    "delete_all",
    "enter_watch",
    "get",
    "get_many",
    "insert",
    "leave_watch",
    "list_cells",
    "next_state",
    "set_cell",
]


async def get(self: _native.AioSpace, key: Key) -> _native.Entry:
    """Read a cell as it is now.

    An absent cell reads as version 0. Locking ``doc`` does not stop a write of cell ``doc``; a write with a `guard`
    does.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     version = (await space.set("count", 1)).version
    ...     entry = await space.get("count")
    ...     return entry.value, entry.version == version
    >>> asyncio.run(main())
    (1, True)

    Raises `Invalid` if the key cannot be one, `Closed` if the space is closed.
    """
    return self._get(key)


async def get_many(self: _native.AioSpace, *keys: Key) -> list[_native.Entry]:
    """Read several cells at one instant, in the order asked.

    Raises what `get` raises.
    """
    return self._get_many(keys)


async def set_cell(
    self: _native.AioSpace,
    key: Key,
    value: object,
    *,
    expire_in: float | None = None,
    guard: _native.Guard | _native.AioGuard | None = None,
) -> _native.Written:
    """Set a cell, whatever it is. Answers its new version.

    The value is what the codec of the space takes, as it is at the first step of the call. The cell expires after
    `expire_in` seconds; without it never, whatever it did before. With a `guard` of either API of this space it is
    written only if that holds, at that very instant, every key that it was granted, except those that it released
    itself.

    Raises `Invalid` if an argument cannot be what it must be, `Fenced` if the guard is not held any more, `Closed` if
    the space is closed. Then nothing was written.
    """
    return self._set(key, value, expire_in, guard)


async def insert(
    self: _native.AioSpace,
    key: Key,
    value: object,
    *,
    expire_in: float | None = None,
    guard: _native.Guard | _native.AioGuard | None = None,
) -> _native.Written | _native.Refused:
    """Set a cell that is absent.

    Answers `Written`, which is true, or `Refused` with the entry that is there, which is false.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     await space.insert("ada", "first")
    ...     result = await space.insert("ada", "second")
    ...     return None if result else result.entry.value
    >>> asyncio.run(main())
    'first'

    `expire_in` and `guard` are those of `set`. Raises what `set` raises.
    """
    return self._insert(key, value, expire_in, guard)


async def compare_exchange(
    self: _native.AioSpace,
    key: Key | _native.Entry,
    value: object,
    *,
    version: int | None = None,
    expire_in: float | None = None,
    guard: _native.Guard | _native.AioGuard | None = None,
) -> _native.Written | _native.Refused:
    """Set a cell that still has the version of an entry, or the `version` given with its key; 0: that is absent.

    Answers `Written`, which is true, or `Refused` with the entry that is there, which is false. Versions are compared,
    never values.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     seen = await space.get("count")
    ...     await space.compare_exchange(seen, 1)
    ...     result = await space.compare_exchange(seen, 2)
    ...     if not result:
    ...         result = await space.compare_exchange("count", 2, version=result.entry.version)
    ...     return result.ok
    >>> asyncio.run(main())
    True

    `expire_in` and `guard` are those of `set`. Raises what `set` raises.
    """
    return self._compare_exchange(key, value, version, expire_in, guard)


async def delete(
    self: _native.AioSpace,
    key: Key | _native.Entry,
    *,
    version: int | None = None,
    guard: _native.Guard | _native.AioGuard | None = None,
) -> _native.Deleted | _native.Refused:
    """Delete a cell: whatever it is, given a key; only if it still has the version, given an entry or a `version`.

    Answers `Deleted`, which is true and says whether the cell was there, or `Refused` with the entry that is there,
    which is false.

    `guard` is that of `set`. Raises what `set` raises.
    """
    return self._delete(key, version, guard)


async def list_cells(
    self: _native.AioSpace,
    *,
    prefix: Key | None = None,
    start: Key | None = None,
    end: Key | None = None,
    limit: int | None = None,
    reverse: bool = False,
) -> list[_native.Entry]:
    """Read the cells of a range at one instant, in key order.

    The range is that of the keys that begin with `prefix`, or of those from `start` on that come before `end`; without
    any of these, all. A prefix that is a string or bytes matches strings or bytes by their beginning, a tuple matches
    tuples by whole parts. `limit` is how many at most, `reverse` begins with the last.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     for number in 1, 2, 3:
    ...         await space.set(("session", "ada", number), number)
    ...     return [entry.value for entry in await space.list(prefix=("session", "ada"), limit=2)]
    >>> asyncio.run(main())
    [1, 2]

    Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
    """
    return self._list(prefix, start, end, limit, reverse)


async def delete_all(
    self: _native.AioSpace,
    *,
    prefix: Key | None = None,
    start: Key | None = None,
    end: Key | None = None,
    except_: Iterable[Key] = (),
) -> list[Key]:
    """Delete all cells of a range in one step, except those of the keys in `except_`.

    Answers the keys that were deleted, in key order. The range is that of `list`, but one of `prefix`, `start` and
    `end` must be there: all cells must not be what a variable means that is None. `start=False`, the least key, means
    all.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     for number in 1, 2, 3:
    ...         await space.set(("session", "ada", number), number)
    ...     return await space.delete_all(prefix=("session", "ada"), except_=[("session", "ada", 2)])
    >>> asyncio.run(main())
    [('session', 'ada', 1), ('session', 'ada', 3)]

    Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed.
    """
    return self._delete_all(prefix, start, end, except_)


async def commit(self: _native.AioAtomic) -> _native.Written | _native.Conflicted:
    """Check all conditions and make all changes at one instant.

    Answers `Written`, which is true, or `Conflicted` with every condition that was not met, which is false.

    Raises `Fenced` if a guard is not held any more, `Closed` if the space is closed, `Invalid` if it was called before;
    then nothing was written.
    """
    return self._commit()


async def next_state(self: _native.AioWatch) -> list[_native.Entry]:
    """Wait for the next state. Cancelling it loses nothing."""
    while True:
        state: Any = self._step()
        if type(state) is list:
            return state
        try:
            await state
        except BaseException:
            self._forget(state)
            raise


async def close_watch(self: _native.AioWatch) -> None:
    """End it: whoever waits for the next state, and whoever asks for one later, is at the end.

    A second call does nothing.
    """
    self._close()


async def enter_watch(self: _native.AioWatch) -> _native.AioWatch:
    """Answer the watch itself."""
    return self


async def leave_watch(
    self: _native.AioWatch,
    exc_type: type[BaseException] | None,
    exc: BaseException | None,
    traceback: TracebackType | None,
    /,
) -> None:
    """Close it."""
    self._close()
