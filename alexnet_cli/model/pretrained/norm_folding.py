"""Batch normalization folded into the layers before it: the network answers the same."""

from collections.abc import Iterator, Mapping

import numpy as np

from ...arrays import Array, Floats
from .array_tree import as_floats

EPSILON = 1e-5
"""Source: torch.nn.BatchNorm2d's default; state dictionaries do not hold it."""


def folded(arrays: Mapping[str, Array]) -> tuple[dict[str, Array], set[str]]:
    """`arrays` by torchvision's names, and the layers into which one is folded.

    A layer's normalization is the module after it in the same Sequential, so that it sees
    what the layer gives, before any ReLU; one that does not directly follow a layer with a
    kernel stays as it is.
    """
    result, layers = dict(arrays), set()
    for layer, norm in _neighbors(arrays):
        kernel = as_floats(arrays[f"{layer}.weight"])
        scale, shift = _affine(arrays, norm)
        if scale.shape != kernel.shape[:1] or shift.shape != scale.shape:
            continue
        bias = as_floats(arrays.get(f"{layer}.bias", np.zeros(len(kernel))))
        result[f"{layer}.weight"] = kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1))
        result[f"{layer}.bias"] = bias * scale + shift
        layers.add(layer)
        for kind in ("weight", "bias", "running_mean", "running_var"):
            result.pop(f"{norm}.{kind}", None)
    return result, layers


def _neighbors(arrays: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """Names of layers with kernels, and of the normalization that follows each."""
    for name, array in arrays.items():
        part, _, number = name.removesuffix(".weight").rpartition(".")
        if (
            not name.endswith(".weight")
            or array.ndim not in (2, 4)
            or not number.isdecimal()
        ):
            continue
        norm = f"{part}.{int(number) + 1}"
        if {f"{norm}.running_mean", f"{norm}.running_var"} <= arrays.keys():
            yield f"{part}.{number}", norm


def _affine(arrays: Mapping[str, Array], norm: str) -> tuple[Floats, Floats]:
    """What the normalization multiplies by, and then adds."""
    mean, variance = (
        as_floats(arrays[f"{norm}.{x}"]) for x in ("running_mean", "running_var")
    )
    gamma = as_floats(arrays.get(f"{norm}.weight", np.ones(mean.shape)))
    beta = as_floats(arrays.get(f"{norm}.bias", np.zeros(mean.shape)))
    if not mean.shape == variance.shape == gamma.shape == beta.shape:
        return mean[:0], mean[:0]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scale = as_floats(gamma / np.sqrt(variance + EPSILON))
        return scale, as_floats(beta - mean * scale)
