"""The operators of our LiteRT files: their types, options, and what they do to shapes.

Recorded from exports of every network, with every number of bits and every kind of views,
by TensorFlow 2.21.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .flatbuffer import F32, I8, I32, U8, Bytes, Malformed
from .litert_file import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Option:
    """A field of an operator's options, and the values that it may have."""

    low: float
    high: float
    form: struct.Struct = I32
    default: int = 0


@dataclass(frozen=True)
class Step:
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


Rule = Callable[[Step], Sequence[Shape]]
"""The shapes of the outputs that an operator has to have."""


def _same(step: Step) -> list[Shape]:
    return [step.shapes[0]]


def require(condition: bool) -> None:
    """Refuse shapes that do not fit each other.

    Raises:
        Malformed: `condition` does not hold.
    """
    if not condition:
        raise Malformed("shapes do not fit")


def _windows(side: int, window: int, stride: float, same: bool) -> int:
    """How many windows fit into a side."""
    return math.ceil(side / stride) if same else (side - window) // int(stride) + 1


def _convolution(step: Step) -> list[Shape]:
    padding, across, down = step.options[:3]
    x, filters, bias = step.shapes[0], step.shapes[1], step.shapes[2]
    require(len(x) == len(filters) == 4 and x[3] == filters[3] and bias == filters[:1])
    count, high, wide, _ = filters
    same = padding == 0
    return [
        (x[0], _windows(x[1], high, down, same), _windows(x[2], wide, across, same), count)
    ]


def _pool(step: Step) -> list[Shape]:
    padding, across, down, wide, high = step.options[:5]
    x, same = step.shapes[0], padding == 0
    require(len(x) == 4)
    sides = (
        _windows(x[1], int(high), down, same),
        _windows(x[2], int(wide), across, same),
    )
    return [(x[0], *sides, x[3])]


def _dense(step: Step) -> list[Shape]:
    x, weights = step.shapes[0], step.shapes[1]
    require(len(x) == len(weights) == 2 and x[1] == weights[1])
    require(step.inputs[2] is None or step.shapes[2] == weights[:1])
    return [(x[0], weights[0])]


def _concatenation(step: Step) -> list[Shape]:
    shapes = step.shapes
    rank = len(shapes[0])
    axis = int(step.options[0])
    require(-rank <= axis < rank and all(len(x) == rank for x in shapes))
    axis %= rank
    rests = {x[:axis] + x[axis + 1 :] for x in shapes}
    require(len(rests) == 1)
    return [(*shapes[0][:axis], sum(x[axis] for x in shapes), *shapes[0][axis + 1 :])]


