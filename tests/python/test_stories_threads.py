"""The stories of locks on the blocking API, with threads, each with its control."""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import latchwork
import pytest
from latchwork import Query
from latchwork.testing import ManualClock

from loop_thread import until
from together import together

NOTHING = Query([], [])


class Document:
    """A store that loads and saves a whole document, and gives other threads their turn in between."""

    def __init__(self) -> None:
        self.saved: dict[str, Any] = {"pages": ["first"]}

    def add_page(self, pause: Callable[[], object]) -> int:
        document = copy.deepcopy(self.saved)
        pause()
        document["pages"].append("copy")
        self.saved = document
        return len(document["pages"])


def test_s1_buyer_and_seller() -> None:
    """Both take both users' keys, in opposite orders, a thousand times each."""
    inside = entries = most = 0
    with latchwork.open() as space:

        def trade(*keys: str) -> None:
            nonlocal inside, entries, most
            for _ in range(1000):
                with space.lock(*keys):
                    inside += 1
                    entries += 1
                    most = max(most, inside)
                    time.sleep(0)
                    inside -= 1

        together(lambda: trade("u1", "u2"), lambda: trade("u2", "u1"))
        assert (entries, most) == (2000, 1)
        with space.lock("u1", "u1") as guard:
            assert guard.keys == ("u1",)
        assert space.query() == NOTHING


def test_s1_control_single_locks_in_opposite_orders() -> None:
    """Without the set each waits for the other: `query` shows it."""
    clock = ManualClock()
    met = threading.Barrier(2)
    with latchwork.open(clock=clock) as space:

        def trade(mine: str, theirs: str) -> None:
            with space.lock(mine, label=mine):
                met.wait()
                with pytest.raises(latchwork.LockTimeout), space.lock(theirs, timeout=1):
                    raise AssertionError("it got through")
                met.wait()

        def observe() -> None:
            until(lambda: len(space.query().pending) == 2)
            pending = space.query().pending
            blocked = sorted((wait.keys[0], wait.blocked_by[0].label) for wait in pending)
            assert blocked == [("u1", "u1"), ("u2", "u2")]
            clock.advance(1)

        together(lambda: trade("u1", "u2"), lambda: trade("u2", "u1"), observe)
        assert space.query() == NOTHING


@pytest.mark.parametrize("requests", [50, 200])
def test_s2_duplicate_page_spam(requests: int) -> None:
    """Every request adds its page, one after the other."""
    store = Document()
    answers: list[int] = []
    runs = 0
    with latchwork.open() as space:

        def handle() -> None:
            def body(guard: latchwork.Guard) -> None:
                nonlocal runs
                runs += 1
                answers.append(store.add_page(lambda: time.sleep(0)))

            space.with_lock(("document", 1), fn=body)

        together(*[handle] * requests)
        assert len(store.saved["pages"]) == requests + 1
        assert answers == list(range(2, requests + 2))
        assert runs == requests
        assert space.query() == NOTHING


@pytest.mark.parametrize("requests", [50, 200])
def test_s2_control_without_a_lock(requests: int) -> None:
    """Pages are lost: a barrier between load and save makes sure that they meet."""
    store = Document()
    met = threading.Barrier(requests)
    together(*[lambda: store.add_page(met.wait)] * requests)
    assert len(store.saved["pages"]) < requests + 1


def test_s8_fifo_with_drop_outs() -> None:
    """w2 and w4 time out (a blocking call cannot be cancelled from outside); the others keep their order."""
    clock = ManualClock()
    order: list[str] = []
    failed: list[str] = []
    with latchwork.open(clock=clock) as space:

        def wait(name: str) -> None:
            try:
                with space.lock("a", timeout=1 if name in ("w2", "w4") else None, label=name):
                    order.append(name)
            except latchwork.LockTimeout:
                failed.append(name)

        guard = space.lock("a")
        threads = []
        for number in range(1, 6):
            threads.append(threading.Thread(target=wait, args=(f"w{number}",)))
            threads[-1].start()
            until(lambda number=number: len(space.query().pending) == number)  # type: ignore[misc]
        clock.advance(1)
        guard.release()
        for thread in threads:
            thread.join()
        assert order == ["w1", "w3", "w5"]
        assert sorted(failed) == ["w2", "w4"]
        assert space.query() == NOTHING


