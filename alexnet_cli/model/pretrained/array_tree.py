"""Arrays that are read when they are needed, and their names in nested containers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Array, Floats
from ...errors import WeightsError
from .pickle_records import Record

MAX_ARRAYS = 20_000
"""A network of a thousand layers with its optimizer has fewer."""
MAX_DEPTH, MAX_KEY = 24, 200
"""What lies deeper, or has a longer name, is not weights."""

_MODULE_PARTS = ("_modules", "_parameters", "_buffers")
"""In the state of a torch module: what names its children and arrays."""


_CONTAINERS = (dict, list, tuple, Record)


@dataclass(frozen=True)
class LazyArray:
    """An array of a file: its shape, or () if that is damaged, and what reads it."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


@dataclass(frozen=True)
class NamedArray:
    """An array and where it lies: the keys of the containers down to it."""

    path: tuple[str, ...]
    array: LazyArray


ArrayOf = Callable[[Any], LazyArray | list[Any] | None]
"""The array, or list of objects, that a value stands for; None if it is neither."""


def named_arrays(content: Any, array_of: ArrayOf) -> Iterator[NamedArray]:
    """The arrays in nested dictionaries, lists, tuples and the state of objects, in order.

    A container that is in several places counts in the first one.

    Raises:
        WeightsError: there are more than `MAX_ARRAYS`.
    """
    seen: set[int] = set()
    count = 0
    waiting: list[tuple[Any, Any, int]] = [(content, None, 0)]
    while waiting:
        value, path, depth = waiting.pop()
        found = array_of(value) if isinstance(value, Record) else None
        if isinstance(found, LazyArray):
            count += 1
            if count > MAX_ARRAYS:
                raise WeightsError(
                    f"holds more than {MAX_ARRAYS:,} arrays: save model.state_dict()"
                )
            yield NamedArray(_keys(path), found)
            continue
        if depth > MAX_DEPTH or id(value) in seen:
            continue
        seen.add(id(value))
        children = [
            (child, path if key in _MODULE_PARTS else (path, key), depth + 1)
            for key, child in _children(value if found is None else found)
            if isinstance(child, _CONTAINERS) and len(key) <= MAX_KEY
        ]
        waiting += reversed(children)


def _keys(path: Any) -> tuple[str, ...]:
    keys = []
    while path is not None:
        path, key = path
        keys.append(key)
    return tuple(reversed(keys))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values in a container or an object."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from ((str(i), x) for i, x in enumerate(value))
    elif isinstance(value, Record):
        yield from (value.items or {}).items()
        if isinstance(value.state, dict):
            yield from value.state.items()
        for part in (_pairs(value), value.elements, value.arguments):
            yield from _children(part)


def _pairs(value: Record) -> dict[str, Any]:
    """The entries of an OrderedDict that Python 2 wrote as a list of pairs."""
    if value.name != "collections.OrderedDict" or not value.arguments:
        return {}
    pairs = value.arguments[0] if isinstance(value.arguments[0], list) else []
    pairs = [x for x in pairs if isinstance(x, list | tuple) and len(x) == 2]
    return {k: v for k, v in pairs if isinstance(k, str)}


def as_floats(array: Array) -> Floats:
    """`array` as float32; numbers beyond its range become infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32)
