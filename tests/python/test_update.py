"""`update`: a cell changed by a function of what it holds, in both APIs (C5, C12, C14, C15)."""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import DELETE, KEEP, Entry, Query
from latchwork.testing import ManualClock

from either_api import done, either

NOTHING = Query([], [])


@either
async def test_a_function_of_what_it_holds(api: ModuleType) -> None:
    """It sees the value and the entry; what it answers is written."""
    space = await done(api.open())
    seen: list[tuple[Any, Entry]] = []

    def add(value: int | None, entry: Entry) -> int:
        seen.append((value, entry))
        return (value or 0) + 1

    first = await done(space.update(("user", 7), add))
    second = await done(space.update(("user", 7), add))
    assert (first.value, first.attempts, first.changed) == (1, 1, True)
    assert (second.value, second.attempts, second.changed) == (2, 1, True)
    assert second.version > first.version > 0
    assert [(value, entry.key, entry.version) for value, entry in seen] == [
        (None, ("user", 7), 0),
        (1, ("user", 7), first.version),
    ]
    entry = await done(space.get(("user", 7)))
    assert (entry.value, entry.version) == (2, second.version)
    match second:
        case latchwork.Updated(value, version, attempts, changed):
            assert (value, version, attempts, changed) == (2, second.version, 1, True)
    assert repr(second) == f"Updated(value=2, version={second.version}, attempts=1, changed=True)"


@either
async def test_an_equal_value_is_a_change(api: ModuleType) -> None:
    """And gets a new version (C1)."""
    space = await done(api.open())
    before = await done(space.set("a", 1))
    after = await done(space.update("a", lambda value, entry: value))
    assert after.changed and after.version > before.version


@either
async def test_keep_and_delete(api: ModuleType) -> None:
    """`KEEP` writes nothing, `DELETE` deletes; the result says which way it went."""
    space = await done(api.open())
    absent = await done(space.update("a", lambda value, entry: KEEP))
    assert (absent.value, absent.version, absent.changed) == (None, 0, False)
    written = await done(space.set("a", [1]))

    def spoil(value: list[int], entry: Entry) -> Any:
        value.append(2)
        return KEEP

    kept = await done(space.update("a", spoil))
    assert (kept.value, kept.version, kept.changed, kept.attempts) == ([1], written.version, False, 1)
    assert (await done(space.get("a"))).version == written.version
    deleted = await done(space.update("a", lambda value, entry: DELETE))
    assert (deleted.value, deleted.changed) == (None, True)
    assert deleted.version > written.version
    assert (await done(space.get("a"))).version == 0
    assert (repr(KEEP), str(DELETE)) == ("latchwork.KEEP", "latchwork.DELETE")


@either
async def test_a_forgotten_return(api: ModuleType) -> None:
    """`None` is refused, nothing is written."""
    space = await done(api.open())
    version = (await done(space.set("a", [1]))).version
    with pytest.raises(latchwork.Invalid) as refused:
        await done(space.update("a", lambda value, entry: value.append(2)))
    assert refused.value.what == "value"
    entry = await done(space.get("a"))
    assert (entry.value, entry.version) == ([1], version)


@either
async def test_an_answer_that_no_cell_can_hold(api: ModuleType) -> None:
    """The codec refuses it, and nothing is written."""
    space = await done(api.open())
    with pytest.raises(latchwork.Invalid) as refused:
        await done(space.update("a", lambda value, entry: {"x": object()}))
    assert refused.value.what == "value.x" or str(refused.value.what).startswith("value")
    assert await done(space.list()) == []


@either
async def test_a_function_with_an_error_of_its_own(api: ModuleType) -> None:
    """One run, that very error, and nothing else of it (S14)."""
    space = await done(api.open())
    mine = ValueError("mine")
    runs = 0

    def fail(value: Any, entry: Entry) -> Any:
        nonlocal runs
        runs += 1
        raise mine

    with pytest.raises(ValueError, match="mine") as error:
        await done(space.update("a", fail))
    assert error.value is mine
    assert mine.__cause__ is None and mine.__context__ is None
    assert runs == 1
    assert await done(space.list()) == []
    assert await done(space.query()) == NOTHING
    assert (await done(space.update("a", lambda value, entry: 1))).attempts == 1


