"""Calls of `update` and `transact` that wait: turns, `retry`, time-outs, owners, in threads and tasks (C5, C8, C10)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Entry, Query
from latchwork.testing import ManualClock

from loop_thread import LIMIT, LoopThread, until

NOTHING = Query([], [])


class Turn:
    """An update of `cell` on the asyncio API that lost three times and is in its turn, until it is let go."""

    def __init__(self, space: latchwork.aio.Space, cell: str = "cell", **options: Any) -> None:
        self.space, self.cell = space, cell
        self.runs = 0
        self.inside = asyncio.Event()
        self.go = asyncio.Event()
        self.task = asyncio.create_task(space.update(cell, self.run, label="slow", **options))

    async def run(self, value: Any, entry: Entry) -> str:
        """Lose three times, then stay."""
        self.runs += 1
        if self.runs <= 3:
            await self.space.set(self.cell, self.runs)
            return "lost"
        self.inside.set()
        await self.go.wait()
        return "done"

    async def end(self) -> latchwork._native.Updated:
        """Let it go, to its end."""
        self.go.set()
        return await self.task


def in_a_turn(test: Callable[[latchwork.aio.Space, Turn], Coroutine[Any, Any, None]], **options: Any) -> None:
    """Run a test while an update of `cell` is in its turn; it leaves nothing behind."""

    async def main() -> None:
        async with await latchwork.aio.open(**options) as space:
            turn = Turn(space)
            await turn.inside.wait()
            await test(space, turn)
            assert (await turn.end()).attempts == 4
            assert await space.query() == NOTHING

    asyncio.run(main())


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


def test_a_time_out_while_the_body_awaits() -> None:
    """Its await is cancelled, as `asyncio.timeout` does it; what the body makes of that does not count (C8)."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        ended: list[Any] = []

        async def passing(tx: latchwork.aio.Transaction) -> None:
            await tx.set("a", 1)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                with pytest.raises(latchwork.Invalid):
                    await tx.get("a")
                ended.append("passing")
                raise

        async def swallowing(tx: latchwork.aio.Transaction) -> str:
            try:
                await passing(tx)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
            return "committed?"

        async def replacing(tx: latchwork.aio.Transaction) -> None:
            try:
                await passing(tx)
            except asyncio.CancelledError:
                raise KeyError("another") from None

        async def shielded(tx: latchwork.aio.Transaction) -> None:
            inner = asyncio.ensure_future(asyncio.Event().wait())
            try:
                await asyncio.shield(inner)
            finally:
                ended.append(inner.cancelled())
                inner.cancel()

        for body in (passing, swallowing, replacing, shielded):
            task = asyncio.create_task(space.transact(body, timeout=5))
            await asyncio.sleep(0)
            clock.advance(5)
            with pytest.raises(latchwork.LockTimeout) as error:
                await task
            assert error.value.waited == 5
            assert (task.cancelled(), task.cancelling() if hasattr(task, "cancelling") else 0) == (False, 0)
            assert await space.list() == []
        assert ended == ["passing", "passing", "passing", False]

        async def surviving() -> str:
            with pytest.raises(latchwork.LockTimeout):
                await space.transact(passing, timeout=5)
            # The task is as it was: nothing is left of the cancellation.
            await asyncio.sleep(0)
            return "on"

        task2 = asyncio.create_task(surviving())
        await asyncio.sleep(0)
        clock.advance(5)
        assert await task2 == "on"

    asyncio.run(main())


def test_a_time_out_and_a_cancellation_at_once() -> None:
    """The task's own cancellation wins: it is not swallowed."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)

        async def body(tx: latchwork.aio.Transaction) -> None:
            await asyncio.Event().wait()

        for first in ("time-out", "cancellation"):
            task = asyncio.create_task(space.transact(body, timeout=5))
            await asyncio.sleep(0)
            if first == "time-out":
                clock.advance(5)
            task.cancel()
            clock.advance(5)
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_a_body_that_ends_its_own_call() -> None:
    """It closes its owner: its operations fail, and the call ends with `Cancelled`, though the body returns."""

    async def main() -> None:
        space = await latchwork.aio.open()
        owner = space.owner()

        async def body(tx: latchwork.aio.Transaction) -> str:
            await tx.set("a", 1)
            await owner.close()
            return "committed?"

        with pytest.raises(latchwork.Cancelled):
            await space.transact(body, owner=owner)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await space.list() == []

    asyncio.run(main())
    space = latchwork.open()
    owner = space.owner()

    def body(tx: latchwork.Transaction) -> str:
        tx.set("a", 1)
        owner.close()
        return "committed?"

    with pytest.raises(latchwork.Cancelled):
        space.transact(body, owner=owner)
    assert space.list() == []


def test_a_guard_that_is_lost_while_the_body_runs() -> None:
    """The call ends with `Fenced` at once (C14)."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("k")
        task = asyncio.create_task(space.update("a", lambda value, entry: asyncio.Event().wait(), guard=guard))
        await asyncio.sleep(0)
        await space.revoke("k")
        with pytest.raises(latchwork.Fenced) as fenced:
            await task
        assert fenced.value.token == guard.token
        assert await space.list() == []

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


