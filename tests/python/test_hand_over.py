"""Locks that change hands or are taken away: hand-over, partial release, downgrade, revoke, end (L9, L13, L15)."""

from __future__ import annotations

import asyncio
import threading

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import LIMIT, until

NOTHING = Query([], [])


def parts(guard: latchwork.Guard) -> tuple[tuple[latchwork.Key, ...], tuple[latchwork.Key, ...]]:
    """The keys that it has, exclusively and shared."""
    return guard.keys, guard.shared


def test_a_subset_is_released_the_rest_stays() -> None:
    """And nothing changes where one of several is not held."""
    with latchwork.open() as space:
        guard = space.lock("a", "b", shared=["c"])
        with pytest.raises(latchwork.NotHeld) as error:
            guard.release("a", "x")
        assert error.value.keys == ("x",) and guard.keys == ("a", "b")
        guard.release("a")
        assert guard.held and parts(guard) == (("b",), ("c",))
        space.lock("a", timeout=0).release()
        guard.downgrade()
        assert parts(guard) == ((), ("c", "b"))
        space.lock(shared=["b"], timeout=0).release()
        guard.release("b", "c")
        assert not guard.held
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        with pytest.raises(latchwork.NotHeld):
            guard.downgrade()
        assert space.query() == NOTHING


def test_s11_hand_over() -> None:
    """A handler hands its lock to a job and dies: the lock stays taken, the queue keeps its order; also in chains."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            job = space.owner("job")
            guard = await space.lock("encoder")
            token = guard.token
            queued = asyncio.create_task(space.lock("encoder"))
            await asyncio.sleep(0)
            answer = await guard.hand_over(job, payload={"film": 1})
            assert answer and answer.delivered and not guard.held
            with pytest.raises(latchwork.NotHeld):
                await guard.hand_over(job)
            del guard
            assert await space.try_lock("encoder") is None
            (hold,) = (await space.query()).held
            assert hold.owner is not None and hold.owner.label == "job"
            inbox = job.handed_over
            passed = await asyncio.wait_for(inbox.__anext__(), LIMIT)
            assert (passed.keys, passed.token, passed.payload) == (("encoder",), token, {"film": 1})
            assert passed.owner is job
            with pytest.raises(latchwork.Invalid):
                await passed.hand_over(job)
            for number in range(1000):
                following = space.owner()
                assert await passed.hand_over(following.id, number)
                passed = await following.handed_over.__anext__()
                assert passed.payload == number and passed.token == token
            assert not queued.done()
            closed = space.owner()
            await closed.close()
            assert not await passed.hand_over(closed)
            (await queued).release()
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_s11_to_an_owner_that_waits() -> None:
    """Its request is resolved with the very lock, on both APIs; whatever else overlaps is refused."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            owner = space.owner("waits")
            guard = await space.lock("a", "b")
            waiting = asyncio.create_task(owner.lock("b"))
            await asyncio.sleep(0)
            assert await guard.hand_over(owner, "take it")
            got = await waiting
            assert (got.keys, got.token, got.payload) == (("a", "b"), guard.token, "take it")
            got.release()
            guard = await space.lock("a")
            waiting = asyncio.create_task(owner.lock("a", "z"))
            await asyncio.sleep(0)
            with pytest.raises(latchwork.Deadlock):
                await guard.hand_over(owner)
            guard.release()
            (await waiting).release()

    asyncio.run(main())
    with latchwork.open() as space:
        owner = space.owner()
        guard = space.lock("a", "b")
        got: list[latchwork.Guard] = []
        thread = threading.Thread(target=lambda: got.append(owner.lock("a")))
        thread.start()
        until(lambda: space.query().pending)
        assert guard.hand_over(owner, 7)
        thread.join(LIMIT)
        assert (got[0].keys, got[0].payload) == (("a", "b"), 7)
        got[0].release()


