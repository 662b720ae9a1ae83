"""Writes that name a guard: made only while it is held, at that very instant (C14)."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork.testing import ManualClock

from either_api import done, either
from loop_thread import LoopThread


async def refused(space: Any, guard: Any) -> None:
    """Every operation that writes refuses the guard, and writes nothing."""
    await done(space.set("doc", "kept"))
    entry, before = await done(space.get("doc")), await done(space.list())
    calls: list[Any] = [
        lambda: space.set("doc", 1, guard=guard),
        lambda: space.insert("new", 1, guard=guard),
        lambda: space.compare_exchange(entry, 1, guard=guard),
        lambda: space.compare_exchange("doc", 1, version=0, guard=guard),
        lambda: space.delete("doc", guard=guard),
        lambda: space.delete(entry, guard=guard),
        lambda: space.atomic().set("doc", 1).guard(guard).commit(),
    ]
    for call in calls:
        with pytest.raises(latchwork.Fenced) as fenced:
            await done(call())
        assert (fenced.value.code, fenced.value.token) == ("fenced", guard.token)
    assert await done(space.list()) == before


@either
async def test_a_guard_that_is_held(api: ModuleType) -> None:
    """Each operation that writes takes it."""
    space = await done(api.open())
    guard = await done(space.lock("a", "b"))
    assert await done(space.set("doc", 1, guard=guard))
    assert await done(space.insert("new", 1, guard=guard))
    assert not await done(space.insert("new", 2, guard=guard))
    entry = await done(space.get("doc"))
    assert await done(space.compare_exchange(entry, 2, guard=guard))
    assert (await done(space.delete("doc", guard=guard))).existed
    assert await done(space.atomic().guard(guard).guard(guard, "b").set("doc", 1).commit())
    guard.release("a")
    assert await done(space.set("doc", 3, guard=guard))
    with pytest.raises(latchwork.Fenced):
        await done(space.atomic().guard(guard, "a").set("doc", 4).commit())
    with pytest.raises(latchwork.Fenced):
        await done(space.atomic().guard(guard, "never asked").set("doc", 4).commit())
    guard.release()
    await refused(space, guard)


@either
async def test_a_guard_that_was_lost_in_part(api: ModuleType) -> None:
    """Losing one key loses the guard."""
    space = await done(api.open())
    guard = await done(space.lock("a", "b"))
    await done(space.revoke("a"))
    await refused(space, guard)
    with pytest.raises(latchwork.Fenced):
        await done(space.atomic().guard(guard, "b").set("doc", 4).commit())
    guard.release()


@either
async def test_a_guard_past_its_longest_hold(api: ModuleType) -> None:
    """Decided at the commit: on a clock of the host's, nobody ticked since."""
    clock = ManualClock()
    space = await done(api.open(clock=clock))
    guard = await done(space.lock("a", max_hold=1))
    assert await done(space.set("doc", 1, guard=guard))
    clock.advance(1)
    await refused(space, guard)


@either
async def test_a_guard_that_was_handed_over(api: ModuleType) -> None:
    """The giver's is fenced, the taker's is not."""
    space = await done(api.open())
    owner = space.owner()
    guard = await done(space.lock("a"))
    await done(guard.hand_over(owner))
    await refused(space, guard)
    taken = next(owner.handed_over) if api is latchwork else await anext(owner.handed_over)
    assert await done(space.set("doc", 1, guard=taken))
    taken.release()


@either
async def test_a_guard_after_its_successor(api: ModuleType) -> None:
    """A stale one never passes for the newer one, which may have its place in the tables."""
    space = await done(api.open())
    stale = await done(space.lock("a"))
    stale.release()
    current = await done(space.lock("a"))
    await refused(space, stale)
    assert await done(space.set("doc", 1, guard=current))
    current.release()


@either
async def test_guards_of_the_other_api_and_of_other_handles(api: ModuleType) -> None:
    """They name the same thing, where the space is the same."""
    space = await done(api.open("memory:guards"))
    blocking, aio = latchwork.open("memory:guards"), await latchwork.aio.open("memory:guards")
    for guard in (blocking.lock("a"), await aio.lock("b"), await done(space.lock("c"))):
        assert await done(space.set("doc", 1, guard=guard))
        guard.release()
        await refused(space, guard)
        await done(space.delete("doc"))
    lost = blocking.lock("a")
    blocking.close()
    await refused(space, lost)
    for other in (space, aio):
        await done(other.close())


@either
async def test_guards_of_another_space(api: ModuleType) -> None:
    """Also of one that had the same name before, or has the same tickets."""
    space, other = await done(api.open("memory:first life")), await done(api.open())
    guards = [await done(other.lock("a")), latchwork.open().lock("a")]
    before = await done(space.lock("a"))
    await done(space.close())
    again = await done(api.open("memory:first life"))
    held = await done(again.lock("a"))
    assert (held.token, held.held) == (before.token, True)
    for guard in (*guards, before):
        calls: list[Any] = [
            lambda guard=guard: again.set("doc", 1, guard=guard),
            lambda guard=guard: again.atomic().guard(guard).commit(),
        ]
        for call in calls:
            with pytest.raises(latchwork.Invalid) as refusal:
                await done(call())
            assert refusal.value.what == "guard"
    assert await done(again.list()) == []
    for guard in (*guards, held):
        guard.release()
    await done(again.close())


@either
async def test_a_request_that_was_not_awaited_is_no_guard(api: ModuleType) -> None:
    """It holds nothing yet."""
    space = await done(api.open("memory:requests"))
    aio = await latchwork.aio.open("memory:requests")
    request = aio.lock("a")
    with pytest.raises(latchwork.Invalid) as refusal:
        await done(space.set("doc", 1, guard=request))
    assert refusal.value.what == "guard"
    guard = await request
    assert await done(space.set("doc", 1, guard=guard))
    guard.release()
    for each in (space, aio):
        await done(each.close())


def test_a_guard_of_another_loop() -> None:
    """It is fenced there when it is revoked here."""
    with LoopThread() as there:
        space = there.run(latchwork.aio.open("memory:loops"))

        async def take() -> latchwork.aio.Guard:
            return await space.lock("a")

        guard = there.run(take())

        async def main() -> None:
            here = await latchwork.aio.open("memory:loops")
            assert await here.set("doc", 1, guard=guard)
            await here.revoke("a")
            await refused(here, guard)
            await here.close()

        asyncio.run(main())
        there.run(space.close())


@either
async def test_a_codec_that_releases_the_guard(api: ModuleType) -> None:
    """What is held counts at the instant of the write, not of the call."""
    guards: list[Any] = []

    def encode(value: str) -> bytes:
        for guard in guards:
            guard.release()
        return value.encode()

    space = await done(api.open(codec=(encode, bytes.decode)))
    guards.append(await done(space.lock("a")))
    with pytest.raises(latchwork.Fenced):
        await done(space.set("doc", "text", guard=guards[0]))
