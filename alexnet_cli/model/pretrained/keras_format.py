"""Files of weights that Keras writes, old and new, by our layers' names. No code is run."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np

from ...arrays import Floats
from ...errors import WeightsError
from ..alexnet import ARCHITECTURES
from ..architecture import Architecture, trace
from ..layer_specs import Conv, Layer
from .hdf5 import SIGNATURE, WeightsFile
from .keras_layers import SavedLayer, layers_in
from .shapes import Shape, layer_shapes
from .weights_file import opened_weights
from .zip_members import ZIP, stored_member, zip_members

_MEMBER = "model.weights.h5"


@dataclass(frozen=True)
class KerasWeights:
    """What a Keras file holds."""

    layers: Mapping[str, tuple[Floats, ...]]
    """Arrays by our names of layers."""
    unknown: tuple[str, ...]
    """Names of what belongs to none of them."""
    looks_like: str
    """The name of the network that these are the weights of; empty if of none of ours."""


def is_keras(file: BinaryIO) -> bool:
    """Whether an open file is HDF5 or a Keras archive, whatever its name."""
    file.seek(0)
    head = file.read(8)
    if head[:4] != ZIP:
        return head == SIGNATURE
    try:
        with ZipFile(file) as archive:
            return _MEMBER in archive.namelist()
    except (ValueError, BadZipFile, NotImplementedError):
        return False  # The other readers say why.


def read_keras(path: Path, saved: Architecture) -> KerasWeights:
    """The arrays in the Keras file at `path` by the names of the layers of `saved`.

    Layers of a kind are taken in order; those before one whose shape fits are left out.

    Raises:
        WeightsError: the file cannot be read, is damaged, unsafe, or not of Keras.
    """
    with opened_weights(path) as opened:
        file = WeightsFile(_content(opened))
        found = layers_in(file.root)
        chosen = _chosen(found, saved)
        layers = {k: _joined(file, v) for k, v in chosen.items()}
    taken = {id(x) for parts in chosen.values() for x in parts}
    unknown = tuple(x.name for x in found if x.arrays and id(x) not in taken)
    return KerasWeights(layers, unknown, _looks_like(found))


def check_arrays(path: Path) -> None:
    """Check that all arrays in the Keras file at `path` lie in it, as plain numbers.

    Raises:
        WeightsError: they do not, or it cannot be read.
    """
    with opened_weights(path) as opened:
        file = WeightsFile(_content(opened))
        for layer in layers_in(file.root):
            for array in layer.arrays:
                file.read(array)


def _joined(file: WeightsFile, parts: Sequence[SavedLayer]) -> tuple[Floats, ...]:
    """The arrays of a layer, of all its groups; of one group and float32, not copied."""
    groups = [[file.read(y) for y in x.arrays] for x in parts]
    arrays = groups[0]
    if len(groups) > 1:
        arrays = [np.concatenate(x, axis=-1) for x in zip(*groups, strict=True)]
    return tuple(np.asarray(x, np.float32) for x in arrays)


def _content(file: BinaryIO) -> bytes:
    """The HDF5 file that an open file is, or that is inside the archive that it is.

    Raises:
        WeightsError: it is neither, or the archive is damaged or compressed.
    """
    file.seek(0)
    head = file.read(8)
    if head[:4] == ZIP:
        size = file.seek(0, os.SEEK_END)
        with ZipFile(file) as archive:
            member = zip_members(archive, size).get(_MEMBER)
        data = stored_member(file, member) if member else b""
    else:
        data = head + file.read()
    if data[:8] != SIGNATURE:
        raise WeightsError("is not a Keras file (.weights.h5, .h5 or .keras)")
    return data


def _chosen(
    found: Sequence[SavedLayer], saved: Architecture
) -> dict[str, list[SavedLayer]]:
    """By layers of `saved`: the layer in the file, or those that are its groups."""
    shapes = layer_shapes(saved, 1)
    queues: dict[type[Layer], list[SavedLayer]] = {}
    for layer in found:
        if layer.kind:
            queues.setdefault(layer.kind, []).append(layer)
    chosen = {}
    for row in trace(saved, 1):
        if row.name not in shapes:
            continue
        queue, kernel = queues.get(type(row.layer), []), shapes[row.name][0]
        groups = row.layer.groups if isinstance(row.layer, Conv) else 1
        is_head = row.name == list(shapes)[-1]
        widths = () if is_head else (kernel[-1], kernel[-1] // groups)
        place = _place(queue, kernel[:-1], widths)
        parts = queue[place : place + groups]
        if len(parts) < groups or _joined_shapes(parts)[0] != kernel:
            parts = parts[:1]
        del queue[: place + len(parts)]
        if parts:
            chosen[row.name] = parts
    return chosen


def _place(queue: Sequence[SavedLayer], axes: Shape, widths: Sequence[int]) -> int:
    """Of the first layer whose kernel fits; 0 if none does. Any width if none is given."""
    for i, layer in enumerate(queue):
        *first, width = layer.shapes[0]
        if tuple(first) == axes and (not widths or width in widths):
            return i
    return 0


def _joined_shapes(parts: Sequence[SavedLayer]) -> list[Shape]:
    """Shapes of the arrays of a layer in groups; empty ones if the groups are not equal."""
    if any(x.shapes != parts[0].shapes for x in parts):
        return [()]
    return [(*x[:-1], x[-1] * len(parts)) for x in parts[0].shapes]


def _looks_like(found: Sequence[SavedLayer]) -> str:
    """The name of the network whose layers all fit, but for the last; "" if none does."""
    for arch in ARCHITECTURES.values():
        *hidden, _ = layer_shapes(arch, 1).items()
        chosen = _chosen(found, arch)
        if all(k in chosen and _joined_shapes(chosen[k]) == v for k, v in hidden):
            return arch.name
    return ""
