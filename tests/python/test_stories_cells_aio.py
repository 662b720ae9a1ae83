"""The stories of cells on the asyncio API, with tasks, each with its control."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import latchwork
import latchwork.aio
import pytest
from latchwork import Key, Query
from latchwork.testing import ManualClock

NOTHING = Query([], [])
MANY = 100

Answer = tuple[bool, Any]
"""Whether a sign-up got the name, and the password that is stored as it was told."""


class Meeting:
    """A point that so many tasks must reach before any goes on."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.met = asyncio.Event()

    async def wait(self) -> None:
        """Reach it."""
        self.left -= 1
        if self.left == 0:
            self.met.set()
        await self.met.wait()


async def by_insert(space: latchwork.aio.Space, password: int, meeting: Meeting) -> Answer:
    """Take the name if nobody has it, in one step."""
    await meeting.wait()
    result = await space.insert(("user", "ada"), password)
    return (True, password) if result else (False, result.entry.value)


async def under_a_lock(space: latchwork.aio.Space, password: int, meeting: Meeting) -> Answer:
    """Look and write while nobody else does."""
    await meeting.wait()
    async with space.lock(("user", "ada")) as guard:
        entry = await space.get(("user", "ada"))
        await asyncio.sleep(0)
        if entry.version:
            return False, entry.value
        await space.set(("user", "ada"), password, guard=guard)
        return True, password


async def query_then_write(space: latchwork.aio.Space, password: int, meeting: Meeting) -> Answer:
    """As people write it."""
    entry = await space.get(("user", "ada"))
    await meeting.wait()
    if entry.version:
        return False, entry.value
    await space.set(("user", "ada"), password)
    return True, password


SignUp = Callable[[latchwork.aio.Space, int, Meeting], Awaitable[Answer]]


async def sign_up(how: SignUp) -> tuple[list[Answer], Any]:
    """All at once: what each was answered, and what is stored."""
    async with await latchwork.aio.open() as space:
        meeting = Meeting(MANY)
        answers = await asyncio.gather(*(how(space, password, meeting) for password in range(MANY)))
        return answers, (await space.get(("user", "ada"))).value


@pytest.mark.parametrize("how", [by_insert, under_a_lock])
def test_s4_one_name_and_a_hundred_sign_ups(how: SignUp) -> None:
    """One gets it, all others are told whose it is, and it stays so."""
    answers, stored = asyncio.run(sign_up(how))
    assert [password for password, (got, _) in enumerate(answers) if got] == [stored]
    assert {told for _, told in answers} == {stored}


def test_s4_control_query_then_write() -> None:
    """Several believe that they have the name."""
    answers, _ = asyncio.run(sign_up(query_then_write))
    assert sum(got for got, _ in answers) >= 2


def test_s5_a_session_store_without_sleeps() -> None:
    """Whoever reads after an answer sees what was answered, a thousand times."""

    async def main() -> None:
        writer, reader = await latchwork.aio.open("memory:s5"), await latchwork.aio.open("memory:s5")
        questions: asyncio.Queue[tuple[list[Key], asyncio.Future[None]] | None] = asyncio.Queue()

        async def seen(*keys: Key) -> None:
            looked = asyncio.get_running_loop().create_future()
            await questions.put((list(keys), looked))
            await looked

        async def read() -> int:
            looks = 0
            while (question := await questions.get()) is not None:
                keys, looked = question
                assert [entry.key for entry in await reader.list(prefix=("session",))] == keys
                looks += 1
                looked.set_result(None)
            return looks

        async def write() -> None:
            for number in range(1000):
                for key in (s1, s2, s3):
                    await writer.set(key, number)
                await seen(s1, s2, s3)
                assert await writer.delete_all(prefix=("session", 1)) == [s1, s2]
                await seen(s3)
                assert await writer.delete_all(prefix=("session", 1)) == []
                await writer.set(s4, number)
                assert await writer.delete_all(prefix=("session", 2), except_=[s4]) == [s3]
                await seen(s4)
                assert (await writer.delete(s4)).existed
                await seen()
            await questions.put(None)

        s1, s2, s3, s4 = ("session", 1, "s1"), ("session", 1, "s2"), ("session", 2, "s3"), ("session", 2, "s4")
        looks, _ = await asyncio.gather(read(), write())
        assert looks == 4000
        await writer.close()
        await reader.close()

    asyncio.run(main())


