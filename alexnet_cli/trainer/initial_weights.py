"""Which weights training begins with, and the recipe that prepares images as they expect."""

import dataclasses

from ..errors import WeightsError
from ..model.pretrained.layouts import PretrainedWeights
from ..model.pretrained.matching import match_layers
from ..recipe.recipe import Recipe


def with_pretrained_preprocessing(recipe: Recipe, found: PretrainedWeights) -> Recipe:
    """`recipe` with the mean and std that the weights of `found` were trained with.

    Raises:
        WeightsError: none of them fits the network, or the recipe names others.
    """
    wanted = {"mean": found.mean, "std": found.std}
    if found.mean == "pixel":
        raise WeightsError(
            "--weights: that Run subtracts a mean picture, which cannot be taken over"
        )
    for name, value in wanted.items():
        asked = getattr(recipe, name)
        if value and asked is not None and asked != value:
            raise WeightsError(
                f"--{name} {asked}: these weights were trained with {value}; leave it out"
            )
    given = {k: v for k, v in wanted.items() if v}
    if not any(x.arrays for x in match_layers(found, recipe.architecture(), 2)):
        raise WeightsError(
            f"--weights: nothing in the file fits {recipe.arch}; another --arch may"
        )
    return dataclasses.replace(recipe, **given)