def test_handed_over_waits_and_ends() -> None:
    """For the next guard, from another thread; the iterators end when the owner is closed."""
    with latchwork.open() as space:
        owner = space.owner()
        got: list[str] = []

        def work() -> None:
            for guard in owner.handed_over:
                with guard:
                    got.extend(str(key) for key in guard.keys)

        thread = threading.Thread(target=work)
        thread.start()
        for key in ("a", "b"):
            assert space.lock(key).hand_over(owner)
            until(lambda key=key: key in got)  # type: ignore[misc]
        owner.close()
        thread.join(LIMIT)
        assert got == ["a", "b"] and not thread.is_alive()

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            owner = aio.owner()

            async def take() -> list[str]:
                taken = []
                async for guard in owner.handed_over:
                    guard.release()
                    taken.append(str(guard.token))
                return taken

            task = asyncio.create_task(take())
            await asyncio.sleep(0)
            assert await (await aio.lock("a")).hand_over(owner)
            while (await aio.query()).held:
                await asyncio.sleep(0)
            await owner.close()
            assert len(await task) == 1

    asyncio.run(main())


def test_s11_control_a_lock_without_hand_over() -> None:
    """Released and taken again, it goes to whoever stands in line."""
    with latchwork.open() as space:
        guard = space.lock("encoder")
        taken = threading.Event()

        def take() -> None:
            space.lock("encoder").release()
            taken.set()

        thread = threading.Thread(target=take)
        thread.start()
        until(lambda: space.query().pending)
        guard.release()
        assert taken.wait(LIMIT)
        thread.join()


def test_revoke() -> None:
    """Losing one key loses the guard; the rest stays reserved until it is released; a release is no loss."""
    with latchwork.open() as space:
        guard = space.lock("a", "b")
        lost, other = guard.lost, space.lock("c")
        assert not lost.is_set() and not lost.wait(timeout=0)
        assert space.revoke("a") == 1 and space.revoke("a") == 0
        assert lost.wait() and lost.is_set() and guard.lost.is_set() and not guard.held
        space.lock("a", timeout=0).release()
        assert space.try_lock("b") is None
        guard.release()
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        assert guard.lost.is_set(), "once lost, for ever"
        never = other.lost
        other.release()
        assert not never.is_set() and not other.lost.is_set()
        for keys in (("a",), ("a", "b")):
            with space.lock(*keys) as guard:
                assert space.revoke("a") == 1
            assert guard.lost.is_set(), "also where it is asked for the first time after the block"
            with space.lock(*keys) as guard:
                pass
            assert not guard.lost.is_set()
        assert space.query() == NOTHING

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            guard = await aio.lock("a")
            waiting = asyncio.create_task(guard.lost.wait())
            await asyncio.sleep(0)
            assert not waiting.done()
            assert await aio.revoke("a") == 1
            assert await asyncio.wait_for(waiting, LIMIT) and await guard.lost and guard.lost.is_set()
            for keys in (("a",), ("a", "b")):
                async with aio.lock(*keys) as guard:
                    assert await aio.revoke("a") == 1
                assert guard.lost.is_set()
                async with aio.lock(*keys) as guard:
                    pass
                assert not guard.lost.is_set()

    asyncio.run(main())


def test_max_hold() -> None:
    """By a clock that is moved, and by the host's, where nobody else keeps time."""
    clock = ManualClock()
    with latchwork.open(clock=clock) as space:
        guard = space.lock("a", max_hold=1)
        lost = guard.lost
        clock.advance(0.5)
        assert guard.held
        clock.advance(0.5)
        assert not guard.held and lost.is_set()
        space.lock("a", timeout=0).release()
    with latchwork.open() as space:
        guard = space.owner().lock("a", max_hold=0.01)
        space.lock("a").release()
        assert guard.lost.wait(timeout=LIMIT) and not guard.held

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            guard = await aio.lock("a", max_hold=0.01)
            (await aio.lock("a")).release()
            await asyncio.wait_for(guard.lost, LIMIT)

    asyncio.run(main())


def test_limits_and_meta() -> None:
    """One more than may wait is refused with the limit; the meta is that of the first opening."""
    meta = {"schema": 1}
    with latchwork.open("memory:limits", max_waiters_per_key=0, meta=meta) as space, space.lock("a"):
        with pytest.raises(latchwork.Busy) as error:
            space.lock("a")
        assert error.value.limit == 0
        assert space.meta is meta
        with latchwork.open("memory:limits", max_waiters_per_key=0, meta="another") as again:
            assert again.meta is meta
        with pytest.raises(latchwork.Invalid) as refused:
            latchwork.open("memory:limits", max_waiters_per_key=1)
        assert refused.value.what == "max_waiters_per_key"
    with latchwork.open() as space:
        assert space.meta is None


