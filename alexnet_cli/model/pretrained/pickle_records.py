"""Records of what a pickle says of objects and functions: nothing is made or run."""

from dataclasses import dataclass
from typing import Any

PERSISTENT = "persistent id"
"""Name of the record of data outside of the pickle; its argument is the id."""


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


def bytes_of(value: Any) -> bytes | None:
    """The bytes that a pickle has in one of four ways; None if `value` is no bytes."""
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
