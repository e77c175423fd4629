"""The learning rate as a function of time. No TensorFlow."""

import math

from ..recipe.sections import LRSchedule


def learning_rate(
    section: LRSchedule,
    epoch: float,
    share: float,
    *,
    divisions: int = 0,
    factor: float = 1.0,
) -> float:
    """The rate `epoch` epochs (fractions count) after the start of training.

    `share` is the finished fraction of training, 0 to 1; `divisions` is how often the
    plateau schedule has divided so far; `factor` multiplies the peak rate.
    """
    rate = section.learning_rate * factor
    match section.schedule:
        case "cosine":
            warm = section.warmup_epochs
            rise = min(epoch / warm, 1.0) if warm else 1.0
            return rate * rise * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        case "step":
            return rate / float(section.divide_by ** (epoch // section.step_epochs))
        case "plateau":
            return rate / section.divide_by**divisions
    return rate
