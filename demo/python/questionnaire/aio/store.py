"""The files for asyncio: reading and writing happen in a thread, so that the loop goes on."""

from __future__ import annotations

import asyncio

from .. import documents


class Store:
    """As `documents.Store`, awaited."""

    def __init__(self, store: documents.Store) -> None:
        self._store = store

    async def load(self, name: str) -> documents.Document:
        """Read the document from its file."""
        return await asyncio.to_thread(self._store.load, name)

    async def save(self, name: str, document: documents.Document) -> None:
        """Put a new file in the place of the old one."""
        await asyncio.to_thread(self._store.save, name, document)
