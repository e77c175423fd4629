"""Layouts of torch and Caffe, translated to the names and axes of our tables."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ...arrays import Array, Floats
from ...errors import WeightsError, printable
from .array_tree import as_floats
from .norm_folding import folded
from .pretrained_weights import PretrainedWeights
from .readers import FoundNetwork

Arrays = Mapping[str, Array]

_CONVS = {i: f"conv{n}" for n, i in enumerate((0, 3, 6, 8, 10), 1)}
_DENSE = {i: f"dense{n}" for n, i in enumerate((1, 4, 6), 1)}
"""Our layers by their numbers in torchvision's features and classifier."""
_CAFFE = {f"conv{i}": f"conv{i}" for i in range(1, 6)}
_CAFFE |= {f"fc{i}": f"dense{i}" for i in range(1, 4)}
_CAFFE |= {f"fc{i}": f"dense{i - 5}" for i in range(6, 9)}
"""Names of layers: theirs to ours."""

_TORCHVISION = PretrainedWeights(
    layout="torchvision's",
    layers={},
    mean="imagenet",
    std="imagenet",
    changes={},
    unknown=(),
    arch="alexnet-owt",
)


def torch_layout(arrays: Arrays, path: Path) -> PretrainedWeights:
    """Kernels are [out, in, kH, kW]; layers are numbered by their places in Sequentials."""
    arrays, norms = folded(arrays)
    names = _numbered(arrays, "features", 4, _CONVS) | _numbered(
        arrays, "classifier", 2, _DENSE
    )
    layers, unknown = _kernels_and_biases(arrays, names, (".weight", ".bias"), path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: {_no_bias('features.0')}")
    layers, changes = _with_our_axes(layers)
    changes |= {
        names[k]: (*changes[names[k]], "BatchNorm folded in")
        for k in norms
        if names.get(k) in changes
    }
    return replace(_TORCHVISION, layers=layers, changes=changes, unknown=unknown)


def _no_bias(layer: str) -> str:
    return (
        f"{layer} has a kernel but no bias: save both as arrays (a list of numbers is none)"
    )


def without_norm(weights: PretrainedWeights, unknown: Iterable[str]) -> PretrainedWeights:
    """`weights`, which say so where they were trained with a batch normalization.

    It is one of the arrays that are left out if `unknown` names its statistics.
    """
    if not any(x.endswith(("running_var", "moving_variance")) for x in unknown):
        return weights
    note = "trained with BatchNorm, which is left out: it must be trained again"
    changes = {
        k: (*weights.changes.get(k, ()), note)
        for k in weights.layers
        if k.startswith("conv")
    }
    return replace(weights, changes={**weights.changes, **changes})


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
            kernel = channels_last(kernel)
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
        if ours in layers or not all(x in arrays for x in pair):
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


def channels_last(kernel: Floats) -> Floats:
    """[out, 6 * 6 * C] of a kernel [out, C * 6 * 6], whose input torch flattens."""
    channels = kernel.shape[1] // 36
    places = kernel.reshape(-1, channels, 6, 6).transpose(0, 2, 3, 1)
    return places.reshape(len(kernel), -1)


def caffe_layout(found: FoundNetwork, path: Path) -> PretrainedWeights:
    """Layers by Caffe's names; in a file of Caffe or NumPy they see BGR, as its network.

    Kernels are [kH, kW, in, out], or [out, in, kH, kW] as Caffe and torch have them.
    """
    theirs = (x.removesuffix("/0") for x in found.arrays)
    names = {x: _CAFFE[x] for x in theirs if x in _CAFFE}
    layers, unknown = _kernels_and_biases(found.arrays, names, ("/0", "/1"), path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: {_no_bias('conv1')}")
    changes: dict[str, tuple[str, ...]] = {}
    is_torch = found.format in ("torch", "safetensors")
    if layers["conv1"][0].shape[1] == 3:
        layers, changes = _with_our_axes(layers)
    kernel, bias = layers["conv1"]
    if kernel.shape[-1] == 64 or is_torch:
        # The two-column network has 96 filters; these are torchvision's, in RGB.
        return replace(
            _TORCHVISION,
            layout="torchvision's, by Caffe's names",
            layers=layers,
            changes=changes,
            unknown=unknown,
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
