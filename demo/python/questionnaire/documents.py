"""What can be done to a questionnaire, and the files that documents are kept in."""

from __future__ import annotations

import copy
import itertools
import json
import os
from pathlib import Path
from typing import Any

Document = dict[str, Any]

QUESTIONNAIRE = Path(__file__).parents[2] / "questionnaire.json"


def insert_copy(document: Document, position: int) -> None:
    """Insert a copy of the page at `position` right behind it."""
    pages = document["pages"]
    page = copy.deepcopy(pages[position])
    page["id"] = f"page-{len(pages) + 1}"
    pages.insert(position + 1, page)


class Store:
    """JSON documents in a folder, one file each, read and written whole.

    A reader sees the old file or the new one, never half of one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def load(self, name: str) -> Document:
        """Read the document from its file."""
        document: Document = json.loads((self._folder / f"{name}.json").read_bytes())
        return document

    def save(self, name: str, document: Document) -> None:
        """Put a new file in the place of the old one."""
        fresh = self._folder / f"{name}.json.{next(self._numbers)}"
        fresh.write_text(json.dumps(document), encoding="utf-8")
        os.replace(fresh, self._folder / f"{name}.json")
