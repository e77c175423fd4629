"""Tables of a FlatBuffers file, read only inside the bounds of the file.

Source: https://flatbuffers.dev/internals
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

U8, U16, U32, U64 = (struct.Struct(f"<{x}") for x in "BHIQ")
I8, I32, I64, F32 = (struct.Struct(f"<{x}") for x in "biqf")
_MANY = 10_000
"""Elements of a vector that is looked at; our largest network has a hundred tensors."""


Bytes = bytes | mmap


class Malformed(ValueError):
    """A file is not what the interpreter may be given."""


@dataclass(frozen=True)
class File:
    """Bytes that are only read inside their bounds."""

    data: Bytes
    size: int

    def number(self, form: struct.Struct, at: int) -> int:
        """The number at `at`."""
        if at < 0 or at + form.size > self.size:
            raise Malformed("an offset is outside of the file")
        if at % form.size:
            raise Malformed("a number is not aligned")
        found: int = form.unpack_from(self.data, at)[0]
        return found

    def table(self, at: int) -> "Table":
        """The table at `at`, whose fields are inside of it."""
        layout = at - self.number(I32, at)
        length, size = self.number(U16, layout), self.number(U16, layout + 2)
        if length < 4 or length % 2 or layout + length > self.size or at + size > self.size:
            raise Malformed("a table is outside of the file")
        return Table(self, at, size, layout, length)


@dataclass(frozen=True)
class Table:
    """A record of a file; its fields have numbers and may be missing."""

    file: File
    at: int
    size: int
    layout: int
    length: int

    def place(self, field: int, size: int = 4) -> int:
        """Where `field`, of `size` bytes, is; 0 if it is missing."""
        entry = 4 + 2 * field
        if entry + 2 > self.length:
            return 0
        offset = self.file.number(U16, self.layout + entry)
        if offset and not 4 <= offset <= self.size - size:
            raise Malformed("a field is outside of its table")
        return self.at + offset if offset else 0

    def number(self, field: int, form: struct.Struct = I32, default: int = 0) -> int:
        """The value of a field that is a number."""
        at = self.place(field, form.size)
        return self.file.number(form, at) if at else default

    def target(self, field: int) -> int:
        """Where a field leads to; 0 if it is missing."""
        at = self.place(field)
        return at + self.file.number(U32, at) if at else 0

    def table(self, field: int) -> "Table | None":
        """The table that a field leads to."""
        at = self.target(field)
        return self.file.table(at) if at else None

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """Where the elements of a vector, of `size` bytes each, begin; and their number."""
        at = self.target(field)
        if not at:
            return 0, 0
        count = self.file.number(U32, at)
        if at + 4 + count * size > self.file.size:
            raise Malformed("a vector is outside of the file")
        return at + 4, count

    def numbers(self, field: int, form: struct.Struct = I32) -> tuple[int, ...]:
        """The elements of a vector of numbers."""
        at, count = self.vector(field, form.size)
        if count > _MANY or at % form.size:
            raise Malformed("a vector is too long or not aligned")
        return struct.unpack_from(f"<{count}{form.format[-1]}", self.file.data, at)

    def tables(self, field: int) -> "Iterator[Table]":
        """The elements of a vector of tables."""
        at, count = self.vector(field, 4)
        if count > _MANY:
            raise Malformed("a vector is too long")
        for i in range(at, at + 4 * count, 4):
            yield self.file.table(i + self.file.number(U32, i))

    def require_only(self, fields: int) -> None:
        """Check that it has no others than the first `fields`."""
        if any(self.place(x, 1) for x in range(fields, (self.length - 4) // 2)):
            raise Malformed("a table has fields that are not known")

    def check_text(self, field: int) -> None:
        """Check that a text is one, and ends where it says."""
        at, count = self.vector(field, 1)
        if at and (count > _MANY or self.file.number(U8, at + count)):
            raise Malformed("a text has no end")
        self.file.data[at : at + count].decode()
