"""Which LiteRT files the interpreter is given: those whose graph is of our exports' kind.

Every operator is one that the converter makes of our networks, with the types and the
options that it gives it, and every shape follows from those before it: the interpreter's
kernels trust some of this, and a file that is wrong ends the process.
"""

import math
from collections.abc import Mapping, Sequence

from .flatbuffer import Bytes, Malformed
from .litert_file import Graph, Operator, Tensor, read_graph
from .litert_operators import KINDS, Kind, Shape, Step, require

_TYPES = {0: "F", 1: "H", 2: "I", 3: "U", 9: "Q"}
"""float32, float16, int32, uint8, and int8 with scales."""
_SIZES = {"F": 4, "H": 2, "I": 4, "U": 1, "Q": 1}
_MAX_ELEMENTS = 2**26
"""Of a tensor; ten crops have 3e6."""
_SMALLEST, _LARGEST = 1e-20, 1e20
"""Scales."""


def check(data: Bytes, size: int) -> Graph:
    """The graph of the LiteRT file `data` of `size` bytes, which can be computed.

    Raises:
        Malformed: it is none, or not of our exports' kind.
    """
    graph = read_graph(data, size)
    for tensor in graph.tensors:
        _check_tensor(tensor)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise Malformed("it has several inputs or outputs")
    tensors = graph.tensors
    shapes = {i: x.shape for i, x in enumerate(tensors) if x.data is not None}
    [source], [target] = graph.inputs, graph.outputs
    if not (0 <= source < len(tensors) and 0 <= target < len(tensors)):
        raise Malformed("its input or its output is missing")
    _define(shapes, tensors, source, tensors[source].shape)
    for operator in graph.operators:
        if not {*operator.inputs, -1} <= {*shapes, -1}:
            raise Malformed("a tensor is used before it is computed")
        step = _step(operator, graph, shapes, data)
        for i, shape in zip(operator.outputs, KINDS[operator.code].rule(step), strict=True):
            _define(shapes, tensors, i, shape)
    if not graph.operators or graph.operators[-1].outputs != graph.outputs:
        raise Malformed("its output is not what is computed last")
    return graph


def _define(
    shapes: dict[int, Shape], tensors: Sequence[Tensor], i: int, shape: Shape
) -> None:
    """Note that the tensor `i` has been computed, as an array of `shape`."""
    if i in shapes:
        raise Malformed("a tensor is computed twice")
    declared = tensors[i].shape
    # The converter does not know how many views there are in the batch.
    require(shape[1:] == declared[1:] and declared[:1] in (shape[:1], (1,)))
    require(math.prod(shape) <= _MAX_ELEMENTS)
    shapes[i] = shape


def _check_tensor(tensor: Tensor) -> None:
    kind = _TYPES.get(tensor.type)
    elements = math.prod(tensor.shape)
    if (
        kind is None
        or len(tensor.shape) > 5
        or not all(1 <= x <= _MAX_ELEMENTS for x in tensor.shape)
    ):
        raise Malformed("a tensor has an unknown type or shape")
    if elements > (2**31 if tensor.data else _MAX_ELEMENTS):
        raise Malformed("a tensor is too large")
    if tensor.data and tensor.data[0] % 4:
        raise Malformed("a constant is not aligned")
    if tensor.data and tensor.data[1] != elements * _SIZES[kind]:
        raise Malformed("a constant is not as large as its shape")
    scales, points = tensor.scales, tensor.zero_points
    if bool(scales) != (kind == "Q") and not (kind == "I" and tensor.data):
        raise Malformed("scales are missing, or are of numbers without any")
    several = tensor.shape[:1] if tensor.data else ()
    if (
        len(points) != len(scales)
        or len(scales) not in (0, 1, *several)
        or tensor.dimension
    ):
        raise Malformed("scales do not fit a shape")
    if not all(_SMALLEST <= x <= _LARGEST for x in scales) or not all(
        -128 <= x <= 127 for x in points
    ):
        raise Malformed("a scale is out of range")


def _step(
    operator: Operator, graph: Graph, shapes: Mapping[int, Shape], data: Bytes
) -> Step:
    """What `operator` is to do, which is one of ours with the right types."""
    kind = KINDS.get(operator.code)
    if kind is None or not operator.inputs:
        raise Malformed(f"its operator {operator.code} is not one of ours")
    if not all(0 <= x < len(graph.tensors) for x in operator.outputs):
        raise Malformed("a tensor is missing")
    inputs = tuple(None if i == -1 else graph.tensors[i] for i in operator.inputs)
    outputs = tuple(graph.tensors[i] for i in operator.outputs)
    given, made = (
        "".join("-" if x is None else _TYPES[x.type] for x in y) for y in (inputs, outputs)
    )
    types = kind.types.split() or ["F" * len(given) + ">F", "Q" * len(given) + ">Q"]
    if f"{given}>{made}" not in types:
        raise Malformed(f"its operator {operator.code} is of other types")
    known = tuple(shapes.get(i, ()) for i in operator.inputs)
    return Step(inputs, known, outputs, _options(operator, kind), data)


def _options(operator: Operator, kind: Kind) -> tuple[float, ...]:
    table = operator.options
    if operator.kind != kind.kind or bool(kind.kind) != (table is not None):
        raise Malformed(f"its operator {operator.code} has other options")
    if table is None:
        return ()
    table.require_only(len(kind.options))
    values = tuple(table.number(i, x.form, x.default) for i, x in enumerate(kind.options))
    if not all(x.low <= v <= x.high for v, x in zip(values, kind.options, strict=True)):
        raise Malformed(f"its operator {operator.code} has options out of range")
    return values
