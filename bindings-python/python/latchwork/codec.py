"""How values become bytes and come back: the option `codec` of `open`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from .errors import InvalidType, InvalidValue

__all__ = ["Codec", "CodecOption", "SpaceCodec", "codec_name"]

T = TypeVar("T")


class Codec(Protocol[T]):
    """A pair of functions of one's own, as an object.

    What `decode` answers belongs to whoever reads the value, so it must be new each time. What either raises ends the
    operation and passes through unchanged.

    All openings of a name must have codecs of one name: that of an attribute `name`, ``"custom"`` where there is none.
    """

    def encode(self, value: T, /) -> bytes:
        """The bytes of a value."""

    def decode(self, data: bytes, /) -> T:
        """The value of these bytes."""


CodecOption: TypeAlias = (
    Literal["cbor", "json", "bytes"] | Codec[Any] | tuple[Callable[[Any], bytes], Callable[[bytes], Any]]
)
"""What the option takes.

- ``"cbor"``, the usual one: `None`, booleans, integers of any size, floats, strings, bytes, aware datetimes, lists
  (tuples come back as lists), dicts whose keys are strings or integers, and sets of strings and integers. Other
  languages read and write the same bytes.
- ``"json"``: `None`, booleans, finite numbers, strings, lists and dicts whose keys are strings.
- ``"bytes"``: bytes, as they are.
- a `Codec`, or a tuple of two functions, `encode` and `decode`.

What a codec does not take is refused with `Invalid`, which names the part, before anything is changed.
"""

_OURS = ("cbor", "json", "bytes")


class SpaceCodec:
    """The codec of a space, of its option: two functions and a name.

    The code of the usual one is loaded here, and not with the package: who only locks does without.
    """

    __slots__ = ("decode", "encode", "name")

    name: str
    """What `codec_name` says of the option."""

    encode: Callable[[Any], bytes]
    """The bytes of a value as it is now."""

    decode: Callable[[bytes], Any]
    """The value of these bytes, new each time."""

    def __init__(self, option: CodecOption | None = None) -> None:
        self.name = codec_name(option)
        if self.name == "cbor":
            from . import codec_cbor

            self.encode, self.decode = codec_cbor.encode, codec_cbor.decode
        elif self.name == "json":
            from . import codec_json

            self.encode, self.decode = codec_json.encode, codec_json.decode
        elif self.name == "bytes":
            self.encode, self.decode = _encode_bytes, bytes
        else:
            encode, self.decode = _pair(option)
            self.encode = _checked(encode)


def codec_name(option: object) -> str:
    """The name by which openings of a space agree on the codec. Raises `Invalid` where the option is none."""
    if option is None:
        return "cbor"
    if isinstance(option, str):
        if option in _OURS:
            return option
        raise _wrong(InvalidValue, "codec", f"there is no codec of this name, but {', '.join(_OURS)}")
    _pair(option)
    name = getattr(option, "name", "custom")
    if type(name) is not str:
        raise _wrong(InvalidType, "codec.name", "must be a string")
    if name in _OURS:
        raise _wrong(InvalidValue, "codec.name", f"{name} is the name of a codec that is here already")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _wrong(InvalidValue, "codec.name", "a string with a lone surrogate") from None
    return name


def _pair(option: object) -> tuple[Callable[[Any], Any], Callable[[bytes], Any]]:
    if type(option) is tuple and len(option) == 2:
        encode, decode = option
    else:
        encode, decode = getattr(option, "encode", None), getattr(option, "decode", None)
    if isinstance(option, type) or not callable(encode) or not callable(decode):
        names = ", ".join(f'"{name}"' for name in _OURS)
        raise _wrong(InvalidType, "codec", f"must be {names}, or an object with the functions encode and decode")
    return encode, decode


def _checked(encode: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    def checked(value: Any) -> bytes:
        encoded = encode(value)
        if not isinstance(encoded, bytes | bytearray):
            raise _wrong(InvalidType, "codec.encode", "must answer bytes")
        return bytes(encoded)

    return checked


def _encode_bytes(value: object) -> bytes:
    if type(value) is bytes:
        return value
    if type(value) is bytearray:
        return bytes(value)
    raise _wrong(InvalidType, "value", 'must be bytes, since the codec is "bytes"')


def _wrong(error: type[InvalidType | InvalidValue], what: str, why: str) -> InvalidType | InvalidValue:
    return error(f"invalid {what}: {why}", what=what, why=why)
