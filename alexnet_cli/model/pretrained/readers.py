"""Files of weights as named arrays: torch's, NumPy's and safetensors, by their content."""

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
from .torch_format import NOT_WEIGHTS, from_torch_stream, from_torch_zip, numbers

MAX_BYTES = 4 * 2**30
"""Larger files are not read; an AlexNet has a quarter of a GiB."""

_SAFETENSORS_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "bfloat16",
    "I64": "<i8",
    "I32": "<i4",
}


def read_weights(path: Path) -> dict[str, Array]:
    """The arrays of the file at `path` by name; those of a list as NAME/0, NAME/1.

    Raises:
        WeightsError: it cannot be read, is damaged, or is not a file of weights.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"is larger than {MAX_BYTES >> 30} GiB")
        arrays = dict(_flat(_content(path.read_bytes(), path)))
        if not arrays:
            raise WeightsError("holds no arrays")
        return arrays
    except OSError as error:
        raise WeightsError(f"{printable(path)}: {error.strerror}") from error
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {printable(str(error))}") from error


def _content(data: bytes, path: Path) -> Any:
    """What the file holds, in the format that its first bytes name."""
    if data[:6] == b"\x93NUMPY":
        return from_numpy(data)
    if data[:4] == b"PK\x03\x04":
        return from_torch_zip(path)
    if data[:1] == b"\x80":
        return from_torch_stream(data)
    if data[8:9] == b"{":
        return from_safetensors(data)
    raise WeightsError(NOT_WEIGHTS)


def _flat(content: Any) -> Iterator[tuple[str, Array]]:
    """Names and arrays of the state dict that `content` is or holds."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise WeightsError("does not hold a dictionary of weights")
    for name, value in content.items():
        arrays = value if isinstance(value, list) else [value]
        for i, array in enumerate(arrays):
            if not isinstance(array, np.ndarray) or not isinstance(name, str | bytes):
                raise WeightsError(f"holds something other than an array: {name!r}"[:200])
            text = name.decode("latin1") if isinstance(name, bytes) else name
            yield (f"{text}/{i}" if isinstance(value, list) else text), array


def from_safetensors(data: bytes) -> dict[str, Array]:
    """The tensors of a safetensors file.

    Source: https://huggingface.co/docs/safetensors, "Format".

    Raises:
        WeightsError: its header is damaged, or does not describe its content.
    """
    length = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        arrays = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            shape, dtype = tuple(entry["shape"]), _SAFETENSORS_TYPES[entry["dtype"]]
            if not 0 <= start <= end <= len(body):
                raise WeightsError("is damaged: a tensor ends beyond the end of the file")
            flat = numbers(bytes(body[start:end]), dtype, math.prod(shape))
            arrays[name] = flat.reshape(shape)
        return arrays
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error
