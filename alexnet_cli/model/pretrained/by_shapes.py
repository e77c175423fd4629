"""An AlexNet by the shapes of its kernels, each of which takes what the last one gives."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from .array_tree import LazyArray

MAX_LEVELS, MAX_KERNELS = 12, 8
_CONVS = (0, 3, 6, 8, 10)
_DENSE = {0: (), 2: (1, 6), 3: (1, 4, 6)}
"""The numbers of torchvision's layers; the last of two dense layers is the head."""
_KERNEL = re.compile(r"(.*?)([._]?)(weights?|kernel|[Ww]|0)")
_BIASES = ("bias", "biases", "b", "B", "1")
_NORM = ("weight", "bias", "running_mean", "running_var")


def networks_by_shapes(
    arrays: Mapping[str, LazyArray],
) -> Iterator[tuple[str, dict[str, str]]]:
    """The place of each AlexNet in `arrays`, and torchvision's names to theirs.

    It has five kernels of four axes, the first of three channels, and none, two or three of
    two axes, of which each fits the one before it.
    """
    shapes = {k: v.shape for k, v in arrays.items()}
    groups: dict[str, list[str]] = {}
    for name, shape in shapes.items():
        if len(shape) in (2, 4):
            parts = name.split(".")
            for i in range(min(len(parts), MAX_LEVELS)):
                group = groups.setdefault(".".join(parts[:i]), [])
                if len(group) <= MAX_KERNELS:
                    group.append(name)
    found = {}
    # Within: the deepest place of the same kernels, and not the convolutions alone.
    for place in sorted(groups, key=lambda x: (len(groups[x]), len(x))):
        kernels = _chain(groups[place], shapes)
        if kernels:
            found[kernels[0]] = (place, kernels)
    for place, kernels in found.values():
        yield place, _names(kernels, shapes)


def _chain(names: Sequence[str], shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """`names` of kernels in the order of the network; empty if they are no AlexNet's."""
    for order in (list(names), sorted(names, key=_natural)):
        convs = [x for x in order if len(shapes[x]) == 4]
        dense = [x for x in order if len(shapes[x]) == 2]
        if len(convs) != len(_CONVS) or len(dense) not in _DENSE:
            return []
        if _fit([shapes[x] for x in convs], [shapes[x] for x in dense]):
            return convs + dense
    return []


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which layer10 follows layer9."""
    return [(int(x) if x.isdecimal() else -1, x) for x in re.split(r"(\d{1,9})", name)]


def _fit(convs: Sequence[tuple[int, ...]], dense: Sequence[tuple[int, ...]]) -> bool:
    """Whether kernels [out, in, k, k] and [out, in] take what those before them give."""
    if convs[0][1] != 3 or any(x[2] != x[3] or 0 in x for x in convs):
        return False
    if not dense:
        return [x[2] for x in convs] == [11, 5, 3, 3, 3]
    # In two groups, a kernel has half of the channels.
    grouped = all(y[1] in (x[0], x[0] / 2) for x, y in pairwise(convs))
    chained = all(x[0] == y[1] for x, y in pairwise(dense))
    return grouped and chained and dense[0][1] % convs[-1][0] == 0


def _names(kernels: list[str], shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Torchvision's names of the arrays of these layers, to theirs."""
    places = [("features", n) for n in _CONVS]
    places += [("classifier", n) for n in _DENSE[len(kernels) - len(_CONVS)]]
    names = {}
    for (part, number), kernel in zip(places, kernels, strict=True):
        names[f"{part}.{number}.weight"] = kernel
        if bias := _bias(kernel, shapes):
            names[f"{part}.{number}.bias"] = bias
        for kind, theirs in _norm(kernel, shapes):
            names[f"{part}.{number + 1}.{kind}"] = theirs
    return names


def _bias(kernel: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """The name of the bias beside a kernel; empty if there is none."""
    names = []
    if match := _KERNEL.fullmatch(kernel):
        names += [f"{match[1]}{match[2]}{x}" for x in _BIASES]
    if match := re.fullmatch(r"(.*?)(\d{1,9})", kernel, re.DOTALL):
        # A list of arrays.
        names.append(f"{match[1]}{int(match[2]) + 1}")
    return next((x for x in names if shapes.get(x) == shapes[kernel][:1]), "")


def _norm(kernel: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    """The arrays of a batch normalization whose number follows that of a kernel's layer."""
    match = re.fullmatch(r"(.*?)(\d{1,9})\.weight", kernel, re.DOTALL)
    if not match:
        return
    layer = f"{match[1]}{int(match[2]) + 1}"
    if shapes.get(f"{layer}.running_var") == shapes[kernel][:1]:
        for kind in _NORM:
            if f"{layer}.{kind}" in shapes:
                yield kind, f"{layer}.{kind}"
