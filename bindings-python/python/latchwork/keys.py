"""What a key is."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Key"]

Key: TypeAlias = str | int | bytes | bool | tuple["Key", ...]
"""A string, an integer, bytes, a boolean, or a tuple of such parts (tuples nest).

A tuple is *one* key: ``space.lock(("user", 7))`` locks one key, ``space.lock("user", 7)`` locks two. Part types never
mix: ``1``, ``"1"``, ``True`` and ``b"1"`` are four keys, and ``("a",)`` is not ``"a"``. Integers are from -2**63 to
2**64 - 1; a key may be up to 2,048 bytes long when encoded, and tuples nest up to 32 deep. Floats, ``None``,
``bytearray`` (it can change) and strings with lone surrogates are refused.
"""