@either
async def test_a_value_read_is_the_function_s_own(api: ModuleType) -> None:
    """It may change what it was given and return it; nothing that it keeps changes the cell (C15)."""
    space = await done(api.open())
    kept: list[list[int]] = []

    def edit(value: list[int] | None, entry: Entry) -> list[int]:
        value = value or []
        value.append(len(value))
        kept.append(value)
        return value

    for _ in range(3):
        await done(space.update("a", edit))
    kept[-1].append(99)
    assert (await done(space.get("a"))).value == [0, 1, 2]


@either
async def test_each_run_reads_afresh(api: ModuleType) -> None:
    """What a run that lost has spoilt, the next does not see."""
    space = await done(api.open())
    await done(space.set("a", [1]))
    seen: list[list[int]] = []
    blocking = latchwork.open(f"memory:afresh {id(space)}")
    space = await done(api.open(f"memory:afresh {id(space)}"))
    blocking.set("a", [1])

    def edit(value: list[int], entry: Entry) -> list[int]:
        seen.append(list(value))
        if len(seen) == 1:
            blocking.set("a", [7])
        value.append(2)
        return value

    result = await done(space.update("a", edit))
    assert (seen, result.value, result.attempts) == ([[1], [7]], [7, 2], 2)
    blocking.close()
    await done(space.close())


@either
async def test_expiry(api: ModuleType) -> None:
    """Kept, unless it is given; an expired cell is absent to the function (C12)."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))

    def same(value: Any, entry: Entry) -> Any:
        return value or "new"

    await done(space.set("a", 1, expire_in=10))
    clock.advance(4)
    await done(space.update("a", same))
    assert (await done(space.get("a"))).expires_in == pytest.approx(6)
    await done(space.update("a", same, expire_in=KEEP))
    assert (await done(space.get("a"))).expires_in == pytest.approx(6)
    await done(space.update("a", same, expire_in=20))
    assert (await done(space.get("a"))).expires_in == pytest.approx(20)
    await done(space.update("a", same, expire_in=None))
    assert (await done(space.get("a"))).expires_in is None
    await done(space.update("a", same, expire_in=1))
    clock.advance(1)
    result = await done(space.update("a", same))
    assert result.value == "new"
    # The new cell is no refreshed one: it has nothing to keep.
    assert (await done(space.get("a"))).expires_in is None


@either
async def test_a_cell_that_expires_while_the_function_runs(api: ModuleType) -> None:
    """It runs again, on an absent cell."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    await done(space.set("a", 1, expire_in=10))
    seen: list[Any] = []

    def slow(value: Any, entry: Entry) -> int:
        seen.append(value)
        if value is not None:
            clock.advance(10)
        return 2

    result = await done(space.update("a", slow))
    assert (seen, result.attempts) == ([1, None], 2)


@either
async def test_the_limit_of_attempts(api: ModuleType) -> None:
    """`Conflict` names how often it ran and what stood in the way."""
    name = f"memory:limit {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)
    runs = 0

    def lose(value: Any, entry: Entry) -> int:
        nonlocal runs
        runs += 1
        other.set("a", runs)
        return -1

    with pytest.raises(latchwork.Conflict) as conflict:
        await done(space.update("a", lose, attempts=2))
    assert (runs, conflict.value.attempts, conflict.value.code) == (2, 2, "conflict")
    [stale] = conflict.value.conflicts
    now = other.get("a")
    assert (stale.key, stale.version) == ("a", now.version)
    assert stale.expected < stale.version
    assert now.value == 2
    assert other.query() == NOTHING
    other.close()
    await done(space.close())


@either
async def test_the_limit_of_losses_in_a_turn(api: ModuleType) -> None:
    """Writes that carry no function never wait for a turn; 16 of them in it end the call (C5)."""
    name = f"memory:losses {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)
    runs = 0

    def lose(value: Any, entry: Entry) -> int:
        nonlocal runs
        runs += 1
        other.set("a", runs)
        return -1

    with pytest.raises(latchwork.Conflict) as conflict:
        await done(space.update("a", lose))
    assert conflict.value.attempts == runs == 3 + 16
    assert other.get("a").value == runs
    assert other.query() == NOTHING
    other.close()
    await done(space.close())


