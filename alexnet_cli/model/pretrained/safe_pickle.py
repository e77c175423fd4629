"""Pickles read without running any code that they name; and NumPy's pickled arrays.

A pickle is a program. Here its opcodes are checked before it is run, and the only functions
it can call are this module's own, which build arrays and plain containers.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import WeightsError

MEMO = 100_000
"""Largest memo, which the unpickler allocates at once; state dicts use some hundreds."""

_FORBIDDEN = {
    "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ_EX", "BYTEARRAY8", "NEXT_BUFFER",
}  # fmt: skip
"""Opcodes that no state dict has; they call classes or allocate memory."""

Known = Mapping[tuple[str, str], Any]
"""By module and name: what stands for the classes and functions that a pickle may name."""

Storages = Callable[[Any], Any] | None
"""What returns the object for a persistent id: data outside of the pickle."""


class Plain(dict):  # type: ignore[type-arg]
    """An OrderedDict of the file, without the metadata that torch adds to it."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Dtype:
    """A pickled dtype: little-endian numbers, or objects."""

    def __init__(self, name: Any, *flags: Any) -> None:
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
        if text not in ("f2", "f4", "f8", "i4", "i8", "O8"):
            raise WeightsError(f"holds arrays of type {text[:20]!r}, which are not weights")
        self.name = text

    def __setstate__(self, state: Any) -> None:
        if len(state) < 2 or state[1] not in ("<", "|", b"<", b"|"):
            raise WeightsError("holds arrays of another byte order")


class _Array:
    """A pickled ndarray; `value` is the array, or the list of an array of objects."""

    def __init__(self, *arguments: Any) -> None:
        self.value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
            raise WeightsError("holds an array of an impossible type or shape")
        if dtype.name == "O8":
            if not isinstance(data, list) or math.prod(shape) != len(data):
                raise WeightsError("holds an array with too few or too many objects")
            self.value = data
            return
        if isinstance(data, str):
            data = data.encode("latin1")
        self.value = _shaped(data, f"<{dtype.name}", shape, "F" if fortran else "C")


def _shaped(data: Any, dtype: str, shape: tuple[int, ...], order: Any) -> Array:
    """`data` as an array; sizes are checked before anything is allocated."""
    if not all(isinstance(x, int) and 0 <= x < 2**31 for x in shape):
        raise WeightsError(f"holds an array of shape {shape}")
    kind = np.dtype(dtype)
    if not isinstance(data, bytes) or len(data) != math.prod(shape) * kind.itemsize:
        raise WeightsError(
            f"holds an array of shape {shape} with too few or too many numbers"
        )
    return np.frombuffer(data, kind).reshape(shape, order=order)


def _bytes(text: Any, encoding: Any) -> bytes:
    """The bytes that Python 3 wrote as text into a pickle of protocol 2 or below."""
    if encoding != "latin1" or not isinstance(text, str):
        raise WeightsError("holds bytes in another encoding than latin1")
    return text.encode("latin1")


NUMPY: Known = {
    **{(f"numpy.{x}.multiarray", "_reconstruct"): _Array for x in ("core", "_core")},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _bytes,
    ("collections", "OrderedDict"): Plain,
}


class _Reader(pickle.Unpickler):
    """Runs a pickle that can name nothing but `known`."""

    def __init__(self, file: Any, known: Known, storages: Storages) -> None:
        super().__init__(file, encoding="latin1")
        self.known, self.storages = known, storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise WeightsError(f"names {module}.{name}, which weights do not need"[:200])
        return self.known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        if self.storages is None:
            raise WeightsError("refers to data outside of its pickle")
        return self.storages(pid)


def unpickled(file: io.BytesIO, known: Known, storages: Storages = None) -> Any:
    """The next pickle in `file`, as plain containers and arrays.

    Raises:
        WeightsError: it is damaged, or uses more than weights need.
    """
    start = file.tell()
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in _FORBIDDEN:
                raise WeightsError(
                    f"uses the opcode {opcode.name}, which weights do not need"
                )
            if opcode.name.endswith(("PUT", "GET")) and int(argument or 0) > MEMO:
                raise WeightsError("has too many objects")
        file.seek(start)
        return _Reader(file, known, storages).load()
    except WeightsError:
        raise
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, EOFError, IndexError,
        KeyError, OverflowError, UnicodeError,
    ) as error:  # fmt: skip
        raise WeightsError(f"is damaged: {' '.join(str(error).split())[:200]}") from error


def from_numpy(data: bytes) -> Any:
    """What a pickled .npy file holds.

    Raises:
        WeightsError: as `unpickled`, or it is not a .npy file of one object.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read(file)
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error
    if dtype != np.dtype(object) or math.prod(shape) != 1:
        raise WeightsError(f"holds an array of {dtype}, not a dictionary of weights")
    array = unpickled(file, NUMPY)
    if not isinstance(array, _Array) or not isinstance(array.value, list):
        raise WeightsError("does not hold a dictionary of weights")
    return plain(array.value[0])


def plain(value: Any, depth: int = 0) -> Any:
    """`value` with NumPy arrays in place of pickled ones, tuples as lists.

    Raises:
        WeightsError: it is nested deeper than a dictionary of lists of arrays.
    """
    if isinstance(value, _Array):
        if isinstance(value.value, list):
            raise WeightsError("holds arrays of objects within arrays")
        return value.value
    if depth > 3:
        raise WeightsError("is nested deeper than weights are")
    if isinstance(value, dict):
        return {k: plain(x, depth + 1) for k, x in value.items()}
    if isinstance(value, list | tuple):
        return [plain(x, depth + 1) for x in value]
    return value
