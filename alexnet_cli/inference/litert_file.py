"""A LiteRT file as records: every offset in it is checked before it is followed.

The interpreter does not check all of them, and a wrong one ends the process. Source: the
FlatBuffers format and schema.fbs of TensorFlow Lite, version 3, whose numbers these are.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from mmap import mmap

U8, _U16, _U32, _U64 = (struct.Struct(f"<{x}") for x in "BHIQ")
I8, I32, _I64, F32 = (struct.Struct(f"<{x}") for x in "biqf")
_MANY = 10_000
"""Elements of a vector that is looked at; our largest network has a hundred tensors."""


Bytes = bytes | mmap


class Malformed(ValueError):
    """A file is not what the interpreter may be given."""


@dataclass(frozen=True)
class Tensor:
    """An array of the graph."""

    shape: tuple[int, ...]
    type: int
    data: tuple[int, int] | None
    """Where a constant's bytes begin and how many they are; None: it is computed."""
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    dimension: int
    """That the scales are of, if they are several."""


@dataclass(frozen=True)
class Operator:
    """A step of the graph: tensors to tensors, by their indices; -1 is none."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kind: int
    """Of `options`."""
    options: "Table | None"


@dataclass(frozen=True)
class Graph:
    """All of a file that is computed."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


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
        length, size = self.number(_U16, layout), self.number(_U16, layout + 2)
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
        offset = self.file.number(_U16, self.layout + entry)
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
        return at + self.file.number(_U32, at) if at else 0

    def table(self, field: int) -> "Table | None":
        """The table that a field leads to."""
        at = self.target(field)
        return self.file.table(at) if at else None

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """Where the elements of a vector, of `size` bytes each, begin; and their number."""
        at = self.target(field)
        if not at:
            return 0, 0
        count = self.file.number(_U32, at)
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
            yield self.file.table(i + self.file.number(_U32, i))

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


def read_graph(data: Bytes, size: int) -> Graph:
    """The graph of the LiteRT file `data` of `size` bytes.

    Raises:
        Malformed: it is none, or has parts that ours do not have.
    """
    file = File(data, size)
    if size < 8 or file.number(_U32, 4) != _U32.unpack(b"TFL3")[0]:
        raise Malformed("it is not a LiteRT file")
    model = file.table(file.number(_U32, 0))
    if model.number(0, _U32) != 3:
        raise Malformed("it is of another version")
    model.require_only(8)
    codes = [_code(x) for x in model.tables(1)]
    buffers = [_buffer(x) for x in model.tables(4)]
    graphs = list(model.tables(2))
    model.check_text(3)
    for entry in model.tables(6):
        entry.require_only(2)
        entry.check_text(0)
        if entry.number(1, _U32) >= len(buffers):
            raise Malformed("a buffer is missing")
    if len(graphs) != 1:
        raise Malformed(f"it has {len(graphs)} graphs")
    [graph] = graphs
    graph.require_only(5)
    graph.check_text(4)
    found = Graph(
        tuple(_tensor(x, buffers) for x in graph.tables(0)),
        tuple(_operator(x, codes) for x in graph.tables(3)),
        graph.numbers(1),
        graph.numbers(2),
    )
    for signature in model.tables(7):
        _check_signature(signature, len(found.tensors))
    return found


def _code(table: Table) -> int:
    """The number of an operator that is built in; an old and a new field have it."""
    table.require_only(4)
    if table.target(1):
        raise Malformed("it has an operator that is not built in")
    return max(table.number(0, I8), table.number(3, I32))


def _buffer(table: Table) -> tuple[int, int]:
    table.require_only(1)
    return table.vector(0, 1)


def _tensor(table: Table, buffers: list[tuple[int, int]]) -> Tensor:
    table.require_only(9)
    table.check_text(3)
    if table.number(5, U8) or table.target(6):
        raise Malformed("it has a tensor that is kept or sparse")
    index = table.number(2, _U32)
    if index >= len(buffers):
        raise Malformed("a buffer is missing")
    shape, signature = table.numbers(0), table.numbers(7)
    if signature and not _fits(shape, signature):
        raise Malformed("a tensor has two shapes")
    # Buffer 0 is that of tensors without data.
    data = buffers[index] if buffers[index][1] else None
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    dimension = 0
    if quantization := table.table(4):
        quantization.require_only(7)
        if quantization.number(4, U8) or quantization.target(5):
            raise Malformed("it has a quantization of another kind")
        scales = quantization.numbers(2, F32)
        zero_points = quantization.numbers(3, _I64)
        quantization.numbers(0, F32), quantization.numbers(1, F32)
        dimension = quantization.number(6)
    return Tensor(shape, table.number(1, I8), data, scales, zero_points, dimension)


def _fits(shape: Sequence[int], signature: Sequence[int]) -> bool:
    """Whether `shape` is `signature`, in which -1 is any number."""
    pairs = zip(shape, signature, strict=False)
    return len(shape) == len(signature) and all(b in (-1, a) for a, b in pairs)


def _operator(table: Table, codes: list[int]) -> Operator:
    table.require_only(5)
    index = table.number(0, _U32)
    if index >= len(codes):
        raise Malformed("an operator is missing")
    return Operator(
        codes[index],
        table.numbers(1),
        table.numbers(2),
        table.number(3, U8),
        table.table(4),
    )


def _check_signature(table: Table, tensors: int) -> None:
    table.require_only(5)
    table.check_text(2)
    if table.number(4, _U32):
        raise Malformed("a signature is of another graph")
    for field in (0, 1):
        for entry in table.tables(field):
            entry.check_text(0)
            if entry.number(1, _U32) >= tensors:
                raise Malformed("a signature is of a tensor that is missing")
