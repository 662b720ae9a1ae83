"""Owners: one line of work, on both APIs, across threads, loops and handles (L11, L12)."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import OwnerName, Query

from child import fine
from loop_thread import LoopThread, until

NOTHING = Query([], [])


def name(owner: latchwork.Owner | latchwork.aio.Owner) -> OwnerName:
    """An owner as queries and errors show it."""
    return OwnerName(owner.id, owner.label)


def waits(error: latchwork.Deadlock) -> list[tuple[str | None, Any]]:
    """A circle, for short: who waits for what."""
    return [(step.owner.label if step.owner else None, step.key) for step in error.cycle]


def test_what_an_owner_says_of_itself() -> None:
    """An id of its own, its label, whether it is closed."""
    with latchwork.open() as space:
        named, unnamed = space.owner("checkout"), space.owner()
        assert named.label == "checkout" and unnamed.label is None
        assert len({named.id, unnamed.id, space.owner("checkout").id}) == 3
        assert named.space is space and not named.closed
        assert repr(named) == f"<latchwork.Owner 'checkout' id={named.id}>"
        assert named.close() == 0 and named.closed
        assert repr(named) == f"<latchwork.Owner 'checkout' id={named.id} closed>"


def test_an_own_key_asked_again() -> None:
    """Is refused at once, with nothing queued; what is held stays held; without an owner nobody is refused."""
    with latchwork.open() as space:
        owner = space.owner("checkout")
        guard = owner.lock("cart", shared=["prices"])
        assert guard.owner is owner
        for keys, shared in ((["cart"], []), (["stock", "cart"], []), (["prices"], []), ([], ["cart"])):
            with pytest.raises(latchwork.Deadlock) as error:
                owner.lock(*keys, shared=shared, label="again")
            (step,) = error.value.cycle
            assert (step.owner, step.label, step.key in ("cart", "prices")) == (name(owner), "again", True)
            assert pickle.loads(pickle.dumps(error.value)).cycle == error.value.cycle
        with pytest.raises(latchwork.Deadlock):
            owner.lock("cart", timeout=0)
        owner.lock(shared=["prices"]).release()
        assert owner.try_lock("cart") is None
        with pytest.raises(latchwork.LockTimeout):
            space.lock("cart", timeout=0)
        assert guard.held and space.query().pending == []
        (hold,) = space.query().held
        assert hold.owner == name(owner)
        guard.release()
        assert space.query() == NOTHING


def test_a_circle_of_three() -> None:
    """Runs through both APIs, through a request that merely waits, and through one without an owner; one is refused."""

    async def main() -> None:
        async with await latchwork.aio.open("memory:circle") as space:
            with latchwork.open("memory:circle") as blocking:
                one, two = space.owner("one"), blocking.owner("two")
                first = await one.lock("a")
                second = await space.lock("b", owner=two)
                assert second.owner is not None and second.owner.id == two.id
                queued = asyncio.create_task(space.lock("b", "free", label="nobody's"))
                behind = asyncio.create_task(one.lock("free"))
                await asyncio.sleep(0)
                before = await space.query()
                with pytest.raises(latchwork.Deadlock) as error:
                    two.lock("a", timeout=5)
                assert waits(error.value) == [("two", "a"), ("one", "free"), (None, "b")]
                assert [step.label for step in error.value.cycle] == [None, None, "nobody's"]
                assert len(before.pending) == len((await space.query()).pending) == 2
                wait = next(wait for wait in before.pending if wait.owner == name(one))
                assert [(by.label, by.owner) for by in wait.blocked_by] == [("nobody's", None)]
                second.release()
                (await queued).release()
                (await behind).release()
                first.release()
                assert await space.query() == NOTHING

    asyncio.run(main())


def test_close_ends_what_an_owner_has() -> None:
    """Its waits fail with `cancelled`, on every API and loop; its locks go to the next; later requests fail."""

    async def main() -> None:
        async with await latchwork.aio.open("memory:close") as space:
            owner = space.owner("job")
            held = [await owner.lock("a"), await owner.lock("b")]
            free = await space.lock("c", "d")
            waiting = asyncio.create_task(owner.lock("c"))
            other = asyncio.create_task(space.lock("a", "b"))
            failed: list[BaseException] = []

            def block() -> None:
                with latchwork.open("memory:close") as blocking, pytest.raises(latchwork.Cancelled) as error:
                    blocking.lock("d", owner=owner)
                failed.append(error.value)

            thread = threading.Thread(target=block)
            thread.start()
            while len((await space.query()).pending) < 3:
                await asyncio.sleep(0)
            assert await owner.close() == 4
            assert [guard.held for guard in held] == [False, False]
            with pytest.raises(latchwork.Cancelled):
                await waiting
            assert (await other).held
            thread.join()
            assert len(failed) == 1 and free.held
            for call in (owner.lock("z"), owner.try_lock("z"), space.lock("z", owner=owner)):
                with pytest.raises(latchwork.Cancelled):
                    await call
            for guard in held:
                with pytest.raises(latchwork.NotHeld):
                    guard.release()
            assert await owner.close() == 0 and owner.closed
            (await other).__exit__(None, None, None)
            free.release()
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_close_in_the_turn_of_a_grant() -> None:
    """A task that was granted its lock and has not seen it yet is told that its owner was closed."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            for handed in (False, True):
                owner = space.owner()
                guard = await space.lock("a", "b")
                waiting = asyncio.create_task(owner.lock("a"))
                await asyncio.sleep(0)
                if handed:
                    assert await guard.hand_over(owner)
                else:
                    guard.release()
                assert await owner.close() == 1
                with pytest.raises(latchwork.Cancelled):
                    await waiting
                assert await space.query() == NOTHING

    asyncio.run(main())


