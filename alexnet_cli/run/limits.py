"""What a run may be: fields that fit each other, and a network that can be computed."""

import math
from collections.abc import Mapping
from typing import Any

from ..errors import RecipeError
from ..model.architecture import Architecture, trace
from ..model.layer_specs import Conv, Dense, Flatten, LocalNorm, Pool
from ..preprocess import Preprocess

MAX_PARAMETERS = 2**33
"""34 GB. The largest network of a recipe, alexnet with 65,536 hidden units, has 5e9."""
MAX_ACTIVATIONS = 2**24
"""Of one layer for one image; alexnet's first has 3e5."""
MAX_MULTIPLICATIONS = 10**12
"""For one image: more than a minute on most processors; alexnet's are 7e8."""
_MAX_EPOCH = 10**6
_ON_IMAGES = Conv | Pool | LocalNorm | Flatten
"""Kinds of layers whose input is [H, W, C]; those of Dense are flat."""


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuse fields of a `Run` that contradict each other, or take too much to compute.

    Raises:
        ValueError: they do.
    """
    arch: Architecture = fields["architecture"]
    preprocess: Preprocess = fields["preprocess"]
    classes, epoch = fields["classes"], fields["metrics"].get("epoch", 0)
    if len(set(classes)) < len(classes):
        raise ValueError("two classes have the same name")
    if not 0 <= epoch <= _MAX_EPOCH:
        raise ValueError(f"there is no epoch {epoch:g}")
    if not preprocess.input_size == arch.input_size <= preprocess.stored_size:
        raise ValueError(
            f"images of {preprocess.stored_size} pixels, cropped to "
            f"{preprocess.input_size}, for an input of {arch.input_size}"
        )
    try:
        _check_network(arch, len(classes))
        fields["recipe"].stopping.metric_names()
    except RecipeError as error:
        raise ValueError(str(error)) from error


def _check_network(arch: Architecture, classes: int) -> None:
    """Refuse layers that do not follow from each other, or take too much to compute.

    Raises:
        RecipeError, ValueError: they do.
    """
    flat = False
    for layer in arch.layers:
        kind = type(layer).__name__
        if isinstance(layer, _ON_IMAGES if flat else Dense):
            raise ValueError(f"{kind} {'after' if flat else 'before'} Flatten")
        if isinstance(layer, LocalNorm) and layer.n % 2 == 0:
            raise ValueError(f"{kind} over {layer.n} channels, which have no center")
        flat = flat or isinstance(layer, Flatten)
    traced = list(trace(arch, classes))
    if traced[-1].shape != (classes,):
        raise ValueError(f"a network with {traced[-1].shape} outputs, {classes} classes")
    parameters = sum(x.parameters for x in traced)
    largest = max(math.prod(x.shape) for x in traced)
    work = sum(x.parameters * math.prod(x.shape[:-1]) for x in traced)
    limits = (
        (parameters, MAX_PARAMETERS, "parameters"),
        (largest, MAX_ACTIVATIONS, "activations"),
        (work, MAX_MULTIPLICATIONS, "multiplications per image"),
    )
    for number, most, what in limits:
        if number > most:
            raise ValueError(
                f"a network of {number:,} {what}; at most {most:,} are computed"
            )
