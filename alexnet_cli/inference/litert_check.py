"""Which LiteRT files the interpreter is given: those whose graph is of our exports' kind.

Every operator is one that the converter makes of our networks, with the types and the
options that it gives it, and every shape follows from those before it: the interpreter's
kernels trust some of this, and a file that is wrong ends the process.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .litert_file import (
    F32,
    I8,
    I32,
    U8,
    Bytes,
    Graph,
    Malformed,
    Operator,
    Table,
    Tensor,
    read_graph,
)

Shape = tuple[int, ...]
_TYPES = {0: "F", 1: "H", 2: "I", 3: "U", 9: "Q"}
"""float32, float16, int32, uint8, and int8 with scales."""
_SIZES = {"F": 4, "H": 2, "I": 4, "U": 1, "Q": 1}
_MAX_ELEMENTS = 2**26
"""Of a tensor; ten crops have 3e6."""
_SMALLEST, _LARGEST = 1e-20, 1e20
"""Scales."""


@dataclass(frozen=True)
class _Option:
    """A field of an operator's options, and the values that it may have."""

    low: float
    high: float
    form: struct.Struct = I32
    default: int = 0


@dataclass(frozen=True)
class _Step:
    """An operator on tensors, and the values of its options."""

    inputs: tuple[Tensor | None, ...]
    shapes: tuple[Shape, ...]
    """Of the inputs, for one image."""
    outputs: tuple[Tensor, ...]
    options: tuple[float, ...]
    data: Bytes

    def constants(self, i: int) -> tuple[int, ...]:
        """The numbers of an input that is an int32 constant."""
        tensor = self.inputs[i]
        if tensor is None or tensor.data is None:
            raise Malformed("an input is not a constant")
        at, size = tensor.data
        return struct.unpack_from(f"<{size // 4}i", self.data, at)


_Rule = Callable[[_Step], Sequence[Shape]]
"""The shapes of the outputs that an operator has to have."""


def _same(step: _Step) -> list[Shape]:
    return [step.shapes[0]]


def _require(condition: bool) -> None:
    if not condition:
        raise Malformed("shapes do not fit")


def _windows(side: int, window: int, stride: float, same: bool) -> int:
    """How many windows fit into a side."""
    return math.ceil(side / stride) if same else (side - window) // int(stride) + 1


def _convolution(step: _Step) -> list[Shape]:
    padding, across, down = step.options[:3]
    x, filters, bias = step.shapes[0], step.shapes[1], step.shapes[2]
    _require(len(x) == len(filters) == 4 and x[3] == filters[3] and bias == filters[:1])
    count, high, wide, _ = filters
    same = padding == 0
    return [
        (x[0], _windows(x[1], high, down, same), _windows(x[2], wide, across, same), count)
    ]


def _pool(step: _Step) -> list[Shape]:
    padding, across, down, wide, high = step.options[:5]
    x, same = step.shapes[0], padding == 0
    _require(len(x) == 4)
    sides = (
        _windows(x[1], int(high), down, same),
        _windows(x[2], int(wide), across, same),
    )
    return [(x[0], *sides, x[3])]


def _dense(step: _Step) -> list[Shape]:
    x, weights = step.shapes[0], step.shapes[1]
    _require(len(x) == len(weights) == 2 and x[1] == weights[1])
    _require(step.inputs[2] is None or step.shapes[2] == weights[:1])
    return [(x[0], weights[0])]


def _concatenation(step: _Step) -> list[Shape]:
    shapes = step.shapes
    rank = len(shapes[0])
    axis = int(step.options[0])
    _require(-rank <= axis < rank and all(len(x) == rank for x in shapes))
    axis %= rank
    rests = {x[:axis] + x[axis + 1 :] for x in shapes}
    _require(len(rests) == 1)
    return [(*shapes[0][:axis], sum(x[axis] for x in shapes), *shapes[0][axis + 1 :])]


