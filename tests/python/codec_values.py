"""Values as the vectors of `tests/codec` describe them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "codec" / "vectors.json").read_text("utf-8"))


def value_of(description: Any) -> Any:
    """The value that a description means."""
    if not isinstance(description, dict):
        return description
    ((kind, content),) = description.items()
    if kind == "int":
        return int(content)
    if kind == "float":
        return float(content)
    if kind == "utf16":
        return "".join(chr(int(content[at : at + 4], 16)) for at in range(0, len(content), 4))
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "date":
        return datetime.strptime(content.replace("Z", "+0000"), _form(content))
    if kind == "list":
        return [value_of(item) for item in content]
    if kind in ("object", "map"):
        return {value_of(key): value_of(value) for key, value in content}
    if kind == "set":
        return {value_of(member) for member in content}
    if kind == "nested":
        value: Any = 0
        for _ in range(content):
            value = [value]
        return value
    raise ValueError(f"no such kind of value: {kind}")


def described(value: Any) -> Any:
    """A value as one that is equal to another only if types and order are too: to Python, 1 is True is 1.0."""
    if type(value) is dict:
        return ("dict", [(described(key), described(item)) for key, item in value.items()])
    if type(value) is list:
        return ("list", [described(item) for item in value])
    if type(value) is set:
        return ("set", sorted(repr(described(member)) for member in value))
    if type(value) is float:
        return ("float", repr(value))
    if type(value) is datetime:
        return ("datetime", value.astimezone(timezone.utc).isoformat())
    return (type(value).__qualname__, value)


def _form(date: str) -> str:
    return "%Y-%m-%dT%H:%M:%S.%f%z" if "." in date else "%Y-%m-%dT%H:%M:%S%z"
