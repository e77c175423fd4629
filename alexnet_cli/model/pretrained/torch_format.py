"""torch's files of weights, new (zip) and old (a stream of pickles), without torch."""

import io
import math
import zipfile
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .safe_pickle import Known, Plain, plain, unpickled

NO_WEIGHTS = "is no file of weights; known are .pth, .safetensors, .npy and .weights.h5"

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
    """A torch storage's type, as the file names it."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Any:
    """torch._utils._rebuild_tensor_v2."""
    if not isinstance(storage, np.ndarray) or not isinstance(offset, int):
        raise WeightsError("holds a tensor without a storage")
    if len(size) != len(stride) or not all(isinstance(x, int) for x in (*size, *stride)):
        raise WeightsError("holds a tensor that describes itself wrongly")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    negative = offset < 0 or min((*size, *stride), default=0) < 0
    if negative or (math.prod(size) and last >= len(storage)):
        raise WeightsError(f"holds a tensor of shape {tuple(size)} beyond its storage")
    if not math.prod(size):
        return np.zeros(size, storage.dtype)
    steps = [x * storage.itemsize for x in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


def _parameter(tensor: Any, *rest: Any) -> Any:
    """torch._utils._rebuild_parameter."""
    return tensor


_TORCH: Known = {
    ("collections", "OrderedDict"): Plain,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", k): _Storage(v) for k, v in _STORAGES.items()},
}


def from_torch_zip(file: Any) -> Any:
    """What torch.save has written since version 1.6.

    Raises:
        WeightsError: as `unpickled`, or the archive is not what it says.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = [x for x in archive.namelist() if x.endswith("/data.pkl")]
            if len(names) != 1:
                raise WeightsError("is a zip archive, but not of torch")
            root = names[0].removesuffix("data.pkl")

            def member(name: str) -> bytes:
                entry = archive.getinfo(name)
                # torch stores; what is compressed may be a bomb.
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise WeightsError("is compressed, which torch does not do")
                return archive.read(entry)

            def storage(pid: Any) -> Any:
                dtype, key, count = _described(pid)
                return numbers(member(f"{root}data/{key}"), dtype, count)

            return plain(unpickled(io.BytesIO(member(names[0])), _TORCH, storage))
    except (
        zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError,
    ) as error:  # fmt: skip
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error


def _described(pid: Any) -> tuple[str, str, Any]:
    """Type, name and count of the storage that a pickle asks for."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise WeightsError("asks for something that is no storage")
    if not isinstance(pid[1], _Storage):
        raise WeightsError("asks for a storage of no type")
    return pid[1].dtype, str(pid[2]), pid[4]


def from_torch_stream(data: bytes) -> Any:
    """What torch.save wrote before version 1.6: five pickles, then the storages.

    Raises:
        WeightsError: as `unpickled`, or it is another stream.
    """
    file = io.BytesIO(data)
    if unpickled(file, {}) != TORCH_MAGIC:
        raise WeightsError(NO_WEIGHTS)
    for _ in range(2):
        unpickled(file, {})
    start = file.tell()
    found: dict[str, Any] = {}

    def noted(pid: Any) -> Any:
        dtype, key, count = _described(pid)
        if not isinstance(count, int) or not 0 <= count <= len(data):
            raise WeightsError(f"holds a storage of {count} numbers")
        width = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
        return found.setdefault(key, (np.zeros(count, f"V{width}"), dtype))[0]

    unpickled(file, _TORCH, noted)
    keys = unpickled(file, {})
    loaded: dict[str, Any] = {}
    for key in keys if isinstance(keys, list) else []:
        blank, dtype = found.get(str(key), (None, ""))
        count = int.from_bytes(file.read(8), "little", signed=True)
        if blank is None or count != len(blank):
            raise WeightsError("holds storages that it does not describe")
        loaded[str(key)] = numbers(file.read(blank.nbytes), dtype, count)
    file.seek(start)
    return plain(unpickled(file, _TORCH, lambda pid: loaded[_described(pid)[1]]))


def numbers(data: bytes, dtype: str, count: Any) -> Array:
    """`count` numbers of a storage; bfloat16 becomes float32."""
    width = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
    if not isinstance(count, int) or len(data) != count * width:
        raise WeightsError(f"holds a storage of {count} numbers in {len(data)} bytes")
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, dtype)
