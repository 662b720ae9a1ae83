"""The handle of a transaction: who may use it and until when, marks, callbacks (C8, C9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest

from either_api import done, either, plain, transact


@either
async def test_handles_after_their_body(api: ModuleType) -> None:
    """They are `Invalid`, and touch nothing (C8)."""
    space = await done(api.open())
    kept: list[Any] = []

    async def body(tx: Any) -> None:
        kept.append(tx)

        async def inside(tx: Any) -> None:
            kept.append(tx)

        await done(tx.transact(plain(api, inside)))
        with pytest.raises(latchwork.Invalid):
            await done(kept[1].get("a"))

    await transact(api, space, body)

    async def next_one(tx: Any) -> None:
        for old in kept:
            calls: list[Callable[[], Any]] = [
                lambda old=old: old.get("a"),  # type: ignore[misc]
                lambda old=old: old.get_many("a"),  # type: ignore[misc]
                lambda old=old: old.set("a", 1),  # type: ignore[misc]
                lambda old=old: old.insert("a", 1),  # type: ignore[misc]
                lambda old=old: old.delete("a"),  # type: ignore[misc]
                lambda old=old: old.list(),  # type: ignore[misc]
                lambda old=old: old.transact(print),  # type: ignore[misc]
                lambda old=old: old.on_commit(print),  # type: ignore[misc]
                lambda old=old: old.abort("no"),  # type: ignore[misc]
                lambda old=old: old.retry(),  # type: ignore[misc]
            ]
            for call in calls:
                with pytest.raises(latchwork.Invalid) as refused:
                    await done(call())
                assert refused.value.what == "tx"
        await done(tx.set("b", 1))

    result = await transact(api, space, next_one)
    assert result.attempts == 1
    assert [entry.key for entry in await done(space.list())] == ["b"]
    assert kept[0].attempt == 1


@either
async def test_handles_of_an_earlier_run(api: ModuleType) -> None:
    """They are no handles of the next one."""
    space = await done(api.open())
    kept: list[Any] = []

    async def body(tx: Any) -> None:
        kept.append(tx)
        await done(tx.get("a"))
        if tx.attempt == 1:
            await done(space.set("a", 1))
        else:
            with pytest.raises(latchwork.Invalid):
                await done(kept[0].set("b", 1))
        await done(tx.set("c", tx.attempt))

    assert (await transact(api, space, body)).attempts == 2
    assert [(entry.key, entry.value) for entry in await done(space.list())] == [("a", 1), ("c", 2)]


@either
async def test_abort(api: ModuleType) -> None:
    """The mark decides, whatever the body does next; the reason is the very object (C8)."""
    space = await done(api.open())
    reason = {"balance": 3}

    async def passing(tx: Any) -> None:
        await done(tx.set("a", 1))
        tx.abort(reason)

    async def swallowing(tx: Any) -> str:
        try:
            await passing(tx)
        except latchwork.Aborted:
            with pytest.raises(latchwork.Aborted):
                await done(tx.get("a"))
            with pytest.raises(latchwork.Aborted) as again:
                tx.abort("another")
            assert again.value.reason is reason
        return "committed?"

    async def replacing(tx: Any) -> None:
        try:
            await passing(tx)
        except latchwork.Aborted:
            raise KeyError("another") from None

    for body in (passing, swallowing, replacing):
        with pytest.raises(latchwork.Aborted) as aborted:
            await transact(api, space, body)
        assert (aborted.value.code, aborted.value.reason is reason) == ("aborted", True)
        assert await done(space.list()) == []


@either
async def test_retry_without_reads(api: ModuleType) -> None:
    """There is nothing to wait for, and nothing is marked (C10)."""
    space = await done(api.open())

    async def body(tx: Any) -> int:
        await done(tx.set("a", 1))
        with pytest.raises(latchwork.Invalid) as refused:
            tx.retry()
        assert refused.value.what == "retry"
        return 1

    assert (await transact(api, space, body)).value == 1
    assert (await done(space.get("a"))).value == 1


@either
async def test_callbacks(api: ModuleType, capsys: Any = None) -> None:
    """Once, after the commit, in order, not for a run that was not committed (C9)."""
    name = f"memory:callbacks {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)
    called: list[Any] = []

    async def body(tx: Any) -> None:
        run = tx.attempt
        await done(tx.get("a"))
        if run == 1:
            other.set("a", 1)
        await done(tx.set("b", run))
        tx.on_commit(lambda: called.append((run, "first", other.get("b").value)))
        tx.on_commit(lambda: called.append((run, "second", other.get("b").value)))

    assert (await transact(api, space, body)).attempts == 2
    assert called == [(2, "first", 2), (2, "second", 2)]
    other.close()
    await done(space.close())


def test_an_error_in_a_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported, and changes nothing else."""
    import sys

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    space = latchwork.open()
    called: list[int] = []
    mine = ValueError("mine")

    def fail() -> None:
        raise mine

    def body(tx: latchwork.Transaction) -> str:
        tx.set("a", 1)
        tx.on_commit(lambda: called.append(1))
        tx.on_commit(fail)
        tx.on_commit(lambda: called.append(2))
        return "committed"

    assert space.transact(body).value == "committed"
    assert called == [1, 2]
    assert [(report.exc_value, report.object) for report in reported] == [(mine, fail)]


def test_a_callback_that_answers_a_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported as an error of its own: what it was to do will not be done."""
    import sys

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    space = latchwork.open()

    async def later() -> None:
        return None

    def body(tx: latchwork.Transaction) -> None:
        tx.set("a", 1)
        tx.on_commit(lambda: later())

    assert space.transact(body).version > 0
    [report] = reported
    assert isinstance(report.exc_value, latchwork.InvalidType)
    assert "nobody would await it" in str(report.exc_value)


def test_a_callback_that_begins_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task goes on by itself: it is no coroutine that nobody awaits."""
    import sys

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)

    async def main() -> None:
        space = await latchwork.aio.open()
        told = asyncio.Event()

        async def tell() -> None:
            told.set()

        async def body(tx: latchwork.aio.Transaction) -> None:
            await tx.set("a", 1)
            tx.on_commit(lambda: asyncio.ensure_future(tell()))

        await space.transact(body)
        await told.wait()

    asyncio.run(main())
    assert reported == []


def test_the_calls_own_owner_has_ended_when_its_callbacks_run() -> None:
    """What the body has left locked is free by then."""
    space = latchwork.open(ambient_owner=True)
    kept: list[latchwork.Guard] = []
    taken: list[bool] = []

    def look() -> None:
        guard = space.try_lock("k")
        taken.append(guard is not None)
        if guard is not None:
            guard.release()

    def body(tx: latchwork.Transaction) -> None:
        kept.append(space.lock("k"))
        tx.set("a", 1)
        tx.on_commit(look)

    space.transact(body)
    assert taken == [True]


@either
async def test_callbacks_that_cannot_be(api: ModuleType) -> None:
    """What is no function, or would have to be awaited."""
    space = await done(api.open())

    async def later() -> None:
        return None

    async def body(tx: Any) -> None:
        for wrong in (5, "text", None, later):
            with pytest.raises(latchwork.InvalidType) as refused:
                tx.on_commit(wrong)
            assert refused.value.what == "fn"

    await transact(api, space, body)
