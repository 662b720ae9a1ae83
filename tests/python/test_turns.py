"""Turns of `update` and `transact`: who waits for them, and what ends them, in threads and tasks (C5, C6)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry, Query
from latchwork.testing import ManualClock

from in_a_turn import Turn, in_a_turn
from loop_thread import LIMIT, LoopThread, until

NOTHING = Query([], [])


def test_a_turn_is_a_hold() -> None:
    """`query` names it, and who waits for it, by their labels."""

    async def test(space: latchwork.aio.Space, turn: Turn) -> None:
        other = asyncio.create_task(space.update("cell", lambda value, entry: 1, label="fast"))
        await asyncio.sleep(0)
        query = await space.query()
        [hold], [wait] = query.held, query.pending
        assert (hold.label, wait.label) == ("slow", "fast")
        assert [by.label for by in wait.blocked_by] == ["slow"]
        # What carries no function never waits for a turn; the one in its turn runs again.
        await asyncio.wait_for(space.set("cell", "plain"), LIMIT)
        turn.runs = 3
        assert not other.done()
        turn.go.set()
        assert (await other).value == 1

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            turn = Turn(space)
            await turn.inside.wait()
            await test(space, turn)
            assert (await turn.end()).attempts == 5
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_a_turn_that_is_waited_for_in_vain() -> None:
    """The time-out names the turn and who has it; on the host's clock."""

    async def test(space: latchwork.aio.Space, turn: Turn) -> None:
        with pytest.raises(latchwork.LockTimeout) as error:
            await space.update("cell", lambda value, entry: 1, timeout=0.02)
        assert 'turn of "cell"' in str(error.value)
        assert [by.label for by in error.value.blocked_by] == ["slow"]
        assert error.value.waited is not None and error.value.waited >= 0.02
        with pytest.raises(latchwork.LockTimeout):
            await space.update("cell", lambda value, entry: 1, timeout=0)
        assert (await space.query()).pending == []

    in_a_turn(test)


def test_a_time_out_by_hand() -> None:
    """With a manual clock only `advance` tells it."""
    clock = ManualClock()

    async def test(space: latchwork.aio.Space, turn: Turn) -> None:
        other = asyncio.create_task(space.update("cell", lambda value, entry: 1, timeout=5))
        for _ in range(10):
            await asyncio.sleep(0)
        clock.advance(4.9)
        await asyncio.sleep(0)
        assert not other.done()
        clock.advance(0.1)
        with pytest.raises(latchwork.LockTimeout):
            await other

    in_a_turn(test, clock=clock)


def test_a_thread_that_waits_for_a_turn() -> None:
    """The blocking API waits for the same turn: served at its end, or timed out; the loop runs on meanwhile."""

    async def main() -> None:
        blocking = latchwork.open("memory:turn of both")
        async with await latchwork.aio.open("memory:turn of both") as space:
            turn = Turn(space)
            await turn.inside.wait()
            with pytest.raises(latchwork.LockTimeout) as error:
                await asyncio.to_thread(lambda: blocking.update("cell", lambda value, entry: 1, timeout=0.02))
            assert [by.label for by in error.value.blocked_by] == ["slow"]
            other = asyncio.create_task(asyncio.to_thread(blocking.update, "cell", lambda value, entry: (value, 1)))
            while not blocking.query().pending:
                await asyncio.sleep(0)
            await turn.end()
            assert (await other).value == ("done", 1)
            assert blocking.query() == NOTHING
        blocking.close()

    asyncio.run(main())


def test_a_body_that_never_ends_in_its_turn() -> None:
    """Time-out, revocation and cancellation end it without stopping the cell for ever."""

    async def stopped(how: str) -> None:
        async with await latchwork.aio.open() as space:
            owner = space.owner()
            options: dict[str, Any] = {"timeout": 0.05} if how == "timeout" else {}
            if how == "owner":
                options["owner"] = owner
            turn = Turn(space, **options)
            await turn.inside.wait()
            other = asyncio.create_task(space.update("cell", lambda value, entry: "other"))
            await asyncio.sleep(0)
            assert not other.done()
            if how == "cancel":
                turn.task.cancel()
            if how == "owner":
                await owner.close()
            expected: dict[str, type[BaseException]] = {
                "timeout": latchwork.LockTimeout,
                "cancel": asyncio.CancelledError,
                "owner": latchwork.Cancelled,
            }
            with pytest.raises(expected[how]):
                await turn.task
            assert (await other).value == "other"
            assert (await space.get("cell")).value == "other"
            assert await space.query() == NOTHING

    for how in ("timeout", "cancel", "owner"):
        asyncio.run(stopped(how))


