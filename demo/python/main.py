"""The main job in Python: a questionnaire service for asyncio, one for threads, their clients, and a bank.

python demo/python/main.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import latchwork
import latchwork.aio
from questionnaire import aio, documents, threads
from questionnaire.report import say


async def run_aio(store: documents.Store) -> None:
    """The service on aiohttp."""
    say("aiohttp, one JSON file for each document")
    async with await latchwork.aio.open() as space:
        await aio.duplicate_page_case("python", aio.Store(store), space)
        await aio.buyer_seller_case("python", aio.Store(store), space)
        await aio.bank_case("python", space)


def run_threads(store: documents.Store) -> None:
    """The service with a thread for each client."""
    say("http.server with threads, one JSON file for each document")
    with latchwork.open() as space:
        threads.duplicate_page_case("python-threads", store, space)
        threads.buyer_seller_case("python-threads", store, space)
        threads.bank_case("python-threads", space)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="latchwork-demo-") as folder:
        asyncio.run(run_aio(documents.Store(Path(folder))))
        run_threads(documents.Store(Path(folder)))
