"""Caffe's .caffemodel files: layers and their blobs, read without protobuf's code."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice, takewhile

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import MAX_ARRAYS, LazyArray, NamedArray

# Source: caffe/proto/caffe.proto, the numbers of the fields.
_LAYERS = {100: (1, 7), 2: (4, 6)}
"""NetParameter's layers, new and V1: the numbers of their names and blobs."""
_SHAPE, _FLOATS, _DOUBLES, _DIMENSIONS = 7, 5, 8, (1, 2, 3, 4)
"""Of BlobProto."""

MAX_FIELDS = 100_000
_MAX_AXES = 32
"""Source: kMaxBlobAxes in caffe/blob.hpp."""

Field = tuple[int, int | memoryview]


def caffe_arrays(data: bytes) -> Iterator[NamedArray]:
    """The blobs of a network's layers, as conv1, 0 (kernel [out, in, kH, kW]) and 1 (bias).

    Those of CaffeNet, which pools before it normalizes, lie under its name.

    Raises:
        WeightsError: it is damaged.
    """
    layers = []
    for number, value in _fields(memoryview(data), MAX_FIELDS):
        if number in _LAYERS and isinstance(value, memoryview):
            layers.append(_layer(value, *_LAYERS[number]))
    names = [x for x, _ in layers]
    is_caffenet = {"pool1", "norm1"} <= {*names} and names.index("pool1") < names.index(
        "norm1"
    )
    root = ("CaffeNet",) if is_caffenet else ()
    for name, blobs in layers:
        for i, blob in enumerate(blobs):
            yield NamedArray((*root, name, str(i)), _blob(blob))


def _layer(data: memoryview, name: int, blobs: int) -> tuple[str, list[memoryview]]:
    """A layer's name and blobs, by the numbers of their fields."""
    text, found = "", []
    for number, value in _fields(data, MAX_ARRAYS):
        if number == name and isinstance(value, memoryview):
            text = bytes(value[:200]).decode("utf-8", "replace")
        elif number == blobs and isinstance(value, memoryview):
            found.append(value)
    return text, found


def _blob(data: memoryview) -> LazyArray:
    """A blob of floats or doubles, with its axes of length 1 in front taken off."""
    sizes = dict.fromkeys(_DIMENSIONS, 1)
    shape: tuple[int, ...] | None = None
    chunks: dict[int, list[memoryview]] = {_FLOATS: [], _DOUBLES: []}
    for number, value in _fields(data, MAX_FIELDS):
        if number in chunks and isinstance(value, memoryview):
            chunks[number].append(value)
        elif number == _SHAPE and isinstance(value, memoryview):
            shape = tuple(islice(_dimensions(value), _MAX_AXES + 1))
            if len(shape) > _MAX_AXES:
                raise WeightsError(f"is damaged: a blob has more than {_MAX_AXES} axes")
        elif number in sizes and isinstance(value, int):
            sizes[number] = value
    if shape is None:
        shape = tuple(sizes.values())
    # Before Caffe had shapes, all blobs had four axes.
    ones = len(list(takewhile(lambda x: x == 1, shape[:-1])))
    shape = shape[ones:]
    number = _DOUBLES if chunks[_DOUBLES] else _FLOATS
    kind = "<f8" if number == _DOUBLES else "<f4"
    return LazyArray(shape, partial(_numbers, chunks[number], kind, shape))


def _numbers(chunks: list[memoryview], kind: str, shape: tuple[int, ...]) -> Array:
    data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(data) != math.prod(shape) * np.dtype(kind).itemsize:
        raise WeightsError(
            f"holds a blob of shape {shape} with too few or too many numbers"
        )
    return np.frombuffer(data, kind).reshape(shape)


def _dimensions(data: memoryview) -> Iterator[int]:
    """The sizes in a BlobShape, packed or not."""
    for number, value in _fields(data, 64):
        if number == 1 and isinstance(value, int):
            yield value
        elif number == 1 and isinstance(value, memoryview):
            place = 0
            while place < len(value):
                size, place = _varint(value, place)
                yield size


def _fields(data: memoryview, limit: int) -> Iterator[Field]:
    """Number and value of each field of a message, at most `limit` of them.

    Raises:
        WeightsError: it is not a message, or has more fields.
    """
    place = 0
    while place < len(data):
        limit -= 1
        tag, place = _varint(data, place)
        wire, length = tag & 7, {1: 8, 5: 4}.get(tag & 7)
        if wire == 0 and limit >= 0:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if wire == 2:
            length, place = _varint(data, place)
        if length is None or length > len(data) - place or limit < 0 or tag < 8:
            raise WeightsError("is damaged, or is not a .caffemodel file")
        yield tag >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number at `place`, below 2 ** 63, and the place after it."""
    value = 0
    for shift, byte in enumerate(data[place : place + 9]):
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            return value, place + shift + 1
    raise WeightsError("is damaged, or is not a .caffemodel file")
