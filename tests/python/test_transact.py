"""`transact`: what a body does with cells, and what comes of it, in both APIs (C6, C12, C14, C15)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import KEEP, Query
from latchwork.testing import ManualClock

from either_api import done, either, plain, transact

NOTHING = Query([], [])


@either
async def test_writes_appear_together(api: ModuleType) -> None:
    """Read back by the body, seen by nobody else before the commit; one version for all."""
    space = await done(api.open())
    await done(space.set("a", 1))

    async def body(tx: Any) -> str:
        await done(tx.set("a", 2))
        await done(tx.set(("b", 1), [3]))
        assert (await done(tx.get("a"))).value == 2
        assert [entry.value for entry in await done(tx.get_many("a", ("b", 1), "c"))] == [2, [3], None]
        assert (await done(space.get("a"))).value == 1
        assert (await done(space.get(("b", 1)))).version == 0
        return "result"

    result = await transact(api, space, body)
    assert (result.value, result.attempts) == ("result", 1)
    entries = await done(space.get_many("a", ("b", 1)))
    assert [(entry.value, entry.version) for entry in entries] == [(2, result.version), ([3], result.version)]
    match result:
        case latchwork.Committed(value, version, attempts):
            assert (value, version, attempts) == ("result", result.version, 1)
    assert repr(result) == f"Committed(value='result', version={result.version}, attempts=1)"


@pytest.mark.parametrize("value", [None, False, 0, "", [], latchwork.KEEP, latchwork.DELETE])
def test_success_is_never_judged_by_the_value(value: Any) -> None:
    """Falsy values commit like any other, and so does what means something to `update`."""
    space = latchwork.open()

    def body(tx: latchwork.Transaction) -> Any:
        tx.set("a", 1)
        return value

    assert space.transact(body).value is value
    assert space.get("a").value == 1


@either
async def test_nothing_written(api: ModuleType) -> None:
    """A transaction that wrote nothing commits with version 0."""
    space = await done(api.open())

    async def body(tx: Any) -> Any:
        return (await done(tx.get("a"))).version

    result = await transact(api, space, body)
    assert (result.value, result.version, result.attempts) == (0, 0, 1)


@either
async def test_insert_delete_list(api: ModuleType) -> None:
    """Own writes are laid over what is there."""
    space = await done(api.open())
    for number in 1, 2, 3:
        await done(space.set(("k", number), number))

    async def body(tx: Any) -> None:
        inserted = await done(tx.insert(("k", 4), 4))
        assert inserted and inserted.ok and repr(inserted) == "Inserted()"
        refused = await done(tx.insert(("k", 1), 9))
        assert not refused and refused.entry.value == 1
        again = await done(tx.insert(("k", 4), 9))
        assert not again and again.entry.value == 4
        await done(tx.delete(("k", 2)))
        assert (await done(tx.get(("k", 2)))).version == 0
        assert [entry.value for entry in await done(tx.list(prefix=("k",)))] == [1, 3, 4]
        assert [entry.value for entry in await done(tx.list(prefix=("k",), limit=2, reverse=True))] == [4, 3]
        assert [entry.value for entry in await done(tx.list(start=("k", 3), end=("k", 4)))] == [3]
        assert [entry.value for entry in await done(space.list(prefix=("k",)))] == [1, 2, 3]

    await transact(api, space, body)
    assert [entry.value for entry in await done(space.list(prefix=("k",)))] == [1, 3, 4]


@either
async def test_errors_of_the_body_pass_through(api: ModuleType) -> None:
    """That very object, after one run; nothing is written, no callback runs."""
    space = await done(api.open())
    mine, called = RuntimeError("mine"), []

    async def body(tx: Any) -> None:
        await done(tx.set("a", 1))
        tx.on_commit(lambda: called.append(1))
        raise mine

    with pytest.raises(RuntimeError, match="mine") as error:
        await transact(api, space, body)
    assert error.value is mine and mine.__context__ is None
    assert (called, await done(space.list()), await done(space.query())) == ([], [], NOTHING)


@either
async def test_expiry(api: ModuleType) -> None:
    """A cell that was read keeps what it had; `None` clears it, a number sets it (C12)."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    for key in "abcd":
        await done(space.set(key, 1, expire_in=10))
    clock.advance(4)

    async def body(tx: Any) -> None:
        for key in "abc":
            assert (await done(tx.get(key))).expires_in == pytest.approx(6)
        await done(tx.set("a", 2))
        await done(tx.set("b", 2, expire_in=None))
        await done(tx.set("c", 2, expire_in=20))
        await done(tx.set("d", 2))
        await done(tx.set("e", 2, expire_in=KEEP))
        await done(tx.insert("f", 2, expire_in=5))
        await done(tx.insert("g", 2))

    await transact(api, space, body)
    entries = await done(space.get_many(*"abcdefg"))
    assert [entry.expires_in for entry in entries] == [pytest.approx(6), None, pytest.approx(20), None, None, 5, None]


