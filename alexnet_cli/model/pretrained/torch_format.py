"""Files that torch.save writes, as zip or as a stream of pickles, read without torch."""

import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO
from zipfile import ZipInfo

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray, NamedArray, named_arrays
from .numpy_format import numpy_array
from .safe_pickle import PERSISTENT, LimitedFile, Record, is_record, unpickled
from .zip_members import stored_member

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""Source: torch/serialization.py, MAGIC_NUMBER."""

_TYPES = {
    "Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bfloat16", "Long": "i8",
    "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip
_DTYPES = {
    "float32": "f4", "float": "f4", "float64": "f8", "double": "f8", "float16": "f2",
    "half": "f2", "bfloat16": "bfloat16", "int64": "i8", "int32": "i4", "int16": "i2",
    "int8": "i1", "uint8": "u1", "bool": "?", "uint16": "u2", "uint32": "u4",
    "uint64": "u8",
}  # fmt: skip
"""NumPy's type of torch's, by the names of storages and of tensors."""
_WIDTHS = {"ComplexFloat": 8, "ComplexDouble": 16, "QInt32": 4}
"""Bytes per number of storages that are passed over; a byte in the others."""

_PARAMETERS = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
)
_FROM_NUMPY = (
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_xla_tensor",
)
_TENSORS = (
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
)  # fmt: skip
_OTHER = {
    "sparse": "a sparse tensor: save it with .to_dense()",
    "qtensor": "a quantized tensor: save it with .dequantize()",
    "meta": "a tensor without numbers (on torch's meta device): save a loaded model",
    "nested": "a nested tensor, which no AlexNet has",
}
"""By part of the name of the function that makes them: tensors that are not read."""


Storages = Callable[[str, str, int], Array]
"""What reads the storage of a key, as numbers of a type, of which there are so many."""


class _Tensors:
    """The tensors of a file, whose storages are read once, when a tensor needs them."""

    def __init__(self, read_storage: Storages) -> None:
        self.read_storage = read_storage
        self.storages: dict[tuple[str, str], Array] = {}

    def array_of(self, value: Any) -> LazyArray | list[Any] | None:
        """What `value` stands for, as `named_arrays` needs it."""
        while is_record(value, *_PARAMETERS, "torch._tensor._rebuild_from_type_v2"):
            value = _wrapped(value)
        if is_record(value, *_FROM_NUMPY):
            value = value.arguments[0] if value.arguments else None
        if is_record(value, *_TENSORS):
            size = value.arguments[2] if len(value.arguments) > 2 else ()
            return LazyArray(_shape(size), lambda: self.tensor(value))
        if isinstance(value, Record) and value.name.startswith("torch._utils._rebuild_"):
            return LazyArray((), lambda: _refused(value.name))
        return numpy_array(value)

    def tensor(self, record: Record) -> Array:
        """The view of its storage that torch._utils._rebuild_tensor_v2 makes.

        Raises:
            WeightsError: it would reach beyond its storage, or repeat its numbers.
        """
        reference, offset, size, stride = record.arguments[:4]
        shape, steps = _shape(size), _shape(stride)
        if (
            not isinstance(offset, int)
            or len(shape) != len(size)
            or len(steps) != len(shape)
        ):
            raise WeightsError("holds a tensor of an impossible shape")
        count = math.prod(shape)
        key, dtype, length = _described(reference)
        if record.name.endswith("v3") and len(record.arguments) > 6:
            dtype, length = _retyped(record.arguments[6], dtype, length)
        last = offset + sum((n - 1) * s for n, s in zip(shape, steps, strict=True))
        if offset < 0 or (count and last >= length):
            raise WeightsError(f"holds a tensor of shape {shape} beyond its storage")
        if any(n > 1 and s == 0 for n, s in zip(shape, steps, strict=True)):
            raise WeightsError(
                f"holds a tensor of shape {shape} that repeats its numbers: save it with "
                f".contiguous()"
            )
        if not count:
            return np.zeros(shape, np.float32)
        if (key, dtype) not in self.storages:
            self.storages[key, dtype] = self.read_storage(key, dtype, length)
        numbers = self.storages[key, dtype]
        return np.lib.stride_tricks.as_strided(
            numbers[offset:], shape, [x * numbers.itemsize for x in steps], writeable=False
        )


def _wrapped(record: Record) -> Any:
    """The tensor in a parameter or in an object of a subclass of Tensor."""
    arguments = record.arguments
    if record.name in _PARAMETERS:
        return arguments[0] if arguments else None
    if len(arguments) < 3 or not isinstance(arguments[0], Record):
        return None
    return Record(arguments[0].name, arguments[2])


def _refused(name: str) -> Array:
    text = next((v for k, v in _OTHER.items() if k in name), f"what {name} makes")
    raise WeightsError(f"holds {text}")


def _shape(size: Any) -> tuple[int, ...]:
    """The sizes or strides of a tensor; () if they are impossible."""
    if not isinstance(size, tuple) or len(size) > 8:
        return ()
    return size if all(type(x) is int and 0 <= x < 2**48 for x in size) else ()


def _described(reference: Any) -> tuple[str, str, int]:
    """Key, type and length of the storage that a tensor refers to."""
    pid = reference.arguments[0] if is_record(reference, PERSISTENT) else None
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise WeightsError("holds a tensor without a storage")
    kind, key, count = pid[1], pid[2], pid[4]
    if not isinstance(kind, Record) or not isinstance(key, str) or type(count) is not int:
        raise WeightsError("holds a tensor without a storage")
    if len(pid) > 5 and pid[5] is not None:
        raise WeightsError("holds views of storages: save it with a newer torch")
    name = kind.name.rpartition(".")[2]
    if name == "UntypedStorage":
        return key, "u1", count
    return key, _numpy_type(_TYPES, name.removesuffix("Storage")), count


def _retyped(dtype: Any, stored: str, length: int) -> tuple[str, int]:
    """Type and length of a storage of `length` bytes as numbers of torch's type `dtype`."""
    name = dtype.name.rpartition(".")[2] if isinstance(dtype, Record) else ""
    result = _numpy_type(_DTYPES, name)
    return result, length * width(stored) // width(result)


