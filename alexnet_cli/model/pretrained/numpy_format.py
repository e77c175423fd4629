"""NumPy's files, .npy and .npz, and its arrays in pickles, read without running pickles."""

import functools
import math
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray, NamedArray, named_arrays
from .pickle_records import Record, bytes_of, is_record
from .safe_pickle import LimitedFile, unpickled
from .zip_members import opened_member

_CORES = ("numpy.core", "numpy._core")
_RECONSTRUCT = tuple(f"{x}.multiarray._reconstruct" for x in _CORES)
_JAX = (
    "jax._src.array._reconstruct_array",
    "jax._src.device_array.reconstruct_device_array",
)
"""Of what makes a NumPy array, its arguments, and its state."""
_FROM_BUFFER = tuple(f"{x}.numeric._frombuffer" for x in _CORES)


def numpy_array(value: Any) -> LazyArray | list[Any] | None:
    """The array in a pickle that `value` is the record of, or an array of objects' list."""
    axes: Any = None
    if is_record(value, *_JAX) and len(value.arguments) > 2:
        made, arguments, state = value.arguments[:3]
        value = Record(made.name, arguments, state) if isinstance(made, Record) else None
    if is_record(value, *_FROM_BUFFER) and 4 <= len(value.arguments) <= 5:
        data, dtype, shape, order, *rest = value.arguments
        # Since NumPy 2.4: the axes in memory, and their order.
        order, axes = ("C", rest[0]) if order == "K" and rest else (order, None)
    elif is_record(value, *_RECONSTRUCT):
        if not isinstance(value.state, tuple) or len(value.state) != 5:
            return LazyArray((), lambda: _array(b"", None, (), "C"))
        _, shape, dtype, fortran, data = value.state
        order = "F" if fortran is True or fortran == 1 else "C"
    else:
        return None
    if isinstance(data, list):
        return data
    sizes = _sizes(shape)
    if axes is None:
        return LazyArray(sizes, lambda: _array(data, dtype, shape, order))
    if (
        not isinstance(axes, tuple)
        or not _sizes(axes)
        or sorted(axes) != [*range(len(sizes))]
    ):
        return LazyArray((), lambda: _array(b"", None, (), "C"))
    return LazyArray(
        tuple(sizes[i] for i in axes),
        lambda: _array(data, dtype, shape, order).transpose(axes),
    )


def _sizes(shape: Any) -> tuple[int, ...]:
    """`shape`, or () if it is impossible."""
    if not isinstance(shape, tuple) or len(shape) > 8:
        return ()
    return shape if all(type(x) is int and 0 <= x < 2**48 for x in shape) else ()


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """`data` as an array; sizes are checked before anything is allocated.

    Raises:
        WeightsError: it is not numbers, or another count of them than `shape` has.
    """
    kind = _number_type(dtype)
    numbers = bytes_of(data)
    sizes = _sizes(shape)
    fits = sizes == shape and order in ("C", "F")
    if numbers is None or not fits or len(numbers) != math.prod(sizes) * kind.itemsize:
        raise WeightsError(
            f"holds an array of shape {sizes} with too few or too many numbers"
        )
    return np.frombuffer(numbers, kind).reshape(sizes, order=order)


def _number_type(dtype: Any) -> np.dtype[Any]:
    """The type that a pickled dtype is the record of."""
    name = dtype.arguments[0] if is_record(dtype, "numpy.dtype") and dtype.arguments else ""
    name = name.decode("latin1") if isinstance(name, bytes) else name
    state = dtype.state if isinstance(dtype, Record) else None
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "|"
    order = order.decode("latin1") if isinstance(order, bytes) else order
    if not isinstance(name, str) or not re.fullmatch("f[248]|[iu][1248]|b1", name):
        raise WeightsError(
            f"holds arrays of type {str(name)[:20]!r}: save them as float32"
            if isinstance(name, str) and name
            else "holds an array of an impossible type"
        )
    if order not in ("<", ">", "|", "="):
        raise WeightsError("holds arrays of an unknown byte order")
    return np.dtype(f"{'<' if order == '=' else order}{name}")


def npy_arrays(file: LimitedFile) -> Iterator[NamedArray]:
    """The arrays of the dictionary or list that a pickled .npy file holds.

    Raises:
        WeightsError: as `unpickled`, or it is not a .npy file of objects.
    """
    shape, _, dtype = _header(file)
    if dtype != np.dtype(object):
        raise WeightsError(
            f"holds an array of {dtype} of shape {shape}, not a dictionary of weights"
        )
    content = unpickled(file)
    objects = numpy_array(content)
    if math.prod(shape) == 1 and isinstance(objects, list) and len(objects) == 1:
        content = objects[0]
    yield from named_arrays(content, numpy_array)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and type of the array in a .npy file.

    Raises:
        WeightsError: the header is damaged.
    """
    try:
        with warnings.catch_warnings():
            # Files of Python 2 are announced as slow to read.
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(file)
            read = getattr(np.lib.format, f"read_array_header_{min(version[0], 2)}_0")
            shape, fortran, dtype = read(file)
    except (
        ValueError, TypeError, AttributeError, SyntaxError, RecursionError, MemoryError,
        OverflowError, KeyError, EOFError, tokenize.TokenError,
    ) as error:  # fmt: skip
        raise WeightsError(
            "is damaged: its .npy header does not describe an array; copy or save the file "
            "again"
        ) from error
    if _sizes(shape) != shape:
        raise WeightsError("is damaged: its .npy header has an impossible shape")
    return shape, fortran, dtype


def npz_arrays(archive: ZipFile, members: Mapping[str, ZipInfo]) -> Iterator[NamedArray]:
    """The arrays of an .npz file, compressed or not, by the names of its members.

    Raises:
        WeightsError: a member is damaged.
    """
    for info in members.values():
        name = info.filename.removesuffix(".npy")
        file = opened_member(archive, info)
        shape, _, dtype = _header(file)
        if dtype == np.dtype(object):
            found = npy_arrays(opened_member(archive, info))
            yield from (NamedArray((name, *x.path), x.array) for x in found)
        else:
            read = functools.partial(_npz_member, archive, info)
            yield NamedArray((name,), LazyArray(shape, read))


def _npz_member(archive: ZipFile, info: ZipInfo) -> Array:
    file = opened_member(archive, info)
    shape, fortran, dtype = _header(file)
    if dtype.kind not in "fiub" or dtype.subdtype or dtype.itemsize > 8:
        raise WeightsError(f"holds an array of {dtype}: save it as float32")
    data = file.read(info.file_size)
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise WeightsError(
            f"holds an array of shape {shape} with too few or too many numbers"
        )
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
