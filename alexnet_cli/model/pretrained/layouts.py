"""Layouts of pretrained weights, translated to the names and axes of our tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...arrays import Array, Floats
from ...errors import WeightsError, printable
from ..alexnet import ARCHITECTURES
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense
from .array_tree import as_floats
from .find_network import Network
from .readers import FoundNetwork, read_network

Arrays = Mapping[str, Array]

_CONVS = {i: f"conv{n}" for n, i in enumerate((0, 3, 6, 8, 10), 1)}
_DENSE = {i: f"dense{n}" for n, i in enumerate((1, 4, 6), 1)}
"""Our layers by their numbers in torchvision's features and classifier."""
_CAFFE = {f"conv{i}": f"conv{i}" for i in range(1, 6)}
_CAFFE |= {f"fc{i}": f"dense{i}" for i in range(1, 4)}
_CAFFE |= {f"fc{i}": f"dense{i - 5}" for i in range(6, 9)}
"""Names of layers: theirs to ours."""

_KERAS = {Conv: "conv2d", Dense: "dense", BatchNorm: "batch_normalization"}
"""Names by which Keras numbers the layers of a kind."""

_DAMAGE = (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError)
"""What h5py raises on damaged files."""


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
        weights = _torch(found.arrays, path)
    else:
        weights = _caffe(found, path)
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
    # It imports this module.
    from .matching import match_layers

    tables = {**ARCHITECTURES, arch.name: arch}
    names = (weights.arch, arch.name, *tables) if weights.arch else ()
    for name in dict.fromkeys(names):
        matches = match_layers(weights, tables[name], 2)
        taken = {x.layer for x in matches if x.arrays}
        wanted = {*weights.layers} - {[x.layer for x in matches if x.shape][-1]}
        if wanted and wanted <= taken:
            return name if name in ARCHITECTURES else weights.arch
    return ""


def _torch(arrays: Arrays, path: Path) -> PretrainedWeights:
    """Kernels are [out, in, kH, kW]; layers are numbered by their places in Sequentials."""
    names = _numbered(arrays, "features", 4, _CONVS) | _numbered(
        arrays, "classifier", 2, _DENSE
    )
    layers, unknown = _kernels_and_biases(arrays, names, (".weight", ".bias"), path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: features.0 has no bias")
    layers, changes = _with_our_axes(layers)
    return PretrainedWeights(
        layout="torchvision's",
        layers=layers,
        mean="imagenet",
        std="imagenet",
        changes=changes,
        unknown=unknown,
        arch="alexnet-owt",
    )


def _numbered(
    arrays: Arrays, part: str, axes: int, usual: Mapping[int, str]
) -> dict[str, str]:
    """Their names to ours: in the kernels' order, or as `usual` if some are missing."""
    prefix = f"{part}."
    numbers = sorted(
        int(k.split(".")[1])
        for k, v in arrays.items()
        if k.startswith(prefix) and v.ndim == axes
    )
    if len(numbers) != len(usual):
        return {f"{prefix}{i}": name for i, name in usual.items()}
    return {f"{prefix}{i}": name for i, name in zip(numbers, usual.values(), strict=True)}


def _with_our_axes(
    layers: Mapping[str, tuple[Floats, ...]],
) -> tuple[dict[str, tuple[Floats, ...]], dict[str, tuple[str, ...]]]:
    """Layers with torch's axes, transposed to ours, and what was done to them."""
    result: dict[str, tuple[Floats, ...]] = {}
    changes: dict[str, tuple[str, ...]] = {}
    for name, (kernel, bias) in layers.items():
        changes[name] = ("axes transposed",)
        if name == "dense1" and kernel.shape[1] % 36 == 0:
            kernel = _channels_last(kernel)
            changes[name] += ("rows from channels-first to channels-last",)
        axes = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        result[name] = (kernel.transpose(axes), bias)
    return result, changes


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
        layers[ours] = tuple(as_floats(arrays[x]) for x in pair)
    return layers, tuple(x for x in arrays if x not in used)


def _channels_last(kernel: Floats) -> Floats:
    """[out, 6 * 6 * C] of a kernel [out, C * 6 * 6], whose input torch flattens."""
    channels = kernel.shape[1] // 36
    places = kernel.reshape(-1, channels, 6, 6).transpose(0, 2, 3, 1)
    return places.reshape(len(kernel), -1)


def _caffe(found: FoundNetwork, path: Path) -> PretrainedWeights:
    """Layers by Caffe's names; in a file of Caffe or NumPy they see BGR, as its network.

    Kernels are [kH, kW, in, out], or [out, in, kH, kW] as Caffe and torch have them.
    """
    names = {
        x.removesuffix("/0"): _CAFFE.get(x.removesuffix("/0"), "") for x in found.arrays
    }
    names = {k: v for k, v in names.items() if v}
    layers, unknown = _kernels_and_biases(found.arrays, names, ("/0", "/1"), path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: conv1 has no bias")
    changes: dict[str, tuple[str, ...]] = {}
    is_torch = found.format in ("torch", "safetensors")
    if layers["conv1"][0].shape[1] == 3:
        layers, changes = _with_our_axes(layers)
    kernel, bias = layers["conv1"]
    if kernel.shape[-1] == 64 or is_torch:
        # The two-column network has 96 filters; these are torchvision's, in RGB.
        return PretrainedWeights(
            layout="torchvision's, by Caffe's names",
            layers=layers,
            mean="imagenet",
            std="imagenet",
            changes=changes,
            unknown=unknown,
            arch="alexnet-owt",
        )
    layers["conv1"] = (kernel[:, :, ::-1], bias)
    is_caffenet = found.network.place == "CaffeNet"
    return PretrainedWeights(
        layout="CaffeNet's" if is_caffenet else "Caffe's",
        layers=layers,
        mean="124,117,104",
        std="1",
        changes=changes
        | {"conv1": (*changes.get("conv1", ()), "channels from BGR to RGB")},
        unknown=unknown,
        # CaffeNet has the same shapes, but pools before it normalizes.
        arch="" if is_caffenet else "alexnet-bvlc",
    )


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
