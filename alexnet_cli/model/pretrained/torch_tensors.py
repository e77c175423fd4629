"""torch's tensors, from the records of the functions that rebuild them in a pickle."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray
from .numpy_format import numpy_array
from .pickle_records import PERSISTENT, Record, is_record
from .torch_numbers import DTYPES, STORAGE_TYPES, numpy_type, width

Storages = Callable[[str, str, int], Array]
"""What reads the storage of a key, as numbers of a type, of which there are so many."""
UnpickleStorage = Callable[[Record], tuple[Any, Storages]]

_PARAMETERS = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
)
_OF_DEVICES = (
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_xla_tensor",
)
_SUBCLASSES = tuple(
    f"torch.{x}._rebuild_from_type{y}" for x in ("_tensor", "tensor") for y in ("", "_v2")
)
_MAX_WRAPPERS = 8
"""Parameters of parameters and so on: torch writes two."""
_PICKLED_STORAGE = "torch.storage._load_from_bytes"
_TENSORS = {
    "torch._utils._rebuild_tensor": 4, "torch._utils._rebuild_tensor_v2": 6,
    "torch._utils._rebuild_tensor_v3": 7,
}  # fmt: skip
"""And which of their arguments is what changes the numbers: negation, conjugation."""
TEXT_REFERENCES = (
    "refers to its storages by text, which torch cannot load either: save it without "
    "pickle_protocol=0"
)
_OTHER = {
    "sparse": "a sparse tensor: save it with .to_dense()",
    "qtensor": "a quantized tensor: save it with .dequantize()",
    "meta": "a tensor without numbers (on torch's meta device): save a loaded model",
    "wrapper_subclass": "a tensor of a class without numbers of its own: save plain ones",
    "nested": "a nested tensor, which no AlexNet has",
}
"""By part of the name of the function that makes them: tensors that are not read."""


class Tensors:
    """The tensors of a file, whose storages are read once, when a tensor needs them.

    Python's pickle puts a storage as a file of its own into the pickle: `unpickle_storage`
    returns what refers to it, and what reads it.
    """

    def __init__(self, read_storage: Storages, unpickle_storage: UnpickleStorage) -> None:
        self.read_storage, self.unpickle_storage = read_storage, unpickle_storage
        self.storages: dict[tuple[str, str], Array] = {}

    def array_of(self, value: Any) -> LazyArray | list[Any] | None:
        """What `value` stands for, as `named_arrays` needs it."""
        for _ in range(_MAX_WRAPPERS):
            if not is_record(value, *_PARAMETERS, *_SUBCLASSES):
                break
            value = _wrapped(value)
        if is_record(value, *_OF_DEVICES):
            return self.of_device(value)
        if is_record(value, *_TENSORS):
            size = value.arguments[2] if len(value.arguments) > 2 else ()
            return LazyArray(_shape(size), lambda: self.tensor(value))
        if isinstance(value, Record) and value.name.startswith("torch._utils._rebuild_"):
            return LazyArray((), lambda: _refused(value.name))
        return numpy_array(value)

    def of_device(self, record: Record) -> LazyArray | None:
        """The array of a device that is not torch's own, from its copy in memory."""
        data, dtype = (*record.arguments, None, None)[:2]
        if is_record(data, *_OF_DEVICES):
            return None
        found = self.array_of(data)
        name = dtype.name.rpartition(".")[2] if isinstance(dtype, Record) else ""
        if not isinstance(found, LazyArray):
            return None
        return LazyArray(found.shape, lambda: _of_type(found.read(), name))

    def tensor(self, record: Record) -> Array:
        """The view of its storage that torch._utils._rebuild_tensor_v2 makes.

        Raises:
            WeightsError: it would reach beyond its storage, or repeat its numbers.
        """
        reference, offset, size, stride = (*record.arguments, *(None,) * 4)[:4]
        shape, steps = _shape(size), _shape(stride)
        if not isinstance(offset, int) or (shape, steps) != (size, stride):
            raise WeightsError("holds a tensor of an impossible shape")
        read: Storages = self.storage
        if is_record(reference, _PICKLED_STORAGE):
            reference, read = self.unpickle_storage(reference)
        key, dtype, length = described(reference)
        if record.name.endswith("v3") and len(record.arguments) > 6:
            dtype, length = _retyped(record.arguments[6], dtype, length)
        _require_view(offset, shape, steps, length)
        if not math.prod(shape):
            if math.prod(x for x in shape if x) >= 2**48:
                raise WeightsError("holds a tensor of an impossible shape")
            return np.zeros(shape, np.float32)
        numbers = read(key, dtype, length)
        # Another tensor may have described the same storage as shorter.
        if len(numbers) != length:
            raise WeightsError("is damaged: its storages are not those it describes")
        numbers = numbers[offset:]
        view = np.lib.stride_tricks.as_strided(
            numbers, shape, [x * numbers.itemsize for x in steps], writeable=False
        )
        metadata = record.arguments[_TENSORS[record.name] :]
        return _changed(view, metadata[0] if metadata else None)

    def storage(self, key: str, dtype: str, length: int) -> Array:
        """The numbers of a storage, read the first time."""
        if (key, dtype) not in self.storages:
            self.storages[key, dtype] = self.read_storage(key, dtype, length)
        return self.storages[key, dtype]


