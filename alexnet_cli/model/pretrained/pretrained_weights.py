"""Pretrained weights by the names and axes of our tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...arrays import Floats


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
    samplewise: tuple[str, ...] = ()
    """Fields of a recipe by which each image was standardized by itself."""