def _split(step: _Step) -> list[Shape]:
    [axis], shape, parts = step.constants(0), step.shapes[1], int(step.options[0])
    rank = len(shape)
    _require(step.shapes[0] == () and -rank <= axis < rank)
    axis %= rank
    _require(parts == len(step.outputs) and shape[axis] % parts == 0)
    return [(*shape[:axis], shape[axis] // parts, *shape[axis + 1 :])] * parts


def _elementwise(step: _Step) -> list[Shape]:
    one, two = step.shapes[0], step.shapes[1]
    # Of all images by the same numbers, or by those of each.
    _require(two in (one, one[-1:]) or (two[1:] == one[1:] and two[:1] == (1,)))
    return [one]


def _slice(step: _Step) -> list[Shape]:
    begin, end, *_ = (int(x) for x in step.options)
    shrink, shape, found = int(step.options[4]), step.shapes[0], []
    starts, ends, strides = (step.constants(i) for i in (1, 2, 3))
    _require(len(shape) == len(starts) == len(ends) == len(strides))
    for i, side in enumerate(shape):
        if shrink >> i & 1:
            _require(-side <= starts[i] < side and strides[i] == 1)
            continue
        _require(strides[i] != 0)
        first = None if begin >> i & 1 else starts[i]
        last = None if end >> i & 1 else ends[i]
        found.append(len(range(*slice(first, last, strides[i]).indices(side))))
    return [tuple(found)]


def _pad(step: _Step) -> list[Shape]:
    shape, pads = step.shapes[0], step.constants(1)
    _require(step.shapes[1] == (len(shape), 2) and all(0 <= x <= 4096 for x in pads))
    _require(pads[:2] == (0, 0))
    return [tuple(a + pads[2 * i] + pads[2 * i + 1] for i, a in enumerate(shape))]


def _mean(step: _Step) -> list[Shape]:
    shape, axes = step.shapes[0], step.constants(1)
    _require(all(-len(shape) <= x < len(shape) for x in axes))
    gone = {x % len(shape) for x in axes}
    return [
        tuple(
            1 if i in gone else x
            for i, x in enumerate(shape)
            if i not in gone or step.options[0]
        )
    ]


def _reshape(step: _Step) -> list[Shape]:
    [output] = step.outputs
    elements, rest = math.prod(step.shapes[0]), math.prod(output.shape[1:])
    _require(step.shapes[1] == (len(output.shape),) and elements % rest == 0)
    # Several views are a batch, which the converter does not know.
    return [(elements // rest, *output.shape[1:])]


def _pack(step: _Step) -> list[Shape]:
    _require(step.options[0] == len(step.inputs))
    _require(not any(step.shapes))
    return [(len(step.inputs),)]


def _shape(step: _Step) -> list[Shape]:
    return [(len(step.shapes[0]),)]


@dataclass(frozen=True)
class _Kind:
    """An operator: the types of its inputs and outputs, its options, its shapes."""

    types: str
    rule: _Rule = _same
    kind: int = 0
    """Of its options."""
    options: tuple[_Option, ...] = ()


_ACTIVATION = _Option(0, 3, I8)
_NO_ACTIVATION = _Option(0, 0, I8)
_PADDING, _FLAG, _OFF = _Option(0, 1, I8), _Option(0, 1, U8), _Option(0, 0, U8)
_COUNT, _ONE = _Option(1, 255), _Option(1, 1, default=1)
_AXIS, _MASK, _NO_MASK = _Option(-5, 4), _Option(0, 31), _Option(0, 0)
_NUMBER = _Option(-1e6, 1e6, F32)
_SUM = (_ACTIVATION, _Option(0, 1, U8, 1))
_FLOATS_AND_BYTES = "F>F Q>Q"
_PAIRS = "FF>F QQ>Q"
_KINDS = {
    0: _Kind(_PAIRS, _elementwise, 11, _SUM),
    2: _Kind("", _concatenation, 10, (_AXIS, _NO_ACTIVATION)),
    3: _Kind("FFF>F FQF>F QQI>Q", _convolution, 1, (_PADDING, _COUNT, _COUNT, _ACTIVATION, _ONE, _ONE, _NO_ACTIVATION)),
    6: _Kind("H>F Q>F"),
    9: _Kind("FFF>F FF->F FQF>F FQ->F QQI>Q QQ->Q", _dense, 8, (_ACTIVATION, _NO_ACTIVATION, _FLAG, _FLAG, _NO_ACTIVATION)),
    13: _Kind("F>F", _same, 13, (_Option(0, 127), _NUMBER, _NUMBER, _NUMBER)),
    17: _Kind(_FLOATS_AND_BYTES, _pool, 5, (_PADDING, _COUNT, _COUNT, _COUNT, _COUNT, _ACTIVATION)),
    18: _Kind(_PAIRS, _elementwise, 21, (_ACTIVATION,)),
    19: _Kind(_FLOATS_AND_BYTES),
    22: _Kind("FI>F QI>Q", _reshape),
    25: _Kind(_FLOATS_AND_BYTES, _same, 9, (_Option(1, 1, F32),)),
    34: _Kind("FI>F QI>Q", _pad, 22),
    40: _Kind("FI>F QI>Q", _mean, 27, (_FLAG,)),
    41: _Kind(_PAIRS, _elementwise, 28, _SUM),
    45: _Kind("FIII>F IIII>I QIII>Q", _slice, 32, (_MASK, _MASK, _NO_MASK, _NO_MASK, _MASK, _OFF)),
    49: _Kind("IF>FF IQ>QQ", _split, 35, (_COUNT,)),
    53: _Kind("U>F"),
    77: _Kind("F>I Q>I", _shape, 55, (_Option(2, 2, I8),)),
    83: _Kind("II>I", _pack, 59, (_COUNT, _Option(0, 0))),
    114: _Kind("F>Q"),
}  # fmt: skip
"""By the numbers of BuiltinOperator: ADD CONCATENATION CONV_2D DEQUANTIZE FULLY_CONNECTED
LOCAL_RESPONSE_NORMALIZATION MAX_POOL_2D MUL RELU RESHAPE SOFTMAX PAD MEAN SUB STRIDED_SLICE
SPLIT CAST SHAPE PACK QUANTIZE. Recorded from exports of every network."""


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
        for i, shape in zip(
            operator.outputs, _KINDS[operator.code].rule(step), strict=True
        ):
            _define(shapes, tensors, i, shape)
    if target not in shapes:
        raise Malformed("its output is not computed")
    return graph


def _define(
    shapes: dict[int, Shape], tensors: Sequence[Tensor], i: int, shape: Shape
) -> None:
    """Note that the tensor `i` has been computed, as an array of `shape`."""
    if i in shapes:
        raise Malformed("a tensor is computed twice")
    declared = tensors[i].shape
    # The converter does not know how many views there are in the batch.
    _require(shape[1:] == declared[1:] and declared[:1] in (shape[:1], (1,)))
    _require(math.prod(shape) <= _MAX_ELEMENTS)
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
) -> _Step:
    """What `operator` is to do, which is one of ours with the right types."""
    kind = _KINDS.get(operator.code)
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
    return _Step(inputs, known, outputs, _options(operator, kind), data)


def _options(operator: Operator, kind: _Kind) -> tuple[float, ...]:
    table: Table | None = operator.options
    if operator.kind != kind.kind or bool(kind.kind) != (table is not None):
        raise Malformed(f"its operator {operator.code} has other options")
    if table is None:
        return ()
    table.require_only(len(kind.options))
    values = tuple(table.number(i, x.form, x.default) for i, x in enumerate(kind.options))
    if not all(x.low <= v <= x.high for v, x in zip(values, kind.options, strict=True)):
        raise Malformed(f"its operator {operator.code} has options out of range")
    return values
