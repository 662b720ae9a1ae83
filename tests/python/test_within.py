"""Sub-spaces: locks and cells under a prefix, and nothing else, whatever is asked, in both APIs."""

from __future__ import annotations

import asyncio
import gc
import itertools
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork.testing import ManualClock

from either_api import done, either

NUMBERS = itertools.count()


def keys_of(entries: list[latchwork.Entry]) -> list[latchwork.Key]:
    """The keys of entries."""
    return [entry.key for entry in entries]


@either
async def test_its_cells_are_those_under_the_prefix(api: ModuleType) -> None:
    """The parts of a tuple are parts of the prefix, and the key is the last part; everything is named without it."""
    space = await done(api.open())
    seven, eight = space.within(("t", 7)), space.within(("t", 8))
    deep = seven.within("docs")
    await done(seven.set("doc", 1))
    await done(eight.set("doc", 2))
    await done(deep.set(("a", 1), 3))
    await done(space.set(("t", 7, "doc", "more"), 4))
    assert (await done(space.get(("t", 7, "doc")))).value == 1
    assert (await done(space.get(("t", 7, ("docs", ("a", 1)))))).value == 3
    assert keys_of(await done(seven.list())) == ["doc", ("docs", ("a", 1))]
    assert keys_of(await done(seven.list(prefix="d"))) == ["doc"]
    assert keys_of(await done(seven.list(start="doc", end="dod"))) == ["doc"]
    assert keys_of(await done(seven.get_many("doc", "none"))) == ["doc", "none"]
    entry = await done(seven.get("doc"))
    assert (entry.key, entry.value) == ("doc", 1)
    refused = await done(seven.atomic().check(entry).insert("doc", 5).commit())
    assert [(conflict.key, conflict.entry.key) for conflict in refused.conflicts] == [("doc", "doc")]
    assert (await done(seven.insert("doc", 5))).entry.key == "doc"
    assert (await done(seven.compare_exchange("doc", 5, version=0))).entry.key == "doc"
    assert (await done(seven.compare_exchange(entry, 6))).ok
    assert (await done(seven.delete(entry))).entry.value == 6
    assert await done(seven.delete_all(start="", except_=["doc"])) == [("docs", ("a", 1))]
    assert await done(deep.list()) == []
    assert await done(eight.delete_all(prefix="doc")) == ["doc"]
    assert keys_of(await done(space.list())) == [("t", 7, "doc"), ("t", 7, "doc", "more")]


@either
async def test_its_locks_are_those_under_the_prefix(api: ModuleType) -> None:
    """Guards, queries and errors name its keys, and nothing of the others."""
    space = await done(api.open())
    sub = space.within("t")
    guard = await done(sub.lock("a", "b", shared=["c"], label="inside"))
    assert (guard.keys, guard.shared, guard.space) == (("a", "b"), ("c",), sub)
    assert "keys=('a', 'b') shared=('c',)" in repr(guard)
    outside = await done(space.lock("a", "other"))
    assert await done(space.try_lock(("t", "a"))) is None
    seen = await done(sub.query())
    assert [(hold.keys, hold.shared) for hold in seen.held] == [(("a", "b"), ("c",))]
    assert (await done(sub.query("other"))).held == []
    with pytest.raises(latchwork.LockTimeout) as late:
        await done(sub.lock("a", timeout=0))
    assert (late.value.keys, [by.key for by in late.value.blocked_by]) == (("a",), ["a"])
    with pytest.raises(latchwork.NotHeld) as missing:
        guard.release("a", "x")
    assert missing.value.keys == ("x",)
    with pytest.raises(latchwork.NotHeld) as missing:
        guard.downgrade("x")
    assert missing.value.keys == ("x",)
    guard.release("b")
    guard.downgrade("a")
    assert (guard.keys, guard.shared) == ((), ("c", "a"))
    (await done(sub.try_lock("b"))).release()
    assert await done(sub.with_lock("b", fn=keys_later if api is latchwork.aio else keys)) == ("b",)
    assert await done(sub.revoke("other")) == 0
    assert await done(sub.revoke("a")) == 1
    assert not guard.held and outside.held
    guard.release()
    with pytest.raises(latchwork.NotHeld) as missing:
        guard.release()
    assert missing.value.keys == ("c", "a")
    outside.release()


def keys(guard: latchwork.Guard) -> tuple[latchwork.Key, ...]:
    """The keys of a guard."""
    return guard.keys


async def keys_later(guard: latchwork.aio.Guard) -> tuple[latchwork.Key, ...]:
    """The same for asyncio."""
    return guard.keys


