"""Files of weights that torch writes, as zip or as a stream of pickles, read without it."""

import io
import math
import zipfile
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .safe_pickle import Known, Plain, plain, unpickled

NOT_WEIGHTS = "is not a file of weights (.pth, .safetensors, .npy or .weights.h5)"

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""Source: torch/serialization.py, MAGIC_NUMBER."""

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class _Storage:
    """The type of a storage, by the name of its torch class."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Any:
    """A view of `storage`, as torch._utils._rebuild_tensor_v2 makes it.

    Raises:
        WeightsError: it would reach beyond its storage.
    """
    if not isinstance(storage, np.ndarray) or not isinstance(offset, int):
        raise WeightsError("holds a tensor without a storage")
    if len(size) != len(stride) or not all(isinstance(x, int) for x in (*size, *stride)):
        raise WeightsError("holds a tensor of an impossible shape")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    negative = offset < 0 or min((*size, *stride), default=0) < 0
    if negative or (math.prod(size) and last >= len(storage)):
        raise WeightsError(f"holds a tensor of shape {tuple(size)} beyond its storage")
    if not math.prod(size):
        return np.zeros(size, storage.dtype)
    steps = [x * storage.itemsize for x in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


def _parameter(tensor: Any, *rest: Any) -> Any:
    """The tensor of a parameter, as torch._utils._rebuild_parameter makes it."""
    return tensor


_TORCH: Known = {
    ("collections", "OrderedDict"): Plain,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", k): _Storage(v) for k, v in _STORAGES.items()},
}


def from_torch_zip(file: Any) -> Any:
    """What a file holds that torch.save wrote, version 1.6 or later.

    Raises:
        WeightsError: as `unpickled`, or the archive is damaged or not torch's.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = [x for x in archive.namelist() if x.endswith("/data.pkl")]
            if len(names) != 1:
                raise WeightsError("is a zip archive, but not one of torch")
            root = names[0].removesuffix("data.pkl")

            def member(name: str) -> bytes:
                entry = archive.getinfo(name)
                # torch does not compress; a compressed entry may be a decompression bomb.
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise WeightsError(
                        "is a compressed archive, which torch does not write"
                    )
                return archive.read(entry)

            def storage(pid: Any) -> Any:
                dtype, name, count = _described(pid)
                return numbers(member(f"{root}data/{name}"), dtype, count)

            return plain(unpickled(io.BytesIO(member(names[0])), _TORCH, storage))
    except (
        zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError,
    ) as error:  # fmt: skip
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error


def _described(pid: Any) -> tuple[str, str, Any]:
    """Type, name and length of the storage that a pickle refers to."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise WeightsError("refers to something that is not a storage")
    if not isinstance(pid[1], _Storage):
        raise WeightsError("refers to a storage without a type")
    return pid[1].dtype, str(pid[2]), pid[4]


def from_torch_stream(data: bytes) -> Any:
    """What a file holds that torch.save wrote before version 1.6.

    Five pickles (magic number, version, system, object, names of storages), then storages.

    Raises:
        WeightsError: as `unpickled`, or it is another stream.
    """
    file = io.BytesIO(data)
    if unpickled(file, {}) != TORCH_MAGIC:
        raise WeightsError(NOT_WEIGHTS)
    for _ in range(2):
        unpickled(file, {})
    start = file.tell()
    blanks: dict[str, Array] = {}
    dtypes: dict[str, str] = {}

    def blank(pid: Any) -> Any:
        dtype, name, count = _described(pid)
        if not isinstance(count, int) or not 0 <= count <= len(data):
            raise WeightsError(f"holds a storage of {count} numbers")
        dtypes.setdefault(name, dtype)
        return blanks.setdefault(name, np.zeros(count, f"V{_width(dtype)}"))

    # The object refers to storages that come after it: it is read twice.
    unpickled(file, _TORCH, blank)
    names = unpickled(file, {})
    storages = {}
    for name in map(str, names if isinstance(names, list) else []):
        count = int.from_bytes(file.read(8), "little", signed=True)
        if name not in blanks or count != len(blanks[name]):
            raise WeightsError("holds storages that it does not describe")
        storages[name] = numbers(file.read(blanks[name].nbytes), dtypes[name], count)
    file.seek(start)
    return plain(unpickled(file, _TORCH, lambda pid: storages[_described(pid)[1]]))


def numbers(data: bytes, dtype: str, count: Any) -> Array:
    """The `count` numbers in `data`; bfloat16 becomes float32.

    Raises:
        WeightsError: `data` has another length.
    """
    if not isinstance(count, int) or len(data) != count * _width(dtype):
        raise WeightsError(f"holds a storage of {count} numbers in {len(data)} bytes")
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, dtype)


def _width(dtype: str) -> int:
    """Bytes per number."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
