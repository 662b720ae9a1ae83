"""The handlers, without Latchwork and with it. They differ in one line."""

from __future__ import annotations

from collections.abc import Callable

from latchwork import Space

from ..documents import Store, insert_copy

DuplicatePage = Callable[[str, int], int]


def without_latchwork(store: Store) -> DuplicatePage:
    """Load, change, save: while one thread is at its file, others load the same document."""

    def duplicate_page(name: str, position: int) -> int:
        document = store.load(name)
        insert_copy(document, position)
        store.save(name, document)
        return len(document["pages"])

    return duplicate_page


def with_latchwork(store: Store, space: Space) -> DuplicatePage:
    """One thread at a time for each document; other documents are not held up."""

    def duplicate_page(name: str, position: int) -> int:
        with space.lock(("document", name)):
            document = store.load(name)
            insert_copy(document, position)
            store.save(name, document)
            return len(document["pages"])

    return duplicate_page