@either
async def test_a_wait_is_told_its_own_keys(api: ModuleType) -> None:
    """A time-out after a wait, and a query by another, name the keys as those do who ask."""
    clock = ManualClock()
    url = f"memory:within-{next(NUMBERS)}"
    space = await latchwork.aio.open(url, clock=clock)
    held = await done((await done(api.open(url, clock=clock))).within("t").lock("a"))
    sub = space.within("t")
    waiting = asyncio.ensure_future(sub.lock("a", "b", timeout=5))
    await asyncio.sleep(0)
    [wait] = (await sub.query()).pending
    assert (wait.keys, [by.key for by in wait.blocked_by]) == (("a", "b"), ["a"])
    [wait] = (await space.query()).pending
    assert (wait.keys, [by.key for by in wait.blocked_by]) == ((("t", "a"), ("t", "b")), [("t", "a")])
    clock.advance(5)
    with pytest.raises(latchwork.LockTimeout) as late:
        await waiting
    assert (late.value.keys, [by.key for by in late.value.blocked_by]) == (("a", "b"), ["a"])
    held.release()


@either
async def test_its_owners_stay_inside(api: ModuleType) -> None:
    """An owner's locks, its deadlocks and what is handed over to it have the keys of its sub-space."""
    space = await done(api.open())
    sub = space.within("t")
    one, job = sub.owner("one"), sub.owner("job")
    assert one.space is sub
    first, guard = await done(one.lock("a")), await done(one.lock("b"))
    assert first.held and guard.owner is one and await done(space.try_lock(("t", "b"))) is None
    with pytest.raises(latchwork.Deadlock) as error:
        await done(one.lock("b"))
    assert [step.key for step in error.value.cycle] == ["b"]
    given = await done(sub.lock("c", shared=["d"]))
    assert await done(given.hand_over(job, "sent"))
    taken = await next_of(job.handed_over)
    assert (taken.keys, taken.shared, taken.payload) == (("c",), ("d",), "sent")
    taken.release("d")
    assert taken.shared == ()
    with pytest.raises(latchwork.NotHeld) as missing:
        taken.release("d")
    assert missing.value.keys == ("d",)
    scope = await done(sub.lock("s"))
    with scope:
        inner = await done(scope.owner.lock("i"))
        assert inner.keys == ("i",)
        with pytest.raises(latchwork.Deadlock) as error:
            await done(scope.owner.lock("s"))
        assert [step.key for step in error.value.cycle] == ["s"]
        inner.release()
    for owner in (one, job):
        await done(owner.close())
    assert (await done(space.query())).held == []


async def next_of(handed: Any) -> Any:
    """The next guard that is handed over."""
    if hasattr(handed, "__anext__"):
        return await anext(handed)
    return next(handed)


@either
async def test_keys_that_it_cannot_name_are_held_with_the_others(api: ModuleType) -> None:
    """A lock of the space that is handed over into a sub-space is held whole, though it shows the keys inside only."""
    space = await done(api.open())
    job = space.within("t").owner()
    given = await done(space.lock("x", ("t", "a"), ("t", "b")))
    assert await done(given.hand_over(job))
    taken = await next_of(job.handed_over)
    assert taken.keys == ("a", "b")
    taken.downgrade()
    assert (taken.keys, taken.shared) == ((), ("a", "b"))
    assert await done(space.try_lock("x", mode="shared")) is None
    taken.release("a")
    taken.release("b")
    assert (taken.keys, taken.shared, taken.held) == ((), (), True)
    assert await done(space.try_lock("x")) is None
    taken.release()
    assert not taken.held
    assert (await done(space.query())).held == []
    given = await done(space.lock("x", "y", ("t", "a")))
    assert await done(given.hand_over(job))
    taken = await next_of(job.handed_over)
    assert await done(space.revoke("y")) == 1
    assert not taken.held
    with pytest.raises(latchwork.NotHeld) as missing:
        taken.release("a")
    assert missing.value.keys == ("a",)
    taken.release()
    assert (await done(space.query())).held == []


@either
async def test_a_hand_over_resolves_a_request_inside(api: ModuleType) -> None:
    """Whoever waits in the sub-space gets the guard with the keys by their names there, those of the giver."""
    url = f"memory:within-{next(NUMBERS)}"
    space = await latchwork.aio.open(url)
    giver = (await done(api.open(url))).within("t")
    job = space.within("t").owner("job")
    given = await done(giver.lock("a", "b"))
    waiting = asyncio.ensure_future(job.lock("b"))
    await asyncio.sleep(0)
    assert await done(given.hand_over(job.id, 7))
    guard = await waiting
    assert (guard.keys, guard.payload) == (("a", "b"), 7)
    guard.release()


@either
async def test_its_watches_see_what_is_inside(api: ModuleType) -> None:
    """States have its keys, and a change elsewhere is no state."""
    space = await done(api.open())
    sub = space.within("t")
    one, all_of_it = sub.watch("a"), sub.watch(prefix="")
    assert "'a'" in repr(one)
    assert [entry.version for entry in await next_of(one)] == [0]
    assert await next_of(all_of_it) == []
    await done(space.set("a", 1))
    await done(space.set(("t", "a", "b"), 1))
    await done(space.set(("t", "a"), 2))
    for states in (one, all_of_it):
        assert [(entry.key, entry.value) for entry in await next_of(states)] == [("a", 2)]
        await done(states.close() if api is latchwork else states.aclose())