def _split(step: Step) -> list[Shape]:
    [axis], shape, parts = step.constants(0), step.shapes[1], int(step.options[0])
    rank = len(shape)
    require(step.shapes[0] == () and -rank <= axis < rank)
    axis %= rank
    require(parts == len(step.outputs) and shape[axis] % parts == 0)
    return [(*shape[:axis], shape[axis] // parts, *shape[axis + 1 :])] * parts


def _elementwise(step: Step) -> list[Shape]:
    one, two = step.shapes[0], step.shapes[1]
    # Of all images by the same numbers or number, by those of each, or by one of each.
    by_each = two == (one[:1] + (1,) * len(one[1:]))
    same = two in ((), one, one[-1:]) or (two[1:] == one[1:] and two[:1] == (1,))
    require(same or by_each)
    return [one]


def _slice(step: Step) -> list[Shape]:
    begin, end, *_ = (int(x) for x in step.options)
    shrink, shape, found = int(step.options[4]), step.shapes[0], []
    starts, ends, strides = (step.constants(i) for i in (1, 2, 3))
    require(len(shape) == len(starts) == len(ends) == len(strides))
    for i, side in enumerate(shape):
        if shrink >> i & 1:
            require(-side <= starts[i] < side and strides[i] == 1)
            continue
        require(strides[i] != 0)
        first = None if begin >> i & 1 else starts[i]
        last = None if end >> i & 1 else ends[i]
        found.append(len(range(*slice(first, last, strides[i]).indices(side))))
    return [tuple(found)]


def _pad(step: Step) -> list[Shape]:
    shape, pads = step.shapes[0], step.constants(1)
    require(step.shapes[1] == (len(shape), 2) and all(0 <= x <= 4096 for x in pads))
    require(pads[:2] == (0, 0))
    return [tuple(a + pads[2 * i] + pads[2 * i + 1] for i, a in enumerate(shape))]


def _resize(step: Step) -> list[Shape]:
    shape, sides = step.shapes[0], step.constants(1)
    require(len(shape) == 4 and step.shapes[1] == (2,))
    require(all(1 <= x <= 4096 for x in sides))
    return [(shape[0], *sides, shape[3])]


def _mean(step: Step) -> list[Shape]:
    shape, axes = step.shapes[0], step.constants(1)
    require(all(-len(shape) <= x < len(shape) for x in axes))
    gone = {x % len(shape) for x in axes}
    return [
        tuple(
            1 if i in gone else x
            for i, x in enumerate(shape)
            if i not in gone or step.options[0]
        )
    ]


def _reshape(step: Step) -> list[Shape]:
    [output] = step.outputs
    elements, rest = math.prod(step.shapes[0]), math.prod(output.shape[1:])
    require(step.shapes[1] == (len(output.shape),) and elements % rest == 0)
    # Several views are a batch, which the converter does not know.
    return [(elements // rest, *output.shape[1:])]


def _pack(step: Step) -> list[Shape]:
    require(step.options[0] == len(step.inputs))
    require(not any(step.shapes))
    return [(len(step.inputs),)]


def _shape(step: Step) -> list[Shape]:
    return [(len(step.shapes[0]),)]


@dataclass(frozen=True)
class Kind:
    """An operator: the types of its inputs and outputs, its options, its shapes."""

    types: str
    rule: Rule = _same
    kind: int = 0
    """Of its options."""
    options: tuple[Option, ...] = ()


_ACTIVATION = Option(0, 3, I8)
_NO_ACTIVATION = Option(0, 0, I8)
_PADDING, _FLAG, _OFF = Option(0, 1, I8), Option(0, 1, U8), Option(0, 0, U8)
_COUNT, _ONE = Option(1, 255), Option(1, 1, default=1)
_AXIS, _MASK, _NO_MASK = Option(-5, 4), Option(0, 31), Option(0, 0)
_NUMBER = Option(-1e6, 1e6, F32)
_SUM = (_ACTIVATION, Option(0, 1, U8, 1))
_STEPS = (_COUNT, _COUNT)
_CONVOLUTION = (_PADDING, *_STEPS, _ACTIVATION, _ONE, _ONE, _NO_ACTIVATION)
_POOL = (_PADDING, *_STEPS, *_STEPS, _ACTIVATION)
_DENSE = (_ACTIVATION, _NO_ACTIVATION, _FLAG, _FLAG, _NO_ACTIVATION)
_SLICE = (_MASK, _MASK, _NO_MASK, _NO_MASK, _MASK, _OFF)
_RESIZE = (_NO_MASK, _NO_MASK, _OFF, Option(1, 1, U8))
_FLOATS_AND_BYTES = "F>F Q>Q"
_PAIRS = "FF>F QQ>Q"
KINDS = {
    0: Kind(_PAIRS, _elementwise, 11, _SUM),
    2: Kind("", _concatenation, 10, (_AXIS, _NO_ACTIVATION)),
    3: Kind("FFF>F FQF>F QQI>Q", _convolution, 1, _CONVOLUTION),
    6: Kind("H>F Q>F"),
    9: Kind("FFF>F FF->F FQF>F FQ->F QQI>Q QQ->Q", _dense, 8, _DENSE),
    13: Kind("F>F", _same, 13, (Option(0, 127), _NUMBER, _NUMBER, _NUMBER)),
    17: Kind(_FLOATS_AND_BYTES, _pool, 5, _POOL),
    18: Kind(_PAIRS, _elementwise, 21, (_ACTIVATION,)),
    19: Kind(_FLOATS_AND_BYTES),
    22: Kind("FI>F QI>Q", _reshape),
    23: Kind("FI>F QI>Q", _resize, 15, _RESIZE),
    25: Kind(_FLOATS_AND_BYTES, _same, 9, (Option(1, 1, F32),)),
    34: Kind("FI>F QI>Q", _pad, 22),
    40: Kind("FI>F QI>Q", _mean, 27, (_FLAG,)),
    41: Kind(_PAIRS, _elementwise, 28, _SUM),
    42: Kind(_PAIRS, _elementwise, 29, (_ACTIVATION,)),
    45: Kind("FIII>F IIII>I QIII>Q", _slice, 32, _SLICE),
    49: Kind("IF>FF IQ>QQ", _split, 35, (_COUNT,)),
    53: Kind("U>F"),
    75: Kind(_FLOATS_AND_BYTES),
    77: Kind("F>I Q>I", _shape, 55, (Option(2, 2, I8),)),
    83: Kind("II>I", _pack, 59, (_COUNT, Option(0, 0))),
    114: Kind("F>Q"),
}  # fmt: skip
"""By the numbers of BuiltinOperator: ADD CONCATENATION CONV_2D DEQUANTIZE FULLY_CONNECTED
LOCAL_RESPONSE_NORMALIZATION MAX_POOL_2D MUL RELU RESHAPE RESIZE_BILINEAR SOFTMAX PAD MEAN
SUB DIV STRIDED_SLICE SPLIT CAST SQRT SHAPE PACK QUANTIZE. Recorded from exports of all
networks."""
