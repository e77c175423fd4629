"""Files of weights as named arrays: torch's, NumPy's, Caffe's, safetensors, by content."""

import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from ...arrays import Array
from ...errors import WeightsError, printable
from .array_tree import LazyArray, NamedArray
from .caffe_format import caffe_arrays
from .find_network import Network, find_network, full_name, other_network
from .numpy_format import npy_arrays, npz_arrays
from .other_formats import NOT_WEIGHTS, named_format
from .safe_pickle import LimitedFile
from .safetensors_format import safetensors_arrays
from .torch_format import TORCH_MAGIC, stream_arrays, torch_zip_arrays
from .zip_members import zip_members

MAX_BYTES = 4 * 2**30
"""Larger files are not read; an AlexNet has a quarter of a GiB."""

MAX_USES = 4
"""How many times the file's numbers may be used by the arrays: tensors may be tied."""

_DAMAGE = (
    BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, MemoryError,
    ValueError, OverflowError,
)  # fmt: skip
"""What zipfile raises for damaged archives, and what memory that is too small raises."""


@dataclass(frozen=True)
class FoundNetwork:
    """The arrays of an AlexNet by torchvision's or Caffe's names."""

    network: Network
    arrays: Mapping[str, Array]
    format: str
    """torch, numpy, caffe or safetensors."""


@dataclass(frozen=True)
class _Contents:
    """The arrays of an open file, its format, and how many bytes they can have."""

    arrays: list[NamedArray]
    format: str
    size: int

    def read(self, arrays: Mapping[str, LazyArray]) -> dict[str, Array]:
        """`arrays`, read.

        Raises:
            WeightsError: one is damaged, or they use the numbers of the file too often.
        """
        left, read = MAX_USES * self.size, {}
        for name, array in arrays.items():
            try:
                read[name] = array.read()
            except WeightsError as error:
                raise WeightsError(f"{error} ({name[:100]})") from error
            left -= read[name].nbytes
            if left < 0:
                raise WeightsError(
                    f"holds tensors that share their numbers, more than {MAX_USES} times: "
                    f"save them with .clone()"
                )
        return read


def read_network(path: Path) -> FoundNetwork:
    """The AlexNet in the file at `path`.

    Raises:
        WeightsError: it cannot be read, is damaged, or holds no AlexNet.
    """
    with _opened(path) as contents:
        network = find_network(contents.arrays)
        names = [full_name(x) for x in contents.arrays]
        if network is None or network.pairs() < 2:
            other = other_network(names)
            if other or network is None:
                raise WeightsError(_no_network(names, other))
        _require_five(network)
        return FoundNetwork(network, contents.read(network.arrays), contents.format)


def _require_five(network: Network) -> None:
    kernels = [k for k, v in network.arrays.items() if len(v.shape) == 4]
    if len(kernels) > 5:
        raise WeightsError(
            f"holds a network of {len(kernels)} convolutions (... {kernels[-1]}), as a "
            f"VGG has, not an AlexNet"
        )


def _no_network(names: list[str], other: str = "") -> str:
    """What a file is that holds arrays of these names, of the network `other` if known."""
    if other:
        return f"holds {other}, not an AlexNet"
    if not names:
        return "holds no arrays: save model.state_dict()"
    if names[0].startswith("arr_") or not names[0]:
        return (
            f"has arrays without names ({names[0] or 'one array'} ...): save them as "
            f"conv1/weights, conv1/biases ..."
        )
    return (
        f"has arrays named {', '.join(x[:60] for x in names[:3])}; the known layouts are "
        f"torchvision's (features.0.weight) and Caffe's (conv1)"
    )


def read_weights(path: Path) -> dict[str, Array]:
    """The arrays of the AlexNet in the file at `path`, or all arrays if it holds none.

    Those of a list are named NAME/0, NAME/1.

    Raises:
        WeightsError: it cannot be read, is damaged, or is not a file of weights.
    """
    with _opened(path) as contents:
        network = find_network(contents.arrays)
        if network is not None:
            return contents.read(network.arrays)
        if not contents.arrays:
            raise WeightsError(_no_network([]))
        paths = [x.path[:-1] for x in contents.arrays]
        levels = zip(*paths, strict=False)
        shared = len(list(takewhile(lambda keys: len({*keys}) == 1, levels)))
        return contents.read({"/".join(x.path[shared:]): x.array for x in contents.arrays})


@contextmanager
def _opened(path: Path) -> Iterator[_Contents]:
    """The contents of the file at `path`, which can be read within the context."""
    try:
        status = path.stat()
        # A pipe or a device could be read forever.
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise WeightsError("is not a regular file")
        if status.st_size > MAX_BYTES:
            raise WeightsError(f"is larger than {MAX_BYTES >> 30} GiB")
        with path.open("rb") as file:
            yield _contents(file, path, status.st_size)
    except OSError as error:
        raise WeightsError(f"{printable(path)}: {error.strerror or error}") from error
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {printable(str(error))}") from error
    except _DAMAGE as error:
        text = printable(" ".join(str(error).split()))[:200] or type(error).__name__
        raise WeightsError(f"{printable(path)} is damaged: {text}") from error


def _contents(file: BinaryIO, path: Path, size: int) -> _Contents:
    """What the file holds, in the format that its first bytes name."""
    head = file.read(512)
    file.seek(0)
    limited = LimitedFile(file, size)
    if head[:6] == b"\x93NUMPY":
        return _Contents(list(npy_arrays(limited)), "numpy", size)
    if head[:4] == b"PK\x03\x04":
        return _zip_contents(file, size)
    if head[:1] == b"\x80":
        # The first pickle of torch's five is this number.
        kind = "torch" if TORCH_MAGIC.to_bytes(10, "little") in head else "numpy"
        return _Contents(list(stream_arrays(limited)), kind, size)
    if head[8:9] == b"{":
        return _Contents(list(safetensors_arrays(path)), "safetensors", size)
    if text := named_format(head, path.name):
        raise WeightsError(text)
    if path.suffix == ".caffemodel" or (head[:1] == b"\n" and _is_name(head)):
        return _Contents(list(caffe_arrays(file.read())), "caffe", size)
    raise WeightsError(NOT_WEIGHTS)


def _is_name(head: bytes) -> bool:
    """Whether a protobuf begins with the name of a network."""
    name = head[2 : 2 + head[1]] if len(head) > 2 else b""
    return 0 < len(name) == head[1] < 128 and name.isascii() and name.decode().isprintable()


def _zip_contents(file: BinaryIO, size: int) -> _Contents:
    archive = ZipFile(file)
    members = zip_members(archive, size)
    roots = [x.removesuffix("data.pkl") for x in members if x.endswith("/data.pkl")]
    if len(roots) == 1:
        return _Contents(
            list(torch_zip_arrays(file, members, roots[0], size)), "torch", size
        )
    if members and all(x.endswith(".npy") for x in members):
        held = sum(x.file_size for x in members.values())
        return _Contents(list(npz_arrays(archive, members)), "numpy", held)
    if "model.weights.h5" in members:
        raise WeightsError("is a Keras model: name it *.keras")
    if any(x.endswith("/archive_format") for x in members):
        raise WeightsError("is a program of torch.export: save model.state_dict()")
    names = ", ".join(list(members)[:2])[:100]
    raise WeightsError(f"is a zip archive, but not one of torch ({names}): unpack it")
