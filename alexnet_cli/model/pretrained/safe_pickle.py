"""What a pickle holds, without running any code in it; and NumPy's pickled arrays.

A pickle is a program. Here its opcodes are looked through before it is run, and the only
functions it can name are this module's own, which build arrays and plain containers.
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
"""Most objects that a pickle may remember; state dicts have some hundreds."""

_FORBIDDEN = {
    "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ_EX", "BYTEARRAY8", "NEXT_BUFFER",
}  # fmt: skip

Known = Mapping[tuple[str, str], Any]

Outside = Callable[[Any], Any] | None


class Plain(dict):  # type: ignore[type-arg]
    """An OrderedDict of the file; torch hangs metadata on it, which is left aside."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Dtype:
    def __init__(self, name: Any, *flags: Any) -> None:
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
        if text not in ("f2", "f4", "f8", "i4", "i8", "O8"):
            raise WeightsError(f"holds arrays of type {text[:20]!r}, which are no weights")
        self.name = text

    def __setstate__(self, state: Any) -> None:
        if len(state) < 2 or state[1] not in ("<", "|", b"<", b"|"):
            raise WeightsError("holds arrays of another byte order")


class _Array:
    """What a pickled ndarray becomes once its state is known."""

    def __init__(self, *arguments: Any) -> None:
        self.value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
            raise WeightsError("holds an array that describes itself wrongly")
        if dtype.name == "O8":
            if not isinstance(data, list) or math.prod(shape) != len(data):
                raise WeightsError("holds an array of objects with a wrong size")
            self.value = data
            return
        if isinstance(data, str):
            data = data.encode("latin1")
        self.value = _shaped(data, f"<{dtype.name}", shape, "F" if fortran else "C")


def _shaped(data: Any, dtype: str, shape: tuple[int, ...], order: Any) -> Array:
    """The array; its size is checked before anything is allocated."""
    if not all(isinstance(x, int) and 0 <= x < 2**31 for x in shape):
        raise WeightsError(f"holds an array of shape {shape}")
    kind = np.dtype(dtype)
    if not isinstance(data, bytes) or len(data) != math.prod(shape) * kind.itemsize:
        raise WeightsError(f"holds an array of shape {shape} with too few or many numbers")
    return np.frombuffer(data, kind).reshape(shape, order=order)


def _bytes(text: Any, encoding: Any) -> bytes:
    """What Python 3 writes for bytes into old pickles."""
    if encoding != "latin1" or not isinstance(text, str):
        raise WeightsError("encodes text in an unusual way")
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

    def __init__(self, file: Any, known: Known, outside: Outside) -> None:
        super().__init__(file, encoding="latin1")
        self.known, self.outside = known, outside

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise WeightsError(f"asks for {module}.{name}, which weights do not need")
        return self.known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        if self.outside is None:
            raise WeightsError("asks for something outside itself")
        return self.outside(pid)


def unpickled(file: io.BytesIO, known: Known, outside: Outside = None) -> Any:
    """The next pickle in `file`, as plain containers and arrays.

    Raises:
        WeightsError: it is damaged, or asks for more than weights need.
    """
    start = file.tell()
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in _FORBIDDEN:
                raise WeightsError(
                    f"uses the opcode {opcode.name}, which weights do not need"
                )
            if opcode.name.endswith(("PUT", "GET")) and int(argument or 0) > MEMO:
                raise WeightsError("remembers too many objects")
        file.seek(start)
        return _Reader(file, known, outside).load()
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
        WeightsError: as `unpickled`, or it is no .npy of one object.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read(file)
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error
    if dtype != np.dtype(object) or math.prod(shape) != 1:
        raise WeightsError(f"holds one array of {dtype}, not a dictionary of weights")
    found = unpickled(file, NUMPY)
    if not isinstance(found, _Array) or not isinstance(found.value, list):
        raise WeightsError("holds no dictionary of weights")
    return plain(found.value[0])


def plain(value: Any, depth: int = 0) -> Any:
    """`value` with arrays in the place of what described them."""
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
