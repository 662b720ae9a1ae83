"""The race of each recipe, and a naive form that loses it.

A race fails where it is lost. It is given `make`, which answers the functions of the recipe, or those of the naive
form, by their names, and is called with what they call besides the package; and a space of its own with its clock.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import latchwork.aio
import pytest
from latchwork import Aborted
from latchwork.testing import ManualClock

Functions = dict[str, Callable[..., Awaitable[Any]]]
Make = Callable[..., Functions]
Race = Callable[[Make, "World"], Awaitable[None]]


@dataclass
class World:
    """What a race happens in."""

    space: latchwork.aio.Space
    clock: ManualClock
    statement: str
    """What a store outside is asked."""


async def later(value: Any) -> Any:
    """After everybody else."""
    await asyncio.sleep(0)
    return value


async def together(count: int, run: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """So many at once."""
    return list(await asyncio.gather(*(run(number) for number in range(count))))


async def edit(make: Make, world: World) -> None:
    """Each edit is there, and each is told so."""
    add_page = make(render=later)["add_page"]
    assert sorted(await together(20, add_page)) == list(range(1, 21))
    assert sorted((await world.space.get("questionnaire")).value) == list(range(20))


def edit_badly(space: latchwork.aio.Space, render: Any) -> Functions:
    """Load, work, save."""

    async def add_page(page: int) -> int:
        pages = (await space.get("questionnaire")).value or []
        pages.append(await render(page))
        await space.set("questionnaire", pages)
        return len(pages)

    return {"add_page": add_page}


async def sign_up(make: Make, world: World) -> None:
    """One gets the name."""
    told = await together(50, lambda number: make()["sign_up"]("ada", number))
    assert told.count(True) == 1
    assert (await world.space.get(("account", "ada"))).value == {"hash": told.index(True)}


def sign_up_badly(space: latchwork.aio.Space) -> Functions:
    """Look, then write."""

    async def sign_up(name: str, hashed: int) -> bool:
        taken = await later((await space.get(("account", name))).version)
        if not taken:
            await space.set(("account", name), {"hash": hashed})
        return not taken

    return {"sign_up": sign_up}


async def log_out(make: Make, world: World) -> None:
    """A log-in that has compared the password before everybody was logged out does not get in."""
    space, gate, compared = world.space, asyncio.Event(), asyncio.Event()

    async def compare(password: str, account: Any) -> None:
        compared.set()
        await gate.wait()

    async def sessions() -> int:
        return len(await space.list(prefix=("session", "ada")))

    recipe = make(compare=compare)
    log_in, log_out_everywhere = recipe["log_in"], recipe["log_out_everywhere"]
    await space.insert(("account", "ada"), {"hash": 1})
    gate.set()
    await together(10, lambda number: log_in("ada", "secret", number))
    assert await sessions() == 10, "log-ins do not stand in each other's way"

    gate.clear()
    compared.clear()
    late = asyncio.ensure_future(log_in("ada", "secret", "late"))
    await compared.wait()
    await log_out_everywhere("ada")
    assert await sessions() == 0, "all are out"
    gate.set()
    ended = (await asyncio.gather(late, return_exceptions=True))[0]
    assert await sessions() == 0, "and stay out"
    assert isinstance(ended, Aborted)
    assert ended.reason == "the account has changed"

    await log_in("ada", "secret", "after")
    assert await sessions() == 1
    await log_out_everywhere("nobody")
    assert (await space.get(("account", "nobody"))).version == 0


def log_out_badly(space: latchwork.aio.Space, compare: Any) -> Functions:
    """It does check the account, which a log-out leaves as it is."""

    async def log_in(user: str, password: str, session: Any) -> None:
        checked = await space.get(("account", user))
        await compare(password, checked.value)

        async def save(tx: Any) -> None:
            if (await tx.get(("account", user))).version != checked.version:
                tx.abort("the account has changed")
            await tx.set(("session", user, session), {})

        await space.transact(save)

    async def log_out_everywhere(user: str) -> None:
        await space.delete_all(prefix=("session", user))

    return {"log_in": log_in, "log_out_everywhere": log_out_everywhere}


async def sale(make: Make, world: World) -> None:
    """No money is lost, and no audit misses any."""
    recipe = make()
    pay, total = recipe["pay"], recipe["total"]
    accounts = [("account", number) for number in range(3)]
    for account in accounts:
        await world.space.set(account, 100)

    async def sell(number: int) -> None:
        await asyncio.sleep(0)
        await pay(accounts[number % 3], accounts[(number + 1 + number % 2) % 3], 1 + number % 7)

    async def audit() -> None:
        while not sales.done():
            assert await total() == 300
            await asyncio.sleep(0)

    sales = asyncio.ensure_future(together(60, sell))
    await asyncio.gather(sales, audit())
    assert await total() == 300
    with pytest.raises(Aborted) as refused:
        await pay(accounts[0], accounts[1], 301)
    assert refused.value.reason == "not enough"
    await pay(accounts[0], accounts[0], 1)
    assert await total() == 300, "to oneself"


def sale_badly(space: latchwork.aio.Space) -> Functions:
    """Load both, save one, save the other."""

    async def pay(buyer: Any, seller: Any, price: int) -> None:
        paid, got = await space.get_many(buyer, seller)
        await space.set(buyer, paid.value - price)
        await space.set(seller, await later(got.value + price))

    async def total() -> int:
        return sum(account.value for account in await space.list(prefix=("account",)))

    return {"pay": pay, "total": total}


async def refresh(make: Make, world: World) -> None:
    """One fetches, all have it."""
    fetched = itertools.count(1)
    last = 0

    async def fetch_token() -> str:
        nonlocal last
        last = next(fetched)
        return str(await later(f"token {last}"))

    token = make(fetch_token=fetch_token)["token"]
    for life in 1, 2:
        assert set(await together(50, lambda _: token())) == {f"token {life}"}
        assert last == life
        world.clock.advance(3600)


def refresh_badly(space: latchwork.aio.Space, fetch_token: Any) -> Functions:
    """All succeed, and each of them has fetched one."""

    async def token() -> Any:
        async def fetch(there: Any, entry: latchwork.Entry) -> Any:
            return there or await fetch_token()

        return (await space.update("token", fetch)).value

    return {"token": token}


async def jobs(make: Make, world: World) -> None:
    """Each job is done once."""
    next_job, space = make()["next_job"], world.space
    workers, count = 4, 20

    async def work(_: int) -> list[int]:
        done = []
        while (job := await next_job()) != "stop":
            done.append(job)
        return done

    working = asyncio.ensure_future(together(workers, work))
    for job in range(count):
        await space.set(("job", job), job)
        await asyncio.sleep(0)
    for job in range(workers):
        await space.set(("job", count + job), "stop")
    assert sorted(job for done in await working for job in done) == list(range(count))
    assert not await space.list()


def jobs_badly(space: latchwork.aio.Space) -> Functions:
    """Look, then take."""

    async def next_job() -> Any:
        while True:
            found = await later(await space.list(prefix=("job",), limit=1))
            if found:
                await space.delete(found[0].key)
                return found[0].value

    return {"next_job": next_job}


async def limit(make: Make, world: World) -> None:
    """So many in each minute, and in each minute so many."""
    allowed = make()["allowed"]

    async def ask() -> int:
        return sum(await together(40, lambda _: allowed("ada", 10)))

    assert await ask() == 10
    world.clock.advance(59)
    assert await ask() == 0, "in the same minute"
    world.clock.advance(1)
    assert await ask() == 10, "in the next one"


def limit_badly(space: latchwork.aio.Space) -> Functions:
    """Whoever asks puts off the end of the minute."""

    async def allowed(user: str, most: int) -> bool:
        counted = await space.update(("requests", user), lambda count, entry: (count or 0) + 1, expire_in=60)
        return bool(counted.value <= most)

    return {"allowed": allowed}


async def outside(make: Make, world: World) -> None:
    """Whoever has lost the lock cannot save over what the next one has saved."""
    space, store = world.space, sqlite3.connect(":memory:")
    store.execute("create table documents (id integer primary key, body text, epoch integer, token integer)")
    store.execute("insert into documents values (1, 'empty', 0, 0)")

    async def load(id: int) -> str:
        return str(store.execute("select body from documents where id = ?", [id]).fetchone()[0])

    async def save(row: dict[str, Any]) -> int:
        return store.execute(world.statement, row).rowcount

    async def slowly(body: str) -> str:
        begun.set()
        await gate.wait()
        return "slow"

    edit, begun, gate = make(load=load, save=save)["edit"], asyncio.Event(), asyncio.Event()
    slow = asyncio.ensure_future(edit(1, slowly))
    await begun.wait()
    assert await space.revoke(("document", 1)) == 1
    await edit(1, lambda body: later(f"{body}, then quick"))
    gate.set()
    ended = (await asyncio.gather(slow, return_exceptions=True))[0]
    assert await load(1) == "empty, then quick"
    assert isinstance(ended, RuntimeError)
    await together(5, lambda _: edit(1, lambda body: later(f"{body}!")))
    assert await load(1) == "empty, then quick!!!!!"
    store.close()


def outside_badly(space: latchwork.aio.Space, load: Any, save: Any) -> Functions:
    """A lock alone."""

    async def edit(id: int, change: Any) -> None:
        async with space.lock(("document", id)):
            await save({"id": id, "body": await change(await load(id)), "epoch": 2**62, "token": 0})

    return {"edit": edit}


RACES: dict[str, tuple[Race, Make]] = {
    "Two requests edit one document": (edit, edit_badly),
    "Two sign-ups want one name": (sign_up, sign_up_badly),
    "Log out everywhere": (log_out, log_out_badly),
    "A buyer and a seller": (sale, sale_badly),
    "One refresh for all who wait": (refresh, refresh_badly),
    "A queue of jobs": (jobs, jobs_badly),
    "So many requests a minute": (limit, limit_badly),
    "A store outside": (outside, outside_badly),
}
"""The race and the naive form of each recipe, by its title."""