def test_a_turn_that_is_revoked() -> None:
    """By its name, which queries show; the call that had it is fenced, and others go on."""

    async def main() -> None:
        async with await latchwork.aio.open() as space:
            turn = Turn(space)
            await turn.inside.wait()
            name = latchwork.Turn("cell")
            [hold] = (await space.query(name)).held
            assert (hold.keys, hold.shared) == ((name,), (latchwork.Turn(),))
            assert "Turn('cell') + Turn() shared for 'slow'" in str(hold)
            other = asyncio.create_task(space.update("cell", lambda value, entry: "other"))
            await asyncio.sleep(0)
            assert await space.revoke(name) == 1
            with pytest.raises(latchwork.Fenced):
                await turn.task
            assert (await other).value == "other"
            assert await space.query() == NOTHING
            anything: Any = name
            with pytest.raises(latchwork.Invalid):
                await space.get(anything)
            with pytest.raises(latchwork.Invalid):
                await space.lock(anything)
            # A sub-space names the turns of its cells, and not that of the space.
            assert await space.query(latchwork.Turn()) == NOTHING
            assert await space.within("docs").query(name) == NOTHING
            with pytest.raises(latchwork.Invalid):
                await space.within("docs").revoke(latchwork.Turn())

    asyncio.run(main())


def test_a_helper_that_needs_its_caller_s_turn() -> None:
    """`Deadlock` with the owner passed on, else a time-out that names the turn (S14)."""

    async def main(ambient: bool, pass_on: bool) -> None:
        async with await latchwork.aio.open(ambient_owner=ambient) as space:
            owner = space.owner("checkout") if pass_on else None
            told: list[latchwork.LatchworkError] = []
            runs = 0

            async def body(value: Any, entry: Entry) -> int:
                nonlocal runs
                runs += 1
                if runs <= 3:
                    await space.set("cell", runs)
                    return 0
                with pytest.raises((latchwork.Deadlock, latchwork.LockTimeout)) as error:
                    await space.update("cell", lambda value, entry: 1, owner=owner, timeout=0.05)
                told.append(error.value)
                return 5

            result = await space.update("cell", body, owner=owner)
            assert (result.value, runs) == (5, 4)
            if pass_on or ambient:
                assert isinstance(told[0], latchwork.Deadlock) and told[0].cycle
            else:
                assert isinstance(told[0], latchwork.LockTimeout)
                assert 'turn of "cell"' in str(told[0])
            assert await space.query() == NOTHING

    for ambient, pass_on in ((False, False), (False, True), (True, False), (True, True)):
        asyncio.run(main(ambient, pass_on))


def test_a_helper_in_a_thread_that_needs_its_caller_s_turn() -> None:
    """The same on the blocking API."""
    for ambient, pass_on in ((False, False), (False, True), (True, False), (True, True)):
        with latchwork.open(ambient_owner=ambient) as space:
            owner = space.owner("checkout") if pass_on else None
            told: list[latchwork.LatchworkError] = []

            def body(value: Any, entry: Entry, space: Any = space, owner: Any = owner, told: Any = told) -> int:
                run = (value or 0) + 1
                if run <= 3:
                    space.set("cell", run)
                    return 0
                with pytest.raises((latchwork.Deadlock, latchwork.LockTimeout)) as error:
                    space.update("cell", lambda value, entry: 1, owner=owner, timeout=0.05)
                told.append(error.value)
                return 5

            result = space.update("cell", body, owner=owner)
            assert (result.value, result.attempts) == (5, 4)
            assert isinstance(told[0], latchwork.Deadlock if ambient or pass_on else latchwork.LockTimeout)
            assert space.query() == NOTHING


def test_an_ambient_owner_belongs_to_its_body() -> None:
    """Inside the body it is found, outside it is gone, and closed."""

    async def main() -> None:
        space = await latchwork.aio.open(ambient_owner=True)
        found: list[Any] = []

        async def body(tx: latchwork.aio.Transaction) -> None:
            guard = await space.lock(("in", tx.attempt))
            found.append(guard.owner)
            guard.release()

        await space.transact(body)
        assert found[0].closed
        guard = await space.lock("after")
        assert guard.owner is None
        guard.release()
        async with space.lock("outer") as outer:
            await space.transact(body)
            assert outer.owner is not None and found[1].id == outer.owner.id
            assert not found[1].closed

    asyncio.run(main())


