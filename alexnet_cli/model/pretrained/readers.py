"""Files of weights -> named arrays; torch's, NumPy's and safetensors, told by content."""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import WeightsError, printable
from .safe_pickle import from_numpy
from .torch_format import NO_WEIGHTS, from_torch_stream, from_torch_zip, numbers

MAX_BYTES = 4 * 2**30

_SAFE = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "bfloat16",
    "I64": "<i8",
    "I32": "<i4",
}


def read_weights(path: Path) -> dict[str, Array]:
    """The arrays of a file by their names; lists of arrays get "/0", "/1".

    Raises:
        WeightsError: it cannot be read, is damaged, or is no file of weights.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"is larger than {MAX_BYTES >> 30} GiB")
        data = path.read_bytes()
        return dict(_flat(_content(data, path)))
    except OSError as error:
        raise WeightsError(f"{printable(path)}: {error.strerror}") from error
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {error}") from error


def _content(data: bytes, path: Path) -> Any:
    if data[:6] == b"\x93NUMPY":
        return from_numpy(data)
    if data[:4] == b"PK\x03\x04":
        return from_torch_zip(path)
    if data[:1] == b"\x80":
        return from_torch_stream(data)
    if data[8:9] == b"{":
        return safetensors(data)
    raise WeightsError(NO_WEIGHTS)


def _flat(found: Any) -> Iterator[tuple[str, Array]]:
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict):
        raise WeightsError("holds no dictionary of weights")
    for name, value in found.items():
        arrays = value if isinstance(value, list) else [value]
        for i, array in enumerate(arrays):
            if not isinstance(array, np.ndarray) or not isinstance(name, str | bytes):
                raise WeightsError(f"holds something that is no array as {name!r}"[:200])
            text = name.decode("latin1") if isinstance(name, bytes) else name
            yield (f"{text}/{i}" if isinstance(value, list) else text), array


def safetensors(data: bytes) -> dict[str, Array]:
    """The tensors of a safetensors file.

    Source: https://huggingface.co/docs/safetensors, "Format".

    Raises:
        WeightsError: it is not what it says.
    """
    length = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            shape, dtype = tuple(entry["shape"]), _SAFE[entry["dtype"]]
            if not 0 <= start <= end <= len(body):
                raise WeightsError("is damaged: a tensor lies beyond its end")
            flat = numbers(bytes(body[start:end]), dtype, math.prod(shape))
            found[name] = flat.reshape(shape)
        return found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error
