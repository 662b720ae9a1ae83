"""Attempts of `transact` that have become stale run again, whatever their bodies make of it (C6, C11, C12)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork.testing import ManualClock

from either_api import done, either, transact


@either
async def test_a_stale_read_dooms_the_attempt(api: ModuleType) -> None:
    """Its next operation raises `Conflict`; whatever the body does then is discarded, and it runs again (C6)."""
    space = await done(api.open())
    await done(space.set("a", 1))
    await done(space.set("b", 1))
    seen: list[Any] = []

    async def body(tx: Any) -> str:
        first = await done(tx.get("a"))
        if tx.attempt == 1:
            await done(space.atomic().set("a", 2).set("b", 2).commit())
        try:
            second = await done(tx.get("b"))
        except latchwork.Conflict as conflict:
            assert conflict.attempts is None and conflict.conflicts == ()
            seen.append("stale")
            calls: list[Callable[[], Any]] = [
                lambda: tx.get("a"),
                lambda: tx.set("a", 9),
                lambda: tx.list(),
                lambda: tx.delete("a"),
            ]
            for call in calls:
                with pytest.raises(latchwork.Conflict):
                    await done(call())
            return "swallowed"
        seen.append((first.value, second.value))
        await done(tx.set("c", first.value + second.value))
        return "done"

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == ("done", 2)
    assert seen == ["stale", (2, 2)]
    assert (await done(space.get("c"))).value == 4


@either
async def test_whatever_a_doomed_body_raises_is_discarded(api: ModuleType) -> None:
    """Also an error of its own that came of what it could not read."""
    space = await done(api.open())
    runs = 0

    async def body(tx: Any) -> int:
        nonlocal runs
        runs += 1
        await done(tx.get("a"))
        if runs == 1:
            await done(space.set("a", 1))
            try:
                await done(tx.get("b"))
            except latchwork.Conflict:
                raise KeyError("of no interest") from None
        return runs

    assert (await transact(api, space, body)).value == 2


@either
async def test_reads_are_validated_at_commit(api: ModuleType) -> None:
    """Two that read what the other writes: no write skew."""
    space = await done(api.open())
    await done(space.set("on call", ["ann", "bob"]))
    for name in "ann", "bob":
        await done(space.set(("doctor", name), True))

    async def leave(name: str, meanwhile: Callable[[], Any]) -> bool:
        async def body(tx: Any) -> bool:
            entries = await done(tx.get_many(("doctor", "ann"), ("doctor", "bob")))
            if tx.attempt == 1:
                await done(meanwhile())
            if sum(entry.value for entry in entries) < 2:
                return False
            await done(tx.set(("doctor", name), False))
            return True

        return bool((await transact(api, space, body)).value)

    async def nothing() -> None:
        return None

    left: list[bool] = []

    async def other() -> None:
        left.append(await leave("bob", nothing))

    def inside() -> Any:
        if api is latchwork.aio:
            return other()
        coroutine = other()
        with contextlib.suppress(StopIteration):
            coroutine.send(None)
        return None

    left.append(await leave("ann", inside))
    assert sorted(left) == [False, True]
    assert sum(entry.value for entry in await done(space.list(prefix=("doctor",)))) == 1


@either
async def test_a_cell_that_expires_between_two_reads(api: ModuleType) -> None:
    """The attempt is stale, and runs again on an absent cell."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    await done(space.set("a", 1, expire_in=10))
    seen: list[Any] = []

    async def body(tx: Any) -> None:
        seen.append((await done(tx.get("a"))).value)
        if tx.attempt == 1:
            clock.advance(10)
        await done(tx.get("b"))

    assert (await transact(api, space, body)).attempts == 2
    assert seen == [1, None]


@either
async def test_phantoms(api: ModuleType) -> None:
    """A cell that comes into a scanned range before the commit is a conflict (C11)."""
    space = await done(api.open())
    await done(space.set(("seat", 1), "ann"))

    async def body(tx: Any) -> int:
        taken = len(await done(tx.list(prefix=("seat",))))
        if tx.attempt == 1:
            await done(space.set(("seat", 2), "bob"))
        await done(tx.set("taken", taken))
        return taken

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == (2, 2)
