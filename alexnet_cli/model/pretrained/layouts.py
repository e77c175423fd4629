"""Layouts of pretrained weights, translated to the names and axes of our tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arrays import Array, Floats
from ...errors import WeightsError, printable
from ..architecture import Architecture
from .keras_format import is_keras, read_keras
from .readers import read_weights

Arrays = Mapping[str, Array]

_TORCH = {f"features.{i}": f"conv{n}" for n, i in enumerate((0, 3, 6, 8, 10), 1)}
_TORCH |= {f"classifier.{i}": f"dense{n}" for n, i in enumerate((1, 4, 6), 1)}
_CAFFE = {f"conv{i}": f"conv{i}" for i in range(1, 6)}
_CAFFE |= {"fc6": "dense1", "fc7": "dense2", "fc8": "dense3"}
"""Names of layers: theirs to ours."""


@dataclass(frozen=True)
class PretrainedWeights:
    """The arrays of a file by our layers' names, with our axes and RGB channels."""

    layout: str
    """As in "torchvision's layout"."""
    layers: Mapping[str, tuple[Floats, ...]]
    """conv: [kH, kW, in, out] and [out]; dense: [in, out] and [out]."""
    mean: str
    std: str
    """What pixels were standardized by, in a recipe's notation; empty: unknown."""
    changes: Mapping[str, tuple[str, ...]]
    """What was done to a layer's arrays, in words."""
    unknown: tuple[str, ...]
    """Names in the file that belong to no layer."""
    arch: str = ""
    """The architecture whose weights these are; empty if it may be any of ours."""
    looks_like: str = ""
    """The architecture that all layers but the last fit, if `arch` is empty."""
    classes: tuple[str, ...] = ()
    """What the outputs stand for; empty if it is not known."""


def read_pretrained(
    path: Path, arch: Architecture, *, mean: str = "", std: str = ""
) -> PretrainedWeights:
    """The weights in the file at `path` by the names of our layers.

    A Keras file is read as one of `arch` that was trained with `mean` and `std`; the
    layouts of torchvision and Caffe have their own.

    Raises:
        WeightsError: as `read_weights`, or its layout is unknown.
    """
    if is_keras(path):
        return keras_weights(path, arch, mean=mean, std=std)
    arrays = {k.removeprefix("module."): v for k, v in read_weights(path).items()}
    if "features.0.weight" in arrays:
        return _torch(arrays, path)
    if "conv1/0" in arrays:
        return _caffe(arrays, path)
    names = ", ".join(list(arrays)[:3])
    raise WeightsError(
        f"{printable(path)} has arrays named {printable(names)}; the known layouts are "
        f"torchvision's (features.0.weight) and Caffe's (conv1)"
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


def _torch(arrays: Arrays, path: Path) -> PretrainedWeights:
    layers, unknown = _kernels_and_biases(arrays, _TORCH, (".weight", ".bias"), path)
    changes: dict[str, tuple[str, ...]] = {}
    for name, (kernel, bias) in layers.items():
        changes[name] = ("axes transposed",)
        if name == "dense1" and kernel.shape[1] % 36 == 0:
            kernel = _channels_last(kernel)
            changes[name] += ("rows from channels-first to channels-last",)
        axes = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        layers[name] = (kernel.transpose(axes), bias)
    return PretrainedWeights(
        layout="torchvision's",
        layers=layers,
        mean="imagenet",
        std="imagenet",
        changes=changes,
        unknown=unknown,
        arch="alexnet-owt",
    )


def _kernels_and_biases(
    arrays: Arrays, names: Mapping[str, str], suffixes: tuple[str, str], path: Path
) -> tuple[dict[str, tuple[Floats, ...]], tuple[str, ...]]:
    """The layers, by our names, of which the file has both arrays; names of other arrays.

    `names` are theirs to ours; the kernel's and the bias' names end in `suffixes`.

    Raises:
        WeightsError: an array has too few or too many axes for its layer.
    """
    layers: dict[str, tuple[Floats, ...]] = {}
    used: set[str] = set()
    for theirs, ours in names.items():
        pair = [f"{theirs}{x}" for x in suffixes]
        if not all(x in arrays for x in pair):
            continue
        used |= set(pair)
        for name, axes in zip(pair, (4 if ours.startswith("conv") else 2, 1), strict=True):
            found = arrays[name].ndim
            if found != axes:
                raise WeightsError(
                    f"{printable(path)}: {printable(name)} has {found} axes, not {axes}"
                )
        layers[ours] = tuple(arrays[x].astype(np.float32) for x in pair)
    return layers, tuple(x for x in arrays if x not in used)


def _channels_last(kernel: Floats) -> Floats:
    """[out, 6 * 6 * C] of a kernel [out, C * 6 * 6], whose input torch flattens."""
    channels = kernel.shape[1] // 36
    places = kernel.reshape(-1, channels, 6, 6).transpose(0, 2, 3, 1)
    return places.reshape(len(kernel), -1)


def _caffe(arrays: Arrays, path: Path) -> PretrainedWeights:
    """Kernels are [kH, kW, in, out] already; the input of Caffe's own network is BGR."""
    layers, unknown = _kernels_and_biases(arrays, _CAFFE, ("/0", "/1"), path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: conv1 has no bias")
    kernel, bias = layers["conv1"]
    if kernel.shape[-1] == 64:
        # The two-column network has 96 filters; these are torchvision's, in RGB.
        return PretrainedWeights(
            layout="torchvision's, by Caffe's names",
            layers=layers,
            mean="imagenet",
            std="imagenet",
            changes={},
            unknown=unknown,
            arch="alexnet-owt",
        )
    layers["conv1"] = (kernel[:, :, ::-1], bias)
    return PretrainedWeights(
        layout="Caffe's",
        layers=layers,
        mean="124,117,104",
        std="1",
        changes={"conv1": ("channels from BGR to RGB",)},
        unknown=unknown,
        arch="alexnet-bvlc",
    )
