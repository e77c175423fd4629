"""Layouts of pretrained weights, translated to the names and axes of our tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import WeightsError, printable
from ..alexnet import ARCHITECTURES
from ..architecture import Architecture
from .keras_format import is_keras, read_keras
from .matching import match_layers
from .networks import Network
from .pretrained_weights import PretrainedWeights
from .readers import read_network
from .torch_caffe_layouts import caffe_layout, torch_layout, without_norm
from .weights_file import opened_weights

__all__ = ["PretrainedWeights", "read_pretrained"]


def read_pretrained(
    path: Path, arch: Architecture, *, mean: str = "", std: str = ""
) -> PretrainedWeights:
    """The weights in the file at `path` by the names of our layers.

    A Keras file is read as one of `arch` that was trained with `mean` and `std`; the
    layouts of torchvision and Caffe have their own.

    Raises:
        WeightsError: as `read_network`, its layout is unknown, or numbers are not finite.
    """
    with opened_weights(path) as file:
        of_keras = is_keras(file)
    if of_keras:
        weights = keras_weights(path, arch, mean=mean, std=std)
    else:
        weights = _other_weights(path, arch)
    _require_finite(weights, path)
    return weights


def _other_weights(path: Path, arch: Architecture) -> PretrainedWeights:
    """The weights in a file that is not Keras'."""
    found = read_network(path)
    if found.network.family == "torch":
        weights = torch_layout(found.arrays, path)
    else:
        weights = caffe_layout(found, path)
    left = (*found.network.unknown, *weights.unknown)
    # A count of steps, which no network computes with.
    unknown = tuple(x for x in left if not x.endswith("num_batches_tracked"))
    return replace(
        without_norm(weights, unknown),
        layout=weights.layout + _place(found.network),
        unknown=unknown,
        arch=_arch_of(weights, arch),
    )


def _require_finite(weights: PretrainedWeights, path: Path) -> None:
    """Check that all numbers are finite: the extremes tell, without more memory.

    Raises:
        WeightsError: a layer has others.
    """
    for name, arrays in weights.layers.items():
        if not all(np.isfinite([x.min(), x.max()]).all() for x in arrays if x.size):
            raise WeightsError(
                f"{printable(path)}: {name} has numbers that are not finite (NaN, or "
                f"beyond float32): the training that wrote it had failed; take an "
                f"earlier file"
            )


def keras_weights(
    path: Path, arch: Architecture, *, mean: str = "", std: str = ""
) -> PretrainedWeights:
    """The weights of `arch`, trained with `mean` and `std`, in the Keras file at `path`.

    Raises:
        WeightsError: as `read_keras`.
    """
    found = read_keras(path, arch)
    return PretrainedWeights(
        layout="Keras'",
        layers=found.layers,
        mean=mean,
        std=std,
        changes={},
        unknown=found.unknown,
        looks_like=found.looks_like,
    )


def _place(network: Network) -> str:
    """Which of a file's networks was taken, in words; empty if it is the only one."""
    order = f" ({network.by_order}, by their order)" if network.by_order else ""
    if not network.others:
        return printable(order)
    others = ", ".join(network.others[:3])
    taken = f" ({network.place or 'the top'}; the file also holds {others})"
    return printable(order + taken[:200])


def _arch_of(weights: PretrainedWeights, arch: Architecture) -> str:
    """The architecture that has all shapes of `weights`; empty if it is none of ours.

    The layout's own comes first, then `arch`, then the others in their order; if `arch` is
    a table of the caller's that fits, the layout's own. The number of classes does not
    matter.
    """
    # A variant has the name of its table.
    tables = {arch.name: arch, **ARCHITECTURES}
    names = (weights.arch, arch.name, *tables) if weights.arch else ()
    for name in dict.fromkeys(names):
        matches = match_layers(weights, tables[name], 2)
        taken = {x.layer for x in matches if x.arrays}
        wanted = {*weights.layers} - {[x.layer for x in matches if x.shape][-1]}
        if wanted and wanted <= taken:
            return name if name in ARCHITECTURES else weights.arch
    return ""
