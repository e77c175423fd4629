"""HDF5 files of weights: groups, arrays of floats and lists of names, read without libhdf5.

libhdf5 opens other files that a file names (links, external storage, virtual datasets),
loads plugins, fills memory with what a few bytes ask for, and never ends on some damaged
files. Here a file is bytes: an array is a view of some of them, and all else is refused.

Source: HDF5 File Format Specification 3.0, II.A (superblock), IV.A.2.d and IV.A.2.i
(datatype and layout messages).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...arrays import Array
from ...errors import WeightsError, printable
from .hdf5_attributes import names_in
from .hdf5_groups import UNDEFINED, is_group, links
from .hdf5_headers import SPACE, TYPE, Content, Message, messages, shape_of

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_EXTERNAL, _LAYOUT, _FILTERS = 0x07, 0x08, 0x0B
_REPACK = "h5repack -f NONE -l CONTI makes a copy that can be read"
_REFUSED = {
    _EXTERNAL: "is in another file",
    _FILTERS: f"is compressed: {_REPACK}",
}
_FLOATS = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
"""By size in bytes: exponent's place and width, mantissa's place and width, bias."""


@dataclass(frozen=True)
class Dataset:
    """An array in a file, of which nothing is read yet."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """NumPy's name; empty if it cannot be read."""
    start: int
    problem: str = ""
    """Why it is not read."""


class Group:
    """A group of an HDF5 file: a mapping of names to groups and datasets."""

    def __init__(self, content: Content, address: int, name: str) -> None:
        self.name = name
        self._content, self._address = content, address
        self._links = links(content, address)

    def __contains__(self, name: str) -> bool:
        return name in self._links

    def __iter__(self) -> Iterator[str]:
        return iter(self._links)

    def __getitem__(self, path: str) -> "Group | Dataset":
        """The object at `path`, names joined by slashes.

        Raises:
            WeightsError: there is none, or it is damaged.
        """
        first, _, rest = path.partition("/")
        full = f"{self.name}/{first}".lstrip("/")
        if first not in self._links:
            raise WeightsError(f"has no {printable(full)}")
        address = self._links[first]
        if not is_group(self._content, address):
            if rest:
                raise WeightsError(f"has no {printable(f'{full}/{rest}')}")
            return _dataset(self._content, address, full)
        group = Group(self._content, address, full)
        return group[rest] if rest else group

    def group(self, path: str) -> "Group":
        """The group at `path`.

        Raises:
            WeightsError: there is none.
        """
        found = self[path]
        if not isinstance(found, Group):
            raise WeightsError(f"has no group {printable(found.name)}")
        return found

    def names(self, attribute: str) -> tuple[str, ...] | None:
        """The list of names in an attribute, perhaps in pieces; None if there is none."""
        return names_in(self._content, self._address, attribute)


class WeightsFile:
    """The root group of an HDF5 file, and its arrays."""

    def __init__(self, data: bytes) -> None:
        """Open the file whose content is `data`.

        Raises:
            WeightsError: it is damaged, or of a version that Keras does not write.
        """
        self._data = data
        self._content = Content(data)
        self._left = len(data)
        self.root = Group(self._content, _root_address(self._content), "")

    def read(self, dataset: Dataset) -> Array:
        """The array, a view of the file's bytes.

        Raises:
            WeightsError: it is stored in a way that is not read, or the same bytes are read
                as several arrays.
        """
        if dataset.problem:
            raise WeightsError(
                f"holds an array, {printable(dataset.name)}, that {dataset.problem}"
            )
        count = math.prod(dataset.shape)
        self._left -= count * np.dtype(dataset.dtype).itemsize
        if self._left < 0:
            raise WeightsError("has more arrays than bytes")
        flat = np.frombuffer(self._data, dataset.dtype, count, dataset.start)
        return flat.reshape(dataset.shape)


def _root_address(content: Content) -> int:
    if len(content) < 96:
        raise WeightsError("is damaged: it is cut off")
    (version,) = content.unpack("<B", 8)
    if version in (0, 1):
        sizes, start = content.unpack("<BB", 13), 24 + 4 * version
        base, _, end, driver, _, root = content.unpack("<6Q", start)
    elif version in (2, 3):
        sizes = content.unpack("<BB", 9)
        base, _, end, root = content.unpack("<4Q", 12)
        driver = UNDEFINED
    else:
        raise WeightsError(f"is HDF5 of version {version}, which is not read")
    if sizes != (8, 8) or base or driver != UNDEFINED:
        raise WeightsError(
            "is HDF5 of a kind that Keras does not write: save it with Keras again"
        )
    if end > len(content):
        raise WeightsError(f"is cut off: {len(content)} of {end} bytes are there")
    return root


def _dataset(content: Content, address: int, name: str) -> Dataset:
    """The dataset whose header is at `address`.

    Raises:
        WeightsError: it is damaged, or no dataset.
    """
    parts = {x.kind: x for x in messages(content, address)}
    if not parts.keys() >= {SPACE, TYPE, _LAYOUT}:
        raise WeightsError(f"is damaged: {printable(name)} is neither group nor array")
    shape = shape_of(content, parts[SPACE])
    dtype = _float(content, parts[TYPE])
    start, size, problem = _stored(content, parts[_LAYOUT])
    problem = next((y for x, y in _REFUSED.items() if x in parts), problem)
    if not dtype:
        problem = "does not hold floating-point numbers: save it as float32"
    elif not problem and size != math.prod(shape) * np.dtype(dtype).itemsize:
        problem = f"has {size} bytes, which its shape {shape} does not"
    if not problem:
        content.take(start, size)
    return Dataset(name, shape, dtype, start, problem)


def _float(content: Content, message: Message) -> str:
    """NumPy's name of the type in a datatype message; empty if it is no IEEE number."""
    if message.is_shared or message.size < 20:
        return ""
    head, order, sign, high, size = content.unpack("<4BI", message.start)
    offset, bits, *fields = content.unpack("<HHBBBBI", message.start + 8)
    found = head & 15, order & ~1, sign, high, offset, bits, tuple(fields)
    if found != (1, 0x20, 8 * size - 1, 0, 0, 8 * size, _FLOATS.get(size)):
        return ""
    return f"{'>' if order & 1 else '<'}f{size}"


def _stored(content: Content, message: Message) -> tuple[int, int, str]:
    """Start and size of an array's bytes, and why they cannot be read."""
    version, kind = content.unpack("<BB", message.start)
    if version not in (3, 4):
        return 0, 0, "is stored in an old way"
    if kind == 0:
        return message.start + 4, content.unpack("<H", message.start + 2)[0], ""
    if kind != 1:
        return 0, 0, "is virtual" if kind == 3 else f"is in chunks: {_REPACK}"
    start, size = content.unpack("<QQ", message.start + 2)
    return start, size, "was never written" if start == UNDEFINED else ""
