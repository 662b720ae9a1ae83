"""The handlers, without Latchwork and with it. They differ in one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from latchwork.aio import Space

from ..documents import insert_copy
from .store import Store

DuplicatePage = Callable[[str, int], Awaitable[int]]


def without_latchwork(store: Store) -> DuplicatePage:
    """Load, change, save: while one request awaits its file, others load the same document."""

    async def duplicate_page(name: str, position: int) -> int:
        document = await store.load(name)
        insert_copy(document, position)
        await store.save(name, document)
        return len(document["pages"])

    return duplicate_page


def with_latchwork(store: Store, space: Space) -> DuplicatePage:
    """One request at a time for each document; other documents are not held up."""

    async def duplicate_page(name: str, position: int) -> int:
        async with space.lock(("document", name)):
            document = await store.load(name)
            insert_copy(document, position)
            await store.save(name, document)
            return len(document["pages"])

    return duplicate_page
