"""The stories of locks on the asyncio API, each with the control that shows the fault without the library."""

from __future__ import annotations

import asyncio
import copy
import random
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

NOTHING = Query([], [])


async def turns(count: int = 6) -> None:
    """Let the loop run."""
    for _ in range(count):
        await asyncio.sleep(0)


class Document:
    """A store that loads and saves a whole document, with a suspension in each, as over a network."""

    def __init__(self) -> None:
        self.saved: dict[str, Any] = {"pages": ["first"]}

    async def load(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        return copy.deepcopy(self.saved)

    async def save(self, document: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.saved = document

    async def add_page(self) -> int:
        document = await self.load()
        document["pages"].append("copy")
        await asyncio.sleep(0)
        await self.save(document)
        return len(document["pages"])


def test_s1_buyer_and_seller() -> None:
    """Both take both users' keys, in opposite orders, a thousand times each."""

    async def main() -> None:
        space = await latchwork.aio.open()
        inside = entries = most = 0

        async def trade(*keys: str) -> None:
            nonlocal inside, entries, most
            for _ in range(1000):
                async with space.lock(*keys):
                    inside += 1
                    entries += 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1

        await asyncio.gather(trade("u1", "u2"), trade("u2", "u1"))
        assert (entries, most) == (2000, 1)
        async with space.lock("u1", "u1") as guard:
            assert guard.keys == ("u1",)
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s1_control_single_locks_in_opposite_orders() -> None:
    """Without the set each waits for the other, for ever: `query` shows it."""

    async def main() -> None:
        space = await latchwork.aio.open()
        met = asyncio.Event()
        first: list[str] = []

        async def trade(mine: str, theirs: str) -> None:
            async with space.lock(mine, label=mine):
                first.append(mine)
                if len(first) == 2:
                    met.set()
                await met.wait()
                async with space.lock(theirs):
                    raise AssertionError("it got through")

        tasks = [asyncio.ensure_future(trade("u1", "u2")), asyncio.ensure_future(trade("u2", "u1"))]
        await turns()
        query = await space.query()
        assert sorted(hold.keys for hold in query.held) == [("u1",), ("u2",)]
        assert sorted((wait.keys[0], wait.blocked_by[0].label) for wait in query.pending) == [
            ("u1", "u1"),
            ("u2", "u2"),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await space.query() == NOTHING

    asyncio.run(main())


@pytest.mark.parametrize("requests", [50, 200])
def test_s2_duplicate_page_spam(requests: int) -> None:
    """Every request adds its page, one after the other."""

    async def main() -> None:
        space = await latchwork.aio.open()
        store = Document()
        answers: list[int] = []
        runs = 0

        async def handle() -> None:
            async def body(guard: latchwork.aio.Guard) -> int:
                nonlocal runs
                runs += 1
                assert guard.held
                return await store.add_page()

            answers.append(await space.with_lock(("document", 1), fn=body))

        await asyncio.gather(*(handle() for _ in range(requests)))
        assert len(store.saved["pages"]) == requests + 1
        assert answers == list(range(2, requests + 2))
        assert runs == requests
        assert await space.query() == NOTHING

    asyncio.run(main())


@pytest.mark.parametrize("requests", [50, 200])
def test_s2_control_without_a_lock(requests: int) -> None:
    """Pages are lost."""

    async def main() -> None:
        store = Document()
        await asyncio.gather(*(store.add_page() for _ in range(requests)))
        assert len(store.saved["pages"]) < requests + 1

    asyncio.run(main())


def test_s8_fifo_with_drop_outs() -> None:
    """w2 times out, w4 is cancelled; the others keep their order."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        order: list[str] = []

        async def wait(name: str, timeout: float | None = None) -> None:
            async with space.lock("a", timeout=timeout, label=name):
                order.append(name)

        guard = await space.lock("a")
        tasks = [asyncio.create_task(wait(f"w{n}", 1 if n == 2 else None)) for n in range(1, 6)]
        await turns()
        assert [wait.label for wait in (await space.query("a")).pending] == ["w1", "w2", "w3", "w4", "w5"]
        clock.advance(1)
        tasks[3].cancel()
        await turns()
        guard.release()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert order == ["w1", "w3", "w5"]
        assert isinstance(outcomes[1], latchwork.LockTimeout)
        assert isinstance(outcomes[3], asyncio.CancelledError)
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s8_race_of_release_and_time_out() -> None:
    """In one turn, ten thousand times, in either order: granted or `timeout`, and the key is free afterwards."""

    async def main() -> None:
        clock = ManualClock()
        space = await latchwork.aio.open(clock=clock)
        came = {"granted": 0, "timeout": 0}
        for number in range(10_000):
            guard = await space.lock("a")
            task = asyncio.create_task(space.lock("a", timeout=1))
            await asyncio.sleep(0)
            if number % 2:
                guard.release()
                clock.advance(1)
            else:
                clock.advance(1)
                guard.release()
            try:
                (await task).release()
                came["granted"] += 1
            except latchwork.LockTimeout:
                came["timeout"] += 1
            free = await space.try_lock("a")
            assert free is not None
            free.release()
        assert came == {"granted": 5000, "timeout": 5000}
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s8_control_a_queue_that_forgets_drop_outs() -> None:
    """A hand-made queue that does not take a cancelled waiter out hands the lock to nobody."""

    async def main() -> None:
        queue: list[asyncio.Future[None]] = []

        async def wait() -> None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append(future)
            await future
            queue.pop(0)

        tasks = [asyncio.ensure_future(wait()) for _ in range(2)]
        await turns()
        tasks[0].cancel()
        await turns()
        if not queue[0].done():
            queue[0].set_result(None)
        await turns()
        assert not tasks[1].done()
        tasks[1].cancel()

    asyncio.run(main())


def test_s9_all_or_nothing_is_observable() -> None:
    """While B waits for {k1,k2}, k1 is held by nobody; no snapshot shows half."""

    async def main() -> None:
        space = await latchwork.aio.open()
        guard = await space.lock("k2", label="X")
        waiter = asyncio.create_task(space.lock("k1", "k2", label="B"))
        await turns()
        for _ in range(10_000):
            query = await space.query("k1", "k2")
            assert [hold.label for hold in query.held] == ["X"]
            assert [wait.label for wait in query.pending] == ["B"]
        guard.release()
        (await waiter).release()
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s9_random_sets_all_finish() -> None:
    """40 actors × 20 rounds on random 3-of-5 keys, and one that wants all five."""

    async def main() -> None:
        space = await latchwork.aio.open()
        rng = random.Random(7)
        held: set[int] = set()
        finished = 0

        async def work(count: int) -> None:
            nonlocal finished
            for _ in range(20):
                keys = rng.sample(range(5), count)
                async with space.lock(*keys):
                    assert not held & set(keys)
                    held.update(keys)
                    await asyncio.sleep(0)
                    held.difference_update(keys)
            finished += 1

        await asyncio.gather(*(work(3) for _ in range(40)), work(5))
        assert finished == 41
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s9_control_one_lock_after_the_other() -> None:
    """Taking the keys one by one shows a half: k1 is held while k2 is waited for."""

    async def main() -> None:
        locks = {key: asyncio.Lock() for key in ("k1", "k2")}
        await locks["k2"].acquire()

        async def take_both() -> None:
            async with locks["k1"], locks["k2"]:
                pass

        task = asyncio.ensure_future(take_both())
        await turns()
        assert locks["k1"].locked() and not task.done()
        locks["k2"].release()
        await task

    asyncio.run(main())


def test_s10_handle_hygiene() -> None:
    """Second release, stale guard, another space, release inside, own key again."""

    async def main() -> None:
        space, other = await latchwork.aio.open(), await latchwork.aio.open()
        guard = await space.lock("a")
        guard.release()
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        newer = await space.lock("a")
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        guard.__exit__(None, None, None)
        await guard.__aexit__(None, None, None)
        assert newer.held and not guard.held
        assert newer.token > guard.token
        elsewhere = await other.lock("a")
        newer.release()
        assert elsewhere.held and elsewhere.space is other
        elsewhere.release()

        async with space.lock("a") as inside:
            inside.release()
            (await space.lock("a", timeout=0)).release()

        async with space.lock("b"):
            assert await space.try_lock("b") is None
            with pytest.raises(latchwork.LockTimeout):
                await space.lock("b", timeout=0)

        async def body(guard: latchwork.aio.Guard) -> str:
            guard.release()
            return ""

        assert await space.with_lock("c", fn=body) == ""

        async def failing(guard: latchwork.aio.Guard) -> None:
            guard.release()
            raise KeyError("its own")

        with pytest.raises(KeyError, match="its own"):
            await space.with_lock("c", fn=failing)
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s10_look_alike_keys_in_opposite_orders() -> None:
    """1, "1", 10, "01", True: five keys, whoever names them first."""

    async def main() -> None:
        space = await latchwork.aio.open()
        keys = (1, "1", 10, "01", True)
        inside = 0

        async def work(*keys: latchwork.Key) -> None:
            nonlocal inside
            for _ in range(100):
                async with space.lock(*keys) as guard:
                    assert len(guard.keys) == 5
                    inside += 1
                    assert inside == 1
                    await asyncio.sleep(0)
                    inside -= 1

        await asyncio.gather(work(*keys), work(*reversed(keys)))
        assert await space.query() == NOTHING

    asyncio.run(main())


def test_s10_control_a_dict_of_locks_mixes_look_alikes() -> None:
    """To a dict, 1 and True are one key."""
    locks: dict[Any, object] = {}
    for key in (1, "1", 10, "01", True):
        locks.setdefault(key, object())
    assert len(locks) == 4
