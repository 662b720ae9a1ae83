"""The usual codec: CBOR (RFC 8949), as every language of this package writes and reads it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, NoReturn

from cbor2 import CBORDecoder, CBORError, CBORTag, dumps

from .codec_plain import CBOR, DEEPEST, check, unreadable

__all__ = ["decode", "encode"]

_MAP = 259
"""The tag of JavaScript's maps whose keys are all strings."""

_SEALED = (4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 260, 261, 1004, 43000, 55799)
"""Tags that the library knows and no value has: references to other parts, patterns, decimals, addresses, and such."""


def encode(value: object) -> bytes:
    """The bytes of a value. Raises `Invalid`, naming the part, where it is none."""
    check(value, CBOR)
    return dumps(value)


def decode(data: bytes) -> Any:
    """The value that bytes hold, which may be anybody's. Raises `Invalid` where they hold none."""
    file = BytesIO(data)
    decoder = CBORDecoder(
        file,
        tag_hook=_unknown,
        semantic_decoders=_DECODERS,
        max_depth=2 * DEEPEST,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )
    try:
        value = decoder.decode()
    except CBORError as error:
        unreadable(error)
    if file.read(1):
        unreadable("there are bytes behind it")
    # The bytes can still say what no value is, such as undefined, or a key that is a list.
    check(value, CBOR, read=True)
    return value


def _map(item: object, immutable: bool) -> object:
    if type(item) is not dict:
        raise ValueError("a map that is none")
    return item


def _unknown(tag: CBORTag, immutable: bool) -> NoReturn:
    raise ValueError(f"a tag that has no meaning here: {tag.tag}")


def _sealed(item: object, immutable: bool) -> NoReturn:
    raise ValueError("a tag that has no meaning here")


_DECODERS: dict[int, Callable[[Any, bool], Any]] = {**dict.fromkeys(_SEALED, _sealed), _MAP: _map}
