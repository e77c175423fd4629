"""The lists of names in the attributes of an HDF5 object.

Source: HDF5 File Format Specification 3.0, III.E (global heap), IV.A.2.d (datatype) and
IV.A.2.m (attribute message).
"""

import math

from ...errors import WeightsError, printable
from .hdf5_headers import SPACE, TYPE, Content, Message, messages, shape_of

MAX_TEXT = 1024
"""Bytes of a name that are read."""

_ATTRIBUTE = 0x0C
_TEXT, _SEQUENCE = 3, 9
"""Classes of types: strings of one length, and of any."""


def names_in(content: Content, address: int, attribute: str) -> tuple[str, ...] | None:
    """The names in an attribute of the object at `address`; None if it has none.

    Keras writes long lists in pieces, whose attributes end in 0, 1 and so on.

    Raises:
        WeightsError: it is damaged, or holds something else.
    """
    found: dict[str, tuple[str, ...]] = {}
    for message in messages(content, address):
        if message.kind == _ATTRIBUTE:
            name, parts = _attribute(content, message)
            number = name.removeprefix(attribute)
            if name.startswith(attribute) and (not number or number.isdecimal()):
                found[number.rjust(9, "0")] = _texts(content, name, *parts)
    return tuple(x for _, y in sorted(found.items()) for x in y) if found else None


def _attribute(
    content: Content, message: Message
) -> tuple[str, tuple[Message, Message, int]]:
    """The name of an attribute, its type and shape, and where its data is."""
    version, flags, *sizes = content.unpack("<BBHHH", message.start)
    if version not in (1, 2, 3):
        raise WeightsError(f"has an attribute of version {version}")
    start = message.start + (9 if version == 3 else 8)
    name = content.take(start, sizes[0])[:MAX_TEXT]
    starts = []
    for size in sizes:
        start += -(-size // 8) * 8 if version == 1 else size
        starts.append(start)
    shared = version > 1 and flags
    kind = Message(TYPE, bool(shared), starts[0], sizes[1])
    space = Message(SPACE, bool(shared), starts[1], sizes[2])
    text = bytes(name).partition(b"\0")[0].decode("utf-8", "replace")
    return text, (kind, space, starts[2])


def _texts(
    content: Content, name: str, kind: Message, space: Message, start: int
) -> tuple[str, ...]:
    """The strings in an attribute.

    Raises:
        WeightsError: it holds something else.
    """
    count = math.prod(shape_of(content, space))
    head, *_, size = content.unpack("<4BI", kind.start)
    if not count:
        return ()
    if kind.is_shared or head & 15 not in (_TEXT, _SEQUENCE) or not 0 < size <= MAX_TEXT:
        raise WeightsError(f"has no names in {printable(name)}")
    if head & 15 == _SEQUENCE and size != 16:
        raise WeightsError("is damaged: a reference has another size than 16 bytes")
    content.take(start, count * size)
    texts = []
    for at in range(start, start + count * size, size):
        if head & 15 == _TEXT:
            text = content.take(at, size)
        else:
            length, heap, index = content.unpack("<IQI", at)  # 16 bytes.
            text = _from_heap(content, heap, index)[:length]
        texts.append(bytes(text[:MAX_TEXT]).partition(b"\0")[0].decode("utf-8", "replace"))
    return tuple(texts)


def _from_heap(content: Content, heap: int, wanted: int) -> memoryview:
    """The object of that number in the global heap at `heap`."""
    content.require(b"GCOL", heap)
    (size,) = content.unpack("<Q", heap + 8)
    start, end = heap + 16, heap + size
    while start + 16 <= end:
        index, length = content.unpack("<H6xQ", start)
        if index == wanted:
            return content.take(start + 16, length)
        if not index:
            break
        start += 16 + -(-length // 8) * 8
    raise WeightsError("is damaged: a name is not in its heap")
