"""The stories of updates and transactions on the blocking API, with threads, each with its control."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import latchwork
import pytest
from latchwork import Entry, Query

from loop_thread import LIMIT
from together import together

T = TypeVar("T")

NOTHING = Query([], [])


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def others() -> None:
    """Let other threads run."""
    time.sleep(0)


def add_page(space: latchwork.Space) -> tuple[int, int]:
    """Load, add a page, save. Answers the page count and the runs."""

    def add(document: dict[str, Any], entry: Entry) -> dict[str, Any]:
        others()
        document["pages"].append("page")
        others()
        return document

    result = space.update("document", add)
    return len(result.value["pages"]), result.attempts


@pytest.mark.parametrize("many", [50, 200])
def test_s2_duplicate_page_spam(many: int) -> None:
    """Every page is there, every answer is another one, nobody ran more than four times."""
    with latchwork.open() as space:
        space.set("document", {"pages": ["first"]})
        meeting = threading.Barrier(many)

        def request() -> tuple[int, int]:
            meeting.wait(LIMIT)
            return add_page(space)

        answers = together(*[request] * many)
        assert sorted(pages for pages, _ in answers) == list(range(2, many + 2))
        assert max(runs for _, runs in answers) <= 4
        assert len(space.get("document").value["pages"]) == many + 1
        assert space.query() == NOTHING


def test_s2_control_read_then_write() -> None:
    """Pages are missing."""
    with latchwork.open() as space:
        space.set("document", {"pages": ["first"]})
        meeting = threading.Barrier(50)

        def request() -> None:
            document = space.get("document").value
            meeting.wait(LIMIT)
            document["pages"].append("page")
            space.set("document", document)

        together(*[request] * 50)
        assert len(space.get("document").value["pages"]) < 51


def edits(space: latchwork.Space, save: Callable[[dict[str, Any], threading.Barrier], T]) -> list[T]:
    """A title and a page, loaded behind one barrier."""
    space.set("document", {"title": "old", "pages": 1})
    meeting = threading.Barrier(2)
    changes: list[dict[str, Any]] = [{"title": "new"}, {"pages": 2}]
    return together(*(lambda change=change: save(change, meeting) for change in changes))


def test_s3_two_unrelated_edits() -> None:
    """Both are in the document; the second saver saw one conflict and ran again once."""
    with latchwork.open() as space:

        def save(change: dict[str, Any], meeting: threading.Barrier) -> latchwork.Updated:
            met = False

            def apply(document: dict[str, Any], entry: Entry) -> dict[str, Any]:
                nonlocal met
                if not met:
                    met = True
                    meeting.wait(LIMIT)
                return {**document, **change}

            return space.update("document", apply)

        results = edits(space, save)
        assert space.get("document").value == {"title": "new", "pages": 2}
        assert sorted(result.attempts for result in results) == [1, 2]
        assert len({result.version for result in results}) == 2


def test_s3_control_read_then_write() -> None:
    """One edit is missing."""
    with latchwork.open() as space:

        def save(change: dict[str, Any], meeting: threading.Barrier) -> None:
            document = space.get("document").value
            meeting.wait(LIMIT)
            space.set("document", {**document, **change})

        edits(space, save)
        assert space.get("document").value != {"title": "new", "pages": 2}


def log_in(tx: Any, name: str, meanwhile: Callable[[], object] = others) -> None:
    """A record, and its entry in the index."""
    index = tx.get("index").value or []
    tx.set(("session", name), {"name": name})
    meanwhile()
    tx.set("index", [*index, name])


def log_out_everywhere(tx: Any) -> int:
    """Delete all records and the index."""
    entries = tx.list(prefix=("session",))
    for entry in entries:
        tx.delete(entry.key)
        others()
    tx.delete("index")
    return len(entries)


def agree(tx: Any) -> bool:
    """Whether records and index say the same."""
    index = tx.get("index").value or []
    return sorted(index) == [entry.value["name"] for entry in tx.list(prefix=("session",))]


def test_s6_log_out_everywhere_against_new_log_ins() -> None:
    """Those that finished before are gone, those begun after exist, and every snapshot agrees."""
    with latchwork.open() as space:
        for number in range(15):
            space.transact(partial(log_in, name=f"before {number:02}"))
        meeting = threading.Barrier(52)

        def login(number: int) -> None:
            meeting.wait(LIMIT)
            space.transact(lambda tx: log_in(tx, f"meanwhile {number:02}"))

        def logout() -> None:
            meeting.wait(LIMIT)
            assert space.transact(log_out_everywhere).value >= 15

        def look() -> None:
            meeting.wait(LIMIT)
            for _ in range(30):
                assert space.transact(agree).value

        together(*(lambda number=number: login(number) for number in range(50)), logout, look)
        space.transact(lambda tx: log_in(tx, "after"))
        assert space.transact(agree).value
        left = [entry.value["name"] for entry in space.list(prefix=("session",))]
        assert "after" in left
        assert not [name for name in left if name.startswith("before")]
        assert space.query() == NOTHING


def test_s6_control_writes_one_by_one() -> None:
    """A snapshot between the record and the index finds that they disagree."""
    with latchwork.open() as space:
        seen: list[bool] = []
        log_in(space, "ada", meanwhile=lambda: seen.append(space.transact(agree).value))
        assert seen == [False]


class Thrown(Exception):
    """What one transfer in ten ends with midway."""


ACCOUNTS = 10
START = 100


def transfer(tx: Any, payer: int, payee: int, fails: bool) -> None:
    """Move one unit; some end midway."""
    source = tx.get(("account", payer))
    others()
    tx.set(("account", payer), source.value - 1)
    if fails:
        raise Thrown
    target = tx.get(("account", payee))
    others()
    tx.set(("account", payee), target.value + 1)


def audit(tx: Any) -> int:
    """The money of all accounts."""
    return sum(tx.get(("account", number)).value for number in range(ACCOUNTS))


def bank(space: latchwork.Space, in_transactions: bool) -> list[int]:
    """20 actors make 1,000 transfers, 5 audit meanwhile: what the audits saw, the last one at the end."""
    for number in range(ACCOUNTS):
        space.set(("account", number), START)
    meeting = threading.Barrier(25)

    def payer(seed: int) -> list[int]:
        chance = random.Random(seed)
        meeting.wait(LIMIT)
        for _ in range(50):
            source, target = chance.sample(range(ACCOUNTS), 2)
            fails = chance.random() < 0.1
            try:
                if in_transactions:
                    space.transact(lambda tx: transfer(tx, source, target, fails))  # noqa: B023
                else:
                    transfer(space, source, target, fails)
            except Thrown:
                pass
        return []

    def auditor() -> list[int]:
        meeting.wait(LIMIT)
        return [space.transact(audit).value if in_transactions else audit(space) for _ in range(20)]

    seen = together(*(lambda seed=seed: payer(seed) for seed in range(20)), *[auditor] * 5)
    return [*(total for totals in seen for total in totals), audit(space)]


def test_s13_a_bank() -> None:
    """Every audit sums to the total."""
    with latchwork.open() as space:
        assert set(bank(space, in_transactions=True)) == {ACCOUNTS * START}
        assert space.query() == NOTHING


def test_s13_control_read_then_write() -> None:
    """Money is lost."""
    with latchwork.open() as space:
        assert bank(space, in_transactions=False)[-1] != ACCOUNTS * START


def doctors(space: latchwork.Space, in_transactions: bool) -> int:
    """Two doctors go off call if the other one stays: how many stayed."""
    meeting = threading.Barrier(2)
    for name in "ann", "bob":
        space.set(("on call", name), True)

    def leave(name: str) -> None:
        met = False

        def body(tx: Any) -> None:
            nonlocal met
            entries = tx.list(prefix=("on call",))
            if not met:
                met = True
                meeting.wait(LIMIT)
            if sum(entry.value for entry in entries) == 2:
                tx.set(("on call", name), False)

        space.transact(body) if in_transactions else body(space)

    together(lambda: leave("ann"), lambda: leave("bob"))
    return sum(entry.value for entry in space.list(prefix=("on call",)))


def test_s13_two_doctors_on_call() -> None:
    """Exactly one leaves; without transactions both do."""
    with latchwork.open() as space:
        assert doctors(space, in_transactions=True) == 1
        assert doctors(space, in_transactions=False) == 0


def test_s13_nested_aborts() -> None:
    """A part of a transfer that is aborted moves nothing, the rest does."""
    with latchwork.open() as space:
        for number in range(3):
            space.set(("account", number), START)

        def body(tx: latchwork.Transaction) -> None:
            transfer(tx, 0, 1, fails=False)

            def part(tx: latchwork.Transaction) -> None:
                transfer(tx, 0, 2, fails=False)
                tx.abort("limit")

            with pytest.raises(latchwork.Aborted):
                tx.transact(part)

        space.transact(body)
        assert [space.get(("account", number)).value for number in range(3)] == [START - 1, START + 1, START]


def test_s14_retry_discipline() -> None:
    """Three forced conflicts: four runs, one commit, one event; a limit of two: `Conflict`, and no event."""
    with latchwork.open() as space:
        events: list[int] = []

        def body(tx: latchwork.Transaction) -> None:
            seen = tx.get("n")
            if tx.attempt <= 3:
                space.set("n", (seen.value or 0) + 10)
            tx.set("n", (seen.value or 0) + 1)
            tx.on_commit(lambda: events.append(tx.attempt))

        result = space.transact(body)
        assert (result.value, result.attempts, events) == (None, 4, [4])
        assert space.get("n").value == 31
        with pytest.raises(latchwork.Conflict) as conflict:
            space.transact(body, attempts=2)
        assert (conflict.value.attempts, events) == (2, [4])


def test_s14_control_a_loop_by_hand() -> None:
    """It registers its event at each run."""
    with latchwork.open() as space:
        events: list[int] = []
        for attempt in range(1, 5):
            entry = space.get("n")
            if attempt <= 3:
                space.set("n", attempt)
            events.append(attempt)
            if space.compare_exchange(entry, attempt):
                break
        assert len(events) == 4


def test_callbacks_run_once_and_in_order() -> None:
    """Fifty threads: one call for each commit (C9)."""
    with latchwork.open() as space:
        called: list[tuple[int, int]] = []

        def work(number: int) -> None:
            def body(tx: latchwork.Transaction) -> None:
                seen = tx.get("n").value or 0
                others()
                tx.set("n", seen + 1)
                tx.on_commit(lambda: called.append((number, 1)))
                tx.on_commit(lambda: called.append((number, 2)))

            space.transact(body)

        together(*(lambda number=number: work(number) for number in range(50)))
        assert space.get("n").value == 50
        assert sorted(called) == [(number, part) for number in range(50) for part in (1, 2)]
        for number in range(50):
            assert called.index((number, 1)) < called.index((number, 2))