def test_s8_race_of_release_and_time_out() -> None:
    """From two threads at once, a thousand times: granted or `timeout`, never both or neither."""
    clock = ManualClock()
    rounds = 1000
    begin, end = threading.Barrier(3), threading.Barrier(3)
    came = {"granted": 0, "timeout": 0}
    with latchwork.open(clock=clock) as space:
        guards: list[latchwork.Guard] = []

        def waiter() -> None:
            for _ in range(rounds):
                begin.wait()
                try:
                    space.lock("a", timeout=1).release()
                    came["granted"] += 1
                except latchwork.LockTimeout:
                    came["timeout"] += 1
                end.wait()

        def releaser() -> None:
            for _ in range(rounds):
                guards.append(space.lock("a"))
                begin.wait()
                until(lambda: space.query("a").pending)
                ready.set()
                guards.pop().release()
                end.wait()

        def ticker() -> None:
            for _ in range(rounds):
                begin.wait()
                ready.wait()
                clock.advance(1)
                end.wait()
                ready.clear()

        ready = threading.Event()
        together(waiter, releaser, ticker)
        assert sum(came.values()) == rounds
        assert space.query() == NOTHING


def test_s8_control_a_time_out_measured_beside_the_lock() -> None:
    """`threading.Lock` and a look at the clock: the deadline passes before the grant, and both happen."""
    lock, clock = threading.Lock(), ManualClock()
    lock.acquire()
    granted: list[bool] = []
    thread = threading.Thread(target=lambda: granted.append(lock.acquire()))
    thread.start()
    clock.advance(1)
    timed_out = clock.now >= 1
    lock.release()
    thread.join()
    assert timed_out and granted == [True]


def test_s9_all_or_nothing_is_observable() -> None:
    """While B waits for {k1,k2}, k1 is held by nobody; no snapshot shows half."""
    with latchwork.open() as space:

        def wait() -> None:
            with space.lock("k1", "k2", label="B"):
                pass

        guard = space.lock("k2", label="X")
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: space.query().pending)
        for _ in range(10_000):
            query = space.query("k1", "k2")
            assert [hold.label for hold in query.held] == ["X"]
            assert [wait.label for wait in query.pending] == ["B"]
        guard.release()
        thread.join()
        assert space.query() == NOTHING


def test_s9_random_sets_all_finish() -> None:
    """40 actors × 20 rounds on random 3-of-5 keys, and one that wants all five."""
    held: set[int] = set()
    with latchwork.open() as space:

        def work(seed: int, count: int) -> None:
            rng = random.Random(seed)
            for _ in range(20):
                keys = rng.sample(range(5), count)
                with space.lock(*keys):
                    assert not held & set(keys)
                    held.update(keys)
                    time.sleep(0)
                    held.difference_update(keys)

        actors = [lambda seed=seed: work(seed, 3) for seed in range(40)]
        together(*actors, lambda: work(40, 5))
        assert space.query() == NOTHING


def test_s9_control_one_lock_after_the_other() -> None:
    """Taking the keys one by one shows a half: k1 is held while k2 is waited for."""
    one, two = threading.Lock(), threading.Lock()
    two.acquire()

    def take_both() -> None:
        with one, two:
            pass

    thread = threading.Thread(target=take_both)
    thread.start()
    until(one.locked)
    assert one.locked() and two.locked()
    two.release()
    thread.join()


def test_s10_handle_hygiene() -> None:
    """Second release, stale guard, another space, release inside, own key again."""
    with latchwork.open() as space, latchwork.open() as other:
        guard = space.lock("a")
        guard.release()
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        newer = space.lock("a")
        with pytest.raises(latchwork.NotHeld):
            guard.release()
        with pytest.raises(latchwork.NotHeld), guard:
            pass
        guard.__exit__(None, None, None)
        assert newer.held and not guard.held
        assert newer.token > guard.token
        elsewhere = other.lock("a")
        newer.release()
        assert elsewhere.held and elsewhere.space is other
        elsewhere.release()

        with space.lock("a") as inside:
            inside.release()
            with space.lock("a", timeout=0):
                pass

        with space.lock("b"):
            assert space.try_lock("b") is None
            with pytest.raises(latchwork.LockTimeout):
                space.lock("b", timeout=0)

        def failing(guard: latchwork.Guard) -> None:
            guard.release()
            raise KeyError("its own")

        with pytest.raises(KeyError, match="its own"):
            space.with_lock("c", fn=failing)
        assert space.with_lock("c", fn=lambda guard: guard.release()) is None
        assert space.query() == NOTHING


def test_s10_look_alike_keys_in_opposite_orders() -> None:
    """1, "1", 10, "01", True: five keys, whoever names them first."""
    keys = (1, "1", 10, "01", True)
    inside = 0
    with latchwork.open() as space:

        def work(*keys: latchwork.Key) -> None:
            nonlocal inside
            for _ in range(200):
                with space.lock(*keys) as guard:
                    assert len(guard.keys) == 5
                    inside += 1
                    assert inside == 1
                    time.sleep(0)
                    inside -= 1

        together(lambda: work(*keys), lambda: work(*reversed(keys)))
        assert space.query() == NOTHING