def test_s5_control_a_queued_delete() -> None:
    """It answers before it is done, and leaves sessions over."""

    async def main() -> None:
        sessions: dict[str, int] = {}
        loop = asyncio.get_running_loop()
        left = 0
        for number in range(10):
            sessions["s1"] = number
            loop.call_soon(sessions.clear)
            left += len(sessions)
            await asyncio.sleep(0)
        assert left == 10 and not sessions

    asyncio.run(main())


PAGES: list[Key] = [("page", number) for number in range(5)]


def test_s12_versions_tell_changes_that_end_where_they_began() -> None:
    """An equal value, a deletion and a creation, there and back: every stale save fails and names every stale page."""

    async def main() -> None:
        space = await latchwork.aio.open()
        for page in PAGES:
            await space.set(page, "text")
        loaded, changed = Meeting(21), asyncio.Event()

        async def save(number: int) -> None:
            entries = await space.get_many(*PAGES)
            await loaded.wait()
            await changed.wait()
            assert [entry.value for entry in await space.get_many(*PAGES)] == ["text"] * 5
            batch = space.atomic()
            for entry in entries:
                batch.check(entry).set(entry.key, f"stale {number}")
            result = await batch.commit()
            assert not result
            assert [conflict.key for conflict in result.conflicts] == PAGES[:3]
            for entry, conflict in zip(entries, result.conflicts, strict=False):
                assert conflict.expected == entry.version < conflict.entry.version
            one = await space.compare_exchange(entries[1], "stale")
            assert not one and one.entry.version > entries[1].version

        async def change() -> None:
            await loaded.wait()
            await space.set(PAGES[0], "text")
            await space.delete(PAGES[1])
            await asyncio.sleep(0)
            assert await space.insert(PAGES[1], "text")
            other = await space.set(PAGES[2], "other")
            assert await space.compare_exchange(PAGES[2], "text", version=other.version)
            changed.set()

        await asyncio.gather(change(), *(save(number) for number in range(20)))
        assert [entry.value for entry in await space.get_many(*PAGES)] == ["text"] * 5

    asyncio.run(main())


def test_s12_control_comparing_values() -> None:
    """A store that compares values takes every one of them."""
    pages = dict.fromkeys(PAGES, "text")
    seen = dict(pages)
    pages[PAGES[0]] = "other"
    del pages[PAGES[1]]
    pages.update(seen)
    assert pages == seen


class Service:
    """Requests that need a token, and an issuer that counts; some of its refreshers die half-way."""

    def __init__(self, space: latchwork.aio.Space, deaths: int, requests: int) -> None:
        self.space = space
        self.deaths = deaths
        self.begun = self.issued = 0
        self.found_expired = Meeting(requests)

    async def request(self) -> int:
        """Go on with a token; a successor asks again for who died."""
        assert (await self.space.get("token")).version == 0
        await self.found_expired.wait()
        while True:
            try:
                async with self.space.lock("refresh") as guard:
                    entry = await self.space.get("token")
                    if entry.version:
                        return int(entry.value)
                    token = await self.refresh()
                    await self.space.set("token", token, expire_in=60, guard=guard)
                    return token
            except ConnectionError:
                continue

    async def request_alone(self) -> int:
        """The same without the lock."""
        assert (await self.space.get("token")).version == 0
        await self.found_expired.wait()
        token = await self.refresh()
        await self.space.set("token", token, expire_in=60)
        return token

    async def refresh(self) -> int:
        """Ask for a new token."""
        self.begun += 1
        number = self.begun
        await asyncio.sleep(0)
        if number <= self.deaths:
            raise ConnectionError("half-way")
        self.issued += 1
        return self.issued


async def refreshes(deaths: int, request: Callable[[Service], Awaitable[int]]) -> tuple[Service, list[int]]:
    """Three workers with ten requests each find an expired token together."""
    clock = ManualClock()
    async with await latchwork.aio.open(clock=clock) as space:
        await space.set("token", 0, expire_in=60)
        clock.advance(60)
        service = Service(space, deaths, 30)
        tokens = await asyncio.gather(*(request(service) for _ in range(30)))
        assert await space.query() == NOTHING
        return service, tokens


@pytest.mark.parametrize("deaths", [0, 1, 3])
def test_s15_one_token_refresh(deaths: int) -> None:
    """Exactly one succeeds, and all go on with its token."""
    service, tokens = asyncio.run(refreshes(deaths, Service.request))
    assert tokens == [1] * 30
    assert (service.issued, service.begun) == (1, deaths + 1)


def test_s15_control_without_the_lock() -> None:
    """Everyone who found it expired refreshes it."""
    service, _ = asyncio.run(refreshes(0, Service.request_alone))
    assert service.issued == 30
