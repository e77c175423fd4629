"""Other people's weights: whose layout a file has, in the terms of our tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arrays import Array, Floats
from ...errors import WeightsError, printable
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense
from .readers import read_weights

Arrays = Mapping[str, Array]

_TORCH_CONVS = {f"features.{i}": f"conv{n}" for n, i in enumerate((0, 3, 6, 8, 10), 1)}

_TORCH_DENSE = {f"classifier.{i}": f"dense{n}" for n, i in enumerate((1, 4, 6), 1)}

_CAFFE = {f"conv{i}": f"conv{i}" for i in range(1, 6)}
_CAFFE |= {"fc6": "dense1", "fc7": "dense2", "fc8": "dense3"}

# h5py raises all of these on damaged files.
_DAMAGE = (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError)

_KERAS = {Conv: "conv2d", Dense: "dense", BatchNorm: "batch_normalization"}


@dataclass(frozen=True)
class PretrainedWeights:
    """Kernels and biases by our layers' names, in our order of axes, RGB."""

    layout: str
    layers: Mapping[str, tuple[Floats, ...]]
    """conv: [kH, kW, in, out] and [out]; dense: [in, out] and [out]."""
    mean: str
    std: str
    """What pixels were standardized by, as in a recipe."""
    changes: Mapping[str, str]
    """What was done to a layer's arrays."""
    unknown: tuple[str, ...]
    """Names in the file that belong to no layer."""
    arch: str = ""
    """The table whose weights these are; empty where they may be any of ours."""


def read_pretrained(
    path: Path, arch: Architecture, *, mean: str = "", std: str = ""
) -> PretrainedWeights:
    """What the file at `path` holds, by the names of our layers.

    A Keras file is read as one of `arch`, trained with `mean` and `std`; others say
    themselves what they are.

    Raises:
        WeightsError: as `read_weights`, or its layout is unknown.
    """
    if path.suffix == ".h5":
        return _keras(path, arch, mean, std)
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


def _torch(arrays: Arrays, path: Path) -> PretrainedWeights:
    names = {
        ours: (f"{theirs}.weight", f"{theirs}.bias")
        for theirs, ours in {**_TORCH_CONVS, **_TORCH_DENSE}.items()
    }
    layers, unknown = _pairs(arrays, names, path)
    changes = dict.fromkeys(layers, "axes turned")
    for ours, (kernel, bias) in layers.items():
        if ours == "dense1" and kernel.shape[1] % 36 == 0:
            kernel = _rows_by_place(kernel)
            changes[ours] += ", rows from channel-first to height-width order"
        axes = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        layers[ours] = (kernel.transpose(axes), bias)
    return PretrainedWeights(
        "torchvision's", layers, "imagenet", "imagenet", changes, unknown, "alexnet-owt"
    )


def _pairs(
    arrays: Arrays, names: Mapping[str, tuple[str, str]], path: Path
) -> tuple[dict[str, tuple[Floats, ...]], tuple[str, ...]]:
    """Kernel and bias of the layers of which the file has both; names of what is left.

    Raises:
        WeightsError: one of them has too few or too many axes for its layer.
    """
    layers: dict[str, tuple[Floats, ...]] = {}
    used: set[str] = set()
    for ours, pair in names.items():
        if not all(x in arrays for x in pair):
            continue
        used |= set(pair)
        for name, axes in zip(pair, (4 if ours.startswith("conv") else 2, 1), strict=True):
            if arrays[name].ndim != axes:
                raise WeightsError(
                    f"{printable(path)}: {printable(name)} has {arrays[name].ndim} axes, not {axes}"
                )
        layers[ours] = tuple(arrays[x].astype(np.float32) for x in pair)
    return layers, tuple(x for x in arrays if x not in used)


def _rows_by_place(kernel: Floats) -> Floats:
    """[out, C * 6 * 6] of torch with its columns in the order 6, 6, C."""
    channels = kernel.shape[1] // 36
    places = kernel.reshape(-1, channels, 6, 6).transpose(0, 2, 3, 1)
    return places.reshape(len(kernel), -1)


def _caffe(arrays: Arrays, path: Path) -> PretrainedWeights:
    """Kernels are [kH, kW, in, out] already; Caffe's own first one sees blue first."""
    names = {ours: (f"{theirs}/0", f"{theirs}/1") for theirs, ours in _CAFFE.items()}
    layers, unknown = _pairs(arrays, names, path)
    if "conv1" not in layers:
        raise WeightsError(f"{printable(path)}: conv1 has no bias")
    if layers["conv1"][0].shape[-1] == 64:
        # The two-column network never had 64; these are torchvision's in Caffe's names.
        layout = "torchvision's, by Caffe's names"
        return PretrainedWeights(
            layout, layers, "imagenet", "imagenet", {}, unknown, "alexnet-owt"
        )
    layers["conv1"] = (layers["conv1"][0][:, :, ::-1], *layers["conv1"][1:])
    changes = {"conv1": "channels from BGR to RGB"}
    return PretrainedWeights(
        "Caffe's", layers, "124,117,104", "1", changes, unknown, "alexnet-bvlc"
    )


def _keras(path: Path, saved: Architecture, mean: str, std: str) -> PretrainedWeights:
    """Our own: Keras numbers the layers of a class in the order of the table."""
    queues = _numbered(path)
    counts = {k: len(v) for k, v in queues.items()}
    layers = {}
    for row in trace(saved, 1):
        queue = queues.get(_KERAS.get(type(row.layer), ""), [])
        parts = row.layer.groups if isinstance(row.layer, Conv) else 1
        each, queue[:] = queue[:parts], queue[parts:]
        if len({tuple(y.shape for y in x) for x in each}) > 1:
            raise WeightsError(
                f"{printable(path)}: {row.name} is not in {parts} equal groups as in "
                f"{saved.name}; another --arch may fit"
            )
        if len(each) == parts:
            joined = zip(*each, strict=True)
            layers[row.name] = tuple(np.concatenate(x, axis=-1) for x in joined)
    left = tuple(
        f"{kind}_{number}"
        for kind, queue in queues.items()
        for number in range(counts[kind] - len(queue), counts[kind])
    )
    return PretrainedWeights("Keras'", layers, mean, std, {}, left)


def _numbered(path: Path) -> dict[str, list[tuple[Floats, ...]]]:
    """The arrays of a Keras file's layers by the name of their class, in order.

    Raises:
        WeightsError: it is damaged or no such file.
    """
    import h5py

    if not path.is_file():
        raise WeightsError(f"{printable(path)} is not there")
    found: dict[str, dict[int, tuple[Floats, ...]]] = {}
    try:
        with h5py.File(path) as file:
            for name, group in file["layers"].items():
                kind, _, number = name.rpartition("_")
                kind, place = (kind, int(number)) if number.isdigit() else (name, 0)
                arrays = tuple(np.asarray(group["vars"][x]) for x in sorted(group["vars"]))
                if any(x.ndim == 0 for x in arrays):
                    raise WeightsError(
                        f"{printable(path)}: {printable(name)} holds no arrays"
                    )
                if arrays:
                    found.setdefault(kind, {})[place] = arrays
    except _DAMAGE as error:
        raise WeightsError(
            f"{printable(path)} is damaged or no file of Keras: {printable(str(error))[:200]}"
        ) from error
    return {k: [v[i] for i in sorted(v)] for k, v in found.items()}
