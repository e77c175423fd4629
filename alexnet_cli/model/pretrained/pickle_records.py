"""Records of what a pickle says of objects and functions: nothing is made or run."""

from dataclasses import dataclass
from typing import Any

PERSISTENT = "persistent id"
"""Name of the record of data outside of the pickle; its argument is the id."""


MAX_KEY = 200
"""Characters: what has a longer name is not weights."""

_MAX_PARTS = 8
"""Of a tuple that is a key, as of Flax' flattened dictionaries."""


@dataclass(slots=True, eq=False)
class Record:
    """What a pickle says of an object, class or function: nothing is made or run."""

    name: str
    """Of the class or function, as torch._utils._rebuild_tensor_v2."""
    arguments: Any = None
    """What it would be called with; None if it is not."""
    state: Any = None
    items: dict[str, Any] | None = None
    elements: list[Any] | None = None


def is_record(value: Any, *names: str) -> bool:
    """Whether `value` is the record of a call of one of `names`."""
    return (
        isinstance(value, Record)
        and value.name in names
        and isinstance(value.arguments, tuple)
    )


def key_of(key: Any, count: int) -> str | None:
    """The name that a key gives to what lies below it; None if that is not weights.

    Python would hash keys, which could take forever, or the stack of the process: text,
    numbers and tuples of these are text here, and others the `count` of keys before them.
    """
    if is_record(key, "_codecs.encode") and key.arguments:
        # Bytes, which are latin1 here: not decoded, as what is shared may be a key often.
        key = key.arguments[0]
    elif isinstance(key, bytes | bytearray):
        key = key[: MAX_KEY + 1].decode("latin1")
    elif isinstance(key, tuple) and 0 < len(key) <= _MAX_PARTS:
        parts = [_text(x) for x in key]
        key = ".".join(x for x in parts if x) if None not in parts else key
    text = _text(key)
    if text is None:
        return f"<{count}>"
    return text if len(text) <= MAX_KEY else None


def _text(key: Any) -> str | None:
    """A scalar as text, cut; None if `key` is none, or a number of too many digits."""
    if isinstance(key, str):
        return key[: MAX_KEY + 1]
    if isinstance(key, int) and key.bit_length() > 64:
        return None
    return str(key) if isinstance(key, int | float | None) else None


def bytes_of(value: Any) -> bytes | None:
    """The bytes that a pickle has in one of four ways; None if `value` is no bytes."""
    if is_record(value, "__builtin__.bytes", "builtins.bytes") and not value.arguments:
        # So protocols below 3 write no bytes at all.
        return b""
    if is_record(value, "_codecs.encode"):
        # Python 3 writes bytes so into a pickle of protocol 2 or below.
        text, *encoding = value.arguments or ("",)
        value = text if encoding in ([], ["latin1"], ["latin-1"]) else None
    if isinstance(value, str):
        # Bytes of Python 2, read as latin1.
        try:
            return value.encode("latin1")
        except UnicodeEncodeError:
            return None
    return bytes(value) if isinstance(value, bytes | bytearray) else None
