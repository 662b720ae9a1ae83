"""The stories of cells on the blocking API, with threads, each with its control."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import latchwork
import pytest
from latchwork import KEEP, Entry, Key, Query
from latchwork.testing import ManualClock

from loop_thread import LIMIT
from together import together

NOTHING = Query([], [])
MANY = 100

Answer = tuple[bool, Any]
"""Whether a sign-up got the name, and the password that is stored as it was told."""


def by_insert(space: latchwork.Space, password: int, meeting: threading.Barrier) -> Answer:
    """Take the name if nobody has it, in one step."""
    meeting.wait(LIMIT)
    result = space.insert(("user", "ada"), password)
    return (True, password) if result else (False, result.entry.value)


def under_a_lock(space: latchwork.Space, password: int, meeting: threading.Barrier) -> Answer:
    """Look and write while nobody else does."""
    meeting.wait(LIMIT)
    with space.lock(("user", "ada")) as guard:
        entry = space.get(("user", "ada"))
        if entry.version:
            return False, entry.value
        space.set(("user", "ada"), password, guard=guard)
        return True, password


def by_update(space: latchwork.Space, password: int, meeting: threading.Barrier) -> Answer:
    """Take the name if nobody has it."""
    met = False

    def take(value: int | None, entry: Entry) -> Any:
        nonlocal met
        if not met:
            met = True
            meeting.wait(LIMIT)
        return password if entry.version == 0 else KEEP

    result = space.update(("user", "ada"), take)
    return result.changed, result.value


def by_transaction(space: latchwork.Space, password: int, meeting: threading.Barrier) -> Answer:
    """The same with a handle."""
    met = False

    def body(tx: latchwork.Transaction) -> Answer:
        nonlocal met
        tx.get(("user", "ada"))
        if not met:
            met = True
            meeting.wait(LIMIT)
        inserted = tx.insert(("user", "ada"), password)
        return (True, password) if inserted else (False, inserted.entry.value)

    return space.transact(body).value


def query_then_write(space: latchwork.Space, password: int, meeting: threading.Barrier) -> Answer:
    """As people write it."""
    entry = space.get(("user", "ada"))
    meeting.wait(LIMIT)
    if entry.version:
        return False, entry.value
    space.set(("user", "ada"), password)
    return True, password


SignUp = Callable[[latchwork.Space, int, threading.Barrier], Answer]


def sign_up(how: SignUp) -> tuple[list[Answer], Any]:
    """All at once: what each was answered, and what is stored."""
    with latchwork.open() as space:
        meeting = threading.Barrier(MANY)
        answers = together(*(lambda password=password: how(space, password, meeting) for password in range(MANY)))
        return answers, space.get(("user", "ada")).value


@pytest.mark.parametrize("how", [by_insert, under_a_lock, by_update, by_transaction])
def test_s4_one_name_and_a_hundred_sign_ups(how: SignUp) -> None:
    """One gets it, all others are told whose it is, and it stays so."""
    answers, stored = sign_up(how)
    assert [password for password, (got, _) in enumerate(answers) if got] == [stored]
    assert {told for _, told in answers} == {stored}


def test_s4_control_query_then_write() -> None:
    """Several believe that they have the name."""
    answers, _ = sign_up(query_then_write)
    assert sum(got for got, _ in answers) >= 2


def test_s5_a_session_store_without_sleeps() -> None:
    """Whoever reads after an answer sees what was answered, a thousand times."""
    writer, reader = latchwork.open("memory:s5 threads"), latchwork.open("memory:s5 threads")
    questions: queue.SimpleQueue[list[Key] | None] = queue.SimpleQueue()
    looked: queue.SimpleQueue[bool] = queue.SimpleQueue()
    s1, s2, s3, s4 = ("session", 1, "s1"), ("session", 1, "s2"), ("session", 2, "s3"), ("session", 2, "s4")

    def seen(*keys: Key) -> None:
        questions.put(list(keys))
        assert looked.get(timeout=LIMIT)

    def read() -> int:
        looks = 0
        while (keys := questions.get(timeout=LIMIT)) is not None:
            looks += 1
            looked.put([entry.key for entry in reader.list(prefix=("session",))] == keys)
        return looks

    def write() -> int:
        try:
            for number in range(1000):
                for key in (s1, s2, s3):
                    writer.set(key, number)
                seen(s1, s2, s3)
                assert writer.delete_all(prefix=("session", 1)) == [s1, s2]
                seen(s3)
                assert writer.delete_all(prefix=("session", 1)) == []
                writer.set(s4, number)
                assert writer.delete_all(prefix=("session", 2), except_=[s4]) == [s3]
                seen(s4)
                assert writer.delete(s4)
                seen()
        finally:
            questions.put(None)
        return 0

    assert together(read, write) == [4000, 0]
    writer.close()
    reader.close()


def test_s5_control_a_queued_delete() -> None:
    """It answers before it is done, and leaves sessions over."""
    sessions: dict[str, int] = {}
    deletes: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()

    def work() -> int:
        while (turn := deletes.get(timeout=LIMIT)) is not None:
            turn.wait(LIMIT)
            sessions.clear()
        return 0

    def write() -> int:
        left = 0
        for number in range(10):
            sessions["s1"] = number
            turn = threading.Event()
            deletes.put(turn)
            left += len(sessions)
            turn.set()
        deletes.put(None)
        return left

    assert together(work, write)[1] >= 1
    assert not sessions


PAGES: list[Key] = [("page", number) for number in range(5)]


def test_s12_versions_tell_changes_that_end_where_they_began() -> None:
    """An equal value, a deletion and a creation, there and back: every stale save fails and names every stale page."""
    with latchwork.open() as space:
        for page in PAGES:
            space.set(page, "text")
        meeting = threading.Barrier(21)

        def save(number: int) -> None:
            entries = space.get_many(*PAGES)
            meeting.wait(LIMIT)
            meeting.wait(LIMIT)
            assert [entry.value for entry in space.get_many(*PAGES)] == ["text"] * 5
            batch = space.atomic()
            for entry in entries:
                batch.check(entry).set(entry.key, f"stale {number}")
            result = batch.commit()
            assert not result
            assert [conflict.key for conflict in result.conflicts] == PAGES[:3]
            for entry, conflict in zip(entries, result.conflicts, strict=False):
                assert conflict.expected == entry.version < conflict.entry.version
            one = space.compare_exchange(entries[1], "stale")
            assert not one and one.entry.version > entries[1].version

        def change() -> None:
            meeting.wait(LIMIT)
            space.set(PAGES[0], "text")
            space.delete(PAGES[1])
            assert space.insert(PAGES[1], "text")
            other = space.set(PAGES[2], "other")
            assert space.compare_exchange(PAGES[2], "text", version=other.version)
            meeting.wait(LIMIT)

        together(change, *(lambda number=number: save(number) for number in range(20)))
        assert [entry.value for entry in space.get_many(*PAGES)] == ["text"] * 5


def test_s12_control_comparing_values() -> None:
    """A store that compares values takes a save of what changed and changed back."""
    pages = dict.fromkeys(PAGES, "text")
    meeting = threading.Barrier(2)

    def save() -> bool:
        seen = dict(pages)
        meeting.wait(LIMIT)
        meeting.wait(LIMIT)
        return pages == seen

    def change() -> bool:
        meeting.wait(LIMIT)
        pages[PAGES[2]] = "other"
        pages[PAGES[2]] = "text"
        meeting.wait(LIMIT)
        return True

    assert together(save, change) == [True, True]


class Service:
    """Requests that need a token, and an issuer that counts; some of its refreshers die half-way."""

    def __init__(self, space: latchwork.Space, deaths: int, requests: int) -> None:
        self.space = space
        self.deaths = deaths
        self.begun = self.issued = 0
        self.counting = threading.Lock()
        self.found_expired = threading.Barrier(requests)

    def request(self) -> int:
        """Go on with a token; a successor asks again for who died."""
        assert self.space.get("token").version == 0
        self.found_expired.wait(LIMIT)
        while True:
            try:
                with self.space.lock("refresh") as guard:
                    entry = self.space.get("token")
                    if entry.version:
                        return int(entry.value)
                    token = self.refresh()
                    self.space.set("token", token, expire_in=60, guard=guard)
                    return token
            except ConnectionError:
                continue

    def request_alone(self) -> int:
        """The same without the lock."""
        assert self.space.get("token").version == 0
        self.found_expired.wait(LIMIT)
        token = self.refresh()
        self.space.set("token", token, expire_in=60)
        return token

    def refresh(self) -> int:
        """Ask for a new token."""
        with self.counting:
            self.begun += 1
            if self.begun <= self.deaths:
                raise ConnectionError("half-way")
            self.issued += 1
            return self.issued


def refreshes(deaths: int, request: Callable[[Service], int]) -> tuple[Service, list[int]]:
    """Three workers with ten requests each find an expired token together."""
    clock = ManualClock()
    with latchwork.open(clock=clock) as space:
        space.set("token", 0, expire_in=60)
        clock.advance(60)
        service = Service(space, deaths, 30)
        tokens = together(*(lambda: request(service) for _ in range(30)))
        assert space.query() == NOTHING
        return service, tokens


@pytest.mark.parametrize("deaths", [0, 1, 3])
def test_s15_one_token_refresh(deaths: int) -> None:
    """Exactly one succeeds, and all go on with its token."""
    service, tokens = refreshes(deaths, Service.request)
    assert tokens == [1] * 30
    assert (service.issued, service.begun) == (1, deaths + 1)


def test_s15_control_without_the_lock() -> None:
    """Everyone who found it expired refreshes it."""
    service, _ = refreshes(0, Service.request_alone)
    assert service.issued == 30