@either
async def test_values_are_the_readers_own(api: ModuleType) -> None:
    """Changing what was read or given changes no cell, and no later read (C15)."""
    space = await done(api.open())
    await done(space.set("a", [1]))

    async def body(tx: Any) -> None:
        value = (await done(tx.get("a"))).value
        value.append(2)
        assert (await done(tx.get("a"))).value == [1]
        await done(tx.set("b", value))
        value.append(3)
        assert (await done(tx.get("b"))).value == [1, 2]

    await transact(api, space, body)
    assert [entry.value for entry in await done(space.list())] == [[1], [1, 2]]


@either
async def test_limits_and_guards(api: ModuleType) -> None:
    """As those of `update`."""
    name = f"memory:limits {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)

    async def lose(tx: Any) -> None:
        await done(tx.get("a"))
        other.set("a", tx.attempt)
        await done(tx.set("b", 1))

    with pytest.raises(latchwork.Conflict) as conflict:
        await transact(api, space, lose, attempts=2)
    assert conflict.value.attempts == 2
    assert [stale.key for stale in conflict.value.conflicts] == ["a"]

    async def write(tx: Any) -> None:
        await done(tx.set("c", 1))

    guard = await done(space.lock("k"))
    await transact(api, space, write, guard=guard, guard_keys=["k"])
    guard.release()
    with pytest.raises(latchwork.Fenced):
        await transact(api, space, write, guard=guard)
    other.close()
    await done(space.close())
    with pytest.raises(latchwork.Closed):
        await transact(api, space, write)


@either
async def test_a_sub_space(api: ModuleType) -> None:
    """Its transactions know its keys only."""
    space = await done(api.open())
    tenant = space.within(("tenant", 7))

    async def body(tx: Any) -> list[Any]:
        await done(tx.set("a", 1))
        await done(tx.set(("b", 2), 2))
        assert (await done(tx.get("a"))).key == "a"
        return [entry.key for entry in await done(tx.list())]

    assert (await transact(api, tenant, body)).value == ["a", ("b", 2)]
    assert [entry.key for entry in await done(space.list())] == [("tenant", 7, "a"), ("tenant", 7, ("b", 2))]


def test_a_coroutine_function_in_the_blocking_api() -> None:
    """It would commit nothing and say that it did."""
    space = latchwork.open()

    async def body(tx: latchwork.Transaction) -> None:
        tx.set("a", 1)

    class Later:
        def __await__(self) -> Any:
            yield

    loop = asyncio.new_event_loop()
    calls: list[Callable[[], Any]] = [
        lambda: space.transact(body),
        lambda: space.transact(lambda tx: tx.transact(body)),
        lambda: space.transact(lambda tx: Later()),
        lambda: space.transact(lambda tx: loop.create_future()),
        lambda: space.update("a", lambda value, entry: Later()),
    ]
    for call in calls:
        with pytest.raises(latchwork.InvalidType) as refused:
            call()
        assert refused.value.what == "fn"
        assert "coroutine function" in str(refused.value)
    loop.close()
    assert space.list() == []


@either
async def test_a_body_with_a_stray_yield(api: ModuleType) -> None:
    """Nothing of it would run, and its call would say that it was committed."""
    space = await done(api.open())

    def stray(tx: Any) -> Any:
        yield tx.set("a", 1)

    async def stray_too(tx: Any) -> Any:
        yield tx.set("a", 1)

    async def outer(tx: Any) -> None:
        await done(tx.transact(stray))

    for body in stray, stray_too, plain(api, outer):
        with pytest.raises(latchwork.InvalidType, match="generator function") as refused:
            await done(space.transact(body))
        assert refused.value.what == "fn"
    with pytest.raises(latchwork.InvalidType, match="generator function"):
        await done(space.update("a", lambda value, entry: stray(entry)))
    assert await done(space.list()) == []


def test_committed_is_generic_at_run_time() -> None:
    """So that it can be named in annotations that are evaluated."""
    assert latchwork.Committed[int].__args__ == (int,)  # type: ignore[attr-defined]
    assert inspect.isclass(latchwork.Committed)
