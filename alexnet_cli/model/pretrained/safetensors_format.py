"""safetensors files, read with their own library."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray, NamedArray, as_floats

_TYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
"""The types of numbers that are read."""


def safetensors_arrays(path: Path) -> Iterator[NamedArray]:
    """The tensors of a safetensors file.

    Raises:
        WeightsError: its header is damaged, or does not describe its content.
    """
    # Gives NumPy its type bfloat16.
    import ml_dtypes  # noqa: F401
    from safetensors import SafetensorError, safe_open

    try:
        handle: Any = safe_open(path, framework="numpy")
        for name in handle.keys():  # noqa: SIM118
            shape = tuple(handle.get_slice(name).get_shape())
            yield NamedArray((name,), LazyArray(shape, partial(_tensor, handle, name)))
    except SafetensorError as error:
        raise WeightsError(f"is damaged: {str(error)[:200]}") from error


def _tensor(handle: Any, name: str) -> Array:
    """A tensor of a safetensors file; bfloat16 as float32."""
    kind = handle.get_slice(name).get_dtype()
    if kind not in _TYPES:
        raise WeightsError(f"holds numbers of type {kind}: save model.float().state_dict()")
    array = handle.get_tensor(name)
    return as_floats(array) if kind == "BF16" else array
