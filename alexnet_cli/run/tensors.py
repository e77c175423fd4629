"""Arrays as a safetensors file. Source: https://huggingface.co/docs/safetensors"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bool": "BOOL",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8",
}  # fmt: skip
"""Names of the safetensors format."""


def write_tensors(file: Path, arrays: "Mapping[str, np.ndarray[Any, Any]]") -> str:
    """Write `arrays` in the safetensors format; the SHA-256 of the file.

    The library would hold a second copy of all of them in memory.
    """
    import numpy as np

    header: dict[str, Any] = {}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for piece in (len(text).to_bytes(8, "little"), text):
            digest.update(piece)
            out.write(piece)
        for array in arrays.values():
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            digest.update(data)
            out.write(data)
    return digest.hexdigest()
