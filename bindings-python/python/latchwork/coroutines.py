"""The methods of the compiled asyncio classes that are coroutines, written as the interpreter's own.

The interpreter runs its own far faster than foreign ones: a foreign one can return a value only by raising it. They are
put into the compiled classes, and not into subclasses, since a method is found faster in the very class of an object.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Literal, TypeVar

# The module, not its names: it is just being made when it imports this one.
from . import _native
from .errors import InvalidType
from .keys import Key
from .query import HandOver, Query
from .turn import Turn

__all__ = [
    "NOTHING",
    "close",
    "close_owner",
    "enter",
    "enter_owner",
    "enter_space",
    "hand_over",
    "leave_owner",
    "leave_space",
    "owner_try_lock",
    "owner_with_lock",
    "query",
    "revoke",
    "try_lock",
    "with_lock",
]

T = TypeVar("T")


async def enter(self: _native.AioGuard) -> _native.AioGuard:
    """Wait for the lock. Whatever ends the wait before gives the call up."""
    try:
        while (future := self._step()) is not None:
            await future
    except BaseException:
        self.close()
        raise
    return self


async def try_lock(
    self: _native.AioSpace,
    *keys: Key,
    mode: Literal["exclusive", "shared"] = "exclusive",
    shared: Iterable[Key] = (),
    label: str | None = None,
    owner: _native.Owner | _native.AioOwner | None = None,
    max_hold: float | None = None,
) -> _native.AioGuard | None:
    """Take all keys if that is possible now; `None` if not. It never waits, joins or overtakes.

    A guard is true: ``if guard := await space.try_lock("a"):`` reads as it should.

    Raises `Invalid` if an argument cannot be what it must be, `Closed` if the space is closed, `Cancelled` if the owner
    is closed.
    """
    return self._try_lock(keys, mode, shared, label, owner, max_hold)


async def with_lock(
    self: _native.AioSpace,
    *keys: Key,
    fn: Callable[[_native.AioGuard], Awaitable[T]],
    mode: Literal["exclusive", "shared"] = "exclusive",
    shared: Iterable[Key] = (),
    timeout: float | None = None,
    label: str | None = None,
    owner: _native.Owner | _native.AioOwner | None = None,
    max_hold: float | None = None,
) -> T:
    """Await ``fn(guard)`` while all keys are held, and return what it returns.

    The keys are released however `fn` ends, also by cancellation; its exception passes through unchanged. It is
    equal to:

        async with space.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label, owner=owner) as guard:
            return await fn(guard)

    >>> import asyncio, latchwork.aio
    >>> async def rename(guard):
    ...     return len(guard.keys)
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     return await space.with_lock("a", "b", fn=rename)
    >>> asyncio.run(main())
    2

    Raises what `lock` raises.
    """
    _check_function(fn)
    options = {"mode": mode, "shared": shared, "timeout": timeout, "label": label, "owner": owner, "max_hold": max_hold}
    async with self.lock(*keys, **options) as guard:  # type: ignore[arg-type]
        return await _awaitable(fn(guard))


async def hand_over(
    self: _native.AioGuard, owner: _native.AioOwner | _native.Owner | str, payload: object = None
) -> HandOver:
    """Hand the lock over to another owner, with its token and all its keys; `owner` is it, or its id.

    Those who wait keep their places, and the end of the giver no longer matters. This guard is not held any more. If
    the new owner waits for some of the keys, in the same or weaker modes, that request is resolved with this lock; else
    it comes up in `owner.handed_over`. `payload` is any object, which the new guard has.

    The answer is true if it was delivered. To a closed owner it is not, and the keys are released.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     job = space.owner("encode")
    ...     await (await space.lock("encoder")).hand_over(job, "film.mov")
    ...     async for guard in job.handed_over:
    ...         with guard:
    ...             return guard.keys, guard.payload
    >>> asyncio.run(main())
    (('encoder',), 'film.mov')

    Raises `NotHeld` if the lock is not held any more, `Invalid` to its own owner or to an id that no owner of the space
    ever had, `Deadlock` if the new owner would wait for itself. Then nothing has moved.
    """
    return self._hand_over(owner, payload)


async def revoke(self: _native.AioSpace, *keys: Key | Turn) -> int:
    """Take these keys away from whoever holds them, while they run. Answers how many guards lost their lock.

    Losing one key loses the guard: it is not held any more, its `lost` is set, and a store that knows its token refuses
    it. Its other keys stay reserved until it is released. Those who wait keep their places; the next in line have the
    keys before this returns.

    Raises `Invalid` if a key cannot be one, `Closed` if the space is closed.
    """
    return self._revoke(keys)


async def query(self: _native.AioSpace, *keys: Key | Turn) -> Query:
    """What is held and what waits, at one instant, for these keys or for all.

    Without keys it stops every operation of the space for that instant; with keys, those of the keys' part only.
    It disturbs nothing else.

    Raises `Invalid` if a key cannot be one, `Closed` if the space is closed.
    """
    return self._query(keys)


async def close(self: _native.AioSpace) -> None:
    """Close this handle: its waits fail with `Closed`, its locks are released. A second call does nothing.

    Other handles on a named space are not touched; the space ends with its last handle. A call of `update` or
    `transact` that has a `timeout`, an `owner`, a `guard` or a turn raises `Closed` at once, and what its function
    awaits is cancelled; one that has none of them when its function uses the space next, or returns.

    Raises `Invalid` on a sub-space, as entering one does: it ends with its space.
    """
    self._close()


async def enter_space(self: _native.AioSpace) -> _native.AioSpace:
    """Answer the handle itself."""
    self._check_whole()
    return self


async def leave_space(
    self: _native.AioSpace,
    exc_type: type[BaseException] | None,
    exc: BaseException | None,
    traceback: types.TracebackType | None,
    /,
) -> None:
    """Close the handle."""
    self._close()


async def owner_try_lock(
    self: _native.AioOwner,
    *keys: Key,
    mode: Literal["exclusive", "shared"] = "exclusive",
    shared: Iterable[Key] = (),
    label: str | None = None,
    max_hold: float | None = None,
) -> _native.AioGuard | None:
    """As `Space.try_lock`, as a request of this owner. It never waits, so it is never a deadlock.

    Raises what `Space.try_lock` raises, `Cancelled` if the owner is closed.
    """
    return self.space._try_lock(keys, mode, shared, label, self, max_hold)


async def owner_with_lock(
    self: _native.AioOwner,
    *keys: Key,
    fn: Callable[[_native.AioGuard], Awaitable[T]],
    mode: Literal["exclusive", "shared"] = "exclusive",
    shared: Iterable[Key] = (),
    timeout: float | None = None,
    label: str | None = None,
    max_hold: float | None = None,
) -> T:
    """As `Space.with_lock`, as a request of this owner.

    Raises what `lock` raises.
    """
    _check_function(fn)
    async with self.lock(*keys, mode=mode, shared=shared, timeout=timeout, label=label, max_hold=max_hold) as guard:
        return await _awaitable(fn(guard))


async def close_owner(self: _native.AioOwner) -> int:
    """End the owner: what it holds is released, what it waits for fails with `Cancelled`, and so does what it asks for.

    Answers how many locks and waits that ended; a second call ends nothing.

    >>> import asyncio, latchwork.aio
    >>> async def main():
    ...     owner = (await latchwork.aio.open()).owner()
    ...     guard = await owner.lock("a")
    ...     return await owner.close(), guard.held
    >>> asyncio.run(main())
    (1, False)
    """
    return self._close()


async def enter_owner(self: _native.AioOwner) -> _native.AioOwner:
    """Answer the owner itself."""
    return self


async def leave_owner(
    self: _native.AioOwner,
    exc_type: type[BaseException] | None,
    exc: BaseException | None,
    traceback: types.TracebackType | None,
    /,
) -> None:
    """Close the owner."""
    self._close()


def _check_function(fn: object) -> None:
    if not callable(fn):
        why = f"{type(fn).__qualname__} is not a function"
        raise InvalidType(f"invalid fn: {why}", what="fn", why=why)


def _awaitable(answer: Awaitable[T]) -> Awaitable[T]:
    if not inspect.isawaitable(answer):
        why = f"it answered {type(answer).__qualname__}, give a coroutine function"
        raise InvalidType(f"invalid fn: {why}", what="fn", why=why)
    return answer


@types.coroutine
def _nothing() -> Generator[None, None, None]:
    return
    yield


NOTHING = _nothing()
"""What `__aexit__` answers. A generator at its end: whoever awaits it gets `None` at once, as often as it is asked."""
for _ in NOTHING:
    pass
