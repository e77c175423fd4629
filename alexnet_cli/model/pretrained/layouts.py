"""Layouts of pretrained weights, translated to the names and axes of our tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...arrays import Floats
from ...errors import WeightsError, printable
from ..alexnet import ARCHITECTURES
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense
from .find_network import Network
from .matching import match_layers
from .pretrained_weights import PretrainedWeights
from .readers import read_network
from .torch_caffe_layouts import caffe_layout, torch_layout

__all__ = ["PretrainedWeights", "read_pretrained"]

_KERAS = {Conv: "conv2d", Dense: "dense", BatchNorm: "batch_normalization"}
"""Names by which Keras numbers the layers of a kind."""

_DAMAGE = (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError)
"""What h5py raises on damaged files."""


def read_pretrained(
    path: Path, arch: Architecture, *, mean: str = "", std: str = ""
) -> PretrainedWeights:
    """The weights in the file at `path` by the names of our layers.

    A Keras file is read as one of `arch` that was trained with `mean` and `std`; the
    layouts of torchvision and Caffe have their own.

    Raises:
        WeightsError: as `read_network`, or its layout is unknown.
    """
    if path.suffix == ".h5":
        return _keras(path, arch, mean, std)
    found = read_network(path)
    if found.network.family == "torch":
        weights = torch_layout(found.arrays, path)
    else:
        weights = caffe_layout(found, path)
    return replace(
        weights,
        layout=weights.layout + _place(found.network),
        unknown=(*found.network.unknown, *weights.unknown),
        arch=_arch_of(weights, arch),
    )


def _place(network: Network) -> str:
    """Which of a file's networks was taken, in words; empty if it is the only one."""
    if not network.others:
        return ""
    others = ", ".join(network.others[:3])
    return printable(f" ({network.place or 'the top'}; the file also holds {others})"[:200])


def _arch_of(weights: PretrainedWeights, arch: Architecture) -> str:
    """The architecture that has all shapes of `weights`; empty if it is none of ours.

    The layout's own comes first, then `arch`, then the others in their order; if `arch` is
    a table of the caller's that fits, the layout's own. The number of classes does not
    matter.
    """
    tables = {**ARCHITECTURES, arch.name: arch}
    names = (weights.arch, arch.name, *tables) if weights.arch else ()
    for name in dict.fromkeys(names):
        matches = match_layers(weights, tables[name], 2)
        taken = {x.layer for x in matches if x.arrays}
        wanted = {*weights.layers} - {[x.layer for x in matches if x.shape][-1]}
        if wanted and wanted <= taken:
            return name if name in ARCHITECTURES else weights.arch
    return ""


def _keras(path: Path, saved: Architecture, mean: str, std: str) -> PretrainedWeights:
    """The weights of `saved`; Keras numbers the layers of a kind in the table's order."""
    queues = _layers_by_kind(path)
    counts = {k: len(v) for k, v in queues.items()}
    layers = {}
    for row in trace(saved, 1):
        queue = queues.get(_KERAS.get(type(row.layer), ""), [])
        groups = row.layer.groups if isinstance(row.layer, Conv) else 1
        parts, queue[:] = queue[:groups], queue[groups:]
        if len({tuple(y.shape for y in x) for x in parts}) > 1:
            raise WeightsError(
                f"{printable(path)}: {row.name} is not in {groups} equal groups as in "
                f"{saved.name}; another --arch may fit"
            )
        if len(parts) == groups:
            joined = zip(*parts, strict=True)
            layers[row.name] = tuple(np.concatenate(x, axis=-1) for x in joined)
    left = tuple(
        f"{kind}_{number}"
        for kind, queue in queues.items()
        for number in range(counts[kind] - len(queue), counts[kind])
    )
    return PretrainedWeights(
        layout="Keras'", layers=layers, mean=mean, std=std, changes={}, unknown=left
    )


def _layers_by_kind(path: Path) -> dict[str, list[tuple[Floats, ...]]]:
    """The arrays of the layers in a Keras file by Keras' name of their kind, in order.

    Raises:
        WeightsError: it does not exist, is damaged, or is not a Keras file.
    """
    import h5py

    if not path.is_file():
        raise WeightsError(f"{printable(path)} does not exist")
    kinds: dict[str, dict[int, tuple[Floats, ...]]] = {}
    try:
        with h5py.File(path) as file:
            for name, group in file["layers"].items():
                arrays = tuple(np.asarray(group["vars"][x]) for x in sorted(group["vars"]))
                if any(x.ndim == 0 for x in arrays):
                    raise WeightsError(
                        f"{printable(path)}: {printable(name)} does not hold arrays"
                    )
                kind, _, number = name.rpartition("_")
                # The first layer of a kind has no number.
                kind, place = (kind, int(number)) if number.isdecimal() else (name, 0)
                if arrays:
                    kinds.setdefault(kind, {})[place] = arrays
    except _DAMAGE as error:
        text = printable(str(error))[:200]
        raise WeightsError(
            f"{printable(path)} is damaged, or is not a Keras file: {text}"
        ) from error
    return {k: [v[i] for i in sorted(v)] for k, v in kinds.items()}
