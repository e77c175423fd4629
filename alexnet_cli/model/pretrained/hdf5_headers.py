"""The bytes of an HDF5 file, and the messages that describe each of its objects.

Source: HDF5 File Format Specification 3.0, IV.A.1 (object header prefixes) and IV.A.2.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import WeightsError

MAX_READS = 200_000
"""Records read from one file; an AlexNet takes some thousands."""

SPACE, TYPE, CONTINUATION = 0x01, 0x03, 0x10
"""Kinds of messages: an array's shape, its type, more messages."""
MAX_RANK = 8
_OLD, _NEW, _NEW_ORDERED = "<HHB3x", "<BHB", "<BHBH"
"""Before the data of a message: kind, length, flags."""


class Content:
    """The bytes of a file, read in records; a record beyond the end is an error."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._reads = 0

    def __len__(self) -> int:
        return len(self._data)

    def take(self, start: int, count: int) -> memoryview:
        """`count` bytes from `start`, not copied.

        Raises:
            WeightsError: the file ends before, or is a maze of too many records.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise WeightsError("has more parts than a file of weights")
        if start + count > len(self._data):
            raise WeightsError("is damaged: a part is beyond the end of the file")
        return self._data[start : start + count]

    def unpack(self, form: str, start: int) -> tuple[int, ...]:
        """The integers at `start`, in the notation of `struct`."""
        return struct.unpack(form, self.take(start, struct.calcsize(form)))

    def require(self, magic: bytes, start: int) -> None:
        """Check that a record of that kind begins at `start`.

        Raises:
            WeightsError: it does not.
        """
        if bytes(self.take(start, len(magic))) != magic:
            raise WeightsError(
                f"is damaged: no {magic.decode('ascii')} where one should be"
            )


@dataclass(frozen=True)
class Message:
    """A property of an object: its kind, and its data as a file of its own."""

    kind: int
    is_shared: bool
    """Whether the data only tells where the property is."""
    start: int
    """Of the data in the file."""
    size: int


def messages(content: Content, address: int) -> list[Message]:
    """The messages of the object whose header is at `address`.

    Raises:
        WeightsError: the header is damaged.
    """
    is_new = bytes(content.take(address, 4)) == b"OHDR"
    form, *first = (
        _new_prefix(content, address) if is_new else _old_prefix(content, address)
    )
    found, blocks = [], [tuple(first)]
    for start, size in blocks:
        for message in _in_block(content, start, size, form):
            if message.kind != CONTINUATION:
                found.append(message)
                continue
            begin, length = content.unpack("<QQ", message.start)
            if is_new:
                content.require(b"OCHK", begin)
                begin, length = begin + 4, length - 8
            blocks.append((begin, length))
    return found


def _old_prefix(content: Content, address: int) -> tuple[str, int, int]:
    version, size = content.unpack("<Bx2x4xI", address)
    if version != 1:
        raise WeightsError("is damaged: an object has no header")
    return _OLD, address + 16, size


def _new_prefix(content: Content, address: int) -> tuple[str, int, int]:
    version, flags = content.unpack("<BB", address + 4)
    if version != 2:
        raise WeightsError(f"has an object header of version {version}")
    width = 1 << (flags & 3)
    # Times, then limits of attributes, if there are any.
    start = address + 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
    size = int.from_bytes(content.take(start, width), "little")
    return _NEW_ORDERED if flags & 4 else _NEW, start + width, size


def _in_block(content: Content, start: int, size: int, form: str) -> Iterator[Message]:
    head, end = struct.calcsize(form), start + size
    while end - start >= head:
        kind, length, flags = content.unpack(form, start)[:3]
        start += head
        if start + length > end:
            raise WeightsError("is damaged: a message is longer than its header")
        yield Message(kind, bool(flags & 2), start, length)
        start += length


def shape_of(content: Content, message: Message) -> tuple[int, ...]:
    """The shape in a dataspace message.

    Raises:
        WeightsError: it is none of an array, or has more than eight axes.
    """
    version, rank, _, kind = content.unpack("<4B", message.start)
    if message.is_shared or version not in (1, 2) or rank > MAX_RANK or kind > 1:
        raise WeightsError("has an array of an impossible shape")
    start = message.start + (8 if version == 1 else 4)
    shape = content.unpack(f"<{rank}Q", start)
    # Of no bytes, so that nothing else bounds it; NumPy multiplies the other axes.
    if 0 in shape and math.prod(x or 1 for x in shape) >= 2**48:
        raise WeightsError("has an array of an impossible shape")
    return shape