def test_two_loops_and_threads_share_turns() -> None:
    """Two hundred updates from two loops and four threads: all succeed, none runs more than four times."""
    runs: list[int] = []

    async def many(url: str) -> None:
        space = await latchwork.aio.open(url)

        async def add(value: int | None, entry: Entry) -> int:
            await asyncio.sleep(0)
            return (value or 0) + 1

        results = await asyncio.gather(*(space.update("n", add) for _ in range(60)))
        runs.extend(result.attempts for result in results)
        await space.close()

    with latchwork.open("memory:mixed") as space, LoopThread() as one, LoopThread() as two:

        def work() -> None:
            for _ in range(20):
                runs.append(space.update("n", lambda value, entry: (value or 0) + 1).attempts)

        threads = [threading.Thread(target=work) for _ in range(4)]
        loops = [loop.start(many("memory:mixed")) for loop in (one, two)]
        for thread in threads:
            thread.start()
        for loop in loops:
            loop.result(LIMIT)
        for thread in threads:
            thread.join(LIMIT)
        assert space.get("n").value == len(runs) == 200
        assert max(runs) <= 4
        assert space.query() == NOTHING
        until(lambda: space.query() == NOTHING)


class Blocked:
    """An update of `cell` in a thread, which blocks inside its turn until it is let go."""

    def __init__(self, space: latchwork.Space, loses: int = 3, **options: Any) -> None:
        self.space, self.loses, self.runs = space, loses, 0
        self.inside, self.go = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.update, kwargs=options)
        self.thread.start()
        assert self.inside.wait(LIMIT)

    def update(self, **options: Any) -> None:
        try:
            self.space.update("cell", self.run, **options)
        except latchwork.LatchworkError as error:
            self.error = error

    def run(self, value: Any, entry: Entry) -> str:
        self.runs += 1
        if self.runs <= self.loses:
            self.space.set("cell", self.runs)
        else:
            self.inside.set()
            assert self.go.wait(LIMIT)
        return "late"

    def end(self) -> BaseException | None:
        self.go.set()
        self.thread.join(LIMIT)
        return self.error


@pytest.mark.parametrize("how", ["timeout", "release", "revoke", "max_hold", "revoked turn"])
def test_a_turn_ends_though_its_thread_is_blocked(how: str) -> None:
    """Who waits for it goes on when its call can commit nothing any more, whenever its function returns (C5, C14)."""
    with latchwork.open() as space:
        guard = space.lock("k", max_hold=0.05 if how == "max_hold" else None)
        options: dict[str, Any] = {"timeout": 0.02} if how == "timeout" else {"guard": guard}
        blocked = Blocked(space, **({} if how == "revoked turn" else options))
        next_in_line = threading.Thread(target=space.update, args=("cell", lambda value, entry: "next"))
        next_in_line.start()
        if how == "release":
            guard.release()
        elif how == "revoke":
            assert space.revoke("k") == 1
        elif how == "revoked turn":
            assert space.revoke(latchwork.Turn("cell")) == 1
        next_in_line.join(LIMIT)
        assert not next_in_line.is_alive()
        assert isinstance(blocked.end(), latchwork.LockTimeout if how == "timeout" else latchwork.Fenced)
        assert space.get("cell").value == "next"
        guard.release() if how in ("timeout", "revoked turn") else None
        assert space.query() == NOTHING


def test_a_turn_of_a_first_run_ends_though_its_thread_is_blocked() -> None:
    """Where another's turn was revoked, who asks next has it at once."""
    with latchwork.open() as space:
        first = Blocked(space)
        assert space.revoke(latchwork.Turn("cell")) == 1
        second = Blocked(space, loses=0, timeout=0.05)
        next_in_line = threading.Thread(target=space.update, args=("cell", lambda value, entry: "next"))
        next_in_line.start()
        next_in_line.join(LIMIT)
        assert not next_in_line.is_alive()
        assert isinstance(first.end(), latchwork.Fenced) and isinstance(second.end(), latchwork.LockTimeout)
        assert space.get("cell").value == "next"
        assert space.query() == NOTHING


def test_a_function_that_waits_for_its_own_turn_ends_with_the_time_out() -> None:
    """The call inside goes on when the time of the one around it is over."""
    with latchwork.open() as space:
        turns: list[str] = []

        def inside(value: Any, entry: Entry) -> str:
            turns.append("inside")
            return "inside"

        def around(value: Any, entry: Entry) -> str:
            turns.append("around")
            if len(turns) <= 3:
                space.set("cell", len(turns))
            else:
                space.update("cell", inside)
            return "around"

        with pytest.raises(latchwork.LockTimeout):
            space.update("cell", around, timeout=0.02)
        assert turns == ["around"] * 4 + ["inside"]
        assert space.get("cell").value == "inside"
        assert space.query() == NOTHING
