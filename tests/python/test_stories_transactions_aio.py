"""The stories of updates and transactions on the asyncio API: tasks of one loop, and of several, with controls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import KEEP, Entry, Query

from loop_thread import LIMIT
from meeting import PLACES, Meeting, new_url

NOTHING = Query([], [])
MANY = 100

Aio = latchwork.aio.Space
Answer = tuple[bool, Any]
"""Whether a sign-up got the name, and the password that is stored as it was told."""

Deal = Callable[..., Awaitable[list[Any]]]


@pytest.fixture(params=PLACES)
def deal(request: pytest.FixtureRequest) -> Deal:
    """How the actors of a story are dealt out."""
    return PLACES[request.param]


def story(run: Callable[[Aio, str], Awaitable[None]]) -> None:
    """Run a story with a handle that looks on, which finds nothing held or waiting at its end."""

    async def main() -> None:
        url = new_url()
        async with await latchwork.aio.open(url) as space:
            await run(space, url)
            assert await space.query() == NOTHING

    asyncio.run(main())


async def add_page(space: Aio) -> tuple[int, int]:
    """Load, add a page, save. Answers the page count and the runs."""

    async def add(document: dict[str, Any], entry: Entry) -> dict[str, Any]:
        await asyncio.sleep(0)
        document["pages"].append("page")
        await asyncio.sleep(0)
        return document

    result = await space.update("document", add)
    return len(result.value["pages"]), result.attempts


async def add_page_badly(space: Aio) -> tuple[int, int]:
    """As people write it."""
    document = (await space.get("document")).value
    await asyncio.sleep(0)
    document["pages"].append("page")
    await asyncio.sleep(0)
    await space.set("document", document)
    return len(document["pages"]), 1


@pytest.mark.parametrize("many", [50, 200])
def test_s2_duplicate_page_spam(deal: Deal, many: int) -> None:
    """Every page is there, every answer is another one, nobody ran more than four times."""

    async def run(space: Aio, url: str) -> None:
        await space.set("document", {"pages": ["first"]})
        answers = await deal(url, [add_page] * many)
        assert sorted(pages for pages, _ in answers) == list(range(2, many + 2))
        assert max(runs for _, runs in answers) <= 4
        assert len((await space.get("document")).value["pages"]) == many + 1

    story(run)


def test_s2_control_read_then_write() -> None:
    """Pages are missing."""

    async def run(space: Aio, url: str) -> None:
        await space.set("document", {"pages": ["first"]})
        await PLACES["tasks"](url, [add_page_badly] * 50)
        assert len((await space.get("document")).value["pages"]) < 51

    story(run)


def test_s3_two_unrelated_edits(deal: Deal) -> None:
    """Both are in the document; the second saver saw one conflict and ran again once."""

    async def run(space: Aio, url: str) -> None:
        meeting = Meeting(2)
        await space.set("document", {"title": "old", "pages": 1})

        def edit(change: dict[str, Any]) -> Callable[[Aio], Awaitable[Any]]:
            runs = 0

            async def apply(document: dict[str, Any], entry: Entry) -> dict[str, Any]:
                nonlocal runs
                runs += 1
                if runs == 1:
                    await meeting.wait()
                return {**document, **change}

            return lambda space: space.update("document", apply)

        results = await deal(url, [edit({"title": "new"}), edit({"pages": 2})])
        assert (await space.get("document")).value == {"title": "new", "pages": 2}
        assert sorted(result.attempts for result in results) == [1, 2]
        assert len({result.version for result in results}) == 2

    story(run)


def test_s3_control_read_then_write() -> None:
    """One edit is missing."""

    async def run(space: Aio, url: str) -> None:
        meeting = Meeting(2)
        await space.set("document", {"title": "old", "pages": 1})

        def edit(change: dict[str, Any]) -> Callable[[Aio], Awaitable[Any]]:
            async def apply(space: Aio) -> None:
                document = (await space.get("document")).value
                await meeting.wait()
                await space.set("document", {**document, **change})

            return apply

        await PLACES["tasks"](url, [edit({"title": "new"}), edit({"pages": 2})])
        assert (await space.get("document")).value != {"title": "new", "pages": 2}

    story(run)


async def by_update(space: Aio, password: int, meeting: Meeting) -> Answer:
    """Take the name if nobody has it."""
    met = False

    async def take(value: int | None, entry: Entry) -> Any:
        nonlocal met
        if not met:
            met = True
            await meeting.wait()
        return password if entry.version == 0 else KEEP

    result = await space.update(("user", "ada"), take)
    return result.changed, result.value


async def by_transaction(space: Aio, password: int, meeting: Meeting) -> Answer:
    """The same with a handle."""
    met = False

    async def body(tx: latchwork.aio.Transaction) -> Answer:
        nonlocal met
        seen = await tx.get(("user", "ada"))
        if not met:
            met = True
            await meeting.wait()
        inserted = await tx.insert(("user", "ada"), password)
        if inserted:
            return True, password
        assert seen.value == inserted.entry.value
        return False, inserted.entry.value

    return (await space.transact(body)).value


async def query_then_write(space: Aio, password: int, meeting: Meeting) -> Answer:
    """As people write it."""
    entry = await space.get(("user", "ada"))
    await meeting.wait()
    if entry.version:
        return False, entry.value
    await space.set(("user", "ada"), password)
    return True, password


SignUp = Callable[[Aio, int, Meeting], Awaitable[Answer]]


def sign_up(deal: Deal, how: SignUp) -> tuple[list[Answer], Any]:
    """All at once: what each was answered, and what is stored."""
    outcome: list[Any] = []

    async def run(space: Aio, url: str) -> None:
        meeting = Meeting(MANY)

        def actor(password: int) -> Callable[[Aio], Awaitable[Answer]]:
            return lambda space: how(space, password, meeting)

        outcome.append(await deal(url, [actor(password) for password in range(MANY)]))
        outcome.append((await space.get(("user", "ada"))).value)

    story(run)
    return outcome[0], outcome[1]


@pytest.mark.parametrize("how", [by_update, by_transaction])
def test_s4_one_name_and_a_hundred_sign_ups(deal: Deal, how: SignUp) -> None:
    """One gets it, all others are told whose it is, and it stays so."""
    answers, stored = sign_up(deal, how)
    assert [password for password, (got, _) in enumerate(answers) if got] == [stored]
    assert {told for _, told in answers} == {stored}


def test_s4_control_query_then_write() -> None:
    """Several believe that they have the name."""
    answers, _ = sign_up(PLACES["tasks"], query_then_write)
    assert sum(got for got, _ in answers) >= 2


class Sessions:
    """Sessions of one user: a record each, and an index that names them."""

    def __init__(self, in_one_transaction: bool) -> None:
        self.in_one_transaction = in_one_transaction

    async def log_in(self, space: Aio, name: str) -> None:
        """Make the record and its entry in the index."""

        async def body(tx: Any) -> None:
            index = (await tx.get("index")).value or []
            await tx.set(("session", name), {"name": name})
            await asyncio.sleep(0)
            await tx.set("index", [*index, name])

        await (space.transact(body) if self.in_one_transaction else body(space))

    async def log_out_everywhere(self, space: Aio) -> int:
        """Delete all records and the index."""

        async def body(tx: Any) -> int:
            entries = await tx.list(prefix=("session",))
            for entry in entries:
                await tx.delete(entry.key)
                await asyncio.sleep(0)
            await tx.delete("index")
            return len(entries)

        if not self.in_one_transaction:
            return await body(space)
        gone: int = (await space.transact(body)).value
        return gone

    async def agree(self, space: Aio) -> bool:
        """Whether records and index say the same, at one instant."""

        async def body(tx: latchwork.aio.Transaction) -> bool:
            index = (await tx.get("index")).value or []
            return sorted(index) == [entry.value["name"] for entry in await tx.list(prefix=("session",))]

        return (await space.transact(body)).value


async def session_store(sessions: Sessions, deal: Deal, space: Aio, url: str) -> tuple[list[bool], list[str]]:
    """Fifty log in while one logs out everywhere: what snapshots said, and who is logged in at the end."""
    names = [f"{number:02}" for number in range(50)]
    for name in names[:15]:
        await sessions.log_in(space, f"before {name}")
    agreed: list[bool] = []

    def login(name: str) -> Callable[[Aio], Awaitable[None]]:
        return lambda space: sessions.log_in(space, f"meanwhile {name}")

    async def look(space: Aio) -> None:
        for _ in range(20):
            agreed.append(await sessions.agree(space))
            await asyncio.sleep(0)

    actors: list[Any] = [login(name) for name in names]
    await deal(url, [*actors[:25], sessions.log_out_everywhere, look, *actors[25:], look])
    await sessions.log_in(space, "after")
    agreed.append(await sessions.agree(space))
    return agreed, [entry.value["name"] for entry in await space.list(prefix=("session",))]


def test_s6_log_out_everywhere_against_new_log_ins(deal: Deal) -> None:
    """Those that finished before are gone, those begun after exist, and every snapshot agrees."""

    async def run(space: Aio, url: str) -> None:
        agreed, left = await session_store(Sessions(in_one_transaction=True), deal, space, url)
        assert all(agreed) and len(agreed) == 41
        assert "after" in left
        assert not [name for name in left if name.startswith("before")]

    story(run)


def test_s6_control_writes_one_by_one() -> None:
    """Records and index tell different stories."""

    async def run(space: Aio, url: str) -> None:
        agreed, _ = await session_store(Sessions(in_one_transaction=False), PLACES["tasks"], space, url)
        assert not all(agreed)

    story(run)


class Thrown(Exception):
    """What one transfer in ten ends with midway."""


ACCOUNTS = 10
START = 100


async def transfer(tx: Any, payer: int, payee: int, fails: bool) -> None:
    """Move one unit; some end midway."""
    source = await tx.get(("account", payer))
    await asyncio.sleep(0)
    await tx.set(("account", payer), source.value - 1)
    if fails:
        raise Thrown
    target = await tx.get(("account", payee))
    await asyncio.sleep(0)
    await tx.set(("account", payee), target.value + 1)


async def audit(tx: Any) -> int:
    """The money of all accounts."""
    total: int = 0
    for number in range(ACCOUNTS):
        total += (await tx.get(("account", number))).value
        await asyncio.sleep(0)
    return total


async def bank(deal: Deal, space: Aio, url: str, in_transactions: bool) -> list[int]:
    """20 actors make 1,000 transfers, 5 audit meanwhile: what the audits saw, the last one at the end."""
    for number in range(ACCOUNTS):
        await space.set(("account", number), START)

    def payer(seed: int) -> Callable[[Aio], Awaitable[list[int]]]:
        async def work(space: Aio) -> list[int]:
            chance = random.Random(seed)
            for _ in range(50):
                payer, payee = chance.sample(range(ACCOUNTS), 2)
                fails = chance.random() < 0.1
                try:
                    if in_transactions:
                        await space.transact(lambda tx: transfer(tx, payer, payee, fails))  # noqa: B023
                    else:
                        await transfer(space, payer, payee, fails)
                except Thrown:
                    pass
            return []

        return work

    async def auditor(space: Aio) -> list[int]:
        seen = []
        for _ in range(20):
            seen.append((await space.transact(audit)).value if in_transactions else await audit(space))
            await asyncio.sleep(0)
        return seen

    seen = await deal(url, [*(payer(seed) for seed in range(20)), *[auditor] * 5])
    return [*(total for totals in seen for total in totals), await audit(space)]


def test_s13_a_bank(deal: Deal) -> None:
    """Every audit sums to the total."""

    async def run(space: Aio, url: str) -> None:
        assert set(await bank(deal, space, url, in_transactions=True)) == {ACCOUNTS * START}

    story(run)


def test_s13_control_read_then_write() -> None:
    """Money is lost."""

    async def run(space: Aio, url: str) -> None:
        totals = await bank(PLACES["tasks"], space, url, in_transactions=False)
        assert totals[-1] != ACCOUNTS * START

    story(run)


async def doctors(deal: Deal, space: Aio, url: str, in_transactions: bool) -> int:
    """Two doctors go off call if the other one stays: how many stayed."""
    meeting = Meeting(2)
    for name in "ann", "bob":
        await space.set(("on call", name), True)

    def leave(name: str) -> Callable[[Aio], Awaitable[None]]:
        met = False

        async def body(tx: Any) -> None:
            nonlocal met
            entries = await tx.list(prefix=("on call",))
            if not met:
                met = True
                await meeting.wait()
            if sum(entry.value for entry in entries) == 2:
                await tx.set(("on call", name), False)

        async def work(space: Aio) -> None:
            await (space.transact(body) if in_transactions else body(space))

        return work

    await deal(url, [leave("ann"), leave("bob")])
    return sum(entry.value for entry in await space.list(prefix=("on call",)))


def test_s13_two_doctors_on_call(deal: Deal) -> None:
    """Exactly one leaves; without transactions both do."""

    async def run(space: Aio, url: str) -> None:
        assert await doctors(deal, space, url, in_transactions=True) == 1
        assert await doctors(PLACES["tasks"], space, url, in_transactions=False) == 0

    story(run)


def test_s14_retry_discipline(deal: Deal) -> None:
    """Three forced conflicts: four runs, one commit, one event; a limit of two: `Conflict`, and no event."""

    async def run(space: Aio, url: str) -> None:
        def forced(events: list[int], **options: Any) -> Callable[[Aio], Awaitable[Any]]:
            async def work(space: Aio) -> Any:
                async def body(tx: latchwork.aio.Transaction) -> None:
                    seen = await tx.get("n")
                    if tx.attempt <= 3:
                        await space.set("n", (seen.value or 0) + 10)
                    await tx.set("n", (seen.value or 0) + 1)
                    tx.on_commit(lambda: events.append(tx.attempt))

                return await space.transact(body, **options)

            return work

        events: list[int] = []
        [result] = await deal(url, [forced(events)])
        assert (result.value, result.attempts, events) == (None, 4, [4])
        assert (await space.get("n")).value == 31
        limited: list[int] = []
        with pytest.raises(latchwork.Conflict) as conflict:
            await deal(url, [forced(limited, attempts=2)])
        assert (conflict.value.attempts, limited) == (2, [])

    story(run)


def test_s14_control_a_loop_by_hand() -> None:
    """It registers its event at each run."""

    async def run(space: Aio, url: str) -> None:
        events: list[int] = []
        for attempt in range(1, 5):
            entry = await space.get("n")
            if attempt <= 3:
                await space.set("n", attempt)
            events.append(attempt)
            if await space.compare_exchange(entry, attempt):
                break
        assert len(events) == 4

    story(run)


def test_every_story_ends_in_time() -> None:
    """Transactions whose cells cross and grow between attempts: none runs more than five times, no deadlock (C6)."""

    async def run(space: Aio, url: str) -> None:
        def crossing(seed: int) -> Callable[[Aio], Awaitable[int]]:
            chance = random.Random(seed)
            order = chance.sample(range(6), 6)

            async def work(space: Aio) -> int:
                async def body(tx: latchwork.aio.Transaction) -> int:
                    for number in order[: 1 + tx.attempt]:
                        entry = await tx.get(("cell", number))
                        await asyncio.sleep(0)
                        await tx.set(("cell", number), (entry.value or 0) + 1)
                    return tx.attempt

                return (await space.transact(body)).attempts

            return work

        runs = await asyncio.wait_for(PLACES["loops"](url, [crossing(seed) for seed in range(60)]), 2 * LIMIT)
        assert max(runs) <= 5
        total = sum(entry.value for entry in await space.list(prefix=("cell",)))
        assert total == sum(1 + attempts for attempts in runs)

    story(run)