def _require_view(
    offset: int, shape: tuple[int, ...], steps: tuple[int, ...], length: int
) -> None:
    """Check that a tensor is a view of a storage of `length`, each number used once.

    Raises:
        WeightsError: it reaches beyond it, or repeats its numbers.
    """
    if len(steps) != len(shape):
        raise WeightsError("holds a tensor of an impossible shape")
    axes = list(zip(shape, steps, strict=True))
    last = offset + sum((n - 1) * s for n, s in axes)
    if offset < 0 or (0 not in shape and last >= length):
        raise WeightsError(f"holds a tensor of shape {shape} beyond its storage")
    # What negates or multiplies it would allocate each number.
    if any(n > 1 and s == 0 for n, s in axes) or math.prod(shape) > length:
        raise WeightsError(
            f"holds a tensor of shape {shape} that repeats its numbers: save it with "
            f".contiguous()"
        )


def _changed(array: Array, metadata: Any) -> Array:
    """`array` as the metadata of its tensor say: torch negates some when they are used.

    Raises:
        WeightsError: they say something else.
    """
    known = {} if metadata is None else metadata
    if not isinstance(known, dict):
        raise WeightsError("holds a tensor of metadata that torch does not write")
    others = [k for k, v in known.items() if v is not False and k != "neg"]
    if others or (known.get("neg") and array.dtype.kind not in "fi"):
        what = ", ".join(x[:40] for x in others) or "neg"
        raise WeightsError(
            f"holds a tensor that torch changes when it is used ({what}): save it with "
            f".clone().resolve_conj().resolve_neg()"
        )
    return -array if known.get("neg") else array


def _of_type(array: Array, name: str) -> Array:
    """`array` as numbers of torch's type `name`; bfloat16 stays as it is."""
    dtype = numpy_type(DTYPES, name)
    if dtype == "bfloat16" or array.dtype == dtype:
        return array
    if np.dtype(dtype).kind != "f":
        raise WeightsError(f"holds a tensor of {array.dtype} for numbers of type {name}")
    with np.errstate(over="ignore"):
        return array.astype(dtype)


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


def described(reference: Any) -> tuple[str, str, int]:
    """Key, type and length of the storage that a tensor refers to."""
    pid = reference.arguments[0] if is_record(reference, PERSISTENT) else None
    if isinstance(pid, str):
        raise WeightsError(TEXT_REFERENCES)
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
    return key, numpy_type(STORAGE_TYPES, name.removesuffix("Storage")), count


def _retyped(dtype: Any, stored: str, length: int) -> tuple[str, int]:
    """Type and length of a storage of `length` bytes as numbers of torch's type `dtype`."""
    name = dtype.name.rpartition(".")[2] if isinstance(dtype, Record) else ""
    result = numpy_type(DTYPES, name)
    return result, length * width(stored) // width(result)