def test_a_query_can_be_read() -> None:
    """A line for each lock and each wait."""
    clock = ManualClock()

    async def main() -> str:
        async with await latchwork.aio.open(clock=clock) as space:
            async with space.lock("a", label="pay", owner=space.owner("checkout")):
                waiting = asyncio.create_task(space.lock("b", shared=["a"]))
                await asyncio.sleep(0)
                clock.advance(1.5)
                shown = str(await space.query())
            (await waiting).release()
            assert str(await space.query()) == "nothing is held, nothing waits"
            return shown

    assert asyncio.run(main()).splitlines() == [
        "held     'a' for 'pay' of owner 'checkout', token 1, waited for since 1.500 s",
        "waiting  'b' + 'a' shared, place 1, since 1.500 s, behind: 'a' held by 'pay'",
    ]


def test_a_slip_hands_nothing_over() -> None:
    """To what no owner of the space ever had as its id is refused; to a closed one nothing is delivered (L13)."""
    with latchwork.open() as space, latchwork.open() as elsewhere:
        owner, closed = space.owner(), space.owner()
        closed.close()
        life, _, number = owner.id.partition("-")
        guard = space.lock("a", label="report")
        slips: list[object] = ["", "nobody", life, f"{life}-0", f"{life}-9", f"{life}-0{number}", f"{owner.id} "]
        for slip in [*slips, elsewhere.owner().id, elsewhere.owner(), None, 5]:
            with pytest.raises(latchwork.Invalid) as error:
                guard.hand_over(slip)  # type: ignore[arg-type]
            assert error.value.what == "owner" and guard.held
        assert "neither an Owner nor the id of one" in str(error.value)
        assert not guard.hand_over(closed.id)
        with pytest.raises(latchwork.NotHeld, match="label='report'"):
            guard.release()

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            guard = await aio.lock("a")
            with pytest.raises(latchwork.Invalid):
                await guard.hand_over("nobody")
            assert guard.held

    asyncio.run(main())


def test_what_is_over_is_over_for_whoever_asks() -> None:
    """What is asked is decided by the clock at the asking, before anybody has told the end (B5)."""
    with latchwork.open() as space:
        kept: list[latchwork.Guard] = []

        def over() -> latchwork.Guard:
            kept.append(space.lock("a", max_hold=0))
            return kept[-1]

        guard = over()
        assert not guard.held and guard.lost.is_set()
        over()
        tried = space.try_lock("a")
        assert tried is not None
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        tried.release()
        over()
        space.lock("a", timeout=0).release()
        over()
        space.lock("a").release()
        over()
        assert space.query() == NOTHING
        last = over()
        with pytest.raises(latchwork.NotHeld):
            last.downgrade()
        over()
        assert space.revoke("a") == 0

    async def wait(aio: latchwork.aio.Space) -> latchwork.aio.Guard:
        return await aio.lock("a", timeout=LIMIT)

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            for _ in range(3):
                guard = await aio.lock("a", max_hold=0)
                assert not guard.held and guard.lost.is_set()
            # A request that waits learns of an end that another call found.
            guard = await aio.lock("a", max_hold=0.001)
            waiting = asyncio.create_task(wait(aio))
            await asyncio.sleep(0)
            while guard.held:
                pass
            assert await aio.try_lock("a") is None, "the next in line has it"
            (await waiting).release()
            (await aio.lock("a", timeout=0)).release()

    asyncio.run(main())


def test_no_longest_time() -> None:
    """Infinity is no longest time, and so is what is longer than can be measured."""
    for endless in (float("inf"), 1e300, 10**400):
        with latchwork.open() as space, space.lock("a", timeout=endless, max_hold=endless) as guard:
            assert guard.held and not guard.lost.is_set()
            assert space.revoke("a") == 1 and guard.lost.wait(timeout=endless)


def test_with_in_place_of_async_with() -> None:
    """The slip says so, holds nothing, and can be mended."""

    async def main() -> None:
        async with await latchwork.aio.open() as aio:
            request = aio.lock("a")
            with pytest.raises(TypeError, match="async with"), request:  # type: ignore[attr-defined]
                raise AssertionError("it is not held")
            assert await aio.query() == NOTHING
            with await request as guard:
                assert guard.held
            assert await aio.query() == NOTHING

    asyncio.run(main())