@either
async def test_guards(api: ModuleType) -> None:
    """Written only while the guard holds what it must (C14)."""
    space, other = await done(api.open()), await done(api.open())

    def set_it(value: Any, entry: Entry) -> int:
        return 1

    guard, elsewhere = await done(space.lock("a", "b")), await done(other.lock("a"))
    assert (await done(space.update("doc", set_it, guard=guard))).changed
    assert (await done(space.update("doc", set_it, guard=guard, guard_keys=["a"]))).changed
    for options in ({"guard": elsewhere}, {"guard_keys": ["a"]}, {"guard": guard, "guard_keys": "a"}):
        with pytest.raises(latchwork.Invalid) as refused:
            await done(space.update("doc", set_it, **options))
        assert refused.value.what in options
    with pytest.raises(latchwork.Fenced):
        await done(space.update("doc", set_it, guard=guard, guard_keys=["c"]))
    guard.release("a")
    assert (await done(space.update("doc", set_it, guard=guard))).changed
    with pytest.raises(latchwork.Fenced):
        await done(space.update("doc", set_it, guard=guard, guard_keys=["a"]))
    before = (await done(space.get("doc"))).version

    def let_go(value: Any, entry: Entry) -> int:
        guard.release()
        return 2

    with pytest.raises(latchwork.Fenced) as fenced:
        await done(space.update("doc", let_go, guard=guard))
    assert fenced.value.token == guard.token
    assert (await done(space.get("doc"))).version == before
    elsewhere.release()


@either
async def test_an_owner_of_another_space(api: ModuleType) -> None:
    """It is refused before the function runs, and so is a closed one."""
    space, other = await done(api.open()), await done(api.open())
    with pytest.raises(latchwork.Invalid) as refused:
        await done(space.update("a", lambda value, entry: 1, owner=other.owner()))
    assert refused.value.what == "owner"
    owner = space.owner()
    assert (await done(space.update("a", lambda value, entry: 1, owner=owner))).changed
    await done(owner.close())
    with pytest.raises(latchwork.Cancelled):
        await done(space.update("a", lambda value, entry: 1, owner=owner))


@either
async def test_a_space_that_is_closed_by_the_function(api: ModuleType) -> None:
    """Nothing is written by a handle that is closed."""
    name = f"memory:closing {api.__name__}"
    space, other = await done(api.open(name)), latchwork.open(name)

    async def close() -> None:
        await done(space.close())

    def end(value: Any, entry: Entry) -> int:
        with contextlib.suppress(StopIteration):
            close().send(None)
        return 1

    with pytest.raises(latchwork.Closed):
        await done(space.update("a", end))
    assert other.get("a").version == 0
    other.close()


@either
async def test_a_sub_space(api: ModuleType) -> None:
    """Its keys are its own, also in what stood in the way."""
    space = await done(api.open())
    tenant = space.within(("tenant", 7))
    seen: list[Any] = []

    def add(value: int | None, entry: Entry) -> int:
        seen.append(entry.key)
        return (value or 0) + 1

    await done(tenant.update("seats", add))
    assert seen == ["seats"]
    assert (await done(space.get(("tenant", 7, "seats")))).value == 1

    blocking = latchwork.open()
    inside = blocking.within("t")

    def lose(value: Any, entry: Entry) -> int:
        blocking.set(("t", "a"), 1)
        return 2

    with pytest.raises(latchwork.Conflict) as conflict:
        inside.update("a", lose, attempts=1)
    assert [stale.key for stale in conflict.value.conflicts] == ["a"]


def test_a_coroutine_function_in_the_blocking_api() -> None:
    """It is refused; nothing of it has run."""
    space = latchwork.open()
    runs = 0

    async def later(value: Any, entry: Entry) -> int:
        nonlocal runs
        runs += 1
        return 1

    with pytest.raises(latchwork.InvalidType) as refused:
        space.update("a", later)
    assert (refused.value.what, runs) == ("fn", 0)
    assert space.list() == []