def _numpy_type(names: dict[str, str], name: str) -> str:
    if name not in names:
        raise WeightsError(f"holds numbers of type {name}: save model.float().state_dict()")
    return names[name]


def torch_zip_arrays(
    file: BinaryIO, members: Mapping[str, ZipInfo], root: str, size: int
) -> Iterator[NamedArray]:
    """The arrays of a file that torch.save wrote, version 1.6 or later.

    `root` is the folder of data.pkl in the archive, `size` its number of bytes.

    Raises:
        WeightsError: as `unpickled`, or the archive is damaged or TorchScript's.
    """
    if any(x.startswith((f"{root}code/", f"{root}constants.pkl")) for x in members):
        raise WeightsError(
            "is a TorchScript archive (torch.jit.save): save model.state_dict() with "
            "torch.save"
        )
    left = size

    def member(name: str) -> bytes:
        nonlocal left
        if name not in members:
            raise WeightsError(f"is damaged: {name[:100]} is not in the archive")
        left -= members[name].file_size
        if left < 0:
            raise WeightsError("is damaged: its members are larger than the file")
        return stored_member(file, members[name])

    order = f"{root}byteorder"
    big = order in members and member(order) == b"big"

    def read_storage(key: str, dtype: str, length: int) -> Array:
        return numbers(member(f"{root}data/{key}"), dtype, length, big=big)

    pickle = member(f"{root}data.pkl")
    content = unpickled(LimitedFile(io.BytesIO(pickle), len(pickle)))
    yield from named_arrays(content, _Tensors(read_storage).array_of)


def stream_arrays(file: LimitedFile) -> Iterator[NamedArray]:
    """The arrays of pickles: of torch.save before version 1.6, or of NumPy's arrays.

    torch writes five pickles (magic number, version, system, object, keys of storages),
    then the storages.

    Raises:
        WeightsError: as `unpickled`, or the storages are not those that are described.
    """
    content = unpickled(file)
    if content != TORCH_MAGIC:
        if isinstance(content, Record):
            raise WeightsError(f"is a pickle of {content.name[:100]}, not of weights")
        yield from named_arrays(content, numpy_array)
        return
    unpickled(file)
    unpickled(file)
    references: list[Any] = []
    content = unpickled(file, references)
    places = _places(file, unpickled(file), _widths(references))

    def read_storage(key: str, dtype: str, length: int) -> Array:
        if key not in places:
            raise WeightsError(f"is damaged: it has no storage {key[:100]}")
        start, count = places[key]
        if count != length:
            raise WeightsError("is damaged: its storages are not those it describes")
        file.seek(start)
        return numbers(file.read(length * width(dtype)), dtype, length)

    yield from named_arrays(content, _Tensors(read_storage).array_of)


def _widths(references: list[Any]) -> dict[str, int]:
    """Bytes per number of each storage that a pickle refers to, by key."""
    widths = {}
    for pid in references:
        if isinstance(pid, tuple) and len(pid) > 4 and isinstance(pid[1], Record):
            name = pid[1].name.rpartition(".")[2].removesuffix("Storage")
            if isinstance(pid[2], str):
                widths[pid[2]] = _WIDTHS.get(name) or width(_TYPES.get(name, "u1"))
    return widths


def _places(
    file: LimitedFile, keys: Any, widths: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """Where each storage begins, and its count of numbers, by key.

    Raises:
        WeightsError: they go on beyond the end of the file.
    """
    places = {}
    for key in keys if isinstance(keys, list) else []:
        head = file.read(8)
        count = int.from_bytes(head, "little", signed=True)
        if not isinstance(key, str) or key not in widths or len(head) < 8:
            raise WeightsError("is damaged: its storages are not those it describes")
        start = file.tell()
        if not 0 <= count * widths[key] <= file.size - start:
            raise WeightsError("is damaged: its storages are longer than the file")
        places[key] = (start, count)
        file.seek(start + count * widths[key])
    return places


def numbers(data: bytes, dtype: str, count: int, *, big: bool = False) -> Array:
    """The `count` numbers in `data`, in `big`-endian order or not; bfloat16 as float32.

    Raises:
        WeightsError: `data` has another length.
    """
    if len(data) != count * width(dtype):
        raise WeightsError(f"holds a storage of {count} numbers in {len(data)} bytes")
    order = ">" if big else "<"
    if dtype == "bfloat16":
        return (np.frombuffer(data, f"{order}u2").astype("u4") << 16).view("f4")
    return np.frombuffer(data, f"{order}{dtype}")


def width(dtype: str) -> int:
    """Bytes per number."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
