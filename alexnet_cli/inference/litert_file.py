"""A LiteRT file as records: every offset in it is checked before it is followed.

The interpreter does not check all of them, and a wrong one ends the process.
Source: schema.fbs of TensorFlow Lite, version 3, whose numbers these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .flatbuffer import F32, I8, I32, I64, U8, U32, Bytes, File, Malformed, Table


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
    options: Table | None


@dataclass(frozen=True)
class Graph:
    """All of a file that is computed."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(data: Bytes, size: int) -> Graph:
    """The graph of the LiteRT file `data` of `size` bytes.

    Raises:
        Malformed: it is none, or has parts that ours do not have.
    """
    file = File(data, size)
    if size < 8 or file.number(U32, 4) != U32.unpack(b"TFL3")[0]:
        raise Malformed("it is not a LiteRT file")
    model = file.table(file.number(U32, 0))
    if model.number(0, U32) != 3:
        raise Malformed("it is of another version")
    model.require_only(8)
    codes = [_code(x) for x in model.tables(1)]
    buffers = [_buffer(x) for x in model.tables(4)]
    graphs = list(model.tables(2))
    model.check_text(3)
    for entry in model.tables(6):
        entry.require_only(2)
        entry.check_text(0)
        if entry.number(1, U32) >= len(buffers):
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
    index = table.number(2, U32)
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
        zero_points = quantization.numbers(3, I64)
        quantization.numbers(0, F32), quantization.numbers(1, F32)
        dimension = quantization.number(6)
    return Tensor(shape, table.number(1, I8), data, scales, zero_points, dimension)


def _fits(shape: Sequence[int], signature: Sequence[int]) -> bool:
    """Whether `shape` is `signature`, in which -1 is any number."""
    pairs = zip(shape, signature, strict=False)
    return len(shape) == len(signature) and all(b in (-1, a) for a, b in pairs)


def _operator(table: Table, codes: list[int]) -> Operator:
    table.require_only(5)
    index = table.number(0, U32)
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
    if table.number(4, U32):
        raise Malformed("a signature is of another graph")
    for field in (0, 1):
        for entry in table.tables(field):
            entry.check_text(0)
            if entry.number(1, U32) >= tensors:
                raise Malformed("a signature is of a tensor that is missing")