def test_retry_waits_for_what_was_read() -> None:
    """Woken by a change of it, not by others; in tasks and threads (C10)."""

    async def main() -> None:
        blocking = latchwork.open("memory:retry")
        space = await latchwork.aio.open("memory:retry")
        runs: list[int] = []

        async def body(tx: latchwork.aio.Transaction) -> int:
            runs.append(tx.attempt)
            value: int | None = (await tx.get("go")).value
            if value is None:
                tx.retry()
            return value

        def blocked(tx: latchwork.Transaction) -> int:
            value: int | None = tx.get("go").value
            if value is None:
                try:
                    tx.retry()
                except latchwork.Conflict:
                    return -1
            assert value is not None
            return value

        task = asyncio.create_task(space.transact(body))
        thread = asyncio.create_task(asyncio.to_thread(blocking.transact, blocked))
        for number in range(20):
            await space.set("other", number)
            await asyncio.sleep(0)
        assert runs == [1] and not thread.done()
        await space.set("go", 5)
        assert ((await task).value, (await thread).value) == (5, 5)
        assert runs == [1, 2]
        assert await space.query() == NOTHING
        await space.close()
        blocking.close()

    asyncio.run(main())


def test_retry_waits_for_an_expiry() -> None:
    """A cell that expires changes: told at the tick."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        await space.set("busy", 1, expire_in=10)

        async def body(tx: latchwork.aio.Transaction) -> str:
            if (await tx.get("busy")).version:
                tx.retry()
            return "free"

        task = asyncio.create_task(space.transact(body))
        for _ in range(5):
            await asyncio.sleep(0)
        clock.advance(9)
        await asyncio.sleep(0)
        assert not task.done()
        clock.advance(1)
        assert (await asyncio.wait_for(task, LIMIT)).value == "free"

    asyncio.run(main())


def test_retry_waits_for_an_expiry_on_the_host_s_clock() -> None:
    """The timer of the space tells it, to tasks and to threads."""
    space = latchwork.open()
    space.set("busy", 1, expire_in=0.05)

    def body(tx: latchwork.Transaction) -> int:
        if tx.get("busy").version:
            tx.retry()
        return tx.attempt

    assert space.transact(body, timeout=LIMIT).value == 2


def test_retry_ends_with_the_space() -> None:
    """`Closed`, in a task and in a thread."""

    async def main() -> None:
        blocking = latchwork.open("memory:retry end")
        space = await latchwork.aio.open("memory:retry end")
        waits = threading.Event()

        async def body(tx: latchwork.aio.Transaction) -> None:
            await tx.get("go")
            tx.retry()

        def blocked(tx: latchwork.Transaction) -> None:
            tx.get("go")
            waits.set()
            tx.retry()

        task = asyncio.create_task(space.transact(body))
        thread = asyncio.create_task(asyncio.to_thread(blocking.transact, blocked))
        while not waits.is_set():
            await asyncio.sleep(0)
        await space.close()
        blocking.close()
        for waiting in (task, thread):
            with pytest.raises(latchwork.Closed):
                await asyncio.wait_for(waiting, LIMIT)

    asyncio.run(main())


def test_cancelling_leaves_nothing() -> None:
    """At whichever await of whichever part of a call: no turn, no wait, nothing written."""

    async def main() -> None:
        space = await latchwork.aio.open()

        async def slow(value: Any, entry: Entry) -> int:
            for _ in range(3):
                await asyncio.sleep(0)
            return (value or 0) + 1

        async def move(tx: latchwork.aio.Transaction) -> None:
            first = await tx.get("cell")
            await asyncio.sleep(0)
            await tx.set("cell", (first.value or 0) + 1)
            await tx.set("moved", True)

        for steps in range(40):
            before = (await space.get("cell")).value or 0
            tasks: list[asyncio.Task[Any]] = [asyncio.create_task(space.update("cell", slow)) for _ in range(6)]
            tasks += [asyncio.create_task(space.transact(move)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            doomed = tasks[::2]
            finished = [task.done() for task in doomed]
            for task in doomed:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled = [isinstance(result, asyncio.CancelledError) for result in results]
            assert not any(cancelled[1::2])
            assert all(was or is_ for was, is_ in zip(finished, cancelled[::2], strict=True))
            # Each that answered counts once, each that was cancelled not at all.
            assert (await space.get("cell")).value == before + cancelled.count(False)
            assert await space.query() == NOTHING

    asyncio.run(main())


def test_a_cancelled_body_is_not_run_again() -> None:
    """Also where its attempt was stale: a cancellation is never discarded."""

    async def main() -> None:
        space = await latchwork.aio.open()
        runs = 0

        async def body(tx: latchwork.aio.Transaction) -> None:
            nonlocal runs
            runs += 1
            await tx.get("a")
            await space.set("a", runs)
            with pytest.raises(latchwork.Conflict):
                await tx.get("b")
            await asyncio.Event().wait()

        task = asyncio.create_task(space.transact(body))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert runs == 1

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

    asyncio.run(main())
