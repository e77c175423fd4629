"""Files of weights as named arrays: torch's, NumPy's, Caffe's, safetensors, by content."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray, NamedArray
from .caffe_format import caffe_arrays
from .find_network import find_network, full_name, other_network
from .networks import Network, is_of_training
from .numpy_format import npy_arrays, npz_arrays
from .other_formats import NOT_WEIGHTS, named_format
from .safe_pickle import LimitedFile
from .safetensors_format import safetensors_arrays
from .torch_format import is_pickle, is_torch_stream, stream_arrays, torch_zip_arrays
from .weights_file import opened_weights
from .zip_members import ZIP, zip_members

MAX_USES = 4
"""How many times the file's numbers may be used by the arrays: tensors may be tied."""


@dataclass(frozen=True)
class FoundNetwork:
    """The arrays of an AlexNet by torchvision's or Caffe's names."""

    network: Network
    arrays: Mapping[str, Array]
    format: str
    """torch, numpy, caffe or safetensors."""


@dataclass(frozen=True)
class Contents:
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
    with weights_in(path) as contents:
        network = find_network(contents.arrays)
        names = [full_name(x) for x in contents.arrays]
        if network is None or network.pairs() < 2:
            other = other_network(names)
            if other or network is None:
                raise WeightsError(_no_network(names, other))
        _require_five(network)
        if is_of_training(network.place):
            raise WeightsError(
                f"holds only what training keeps beside the weights "
                f"({network.place[:60]}): save model.state_dict()"
            )
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


@contextmanager
def weights_in(path: Path) -> Iterator[Contents]:
    """What is in the file of weights at `path`, which can be read within the context.

    Raises:
        WeightsError: it cannot be read, is damaged, or is not a file of weights.
    """
    with opened_weights(path) as file:
        yield _contents(file, path, os.fstat(file.fileno()).st_size)


def _contents(file: BinaryIO, path: Path, size: int) -> Contents:
    """What the file holds, in the format that its first bytes name."""
    head = file.read(512)
    file.seek(0)
    limited = LimitedFile(file, size)
    if head[:6] == b"\x93NUMPY":
        return Contents(list(npy_arrays(limited)), "numpy", size)
    if head[:4] == ZIP:
        return _zip_contents(file, size)
    # Before pickles: the length of a header may begin with the byte that they begin with.
    if head[4:9] == b"\0\0\0\0{":
        return Contents(list(safetensors_arrays(path)), "safetensors", size)
    if is_pickle(head):
        kind = "torch" if is_torch_stream(head) else "numpy"
        return Contents(list(stream_arrays(limited)), kind, size)
    if text := named_format(head, path.name):
        raise WeightsError(text)
    if path.suffix == ".caffemodel" or (head[:1] == b"\n" and _is_name(head)):
        return Contents(list(caffe_arrays(file.read())), "caffe", size)
    raise WeightsError(NOT_WEIGHTS)


def _is_name(head: bytes) -> bool:
    """Whether a protobuf begins with the name of a network."""
    name = head[2 : 2 + head[1]] if len(head) > 2 else b""
    return 0 < len(name) == head[1] < 128 and name.isascii() and name.decode().isprintable()


def _zip_contents(file: BinaryIO, size: int) -> Contents:
    archive = ZipFile(file)
    members = zip_members(archive, size)
    roots = [x.removesuffix("data.pkl") for x in members if x.endswith("/data.pkl")]
    if len(roots) == 1:
        return Contents(
            list(torch_zip_arrays(file, members, roots[0], size)), "torch", size
        )
    if members and all(x.endswith(".npy") for x in members):
        held = sum(x.file_size for x in members.values())
        return Contents(list(npz_arrays(archive, members)), "numpy", held)
    if any(x.endswith("/archive_format") for x in members):
        raise WeightsError("is a program of torch.export: save model.state_dict()")
    names = ", ".join(list(members)[:2])[:100]
    raise WeightsError(f"is a zip archive, but not one of torch ({names}): unpack it")
