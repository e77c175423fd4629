"""The learning rate over time, as a number for each step. No TensorFlow."""

import math

from ..recipe.recipe import Recipe


def learning_rate(
    recipe: Recipe, epoch: float, share: float | None = None, divisions: int = 0
) -> float:
    """The rate `epoch` epochs (fractions count) after the start of training.

    `share` (0..1) is how much of training that is, by default of the recipe's epochs;
    `divisions` is how often the plateau schedule has divided so far.
    """
    share = epoch / recipe.epochs if share is None else share
    rate = recipe.learning_rate
    if 0 < recipe.unfreeze_after <= epoch:
        rate *= recipe.unfrozen_rate
    match recipe.schedule:
        case "cosine":
            warm = recipe.warmup_epochs
            rise = min(epoch / warm, 1.0) if warm else 1.0
            return rate * rise * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        case "step":
            return rate / float(recipe.divide_by ** (epoch // recipe.step_epochs))
        case "plateau":
            return rate / recipe.divide_by**divisions
    return rate
