"""A transaction within another is a savepoint, in both APIs (C7)."""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest

from either_api import done, either, plain, transact


@either
async def test_savepoints(api: ModuleType) -> None:
    """What one wrote is undone with it, what was written around it stays; commit is at the top (C7)."""
    space = await done(api.open())
    called: list[str] = []

    async def body(tx: Any) -> str:
        await done(tx.set("a", 1))
        tx.on_commit(lambda: called.append("outer"))
        outer = tx

        async def kept(tx: Any) -> str:
            assert tx.attempt == 1
            assert (await done(tx.get("a"))).value == 1
            with pytest.raises(latchwork.Invalid) as refused:
                await done(outer.get("a"))
            assert refused.value.what == "tx"
            await done(tx.set("b", 2))
            tx.on_commit(lambda: called.append("kept"))
            return "inner"

        async def undone(tx: Any) -> None:
            await done(tx.set("a", 9))
            await done(tx.set("c", 9))
            tx.on_commit(lambda: called.append("undone"))
            raise KeyError("c")

        async def aborted(tx: Any) -> None:
            await done(tx.set("d", 9))
            with contextlib.suppress(latchwork.Aborted):
                tx.abort(5)

        assert await done(tx.transact(plain(api, kept))) == "inner"
        with pytest.raises(KeyError):
            await done(tx.transact(plain(api, undone)))
        with pytest.raises(latchwork.Aborted) as error:
            await done(tx.transact(plain(api, aborted)))
        assert error.value.reason == 5
        assert [entry.value for entry in await done(tx.get_many("a", "b", "c", "d"))] == [1, 2, None, None]
        assert await done(space.list()) == []
        return "outer"

    assert (await transact(api, space, body)).value == "outer"
    assert [(entry.key, entry.value) for entry in await done(space.list())] == [("a", 1), ("b", 2)]
    assert called == ["outer", "kept"]


@either
async def test_reads_of_a_savepoint_that_was_undone_stay(api: ModuleType) -> None:
    """A change of what it read is a conflict."""
    space = await done(api.open())
    runs = 0

    async def body(tx: Any) -> None:
        nonlocal runs
        runs += 1

        async def look(tx: Any) -> None:
            await done(tx.get("a"))
            tx.abort("seen enough")

        with pytest.raises(latchwork.Aborted):
            await done(tx.transact(plain(api, look)))
        if runs == 1:
            await done(space.set("a", 1))
        await done(tx.set("b", runs))

    assert (await transact(api, space, body)).attempts == 2
    assert (await done(space.get("b"))).value == 2


@either
async def test_a_stale_read_in_a_savepoint(api: ModuleType) -> None:
    """It concerns the whole attempt: the savepoint raises `Conflict`, whatever its body did."""
    space = await done(api.open())
    seen: list[type] = []

    async def body(tx: Any) -> None:
        await done(tx.get("a"))

        async def inside(tx: Any) -> None:
            if tx.attempt == 1:
                await done(space.set("a", 1))
            try:
                await done(tx.get("b"))
            except latchwork.Conflict:
                raise KeyError("of no interest") from None

        try:
            await done(tx.transact(plain(api, inside)))
        except Exception as error:
            seen.append(type(error))
            raise

    assert (await transact(api, space, body)).attempts == 2
    assert seen == [latchwork.Conflict]