@either
async def test_a_guard_of_it_fences_its_cells(api: ModuleType) -> None:
    """A write names the keys of its guard as the space names them that writes."""
    space = await done(api.open())
    sub = space.within("t")
    guard, outside = await done(sub.lock("doc")), await done(space.lock("doc"))
    assert (await done(sub.set("doc", 1, guard=guard))).version
    assert await done(sub.atomic().set("doc", 2).guard(guard, "doc").commit())
    assert await done(space.atomic().set("other", 2).guard(guard, ("t", "doc")).commit())
    with pytest.raises(latchwork.Fenced):
        await done(sub.atomic().set("doc", 3).guard(outside, "doc").commit())
    with pytest.raises(latchwork.Fenced):
        await done(space.atomic().set("doc", 3).guard(guard, "doc").commit())
    guard.release()
    with pytest.raises(latchwork.Fenced):
        await done(sub.insert("more", 3, guard=guard))
    outside.release()


@either
async def test_mutexes_are_of_its_keys(api: ModuleType) -> None:
    """A key of the sub-space as a lock of the standard library."""
    space = await done(api.open())
    sub = space.within("t")
    mutex = sub.mutex("m")
    assert await done(mutex.acquire())
    assert mutex.locked() and not space.mutex("m").locked() and space.mutex(("t", "m")).locked()
    assert await done(space.try_lock(("t", "m"))) is None
    mutex.release()


@either
async def test_it_is_its_space_in_all_else(api: ModuleType) -> None:
    """Epoch, meta, codec and limits are those of the space, and its end is."""
    meta = {"name": "orders"}
    space = await done(api.open(meta=meta, codec="json"))
    sub = space.within("t").within(("u", 1))
    assert (sub.epoch, sub.meta) == (space.epoch, meta) and sub.meta is meta
    assert repr(sub) == f"<{api.__name__}.Space within='t' within=('u', 1) epoch={space.epoch}>"
    with pytest.raises(latchwork.InvalidValue) as refused:
        await done(sub.close())
    assert (refused.value.what, refused.value.why) == ("space", "a sub-space ends with its space")
    with pytest.raises(latchwork.InvalidValue):
        if api is latchwork.aio:
            async with sub:
                raise AssertionError("it was entered")
        with sub:
            raise AssertionError("it was entered")
    guard = await done(sub.lock("a"))
    await done(space.close())
    assert not guard.held
    assert repr(sub).endswith(" closed>")
    with pytest.raises(latchwork.Closed):
        await done(sub.lock("a"))
    with pytest.raises(latchwork.Closed):
        await done(sub.get("a"))


@either
async def test_a_key_is_as_long_as_it_is_in_the_space(api: ModuleType) -> None:
    """What is too long with its prefix is refused before anything is done."""
    space = await done(api.open())
    sub = space.within("p" * 1000)
    await done(sub.set("k" * 1030, 1))
    for call in (
        lambda: sub.get("k" * 1100),
        lambda: sub.set("k" * 1100, 1),
        lambda: sub.lock("k" * 1100),
        lambda: sub.try_lock("k" * 1100),
        lambda: sub.query("k" * 1100),
        lambda: sub.revoke("k" * 1100),
        lambda: next_of(sub.watch("k" * 1100)),
    ):
        with pytest.raises(latchwork.Invalid) as refused:
            await done(call())
        assert refused.value.what == "key"
    for call in (lambda: sub.lock("a", "k" * 1100), lambda: sub.get_many("a", "k" * 1100)):
        with pytest.raises(latchwork.Invalid) as refused:
            await done(call())
        assert refused.value.what == "keys[1]"
    with pytest.raises(latchwork.Invalid):
        sub.atomic().set("k" * 1100, 1)
    assert (await done(space.query())).held == []


@either
async def test_it_is_kept_by_what_uses_it(api: ModuleType) -> None:
    """A guard, an owner or a watch of a sub-space that nobody else names lives on."""
    space = await done(api.open())
    guard = await done(space.within("t").lock("a"))
    watch = space.within("t").watch("a")
    gc.collect()
    assert guard.held and guard.space.epoch == space.epoch
    await done(space.set(("t", "a"), 1))
    assert [entry.value for entry in await next_of(watch)] == [1]
    guard.release()


@either
async def test_the_owner_of_a_scope_is_found_in_it(api: ModuleType) -> None:
    """With an ambient owner a sub-space knows the scopes of its space, and the space those of the sub-space."""
    space = await done(api.open(ambient_owner=True))
    sub = space.within("t")
    guard = await done(sub.lock("a"))
    with guard, pytest.raises(latchwork.Deadlock) as error:
        await done(space.lock(("t", "a")))
    assert [step.key for step in error.value.cycle] == [("t", "a")]
    guard = await done(space.lock(("t", "a")))
    with guard, pytest.raises(latchwork.Deadlock) as error:
        await done(sub.lock("a"))
    assert [step.key for step in error.value.cycle] == ["a"]
