"""The case `document`: many users press "duplicate page" in one questionnaire at the same time."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
from latchwork.aio import Space

from ..documents import QUESTIONNAIRE
from ..report import Count, lost_updates, say, say_outcome
from .handlers import DuplicatePage, with_latchwork, without_latchwork
from .service import application, running
from .store import Store

REQUESTS = 200
AT_ONCE = 50
NAME = "stay"


async def duplicate_page_case(host: str, store: Store, space: Space) -> None:
    """Run the case, first without Latchwork, then with it."""
    say(f'{REQUESTS} requests "duplicate page" for one questionnaire, {AT_ONCE} at once')
    without = await run("without Latchwork", store, without_latchwork(store))
    locked = await run("with Latchwork   ", store, with_latchwork(store, space))
    say_outcome(host, "document", REQUESTS, without, locked)


async def run(title: str, store: Store, duplicate_page: DuplicatePage) -> Count:
    """Serve the handler, send the requests, count the pages."""
    await store.save(NAME, json.loads(QUESTIONNAIRE.read_bytes()))
    async with running(application(duplicate_page)) as origin:
        start = time.perf_counter()
        answers, stuck = await send_many(f"{origin}/documents/{NAME}/pages/0/duplicate")
        seconds = time.perf_counter() - start
    pages = len((await store.load(NAME))["pages"])
    lost = lost_updates(REQUESTS, pages, answers)
    say(f"  {title}: {pages} of {REQUESTS + 1} pages are there, {lost} updates lost")
    return Count(lost, stuck, len(answers) / seconds)


async def send_many(url: str) -> tuple[list[int], int]:
    """Send the requests, `AT_ONCE` under way at a time: the answers, and how many got none in time."""
    answers: list[int] = []
    unsent = iter(range(REQUESTS))
    stuck = 0

    async def send(session: aiohttp.ClientSession) -> None:
        nonlocal stuck
        for _ in unsent:
            try:
                async with session.post(url) as response:
                    response.raise_for_status()
                    answers.append((await response.json())["pages"])
            except asyncio.TimeoutError:
                stuck += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*(send(session) for _ in range(AT_ONCE)))
    return answers, stuck
