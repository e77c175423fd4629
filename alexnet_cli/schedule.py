"""The learning rate over time, as a number for each step. No TensorFlow."""

import math

from .recipe import Recipe


def learning_rate(recipe: Recipe, epoch: float, divisions: int = 0) -> float:
    """The rate `epoch` epochs (fractions count) after the start of training.

    `divisions` is how often the plateau schedule has divided so far.
    """
    rate = recipe.learning_rate
    if 0 < recipe.unfreeze_after <= epoch:
        rate *= recipe.unfrozen_rate
    match recipe.schedule:
        case "cosine":
            warm = recipe.warmup_epochs
            if epoch < warm:
                return rate * epoch / warm
            done = (epoch - warm) / max(recipe.epochs - warm, 1e-9)
            return rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2
        case "step":
            return rate / float(recipe.divide_by ** (epoch // recipe.step_epochs))
        case "plateau":
            return rate / recipe.divide_by**divisions
    return rate
