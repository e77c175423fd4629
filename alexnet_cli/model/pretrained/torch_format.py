"""Files that torch.save writes, as zip or as a stream of pickles, read without torch."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from zipfile import ZipInfo

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import NamedArray, named_arrays
from .pickle_records import Record, bytes_of
from .safe_pickle import LimitedFile, unpickled
from .torch_numbers import STORAGE_TYPES, numbers, width
from .torch_tensors import TEXT_REFERENCES, Storages, Tensors
from .zip_members import stored_member

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""Source: torch/serialization.py, MAGIC_NUMBER."""

_NAME = rb"[A-Za-z_][\w.]*"
_TEXT_PICKLE = re.compile(
    # Maybe tuples of: a dictionary or list of protocol 0; one of protocol 1; an object.
    rb"\(*(\([dl](p\d+\n|[(VSc])|[}\]]([qr]|[(XUc.])|c" + _NAME + rb"\n" + _NAME + rb"\n"
    rb"(p\d+\n|q|\(?[t)]R|\([c(]))"
    # Tuples that begin with text, memoized as Python does.
    rb"|\(+([VS][^\n]{,300}\np\d+\n|X..\0\0)"
    # The first pickle of torch's five, in both.
    rb"|L%dL\n\." % TORCH_MAGIC,
    re.DOTALL,
)

_WIDTHS = {"ComplexFloat": 8, "ComplexDouble": 16, "QInt32": 4}
"""Bytes per number of storages that are passed over; a byte in the others."""


def is_pickle(head: bytes) -> bool:
    """Whether a file with these first bytes is a pickle of any protocol.

    Those of protocols 0 and 1 do not say so: they are known by how they begin, which no
    text does but by intent.
    """
    return head[:1] == b"\x80" or _TEXT_PICKLE.match(head) is not None


def is_torch_stream(head: bytes) -> bool:
    """Whether the first of a file's pickles, which begins so, is torch's magic number."""
    magic = TORCH_MAGIC.to_bytes(10, "little"), b"L%dL" % TORCH_MAGIC
    return any(x in head for x in magic)


def torch_zip_arrays(
    file: BinaryIO, members: Mapping[str, ZipInfo], root: str, size: int
) -> Iterator[NamedArray]:
    """The arrays of a file that torch.save wrote, version 1.6 or later.

    `root` is the folder of data.pkl in the archive, `size` its number of bytes.

    Raises:
        WeightsError: as `unpickled`, or the archive is damaged or TorchScript's.
    """
    if any(x.startswith((f"{root}code/", f"{root}constants.pkl")) for x in members):
        raise WeightsError(
            "is a TorchScript archive (torch.jit.save): save model.state_dict() with "
            "torch.save"
        )
    left = size

    def member(name: str) -> bytes:
        nonlocal left
        if name not in members:
            raise WeightsError(f"is damaged: {name[:100]} is not in the archive")
        left -= members[name].file_size
        if left < 0:
            raise WeightsError("is damaged: its members are larger than the file")
        return stored_member(file, members[name])

    order = f"{root}byteorder"
    big = order in members and member(order) == b"big"

    def read_storage(key: str, dtype: str, length: int) -> Array:
        return numbers(member(f"{root}data/{key}"), dtype, length, big=big)

    pickle = member(f"{root}data.pkl")
    content = unpickled(LimitedFile(io.BytesIO(pickle), len(pickle), size))
    yield from named_arrays(content, Tensors(read_storage, _pickled_storage).array_of)


def stream_arrays(file: LimitedFile) -> Iterator[NamedArray]:
    """The arrays of pickles: of torch.save before version 1.6, or of NumPy's arrays.

    torch writes five pickles (magic number, version, system, object, keys of storages),
    then the storages.

    Raises:
        WeightsError: as `unpickled`, or the storages are not those that are described.
    """
    content = unpickled(file)
    if content == TORCH_MAGIC:
        content, read_storage = _stream(file)
        yield from named_arrays(content, Tensors(read_storage, _pickled_storage).array_of)
        return
    found = list(named_arrays(content, Tensors(_outside, _pickled_storage).array_of))
    if not found and isinstance(content, Record):
        raise WeightsError(f"is a pickle of {content.name[:100]}, not of weights")
    yield from found


def _outside(key: str, dtype: str, length: int) -> Array:
    raise WeightsError(f"is damaged: it has no storage {key[:100]}")


def _stream(file: LimitedFile) -> tuple[Any, Storages]:
    """The object in a stream after its magic number, and what reads its storages."""
    unpickled(file)
    unpickled(file)
    references: list[Any] = []
    content = unpickled(file, references)
    places = _places(file, unpickled(file), _widths(references))

    def read_storage(key: str, dtype: str, length: int) -> Array:
        if key not in places:
            raise WeightsError(f"is damaged: it has no storage {key[:100]}")
        start, size = places[key]
        if size != length * width(dtype):
            raise WeightsError("is damaged: its storages are not those it describes")
        file.seek(start)
        return numbers(file.read(size), dtype, length)

    return content, read_storage


def _widths(references: list[Any]) -> dict[str, int]:
    """Bytes per number of each storage that a pickle refers to, by key."""
    widths = {}
    for pid in references:
        if isinstance(pid, str):
            raise WeightsError(TEXT_REFERENCES)
        if isinstance(pid, tuple) and len(pid) > 4 and isinstance(pid[1], Record):
            name = pid[1].name.rpartition(".")[2].removesuffix("Storage")
            if isinstance(pid[2], str):
                widths[pid[2]] = _WIDTHS.get(name) or width(STORAGE_TYPES.get(name, "u1"))
    return widths


def _places(
    file: LimitedFile, keys: Any, widths: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """Where each storage begins, and its number of bytes, by key.

    Raises:
        WeightsError: they go on beyond the end of the file.
    """
    places = {}
    for key in keys if isinstance(keys, list) else []:
        head = file.read(8)
        count = int.from_bytes(head, "little", signed=True)
        if not isinstance(key, str) or key not in widths or len(head) < 8:
            raise WeightsError("is damaged: its storages are not those it describes")
        start, size = file.tell(), count * widths[key]
        if not 0 <= size <= file.size - start:
            raise WeightsError("is damaged: its storages are longer than the file")
        places[key] = (start, size)
        file.seek(start + size)
    return places


def _pickled_storage(record: Record) -> tuple[Any, Storages]:
    """A storage that Python's pickle wrote: a stream of torch.save in the pickle."""
    data = bytes_of(record.arguments[0]) if record.arguments else None
    if data is None:
        raise WeightsError("holds a tensor without a storage")
    file = LimitedFile(io.BytesIO(data), len(data))
    if unpickled(file) != TORCH_MAGIC:
        raise WeightsError("holds a tensor without a storage")
    return _stream(file)