def test_with_closes() -> None:
    """On both APIs."""
    with latchwork.open() as space, space.owner() as owner:
        guard = owner.lock("a")
    assert owner.closed and not guard.held

    async def aio() -> None:
        async with await latchwork.aio.open() as space, space.owner() as owner:
            guard = await owner.lock("a")
        assert owner.closed and not guard.held

    asyncio.run(aio())


def test_the_owner_of_a_block() -> None:
    """Is there for the asking, the same one each time, and ends with the block; a plain lock has none."""
    with latchwork.open() as space:
        guard = space.lock("a")
        assert guard.owner is None
        with guard:
            owner = guard.owner
            assert owner is not None and guard.owner is owner
            inner = owner.lock("b")
            with pytest.raises(latchwork.Deadlock):
                owner.lock("a")
            assert {hold.owner for hold in space.query().held} == {name(owner)}
        assert owner.closed and not inner.held and guard.owner is owner
        with space.lock("a") as never_asked:
            pass
        assert never_asked.owner is None

        def body(guard: latchwork.Guard) -> latchwork.Owner:
            assert guard.owner is not None
            with pytest.raises(latchwork.Deadlock):
                guard.owner.lock("a")
            return guard.owner

        assert space.with_lock("a", fn=body).closed
        own = space.owner("own")
        assert own.with_lock("a", fn=lambda guard: guard.owner is own)
        assert not own.closed
        assert space.query() == NOTHING


def test_the_owner_of_a_block_of_asyncio() -> None:
    """The same."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            guard = await space.lock("a")
            assert guard.owner is None
            with guard:
                assert guard.owner is not None
            assert guard.owner is not None and guard.owner.closed
            async with space.lock("a") as guard:
                owner = guard.owner
                assert owner is not None and guard.owner is owner
                async with owner.lock("b") as inner:
                    assert inner.owner is owner
                    with pytest.raises(latchwork.Deadlock):
                        await owner.lock("a")
                    waiting = asyncio.create_task(owner.lock("c", "d"))
                    await asyncio.sleep(0)
            with pytest.raises(latchwork.NotHeld):
                (await waiting).release()
            assert owner.closed

            async def body(guard: latchwork.aio.Guard) -> bool:
                assert guard.owner is not None
                with pytest.raises(latchwork.Deadlock):
                    await guard.owner.lock("a")
                return True

            assert await space.with_lock("a", fn=body)
            own = space.owner("own")
            assert await own.with_lock("a", fn=body)
            assert not own.closed
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_one_owner_in_several_threads_and_loops() -> None:
    """Whoever asks, the owner is the same: its own key is refused everywhere, and a circle is seen."""
    with LoopThread() as here, LoopThread() as there, latchwork.open("memory:lines") as space:
        aio = here.run(latchwork.aio.open("memory:lines"))
        one, two = space.owner("one"), aio.owner("two")
        first = space.lock("a", owner=one)

        async def take(*keys: str, owner: latchwork.Owner | latchwork.aio.Owner) -> latchwork.aio.Guard:
            return await aio.lock(*keys, owner=owner)

        for thread in (here, there):
            with pytest.raises(latchwork.Deadlock):
                thread.run(take("a", owner=one))
        second = there.run(take("b", owner=two))
        waiting = here.start(take("a", owner=two))
        until(lambda: space.query("a").pending)
        with pytest.raises(latchwork.Deadlock) as error:
            space.lock("b", owner=one)
        assert waits(error.value) == [("one", "b"), ("two", "a")]
        first.release()
        waiting.result(30).release()
        second.release()
        here.run(aio.close())


def test_control_without_owners_a_circle_stands() -> None:
    """Nobody is refused: both wait for ever, which is what the tests above would see without the search."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            guards = [await space.lock("a"), await space.lock("b")]
            waiting = [asyncio.create_task(space.lock(key)) for key in ("b", "a")]
            for _ in range(10):
                await asyncio.sleep(0)
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            for guard in guards:
                guard.release()

    asyncio.run(main())


def test_an_owner_in_a_forked_child() -> None:
    """It is another one there, of the same label, with nothing held; the parent's is untouched."""
    fine(
        """
        import latchwork, os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        if not hasattr(os, "fork"):
            print("fine")
            raise SystemExit
        space = latchwork.open()
        owner = space.owner("line")
        guard = owner.lock("a")
        with space.lock("b") as scoped:
            inner = scoped.owner
            pid = os.fork()
            if pid == 0:
                try:
                    assert owner.label == "line"
                    with owner.lock("a") as again:
                        try:
                            owner.lock("a")
                        except latchwork.Deadlock as error:
                            assert error.cycle[0].owner.id == owner.id
                        else:
                            raise AssertionError("not refused")
                    assert owner.close() == 0
                except BaseException:
                    import traceback
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            assert status == 0, status
            assert guard.held and not owner.closed and not inner.closed
        assert inner.closed
        print("fine")
        """
    )
