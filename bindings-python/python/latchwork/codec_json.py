"""Values as JSON: what JSON has, and nothing that would come back as something else."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .codec_plain import JSON, check, unreadable

__all__ = ["decode", "encode"]


def encode(value: object) -> bytes:
    """The UTF-8 of the JSON of a value. Raises `Invalid`, naming the part, where JSON has no such thing."""
    check(value, JSON)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes) -> Any:
    """The value that JSON in UTF-8 holds. Raises `Invalid` where it holds none."""
    try:
        value = json.loads(data.decode(), parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        unreadable(error)
    # JSON can still say what no value is, such as a number beyond all floats, or half of a surrogate pair.
    check(value, JSON, read=True)
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")
