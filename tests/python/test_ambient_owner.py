"""`ambient_owner`: whatever runs inside a block belongs to the block's owner (L12)."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import latchwork
import latchwork.aio
import pytest

NOTHING = latchwork.Query([], [])


def test_a_lock_inside_a_block_is_of_its_owner() -> None:
    """On the blocking API: an own key is refused however deep, and the context is as before afterwards."""
    with latchwork.open(ambient_owner=True) as space:
        with space.lock("a") as outer:
            with space.lock("b") as inner:
                assert inner.owner is outer.owner
                with pytest.raises(latchwork.Deadlock):
                    space.lock("a")
                assert space.try_lock("a") is None
                with pytest.raises(latchwork.Deadlock):
                    space.with_lock("b", fn=lambda _: None)
            guard = space.lock("b")
            assert guard.owner is outer.owner
            guard.release()
        guard = space.lock("a")
        assert guard.owner is None
        guard.release()
        assert space.with_lock("c", fn=lambda guard: space.with_lock("d", fn=lambda other: other.owner is guard.owner))
        named = space.owner("named")
        with space.lock("e"), space.lock("f", owner=named) as other:
            assert other.owner is named
            with space.lock("g") as below:
                assert below.owner is named
        for each in ("a", "b", "c"):
            space.lock(each, timeout=0).release()


def test_a_thread_has_its_own_context() -> None:
    """It is another line of work."""
    with latchwork.open(ambient_owner=True) as space, space.lock("a"):
        owners: list[latchwork.Owner | None] = []

        def other() -> None:
            guard = space.lock("b")
            owners.append(guard.owner)
            guard.release()

        thread = threading.Thread(target=contextvars.Context().run, args=(other,))
        thread.start()
        thread.join()
        assert owners == [None]


def test_tasks_carry_it() -> None:
    """A task started in a block belongs to it; one started with a context of its own, or after the block, does not."""

    async def main() -> None:
        async with await latchwork.aio.open(ambient_owner=True) as space:

            async def owner() -> latchwork.aio.Owner | None:
                guard = await space.lock("b")
                guard.release()
                return guard.owner

            go = asyncio.Event()

            async def later() -> latchwork.aio.Owner | None:
                await go.wait()
                return await owner()

            async with space.lock("a") as guard:
                assert await owner() is guard.owner
                assert await asyncio.create_task(owner()) is guard.owner
                apart = contextvars.Context().run(asyncio.ensure_future, owner())
                assert await apart is None
                with pytest.raises(latchwork.Deadlock):
                    await asyncio.create_task(space.lock("a"))
                outlives = asyncio.create_task(later())
            go.set()
            assert await outlives is None
            assert await owner() is None

            async def body(guard: latchwork.aio.Guard) -> bool:
                return await owner() is guard.owner

            assert await space.with_lock("a", fn=body)
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_handles_of_one_space_share_it() -> None:
    """Both APIs, by the name of the space; another space has another."""
    with (
        latchwork.open("memory:ambient", ambient_owner=True) as space,
        latchwork.open("memory:ambient", ambient_owner=True) as handle,
        latchwork.open("memory:other", ambient_owner=True) as other,
        space.lock("a") as guard,
    ):
        assert guard.owner is not None
        with handle.lock("b") as same:
            assert same.owner is not None and same.owner.id == guard.owner.id
        stranger = other.lock("a")
        assert stranger.owner is None
        stranger.release()


def test_openings_of_a_name_agree() -> None:
    """On whether its scopes are found by the context, in both APIs; a name that has ended is free to differ."""

    async def aio(**options: bool) -> None:
        async with await latchwork.aio.open("memory:agree", **options):  # type: ignore[arg-type]
            pass

    for first, other in ((True, False), (False, True)):
        with latchwork.open("memory:agree", ambient_owner=first):
            latchwork.open("memory:agree", ambient_owner=first).close()
            asyncio.run(aio(ambient_owner=first))
            with pytest.raises(latchwork.Invalid) as error:
                latchwork.open("memory:agree", ambient_owner=other)
            assert error.value.what == "ambient_owner"
            with pytest.raises(latchwork.Invalid) as error:
                asyncio.run(aio(ambient_owner=other))
            assert error.value.what == "ambient_owner"
        with latchwork.open("memory:agree", ambient_owner=other):
            pass


def test_control_without_the_option() -> None:
    """A lock inside a block has no owner: the same program stands still, here up to its time-out."""
    with latchwork.open() as space, space.lock("a") as guard:
        assert guard.owner is not None
        with pytest.raises(latchwork.LockTimeout):
            space.lock("a", timeout=0)
        with space.lock("b") as inner:
            assert inner.owner is not guard.owner
