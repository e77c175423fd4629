"""Weights that torch keeps as several arrays: weight_norm's and pruning's, as one again."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ...arrays import Array
from ...errors import WeightsError
from .array_tree import LazyArray, NamedArray, as_floats

_PARAMETRIZED = ".parametrizations."
_SUFFIXES = {
    "_orig": "_mask", "_v": "_g", ".original1": ".original0",
}  # fmt: skip
"""Ends of the names of two arrays that make one: of its shape, and the other."""


def plain_arrays(arrays: Sequence[NamedArray]) -> list[NamedArray]:
    """`arrays`, in which those of weight_norm, pruning and spectral_norm are one each."""
    known = {x.path: x.array for x in arrays}
    made: dict[tuple[str, ...], NamedArray] = {}
    used: set[tuple[str, ...]] = set()
    for path, array in known.items():
        if path and (found := _pair(path, known)):
            end, other = found
            used.add(other)
            made[path] = NamedArray(_plain(path, end), _one(end, array, known[other]))
    return [made.get(x.path, x) for x in arrays if x.path not in used]


def _pair(
    path: tuple[str, ...], known: dict[tuple[str, ...], LazyArray]
) -> tuple[str, tuple[str, ...]] | None:
    """The end of a name of two arrays, and the other's path; None if it is one of one."""
    last = path[-1]
    for end, other in _SUFFIXES.items():
        if not last.endswith(end):
            continue
        stem = (*path[:-1], last.removesuffix(end))
        sibling = (*path[:-1], stem[-1] + other)
        spectral = (*path[:-1], f"{stem[-1]}_u")
        if end == "_orig" and spectral in known:
            return "_u", spectral
        if sibling in known:
            return end, sibling
    return None


def _plain(path: tuple[str, ...], end: str) -> tuple[str, ...]:
    """The name of the one array, as fc.weight of fc.parametrizations.weight.original1."""
    end = "_orig" if end == "_u" else end
    last = path[-1].removesuffix(end)
    return (*path[:-1], last.replace(_PARAMETRIZED, "."))


def _one(end: str, array: LazyArray, other: LazyArray) -> LazyArray:
    if end == "_u":
        return LazyArray(array.shape, _refused)
    make = _masked if end == "_orig" else _scaled
    return LazyArray(array.shape, partial(make, array, other))


def _refused() -> Array:
    raise WeightsError(
        "holds a layer with spectral_norm: call torch.nn.utils.remove_spectral_norm on it "
        "before saving"
    )


def _masked(array: LazyArray, mask: LazyArray) -> Array:
    """What torch.nn.utils.prune computes before each use."""
    values, kept = as_floats(array.read()), as_floats(mask.read())
    if values.shape != kept.shape:
        raise WeightsError(
            "holds pruned weights whose mask has another shape: call prune.remove on the "
            "layer before saving"
        )
    return values * kept


def _scaled(array: LazyArray, lengths: LazyArray) -> Array:
    """What weight_norm computes: directions times lengths, both over the same axes."""
    values, sizes = as_floats(array.read()), as_floats(lengths.read())
    same = sizes.ndim == values.ndim and all(
        n in (1, m) for n, m in zip(sizes.shape, values.shape, strict=True)
    )
    if not same and sizes.size != 1:
        raise WeightsError(
            "holds weights of weight_norm whose lengths have another shape: call "
            "remove_weight_norm on the layer before saving"
        )
    axes = tuple(i for i, n in enumerate(sizes.shape) if n == 1) if same else None
    norms = np.sqrt(np.sum(values**2, axis=axes, keepdims=True, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values * (sizes.reshape(norms.shape) / norms), np.float32)
