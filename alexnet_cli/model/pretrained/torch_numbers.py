"""Types of torch's numbers, and their bytes as arrays."""

import numpy as np

from ...arrays import Array
from ...errors import WeightsError

STORAGE_TYPES = {
    "Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bfloat16", "Long": "i8",
    "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip
DTYPES = {
    "float32": "f4", "float": "f4", "float64": "f8", "double": "f8", "float16": "f2",
    "half": "f2", "bfloat16": "bfloat16", "int64": "i8", "int32": "i4", "int16": "i2",
    "int8": "i1", "uint8": "u1", "bool": "?", "uint16": "u2", "uint32": "u4",
    "uint64": "u8",
}  # fmt: skip
"""NumPy's type of torch's, by the names of storages and of tensors."""


def numpy_type(names: dict[str, str], name: str) -> str:
    """NumPy's type of torch's type `name`, in a table of `names`.

    Raises:
        WeightsError: it has none.
    """
    if name not in names:
        hint = (
            "an AlexNet has real ones"
            if "omplex" in name
            else "save model.float().state_dict()"
        )
        raise WeightsError(f"holds numbers of type {name[:40]}: {hint}")
    return names[name]


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
