"""The methods about updates and transactions of the compiled asyncio classes, written as the interpreter's own.

See `coroutines` for why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

# The module, not its names: it is just being made when it imports this one.
from . import _native
from .answer import KEEP, Delete, Keep
from .errors import InvalidType
from .keys import Key

__all__ = ["delete", "get", "get_many", "insert", "list_cells", "savepoint", "set_cell", "transact", "update"]

T = TypeVar("T")


async def update(
    self: _native.AioSpace,
    key: Key,
    fn: Callable[[Any, _native.Entry], object | Keep | Delete | Awaitable[object | Keep | Delete]],
    *,
    expire_in: float | Keep | None = KEEP,
    guard: _native.Guard | _native.AioGuard | None = None,
    guard_keys: Iterable[Key] | None = None,
    owner: _native.Owner | _native.AioOwner | None = None,
    attempts: int | None = None,
    timeout: float | None = None,
    label: str | None = None,
) -> _native.Updated:
    """Change a cell by a function of what it holds.

    Call ``fn(value, entry)``, a plain function or a coroutine function, and set the cell to what it answers, if nobody
    has changed the cell meanwhile; else call it again with what the cell holds then.

    `fn` answers the new value, `KEEP` to leave the cell as it is, or `DELETE`. `None` is refused: a forgotten `return`
    must not change data. `value` is that of the entry, `None` if the cell is absent; `fn` may change it and return it.
    The result has the `value` of the cell, its `version`, how many `attempts` it took, and whether the cell was
    `changed`.

    However many update a cell, all of them succeed, and none calls its function more than four times: after three
    conflicts a call takes its turn, in which other calls wait for it. What carries no function, such as `set`, never
    waits for a turn; a call that loses against such writes 16 times in its turn gives up. A plain function runs once
    where only one loop uses the space.

    Without `expire_in` the cell keeps the time at which it expires; with it, it expires after so many seconds, with
    `None` never. `guard` is that of `set`, `guard_keys` are those that it must hold, where that is not all. `attempts`
    is how often `fn` is called at most, `timeout` how many seconds it all may take: both end the call with nothing
    written, a time-out of 0 where it would wait for others; what `fn` awaits then is cancelled, as `asyncio.timeout`
    does it. `label` is shown by `query` while the
    call has a turn, or waits for one. Calls inside `fn` are calls of their own: one that needs this cell can wait for
    the turn that it runs in. With the `owner` passed on, that is a `Deadlock` at once. Cancelling the task gives the
    call up: nothing is written, unless `fn` catches that and returns.

    >>> import asyncio, latchwork, latchwork.aio
    >>> async def add(pages, entry):
    ...     await asyncio.sleep(0)
    ...     return [*(pages or []), "page"]
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     await asyncio.gather(*(space.update("document", add) for _ in range(3)))
    ...     result = await space.update("document", lambda pages, entry: latchwork.KEEP)
    ...     return result.value, result.changed
    >>> asyncio.run(main())
    (['page', 'page', 'page'], False)

    An exception of `fn` ends the call at once, and passes through unchanged. Raises `Invalid` if an argument cannot be
    what it must be, or `fn` answers what no cell can hold; `Conflict` when `attempts` are used up, or the losses in a
    turn; `LockTimeout` when `timeout` passes, `Fenced` if the guard is lost, `Closed` if the space is closed, `Busy` if
    it would have to wait and too many do; with an owner `Deadlock` if it would wait for itself, `Cancelled` if the
    owner is closed. Then nothing was written.
    """
    call = self._update(key, fn, expire_in, guard, guard_keys, owner, attempts, timeout, label)
    if type(call) is not _native.AioCall:
        return call
    result: _native.Updated = await _end(call)
    return result


async def transact(
    self: _native.AioSpace,
    fn: Callable[[_native.AioTransaction], Awaitable[T] | T],
    *,
    guard: _native.Guard | _native.AioGuard | None = None,
    guard_keys: Iterable[Key] | None = None,
    owner: _native.Owner | _native.AioOwner | None = None,
    attempts: int | None = None,
    timeout: float | None = None,
    label: str | None = None,
) -> _native.Committed[T]:
    """Read and change several cells as if nobody else did anything meanwhile.

    Call ``fn(tx)``, a plain function or a coroutine function, and commit what it wrote if nothing that it read has
    changed; else call it again.

    `tx` is a `Transaction`: ``await tx.get(key)``, ``await tx.set(key, value)`` and so on. Nothing is written before
    `fn` returns, then everything at one instant. The result has what `fn` returned as `value`, the `version` of what
    was written, and how many `attempts` it took. `fn` may run several times, so what it does besides must be harmless;
    `tx.on_commit` calls a function once.

    However many transactions touch a cell, all of them succeed, and none calls its body more than five times, as in
    `update`, of which the keyword arguments are. Calls that end in `tx.retry` come besides: `attempts=` does not limit
    them, `attempts` of the result has them.

    >>> import asyncio, latchwork.aio
    >>> async def transfer(tx):
    ...     payer, payee = await tx.get_many("from", "to")
    ...     if payer.value < 2:
    ...         tx.abort("too little")
    ...     await tx.set("from", payer.value - 2)
    ...     await tx.set("to", payee.value + 2)
    ...     return payer.value - 2
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     await space.atomic().set("from", 5).set("to", 0).commit()
    ...     return (await space.transact(transfer)).value
    >>> asyncio.run(main())
    3

    An exception of `fn` ends the call at once, and passes through unchanged. Raises `Aborted` after `tx.abort`, and
    what `update` raises. Then nothing was written.
    """
    call = self._transact(fn, guard, guard_keys, owner, attempts, timeout, label)
    if type(call) is not _native.AioCall:
        return call
    result: _native.Committed[T] = await _end(call)
    return result


async def _end(call: _native.AioCall) -> Any:
    """Wait for whatever the call waits for, until it has ended."""
    try:
        while True:
            if (body := call.body) is not None:
                try:
                    answer = await body
                except BaseException as error:
                    call._threw(error)
                else:
                    call._returned(answer)
            elif (future := call.future) is not None:
                await future
                call._go_on()
            else:
                return call.result
    except BaseException:
        call._cancel()
        raise


async def get(self: _native.AioTransaction, key: Key) -> _native.Entry:
    """Read a cell. What this transaction has written is read back, with the version that was read.

    Raises `Invalid` if the key cannot be one, and what all operations raise.
    """
    return self._get(key)


async def get_many(self: _native.AioTransaction, *keys: Key) -> list[_native.Entry]:
    """Read several cells, in the order asked.

    Raises what `get` raises.
    """
    return self._get_many(keys)


async def set_cell(
    self: _native.AioTransaction, key: Key, value: object, *, expire_in: float | Keep | None = KEEP
) -> None:
    """Set a cell when the transaction commits. The value is as it is at the first step of the call.

    The cell expires after `expire_in` seconds, with `None` never. Without it a cell that was read keeps what it had,
    any other never expires.

    Raises `Invalid` if an argument cannot be what it must be, and what all operations raise.
    """
    self._set(key, value, expire_in)


async def insert(
    self: _native.AioTransaction, key: Key, value: object, *, expire_in: float | None = None
) -> _native.Inserted | _native.Refused:
    """Set a cell that is absent, when the transaction commits.

    Answers `Inserted`, which is true, or `Refused` with the entry that is there, which is false. The cell expires after
    `expire_in` seconds, without it never.

    Raises what `set` raises.
    """
    return self._insert(key, value, expire_in)


async def delete(self: _native.AioTransaction, key: Key) -> None:
    """Delete a cell when the transaction commits, if it is there.

    Raises what `get` raises.
    """
    self._delete(key)


async def list_cells(
    self: _native.AioTransaction,
    *,
    prefix: Key | None = None,
    start: Key | None = None,
    end: Key | None = None,
    limit: int | None = None,
    reverse: bool = False,
) -> list[_native.Entry]:
    """Read the cells of a range, in key order, with what this transaction has written laid over them.

    The range is that of `Space.list`. Another cell that comes into it before the commit is a conflict.

    Raises `Invalid` if an argument cannot be what it must be, and what all operations raise.
    """
    return self._list(prefix, start, end, limit, reverse)


async def savepoint(self: _native.AioTransaction, fn: Callable[[_native.AioTransaction], Awaitable[T] | T]) -> T:
    """Call ``fn(tx)`` as a part that can be undone, and answer what it answers.

    If it raises or aborts, what it wrote goes, and its exception passes through, so that the rest can go on; what it
    read stays read. While it runs this handle cannot be used. Nothing is committed before the whole transaction is.

    >>> import asyncio, latchwork, latchwork.aio
    >>> async def hotel(tx):
    ...     await tx.set("hotel", "booked")
    ...     tx.abort("full")
    >>> async def book(tx):
    ...     await tx.set("flight", "booked")
    ...     try:
    ...         await tx.transact(hotel)
    ...     except latchwork.Aborted as error:
    ...         await tx.set("hotel", error.reason)
    >>> async def main():
    ...     space = await latchwork.aio.open()
    ...     await space.transact(book)
    ...     return [entry.value for entry in await space.get_many("flight", "hotel")]
    >>> asyncio.run(main())
    ['booked', 'full']

    Raises what all operations raise.
    """
    if not callable(fn):
        why = f"{type(fn).__qualname__} is not a function"
        raise InvalidType(f"invalid fn: {why}", what="fn", why=why)
    inside = self._enter()
    try:
        answer: Any = fn(inside)
        if self._is_awaitable(answer):
            answer = await answer
    except BaseException as error:
        inside._leave(error)
        raise
    inside._leave()
    return answer  # type: ignore[no-any-return]
