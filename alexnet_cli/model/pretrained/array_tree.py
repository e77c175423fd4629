"""Arrays that are read when they are needed, and their names in nested containers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Array, Floats
from ...errors import WeightsError
from .pickle_records import MAX_KEY, Record

MAX_ARRAYS = 20_000
"""A network of a thousand layers with its optimizer has fewer."""
MAX_DEPTH = 24
"""What lies deeper is not weights."""

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

    A container that is in several places counts in the first one: each is walked once, so
    the walk has as many steps as the pickle has opcodes, whatever it shares, and it holds
    no more than one iterator for each level.

    Raises:
        WeightsError: there are more than `MAX_ARRAYS`.
    """
    walk = _Walk(array_of)
    count = 0
    waiting = [walk.entered(content, None)]
    while waiting:
        value, path = next(waiting[-1], (None, None))
        if value is None:
            waiting.pop()
            continue
        found = walk.found(value)
        if isinstance(found, LazyArray):
            count += 1
            if count > MAX_ARRAYS:
                raise WeightsError(
                    f"holds more than {MAX_ARRAYS:,} arrays: save model.state_dict()"
                )
            yield NamedArray(_keys(path), found)
        elif len(waiting) <= MAX_DEPTH:
            waiting.append(walk.entered(value, path))


Place = tuple[Any, Any]
"""A value, and the path to it: the path to its container, and its key; None at the top."""


class _Walk:
    """What has been seen of a pickle, which must be kept alive."""

    def __init__(self, array_of: ArrayOf) -> None:
        self.array_of = array_of
        self.seen: set[int] = set()

    def found(self, value: Any) -> LazyArray | list[Any] | None:
        """The array, or list of objects, that `value` stands for."""
        return self.array_of(value) if isinstance(value, Record) else None

    def entered(self, value: Any, path: Any) -> Iterator[Place]:
        """The containers and objects in `value`; nothing the second time."""
        found = self.found(value)
        if isinstance(found, LazyArray):
            yield value, path
            return
        for part in [found] if found is not None else _parts(value):
            if not part or id(part) in self.seen:
                continue
            self.seen.add(id(part))
            for key, child in _children(part):
                if (
                    isinstance(child, _CONTAINERS)
                    and id(child) not in self.seen
                    and len(key) <= MAX_KEY
                ):
                    yield child, path if key in _MODULE_PARTS else (path, key)


def _keys(path: Any) -> tuple[str, ...]:
    keys = []
    while path is not None:
        path, key = path
        keys.append(key)
    return tuple(reversed(keys))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values in a container; a pair of a name and a value is one, in a list."""
    if isinstance(value, dict):
        yield from value.items()
        return
    for i, x in enumerate(value):
        if isinstance(x, list | tuple) and len(x) == 2 and isinstance(x[0], str):
            yield x[0], x[1]
        else:
            yield str(i), x


def _parts(value: Any) -> Iterator[Any]:
    """The containers that `value` consists of.

    An OrderedDict of Python 2 has a list of pairs as its argument; the state of an object
    with slots is a pair of its dictionary, or None, and that of its slots.
    """
    if not isinstance(value, Record):
        if isinstance(value, dict | list | tuple):
            yield value
        return
    arguments, state = value.arguments, value.state
    if value.name == "collections.OrderedDict" and isinstance(arguments, tuple):
        arguments = arguments[0] if arguments else None
    slots = state if isinstance(state, tuple) and len(state) == 2 else ()
    parts = slots if slots and isinstance(slots[1], dict) else (state,)
    for part in (value.items, *parts, arguments, value.elements):
        if isinstance(part, dict | list | tuple):
            yield part


def as_floats(array: Array) -> Floats:
    """`array` as float32; numbers beyond its range become infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32)
